"""Features of CIFAR residual networks and of SqueezeNet 1.1, by PyTorch.

The residual networks are built from their description, SqueezeNet is torchvision's. SHARED is a folder with
the weights files; the features of a few pictures are stored, the weights are not.

Run: python softreg_feature.py SHARED [OUT.safetensors]
"""

import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torchvision.models import squeezenet1_1

import golden_file

SEED = 20201126
SHARED = Path(sys.argv[1]) / "weights"
OUT = Path(__file__).parent / "golden" / "softreg_feature.safetensors"
random = np.random.default_rng(SEED)
torch.use_deterministic_algorithms(True)
golden = {}

# Smooth patterns with noise: neither flat nor white.
y, x = np.mgrid[0:32, 0:32] / 32
waves = lambda: 127 + 90 * np.sin(random.uniform(2, 12) * x + random.uniform(2, 12) * y + random.uniform(0, 6))
pictures = np.stack([np.stack([waves() for _ in range(3)]) for _ in range(4)])
pictures = (pictures + random.normal(0, 12, pictures.shape)).clip(0, 255).astype(np.uint8)
golden["pictures"] = torch.from_numpy(pictures)
mean, deviation = (torch.tensor(v)[:, None, None] for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))


def treated(side):
    x = torch.from_numpy(pictures).float() / 255
    if side != 32:
        x = F.interpolate(x, size=(side, side), mode="bilinear", align_corners=False, antialias=False)
    return (x - mean) / deviation


def resnet(w, x, blocks):
    norm = lambda x, name: F.batch_norm(
        x, w[f"{name}.running_mean"], w[f"{name}.running_var"], w[f"{name}.weight"], w[f"{name}.bias"]
    )
    x = F.relu(norm(F.conv2d(x, w["conv1.weight"], padding=1), "bn1"))
    for stage, planes in [(1, 16), (2, 32), (3, 64)]:
        for i in range(blocks):
            name = f"layer{stage}.{i}"
            stride = 2 if stage > 1 and i == 0 else 1
            y = F.relu(norm(F.conv2d(x, w[f"{name}.conv1.weight"], stride=stride, padding=1), f"{name}.bn1"))
            y = norm(F.conv2d(y, w[f"{name}.conv2.weight"], padding=1), f"{name}.bn2")
            if stride == 2:
                x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, planes // 4, planes // 4))
            x = F.relu(y + x)
    pool = x.mean(dim=(2, 3))
    return {"pool": pool, "logits": F.linear(pool, w["linear.weight"], w["linear.bias"])}


def squeezenet(w, x):
    net = squeezenet1_1(weights=None).eval()
    zoo = []
    for name, module in net.named_modules():
        if isinstance(module, torch.nn.Conv2d):
            zoo.append(name)
    for i, name in enumerate(zoo):
        state = {part: w[f"weights/squeezenet0_conv{i}_{part}"] for part in ("weight", "bias")}
        net.get_submodule(name).load_state_dict(state)
    return {"pool": net.features(x).mean(dim=(2, 3)), "logits": net(x)}


with torch.no_grad():
    for name, file, run, side in [
        ("resnet20", "resnet20-12fca82f", lambda w, x: resnet(w, x, 3), 32),
        ("resnet56", "resnet56-4bfd9763", lambda w, x: resnet(w, x, 9), 32),
        ("squeezenet", "squeezenet1.1", squeezenet, 224),
    ]:
        for layer, value in run(load_file(SHARED / f"{file}.safetensors"), treated(side)).items():
            golden[f"{name}/{layer}"] = value

golden_file.write(Path(sys.argv[2]) if len(sys.argv) > 2 else OUT, golden, __file__, SEED)
