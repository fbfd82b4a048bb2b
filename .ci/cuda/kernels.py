"""What a program started on the double: .ci/cuda/run env CARD_LOG=LOG PROGRAM …, then .ci/cuda/run python3 .ci/cuda/kernels.py LOG [WORD]

A line per kernel whose name has WORD in it: launches, the fewest and most blocks, registers of a thread and bytes that it spills,
by NVIDIA's assembler for an H100. Behind them copies and allocations.
"""

import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path


def assembled(name, sources):
    """Registers, and bytes spilled."""
    source = next(path for path, text in sources.items() if re.search(rf"\.entry {name}\(", text))
    assembler = Path(os.environ["CUDA_PATH"]) / "bin" / "ptxas"
    said = subprocess.run([assembler, "-arch=sm_90a", "-v", source, "-o", os.devnull], capture_output=True, text=True, check=True)
    return int(re.search(r"Used (\d+) registers", said.stderr)[1]), int(re.search(r"(\d+) bytes spill stores", said.stderr)[1])


def main():
    word = sys.argv[2] if len(sys.argv) > 2 else ""
    blocks, others = defaultdict(list), Counter()
    for line in Path(sys.argv[1]).read_text().splitlines():
        what, name, *sizes = line.split()
        if what != "run":
            others[f"{what} {name}"] += 1
        elif word in name:
            x, y, z = map(int, sizes)
            blocks[name].append(x * y * z)
    sources = {path: path.read_text() for path in Path(os.environ["CARD_KERNELS"]).glob("*.ptx")}
    print("LAUNCHES  BLOCKS         REGISTERS  SPILLED  KERNEL")
    for name, counts in sorted(blocks.items(), key=lambda item: -len(item[1])):
        registers, spilled = assembled(name, sources)
        print(f"{len(counts):8}  {f'{min(counts)} to {max(counts)}':13}  {registers:9}  {spilled:7}  {name[:90]}")
    print(f"{sum(map(len, blocks.values()))} launches;", ", ".join(f"{count} times {name}" for name, count in sorted(others.items())))


if __name__ == "__main__":
    main()
