"""Bodies of training pictures for the registration: rendered cameras, photos, series, camera archives.

Photos and series come with a ``manifest.csv``: ``file, repository, path, commit, licence`` say what a picture is and
where it can be fetched again; ``prepared`` what was done to it since; ``use`` is ``train``, ``hold out`` (for the
calibration) or ``leave out``. Series have ``camera``, ``crossed`` (``yes``: the camera is fixed, pairs may be made
across its times) and ``share`` (how often the camera is drawn, relative to a photo) besides.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from models.learn.datasets import difference_hash
from models.learn.drift_views import PairSource, ViewConfig
from tasks.errors import ConfigurationError
from tasks.pictures import UnreadableImage, open_picture
from tasks.stores.camera_archive import CameraArchive

TRAIN, HOLD_OUT, LEAVE_OUT = "train", "hold out", "leave out"
SHIPPABLE_LICENCES = frozenset(
    {
        "own rendering",
        "public domain",
        "no known copyright restrictions",  # the rights statement of Flickr Commons' institutions
        "CC0-1.0",
        "CC-BY-2.0",
        "CC-BY-2.5",
        "CC-BY-3.0",
        "CC-BY-4.0",
        "MIT",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "Apache-2.0",
    }
)
"""Licences under which weights learned from a picture are given away with the project."""
MANIFEST = "manifest.csv"
PHOTO_SHARE = 1.0
PHOTO_COLUMNS = ("file", "repository", "path", "commit", "licence")
_SERIES_COLUMNS = (*PHOTO_COLUMNS, "camera", "crossed", "share")


@dataclass(frozen=True)
class DriftPicture:
    """A training picture, and where it is from.

    Attributes:
        name: File, or time of the frame.
        rgb: ``(3, y, x)`` uint8.
        sha256: Of the file's bytes, hex.
        fingerprint: ``difference_hash``.
        camera: Within its source; pictures of one camera look in one direction.
        licence: Identifier; shippable if one of ``SHIPPABLE_LICENCES``.
        repository: Where it is published, ``owner/name``.
        path: In there.
        commit: In there.
        prepared: What was done to it since; empty where nothing was.
    """

    name: str
    rgb: Tensor
    sha256: str
    fingerprint: NDArray[np.bool_]
    camera: str
    licence: str
    repository: str = ""
    path: str = ""
    commit: str = ""
    prepared: str = ""


@dataclass(frozen=True)
class DriftSource:
    """One body of training pictures.

    Attributes:
        name: What the card calls it.
        pictures: In order.
        shares: Camera -> how often it is drawn, relative to a photo.
        snapshots: Archive -> snapshot id, where they come from archives.
    """

    name: str
    pictures: list[DriftPicture]
    shares: dict[str, float]
    snapshots: dict[str, str] = field(default_factory=dict)

    @property
    def shippable(self) -> bool:
        """Every picture's licence allows weights learned from it to be given away."""
        return all(p.licence in SHIPPABLE_LICENCES for p in self.pictures)


def rendered_source(paths: Sequence[Path], share: float, width: int, made: str = "") -> DriftSource:
    """Cameras of the simulation's training families, from ``write_relit_set``.

    Args:
        paths: ``s<index>_<view>.jpg``.
        share: Of each camera.
        width: See ``read_training_picture``.
        made: How they were made (seed, scenes), for the card.
    """
    pictures = [
        read_training_picture(path, width, camera=path.stem.partition("_")[0], licence="own rendering")
        for path in paths
    ]
    shares = dict.fromkeys((p.camera for p in pictures), share)
    return DriftSource(f"simulated cameras, training families: {made}", pictures, shares)


def photo_source(folder: Path, width: int, use: str = TRAIN) -> DriftSource:
    """Single photos, each a camera of its own.

    Raises:
        ConfigurationError: The manifest, or a picture that it names, is missing or wrong.
    """
    pictures = [
        listed_picture(folder, row, line, width, camera=row["file"])
        for line, row in manifest_rows(folder, PHOTO_COLUMNS)
        if row.get("use", TRAIN) == use
    ]
    return DriftSource("photos", pictures, {p.camera: PHOTO_SHARE for p in pictures})


def series_source(folder: Path, width: int, use: str = TRAIN) -> DriftSource:
    """Camera folders; the pictures of a camera that is not fixed count as cameras of their own, and share its share.

    Raises:
        ConfigurationError: The manifest, or a picture that it names, is missing or wrong.
    """
    rows = [(n, r) for n, r in manifest_rows(folder, _SERIES_COLUMNS) if r.get("use", TRAIN) == use]
    members = {name: sum(r["camera"] == name for _, r in rows) for name in {r["camera"] for _, r in rows}}
    pictures, shares = [], {}
    for line, row in rows:
        fixed = row["crossed"] == "yes"
        camera = row["camera"] if fixed else row["file"]
        shares[camera] = _share(folder, line, row["share"]) / (1 if fixed else members[row["camera"]])
        pictures.append(listed_picture(folder, row, line, width, camera=camera))
    return DriftSource("series", pictures, shares)


def archive_source(root: Path, width: int, share: float, frames: int) -> DriftSource:
    """Frames of the cameras of an archive, as it hides them; not to be shipped.

    Args:
        root: Of the archives.
        width: See ``read_training_picture``.
        share: Of each camera.
        frames: Of each camera at most, evenly over its time.

    Raises:
        ConfigurationError: No camera archive is there.
    """
    names = sorted(p.name for p in (root / "cameras").glob("*") if p.is_dir())
    if not names:
        raise ConfigurationError(root, None, "no camera archive", "give the archive root of a configuration")
    pictures: list[DriftPicture] = []
    snapshots: dict[str, str] = {}
    for name in names:
        archive = CameraArchive(root, name)
        rows = archive.rows()
        rows = rows[~rows["shadowed"]]
        rows = rows.iloc[np.unique(np.linspace(0, len(rows) - 1, min(frames, len(rows))).round().astype(int))]
        snapshots[name] = archive.snapshot_id()
        for row, pixels in zip(rows.itertuples(), archive.read_frames(rows), strict=True):
            pictures.append(
                training_picture(
                    pixels,
                    width,
                    name=f"{row.time:%Y-%m-%dT%H:%M:%SZ}",
                    sha256=row.sha256,
                    camera=f"{name} {row.group}",
                    licence="of the archive's owner",
                )
            )
    shares = dict.fromkeys((p.camera for p in pictures), share)
    return DriftSource(f"archive {root.name}", pictures, shares, snapshots)


def read_training_picture(file: Path, width: int, **origin: str) -> DriftPicture:
    """A picture at training scale.

    Args:
        file: Any that the camera archives accept.
        width: Wider pictures are reduced to this many pixels.
        origin: Further fields of ``DriftPicture``; camera and licence at least.

    Raises:
        UnreadableImage: It is no picture.
    """
    read = open_picture(file)
    return training_picture(read.pixels, width, name=file.name, sha256=read.sha256, **origin)


def training_picture(
    pixels: NDArray[np.uint8] | NDArray[np.uint16], width: int, *, name: str, sha256: str, **origin: str
) -> DriftPicture:
    """Upright pixels ``(y, x, 3)`` at training scale; see ``read_training_picture``."""
    rgb = pixels if pixels.dtype == np.uint8 else (pixels >> 8).astype(np.uint8)
    image = Image.fromarray(rgb)
    if image.width > width:
        size = width, round(image.height * width / image.width)
        smooth = Image.Resampling.BOX if image.width > 2 * width else Image.Resampling.LANCZOS
        image = image.resize(size, smooth)
    small = np.array(image)
    tensor = torch.from_numpy(small).permute(2, 0, 1).contiguous()
    return DriftPicture(name, tensor, sha256, difference_hash(small), **origin)


def listed_picture(folder: Path, row: dict[str, str], line: int, width: int, camera: str) -> DriftPicture:
    """The picture of a row of a list.

    Raises:
        ConfigurationError: It is missing or no picture.
    """
    origin = {name: row.get(name) or "" for name in ("licence", "repository", "path", "commit", "prepared")}
    try:
        return read_training_picture(folder / row["file"], width, camera=camera, **origin)
    except UnreadableImage as error:
        mend = "fetch it again, or take it out of the list"
        raise ConfigurationError(folder / MANIFEST, line, f"{row['file']}: {error}", mend) from None


def manifest_rows(folder: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of a folder's list with their lines.

    Raises:
        ConfigurationError: There is no list, a column is missing, or a use is unknown.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise ConfigurationError(path, None, "no such list", f"write one with columns {', '.join(columns)}")
    with path.open(newline="", encoding="utf-8") as file:
        table = csv.DictReader(file)
        if missing := [name for name in columns if name not in (table.fieldnames or ())]:
            raise ConfigurationError(path, 1, f"no column {missing[0]!r}", f"have {', '.join(columns)}")
        for row in table:
            use = row.get("use", TRAIN)
            if use not in (TRAIN, HOLD_OUT, LEAVE_OUT):
                mend = f"write {TRAIN}, {HOLD_OUT} or {LEAVE_OUT}"
                raise ConfigurationError(path, table.line_num, f"use {use!r}", mend)
            yield table.line_num, row


def _share(folder: Path, line: int, text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share < np.inf:
        raise ConfigurationError(folder / MANIFEST, line, f"share {text!r}", "write a number, 0 or more")
    return share


def pair_source(sources: Sequence[DriftSource], config: ViewConfig) -> PairSource:
    """All pictures of all sources, to draw pairs from.

    Raises:
        ConfigurationError: There are none.
    """
    numbers: dict[tuple[int, str], int] = {}
    pictures, cameras, shares = [], [], []
    for which, source in enumerate(sources):
        for picture in source.pictures:
            key = which, picture.camera
            if key not in numbers:
                numbers[key] = len(shares)
                shares.append(source.shares[picture.camera])
            cameras.append(numbers[key])
            pictures.append(picture.rgb)
    if not pictures:
        raise ConfigurationError("sources", None, "no training picture", "give photos, series, or scenes")
    return PairSource(pictures, cameras, config, shares)
