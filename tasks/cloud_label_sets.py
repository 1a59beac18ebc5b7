"""Further labelled pictures on disk: photos with masks drawn by hand, and fisheye frames that know open sky only."""

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.science.cover import OTHER, SKY, UNLABELLED
from tasks.cloud_labels import LabelledImage, manifest_rows
from tasks.cloud_prediction import read_picture
from tasks.errors import ConfigurationError

PHOTO_COLUMNS = ("file", "mask", "licence")
_ORIGIN_COLUMNS = ("licence", "repository", "path", "commit", "sha256")


@dataclass(frozen=True)
class LabelledPhoto:
    """A hand-labelled photo and what it may be used for.

    Attributes:
        image: Picture and mask; classes are codes of ``models.learn.sky_codes``.
        origin: Of the file that was published, as far as known: ``licence``, ``repository``, ``path``, ``commit``,
            ``sha256``. The picture may be a view that was rendered from it.
    """

    image: LabelledImage
    origin: dict[str, str]


def read_photos(folder: Path) -> Iterator[LabelledPhoto]:
    """Hand-labelled photos: ``manifest.csv`` with the columns ``PHOTO_COLUMNS``, and the files that it names.

    Masks are PNG of the photo's size: 0 other, 1 clear sky, 2 cloud, 3 thin cloud, 255 not labelled. The columns
    ``camera``, ``repository``, ``path``, ``commit`` and ``sha256`` (of the published file) are for the card.

    Raises:
        ConfigurationError: A column or file is missing, or a mask does not fit its photo.
    """
    manifest = folder / "manifest.csv"
    with manifest.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for line, row in enumerate(rows, 2):
        if missing := [name for name in PHOTO_COLUMNS if not row.get(name)]:
            raise ConfigurationError(manifest, line, f"no {missing[0]}", f"give {', '.join(PHOTO_COLUMNS)}")
        photo, mask = folder / row["file"], folder / row["mask"]
        if gone := [path for path in (photo, mask) if not path.is_file()]:
            raise ConfigurationError(manifest, line, f"no file {gone[0]}", "restore it, or drop the row")
        rgb, codes = read_picture(photo), np.asarray(Image.open(mask))
        if codes.shape != rgb.shape[:2]:
            found = f"the mask is {codes.shape}, the photo {rgb.shape[:2]}"
            raise ConfigurationError(manifest, line, found, "draw it on the photo itself")
        group = row.get("camera") or photo.stem
        digest = hashlib.sha256(photo.read_bytes()).hexdigest()
        origin = {name: row.get(name) or "" for name in _ORIGIN_COLUMNS}
        yield LabelledPhoto(LabelledImage(group, photo.name, digest, rgb, codes), origin)


def read_fisheye(cloud: Path) -> list[LabelledImage]:
    """The three-class fisheye frames: sky, vegetation, building; which of the sky is cloud is not labelled.

    Args:
        cloud: Folder with ``manifest.csv`` (columns dataset, file, group, sha256) and ``fisheye3``.

    Returns:
        Frames with ``SKY`` and ``OTHER``, ``UNLABELLED`` beyond the disc; each a group of its own: every one shows
        another place.
    """
    images = []
    for row in sorted(manifest_rows(cloud, "fisheye3", "raw/"), key=lambda r: r["file"]):
        path = cloud / "fisheye3" / row["file"]
        codes = np.asarray(Image.open(cloud / "fisheye3" / "mask" / f"{path.stem}_result.png"))
        mask = np.where(codes == 255, SKY, OTHER).astype(np.uint8)
        mask[~inscribed_disc(*mask.shape)] = UNLABELLED
        images.append(LabelledImage(path.stem, path.name, row["sha256"], read_picture(path), mask))
    return images


def inscribed_disc(height: int, width: int) -> NDArray[np.bool_]:
    """Pixels ``(y, x)`` within the largest centred circle."""
    y, x = np.ogrid[:height, :width]
    from_centre = np.hypot(y - (height - 1) / 2, x - (width - 1) / 2)
    inside: NDArray[np.bool_] = from_centre <= min(height, width) / 2
    return inside
