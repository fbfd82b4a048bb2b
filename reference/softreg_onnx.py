"""A small network as an ONNX file, a file of weights as PyTorch saves them, and what PyTorch says it makes of the pictures of golden/softreg_feature.safetensors.

Run: python softreg_onnx.py [FOLDER]
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

import golden_file

HERE = Path(__file__).parent / "golden"
OUT = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
SEED = 20201126
torch.manual_seed(SEED)


class Small(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.linear = torch.nn.Linear(4, 5)

    def forward(self, pictures):
        maps = torch.relu(self.conv(pictures))
        return self.linear(maps.mean(dim=(2, 3))), torch.nn.functional.avg_pool2d(maps, 8)


net = Small().eval()
pictures = load_file(HERE / "softreg_feature.safetensors")["pictures"].float()
x = (pictures - 100) / 50
torch.onnx.export(
    net, (x,), OUT / "small.onnx", input_names=["pictures"], output_names=["features", "cells"],
    dynamic_shapes=({0: torch.export.Dim("n")},), external_data=False, dynamo=True, verbose=False,
)
with torch.no_grad():
    features, cells = net(x)
golden_file.write(OUT / "softreg_onnx.safetensors", {"features": features, "cells": cells.flatten(1)}, __file__, SEED)
torch.save({"conv1.weight": torch.arange(6.0).reshape(2, 3)}, OUT / "weights.pth")
