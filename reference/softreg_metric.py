"""Metrics on feature vectors, by the programs that the field uses.

Fréchet distance by pytorch-fid and torch-fidelity, kernel distance and class score by torch-fidelity,
precision, recall, density and coverage by prdc, the rest by scipy. Features are drawn once in float32;
each program computes in float64.

Run: python softreg_metric.py [OUT.safetensors]
"""

import sys
from pathlib import Path

import numpy as np
import prdc
import scipy
import torch
import torch_fidelity
from importlib.metadata import version
from pytorch_fid.fid_score import calculate_frechet_distance
from scipy.spatial.distance import cdist, pdist
from scipy.stats import entropy, mannwhitneyu
from torch_fidelity.metric_fid import fid_statistics_to_metric
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_kid import kernel_poly, mmd2
from torch_fidelity.noise import batch_slerp_unit

import golden_file

SEED = 20201125
OUT = Path(__file__).parent / "golden" / "softreg_metric.safetensors"
random = np.random.default_rng(SEED)
golden = {}


def keep(name, value):
    kind = np.int64 if np.asarray(value).dtype.kind == "i" else np.float64
    golden[name] = torch.from_numpy(np.atleast_1d(np.asarray(value, dtype=kind)))


def correlated(n, width, shift=0.0, scale=1.0):
    """Normal vectors with correlated entries, some far from 0, as pooled features are."""
    mixing = random.standard_normal((width, width)) / np.sqrt(width)
    x = scale * random.standard_normal((n, width)) @ mixing + np.linspace(0, 3, width) + shift
    return x.astype(np.float32)


def statistics(x):
    x = x.astype(np.float64)
    return {"mu": x.mean(axis=0), "sigma": np.cov(x, rowvar=False)}


def exact_frechet(a, b):
    """With the symmetric root of Σa and the eigenvalues of √Σa·Σb·√Σa, for singular covariances."""
    values, vectors = np.linalg.eigh(a["sigma"])
    root = vectors @ np.diag(np.sqrt(values.clip(0))) @ vectors.T
    overlap = np.sqrt(np.linalg.eigvalsh(root @ b["sigma"] @ root).clip(0)).sum()
    difference = a["mu"] - b["mu"]
    return difference @ difference + np.trace(a["sigma"]) + np.trace(b["sigma"]) - 2 * overlap


def frechet(name, x, y):
    a, b = statistics(x), statistics(y)
    fidelity = fid_statistics_to_metric(a, b, False)["frechet_inception_distance"]
    exact = exact_frechet(a, b)
    assert abs(exact / fidelity - 1) < 1e-5, (name, exact, fidelity)
    if min(len(x), len(y)) > x.shape[1]:
        fid = calculate_frechet_distance(a["mu"], a["sigma"], b["mu"], b["sigma"])
        assert abs(exact / fid - 1) < 1e-8, (name, exact, fid)
    keep(f"{name}/frechet", exact)


def kernel(name, x, y):
    x, y = x.astype(np.float64), y.astype(np.float64)
    xx, xy, yy = (kernel_poly(*p) for p in [(x, x), (x, y), (y, y)])
    if len(x) == len(y):
        value = mmd2(xx, xy, yy)
    else:
        within = lambda k: (k.sum() - np.trace(k)) / (len(k) * (len(k) - 1))
        value = within(xx) + within(yy) - 2 * xy.mean()
    keep(f"{name}/kernel", value)


def neighbourhoods(name, x, y):
    for k in (1, 5):
        found = prdc.compute_prdc(x.astype(np.float64), y.astype(np.float64), nearest_k=k)
        keep(f"{name}/neighbourhoods.{k}", [found[m] for m in ("precision", "recall", "density", "coverage")])


pairs = {
    "plain": (correlated(300, 12), correlated(250, 12, 0.2)),
    "square": (correlated(400, 24), correlated(400, 24, 0.1, 0.8)),
    # Fewer pictures than features, on one side and on both.
    "few": (correlated(200, 64), correlated(50, 64)),
    "fewer": (correlated(50, 96), correlated(60, 96, -0.3)),
    # Many equal pictures on one side.
    "collapsed": (correlated(150, 16), np.repeat(correlated(5, 16), 30, axis=0)),
}
for name, (x, y) in pairs.items():
    golden[f"{name}/reference"], golden[f"{name}/generated"] = torch.from_numpy(x), torch.from_numpy(y)
    frechet(name, x, y)
    kernel(name, x, y)
    neighbourhoods(name, x, y)
    keep(f"{name}/diversity", pdist(y.astype(np.float64)).mean())
    keep(f"{name}/nearest", cdist(y.astype(np.float64), x.astype(np.float64)).min(axis=1))

logits = (3 * random.standard_normal((200, 7))).astype(np.float32)
golden["class_score/logits"] = torch.from_numpy(logits)
keep("class_score/value", isc_features_to_metric(torch.from_numpy(logits), shuffle=False)["inception_score_mean"])

# Data copying: training, held-out and generated pictures, of which a third are near training pictures.
training, held_out = correlated(120, 8), correlated(90, 8)
near = training[:30] + 0.02 * random.standard_normal((30, 8))
generated = np.concatenate([correlated(60, 8), near]).astype(np.float32)
distance = lambda x: cdist(x.astype(np.float64), training.astype(np.float64)).min(axis=1)
u = mannwhitneyu(distance(held_out), distance(generated)).statistic
for part, x in [("training", training), ("held_out", held_out), ("generated", generated)]:
    golden[f"copies/{part}"] = torch.from_numpy(x)
keep("copies/nearer", u / (len(held_out) * len(generated)))

# Kinds.
kinds, shown = random.integers(0, 10, 500), random.choice([0, 1, 1, 4, 7, 9], 300)
share = lambda labels: np.bincount(labels, minlength=10) / len(labels)
keep("modes/reference", kinds)
keep("modes/generated", shown)
keep("modes/divergence", entropy(share(shown), share(kinds)))
keep("modes/found", len(set(shown)))

# Points on the arc between unit vectors.
a, b = random.standard_normal((2, 6, 5)).astype(np.float32).astype(np.float64)
t = random.random(6).astype(np.float32).astype(np.float64)
unit = lambda v: v / np.linalg.norm(v, axis=1, keepdims=True)
points = batch_slerp_unit(torch.from_numpy(unit(a)), torch.from_numpy(unit(b)), torch.from_numpy(t)[:, None])
for part, x in [("a", a), ("b", b), ("t", t), ("point", points.numpy())]:
    keep(f"arc/{part}", x)

golden_file.write(
    Path(sys.argv[1]) if len(sys.argv) > 1 else OUT, golden, __file__, SEED,
    scipy=scipy.__version__, prdc=version("prdc"), torch_fidelity=version("torch-fidelity"),
    pytorch_fid=version("pytorch-fid"),
)
