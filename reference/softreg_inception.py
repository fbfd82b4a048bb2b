"""Features of the Inception-v3 of the Fréchet inception distance, by pytorch-fid's network.

The weights are made by a formula (below), which the test has too: the network's shape, order and treatment of
edges are compared, without 95 MB of weights. A picture comes from golden/softreg_feature.safetensors.

Run: python softreg_inception.py [OUT.safetensors]
"""

import sys
import zlib
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from pytorch_fid import inception
from safetensors.torch import load_file

import golden_file

HERE = Path(__file__).parent / "golden"
OUT = HERE / "softreg_inception.safetensors"
torch.use_deterministic_algorithms(True)


def made(name, shape):
    """Numbers in -0.5..0.5: the fractional parts of multiples of the golden ratio, from a place that the name gives."""
    count = int(np.prod(shape))
    start = (zlib.crc32(name.encode()) % 9973) / 9973
    u = np.modf(np.arange(1, count + 1, dtype=np.float64) * 0.6180339887498949 + start)[0] - 0.5
    part = name.rsplit(".", 1)[1]
    if len(shape) > 1:
        u = u * np.sqrt(24 / np.prod(shape[1:]))
    elif part == "weight":
        u = 1 + 0.4 * u
    elif part == "running_var":
        u = 1 + u
    elif name != "fc.bias":
        u = 0.2 * u
    return torch.from_numpy(u.reshape(shape).astype(np.float32))


net = inception._inception_v3(num_classes=1008, aux_logits=False, weights=None)
net.Mixed_5b = inception.FIDInceptionA(192, pool_features=32)
net.Mixed_5c = inception.FIDInceptionA(256, pool_features=64)
net.Mixed_5d = inception.FIDInceptionA(288, pool_features=64)
net.Mixed_6b = inception.FIDInceptionC(768, channels_7x7=128)
net.Mixed_6c = inception.FIDInceptionC(768, channels_7x7=160)
net.Mixed_6d = inception.FIDInceptionC(768, channels_7x7=160)
net.Mixed_6e = inception.FIDInceptionC(768, channels_7x7=192)
net.Mixed_7b = inception.FIDInceptionE_1(1280)
net.Mixed_7c = inception.FIDInceptionE_2(2048)
net.eval()
state = net.state_dict()
state = {k: v if v.dtype == torch.long else made(k, v.shape) for k, v in state.items()}
net.load_state_dict(state)

picture = load_file(HERE / "softreg_feature.safetensors")["pictures"][:1].float()
pool = []
net.avgpool.register_forward_hook(lambda module, inputs, output: pool.append(output.flatten(1)))
with torch.no_grad():
    x = F.interpolate(picture / 255, size=(299, 299), mode="bilinear", align_corners=False)
    logits = net(2 * x - 1)
golden = {"pool": pool[0], "logits": logits, "logits-unbiased": logits - state["fc.bias"]}
for name, shape in [(k, list(v.shape)) for k, v in state.items() if v.dtype != torch.long]:
    golden[f"shape/{name}"] = torch.tensor(shape)
golden_file.write(Path(sys.argv[1]) if len(sys.argv) > 1 else OUT, golden, __file__, 0)
