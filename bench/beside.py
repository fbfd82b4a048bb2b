"""Two builds of softreg on the same work: which one is faster, and by how much.

Times a command of the program in target/release and of another build, in turn, the command's own start included, and prints
every time and both medians in seconds. `{out}` in the command is a fresh folder each time.

Run: python beside.py OTHER [--rounds N] -- train motif --out {out} --threads 2 --set stop.steps=250 --quiet
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
    parser.add_argument("other", type=Path)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    seconds = {"target/release/softreg": (PROGRAM, []), str(options.other): (options.other.resolve(), [])}
    for _ in range(options.rounds):
        for program, times in seconds.values():
            with tempfile.TemporaryDirectory() as folder:
                command = [part.replace("{out}", f"{folder}/run") for part in options.command]
                start = time.perf_counter()
                subprocess.run([program, *command], check=True, capture_output=True)
                times.append(time.perf_counter() - start)
    for name, (_, times) in seconds.items():
        print(f"{name}: {statistics.median(times):.2f} s ({' '.join(f'{s:.2f}' for s in times)})")


if __name__ == "__main__":
    main()
