"""Expected values and gradients for the crate `softreg`, from the papers' formulas.

Why: a port checks itself only against its own misreadings. This program is written from the papers
and, where they leave a detail open, from the authors' description of what they compute; it shares
no code with the crate. Everything is computed in float64 from inputs that float32 holds exactly, so
the stored numbers are the truth to float32 precision.

Run: python softreg_math.py [OUT.safetensors]
"""

import sys
from pathlib import Path

import torch
import torch.nn.functional as F

import golden_file

SEED = 20190313
OUT = Path(__file__).parent / "golden" / "softreg_math.safetensors"

torch.use_deterministic_algorithms(True)
torch.set_num_threads(1)
random = torch.Generator().manual_seed(SEED)
golden: dict[str, torch.Tensor] = {}


def normal(*shape, scale=1.0):
    """Float64 numbers that float32 represents exactly."""
    x = torch.randn(*shape, generator=random, dtype=torch.float64) * scale
    return x.float().double()


def uniform(*shape, low=0.0, high=1.0):
    x = torch.rand(*shape, generator=random, dtype=torch.float64) * (high - low) + low
    return x.float().double()


def store(key, value):
    assert key not in golden, key
    if value.is_floating_point():
        assert torch.isfinite(value).all(), key
        value = value.float()
    golden[key] = value.detach().contiguous().clone()


def case(name, formula, inputs, constants=None):
    """Stores the inputs, formula(inputs) and its gradient wrt each of them.

    A formula with more than one result is stored whole and differentiated as its sum weighted by
    stored random numbers.
    """
    leaves = {k: v.detach().clone().requires_grad_() for k, v in inputs.items()}
    value = formula(**leaves)
    objective = value
    if value.numel() > 1:
        weights = normal(*value.shape)
        store(f"{name}/weights", weights)
        objective = (value * weights).sum()
    gradients = torch.autograd.grad(objective, list(leaves.values()), allow_unused=True)
    store(f"{name}/value", value.reshape(1) if value.ndim == 0 else value)
    for (key, leaf), gradient in zip(leaves.items(), gradients):
        store(f"{name}/{key}", leaf)
        store(f"{name}/{key}.grad", torch.zeros_like(leaf) if gradient is None else gradient)
    for key, constant in (constants or {}).items():
        store(f"{name}/{key}", constant)


# Adversarial losses: D(x) is the probability sigmoid(score) where a paper speaks of one.


def log_probability(score):
    return F.logsigmoid(score)


def minimax_critic(real, fake):
    """Goodfellow et al. 2014, Eq. 1, as a minimisation: -E log D(x) - E log(1 - D(G(z)))."""
    return -log_probability(real).mean() - log_probability(-fake).mean()


def non_saturating_generator(fake):
    """Goodfellow et al. 2014, section 3: maximise log D(G(z))."""
    return -log_probability(fake).mean()


def hinge_critic(real, fake):
    """Miyato et al. 2018, Eq. 16: maximise E min(0, -1 + D(x)) + E min(0, -1 - D(G(z)))."""
    zero = torch.zeros_like(real)
    return -(torch.minimum(zero, real - 1).mean() + torch.minimum(zero, -fake - 1).mean())


def least_squares_critic(real, fake):
    """Mao et al. 2017 with b = 1 for real and a = 0 for generated."""
    return F.mse_loss(real, torch.ones_like(real)) / 2 + F.mse_loss(fake, torch.zeros_like(fake)) / 2


def least_squares_generator(fake):
    """Mao et al. 2017 with c = 1."""
    return F.mse_loss(fake, torch.ones_like(fake)) / 2


def wasserstein_critic(real, fake):
    """Arjovsky et al. 2017: maximise E f(x) - E f(g(z))."""
    return -(real.mean() - fake.mean())


def relativistic_critic(real, fake):
    """Jolicoeur-Martineau 2018, RSGAN: -E log sigmoid(C(x_r) - C(x_f))."""
    return -log_probability(real - fake).mean()


def relativistic_generator(real, fake):
    """Jolicoeur-Martineau 2018, RSGAN: -E log sigmoid(C(x_f) - C(x_r))."""
    return -log_probability(fake - real).mean()


def minus_mean(fake):
    return -fake.mean()


def adversarial():
    losses = {
        "hinge": (hinge_critic, minus_mean),
        "least-squares": (least_squares_critic, least_squares_generator),
        "logistic": (minimax_critic, non_saturating_generator),
        "relativistic": (relativistic_critic, relativistic_generator),
        "wasserstein": (wasserstein_critic, minus_mean),
    }
    batches = {
        "ordinary": (normal(7, scale=1.5), normal(7, scale=1.5)),
        # Half of this batch is decided, the rest is not.
        "extreme": (
            torch.tensor([60.0, -60.0, 0.25, 60.0, -60.0]).double(),
            torch.tensor([-60.0, 60.0, -0.75, 60.0, -60.0]).double(),
        ),
        # Only decided scores: what is left of loss and gradient is as small as exp(-60).
        "critic-wins": (torch.tensor([60.0, 20.5]).double(), torch.tensor([-60.0, -20.5]).double()),
        "critic-loses": (torch.tensor([-60.0, -20.5]).double(), torch.tensor([60.0, 20.5]).double()),
    }
    for loss, (critic, generator) in losses.items():
        for batch, (real, fake) in batches.items():
            case(f"adversarial/{loss}/{batch}/critic", critic, {"real": real, "fake": fake})
            inputs = {"fake": fake}
            if generator is relativistic_generator:
                inputs["real"] = real
            case(f"adversarial/{loss}/{batch}/generator", generator, inputs)


# Distances and aims.


def mean_absolute(a, b):
    return torch.stack([F.l1_loss(p, q) for p, q in zip(a, b)])


def mean_square(a, b):
    return torch.stack([F.mse_loss(p, q) for p, q in zip(a, b)])


def mode_seeking_ratio(outputs, inputs, epsilon=1e-5):
    """Mao et al. 2019 maximise d_I / d_z; their program minimises 1 / (mean d_I / mean d_z + eps)."""
    return 1 / (outputs.mean() / inputs.mean() + epsilon)


def distances_and_aims():
    for name, distance in {"l1": mean_absolute, "squared-l2": mean_square}.items():
        a, b = normal(5, 7), normal(5, 7)
        b[1] = a[1]  # a pair that is equal
        b[2, 3] = a[2, 3]
        case(f"distance/{name}", distance, {"a": a, "b": b})
    case("aim/attract", lambda outputs: outputs.mean(), {"outputs": uniform(6, high=3.0)})
    pair = {"outputs": uniform(6, high=0.8), "inputs": uniform(6, low=0.2, high=2.0)}
    case("aim/repel", mode_seeking_ratio, pair)
    case("aim/repel-epsilon", lambda outputs, inputs: mode_seeking_ratio(outputs, inputs, 0.5), pair)
    near = {"outputs": uniform(6, high=2e-5), "inputs": uniform(6, low=0.2, high=2.0)}
    case("aim/repel-near-collapse", mode_seeking_ratio, near)
    case("aim/repel-outputs-only", lambda outputs: 1 / (outputs.mean() + 1e-5), {"outputs": pair["outputs"]})


# Complete compositions on small networks.


def critic_network(x, conv, conv_bias, linear, linear_bias):
    h = F.leaky_relu(F.conv2d(x, conv, conv_bias, padding=1), 0.2)
    return F.linear(h.flatten(1), linear, linear_bias)


def critic_weights(height, width):
    return {
        "conv": normal(4, 3, 3, 3, scale=0.3),
        "conv_bias": normal(4, scale=0.1),
        "linear": normal(1, 4 * height * width, scale=0.1),
        "linear_bias": normal(1),
    }


def generator_network(z, linear, linear_bias, shape):
    return torch.tanh(F.linear(z, linear, linear_bias)).reshape(len(z), *shape)


def moved(x, flip, down, right, reach):
    """One picture [c, h, w]: mirrored, then moved over its reflection."""
    height, width = x.shape[-2:]
    x = x.flip(-1) if flip else x
    x = F.pad(x[None], (reach[1], reach[1], reach[0], reach[0]), mode="reflect")[0]
    top, left = reach[0] - down, reach[1] - right
    return x[:, top : top + height, left : left + width]


def compositions():
    n, height, width = 5, 6, 8
    permutation = torch.tensor([3, 0, 1, 4, 2])  # one cycle through the batch
    weights = critic_weights(height, width)

    def pair(x, **net):
        scores = critic_network(x, **net)[:, 0]
        return ((scores - scores[permutation]) ** 2).mean()

    case(
        "composition/pair",
        pair,
        {"x": normal(n, 3, height, width, scale=0.5), **weights},
        {"partners": permutation},
    )

    def mode_seeking(x, linear, linear_bias):
        images = generator_network(x, linear, linear_bias, (3, 4, 6))
        ratio = (images - images[permutation]).abs().mean() / (x - x[permutation]).abs().mean()
        return 1 / (ratio + 1e-5)

    case(
        "composition/mode-seeking",
        mode_seeking,
        {"x": normal(n, 4), "linear": normal(72, 4, scale=0.4), "linear_bias": normal(72, scale=0.2)},
        {"partners": permutation},
    )

    moves = [(False, 1, -1), (True, 0, 0), (True, -1, 1), (False, 0, 1), (True, 1, 0)]

    def transform(x):
        return torch.stack([moved(p, *move, reach=(1, 1)) for p, move in zip(x, moves)])

    def consistency(x, **net):
        """Zhang et al. 2020: the mean over the batch of |D(x) - D(T(x))|^2."""
        return (critic_network(x, **net) - critic_network(transform(x), **net)).pow(2).sum(1).mean()

    positions = torch.arange(n * height * width).double().reshape(n, 1, height, width)
    source = transform(positions).reshape(n, -1).long() % (height * width)
    case(
        "composition/consistency",
        consistency,
        {"x": normal(n, 3, height, width, scale=0.5), **weights},
        {"source": source},
    )


def every_move():
    """All pictures that flip and shift by a quarter can make of one, and each one's adjoint."""
    picture, weights = normal(3, 5, 8), normal(3, 5, 8)
    reach = (1, 2)  # a quarter of 5 and of 8, rounded
    pictures, adjoints = [], []
    for flip in (False, True):
        for down in range(-reach[0], reach[0] + 1):
            for right in range(-reach[1], reach[1] + 1):
                leaf = picture.clone().requires_grad_()
                result = moved(leaf, flip, down, right, reach)
                (adjoint,) = torch.autograd.grad((result * weights).sum(), leaf)
                pictures.append(result.detach())
                adjoints.append(adjoint)
    store("augment/picture", picture)
    store("augment/weights", weights)
    store("augment/moved", torch.stack(pictures))
    store("augment/adjoints", torch.stack(adjoints))


# Hard penalties: Tibshirani 1996; Hoerl and Kennard 1970. Biases are not limited.


def hard():
    net = {
        "conv": normal(2, 3, 3, 3),
        "conv_bias": normal(2),
        "linear": normal(4, 5),
        "linear_bias": normal(4),
    }
    net["linear"][1, 2] = 0.0

    def limited(net):
        return torch.cat([w.flatten() for w in net.values() if w.ndim >= 2])

    case("hard/l1", lambda **net: torch.linalg.vector_norm(limited(net), 1), net)
    case("hard/l2", lambda **net: limited(net) @ limited(net), net)


# DiffAugment: Zhao et al. 2020, in the order brightness, saturation, contrast.


def colour(x, brightness, saturation, contrast):
    per_picture = lambda v: v[:, None, None, None]
    x = x + per_picture(brightness)
    grey = x.mean(1, keepdim=True)
    x = torch.lerp(grey.expand_as(x), x, per_picture(saturation).expand_as(x))
    mean = x.mean((1, 2, 3), keepdim=True)
    return torch.lerp(mean.expand_as(x), x, per_picture(contrast).expand_as(x))


def colour_with_opacity(x, *draws):
    return torch.cat([colour(x[:, :3], *draws), x[:, 3:]], 1)


def translation(x, moves):
    """Zero padding and a crop of the padded picture."""
    pad = 3
    height, width = x.shape[-2:]
    padded = F.pad(x, (pad, pad, pad, pad))
    crop = lambda p, d, r: p[:, pad - d : pad - d + height, pad - r : pad - r + width]
    return torch.stack([crop(p, d, r) for p, (d, r) in zip(padded, moves.tolist())])


def cutout(x, centres, size):
    """Every position of the hole, put back onto the border where it lies outside."""
    height, width = x.shape[-2:]
    mask = torch.ones(len(x), 1, height, width, dtype=x.dtype)
    for i, (y, x_) in enumerate(centres.tolist()):
        rows = (torch.arange(size[0]) + y - size[0] // 2).clamp(0, height - 1)
        columns = (torch.arange(size[1]) + x_ - size[1] // 2).clamp(0, width - 1)
        mask[i, 0, rows[:, None], columns[None]] = 0
    return x * mask


def diff_augment():
    n = 4
    # Both ends of each range are among the draws.
    draws = {
        "brightness": torch.tensor([-0.5, 0.25, 0.5, -0.125]).double(),
        "saturation": torch.tensor([0.5, 2.0, 1.375, 0.0]).double(),
        "contrast": torch.tensor([1.5, 0.75, 0.5, 1.25]).double(),
    }
    numbers = tuple(draws.values())
    for channels in (1, 3, 4):
        change = colour_with_opacity if channels == 4 else colour
        pictures = uniform(n, channels, 5, 6, low=-1, high=1)
        case(f"diffaugment/colour-{channels}", lambda x: change(x, *numbers), {"x": pictures}, draws)
    moves = torch.tensor([[1, -2], [0, 0], [-1, 3], [2, 1]])
    pictures = uniform(n, 3, 5, 6, low=-1, high=1)
    case("diffaugment/translation", lambda x: translation(x, moves), {"x": pictures}, {"moves": moves})
    # Holes of 4 rows and 3 columns: an even and an odd length, at the corners and inside.
    centres = torch.tensor([[0, 0], [8, 5], [4, 3], [8, 0]])
    pictures = uniform(n, 3, 8, 6, low=-1, high=1)
    case("diffaugment/cutout", lambda x: cutout(x, centres, (4, 3)), {"x": pictures}, {"centres": centres})


# Distances between directions and distributions, aims that repel or bound slopes, and the complete
# regularizers made of them.


def one_minus_cosine(a, b):
    return 1 - F.cosine_similarity(a, b, dim=1)


def huber(a, b, delta=1.0):
    """Huber 1964: squares up to delta, absolute values beyond."""
    return F.huber_loss(a, b, reduction="none", delta=delta).mean(1)


def divergence(p, q):
    """KL(p || q) of distributions given as logarithms."""
    return F.kl_div(q, p, reduction="none", log_target=True).sum(1)


def symmetric_kl(a, b):
    """Wu et al. 2021 (R-Drop): half of the sum of both divergences."""
    p, q = F.log_softmax(a, 1), F.log_softmax(b, 1)
    return (divergence(p, q) + divergence(q, p)) / 2


def jensen_shannon(a, b):
    """Lin 1991, with equal weights."""
    p, q = F.log_softmax(a, 1), F.log_softmax(b, 1)
    middle = torch.logaddexp(p, q) - torch.log(torch.tensor(2.0, dtype=p.dtype))
    return (divergence(p, middle) + divergence(q, middle)) / 2


def clipped_ratio(outputs, inputs, tau):
    """Yang et al. 2019 (DSGAN) maximise E min(d_I / d_z, tau), pair by pair."""
    return -torch.minimum(outputs / inputs, torch.full_like(outputs, tau)).mean()


def contrastive(outputs, margin):
    """Hadsell et al. 2006, the part of unlike pairs."""
    return 0.5 * F.relu(margin - outputs).pow(2).mean()


def more_distances_and_aims():
    def pairs(scale):
        a, b = normal(6, 7, scale=scale), normal(6, 7, scale=scale)
        b[1] = a[1]  # a pair that is equal
        b[2] = a[2]
        b[2, 3] += 0.125  # a pair that is nearly so
        return {"a": a, "b": b}

    case("distance/cosine", one_minus_cosine, pairs(1.0))
    case("distance/huber", huber, pairs(1.0))
    case("distance/huber-quarter", lambda a, b: huber(a, b, 0.25), pairs(1.0))
    for name, distance in {"kl": symmetric_kl, "jensen-shannon": jensen_shannon}.items():
        case(f"distance/{name}", distance, pairs(1.5))
        # One class has most of the probability, mostly another one in each of a pair.
        case(f"distance/{name}-extreme", distance, pairs(4.0))
    pair = {"outputs": uniform(6, high=0.8), "inputs": uniform(6, low=0.2, high=2.0)}
    case("aim/slope", lambda outputs, inputs: (outputs / inputs).mean(), pair)
    case("aim/diversify", lambda outputs, inputs: clipped_ratio(outputs, inputs, 10.0), pair)
    case("aim/diversify-clipped", lambda outputs, inputs: clipped_ratio(outputs, inputs, 0.4), pair)
    alone = {"outputs": uniform(6, high=1.5)}
    case("aim/margin", lambda outputs: contrastive(outputs, 1.0), alone)
    case("aim/margin-quarter", lambda outputs: contrastive(outputs, 0.25), alone)


def more_compositions():
    n, height, width = 5, 6, 8
    permutation = torch.tensor([2, 4, 3, 0, 1])  # one cycle through the batch

    def diversity(x, linear, linear_bias):
        """Pair by pair, mean absolute differences; a bound that clips some of the ratios."""
        images = generator_network(x, linear, linear_bias, (3, 4, 6))
        of_images = mean_absolute(images, images[permutation])
        return clipped_ratio(of_images, mean_absolute(x, x[permutation]), 0.5)

    case(
        "composition/diversity",
        diversity,
        {"x": normal(n, 4), "linear": normal(72, 4, scale=0.4), "linear_bias": normal(72, scale=0.2)},
        {"partners": permutation},
    )

    # Larger noise than in training: the formula is the same, and float32 can check it.
    noise = normal(n, 3, height, width, scale=0.25)

    def approximate_r1(x, **net):
        """Lin et al. 2025 (APT): |D(x) - D(x + noise)|^2, without a division."""
        return (critic_network(x, **net) - critic_network(x + noise, **net)).pow(2).sum(1).mean()

    case(
        "composition/slope-real",
        approximate_r1,
        {"x": normal(n, 3, height, width, scale=0.5), **critic_weights(height, width)},
        {"noise": noise},
    )

    moves = [(True, 1, 0), (False, -1, 1), (True, 0, -1), (True, 1, 1), (False, 0, 0)]

    def transform(x):
        return torch.stack([moved(p, *move, reach=(1, 1)) for p, move in zip(x, moves)])

    def balanced(real, fake, **net):
        """Zhao et al. 2021 (bCR), both halves with weight 10, as they enter the critic's loss."""

        def half(x):
            return (critic_network(x, **net) - critic_network(transform(x), **net)).pow(2).sum(1).mean()

        return 10 * half(real) + 10 * half(fake)

    positions = torch.arange(n * height * width).double().reshape(n, 1, height, width)
    source = transform(positions).reshape(n, -1).long() % (height * width)
    pictures = {name: normal(n, 3, height, width, scale=0.5) for name in ("real", "fake")}
    case(
        "composition/balanced",
        balanced,
        {**pictures, **critic_weights(height, width)},
        {"source": source},
    )


# One-sided distances, the divergence of yes-or-no answers, the reward without end.


def bernoulli(a, b):
    """Symmetric KL of two coins whose log odds are a and b, written as classes [a, 0] and [b, 0]."""
    classes = lambda x: torch.stack([x, torch.zeros_like(x)], -1).reshape(-1, 2)
    return symmetric_kl(classes(a), classes(b)).reshape(a.shape).mean(1)


def one_sided():
    def pairs():
        a, b = normal(6, 7), normal(6, 7)
        b[1] = a[1]
        return {"a": a, "b": b}

    case("distance/above", lambda a, b: F.relu(a - b).pow(2).mean(1), pairs())
    case("distance/below", lambda a, b: F.relu(b - a).pow(2).mean(1), pairs())
    case("distance/bernoulli", bernoulli, pairs())
    decided = {
        "a": torch.tensor([[60.0], [-60.0], [60.0], [-20.5], [0.25]]).double(),
        "b": torch.tensor([[-60.0], [-60.0], [20.5], [60.0], [-0.75]]).double(),
    }
    case("distance/bernoulli-extreme", bernoulli, decided)
    case("aim/spread", lambda outputs: -outputs.mean(), {"outputs": uniform(6, high=1.5)})


# Regularizers that look at a network's own randomness, its past, its teacher, or through both players.


def features_of(x, conv, conv_bias):
    return F.leaky_relu(F.conv2d(x, conv, conv_bias, padding=1), 0.2).flatten(1)


def score_of(features, linear, linear_bias):
    return F.linear(features, linear, linear_bias)[:, 0]


def masked(x, mask, conv, conv_bias, linear, linear_bias):
    return score_of(features_of(x, conv, conv_bias) * mask, linear, linear_bias)


def stateful_compositions():
    n, height, width = 5, 6, 8
    size = 4 * height * width
    pictures = lambda: normal(n, 3, height, width, scale=0.5)

    # Half of the features are dropped: float32 holds a factor of 2 exactly.
    drop = lambda: (torch.rand(n, size, generator=random) > 0.5).double() * 2
    masks = {"mask": drop(), "mask_again": drop()}

    def r_drop(x, **net):
        """Wu et al. 2021, Eq. 2, for a critic whose answer is yes or no."""
        p, q = (masked(x, mask, **net)[:, None] for mask in masks.values())
        return bernoulli(p, q).mean()

    case("composition/dropout", r_drop, {"x": pictures(), **critic_weights(height, width)}, masks)

    noise = {"mask": 1 + normal(n, size, scale=0.3), "mask_again": 1 + normal(n, size, scale=0.3)}
    noise = {k: v.float().double() for k, v in noise.items()}

    def modulated(x, **net):
        """Ni and Koniusz 2023: squared difference of the scores under two modulations."""
        p, q = (masked(x, mask, **net) for mask in noise.values())
        return (p - q).pow(2).mean()

    case("composition/modulated", modulated, {"x": pictures(), **critic_weights(height, width)}, noise)

    permutation, share = torch.tensor([3, 1, 4, 0, 2]), torch.tensor([0.375]).double()
    teacher = normal(n, 1)

    def interpolation(x, **net):
        """Verma et al. 2019, Eq. 1, with scores instead of probabilities."""
        mixed = share * x + (1 - share) * x[permutation]
        wanted = share * teacher + (1 - share) * teacher[permutation]
        return (critic_network(mixed, **net) - wanted).pow(2).mean()

    constants = {"partners": permutation, "share": share, "teacher": teacher}
    case("composition/interpolation", interpolation, {"x": pictures(), **critic_weights(height, width)}, constants)

    anchors = torch.tensor([0.4, -0.3]).float().double()  # of real and of generated pictures

    def lecam(real, fake, **net):
        """Tseng et al. 2021, as in their program."""
        of_real, of_fake = critic_network(real, **net), critic_network(fake, **net)
        return F.relu(of_real - anchors[1]).pow(2).mean() + F.relu(anchors[0] - of_fake).pow(2).mean()

    both = {"real": pictures(), "fake": pictures()}
    case("composition/lecam", lecam, {**both, **critic_weights(height, width)}, {"anchors": anchors})

    moved_by = normal(n, 4, scale=0.25)

    def through_both(z, matrix, matrix_bias):
        return generator_network(z, matrix, matrix_bias, (3, height, width))

    def latent_critic(x, matrix, matrix_bias, **net):
        """Zhao et al. 2021 (zCR), the critic's half; here the gradient of the generator too."""
        there, moved = (critic_network(through_both(z, matrix, matrix_bias), **net) for z in (x, x + moved_by))
        return (there - moved).pow(2).sum(1).mean()

    def latent_generator(x, matrix, matrix_bias):
        """The generator's half, a mean over pixels instead of a sum."""
        there, moved = (through_both(z, matrix, matrix_bias) for z in (x, x + moved_by))
        return -mean_square(there, moved).mean()

    maker = {"matrix": normal(3 * height * width, 4, scale=0.4), "matrix_bias": normal(3 * height * width, scale=0.2)}
    latents = normal(n, 4)
    case(
        "composition/latent-critic",
        latent_critic,
        {"x": latents, **maker, **critic_weights(height, width)},
        {"noise": moved_by},
    )
    case("composition/latent-generator", latent_generator, {"x": latents, **maker}, {"noise": moved_by})


# Spectral normalisation: Miyato et al. 2018, Algorithm 1, in the order of PyTorch's own: v, then u.


def spectral():
    for name, shape in {"linear": (5, 7), "conv": (4, 3, 3, 3)}.items():
        weight, u = normal(*shape), F.normalize(normal(shape[0]), dim=0).float().double()

        def normalized(weight):
            matrix, left = weight.flatten(1), u
            with torch.no_grad():
                for _ in range(3):
                    right = F.normalize(matrix.T @ left, dim=0, eps=1e-12)
                    left = F.normalize(matrix @ right, dim=0, eps=1e-12)
            return weight / (left @ matrix @ right)

        case(f"spectral/{name}", normalized, {"weight": weight}, {"u": u})


def main():
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else OUT
    # A new part goes to the end: the numbers of those before it stay what they are.
    for part in (
        adversarial,
        distances_and_aims,
        compositions,
        every_move,
        hard,
        diff_augment,
        more_distances_and_aims,
        more_compositions,
        one_sided,
        stateful_compositions,
        spectral,
    ):
        part()
    golden_file.write(out, golden, __file__, SEED)


if __name__ == "__main__":
    main()
