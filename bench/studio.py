"""The studio: how long its answers take, and what a page that watches costs the training.

A run is trained for a few seconds, and pictures, walks and lists are asked for, 20 times each, on the idle machine.
Then the same run is trained again and again, in turn alone and with a studio whose page follows it (events, every
sheet of samples, and the list of runs every 3 seconds, as the page does), and the speeds are compared.

Run: python studio.py [--rounds N] [--seconds S]    (needs Python alone, and cargo)
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOFTREG = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "softreg"


class Studio:
    def __init__(self, runs):
        command = [SOFTREG, "studio", runs, "--address", "127.0.0.1:0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.page = self.process.stdout.readline().strip().rstrip("/") + "/api/v1"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def ask(self, path, body=None, timeout=60):
        headers = {"X-Softreg": "1", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        return urllib.request.urlopen(urllib.request.Request(self.page + path, data, headers), timeout=timeout)


def milliseconds(work):
    work(0)
    times = []
    for i in range(20):
        start = time.perf_counter()
        work(i)
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times), max(times)


def watch(studio, run, done):
    """What a page that shows a run does."""

    def lists():
        while not done.wait(3):
            studio.ask("/runs").read()

    threading.Thread(target=lists, daemon=True).start()
    while not done.is_set():
        try:
            for line in studio.ask(f"/runs/{run}/events"):
                if b'"kind":"sample"' in line:
                    step = json.loads(line[5:])["value"]
                    studio.ask(f"/runs/{run}/samples/{step}").read()
                if done.is_set():
                    return
        except OSError:
            time.sleep(0.2)


def speed(folder, seconds, watched):
    """Images per second of a training after its first second."""
    runs = Path(folder) / "runs"
    runs.mkdir()
    command = [SOFTREG, "train", "motif", "--quiet", "--minutes", str((seconds + 1) / 60), "--out", runs / "a"]
    training = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    if watched:
        done = threading.Event()
        with Studio(runs) as studio:
            watcher = threading.Thread(target=watch, args=(studio, "a", done), daemon=True)
            watcher.start()
            training.wait()
            done.set()
    elif training.wait():
        sys.exit("softreg failed")
    rows = [json.loads(line) for line in (runs / "a/metrics.jsonl").read_text().splitlines()]
    rows = [row for row in rows if row["seconds"] >= 1]
    first, last = rows[0], rows[-1]
    return (last["images"] - first["images"]) / (last["seconds"] - first["seconds"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=15)
    options = parser.parse_args()
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=True)
    with tempfile.TemporaryDirectory() as folder:
        train = [SOFTREG, "train", "motif", "--quiet", "--steps", "50", "--out", Path(folder) / "runs" / "a"]
        subprocess.run(train, check=True, stdout=subprocess.DEVNULL)
        with Studio(Path(folder) / "runs") as studio:
            draw = lambda n: lambda i: studio.ask("/runs/a/pictures", {"kind": "draw", "seed": i, "count": n}).read()
            keys = json.load(studio.ask("/runs/a/pictures", {"kind": "draw", "seed": 0, "count": 4}))["latents"]
            walk = lambda i: studio.ask("/runs/a/walk", {"keys": keys, "frames": 15, "format": "apng", "scale": 8}).read()
            print("| answer | median, ms | worst, ms |\n|---|---:|---:|")
            works = [(f"{n} pictures", draw(n)) for n in (1, 24, 96)]
            for name, work in [*works, ("walk of 60 frames, APNG", walk), ("list of runs", lambda _: studio.ask("/runs").read())]:
                median, worst = milliseconds(work)
                print(f"| {name} | {median:.1f} | {worst:.1f} |", flush=True)
    found = {False: [], True: []}
    for _ in range(options.rounds):
        for watched in found:
            with tempfile.TemporaryDirectory() as folder:
                found[watched].append(speed(folder, options.seconds, watched))
    alone, watched = (statistics.median(found[key]) for key in (False, True))
    print(f"\nTraining alone {alone:.0f} images/s, watched {watched:.0f}: {100 * (watched / alone - 1):+.1f} %")
    print("every round: " + ", ".join(f"{a:.0f}/{w:.0f}" for a, w in zip(*found.values())))


if __name__ == "__main__":
    main()
