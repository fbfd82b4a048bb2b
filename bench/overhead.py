"""What a regularizer adds to a training step, beside what its passes cost in operations, and beside PyTorch.

`softreg train` is run on the default networks (width 24, 32x32, batch 32), one thread, with one regularizer at a time. One that can
rest is evaluated in every second step, and each of these steps is divided by the mean of the two beside it, which meet the
machine as it is at that moment: the median of hundreds says tenths of a percent. One that belongs into every step is run beside a
training without any, at the same time on another core; such a line says no more than a few percent. Times are from the run's own
record, without its first 50 steps. `softreg plan` says how many operations a step has in each case. Then PyTorch trains the
same networks without regularizers, with consistency (a moved copy of every real picture, one more forward and backward
pass of the critic) and with the exact R1 penalty (by double backward), at every step and at every 16th, in turn; a
round begins and ends without any, and every time is divided by the mean of these two.

Run: python overhead.py [--rounds N] [--steps N] [--only REGULARIZER ...] [--built]
(needs reference/requirements.txt, two idle cores, and cargo)
"""

import argparse
import functools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import torch
import torch.nn.functional as F

import peer

FIRST = 50
NONE = "none"
CASES = [
    ("l2", "hard"),
    ("spectral", "hard"),
    ("pair", "partners inside the batch"),
    ("mode-seeking", "partners inside the batch"),
    ("diversity", "partners inside the batch"),
    ("dropout", "other masks of the same features"),
    ("lecam", "the past"),
    ("consistency", "a moved copy of the real pictures"),
    ("balanced", "moved copies of both"),
    ("slope-real", "a noisy copy of the real pictures"),
    ("r1", "exact"),
]
# In every step there are spectral norms, masks, and both halves of what is balanced.
NEVER_RESTS = ["spectral", "dropout", "balanced"]


def written(name):
    """On the command line: settings stand behind a weight, which is the default here."""
    head, *settings = name.split(",")
    return f"{head}={weights()[head]},{','.join(settings)}" if settings else head


@functools.cache
def weights():
    """What a regularizer is multiplied with where nothing else is said."""
    command = [str(peer.TARGET / "softreg"), "list", "regularizers", "--json"]
    found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return {entry["name"]: entry["weight"] for entry in found}


def regularizers(name):
    return ["--reg", "none", *([] if name == NONE else ["--reg", written(name)]), "--augment", "none"]


def recorded(name, steps, every):
    """By step, the seconds until it was done; of every so many steps."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        command = [peer.TARGET / "softreg", "train", "--quiet", "--threads", "1", "--steps", str(steps), "--out", out]
        command += ["--set", "output.sheet-every=100000", "--set", "output.checkpoint-every=100000"]
        command += ["--set", f"output.log-every={every}", *regularizers(name)]
        done = subprocess.run([str(x) for x in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            sys.exit(f"softreg failed with {name}: {done.stderr}")
        rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return {row["step"]: row["seconds"] for row in rows if row["step"] >= FIRST}


def seconds(name, steps):
    """Seconds per step."""
    times = recorded(name, steps, 10)
    first, last = min(times), max(times)
    return (times[last] - times[first]) / (last - first)


def beside_its_rests(name, steps):
    """The steps in which it is evaluated, every second one from the first on, over the mean of those beside them; and the median of
    the latter."""
    until = recorded(f"{name},every=2", steps, 1)
    step = {t: until[t] - until[t - 1] for t in until if t - 1 in until}
    both = [(step[t], (step[t - 1] + step[t + 1]) / 2) for t in step if t % 2 == 1 and t - 1 in step and t + 1 in step]
    return [time_of / resting - 1 for time_of, resting in both], statistics.median(resting for _, resting in both)


def operations(name):
    command = [peer.TARGET / "softreg", "plan", "--json", *regularizers(name)]
    found = json.loads(subprocess.run([str(x) for x in command], check=True, capture_output=True).stdout)["operations"]
    return found["planned"] / found["without"] - 1


def torch_seconds(file, name, steps):
    """Seconds per step of PyTorch, eager, one thread."""
    torch.set_num_threads(1)
    generator, critic = peer.players(file)
    optimizers = peer.adam(generator, peer.RATES[0]), peer.adam(critic, peer.RATES[1])
    pictures = file["real"].flatten(0, 1)
    batch = file["latents"].shape[1]

    def one(t):
        real = pictures[torch.randint(len(pictures), (batch,))]
        z = torch.randn(batch, peer.LATENT)
        exact = name == "r1" or (name == "r1,every=16" and t % 16 == 0)
        made = generator(z)
        real.requires_grad_(exact)
        moved = [peer.translated(real.flip(-1))] if name == "consistency" else []
        score, of_made, *moved = critic(torch.cat([real, made.detach(), *moved])).split(batch)
        loss = F.softplus(-score).mean() + F.softplus(of_made).mean()
        if exact:
            slope = torch.autograd.grad(score.sum(), real, create_graph=True)[0]
            loss = loss + 0.05 * slope.pow(2).sum((1, 2, 3)).mean()
        for other in moved:
            loss = loss + (score - other).pow(2).mean()
        optimizers[1].zero_grad(set_to_none=True)
        loss.backward()
        optimizers[1].step()
        for p in critic.parameters():
            p.requires_grad_(False)
        loss = F.softplus(-critic(made)).mean()
        optimizers[0].zero_grad(set_to_none=True)
        loss.backward()
        optimizers[0].step()
        for p in critic.parameters():
            p.requires_grad_(True)

    for t in range(16):
        one(t)
    start = time.perf_counter()
    for t in range(steps):
        one(t)
    return (time.perf_counter() - start) / steps


def side_by_side(names, rounds, steps):
    """By name: the times over those without regularizers at the same time, and the median step without."""
    shares, base = {name: [] for name in names}, []
    with ThreadPoolExecutor(2) as both:
        for i in range(rounds):
            for name in names:
                alone, time_of = both.map(seconds, (NONE, name), (steps, steps))
                base.append(alone)
                shares[name].append(time_of / alone - 1)
            print(f"round {i + 1} of {rounds}", file=sys.stderr)
    return shares, statistics.median(base) if base else 0.0


def in_turn(names, rounds, time_of):
    """By name: the medians of the times over those without regularizers in the same round, and the step itself."""
    shares, base = {name: [] for name in names}, []
    for i in range(rounds):
        before = time_of(NONE)
        times = {name: time_of(name) for name in names}
        alone = (before + time_of(NONE)) / 2
        base.append(alone)
        for name in names:
            shares[name].append(times[name] / alone - 1)
        print(f"round {i + 1} of {rounds}: {1000 * alone:.1f} ms without", file=sys.stderr)
    return shares, statistics.median(base)


def percent(share):
    return f"{100 * share:+.1f} %"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=210)
    parser.add_argument("--only", nargs="+", choices=[name for name, _ in CASES], metavar="REGULARIZER", help="these, and not PyTorch")
    parser.add_argument("--built", action="store_true", help="do not run cargo")
    options = parser.parse_args()
    if not options.built:
        packages = ["-p", "softreg-bench", "-p", "softreg-cli"]
        subprocess.run(["cargo", "build", "--release", "--quiet", *packages], cwd=peer.ROOT, check=True)
    file = peer.check(SimpleNamespace(network="dcgan", width=24, batch=32, device="cpu", torch="cpu"), True)
    cases = [case for case in CASES if not options.only or case[0] in options.only]
    resting = [name for name, _ in cases if name not in NEVER_RESTS]
    shares, bases = {name: [] for name in resting}, []
    for i in range(options.rounds):
        for name in resting:
            found, base = beside_its_rests(name, options.steps)
            shares[name].append(statistics.median(found))
            bases.append(base)
        print(f"round {i + 1} of {options.rounds}", file=sys.stderr)
    others, base = side_by_side([name for name, _ in cases if name in NEVER_RESTS], options.rounds, options.steps)
    shares |= others
    base = statistics.median(bases) if bases else base
    print(f"One thread, medians of {options.rounds} rounds; a step without regularizers: {1000 * base:.1f} ms\n")
    print("| regularizer | what it needs | operations | time of a step | rounds from and to |\n|---|---|---:|---:|---|")
    for name, needs in cases:
        low, high = percent(min(shares[name])), percent(max(shares[name]))
        print(f"| `{name}` | {needs} | {percent(operations(name))} | {percent(statistics.median(shares[name]))} | {low} … {high} |")
    if options.only:
        return
    names = ["consistency", "r1,every=16", "r1"]
    theirs, base = in_turn(names, options.rounds, lambda name: torch_seconds(file, name, options.steps - FIRST))
    print(f"\nPyTorch, one thread, eager; a step without regularizers: {1000 * base:.1f} ms\n")
    print("| regularizer | time of a step |\n|---|---:|")
    for name in names:
        print(f"| `{name}` | {percent(statistics.median(theirs[name]))} |")


if __name__ == "__main__":
    main()
