"""How long a Fréchet distance takes, from a run to the value: pictures drawn, features of both sides, the interval.

Trains a run of 30 steps, then times `softreg evaluate` on it against the built-in pictures, once unmeasured and then ROUNDS
times: on the features that need no download, on those of WEIGHTS with 1,000 pictures, and with --inception on Inception-v3
with random weights and 48 pictures of either side. With --beside another build of
the program does the same in turn. Prints medians in seconds, and every value.

Run: python features.py [--weights squeezenet1.1.safetensors] [--inception] [--rounds N] [--beside PROGRAM]   (needs target/release/softreg, and for
--inception reference/requirements.txt)
"""

import argparse
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

PROGRAM = Path(__file__).resolve().parent.parent / "target/release/softreg"


def random_inception(path):
    """Writes Inception-v3 with random weights, of the shapes that the reference recorded, to PATH."""
    import numpy as np
    from safetensors.numpy import load_file, save_file

    golden = load_file(PROGRAM.parents[2] / "reference/golden/softreg_inception.safetensors")
    shapes = {name[6:]: tuple(map(int, shape)) for name, shape in golden.items() if name.startswith("shape/")}
    rng = np.random.default_rng(0)
    # Of unit gain for layers; near 1 for norms and variances, which must not be negative.
    draw = lambda shape: (
        rng.normal(0, (2 / np.prod(shape[1:])) ** 0.5, shape) if len(shape) > 1 else rng.uniform(0.8, 1.2, shape)
    )
    save_file({name: draw(shape).astype(np.float32) for name, shape in shapes.items()}, path)
    return path


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--inception", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--beside", type=Path)
    options = parser.parse_args()
    works = {"randconv": []}
    if options.weights:
        works[options.weights.stem] = ["--features", options.weights.resolve(), "--count", "1000"]
    programs = [PROGRAM] + ([options.beside.resolve()] if options.beside else [])
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        train = [PROGRAM, "train", "motif", "--out", run, "--set", "stop.steps=30"]
        subprocess.run(train, check=True, capture_output=True)
        if options.inception:
            weights = random_inception(Path(folder) / "inception.safetensors")
            works["inception"] = ["--features", weights, "--count", "48", "--reference-limit", "48"]
        for name, extra in works.items():
            seconds, values = {program: [] for program in programs}, {}
            for round_number in range(options.rounds + 1):
                for program in programs:
                    start = time.perf_counter()
                    command = [program, "evaluate", run, "--reference", "motif", "--metric", "fd", *extra]
                    done = subprocess.run(command, check=True, capture_output=True, text=True)
                    if round_number > 0:
                        seconds[program].append(time.perf_counter() - start)
                    values[program] = next(line for line in done.stdout.splitlines() if line.startswith("fd"))
            for program in programs:
                each = " ".join(f"{s:.1f}" for s in seconds[program])
                print(f"{name}: {program.name} {statistics.median(seconds[program]):.1f} s ({each}); {values[program]}")


if __name__ == "__main__":
    main()
