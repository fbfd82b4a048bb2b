"""What the literal definition takes away: the tables of docs/literal-definition.md.

Trains the built-in collection for 1,000 steps with ten seeds and each set of regularizers, with two terms that watch without
acting, and prints means of the last 20 lines of metrics over the seeds, ± half a 95 % interval, and the range.

Run: python literal.py   (needs what `cargo build --release` has built; three minutes on two cores)
"""

import json
import os
import statistics
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SOFTREG = Path(__file__).resolve().parent.parent / "target/release/softreg"
SEEDS = range(10)
STUDENT = 2.262  # 97.5 % of Student's distribution with 9 degrees of freedom
WATCH = [
    "--reg=shuffle l2 attract image weight=1e-12 name=spread",
    "--reg=shuffle l2 attract real weight=1e-12 name=opinions",
]
CRITIC = "`pair=1` on the critic"
SETS = {
    "none": [],
    "`pair=1` on pictures": ["--reg=pair=1,site=image"],
    "`pair=10` on pictures": ["--reg=pair=10,site=image"],
    "`consistency=1` + `mode-seeking=0.1`": ["--reg=consistency=1", "--reg=mode-seeking=0.1"],
    "these and `pair=1` on pictures": ["--reg=pair=1,site=image", "--reg=consistency=1", "--reg=mode-seeking=0.1"],
    CRITIC: ["--reg=pair=1,site=real-score"],
}


def run(job):
    """Spread of pictures, spread of the scores of real ones, score of real minus generated."""
    terms, seed = job
    with tempfile.TemporaryDirectory() as folder:
        settings = ["--steps=1000", "--size=16", "--width=16", "--threads=1", f"--seed={seed}", "--quiet"]
        settings.append("--set=network.self-modulation=false")
        command = [SOFTREG, "train", "motif", "--reg=none", *WATCH, *terms, *settings, f"--out={folder}/run"]
        subprocess.run(command, check=True, capture_output=True)
        lines = Path(folder, "run/metrics.jsonl").read_text().splitlines()[-20:]
    rows = [json.loads(line) for line in lines]
    mean = lambda of: statistics.mean(of(row) for row in rows)
    return [
        mean(lambda row: row["reg/spread/raw"]),
        mean(lambda row: row["reg/opinions/raw"]),
        mean(lambda row: row["score/real"] - row["score/fake"]),
    ]


def interval(values):
    half = STUDENT * statistics.stdev(values) / len(values) ** 0.5
    return f"{statistics.mean(values):.3f} ± {half:.3f}"


def main():
    jobs = [(terms, seed) for terms in SETS.values() for seed in SEEDS]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        values = iter(pool.map(run, jobs))
        found = {name: list(zip(*[next(values) for _ in SEEDS])) for name in SETS}
    print("| regularizers | spread of pictures | lowest to highest |\n|---|---|---|")
    for name, (spread, _, _) in found.items():
        if name != CRITIC:
            print(f"| {name} | {interval(spread)} | {min(spread):.3f} to {max(spread):.3f} |")
    print("\n| regularizers | spread of the scores of real pictures | score of real minus generated | spread of pictures |")
    print("|---|---|---|---|")
    for name in ("none", CRITIC):
        spread, opinions, gap = map(interval, found[name])
        print(f"| {name} | {opinions} | {gap} | {spread} |")


if __name__ == "__main__":
    main()
