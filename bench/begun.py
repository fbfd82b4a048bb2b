"""Does a run on few pictures gain by the networks of a run on many others? 100 monsters of the Dungeon Crawl tiles.

From the archive of tiles three folders are made: 100 of the pictures under mon/, drawn by the MD5 sums of their names; the
others of mon/, to compare with; and all tiles outside of it whose names have no "monsters" in them, to learn from first. Then

    softreg train OTHERS --recipe tiles, 6,000 steps
    softreg compare the hundred, with new networks and with those, 1,500 steps, three seeds

Run: python begun.py crawl-tiles-nov2015.zip FOLDER [--program softreg]
(Python's own library alone; FOLDER must not exist; about half an hour on one core)
"""

import argparse
import hashlib
import subprocess
import zipfile
from pathlib import Path

HUNDRED = 100


def unpack(archive, names, folder):
    folder.mkdir()
    for i, name in enumerate(names):
        (folder / f"{i:05d}.png").write_bytes(archive.read(name))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tiles", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--program", default="softreg")
    given = parser.parse_args()
    archive = zipfile.ZipFile(given.tiles)
    names = [name for name in archive.namelist() if name.endswith(".png")]
    monsters = [name for name in names if name.startswith("mon/")]
    monsters.sort(key=lambda name: hashlib.md5(name.encode()).hexdigest())
    others = [name for name in names if not name.startswith("mon/") and "monsters" not in name]
    given.folder.mkdir()
    unpack(archive, monsters[:HUNDRED], given.folder / "mon100")
    unpack(archive, monsters[HUNDRED:], given.folder / "mon-rest")
    unpack(archive, others, given.folder / "others")
    run = lambda *words: subprocess.run([given.program, *words], cwd=given.folder, check=True)
    # As the figures in docs/small-collections.md were measured.
    common = ["--threads", "1", "--set", "stop.minutes=1000", "--set", "network.self-modulation=false"]
    run("train", "others", "--recipe", "tiles", "--seed", "1", "--set", "stop.steps=6000", "--out", "tiles", *common)
    run(
        "compare", "mon100", "--recipe", "few", "--channels", "rgba", "--size", "32", "--seeds", "3", "--jobs", "1",
        "--set", "stop.steps=1500", "--reference", "mon-rest", "--arm", "new: recipe",
        "--arm", "begun: recipe + network.from=tiles", "--out", "begun", *common,
    )


if __name__ == "__main__":
    main()
