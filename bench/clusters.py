"""Pictures of CIFAR-10 in folders by cluster, to train on as labels that nobody gave (docs/small-collections.md).

The first 1,000 records are clustered by k-means on colours (means of 4x4 pixels) and on directions of gradients (histograms of
eight directions in 8x8 pixels), each scaled to variance 1 and divided by the root of its length.

Run: python clusters.py data_batch_1.bin FOLDER --clusters 50   (needs numpy, pillow and scikit-learn), then
softreg compare FOLDER … --arm 'clusters: mode-seeking=0.1 + network.conditional=true'
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.cluster import KMeans

COUNT, DIRECTIONS = 1000, 8


def colours(x):
    return x.reshape(len(x), 3, 8, 4, 8, 4).mean((3, 5)).reshape(len(x), -1)


def gradients(x):
    grey = x.mean(1)
    across, down = np.zeros_like(grey), np.zeros_like(grey)
    across[:, :, 1:-1] = grey[:, :, 2:] - grey[:, :, :-2]
    down[:, 1:-1] = grey[:, 2:] - grey[:, :-2]
    strength, angle = np.hypot(across, down), np.arctan2(down, across) % np.pi
    edges = np.arange(DIRECTIONS + 1) * np.pi / DIRECTIONS
    counts = [strength * ((angle >= low) & (angle < high)) for low, high in zip(edges, edges[1:])]
    counts = np.stack([c.reshape(-1, 4, 8, 4, 8).sum((2, 4)) for c in counts], -1).reshape(len(x), -1)
    return counts / (np.linalg.norm(counts, axis=1, keepdims=True) + 0.5)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clusters", type=int, default=50)
    given = parser.parse_args()
    records = np.fromfile(given.file, dtype=np.uint8).reshape(-1, 3073)[:COUNT]
    pictures = records[:, 1:].reshape(-1, 3, 32, 32)
    x = pictures.astype(np.float32) / 255
    parts = [part / part.std() / np.sqrt(part.shape[1]) for part in (colours(x), gradients(x))]
    found = KMeans(given.clusters, n_init=5, random_state=0).fit(np.concatenate(parts, 1)).labels_
    for i, (cluster, picture) in enumerate(zip(found, pictures)):
        place = given.folder / f"{cluster:03}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture.transpose(1, 2, 0)).save(place / f"{i:05}.png")
    print(f"{COUNT} pictures in {given.clusters} folders: {given.folder}")


if __name__ == "__main__":
    main()
