"""The studio's HTTP interface against its own OpenAPI description, by Schemathesis, whose generator of requests shares no
code with ours. Stores nothing; ends with an error where an answer has a status, a kind of content or a form that the
description does not name, where what the description forbids is taken, or where the server fails.

Not asked: that whatever the description allows is taken. How many numbers a latent has depends on the run, and no
description of all runs can say it. Events are left out, since that answer has no end.

Run: python reference/studio_api.py [--seconds S]     (needs a softreg that `cargo build --release` made)
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOFTREG = ROOT / "target" / "release" / "softreg"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=int, default=240)
    seconds = str(parser.parse_args().seconds)
    with tempfile.TemporaryDirectory() as folder:
        train = "train motif:60 --size 16 --batch 16 --width 6 --steps 20 --set output.sheet-every=10 --quiet --out runs/one"
        subprocess.run([SOFTREG, *train.split()], cwd=folder, check=True)
        studio = subprocess.Popen(
            [SOFTREG, "studio", "runs", "--address", "127.0.0.1:0"], cwd=folder, stdout=subprocess.PIPE, text=True
        )
        try:
            page = studio.stdout.readline().strip().rstrip("/")
            command = [sys.executable, "-m", "schemathesis.cli", "run", f"{page}/api/v1/openapi.json"]
            command += ["-H", "X-Softreg: 1", "--exclude-path-regex", "/events$", "--seed", "1", "--max-time", seconds]
            command += ["--phases", "examples,coverage,fuzzing", "--continue-on-failure", "--warnings", "off"]
            command += ["--exclude-checks", "positive_data_acceptance"]
            sys.exit(subprocess.run(command, cwd=folder).returncode)
        finally:
            studio.terminate()
            studio.wait()


if __name__ == "__main__":
    main()
