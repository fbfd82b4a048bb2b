"""What is left of a finite difference where products round to TF32, as they do on CUDA.

The penalty E[(f(x) − f(x + σ·ε))²] of a critic with weights as at the start of a training, for noise of several σ, with
the factors of every convolution rounded to TF32 (10 bits behind the first) and in f32, relative to f64.

Run: python tf32.py   (needs PyTorch)
"""

import math

import torch
import torch.nn.functional as F

GAIN = math.sqrt(2 / (1 + 0.2**2))


def to_tf32(x):
    return ((x.view(torch.int32) + 0x1000) & ~0x1FFF).view(torch.float32)


def score(x, weights, rounded):
    for w in weights[:-1]:
        scale = GAIN / math.sqrt(w[0].numel())
        x = F.leaky_relu(F.conv2d(rounded(scale * x), rounded(w), stride=2, padding=1), 0.2)
    x = x.flatten(1)
    return (x / math.sqrt(x.shape[1])) @ weights[-1]


def penalty(x, noise, weights, rounded=lambda v: v, dtype=torch.float32):
    weights, x, moved = [w.to(dtype) for w in weights], x.to(dtype), (x + noise).to(dtype)
    return (score(x, weights, rounded) - score(moved, weights, rounded)).square().mean().item()


def main():
    torch.manual_seed(0)
    print("| width | σ | f32 | TF32 |\n|---:|---:|---:|---:|")
    for width in (24, 96):
        channels = [3, width, 2 * width, 4 * width]
        weights = [torch.randn(b, a, 4, 4) for a, b in zip(channels, channels[1:])]
        weights.append(torch.randn(64 * width, 1))
        x = torch.rand(128, 3, 32, 32) * 2 - 1
        for sigma in (0.1, 0.01, 0.001, 0.0001):
            noise = sigma * torch.randn_like(x)
            exact = penalty(x, noise, weights, dtype=torch.float64)
            single, rounded = penalty(x, noise, weights), penalty(x, noise, weights, to_tf32)
            print(f"| {width} | {sigma} | {single / exact - 1:+.1e} | {rounded / exact - 1:+.1e} |")


if __name__ == "__main__":
    main()
