"""Which pictures are taken for sprite sheets that are none: photographs whose blocks are as regular as cells.

    pip install numpy pillow scikit-image scikit-learn
    python bench/sheets.py

Of 21 pictures that scikit-image and scikit-learn bring along, most of them photographs, as PNG, as JPEG and lossy WebP of several
qualities, saved as PNG again and enlarged, 18 files each, `softreg data check` is asked of every one. The other side, sheets of
real tiles, is a test: `cargo test --release -p softreg-image nine_of_ten -- --nocapture`.
"""

import argparse
import io
import pathlib
import subprocess
import tempfile

import skimage
import sklearn
from PIL import Image

OF_SKIMAGE = (
    "astronaut.png chelsea.png coffee.png rocket.jpg retina.jpg hubble_deep_field.jpg brick.png grass.png gravel.png "
    "motorcycle_left.png cell.png coins.png moon.png camera.png ihc.png page.png text.png logo.png phantom.png"
).split()
OF_SKLEARN = ["china.jpg", "flower.jpg"]


def compressed(picture, kind, quality):
    file = io.BytesIO()
    picture.save(file, kind, quality=quality)
    return Image.open(file).convert("RGB")


def variants(path, folder):
    """Writes the picture in all its forms; sides are multiples of 16, so that blocks fill them as cells do."""
    name = path.stem
    picture = Image.open(path).convert("RGB")
    if max(picture.size) > 1100:
        picture = picture.resize((1024, picture.height * 1024 // picture.width), Image.LANCZOS)
    picture = picture.crop((0, 0, picture.width // 16 * 16, picture.height // 16 * 16))
    picture.save(folder / f"{name}-png.png")
    for quality in (10, 30, 75):
        blocks = compressed(picture, "JPEG", quality)
        blocks.save(folder / f"{name}-jpeg{quality}.png")
        for enlarged, by in (("2", 2), ("1.5", 1.5)):
            size = [int(side * by) for side in blocks.size]
            blocks.resize(size, Image.BICUBIC).save(folder / f"{name}-jpeg{quality}x{enlarged}.png")
    for quality in (10, 30, 50, 80):
        picture.save(folder / f"{name}-webp{quality}.webp", quality=quality)
        compressed(picture, "WEBP", quality).save(folder / f"{name}-webp{quality}.png")


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--softreg", default="target/release/softreg")
    program = str(pathlib.Path(options.parse_args().softreg).resolve())
    of = lambda module, *parts: pathlib.Path(module.__file__).parent.joinpath(*parts)
    paths = [of(skimage, "data", name) for name in OF_SKIMAGE]
    paths += [of(sklearn, "datasets", "images", name) for name in OF_SKLEARN]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for path in paths:
            variants(path, folder)
        files = sorted(folder.iterdir())
        taken = []
        for file in files:
            said = subprocess.run([program, "data", "check", str(file)], capture_output=True, text=True)
            if "looks like a sprite sheet" in said.stderr:
                taken.append(file.name)
    print(f"{len(taken)} of {len(files)} files were taken for sheets", *taken, sep="\n  ")


if __name__ == "__main__":
    main()
