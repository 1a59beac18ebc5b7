"""What a camera archive is given and what it keeps: its records and the columns of its tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from models.contracts.flags import FrameFlag, Refusal, cf_flags
from models.contracts.frames import TIME_UNITS
from tasks.stores.tables import Column


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

    @property
    def group(self) -> str:
        """Group of the archive that holds frames of this encoding and size."""
        return f"{self.encoding}_{self.height}x{self.width}"

    @property
    def time_ms(self) -> int:
        """Time as stored."""
        return int(self.time.astype("datetime64[ms]").astype(np.int64))


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


TRANSIENT = frozenset({Refusal.TIME_IN_FUTURE, Refusal.UNREADABLE_SOURCE})
"""Refusals that a later run judges again."""

REFUSALS, DUPLICATES = "refusals", "duplicates"
"""The groups that hold no frames."""

_TIME = Column(
    "time", "int64", attributes={"units": TIME_UNITS, "calendar": "standard", "standard_name": "time"}
)
_FILE = (
    Column("source", "str", attributes={"long_name": "file name in the camera's source"}),
    Column("source_version", "uint64", attributes={"long_name": "changes when the source file does"}),
    Column("sha256", "uint8", 32, {"long_name": "SHA-256 digest of the source file"}),
)
_ARRIVAL = Column("arrival", "int64", attributes={"long_name": "number of the batch that brought the frame"})
FRAME_COLUMNS = (
    _TIME,
    *_FILE,
    Column("quality_flag", "uint16", attributes={"standard_name": "quality_flag", **cf_flags(FrameFlag)}),
    _ARRIVAL,
)
INDEX_COLUMNS = (_TIME, *_FILE, _ARRIVAL)
"""Of the frame columns, those that tell what is new."""
MARK_COLUMNS = (*_FILE[1:], _ARRIVAL)
"""Of these, those that nearly always suffice."""
DUPLICATE_COLUMNS = (_TIME, *_FILE)
REFUSAL_COLUMNS = (
    Column("as_of", "int64", attributes={"units": TIME_UNITS, "long_name": "time of judgement"}),
    *_FILE,
    Column("reason", "uint8", attributes=cf_flags(Refusal)),
    Column("detail", "str", attributes={"long_name": "reason in words"}),
)


def _file_values(files: Sequence[NewFrame] | Sequence[NewRefusal]) -> dict[str, np.ndarray]:
    return {
        "source": np.array([file.source for file in files], dtype=np.dtypes.StringDType()),
        "source_version": np.array([file.source_version for file in files], dtype=np.uint64),
        "sha256": np.frombuffer(b"".join(file.sha256 for file in files), np.uint8).reshape(-1, 32),
    }


def duplicate_values(frames: Sequence[NewFrame]) -> dict[str, np.ndarray]:
    """Columns of the duplicates table."""
    return {"time": np.array([frame.time_ms for frame in frames], dtype=np.int64), **_file_values(frames)}


def frame_values(frames: Sequence[NewFrame], arrival: int) -> dict[str, np.ndarray]:
    """Columns of a frame group's table."""
    return {
        **duplicate_values(frames),
        "quality_flag": np.array([int(frame.flags) for frame in frames], dtype=np.uint16),
        "arrival": np.full(len(frames), arrival, dtype=np.int64),
    }


def refusal_values(refusals: Sequence[NewRefusal]) -> dict[str, np.ndarray]:
    """Columns of the refusals table."""
    return {
        "as_of": np.array([r.as_of.astype("datetime64[ms]").astype(np.int64) for r in refusals], np.int64),
        **_file_values(refusals),
        "reason": np.array([int(r.reason) for r in refusals], dtype=np.uint8),
        "detail": np.array([r.detail for r in refusals], dtype=np.dtypes.StringDType()),
    }
