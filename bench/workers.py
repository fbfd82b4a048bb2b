"""How far two workers of one process go, and where the rest goes.

Times steps of the default recipe: the whole batch on one worker, half of the batch on one worker (what each of two has to
do), the batch on two workers, and two programs of one worker each at the same time (what the machine can do at most).
Prints medians over the rounds, of the median of a run's steps, and of its fastest tenth: where others use the machine too,
two workers that wait for each other in every step are held up by whoever disturbs either, and programs that do not are
only by who disturbs themselves. The fastest tenth is what is left without them.

- what each worker does once, however few its pictures are: t(B/2) / (t(B)/2) − 1;
- efficiency of two workers: t(B) / (2·t₂(B));
- efficiency of two programs: t(B) / t(B) beside another.

Run: python workers.py [--steps N] [--rounds N] [--batch B]   (needs softreg built in target/release, and two idle cores)
"""

import argparse
import statistics
import tempfile
from concurrent.futures import ThreadPoolExecutor

from scaling import step_times


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=32)
    options = parser.parse_args()
    rounds = []
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as both:

        def timed(batch, threads=1):
            times = sorted(step_times(folder, batch, 1, options.steps, threads)[0])
            return statistics.median(times), times[len(times) // 10]

        for _ in range(options.rounds):
            one, half, two = timed(options.batch), timed(options.batch // 2), timed(options.batch, 2)
            beside = [statistics.mean(pair) for pair in zip(*both.map(timed, [options.batch] * 2))]
            rounds.append((one, half, two, beside))
    print(f"batch {options.batch}, medians of {options.rounds} rounds in turn, milliseconds of a step: median, fastest tenth")
    median, fast = ([statistics.median(run[which] for run in column) for column in zip(*rounds)] for which in (0, 1))
    names = ("one worker", "one worker, half of the batch", "two workers", "one of two programs")
    for name, *seconds in zip(names, median, fast):
        print(f"{name}: " + ", ".join(f"{1e3 * s:.1f}" for s in seconds))
    for name, (one, half, two, beside) in (("median", median), ("fastest tenth", fast)):
        print(f"{name}: once per worker {100 * (2 * half / one - 1):.0f} %", end="; ")
        print(f"efficiency of two workers {one / (2 * two):.2f}, of two programs {one / beside:.2f}")


if __name__ == "__main__":
    main()
