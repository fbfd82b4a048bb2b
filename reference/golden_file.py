"""Writes a golden file: tensors, and of what they were made."""

import json
import os
import platform
from pathlib import Path

import numpy as np
import safetensors
import torch
from safetensors.torch import save_file


def write(out: Path, tensors: dict[str, torch.Tensor], program: str, seed: int, **versions: str) -> None:
    """Writes `tensors` beside `out` and renames: single precision, sorted, with versions as metadata.

    Whole numbers stay whole. `versions` names further packages that took part.
    """
    # One entry: the order of several would differ from run to run.
    made = {
        "program": Path(program).name,
        "seed": seed,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "safetensors": safetensors.__version__,
    } | versions
    single = lambda v: v.detach().float() if v.is_floating_point() else v.detach()
    tensors = {name: single(value).contiguous().clone() for name, value in sorted(tensors.items())}
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = out.with_suffix(".partial")
    save_file(tensors, beside, metadata={"made": json.dumps(made)})
    os.replace(beside, out)
    os.chmod(out, 0o644)
    print(f"{out}: {len(tensors)} tensors, {out.stat().st_size} bytes")
