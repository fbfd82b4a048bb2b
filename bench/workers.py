"""How far two workers of one process go, and where the rest goes.

Times steps of the default recipe: the whole batch on one worker, half of the batch on one worker (what each of two has to
do), the batch on two workers, and two programs of one worker each at the same time (what the machine can do at most).
Prints medians over the rounds:

- what each worker does once, however few its pictures are: t(B/2) / (t(B)/2) − 1;
- efficiency of two workers: t(B) / (2·t₂(B));
- what waiting for each other costs: the slower of two steps of B/2 drawn at random over a step of B/2, − 1. Where others use
  the machine too, the speed of a core changes all the time, and every step takes as long as its slower worker;
- efficiency of two programs: t(B) / t(B) beside another.

Run: python workers.py [--steps N] [--rounds N] [--batch B] [--width W]   (needs softreg built in target/release, and two idle cores)
"""

import argparse
import itertools
import statistics
import tempfile
from concurrent.futures import ThreadPoolExecutor

from scaling import step_times


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--width", type=int, default=24)
    options = parser.parse_args()
    rounds, halves = [], []
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as both:

        def timed(batch, threads=1):
            return step_times(folder, batch, 1, options.steps, threads, ["--width", str(options.width)])[0]

        for _ in range(options.rounds):
            one, half, two = timed(options.batch), timed(options.batch // 2), timed(options.batch, 2)
            beside = sum(both.map(timed, [options.batch] * 2), [])
            slower = [max(pair) for pair in itertools.combinations(half, 2)]
            halves += half
            rounds.append([statistics.median(times) for times in (one, half, slower, two, beside)])
    one, half, slower, two, beside = (statistics.median(column) for column in zip(*rounds))
    low, *_, high = statistics.quantiles(halves, n=10)
    print(f"batch {options.batch}, medians of {options.rounds} rounds in turn, milliseconds of a step")
    names = ("one worker", "one worker, half of the batch", "two workers", "one of two programs")
    for name, seconds in zip(names, (one, half, two, beside)):
        print(f"{name}: {1e3 * seconds:.1f}")
    print(f"one worker, half of the batch: the fastest tenth of all steps within {1e3 * low:.1f}, the slowest from {1e3 * high:.1f}")
    print(f"once per worker: {100 * (2 * half / one - 1):.0f} %; waiting for the slower: {100 * (slower / half - 1):.0f} %")
    print(f"efficiency of two workers: {one / (2 * two):.2f}; of two programs: {one / beside:.2f}")


if __name__ == "__main__":
    main()
