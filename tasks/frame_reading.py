"""Frames of a camera archive in pieces that fit into memory; one that cannot be read costs only itself."""

import logging
from collections.abc import Iterator

import numpy as np
import pandas as pd

from tasks.errors import StoreError
from tasks.stores.camera_archive import CameraArchive
from tasks.stores.codec import ImageDecodeError

FRAMES_AT_ONCE = 32
PIXELS_AT_ONCE = 64_000_000
"""Frames in memory at the same time, per batch: no more than so many, and no more pixels (but at least one frame)."""

_UNREADABLE = (OSError, StoreError, ImageDecodeError)

_log = logging.getLogger("vigie.inference")


def frames_of(
    archive: CameraArchive, rows: pd.DataFrame
) -> Iterator[tuple[pd.DataFrame, list[np.ndarray | None]]]:
    """Rows of the archive piece by piece with their frames; ``None`` for one that cannot be read."""
    for piece in pieces(rows):
        try:
            yield piece, list(archive.read_frames(piece))
        except _UNREADABLE:  # find the bad one
            yield piece, [read_one(archive, piece.iloc[[i]]) for i in range(len(piece))]


def pieces(rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Rows cut so that their frames fit into memory; a frame's size is in the name of its group."""
    start, pixels = 0, 0
    for end, group in enumerate(rows["group"]):
        width, height = size_of(group)
        pixels += height * width
        if end > start and (end - start == FRAMES_AT_ONCE or pixels > PIXELS_AT_ONCE):
            yield rows.iloc[start:end]
            start, pixels = end, height * width
    if len(rows):
        yield rows.iloc[start:]


def size_of(group: str) -> tuple[int, int]:
    """Width and height of the frames of a group such as ``jpeg_480x640``."""
    height, width = map(int, group.rsplit("_", 1)[1].split("x"))
    return width, height


def read_one(archive: CameraArchive, row: pd.DataFrame) -> np.ndarray | None:
    """The frame of one row, or ``None`` (and a line in the log) where it cannot be read."""
    try:
        return archive.read_frames(row)[0]
    except _UNREADABLE:
        _log.exception("camera %s: frame %s cannot be read", archive.camera_id, row["source"].iloc[0])
        return None
