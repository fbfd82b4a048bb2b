"""How long a Fréchet distance takes, from a run to the value: pictures drawn, features of both sides, the interval.

Trains a run of 30 steps, then times `softreg evaluate` on it against the built-in pictures, once unmeasured and then ROUNDS
times: on the features that need no download, and on those of WEIGHTS with 1,000 pictures. With --beside another build of
the program does the same in turn. Prints medians in seconds, and every value.

Run: python features.py [--weights squeezenet1.1.safetensors] [--rounds N] [--beside PROGRAM]   (needs target/release/softreg)
"""

import argparse
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

PROGRAM = Path(__file__).resolve().parent.parent / "target/release/softreg"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path)
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
