"""The studio under many clients: requests per second, and how long the slowest wait.

A run is trained for a few seconds. Then `wrk` asks on loopback for what a page asks for, with 1, 16 and 128 connections,
each for some seconds: the list of runs, a sheet of samples, the history of the metrics, one new picture, 24 of them. No
answer may be an error. At last so many pages follow the run by events while it is trained on, and every one of them must
get every row. Client and server share the cores.

Run: python load.py [--seconds S] [--pages N]     (needs Python, cargo and wrk)
"""

import argparse
import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from studio import ROOT, SOFTREG, Studio

POST = """wrk.method = "POST"
wrk.headers["X-Softreg"] = "1"
wrk.headers["Content-Type"] = "application/json"
local seed = 0
request = function()
  seed = seed + 1
  return wrk.format(nil, nil, nil, '{{"kind":"draw","seed":' .. seed .. ',"count":{count}}}')
end
"""


def milliseconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(number) * {"us": 1e-3, "ms": 1, "s": 1e3, "m": 6e4}[unit]


def asked(page, path, connections, seconds, script=None):
    """Requests per second, and the median and the 99th percentile of the milliseconds that one takes."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "30s"]
    command += ["-s", str(script)] if script else []
    said = subprocess.run([*command, page + path], check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        sys.exit(f"{path}, {connections} connections: {said}")
    share = lambda n: milliseconds(re.search(rf"^\s+{n}%\s+(\S+)", said, re.MULTILINE)[1])
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1]), share(50), share(99)


def follow(page, run, steps, rows, ready):
    """Reads events until the row of the last step is there."""
    host, port = re.match(r"http://([\d.]+):(\d+)", page).groups()
    with socket.create_connection((host, int(port)), timeout=120) as stream:
        stream.sendall(f"GET /api/v1/runs/{run}/events HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        ready.release()
        found = set()
        for line in stream.makefile("rb"):
            if line.startswith(b"data:") and b'"kind":"metrics"' in line:
                found.add(json.loads(line[5:])["value"]["step"])
                if steps in found:
                    break
        rows.append(len(found))


def pages(studio, runs, count):
    """Whether all pages that follow a training get all of its rows, and the seconds from the last row to the last page."""
    steps = 300
    command = [SOFTREG, "train", "motif", "--quiet", "--steps", str(steps), "--out", runs / "followed"]
    training = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while not (runs / "followed" / "metrics.jsonl").exists():
        time.sleep(0.05)
    rows, ready = [], threading.Semaphore(0)
    threads = [threading.Thread(target=follow, args=(studio.page, "followed", steps, rows, ready)) for _ in range(count)]
    for thread in threads:
        thread.start()
    for _ in threads:
        ready.acquire()
    training.wait()
    end = time.perf_counter()
    for thread in threads:
        thread.join()
    wanted = len((runs / "followed" / "metrics.jsonl").read_text().splitlines())
    if rows != [wanted] * count:
        sys.exit(f"of {wanted} rows the pages got {sorted(set(rows))}, and {count - len(rows)} got no end")
    return wanted, time.perf_counter() - end


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--built", action="store_true", help="do not run cargo")
    options = parser.parse_args()
    if not shutil.which("wrk"):
        sys.exit("wrk is missing: apt-get install wrk")
    if not options.built:
        subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=True)
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "runs"
        train = [SOFTREG, "train", "motif", "--quiet", "--steps", "260", "--out", runs / "a"]
        subprocess.run(train, check=True, stdout=subprocess.DEVNULL)
        with Studio(runs) as studio:
            drawn = {}
            for count in (1, 24):
                drawn[count] = Path(folder) / f"{count}.lua"
                drawn[count].write_text(POST.format(count=count))
            works = [
                ("list of runs", "/runs", None),
                ("sheet of samples", "/runs/a/samples/250", None),
                ("history of the metrics", "/runs/a/metrics?most=1000", None),
                ("1 new picture", "/runs/a/pictures", drawn[1]),
                ("24 new pictures", "/runs/a/pictures", drawn[24]),
            ]
            print("| answer | connections | requests/s | median, ms | 99 of 100 within, ms |\n|---|---:|---:|---:|---:|")
            for name, path, script in works:
                for connections in (1, 16, 128):
                    rate, median, late = asked(studio.page, path, connections, options.seconds, script)
                    print(f"| {name} | {connections} | {rate:.0f} | {median:.1f} | {late:.1f} |", flush=True)
            rows, late = pages(studio, runs, options.pages)
            print(f"\n{options.pages} pages that follow one training: each got all {rows} rows, the last {late:.1f} s after its end.")


if __name__ == "__main__":
    main()
