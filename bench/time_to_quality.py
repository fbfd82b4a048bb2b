"""How long until generated pictures are near to real ones: softreg beside PyTorch, by the same measure.

Both learn the first pictures of a CIFAR-10 file, on one thread, one after the other, with generators and critics of the
same feature maps (96, 48 and 24 around 32x32). PyTorch trains as published for little data: an SNDCGAN (spectral
norm in the critic, batch norm in the generator, hinge loss, Adam with 2e-4, 0.5 and 0.999, batch 64: arXiv 1802.05957,
1910.12027) with consistency of weight 10 (flip and shift, arXiv 1910.12027; others with --consistency) and differentiable
augmentation (colour, translation, cutout, arXiv 2006.10738), pictures from an average of the generator's weights. softreg trains
with the options given. Published rates are made for hours: with --rates PyTorch trains once with each, and its best counts.
With --standing its pictures are also drawn with statistics of the batch norm that were taken anew, of the averaged weights
(standing statistics, arXiv 1809.11096, appendix), beside the running ones of training.

At fixed intervals of training time (the clock stands still meanwhile) 5,000 pictures are drawn and `softreg evaluate`
measures their Fréchet distance to pictures that neither has seen. Printed are both curves, and the time until either is
as near as PyTorch comes at its best.

Run: python time_to_quality.py CIFAR.bin --weights resnet20.safetensors [--minutes M] [--every SECONDS] [-- OPTIONS]
(needs reference/requirements.txt, and cargo)
"""

import argparse
import copy
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch.nn.utils.parametrizations import spectral_norm

import peer

# What standing statistics are better by, at each measurement; steps a second, by the weight of consistency.
STANDING, SPEEDS = [], {}
MAPS, LATENT, BATCH, HALF_LIFE, COUNT = (96, 48, 24), 128, 64, 10_000, 5_000


class Generator(torch.nn.Module):
    def __init__(self):
        super().__init__()
        a, b, c = MAPS
        self.base = torch.nn.Linear(LATENT, a * 16)
        norm, up = torch.nn.BatchNorm2d, lambda i, o: torch.nn.ConvTranspose2d(i, o, 4, 2, 1)
        relu = torch.nn.ReLU()
        self.rest = torch.nn.Sequential(norm(a), relu, up(a, b), norm(b), relu, up(b, c), norm(c), relu, up(c, 3), torch.nn.Tanh())

    def forward(self, z):
        return self.rest(self.base(z).view(len(z), -1, 4, 4))


class Critic(torch.nn.Module):
    """Of 4x4 convolutions that halve, as softreg's; SNDCGAN has 3x3 ones between them, which cost more."""

    def __init__(self):
        super().__init__()
        a, b, c = MAPS
        conv = lambda i, o, side, stride: spectral_norm(torch.nn.Conv2d(i, o, side, stride, 1))
        leaky = torch.nn.LeakyReLU(0.1)
        self.maps = torch.nn.Sequential(conv(3, c, 4, 2), leaky, conv(c, b, 4, 2), leaky, conv(b, a, 4, 2), leaky)
        self.score = spectral_norm(torch.nn.Linear(a * 16, 1))

    def forward(self, x):
        return self.score(self.maps(x).flatten(1))[:, 0]


def augmented(x):
    """Colour, translation and cutout, as the authors' program has them (arXiv 2006.10738)."""
    n, _, h, w = x.shape
    x = x + torch.rand(n, 1, 1, 1) - 0.5
    mean = x.mean(1, keepdim=True)
    x = (x - mean) * (torch.rand(n, 1, 1, 1) * 2) + mean
    mean = x.mean((1, 2, 3), keepdim=True)
    x = peer.translated((x - mean) * (torch.rand(n, 1, 1, 1) + 0.5) + mean)
    top, left = (torch.randint(0, s + 1, (n, 1, 1)) - s // 4 for s in (h, w))
    rows, columns = torch.arange(h).view(1, h, 1), torch.arange(w).view(1, 1, w)
    hole = (rows >= top) & (rows < top + h // 2) & (columns >= left) & (columns < left + w // 2)
    return x * ~hole[:, None]


def moved(x):
    """Flipped at random and shifted, as consistency has it."""
    flips = (torch.rand(len(x)) < 0.5).view(-1, 1, 1, 1)
    return peer.translated(torch.where(flips, x.flip(-1), x))


class Torch:
    def __init__(self, pictures, seed, rate, consistency):
        torch.manual_seed(seed)
        self.consistency = consistency
        self.pictures = pictures
        self.generator, self.critic = Generator(), Critic()
        self.average = copy.deepcopy(self.generator)
        adam = lambda player: torch.optim.Adam(player.parameters(), lr=rate, betas=(0.5, 0.999))
        self.optimizers = adam(self.generator), adam(self.critic)

    def step(self):
        real = self.pictures[torch.randint(len(self.pictures), (BATCH,))].float() / 127.5 - 1
        real = torch.where((torch.rand(BATCH) < 0.5).view(-1, 1, 1, 1), real, real.flip(-1))
        made = self.generator(torch.randn(BATCH, LATENT))
        score = self.critic(augmented(real))
        loss = F.relu(1 - score).mean() + F.relu(1 + self.critic(augmented(made.detach()))).mean()
        if self.consistency:
            loss = loss + self.consistency * (self.critic(real) - self.critic(moved(real))).pow(2).mean()
        self.optimizers[1].zero_grad(set_to_none=True)
        loss.backward()
        self.optimizers[1].step()
        self.critic.requires_grad_(False)
        loss = -self.critic(augmented(made)).mean()
        self.optimizers[0].zero_grad(set_to_none=True)
        loss.backward()
        self.optimizers[0].step()
        self.critic.requires_grad_(True)
        with torch.no_grad():
            own, average = ([*p.parameters()] for p in (self.generator, self.average))
            torch._foreach_lerp_(average, own, 1 - 0.5 ** (BATCH / HALF_LIFE))
            for mean, now in zip(self.average.buffers(), self.generator.buffers()):
                mean.copy_(now)

    def draw(self, path, standing):
        """A file in the form of CIFAR-10's; nothing of it goes into the training, nor does it draw from its random numbers."""
        state, player = torch.get_rng_state(), copy.deepcopy(self.average)
        with torch.no_grad():
            if standing:
                for layer in player.modules():
                    if isinstance(layer, torch.nn.BatchNorm2d):
                        layer.reset_running_stats()
                        layer.momentum = None
                for _ in range(20):
                    player(torch.randn(500, LATENT))
            player.eval()
            made = torch.cat([player(torch.randn(500, LATENT)) for _ in range(COUNT // 500)])
        torch.set_rng_state(state)
        pixels = ((made + 1) * 127.5).round().clamp(0, 255).byte().flatten(1).numpy()
        np.concatenate([np.zeros((COUNT, 1), np.uint8), pixels], 1).tofile(path)


def distance(what, options, *more):
    out = Path(options.folder) / "out.json"
    # A report that is there already is not replaced.
    out.unlink(missing_ok=True)
    command = [peer.TARGET / "softreg", "evaluate", what, "--metric", "fd", "--json", "--count", COUNT, "--out", out]
    command += ["--reference", options.pictures, "--reference-skip", options.skip, "--reference-limit", options.reference]
    command += ["--features", "resnet20", "--weights", options.weights, *more]
    said = subprocess.run([str(x) for x in command], check=True, capture_output=True, text=True).stdout
    return json.loads(said)["metrics"]["fd5k_resnet20"]["value"]


def of_torch(options, seed, rate, consistency):
    """Minutes and distances, of the better statistics where both are taken."""
    records = np.fromfile(options.pictures, np.uint8).reshape(-1, 3073)[: options.limit, 1:]
    torch.set_num_threads(1)
    run = Torch(torch.from_numpy(records.reshape(-1, 3, 32, 32).copy()), seed, rate, consistency)
    curve, spent, steps, path = [], 0.0, 0, Path(options.folder) / "made.bin"
    while spent < 60 * options.minutes:
        start, until = time.perf_counter(), spent + options.every
        while spent + time.perf_counter() - start < until:
            run.step()
            steps += 1
        spent += time.perf_counter() - start
        found = []
        for standing in [False, True][: 1 + options.standing]:
            run.draw(path, standing)
            found.append(distance(path, options))
        STANDING.extend([found[0] - found[1]] if options.standing else [])
        curve.append((spent / 60, min(found)))
        told = ", ".join(f"{value:.2f}" for value in found)
        print(f"PyTorch, rate {rate:g}, consistency {consistency:g}, seed {seed}: {curve[-1][0]:.2f} minutes, {steps} steps: {told}", file=sys.stderr, flush=True)
    SPEEDS.setdefault(consistency, []).append(steps / spent)
    return curve


def of_softreg(options, seed):
    out = Path(options.folder) / f"run-{seed}"
    command = [peer.TARGET / "softreg", "train", options.pictures, "--recipe", "cifar10", "--limit", options.limit, "--quiet"]
    command += ["--threads", 1, "--seed", seed, "--minutes", options.minutes, "--out", out, "--set", "output.keep=100000"]
    command += ["--set", "output.sheet-every=1000000", "--set", "output.checkpoint-every=250", *options.more]
    subprocess.run([str(x) for x in command], check=True, stdout=subprocess.DEVNULL)
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    seconds = {row["step"]: row["seconds"] for row in rows}
    curve, wanted = [], options.every
    for step in sorted(int(path.stem.split("-")[1]) for path in (out / "checkpoints").glob("step-*")):
        # The first of a run, which has learned nothing, has no row.
        now = seconds.get(step, 0)
        # Until the first interval is over all of them: what PyTorch comes to at its best may lie there.
        if now >= wanted or 0 < now < options.every:
            curve.append((now / 60, distance(out, options, "--checkpoint", step)))
            print(f"softreg, seed {seed}: {curve[-1][0]:.2f} minutes, {step} steps: {curve[-1][1]:.2f}", file=sys.stderr)
            if now >= wanted:
                wanted = now + options.every
    return curve


def reached(curve, target):
    """Minutes until a distance of at most `target`, between two measurements on a straight line."""
    before = None
    for minutes, value in curve:
        if value <= target:
            if before is None:
                return minutes
            return before[0] + (minutes - before[0]) * (before[1] - target) / (before[1] - value)
        before = (minutes, value)
    return None


def main():
    end = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--limit", type=int, default=1000)
    parser.add_argument("--skip", type=int, default=5000)
    parser.add_argument("--reference", type=int, default=3000)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--every", type=float, default=60)
    parser.add_argument("--rates", type=float, nargs="+", default=[2e-4], help="PyTorch's learning rates")
    parser.add_argument("--consistency", type=float, nargs="+", default=[10], help="PyTorch's weights of consistency")
    parser.add_argument("--standing", action="store_true", help="measure PyTorch with standing statistics too")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--built", action="store_true", help="do not run cargo")
    options = parser.parse_args(sys.argv[1:end])
    options.more = sys.argv[end + 1 :]
    if not options.built:
        subprocess.run(["cargo", "build", "--release", "--quiet", "-p", "softreg-cli"], cwd=peer.ROOT, check=True)
    for seed in range(options.seeds):
        with tempfile.TemporaryDirectory() as options.folder:
            kinds = [(rate, consistency) for rate in options.rates for consistency in options.consistency]
            ours, theirs = of_softreg(options, seed), [of_torch(options, seed, *kind) for kind in kinds]
        heads = "".join(f" PyTorch, {rate:g}, {consistency:g} | |" for rate, consistency in kinds)
        print(f"\nSeed {seed}, minutes and distance:\n\n| softreg | |{heads}\n|{'---:|' * (2 + 2 * len(theirs))}")
        for i in range(max(map(len, [ours, *theirs]))):
            cell = lambda curve: f" {curve[i][0]:.1f} | {curve[i][1]:.1f} |" if i < len(curve) else " | |"
            print("|" + "".join(map(cell, [ours, *theirs])))
        target = min(value for curve in theirs for _, value in curve)
        a, b = reached(ours, target), min(filter(None, (reached(curve, target) for curve in theirs)))
        told = f"softreg {a:.1f} minutes, PyTorch {b:.1f}: {b / a:.1f} times sooner" if a else f"softreg did not get there, PyTorch in {b:.1f} minutes"
        print(f"\nA distance of {target:.1f}, PyTorch's best: {told}")
    if STANDING:
        better = sum(gain > 0 for gain in STANDING)
        print(f"Standing statistics: better in {better} of {len(STANDING)}, by {np.median(STANDING):.1f} in the median")
    for consistency, speeds in SPEEDS.items():
        print(f"PyTorch with consistency {consistency:g}: {np.mean(speeds):.1f} steps a second")


if __name__ == "__main__":
    main()
