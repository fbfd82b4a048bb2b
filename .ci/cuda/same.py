"""Whether two runs have the same numbers: python3 same.py RUN RUN LIMIT [KIND …], of loss, reg and score

LIMIT is the largest difference, relative to the first run's value, or to 0.01 where that is smaller; 0 for the same bits.
"""

import json
import sys
from pathlib import Path


def values(run, kinds):
    lines = (Path(run) / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k.split("/")[0] in kinds} for line in lines]


def main():
    limit, kinds = float(sys.argv[3]), sys.argv[4:] or ["loss", "reg", "score"]
    first, second = values(sys.argv[1], kinds), values(sys.argv[2], kinds)
    if len(first) != len(second) or not first or not first[0]:
        sys.exit(f"{len(first)} and {len(second)} steps")
    worst, name = 0.0, "nothing"
    for ours, theirs in zip(first, second):
        if ours.keys() != theirs.keys():
            sys.exit(f"{sorted(ours.keys() ^ theirs.keys())} in one alone")
        for key, value in ours.items():
            difference = abs(value - theirs[key]) / max(abs(value), 0.01)
            # What is no number is no less than the limit.
            if not difference <= worst:
                worst, name = difference, key
    if not worst <= limit:
        sys.exit(f"{name} differs by {worst:.2g}, more than {limit:g}")
    print(f"  the same to {worst:.2g} ({name})")


if __name__ == "__main__":
    main()
