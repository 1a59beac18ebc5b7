"""Photos filed by genus: a folder with a ``manifest.csv`` that says which are duplicates of each other.

Columns ``file``, ``label`` (a genus of WMO 0500 or Ct, with ``;CONFLICT`` behind it where a duplicate is filed under
another), ``group`` (duplicates share one) and, where the manifest describes several sets, ``dataset``. Such is the
layout that CCSN is kept in (Zhang et al. 2018, "CloudNet", doi:10.1029/2018GL077787).
"""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.genus import photo_of
from models.learn.photo_groups import PhotoGroups, group_photos
from models.nets.genus import PHOTO_CLASSES
from tasks.errors import ConfigurationError
from tasks.pictures import UnreadableImage, open_picture

MANIFEST, DATASET = "manifest.csv", "ccsn"
_COLUMNS = ("file", "label", "group")
_CONFLICT = ";CONFLICT"
SIDE = 224

Progress = Callable[[str, int, int], None]
"""Told what is done, how far, of how many."""


@dataclass(frozen=True, eq=False)
class GenusPhotos:
    """Filed photos.

    Attributes:
        name: Files, as the manifest names them, ``n`` of them.
        sha256: Of the files' bytes, hex.
        rgb: ``(n, 3, 224, 224)`` uint8.
        label: Place in ``PHOTO_CLASSES`` ``(n,)``.
        groups: Which photos stay on one side of a split, and whose labels are in conflict.
        refused: Files that could not be read, with the reason.
    """

    name: list[str]
    sha256: list[str]
    rgb: Tensor
    label: NDArray[np.int64]
    groups: PhotoGroups
    refused: list[tuple[str, str]]

    @property
    def scored(self) -> NDArray[np.bool_]:
        """Photos whose label nothing contradicts ``(n,)``: the only ones that a score may count."""
        return ~self.groups.conflict


def read_genus_photos(folder: Path, progress: Progress | None = None) -> GenusPhotos:
    """Read filed photos at training scale; a photo that cannot be read is named, and the rest goes on.

    Args:
        folder: Of ``manifest.csv``; where that describes several sets, the files of ``ccsn`` lie in ``ccsn/``.
        progress: Told of every photo.

    Raises:
        ConfigurationError: No such manifest, a column or a class that it should not have, or no photo can be read.
    """
    rows, root = _manifest_rows(folder)
    kept, shas, pixels, refused = [], [], [], []
    for place, row in enumerate(rows):
        try:
            picture = open_picture(root / row["file"])
        except UnreadableImage as error:
            refused.append((row["file"], str(error)))
            continue
        kept.append(row)
        shas.append(picture.sha256)
        pixels.append((photo_of(picture.pixels, SIDE) * 255).round().to(torch.uint8))
        if progress:
            progress("photos read", place + 1, len(rows))
    if not kept:
        raise ConfigurationError(folder / MANIFEST, None, "no photo can be read", f"put the files in {root}")
    labels = np.array([PHOTO_CLASSES.index(_class_of(row["label"])) for row in kept], dtype=np.int64)
    conflict = np.array([row["label"].endswith(_CONFLICT) for row in kept])
    rgb = torch.stack(pixels)
    groups = group_photos(rgb, [row["group"] for row in kept], labels, conflict)
    return GenusPhotos([row["file"] for row in kept], shas, rgb, labels, groups, refused)


def _class_of(label: str) -> str:
    return label.removesuffix(_CONFLICT)


def _manifest_rows(folder: Path) -> tuple[list[dict[str, str]], Path]:
    path = folder / MANIFEST
    if not path.is_file():
        raise ConfigurationError(path, None, "no such manifest", "give the folder of manifest.csv")
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        fields = reader.fieldnames or ()
        numbered = [(reader.line_num, row) for row in reader]
    missing = [column for column in _COLUMNS if column not in fields]
    if missing:
        raise ConfigurationError(path, 1, f"no column {', '.join(missing)}", "add it")
    several = "dataset" in fields
    mine = [(line, row) for line, row in numbered if not several or row["dataset"] == DATASET]
    for line, row in mine:
        if _class_of(row["label"]) not in PHOTO_CLASSES:
            listed = ", ".join(PHOTO_CLASSES)
            raise ConfigurationError(
                path, line, f"label {row['label']!r}", f"one of {listed}, or leave it out"
            )
    return [row for _, row in mine], folder / DATASET if several else folder


def photo_hashes(photos: GenusPhotos, rows: Sequence[int]) -> list[str]:
    """sha256 of some photos, sorted: what a card names."""
    return sorted(photos.sha256[row] for row in rows)
