"""How far training over several processes goes: measured here, predicted for more.

The model of a step of n processes of one thread, with a batch of B and networks of p bytes of gradients in all:

    t(n, B) = a + b·B/n·(1 + s) + 4·(n − 1)·l + 2·(n − 1)/n·p/w + 5·log2(n)·l

a + b·B/n is the computation of one process (a: what does not shrink with the batch: optimiser, moving average); both
players' gradients are summed by an exchange of blocks and a gathering of sums, n − 1 messages each; the numbers of both
and the order of rank 0 are collected in trees. a and b are fitted by least squares to one process with batches of 8 to
64, s to two processes of this machine: each step takes as long as the slower one, and they share a cache. l and w, latency
and bandwidth of a process, are nominal ones (of this machine's memory: 1 µs, 4 GB/s). The slowest of many is slower than the
slower of two, so that predictions for many are upper bounds.

Run: python scaling.py [--steps N] [--rounds N]   (needs mpirun, and softreg built with --features mpi)
"""

import argparse
import json
import math
import statistics
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOFTREG = ROOT / "target/release/softreg"
MPIRUN = ["mpirun", "--allow-run-as-root", "--bind-to", "none", "-n"]
# Latency in seconds, bandwidth in bytes per second, of one process.
NETWORKS = {"Ethernet, 10 Gbit/s": (25e-6, 1.1e9), "InfiniBand, 100 Gbit/s": (2e-6, 11e9)}


def seconds_per_step(folder, batch, processes, steps, threads=1):
    """The median over the steps of a run of the default recipe, and the bytes of both players' gradients."""
    times, gradients = step_times(folder, batch, processes, steps, threads)
    return statistics.median(times), gradients


def step_times(folder, batch, processes, steps, threads=1, more=()):
    """Seconds of every step of a run of the default recipe but the first ones, and the bytes of both players' gradients."""
    out = Path(tempfile.mkdtemp(dir=folder)) / "run"
    command = [] if processes == 1 else [*MPIRUN, str(processes)]
    command += [str(SOFTREG), "train", "motif", "--threads", str(threads), "--batch", str(batch), "--steps", str(steps)]
    command += ["--set", "output.log-every=1", "--set", "output.sheet-every=1000000", "--out", str(out), "--quiet", *more]
    subprocess.run(command, check=True, capture_output=True)
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    times = [after["seconds"] - before["seconds"] for before, after in zip(rows, rows[1:])]
    raw = next((out / "checkpoints").glob("*.safetensors")).read_bytes()
    header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
    gradients = sum(
        math.prod(tensor["shape"]) * 4
        for name, tensor in header.items()
        if name.startswith(("generator/", "critic/"))
    )
    return times[5:], gradients


def line(points):
    """Least squares: intercept and slope."""
    n, sx, sy = len(points), sum(x for x, _ in points), sum(y for _, y in points)
    sxx, sxy = sum(x * x for x, _ in points), sum(x * y for x, y in points)
    slope = (n * sxy - sx * sy) / (n * sxx - sx * sx)
    intercept = (sy - slope * sx) / n
    # Nothing takes less than no time.
    return (intercept, slope) if intercept > 0 else (0.0, sum(x * y for x, y in points) / sxx)


def exchange(gradients, n, latency, bandwidth):
    messages = 4 * (n - 1) + 5 * math.log2(n)
    return messages * latency + 2 * (n - 1) / n * gradients / bandwidth


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=8)
    arguments = parser.parse_args()
    batches = [8, 16, 32, 64]
    wanted = [(batch, 1) for batch in batches] + [(32, 2), (64, 2), (128, 2)]
    times = {key: [] for key in wanted}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(arguments.rounds):
            for batch, processes in wanted:
                seconds, gradients = seconds_per_step(folder, batch, processes, arguments.steps)
                times[batch, processes].append(seconds)
    medians = {key: statistics.median(values) for key, values in times.items()}
    a, b = line([(batch, medians[batch, 1]) for batch in batches])
    print(f"gradients: {gradients / 1e6:.2f} MB; one process: {1e3 * a:.2f} ms + {1e3 * b:.3f} ms per picture")
    for batch in batches:
        print(f"  batch {batch}: measured {1e3 * medians[batch, 1]:.1f} ms, fitted {1e3 * (a + b * batch):.1f} ms")
    pairs, here = [32, 64, 128], exchange(gradients, 2, 1e-6, 4e9)
    over = [(b * batch / 2, medians[batch, 2] - a - b * batch / 2 - here) for batch in pairs]
    s = max(sum(x * y for x, y in over) / sum(x * x for x, _ in over), 0.0)
    print(f"waiting for the slower of two, and sharing: {100 * s:.0f} % of the computation")
    for batch in pairs:
        predicted, measured = a + b * batch / 2 * (1 + s) + here, medians[batch, 2]
        # The largest batch was not timed on one process.
        alone = medians.get((batch, 1), a + b * batch)
        print(
            f"two processes, batch {batch}: measured {1e3 * measured:.1f} ms, fitted {1e3 * predicted:.1f} ms; "
            f"{batch / measured:.0f} pictures/s, efficiency {50 * alone / measured:.0f} %"
        )
    for name, (latency, bandwidth) in NETWORKS.items():
        print(f"\n{name}\n| processes | batch | step | pictures/s | efficiency | of it exchange |\n|---:|---:|---:|---:|---:|---:|")
        for n in [8, 64, 1024]:
            for batch in sorted({8 * n, 64 * n}):
                sent = exchange(gradients, n, latency, bandwidth)
                step = a + b * batch / n * (1 + s) + sent
                alone = a + b * batch
                print(
                    f"| {n:,} | {batch:,} | {1e3 * step:.1f} ms | {batch / step:,.0f} "
                    f"| {100 * alone / (n * step):.0f} % | {100 * sent / step:.0f} % |"
                )


if __name__ == "__main__":
    main()
