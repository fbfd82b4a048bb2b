"""Exact gradient penalties of softreg's critics, by PyTorch's double backward.

Why: the crate writes the gradient of a critic out by hand. Here the same critics are built from their
description (equalised layers, leaky ReLU of slope 0.2), and autograd finds the gradient and its
derivative. Everything is computed in float64 from numbers that float32 holds exactly.

Run: python softreg_net.py [OUT.safetensors]
"""

import math
import sys
from pathlib import Path

import torch
import torch.nn.functional as F

import golden_file

SEED = 20180113
OUT = Path(__file__).parent / "golden" / "softreg_net.safetensors"
CHANNELS, SIDE, WIDTH, CLASSES, BATCH = 3, 16, 4, 3, 4
FEATURES = 8 * 4 * 4
GAIN = math.sqrt(2 / (1 + 0.2**2))

torch.use_deterministic_algorithms(True)
torch.set_num_threads(1)
random = torch.Generator().manual_seed(SEED)
golden = {}


def normal(*shape, scale=1.0):
    return (torch.randn(*shape, generator=random, dtype=torch.float64) * scale).float().double()


def conv(w, name, x, stride, padding, gain):
    weight = w[f"{name}.weight"]
    scale = gain / math.sqrt(weight[0].numel())
    return F.conv2d(x, weight * scale, w[f"{name}.bias"], stride=stride, padding=padding)


def leaky(x):
    return F.leaky_relu(x, 0.2)


def dcgan(w, x):
    for i in range(2):
        x = leaky(conv(w, f"network.Dcgan.halvings.{i}", x, 2, 1, GAIN))
    return x


def residual(w, x):
    x = conv(w, "network.Residual.picture", x, 1, 1, 1.0)
    for i in range(2):
        block = f"network.Residual.blocks.{i}"
        shortcut = conv(w, f"{block}.shortcut", F.avg_pool2d(x, 2), 1, 0, 1.0)
        y = conv(w, f"{block}.first", leaky(x), 1, 1, GAIN)
        y = F.avg_pool2d(conv(w, f"{block}.second", leaky(y), 1, 1, GAIN), 2)
        x = (shortcut + y) / math.sqrt(2)
    return leaky(x)


def scores(network, w, x, labels):
    features = network(w, x).flatten(1)
    score = (features / math.sqrt(FEATURES)) @ w["score.weight"] + w["score.bias"]
    # The layer's gain undoes its scale: a one-hot row picks one weight.
    embedded = labels @ w["projection.weight"] + w["projection.bias"]
    return score[:, 0] + (embedded * features).sum(1) / math.sqrt(FEATURES)


def weights(kind):
    shapes = {}
    if kind == "dcgan":
        shapes["network.Dcgan.halvings.0"] = (4, 3, 4, 4)
        shapes["network.Dcgan.halvings.1"] = (8, 4, 4, 4)
    else:
        shapes["network.Residual.picture"] = (4, 3, 3, 3)
        for i, outputs in enumerate((4, 8)):
            block = f"network.Residual.blocks.{i}"
            shapes[f"{block}.first"] = (4, 4, 3, 3)
            shapes[f"{block}.second"] = (outputs, 4, 3, 3)
            shapes[f"{block}.shortcut"] = (outputs, 4, 1, 1)
    w = {}
    for name, shape in shapes.items():
        w[f"{name}.weight"], w[f"{name}.bias"] = normal(*shape), normal(shape[0], scale=0.2)
    w["score.weight"], w["score.bias"] = normal(FEATURES, 1), normal(1, scale=0.2)
    w["projection.weight"], w["projection.bias"] = normal(CLASSES, FEATURES), normal(FEATURES, scale=0.2)
    return {name: value.requires_grad_() for name, value in w.items()}


PENALTIES = {
    # Mescheder et al. 2018, Eq. 9, without the factor γ/2; Gulrajani et al. 2017, Eq. 3, without λ.
    "r1": lambda g: g.pow(2).sum(1).mean(),
    "wgan-gp": lambda g: (g.norm(dim=1) - 1).pow(2).mean(),
}


def main():
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else OUT
    for kind, network in {"dcgan": dcgan, "residual": residual}.items():
        w = weights(kind)
        pictures = normal(BATCH, CHANNELS, SIDE, SIDE, scale=0.5)
        labels = F.one_hot(torch.tensor([2, 0, 1, 0]), CLASSES).double()
        x = pictures.clone().requires_grad_()
        score = scores(network, w, x, labels)
        (gradient,) = torch.autograd.grad(score.sum(), x, create_graph=True)
        golden[f"{kind}/pictures"], golden[f"{kind}/labels"] = pictures, labels
        golden[f"{kind}/score"], golden[f"{kind}/gradient"] = score[:, None], gradient
        for name, value in w.items():
            golden[f"{kind}/weight/{name}"] = value
        for penalty, formula in PENALTIES.items():
            value = formula(gradient.flatten(1))
            golden[f"{kind}/{penalty}/value"] = value.reshape(1)
            found = torch.autograd.grad(value, list(w.values()), retain_graph=True, allow_unused=True)
            for (name, leaf), g in zip(w.items(), found):
                # A bias reaches the gradient only through slopes, which are constant.
                golden[f"{kind}/{penalty}/grad/{name}"] = torch.zeros_like(leaf) if g is None else g
    for name, value in golden.items():
        assert torch.isfinite(value).all(), name
    golden_file.write(out, golden, __file__, SEED)


if __name__ == "__main__":
    main()
