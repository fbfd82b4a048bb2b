"""Fréchet distance of 10,000 against 10,000 vectors of 2,048 numbers: softreg beside pytorch-fid and torch-fidelity.

Statistics (means and covariances) and distance, from the same file, in turn, several rounds; medians. The numbers are
compared first.

Run: python frechet.py [ROUNDS]    (needs reference/requirements.txt, and cargo)
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from pytorch_fid.fid_score import calculate_frechet_distance
from safetensors.numpy import save_file
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

warnings.filterwarnings("ignore")
ROOT = Path(__file__).parent.parent
rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
count, width = 10_000, 2_048

subprocess.run(["cargo", "build", "--release", "--quiet", "-p", "softreg-bench"], cwd=ROOT, check=True)
program = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "release" / "frechet"
random = np.random.default_rng(0)
# Rectified mixtures, as pooled features are: correlated, not negative.
mixing = random.normal(0, 1, (width, width)) / np.sqrt(width)
sets = [np.maximum(random.normal(shift, 1, (count, width)) @ mixing, 0).astype(np.float32) for shift in (0.0, 0.05)]


def scipy_way(a, b):
    fitted = [(np.mean(x, axis=0), np.cov(x, rowvar=False)) for x in (a.astype(np.float64), b.astype(np.float64))]
    return calculate_frechet_distance(*fitted[0], *fitted[1])


def fidelity_way(a, b):
    import torch

    fitted = [fid_features_to_statistics(torch.from_numpy(x)) for x in (a, b)]
    return fid_statistics_to_metric(*fitted, False)["frechet_inception_distance"]


with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "features.safetensors"
    save_file({"a": sets[0], "b": sets[1]}, path)
    times = {"softreg": [], "pytorch-fid": [], "torch-fidelity": []}
    values = {}
    for _ in range(rounds):
        said = subprocess.run([program, path], capture_output=True, text=True, check=True).stdout.split()
        values["softreg"], seconds = float(said[0]), float(said[2])
        times["softreg"].append(seconds)
        for name, way in [("pytorch-fid", scipy_way), ("torch-fidelity", fidelity_way)]:
            start = time.perf_counter()
            values[name] = float(way(*sets))
            times[name].append(time.perf_counter() - start)

print(f"{count} against {count} vectors of {width} numbers, {os.cpu_count()} cores, median of {rounds}")
print("| program | value | seconds | ratio |\n|---|---:|---:|---:|")
own = statistics.median(times["softreg"])
for name, seconds in times.items():
    median = statistics.median(seconds)
    print(f"| {name} | {values[name]:.6f} | {median:.2f} | {median / own:.2f} |")
