"""How soon the program answers, and how much memory and disk it takes.

Medians over the rounds: until `softreg train` shows its first line; until its first step is done; 64 pictures of a
trained generator on one sheet, and as files; the peak memory of a training of 60 steps; the size of the program without
its symbols.

Run: python startup.py [--rounds N]   (needs what `cargo build --release` has built)
"""

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

SOFTREG = Path(__file__).resolve().parent.parent / "target/release/softreg"


def first_line(folder):
    """Seconds until the first line, and until the first step is told."""
    begun = time.perf_counter()
    command = [SOFTREG, "train", "motif", "--steps", "1", "--out", folder]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        process.stderr.readline()
        line = time.perf_counter() - begun
        while "step 1" not in process.stderr.readline():
            pass
        step = time.perf_counter() - begun
        process.stderr.read()
    return line, step


def seconds(*arguments):
    begun = time.perf_counter()
    subprocess.run([SOFTREG, *arguments], check=True, capture_output=True)
    return time.perf_counter() - begun


def peak_memory(folder):
    """MB of a training."""
    arguments = [str(SOFTREG), "train", "motif", "--steps", "60", "--quiet", "--out", str(folder)]
    null = os.open(os.devnull, os.O_WRONLY)
    actions = [(os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_DUP2, null, 2)]
    child = os.posix_spawn(str(SOFTREG), arguments, os.environ, file_actions=actions)
    return os.wait4(child, 0)[2].ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        memory = peak_memory(place / "run")
        lines, steps, sheets, files = [], [], [], []
        for i in range(rounds):
            line, step = first_line(place / f"first-{i}")
            lines.append(line)
            steps.append(step)
            generate = ["generate", place / "run", "--count", "64", "--force"]
            sheets.append(seconds(*generate, "--sheet", place / "sheet.png"))
            files.append(seconds(*generate, "--out", place / "files"))
        stripped = place / "stripped"
        shutil.copy(SOFTREG, stripped)
        subprocess.run(["strip", stripped], check=True)
        size = stripped.stat().st_size / 1e6
    for name, values in [("first line", lines), ("first step", steps), ("64 on a sheet", sheets), ("64 files", files)]:
        print(f"{name}: {1e3 * statistics.median(values):.0f} ms")
    print(f"peak memory: {memory:.0f} MB\nsize, stripped: {size:.1f} MB")


if __name__ == "__main__":
    main()
