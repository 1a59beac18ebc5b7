"""The UTC time of each image of a camera: from its name, EXIF, a sidecar table, or, only if asked, its mtime.

A time without an offset is local to the camera. Where daylight saving ends an hour comes twice, where it begins an
hour is missing; both are settled here.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from models.contracts.flags import FrameFlag, Refusal
from models.science.time_names import (
    TimeReading,
    TimeUnreadable,
    looks_dated,
    read_exif,
    read_name,
    read_text,
)
from tasks.image_sources import SourceImage
from tasks.registry import Camera

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class ExifTime:
    """EXIF time tags, as text.

    Attributes:
        original: ``DateTimeOriginal``.
        offset: ``OffsetTimeOriginal``, such as ``+02:00``.
        subsec: ``SubSecTimeOriginal``, decimals of the second.
    """

    original: str
    offset: str | None = None
    subsec: str | None = None


@dataclass(frozen=True)
class ImageTime:
    """When an image was taken.

    Attributes:
        time: UTC, ``datetime64[ms]``.
        flags: Where the time comes from, where that is not the name, and whether a rule decided it.
    """

    time: np.datetime64
    flags: FrameFlag


@dataclass(frozen=True)
class TimeRefusal:
    """Why an image has no usable time."""

    reason: Refusal
    detail: str


@dataclass
class ImageClock:
    """Times the images of one camera, given in the order of their names.

    Attributes:
        camera: Whose ``time_from``, ``time_pattern`` and ``time_zone`` hold.
        as_of: Nothing later than this is believed, UTC.
        sidecar: What ``times.csv`` says, by relative name.
        undated: The camera is an ordered group; see ``is_undated_group``.
        previous: UTC time of the image before, in the order of names: it settles the doubled hour.
    """

    camera: Camera
    as_of: np.datetime64
    sidecar: Mapping[str, str]
    undated: bool = False
    previous: np.datetime64 | None = None

    def time_of(self, image: SourceImage, exif: ExifTime | None, rank: int) -> ImageTime | TimeRefusal:
        """UTC time of one image, or why there is none.

        Args:
            image: As listed.
            exif: Its time tags, if any.
            rank: Its place in the camera's listing; the time axis of an undated group.
        """
        if self.undated:
            return ImageTime(np.datetime64(rank * 1000, "ms"), FrameFlag.TIME_IS_ORDER)
        try:
            reading, flags = self._read(image, exif)
            utc, ambiguous = self._to_utc(reading)
        except TimeUnreadable as error:
            return TimeRefusal(Refusal.TIME_UNREADABLE, str(error))
        except _TimeNonexistent as error:
            return TimeRefusal(Refusal.TIME_NONEXISTENT, str(error))
        time = to_datetime64(utc)
        if time < np.datetime64(0, "ms"):
            return TimeRefusal(Refusal.TIME_BEFORE_1970, f"{time} UTC is before 1970")
        if time > self.as_of:
            return TimeRefusal(Refusal.TIME_IN_FUTURE, f"{time} UTC is after {self.as_of} UTC")
        self.previous = time
        return ImageTime(time, flags | (FrameFlag.TIME_AMBIGUOUS if ambiguous else FrameFlag(0)))

    def _read(self, image: SourceImage, exif: ExifTime | None) -> tuple[TimeReading, FrameFlag]:
        """The reading by the camera's rule; ``auto`` is sidecar, then name, then EXIF."""
        wanted = self.camera.time_from
        if wanted == "mtime":
            if image.modified is None:
                raise TimeUnreadable("the source states no modification time")
            stated = _EPOCH + timedelta(
                milliseconds=int(image.modified.astype("datetime64[ms]").astype(np.int64))
            )
            return TimeReading(stated), FrameFlag.TIME_FROM_MTIME
        if wanted == "sidecar" or (wanted == "auto" and image.name in self.sidecar):
            if image.name not in self.sidecar:
                raise TimeUnreadable(f"{image.name!r} is not in times.csv")
            return read_text(self.sidecar[image.name]), FrameFlag.TIME_FROM_SIDECAR
        if wanted == "exif":
            return _read_exif(exif), FrameFlag.TIME_FROM_EXIF
        try:
            return read_name(image.name, self.camera.time_pattern), FrameFlag(0)
        except TimeUnreadable:
            if wanted == "auto" and exif is not None:
                return _read_exif(exif), FrameFlag.TIME_FROM_EXIF
            raise

    def _to_utc(self, reading: TimeReading) -> tuple[datetime, bool]:
        """UTC, and whether the first of two possible instants had to be taken unproven."""
        if not reading.is_local:
            return reading.stated.astimezone(UTC), False
        first, second = possible_instants(reading.stated, self.camera.time_zone)
        if first == second:
            return first, False
        if self.previous is not None and to_datetime64(first) < self.previous <= to_datetime64(second):
            return second, False  # names run on while the clock went back: this is the second pass
        return first, True


class _TimeNonexistent(ValueError):
    """The clocks skipped this local time."""


def possible_instants(local: datetime, time_zone: str) -> tuple[datetime, datetime]:
    """The instants, UTC, that a local clock time can mean; equal but in the doubled hour.

    Raises:
        ValueError: The clocks skipped this time.
    """
    zone = ZoneInfo(time_zone)
    both = [local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    if both[0].astimezone(zone).replace(tzinfo=None) != local:
        raise _TimeNonexistent(f"{local.isoformat()} does not exist in {time_zone}: the clocks went forward")
    return both[0], both[1]


def is_undated_group(
    camera: Camera, names: Iterable[str], sidecar: Mapping[str, str], any_exif: bool
) -> bool:
    """Whether the camera's images have only an order.

    So it is where ``time_from`` says ``order``, and under ``auto`` where no image states a time in any way and no
    name holds digits enough for a date: a date that we cannot read must be refused, not replaced.
    """
    if camera.time_from != "auto":
        return camera.time_from == "order"
    if camera.time_pattern or sidecar or any_exif:
        return False
    return not any(looks_dated(name) for name in names)


def parse_sidecar(text: str) -> dict[str, str]:
    """Reads ``times.csv``: columns ``file`` (relative, posix) and ``time`` (ISO 8601, local without an offset).

    A table without these columns states nothing; each image then goes by its name or is refused.
    """
    rows = csv.DictReader(io.StringIO(text.lstrip("\ufeff")), skipinitialspace=True)
    if not {"file", "time"} <= set(rows.fieldnames or ()):
        return {}
    return {row["file"].strip(): (row["time"] or "").strip() for row in rows if row["file"]}


def to_datetime64(time: datetime) -> np.datetime64:
    """``datetime64[ms]`` of an aware time; finer parts are cut."""
    return np.datetime64((time - _EPOCH) // timedelta(milliseconds=1), "ms")


def _read_exif(exif: ExifTime | None) -> TimeReading:
    if exif is None:
        raise TimeUnreadable("no EXIF DateTimeOriginal")
    return read_exif(exif.original, exif.offset, exif.subsec)
