"""Training: softreg beside PyTorch, in turn, on the same work.

The same networks (equalised layers, batch norm behind the activation, self-modulation), loss, optimiser, batch, moving average of the
generator and, in the second part, regularizers and augmentation. Before anything is timed, PyTorch must follow ten
steps of `softreg train` from the same weights, pictures, latents, moves and partners, without and with regularizers: losses
and values of regularizers to 1e-3, Adam's moments to 2 %, and the weights to 3 % of how far they went (on CUDA softreg's
products round to TF32, and bounds are wider), or the program ends. softreg is timed as users run it, `softreg train`, from its own record of every step; PyTorch is given its fastest f32 mode of eager,
channels_last and, with --compile, torch.compile, each in a process of its own. On a graphics processor PyTorch computes on
the same card, with TF32 in convolutions as it does unless told otherwise, and never waits for a loss; the modes are then also bf16 (autocast),
which is not in the ratio of f32, and, with --compile, graphs (torch.compile with mode="reduce-overhead"). With --bf16
both programs compute in bfloat16 too (PyTorch by autocast).

Run: python peer.py [--rounds N] [--seconds S] [--compile] [--bf16] [--device cpu|cuda|vulkan] [--network N] [--width W] [--batch B]
(needs cargo or, with --built, what cargo has built; where this Python has no PyTorch, the packages of
reference/requirements.txt are installed from PyPI in target/peer, once, and used from there)
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILT = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
TARGET = BUILT / "release"
PACKAGES = ("torch", "numpy", "safetensors")


def with_packages():
    """Goes on in a Python that has the packages."""
    if all(find_spec(name) for name in PACKAGES):
        return
    own = BUILT / "peer"
    python = own / "bin/python"
    if Path(sys.prefix) == own:
        sys.exit(f"{own} lacks a package: delete it, and run this again")
    if not python.exists():
        print(f"installing PyTorch in {own}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", own], check=True)
    wanted = (ROOT / "reference/requirements.txt").read_text().split()
    wanted = [line for line in wanted if line.split("==")[0] in PACKAGES]
    subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=True)
    os.execv(python, [str(python), *sys.argv])


if __name__ == "__main__":
    with_packages()

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

import startup

GAIN = math.sqrt(2 / (1 + 0.2**2))
LATENT, RATES, BETAS = 64, (0.01, 0.02), (0.5, 0.99)
CONSISTENCY, MODE_SEEKING = 1.0, 0.1
HALF_LIFE = 10_000
WARM = STEPS = 10


def leaky(x):
    return F.leaky_relu(x, 0.2)


class Player(torch.nn.Module):
    """A network with its weights by softreg's names."""

    def __init__(self, w):
        super().__init__()
        self.w = torch.nn.ParameterDict({k.replace(".", "/"): torch.nn.Parameter(v.clone()) for k, v in w.items()})

    def equalised(self, name, x, gain, run=F.conv2d, **how):
        """A layer with its weights divided by the root of what every value is a sum of."""
        weight, bias = self.w[f"{name}/weight"], self.w[f"{name}/bias"]
        inputs = 4 * len(weight) if run == F.conv_transpose2d else weight[0].numel()
        return run(x, weight * (gain / math.sqrt(inputs)), bias, **how)

    def normalized(self, name, x, z):
        """Batch norm, and what self-modulation makes of it: gain and shift of every channel by the generator's input."""
        y = F.batch_norm(x, None, None, training=True, eps=1e-5)
        if f"{name}/modulation/weight" not in self.w:
            return y
        weight, bias = self.w[f"{name}/modulation/weight"], self.w[f"{name}/modulation/bias"]
        style = (z * (0.5 / math.sqrt(LATENT))) @ weight + bias
        gain, shift = style[:, :, None, None].chunk(2, dim=1)
        return y * (1 + gain) + shift

    def base(self, z, network):
        weight, bias = self.w[f"network/{network}/base/weight"], self.w[f"network/{network}/base/bias"]
        return (z / math.sqrt(LATENT) * (GAIN if network == "Dcgan" else 1.0)) @ weight + bias

    def score(self, x):
        x = x.flatten(1)
        return ((x / math.sqrt(x.shape[1])) @ self.w["score/weight"] + self.w["score/bias"])[:, 0]


class DcganGenerator(Player):
    def forward(self, z):
        x = leaky(self.base(z, "Dcgan").view(len(z), -1, 4, 4))
        for i, gain in enumerate((GAIN, GAIN, 1.0)):
            name = f"network/Dcgan/doublings/{i}"
            x = self.normalized(f"network/Dcgan/norms/{i}", x, z)
            x = self.equalised(name, x, gain, F.conv_transpose2d, stride=2, padding=1)
            x = torch.tanh(x) if i == 2 else leaky(x)
        return x


class DcganCritic(Player):
    def forward(self, x):
        for i in range(3):
            x = leaky(self.equalised(f"network/Dcgan/halvings/{i}", x, GAIN, stride=2, padding=1))
        return self.score(x)


class ResidualGenerator(Player):
    def forward(self, z):
        doubled = lambda x: F.interpolate(x, scale_factor=2)
        x = self.base(z, "Residual").view(len(z), -1, 4, 4)
        for i in range(3):
            name = f"network/Residual/blocks/{i}"
            y = self.normalized(f"{name}/norms/0", leaky(x), z)
            y = self.equalised(f"{name}/first", doubled(y), GAIN, padding=1)
            y = self.normalized(f"{name}/norms/1", leaky(y), z)
            y = self.equalised(f"{name}/second", y, GAIN, padding=1)
            x = (doubled(self.equalised(f"{name}/shortcut", x, 1.0)) + y) * math.sqrt(0.5)
        x = self.normalized("network/Residual/norm", leaky(x), z)
        return torch.tanh(self.equalised("network/Residual/picture", x, 1.0, padding=1))


class ResidualCritic(Player):
    def forward(self, x):
        halved = lambda x: F.avg_pool2d(x, 2)
        x = self.equalised("network/Residual/picture", x, 1.0, padding=1)
        for i in range(3):
            name = f"network/Residual/blocks/{i}"
            y = self.equalised(f"{name}/first", leaky(x), GAIN, padding=1)
            y = halved(self.equalised(f"{name}/second", leaky(y), GAIN, padding=1))
            x = (self.equalised(f"{name}/shortcut", halved(x), 1.0) + y) * math.sqrt(0.5)
        return self.score(leaky(x))


def trained(weights):
    return {k: v for k, v in weights.items() if "standing" not in k}


def players(file):
    part = lambda name: {k[len(name) + 1 :]: v for k, v in trained(file).items() if k.startswith(name + "/")}
    residual = any(".Residual." in name for name in file)
    made, judged = (ResidualGenerator, ResidualCritic) if residual else (DcganGenerator, DcganCritic)
    return made(part("generator")), judged(part("critic"))


def adam(player, rate):
    return torch.optim.Adam(player.parameters(), lr=rate, betas=BETAS, eps=1e-8)


def translated(x):
    """Every picture shifted by up to an eighth, zeros behind it (arXiv 2006.10738)."""
    n, _, h, w = x.shape
    along = lambda count: torch.arange(count, device=x.device)
    down, right = (torch.randint(-(s // 8), s // 8 + 1, (n, 1, 1), device=x.device) for s in (h, w))
    rows, columns = along(h).view(1, h, 1) + 1 + down, along(w).view(1, 1, w) + 1 + right
    padded = F.pad(x, (1, 1, 1, 1))
    at = along(n).view(n, 1, 1)
    picked = padded.permute(0, 2, 3, 1)[at, rows.clamp(0, h + 1), columns.clamp(0, w + 1)]
    return picked.permute(0, 3, 1, 2)


class Drawn:
    """Moves and partners drawn at random, as training draws them."""

    def real(self, x):
        return translated(x)

    made = judged = real

    def copy(self, x):
        return translated(x.flip(-1))

    def partners(self, n, device):
        return torch.roll(torch.arange(n, device=device), 1)


class Replayed:
    """Those of a run of softreg's in one of its steps: for every pixel its place in the picture before, from 1; 0 at the border."""

    def __init__(self, file, t):
        self.file, self.t = file, t

    def moved(self, x, name):
        places = self.file[name][self.t].flatten(1).long()[:, None].expand(-1, x.shape[1], -1)
        return F.pad(x.flatten(2), (1, 0)).gather(2, places).view_as(x)

    def real(self, x):
        return self.moved(x, "real-from")

    def made(self, x):
        return self.moved(x, "made-from")

    def judged(self, x):
        return self.moved(x, "judged-from")

    def copy(self, x):
        return self.moved(x, "copy-from")

    def partners(self, n, device):
        return self.file["partners"][self.t].long()


def step(generator, critic, optimizers, real, z, draws):
    """The losses and the values of regularizers, by softreg's names; without `draws` there are neither these nor moves."""
    made = generator(z)
    for p in critic.parameters():
        p.requires_grad_(True)
    view = draws.real(real) if draws else real
    fake = made.detach()
    views = [view, draws.made(fake), draws.copy(view)] if draws else [view, fake]
    # One pass over all of them, as in softreg.
    score, of_made, *moved = critic(torch.cat(views)).split(len(real))
    of_critic = F.softplus(-score).mean() + F.softplus(of_made).mean()
    parts = {"loss/critic": of_critic}
    if draws:
        parts["reg/consistency/raw"] = consistency = (score - moved[0]).pow(2).mean()
        of_critic = of_critic + CONSISTENCY * consistency
    optimizers[1].zero_grad(set_to_none=True)
    of_critic.backward()
    optimizers[1].step()
    for p in critic.parameters():
        p.requires_grad_(False)
    of_generator = F.softplus(-critic(draws.judged(made) if draws else made)).mean()
    parts["loss/generator"] = of_generator
    if draws:
        order = draws.partners(len(z), z.device)
        ratio = (made - made[order]).abs().mean() / (z - z[order]).abs().mean()
        parts["reg/mode-seeking/raw"] = mode_seeking = 1 / (ratio + 1e-5)
        of_generator = of_generator + MODE_SEEKING * mode_seeking
    optimizers[0].zero_grad(set_to_none=True)
    of_generator.backward()
    optimizers[0].step()
    return {name: part.detach() for name, part in parts.items()}


def trained_by_softreg(options, regularized, precision):
    """The options of `softreg train` for this work."""
    command = ["--quiet", "--device", options.device, "--network", options.network, "--width", options.width, "--batch", options.batch]
    command += ["--set", f"training.precision={precision}", "--set", "output.log-every=1"]
    return command + ([] if regularized else ["--reg", "none", "--augment", "none"])


def check(options, regularized, precision="f32"):
    """Ten steps from softreg's weights and draws must give softreg's losses, values of regularizers and weights.

    At a hundredth of the rates: Adam's first steps are signs of gradients, and where one is near 0, rounding decides
    it. At full rates a difference of 1e-6 grows to 1e-2 within ten steps, in either program.
    """
    rates = [rate / 100 for rate in RATES]
    with tempfile.TemporaryDirectory() as folder:
        run, draws = Path(folder) / "run", Path(folder) / "draws.safetensors"
        command = [TARGET / "softreg", "train", *trained_by_softreg(options, regularized, precision), "--threads", 1, "--steps", STEPS, "--out", run]
        command += ["--set", f"optimizer.generator-rate={rates[0]}", "--set", f"optimizer.critic-rate={rates[1]}"]
        subprocess.run([str(x) for x in command], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([TARGET / "peer", run, draws], check=True)
        rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        read = lambda path: load_file(path, device=options.torch)
        before, after = (read(run / f"checkpoints/step-{step:08}.safetensors") for step in (0, STEPS))
        file = before | read(draws)
    full = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    generator, critic = players(file)
    optimizers = adam(generator, rates[0]), adam(critic, rates[1])
    worst = 0.0
    for t, row in enumerate(rows):
        draws = Replayed(file, t) if regularized else None
        found = step(generator, critic, optimizers, file["real"][t], file["latents"][t], draws)
        wanted = {name for name in row if name.startswith("loss/") or name.endswith("/raw")}
        if wanted != set(found):
            sys.exit(f"softreg's objective is of {', '.join(sorted(wanted))}")
        # Losses are of the order of 1; a consistency near 0 is a difference of scores, and has fewer digits.
        worst = max(worst, *(abs(value.item() - row[name]) / (abs(row[name]) + 0.01) for name, value in found.items()))
    weight = lambda name: rows[0][f"reg/{name}/weighted"] / rows[0][f"reg/{name}/raw"]
    weights = {"consistency": CONSISTENCY, "mode-seeking": MODE_SEEKING} if regularized else {}
    if len(rows) != STEPS or not all(math.isclose(weight(name), value) for name, value in weights.items()):
        sys.exit("softreg took other steps than were asked for")
    apart, way = [0.0] * 3, [0.0] * 3
    for name, player, optimizer in zip(("generator", "critic"), (generator, critic), optimizers):
        for path, weight in player.w.items():
            path, state = path.replace("/", "."), optimizer.state[weight]
            expected = [after[f"optimizer.{name}/{path}/momentum.moment_{i}"] for i in (1, 2)]
            pairs = [(state["exp_avg"], expected[0]), (state["exp_avg_sq"], expected[1])]
            key, weight = f"{name}/{path}", weight.detach()
            pairs.append((weight - before[key], after[key] - before[key]))
            for i, (found, wanted) in enumerate(pairs):
                apart[i] += (found - wanted).double().pow(2).sum().item()
                way[i] += wanted.double().pow(2).sum().item()
    *moments, weights = (math.sqrt(a / b) for a, b in zip(apart, way))
    what = "with regularizers" if regularized else "without regularizers"
    print(f"ten steps in {precision} {what} agree with PyTorch's in f32: losses to {worst:.1e}, Adam's moments to {max(moments):.1e}, weights to {weights:.1e} of their way", file=sys.stderr)
    # Where a value next to the kink of a leaky ReLU is rounded to its other side, the gradients of all layers in front
    # change by 1e-3. On CUDA, softreg's products round to TF32, of 10 bits; bfloat16 has 7.
    least = {"f32": (1e-3, 2e-2, 3e-2), "tf32": (1e-2, 0.1, 0.5), "bf16": (5e-2, 0.2, 0.5)}
    least = least["tf32" if options.device == "cuda" and precision == "f32" else precision]
    if not all(found <= bound for found, bound in zip((worst, max(moments), weights), least)):
        sys.exit("softreg and PyTorch do not do the same work: nothing was timed")
    torch.backends.cudnn.allow_tf32 = full
    return file


def peak_memory(process):
    """MB. Not the resource usage of a child, which begins with that of its parent."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return max((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), default=0.0)


def time_torch(*work):
    """Images per second of one mode and the peak memory in MB, in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as one:
        return one.submit(run_torch, *work).result()


def run_torch(file, threads, options, regularized, mode):
    seconds, batch, device = options.seconds, options.batch, options.torch
    file = {name: value.to(device) for name, value in file.items()}
    torch.set_num_threads(threads)
    generator, critic = players(file)
    if mode.endswith("channels_last"):
        generator, critic = (p.to(memory_format=torch.channels_last) for p in (generator, critic))
    average = [p.detach().clone() for p in generator.parameters()]
    optimizers = adam(generator, RATES[0]), adam(critic, RATES[1])
    pictures = (file["real"].flatten(0, 1) * 127.5 + 127.5).byte()
    made, judged = generator, critic
    if mode in ("compile", "graphs"):
        how = {"mode": "reduce-overhead"} if mode == "graphs" else {}
        made, judged = torch.compile(generator, **how), torch.compile(critic, **how)
    narrow = torch.autocast(device, dtype=torch.bfloat16, enabled=mode.startswith("bf16"))
    done = torch.cuda.synchronize if device == "cuda" else lambda: None
    draws = Drawn() if regularized else None

    def one():
        chosen = pictures[torch.randint(len(pictures), (batch,), device=device)].float() / 127.5 - 1
        if mode.endswith("channels_last"):
            chosen = chosen.contiguous(memory_format=torch.channels_last)
        with narrow:
            step(made, judged, optimizers, chosen, torch.randn(batch, LATENT, device=device), draws)
        with torch.no_grad():
            torch._foreach_lerp_(average, list(generator.parameters()), 1 - 0.5 ** (batch / HALF_LIFE))

    for _ in range(10):
        one()
    done()
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        one()
        count += 1
    done()
    return count * batch / (time.perf_counter() - start), peak_memory("self")


def time_softreg(threads, options, regularized, precision):
    """Images per second over all steps after the first second (where kernels are chosen, ten), and the peak memory in MB."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        warm = 1 if options.device == "cpu" else WARM
        command = [TARGET / "softreg", "train", *trained_by_softreg(options, regularized, precision), "--threads", threads]
        command += ["--minutes", (options.seconds + warm) / 60, "--out", out]
        started = subprocess.Popen([str(x) for x in command], stdout=subprocess.DEVNULL)
        peak = 0
        while started.poll() is None:
            peak = max(peak, peak_memory(started.pid))
            time.sleep(0.2)
        if started.returncode:
            sys.exit("softreg failed")
        rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    rows = [row for row in rows if "seconds" in row and row["seconds"] >= warm]
    if len(rows) < 3:
        sys.exit(f"softreg took {len(rows)} steps in {options.seconds} seconds: give it more --seconds")
    first, last = rows[0], rows[-1]
    speed = (last["step"] - first["step"]) * options.batch / (last["seconds"] - first["seconds"])
    return speed, peak


def until_first_step(file):
    """Seconds until a program has taken its first step: softreg from its pictures on, PyTorch with all at hand."""
    with tempfile.TemporaryDirectory() as folder:
        own = startup.first_line(Path(folder) / "run")[1]
        path = Path(folder) / "players.safetensors"
        save_file(file, path)
        begun = time.perf_counter()
        subprocess.run([sys.executable, __file__, "--first-step", path], check=True)
        return own, time.perf_counter() - begun


def first_step(path):
    file = load_file(path)
    generator, critic = players(file)
    step(generator, critic, (adam(generator, RATES[0]), adam(critic, RATES[1])), file["real"][0], file["latents"][0], Drawn())


def installed():
    """MB on disk: the program, and the folder that the packages are in."""
    packages = Path(torch.__file__).parent.parent
    files = (path for path in packages.rglob("*") if path.is_file() and not path.is_symlink())
    return (TARGET / "softreg").stat().st_size / 1e6, sum(path.stat().st_size for path in files) / 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--bf16", action="store_true", help="both programs in bfloat16 too")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda", "vulkan"])
    parser.add_argument("--network", default="dcgan", choices=["dcgan", "residual"])
    parser.add_argument("--width", type=int, default=24)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--built", action="store_true", help="do not run cargo")
    parser.add_argument("--first-step", metavar="FILE", help="take one step in PyTorch from the weights in a file, and end")
    options = parser.parse_args()
    if options.first_step:
        return first_step(options.first_step)
    options.torch = "cpu" if options.device == "cpu" else "cuda"
    packages = ["-p", "softreg-bench", "-p", "softreg-cli"]
    if options.device != "cpu":
        packages += ["--features", f"softreg-cli/{options.device}"]
    if not options.built:
        subprocess.run(["cargo", "build", "--release", "--quiet", *packages], cwd=ROOT, check=True)
    modes = ["eager", "channels_last", *(["compile"] if options.compile else [])]
    if options.torch == "cuda":
        modes += [*(["graphs"] if options.compile else []), "bf16"]
    if options.bf16:
        modes += [mode for mode in ("bf16", "bf16 channels_last") if mode not in modes]
        listed = json.loads(subprocess.run([TARGET / "softreg", "devices", "--json"], check=True, capture_output=True, text=True).stdout)
        if not any(one["device"].split(":")[0] == options.device and one["critic_images_per_second_bf16"] for one in listed):
            sys.exit(f"--bf16: softreg has no bfloat16 on {options.device} here, and would compute in f32")
    precisions = ["f32", "bf16"] if options.bf16 else ["f32"]
    file = [check(options, regularized, precision) for regularized in (False, True) for precision in precisions][0]
    where = f"{os.cpu_count()} cores" if options.torch == "cpu" else torch.cuda.get_device_name()
    print(f"{where}, {options.network} of width {options.width}, batch {options.batch}, medians of {options.rounds} rounds in turn\n")
    columns = [*(f"softreg {p}, img/s" for p in precisions), *(f"PyTorch {m}" for m in modes), *(f"ratio to the best, {p}" for p in precisions)]
    print("| work | threads | " + " | ".join(columns) + " |")
    print("|---|---:|" + "---:|" * len(columns))
    file = {name: value.cpu() for name, value in file.items()}
    peak, peer_peaks = 0.0, dict.fromkeys(modes, 0.0)
    for regularized in (False, True):
        for threads in (1, 2) if options.torch == "cpu" else (1,):
            own, theirs = {p: [] for p in precisions}, {mode: [] for mode in modes}
            for _ in range(options.rounds):
                for precision in precisions:
                    speed, memory = time_softreg(threads, options, regularized, precision)
                    own[precision].append(speed)
                    peak = max(peak, memory)
                for mode in modes:
                    speed, memory = time_torch(file, threads, options, regularized, mode)
                    theirs[mode].append(speed)
                    peer_peaks[mode] = max(peer_peaks[mode], memory)
            own = {precision: statistics.median(speeds) for precision, speeds in own.items()}
            theirs = {mode: statistics.median(speeds) for mode, speeds in theirs.items()}
            # In bfloat16 against all that PyTorch has, since its single precision may be the faster.
            best = {"f32": max(speed for mode, speed in theirs.items() if "bf16" not in mode), "bf16": max(theirs.values())}
            name = "consistency, mode seeking, translation" if regularized else "no regularizer"
            cells = [f"{speed:.0f}" for speed in (*own.values(), *theirs.values())]
            cells += [f"{own[precision] / best[precision]:.2f}" for precision in precisions]
            print(f"| {name} | {threads} | {' | '.join(cells)} |", flush=True)
    peer_peak = min(peer_peaks.values())
    # Of the default recipe, on the processor.
    default = options.device == "cpu" and options.network == "dcgan"
    starts = [until_first_step(file) for _ in range(options.rounds if default else 0)]
    size, peer_size = installed()
    print("\n| | softreg | PyTorch | ratio |\n|---|---:|---:|---:|")
    print(f"| peak memory (PyTorch: of the mode with the least), MB | {peak:.0f} | {peer_peak:.0f} | {peer_peak / peak:.1f} |")
    if starts:
        own, theirs = (statistics.median(side) for side in zip(*starts))
        print(f"| start until the first step is done, s | {own:.2f} | {theirs:.2f} | {theirs / own:.1f} |")
    print(f"| on disk, MB | {size:.0f} | {peer_size:.0f} | {peer_size / size:.0f} |")


if __name__ == "__main__":
    main()
