"""BASE.cu, a kernel as CubeCL writes it, as the shared object BASE.so: python3 translate.py BASE"""

import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
INSTRUCTION = re.compile(r'asm volatile\("([^"]*)"\s*:([^:]*):(.*?)\);', re.S)
OPERAND = re.compile(r'"[^"]*"\s*\(([^()]*)\)')


def instruction(found):
    """An instruction of PTX in C++."""
    text, outs, ins = found[1].strip(), OPERAND.findall(found[2]), OPERAND.findall(found[3])
    if text.startswith("atom.relaxed.add.f32"):
        return f"{outs[0]} = atomicAdd((float *)({ins[0]}), {ins[1]});"
    sys.exit(f"no translation of '{text}'")


def translated(source):
    entry = re.search(r'extern "C" __global__ void __launch_bounds__\(\d+\)\s+(\w+)\(', source)[1]
    # The headers of CUDA are kernel.h, and its whole numbers have the host's names.
    source = re.sub(r"^#include <.*>|^typedef .* u?int\d+_t;", "", source, flags=re.M)
    # All the memory that a block's threads share is one array, whatever it is called.
    source = re.sub(r"extern __shared__ __align__\(\d+\) char (\w+)\[\];", r"char *const \1 = shared_memory;", source)
    source = INSTRUCTION.sub(instruction, source)
    return f"""#include "kernel.h"
{source}
static void call(void **parameters) {{ Kernel<decltype(&{entry})>::call(&{entry}, parameters); }}
extern "C" void card_run(void **parameters, const unsigned *grid, const unsigned *block, unsigned shared) {{
  run_grid(&call, parameters, grid, block, shared);
}}
extern "C" int card_sizes(int *to) {{ return Kernel<decltype(&{entry})>::sizes(to); }}
"""


def main():
    base = sys.argv[1]
    Path(base + ".cpp").write_text(translated(Path(base + ".cu").read_text()))
    rounding = ["-DSINGLE"] if os.environ.get("CARD_TF32") == "0" else []
    flags = ["-O1", "-std=c++17", "-w", "-fno-strict-aliasing", "-ffp-contract=off", "-shared", "-fPIC", "-Wl,-Bsymbolic"]
    made = f"{base}.{os.getpid()}.so"
    subprocess.run(["g++", *flags, *rounding, f"-I{HERE}", base + ".cpp", "-o", made], check=True)
    os.rename(made, base + ".so")


if __name__ == "__main__":
    main()
