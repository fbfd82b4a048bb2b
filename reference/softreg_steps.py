"""Ten optimisation steps of a small GAN with every regularizer, in PyTorch.

Why: a formula can be right and still be wired wrongly: to the wrong player, at the wrong time, with a
stale state. This program trains from given weights with given draws and stores what both players' losses
were; the crate must follow. It shares no code with the crate. Everything is computed in float64 from
numbers that float32 holds exactly.

Run: python softreg_steps.py [OUT.safetensors]
"""

import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import golden_file

SEED = 20200211
OUT = Path(__file__).parent / "golden" / "softreg_steps.safetensors"
STEPS, BATCH, LATENTS, CHANNELS, SIDE, FEATURES = 10, 6, 5, 3, 6, 8
PIXELS = CHANNELS * SIDE * SIDE

torch.use_deterministic_algorithms(True)
torch.set_num_threads(1)
random = torch.Generator().manual_seed(SEED)


def normal(*shape, scale=1.0):
    return (torch.randn(*shape, generator=random, dtype=torch.float64) * scale).float().double()


def permutation(cycle):
    """A random order of the batch; with `cycle` nobody stays in place."""
    while True:
        order = torch.randperm(BATCH, generator=random)
        if not cycle or (order != torch.arange(BATCH)).all():
            return order


# Weights and draws, the same for all regularizers.

WEIGHTS = {
    "generator/matrix": normal(LATENTS, PIXELS, scale=0.5),
    "generator/bias": normal(PIXELS, scale=0.1),
    "critic/conv": normal(FEATURES, CHANNELS, 3, 3, scale=0.25),
    "critic/conv_bias": normal(FEATURES, scale=0.1),
    "critic/matrix": normal(FEATURES * SIDE * SIDE, 1, scale=0.08),
    "critic/bias": normal(1, scale=0.1),
}
HIDDEN = FEATURES * SIDE * SIDE
DRAWS = {
    "real": normal(STEPS, BATCH, CHANNELS, SIDE, SIDE, scale=0.5),
    "latents": normal(STEPS, BATCH, LATENTS),
    # Partners: another row of the batch, for pictures and for latents.
    "cycle": torch.stack([permutation(True) for _ in range(STEPS)]),
    # Noise on pictures and on latents.
    "picture_noise": normal(STEPS, BATCH, CHANNELS, SIDE, SIDE, scale=0.05),
    "latent_noise": normal(STEPS, BATCH, LATENTS, scale=0.05),
    # Moves of pictures: whether mirrored, and how far down and right, with wrapping around.
    "moves": torch.randint(-1, 2, (STEPS, BATCH, 3), generator=random),
    # What features are multiplied with: at real pictures, at generated ones, and again at both.
    "masks": (1 + normal(STEPS, 4, BATCH, HIDDEN, scale=0.25)).float().double(),
    "mixture": torch.stack([permutation(False) for _ in range(STEPS)]),
    "share": torch.rand(STEPS, generator=random, dtype=torch.float64).float().double(),
    # Where between real and generated pictures.
    "between": torch.rand(STEPS, BATCH, generator=random, dtype=torch.float64).float().double(),
    "u_conv": F.normalize(normal(FEATURES), dim=0).float().double(),
    "u_matrix": F.normalize(normal(HIDDEN), dim=0).float().double(),
}


def move(x, moves):
    """Pictures mirrored and shifted around their edges: any move does, so that it is the same for all."""
    result = []
    for picture, (mirror, down, right) in zip(x, moves.tolist()):
        picture = picture.flip(-1) if mirror > 0 else picture
        result.append(torch.roll(picture, (down, right), (-2, -1)))
    return torch.stack(result)


class Generator:
    def __init__(self):
        self.weights = [WEIGHTS[f"generator/{n}"].clone().requires_grad_() for n in ("matrix", "bias")]

    def __call__(self, z):
        matrix, bias = self.weights
        return torch.tanh(z @ matrix + bias).reshape(-1, CHANNELS, SIDE, SIDE)


class Critic:
    def __init__(self, weights=None):
        names = ("conv", "conv_bias", "matrix", "bias")
        self.weights = weights or [WEIGHTS[f"critic/{n}"].clone().requires_grad_() for n in names]

    def features(self, x):
        return F.leaky_relu(F.conv2d(x, self.weights[0], self.weights[1], padding=1), 0.2).flatten(1)

    def __call__(self, x, mask=None):
        h = self.features(x)
        return ((h if mask is None else h * mask) @ self.weights[2] + self.weights[3])[:, 0]


def bernoulli(a, b):
    """Symmetric KL of yes-or-no answers, from their definition."""
    p, q = torch.sigmoid(a), torch.sigmoid(b)
    kl = lambda x, y: p_log(x, y) + p_log(1 - x, 1 - y)
    p_log = lambda x, y: x * (x.log() - y.log())
    return ((kl(p, q) + kl(q, p)) / 2).mean()


def square(a, b):
    return (a - b).pow(2).mean()


def gradient(critic, x):
    x = x.detach().requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return g.flatten(1)


class Step:
    """What a regularizer can see in one update."""

    def __init__(self, t, state, generator, critic):
        self.t, self.state, self.generator, self.critic = t, state, generator, critic
        self.draw = {k: v[t] for k, v in DRAWS.items() if not k.startswith("u_")}
        self.real = self.draw["real"]
        self.made = generator(self.draw["latents"])
        self.fake = self.made.detach()


# Each regularizer: its λ·R for the critic, and for the generator. Written from the papers.


def consistency(s):
    return square(s.critic(s.real), s.critic(move(s.real, s.draw["moves"])))


def mode_seeking(s):
    other = s.draw["cycle"]
    z = s.draw["latents"]
    return 1 / ((s.made - s.made[other]).abs().mean() / (z - z[other]).abs().mean() + 1e-5)


def diversity(s):
    other, z = s.draw["cycle"], s.draw["latents"]
    of_images = (s.made - s.made[other]).abs().flatten(1).mean(1)
    ratio = of_images / (z - z[other]).abs().mean(1)
    return -torch.clamp(ratio, max=10.0).mean()


def slope(s, x):
    return square(s.critic(x), s.critic(x + s.draw["picture_noise"]))


def lecam(s):
    if "alpha" not in s.state:
        return None
    real, fake = s.state["alpha"]
    above = F.relu(s.critic(s.real) - fake).pow(2).mean()
    below = F.relu(real - s.critic(s.fake)).pow(2).mean()
    return 0.3 * (above + below)


def latent_critic(s):
    moved = s.generator(s.draw["latents"] + s.draw["latent_noise"]).detach()
    return 5 * square(s.critic(s.fake), s.critic(moved))


def latent_generator(s):
    moved = s.generator(s.draw["latents"] + s.draw["latent_noise"])
    return -0.5 * square(s.made, moved)


def interpolation(s):
    teacher = Critic(s.state["teacher"])
    share, other = s.draw["share"], s.draw["mixture"]
    with torch.no_grad():
        said = teacher(s.real)
        wanted = share * said + (1 - share) * said[other]
    left = 1 - min(s.t / 10, 1)
    weight = 1.0 * np.exp(-5 * left * left)
    return weight * square(s.critic(share * s.real + (1 - share) * s.real[other]), wanted)


def between(s):
    u = s.draw["between"][:, None, None, None]
    length = gradient(s.critic, u * s.real + (1 - u) * s.fake).norm(dim=1)
    return 10 * (length - 1).pow(2).mean()


def masks(s):
    return s.draw["masks"]


def weights_of(net):
    return [w for w in net.weights if w.ndim >= 2]


REGULARIZERS = {
    "balanced": (
        lambda s: 10 * consistency(s) + 10 * square(s.critic(s.fake), s.critic(move(s.fake, s.draw["moves"]))),
        None,
    ),
    "consistency": (lambda s: 10 * consistency(s), None),
    "consistency+mode-seeking": (lambda s: 10 * consistency(s), mode_seeking),
    "diversity": (None, lambda s: 5 * diversity(s)),
    "dropout": (lambda s: bernoulli(s.critic(s.real, masks(s)[0]), s.critic(s.real, masks(s)[2])), None),
    "interpolation": (interpolation, None),
    "l1": (
        lambda s: 1e-6 * sum(w.abs().sum() for w in weights_of(s.critic)),
        lambda s: 1e-6 * sum(w.abs().sum() for w in weights_of(s.generator)),
    ),
    "l2": (
        lambda s: 1e-5 * sum(w.pow(2).sum() for w in weights_of(s.critic)),
        lambda s: 1e-5 * sum(w.pow(2).sum() for w in weights_of(s.generator)),
    ),
    "latent": (latent_critic, latent_generator),
    "lecam": (lecam, None),
    "mode-seeking": (None, mode_seeking),
    "modulated": (
        lambda s: square(s.critic(s.real, masks(s)[0]), s.critic(s.real, masks(s)[2]))
        + square(s.critic(s.fake, masks(s)[1]), s.critic(s.fake, masks(s)[3])),
        None,
    ),
    "pair": (lambda s: 0.1 * square(s.critic(s.real), s.critic(s.real)[s.draw["cycle"]]), None),
    "r1": (lambda s: 0.025 * gradient(s.critic, s.real).pow(2).sum(1).mean(), None),
    "r2": (lambda s: 0.025 * gradient(s.critic, s.fake).pow(2).sum(1).mean(), None),
    "slope-fake": (lambda s: 100 * slope(s, s.fake), None),
    "slope-real": (lambda s: 100 * slope(s, s.real), None),
    "spectral": (None, None),
    "wgan-gp": (between, None),
}
MASKED = {"dropout", "modulated"}


def train(name):
    """The whole objectives of critic and generator at each step, `[STEPS, 2]`."""
    of_critic, of_generator = REGULARIZERS.get(name, (None, None))
    generator, critic = Generator(), Critic()
    adam = lambda net, rate: torch.optim.Adam(net.weights, lr=rate, betas=(0.5, 0.99), eps=1e-8)
    optimizers = adam(generator, 0.01), adam(critic, 0.005)
    state = {"teacher": [w.detach().clone() for w in critic.weights]}
    left = {0: DRAWS["u_conv"].clone(), 2: DRAWS["u_matrix"].clone()}
    objectives = []
    for t in range(STEPS):
        run = critic
        if name == "spectral":
            with torch.no_grad():
                right = {}
                for i, u in left.items():
                    matrix = critic.weights[i].flatten(1)
                    right[i] = F.normalize(matrix.T @ u, dim=0)
                    left[i] = F.normalize(matrix @ right[i], dim=0)

            def normalized():
                weights = list(critic.weights)
                for i, u in left.items():
                    weights[i] = weights[i] / (u @ weights[i].flatten(1) @ right[i])
                return Critic(weights)

            run = normalized()
        s = Step(t, state, generator, run)
        of_real, of_fake = (masks(s)[0], masks(s)[1]) if name in MASKED else (None, None)
        real, fake = run(s.real, of_real), run(s.fake, of_fake)
        objective = F.softplus(-real).mean() + F.softplus(fake).mean()
        extra = of_critic and of_critic(s)
        objective = objective if extra is None else objective + extra
        optimizers[1].zero_grad()
        objective.backward()
        optimizers[1].step()
        with torch.no_grad():
            now = real.mean(), fake.mean()
            before = state.get("alpha", now)
            state["alpha"] = [0.99 * a + 0.01 * b for a, b in zip(before, now)]
            decay = min(1 - 1 / (t + 1), 0.999)
            state["teacher"] = [decay * a + (1 - decay) * b for a, b in zip(state["teacher"], critic.weights)]
        if name == "spectral":
            run = normalized()  # the generator sees the critic as it is now
        s.critic = run
        for_generator = F.softplus(-run(s.made, of_fake)).mean()
        if of_generator:
            for_generator = for_generator + of_generator(s)
        optimizers[0].zero_grad()
        for_generator.backward()
        optimizers[0].step()
        objectives.append([objective.item(), for_generator.item()])
    return torch.tensor(objectives, dtype=torch.float64)


def main():
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else OUT
    golden = {**WEIGHTS, **{f"draw/{k}": v for k, v in DRAWS.items()}}
    names = [*REGULARIZERS, "none"]
    golden |= {f"objective/{name}": train(name) for name in names}
    for name, value in golden.items():
        assert not value.is_floating_point() or torch.isfinite(value).all(), name
        if name.startswith("objective/") and name not in ("objective/none", "objective/spectral"):
            difference = (value - golden["objective/none"]).abs().max().item()
            assert difference > 1e-4, f"{name} does nothing that a comparison could see: {difference}"
    golden_file.write(out, golden, __file__, SEED)


if __name__ == "__main__":
    main()
