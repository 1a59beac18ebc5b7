"""The archive of one camera: every accepted frame as the camera's own file, and each refusal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import xarray as xr

from models.contracts.flags import FrameFlag, Refusal


@dataclass(frozen=True)
class NewFrame:
    """A validated image to append.

    Attributes:
        time: UTC, kept to the millisecond.
        source: Name of the file, relative to the camera's source.
        source_version: Changes when the file does (hash of size and modification time, or etag).
        sha256: 32 bytes, of the source file.
        encoding: ``jpeg``, ``png`` or ``png16``.
        height: Upright, pixels.
        width: Upright, pixels.
        payload: The encoded file, stored untouched.
        flags: What is odd about it.
    """

    time: np.datetime64
    source: str
    source_version: int
    sha256: bytes
    encoding: str
    height: int
    width: int
    payload: bytes
    flags: FrameFlag


@dataclass(frozen=True)
class NewRefusal:
    """An image that was not accepted, and why.

    Attributes:
        source: Name of the file, relative to the camera's source.
        source_version: As in ``NewFrame``.
        sha256: 32 bytes; zeros where the file could not be read at all.
        reason: Code.
        detail: In words.
        as_of: UTC time against which "in the future" was judged.
    """

    source: str
    source_version: int
    sha256: bytes
    reason: Refusal
    detail: str
    as_of: np.datetime64


@dataclass(frozen=True)
class AppendResult:
    """What an append did.

    Attributes:
        accepted: Frames stored.
        duplicates: Frames that were there already.
        touched_days: UTC days of the frames stored, sorted.
        arrival: Number of this batch (the last one's, where nothing was stored).
    """

    accepted: int
    duplicates: int
    touched_days: tuple[date, ...]
    arrival: int


class CameraArchive:
    """Frames of one camera, in ``<root>/cameras/<camera_id>``."""

    def __init__(self, root: str, camera_id: str) -> None:
        raise NotImplementedError

    def append(self, rows: Sequence[NewFrame], refusals: Sequence[NewRefusal] = ()) -> AppendResult:
        """Store frames and refusals in one commit; what is there already is not stored again."""
        raise NotImplementedError

    def set_privacy(self, polygon: Sequence[tuple[float, float]] | None) -> None:
        """Black out a polygon ((x, y) in fractions of width and height) in all that is read."""
        raise NotImplementedError

    def rows(self) -> pd.DataFrame:
        """All frames, sorted by (time, sha256)."""
        raise NotImplementedError

    def refusals(self) -> pd.DataFrame:
        """All standing refusals."""
        raise NotImplementedError

    def known(self) -> set[tuple[str, int]]:
        """(source, source_version) that need not be read again."""
        raise NotImplementedError

    def open(self, group: str | None = None) -> xr.Dataset:
        """Lazy dataset of one group, sorted by time, shadowed frames dropped."""
        raise NotImplementedError

    def read_frames(self, rows: pd.DataFrame) -> list[np.ndarray]:
        """Decode the frames of any rows of ``rows()``, in their order."""
        raise NotImplementedError
