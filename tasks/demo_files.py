"""File habits of the demo's cameras: names, EXIF, whole writes."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PARIS, UTC = ZoneInfo("Europe/Paris"), ZoneInfo("UTC")


def file_name(index: int, camera_id: str, time: np.datetime64, number: int) -> str:
    """Name that a camera gives to an image: six habits, dealt out in turn.

    Args:
        index: Rank of the camera in the network.
        camera_id: Its id.
        time: UTC.
        number: Running number of the image.
    """
    utc = zoned(time, UTC)
    names = (
        f"{utc:%Y%m%d_%H%M%S}.jpg",
        f"{utc:%Y-%m-%dT%H_%M_%S}.jpg",
        f"{int(utc.timestamp())}.{utc:%a.%b.%d_%H_%M_%S}.GMT.{utc:%Y}.{camera_id}.c1.snap.jpg",
        f"IMG_{number + 1:05d}.JPG",  # no time: EXIF only
        f"{utc:%Y_%m%d_%H%M}0.jpg",  # no seconds
        f"{zoned(time, PARIS):%Y%m%d_%H%M%S}.jpg",
    )
    return names[index % len(names)]


def time_zone(index: int) -> ZoneInfo:
    """Zone of a camera's clock: two cameras in six write local time."""
    return PARIS if index % 6 in (3, 5) else UTC


def zoned(time: np.datetime64, zone: ZoneInfo) -> datetime:
    """An instant on the clock of a zone."""
    return datetime.fromtimestamp(int(np.datetime64(time, "s").astype(np.int64)), zone)


def jpeg_bytes(
    rgb: NDArray[np.uint8],
    quality: int,
    time: np.datetime64 | None = None,
    zone: ZoneInfo = UTC,
    with_offset: bool = True,
) -> bytes:
    """A JPEG with EXIF time, as a camera would write it.

    Args:
        rgb: ``(h, w, 3)``.
        quality: JPEG quality.
        time: UTC; no EXIF without it.
        zone: Zone that the camera's clock shows.
        with_offset: Whether the EXIF says the offset from UTC.
    """
    exif = Image.Exif()
    if time is not None:
        stated = zoned(time, zone)
        block = exif.get_ifd(0x8769)
        block[0x9003] = f"{stated:%Y:%m:%d %H:%M:%S}"  # DateTimeOriginal
        if with_offset:
            block[0x9011] = f"{stated:%z}"[:3] + ":" + f"{stated:%z}"[3:]  # OffsetTimeOriginal
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=quality, exif=exif)
    return buffer.getvalue()


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV without a heading."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def write_whole(path: Path, content: bytes) -> None:
    """Write so that the file appears whole or not at all."""
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.write_bytes(content)
    unfinished.replace(path)
