"""Exported generators in onnxruntime, beside the same generator written down in PyTorch.

`softreg export` writes a run's generator twice: as ONNX, which onnxruntime runs, and as safetensors, whose weights go
into the formulas of crates/softreg-net/src/generator, here in PyTorch. The pictures of 16 latents must agree to 1e-4.

Run: python softreg_export.py RUN [RUN …]    (needs requirements.txt, and `softreg` on the PATH or in SOFTREG)
"""

import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
import torch
import torch.nn.functional as F
from safetensors import safe_open

GAIN = math.sqrt(2 / (1 + 0.2**2))


def leaky(x):
    return F.leaky_relu(x, 0.2)


class Weights:
    """A part of the weights, by a path."""

    def __init__(self, all_, path=""):
        self.all, self.path = all_, path

    def __getattr__(self, name):
        return Weights(self.all, f"{self.path}.{name}" if self.path else name)

    def __getitem__(self, i):
        return Weights(self.all, f"{self.path}.{i}")

    def __call__(self):
        return self.all[self.path]

    def count(self):
        names = [name[len(self.path) + 1 :] for name in self.all if name.startswith(self.path + ".")]
        return len({name.split(".")[0] for name in names})


def normalized(x, w, z):
    y = F.batch_norm(x, w.standing_mean(), w.standing_variance(), eps=1e-5)
    if f"{w.path}.modulation.weight" not in w.all:
        return y
    gain, shift = linear(z, w.modulation, 0.5)[:, :, None, None].chunk(2, dim=1)
    return y * (1 + gain) + shift


def linear(x, w, gain):
    return x @ w.weight() * (gain / math.sqrt(x.shape[1])) + w.bias()


def conv(x, w, gain):
    weight = w.weight() * (gain / math.sqrt(w.weight()[0].numel()))
    return F.conv2d(x, weight, w.bias(), padding=weight.shape[-1] // 2)


def dcgan(w, z, height, width):
    top = w.doublings.count()
    x = leaky(linear(z, w.base, GAIN).view(len(z), -1, height >> top, width >> top))
    for i in range(top):
        layer, last = w.doublings[i], i == top - 1
        weight = layer.weight() * ((1 if last else GAIN) / math.sqrt(4 * layer.weight().shape[0]))
        x = F.conv_transpose2d(normalized(x, w.norms[i], z), weight, layer.bias(), stride=2, padding=1)
        x = torch.tanh(x) if last else leaky(x)
    return x


def residual(w, z, height, width):
    top = w.blocks.count()
    twice = lambda x: F.interpolate(x, scale_factor=2, mode="nearest")
    x = linear(z, w.base, 1).view(len(z), -1, height >> top, width >> top)
    for i in range(top):
        block = w.blocks[i]
        y = conv(twice(normalized(leaky(x), block.norms[0], z)), block.first, GAIN)
        y = conv(normalized(leaky(y), block.norms[1], z), block.second, GAIN)
        x = (twice(conv(x, block.shortcut, 1)) + y) * math.sqrt(0.5)
    return torch.tanh(conv(normalized(leaky(x), w.norm, z), w.picture, 1))


def main():
    program = os.environ.get("SOFTREG", "softreg")
    for run in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as folder:
            onnx, weights = Path(folder) / "g.onnx", Path(folder) / "g.safetensors"
            for to in (onnx, weights):
                subprocess.run([program, "export", run, "--to", to], check=True, stdout=subprocess.DEVNULL)
            file = safe_open(weights, "pt")
            about = json.loads(file.metadata()["generator"])
            w = {name: file.get_tensor(name) for name in file.keys()}
            session = onnxruntime.InferenceSession(onnx)
        latent, labels, width, height = (about[key] for key in ("latent", "labels", "width", "height"))
        z = torch.randn(16, latent, generator=torch.Generator().manual_seed(0))
        given, seen = {"latents": z.numpy()}, z
        if labels:
            hot = F.one_hot(torch.arange(16) % len(labels), len(labels)).float()
            given["labels"], seen = hot.numpy(), torch.cat([z, hot * math.sqrt(latent)], 1)
        kind = {"dcgan": ("Dcgan", dcgan), "residual": ("Residual", residual)}[about["network"]]
        with torch.no_grad():
            expected = kind[1](getattr(Weights(w).network, kind[0]), seen, height, width).numpy()
        (found,) = session.run(["pictures"], given)
        worst = np.abs(found - expected).max()
        print(f"{run}: {about['network']} {width}x{height}, {len(labels)} labels: {worst:.1e}")
        if found.shape != expected.shape or not worst < 1e-4:
            sys.exit("the exported generator makes other pictures")


if __name__ == "__main__":
    main()
