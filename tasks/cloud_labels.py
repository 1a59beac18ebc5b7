"""Labelled pictures on disk: hand-drawn horizon frames, WSISEG, and demo networks with masks.

All become ``LabelledImage``; what cannot be judged is ``UNLABELLED``. WSISEG's "undefined" is the rim of the fisheye
and the sun's glare, not an occluder: it is not judged.
"""

import csv
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from models.science.cover import CLOUD, OBSCURED, OTHER, SKY, UNLABELLED
from tasks.cloud_prediction import read_picture
from tasks.errors import ConfigurationError

HORIZON_TRAIN_CAMERAS = ("chamonix", "vegas")
HORIZON_TEST_CAMERAS = ("courbevoie", "mexico", "panorama")
"""Fixed before any model saw a frame; no test camera is ever trained on."""

WSISEG_TEST_BLOCKS = 5
"""The last blocks of 20 consecutive frames: 100 of the 300."""

_CLASSES = {"other": OTHER, "sky": SKY, "cloud": CLOUD, "ignore": UNLABELLED}


@dataclass(frozen=True)
class LabelledImage:
    """A picture and what is in it.

    Attributes:
        group: Camera, or block of neighbouring frames: what stays on one side of a split.
        name: File name.
        sha256: Of the file, hex.
        rgb: ``(y, x, 3)`` uint8.
        mask: ``(y, x)`` classes of ``models.science.cover``, ``UNLABELLED`` included.
        okta: The labeller's own N; ``None`` where not given, ``OBSCURED`` (9) where it cannot be judged.
    """

    group: str
    name: str
    sha256: str
    rgb: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    okta: int | None = None


def draw_regions(width: int, height: int, regions: list[dict]) -> NDArray[np.uint8]:
    """Paint polygons over each other in order, over a mask of "other".

    Args:
        width: Pixels.
        height: Pixels.
        regions: Objects with ``class`` (sky, cloud, other, ignore) and ``polygon`` (list of ``[x, y]``, pixels).

    Raises:
        KeyError: An unknown class.
    """
    canvas = Image.new("L", (width, height), OTHER)
    pen = ImageDraw.Draw(canvas)
    for region in regions:
        points = [(float(x), float(y)) for x, y in region["polygon"]]
        if len(points) >= 3:
            pen.polygon(points, fill=_CLASSES[region["class"]])
    return np.asarray(canvas).copy()


def read_horizon_labels(labels: Path, images: Path) -> Iterator[LabelledImage]:
    """Hand-labelled frames of one camera.

    Args:
        labels: ``<camera>.json``.
        images: Folder of that camera's images.

    Raises:
        ConfigurationError: An image is missing, or not the one that was labelled.
    """
    content = json.loads(labels.read_text())
    for frame in content["frames"]:
        path = images / Path(frame["image"]).name
        if not path.is_file():
            raise ConfigurationError(labels, None, f"no image {path}", "give the folder that was labelled")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest != frame["sha256"]:
            raise ConfigurationError(labels, None, f"{path.name} is another image", "label it anew")
        mask = draw_regions(frame["width"], frame["height"], frame["regions"])
        okta = OBSCURED if frame.get("obscured") else frame.get("okta")
        yield LabelledImage(content["camera"], path.name, digest, read_picture(path), mask, okta)


def read_horizon(labels: Path, cameras: Path, names: tuple[str, ...]) -> list[LabelledImage]:
    """Labelled frames of the cameras named, from a folder of label files and a folder of camera folders."""
    return [
        image
        for name in names
        if (labels / f"{name}.json").is_file()
        for image in read_horizon_labels(labels / f"{name}.json", cameras / name)
    ]


def manifest_rows(cloud: Path, dataset: str, prefix: str) -> list[dict[str, str]]:
    """Rows of ``manifest.csv`` (columns dataset, file, group, sha256) about files that begin with ``prefix``."""
    with (cloud / "manifest.csv").open(newline="") as file:
        return [r for r in csv.DictReader(file) if r["dataset"] == dataset and r["file"].startswith(prefix)]


def read_wsiseg(cloud: Path) -> tuple[list[LabelledImage], list[LabelledImage]]:
    """WSISEG in blocks of neighbouring frames.

    Args:
        cloud: Folder with ``manifest.csv`` (columns dataset, file, group, sha256) and ``wsiseg``.

    Returns:
        Training and test images; the last ``WSISEG_TEST_BLOCKS`` blocks are the test's.
    """
    rows = manifest_rows(cloud, "wsiseg", "images/")
    blocks = sorted({int(r["group"]) for r in rows})
    train: list[LabelledImage] = []
    test: list[LabelledImage] = []
    for row in sorted(rows, key=lambda r: r["file"]):
        path = cloud / "wsiseg" / row["file"]
        codes = np.asarray(Image.open(cloud / "wsiseg" / "masks" / f"{path.stem}.png"))
        mask = np.full(codes.shape, UNLABELLED, np.uint8)
        mask[codes == 100] = SKY
        mask[codes == 255] = CLOUD
        group = f"wsiseg-{int(row['group']):02d}"
        image = LabelledImage(group, path.name, row["sha256"], read_picture(path), mask)
        (test if int(row["group"]) in blocks[-WSISEG_TEST_BLOCKS:] else train).append(image)
    return train, test


def read_rendered(folder: Path) -> Iterator[LabelledImage]:
    """Rendered pictures with exact masks, as ``tasks.demo_network`` writes them.

    Args:
        folder: Holds ``images/<group>/<name>.jpg`` and ``masks/<group>/<name>.png``; images without mask are passed
            over.
    """
    for path in sorted((folder / "images").glob("*/*.jpg")):
        mask_path = folder / "masks" / path.parent.name / f"{path.stem}.png"
        if not mask_path.is_file():
            continue
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        mask = np.asarray(Image.open(mask_path))
        yield LabelledImage(path.parent.name, path.name, digest, read_picture(path), mask)
