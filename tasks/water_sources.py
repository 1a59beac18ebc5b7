"""Bodies of training pictures for the water level: photos and series with masks, rendered scenes, labelled archives.

Photos and series come with the ``manifest.csv`` of ``tasks.drift_sources`` and one more column, ``mask``: a PNG of
``MaskCode`` (0 not labelled, 1 dry, 2 water) of the picture's shape, ``dry`` for a picture without any water, or
nothing for one of which nothing is known (it takes part in the denoising only).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import Tensor

from models.contracts.labels import MaskCode, PairAnswer, newest_masks
from models.learn.water_batches import WaterPictures, WaterViewConfig
from models.learn.water_targets import LabelledPicture, Order, orders_by_level
from tasks.drift_sources import (
    MANIFEST,
    PHOTO_COLUMNS,
    PHOTO_SHARE,
    TRAIN,
    DriftPicture,
    DriftSource,
    listed_picture,
    manifest_rows,
    read_training_picture,
    training_picture,
)
from tasks.errors import ConfigurationError
from tasks.stores.camera_archive import CameraArchive
from tasks.stores.labels import LabelStore, label_cameras
from tasks.water_scenes import RenderedWater

_COLUMNS = (*PHOTO_COLUMNS, "mask")
_DRY_PICTURE = "dry"
_LARGEST_STRETCH = 0.03  # of a mask's shape against its picture's
_ANSWERS = {
    PairAnswer.LEFT_HIGHER: 1.0,
    PairAnswer.RIGHT_HIGHER: -1.0,
    PairAnswer.EQUAL: 0.0,
    PairAnswer.NOT_COMPARABLE: math.nan,
}


@dataclass(frozen=True)
class WaterSource:
    """One body of training pictures.

    Attributes:
        body: The pictures, and where they are from.
        masks: ``MaskCode`` ``(y, x)`` uint8 of each, ``None`` where nothing is known.
        orders: Pairs of them, by their numbers.
    """

    body: DriftSource
    masks: list[Tensor | None]
    orders: list[Order] = field(default_factory=list)


def masked_source(folder: Path, width: int, name: str, use: str = TRAIN) -> WaterSource:
    """Photos, or series, with masks; a column ``camera`` says which are of one camera.

    Args:
        folder: Of ``manifest.csv``.
        width: Wider pictures are reduced to this many pixels.
        name: What the card calls them.
        use: Which rows.

    Raises:
        ConfigurationError: The list, or a picture or mask that it names, is missing or wrong.
    """
    pictures, masks = [], []
    for line, row in manifest_rows(folder, _COLUMNS):
        if row.get("use", TRAIN) == use:
            picture = listed_picture(folder, row, line, width, camera=row.get("camera") or row["file"])
            pictures.append(picture)
            masks.append(_listed_mask(folder, row["mask"], line, picture.rgb))
    shares = dict.fromkeys((p.camera for p in pictures), PHOTO_SHARE)
    return WaterSource(DriftSource(name, pictures, shares), masks)


def scene_source(
    rendered: Sequence[RenderedWater], width: int, share: float, rise: float, made: str = ""
) -> WaterSource:
    """Rendered cameras with their masks and the pairs that follow from their levels.

    Args:
        rendered: From ``write_water_set``.
        width: See ``masked_source``.
        share: Of each picture, relative to a photo.
        rise: Least difference of two levels that makes a pair.
        made: How they were made (seed, scenes), for the card.
    """
    origin = {"licence": "own rendering"}
    pictures = [read_training_picture(r.picture, width, camera=r.camera, **origin) for r in rendered]
    masks: list[Tensor | None] = [
        _scaled(np.array(Image.open(r.mask)), p.rgb) for r, p in zip(rendered, pictures, strict=True)
    ]
    orders: list[Order] = []
    for camera in dict.fromkeys(r.camera for r in rendered):
        rows = [n for n, r in enumerate(rendered) if r.camera == camera]
        orders += orders_by_level(rows, [rendered[n].level for n in rows], rise)
    shares = dict.fromkeys((p.camera for p in pictures), share)
    return WaterSource(
        DriftSource(f"simulated cameras at the water: {made}", pictures, shares), masks, orders
    )


def archive_source(root: Path, width: int, share: float, frames: int) -> WaterSource:
    """Frames of the cameras of an archive that somebody labelled, with their masks and pairs; not to be shipped.

    Args:
        root: Of the archives.
        width: See ``masked_source``.
        share: Of each picture, relative to a photo.
        frames: Of each camera at most, evenly over its time.

    Raises:
        ConfigurationError: No camera has labels.
    """
    names = label_cameras(str(root))
    if not names:
        raise ConfigurationError(root, None, "no labels", "import some (vigie labels import)")
    pictures: list[DriftPicture] = []
    masks: list[Tensor | None] = []
    orders: list[Order] = []
    snapshots: dict[str, str] = {}
    for name in names:
        archive, labels = CameraArchive(root, name), LabelStore(str(root), name)
        snapshots[name], snapshots[f"labels of {name}"] = archive.snapshot_id(), labels.snapshot_id()
        first, own = len(pictures), _labelled_frames(archive, labels, width, frames)
        pictures += [picture for picture, _ in own]
        masks += [mask for _, mask in own]
        numbers = {p.sha256: n for n, p in enumerate(pictures[first:], first)}
        orders += _orders(labels.pairs(), numbers)
    shares = dict.fromkeys((p.camera for p in pictures), share)
    return WaterSource(DriftSource(f"archive {root.name}", pictures, shares, snapshots), masks, orders)


def water_pictures(sources: Sequence[WaterSource], config: WaterViewConfig) -> WaterPictures:
    """All pictures of all sources, to draw batches from.

    Raises:
        ConfigurationError: None of them says where water is or is not.
    """
    pictures: list[LabelledPicture] = []
    orders: list[Order] = []
    for source in sources:
        first = len(pictures)
        orders += [Order(first + o.left, first + o.right, o.answer) for o in source.orders]
        pictures += [
            LabelledPicture(p.rgb, mask, source.body.shares[p.camera])
            for p, mask in zip(source.body.pictures, source.masks, strict=True)
        ]
    try:
        return WaterPictures(pictures, orders, config)
    except ValueError as error:
        mend = "give photos or series with masks, an archive with labels, or scenes"
        raise ConfigurationError("sources", None, str(error), mend) from None


def _labelled_frames(
    archive: CameraArchive, labels: LabelStore, width: int, frames: int
) -> list[tuple[DriftPicture, Tensor | None]]:
    """Frames that a mask or a pair names; where several people drew a mask, the first by name counts."""
    drawn = newest_masks(labels.masks()).drop_duplicates("image_sha256")
    pairs = labels.pairs()
    named = {*drawn["image_sha256"], *pairs["left_sha256"], *pairs["right_sha256"]}
    rows = archive.rows()
    rows = rows[rows["sha256"].isin(named)].drop_duplicates("sha256")
    rows = rows.iloc[np.unique(np.linspace(0, len(rows) - 1, min(frames, len(rows))).round().astype(int))]
    known = drawn[drawn["image_sha256"].isin(rows["sha256"])]
    codes = dict(zip(known["image_sha256"], labels.read_masks(known), strict=True))
    found = []
    for row, pixels in zip(rows.itertuples(), archive.read_frames(rows), strict=True):
        picture = training_picture(
            pixels,
            width,
            name=f"{row.time:%Y-%m-%dT%H:%M:%SZ}",
            sha256=str(row.sha256),
            camera=f"{archive.camera_id} {row.group}",
            licence="of the archive's owner",
        )
        mask = codes.get(str(row.sha256))
        found.append((picture, None if mask is None else _scaled(mask, picture.rgb)))
    return found


def _orders(pairs: pd.DataFrame, numbers: dict[str, int]) -> list[Order]:
    table = pairs[pairs["left_sha256"].isin(list(numbers)) & pairs["right_sha256"].isin(list(numbers))]
    return [
        Order(numbers[left], numbers[right], _ANSWERS[PairAnswer(answer)])
        for left, right, answer in zip(
            table["left_sha256"], table["right_sha256"], table["answer"], strict=True
        )
    ]


def _listed_mask(folder: Path, text: str, line: int, rgb: Tensor) -> Tensor | None:
    if not text:
        return None
    if text == _DRY_PICTURE:
        return torch.full(rgb.shape[-2:], int(MaskCode.DRY), dtype=torch.uint8)
    place, wrong = folder / MANIFEST, f"mask {text}: "
    mend = "give a grey PNG of 0 (not labelled), 1 (dry) and 2 (water), dry, or nothing"
    try:
        with Image.open(folder / text) as image:
            codes = np.array(image)
    except (OSError, ValueError) as error:
        raise ConfigurationError(place, line, f"{wrong}{error}", mend) from None
    if codes.ndim != 2 or codes.dtype != np.uint8 or int(codes.max(initial=0)) > MaskCode.WATER:
        raise ConfigurationError(place, line, f"{wrong}other values", mend)
    height, width = rgb.shape[-2:]
    if abs(codes.shape[0] / codes.shape[1] * width / height - 1) > _LARGEST_STRETCH:
        size = f"{codes.shape[1]} x {codes.shape[0]}"
        raise ConfigurationError(place, line, f"{wrong}{size} is not the picture's shape", mend)
    return _scaled(codes, rgb)


def _scaled(codes: np.ndarray, rgb: Tensor) -> Tensor:
    """A mask at its picture's training scale."""
    size = rgb.shape[-1], rgb.shape[-2]
    return torch.from_numpy(np.array(Image.fromarray(codes).resize(size, Image.Resampling.NEAREST)))
