"""Series of pictures with what is known of the water in them: a folder with ``manifest.csv``.

Columns ``file, camera, time, level, unit, mask, overlay_top_px``; level, mask and overlay may be empty, further columns
(``source``, ``licence``) are for people. Cameras of one ``site`` see one water; where that column is absent, cameras
whose names differ only in the number after the last underscore are one site.
"""

import csv
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.contracts.labels import METRES, MaskCode
from tasks.errors import ConfigurationError
from tasks.pictures import UnreadableImage, open_picture

MANIFEST = "manifest.csv"
COLUMNS = ("file", "camera", "time", "level", "unit", "mask", "overlay_top_px")
_LONG_SIDE = 640
_TIME = re.compile(
    r"\D*(\d{4})-(\d\d)-(\d\d)(?:[T -](\d\d):?(\d\d)(?::?(\d\d))?)?(?:\+(\d+)s|([+-]\d\d):?(\d\d))?"
)
_NUMBERED = re.compile(r"(.+)_[a-z]{0,4}\d+")


@dataclass(frozen=True)
class WaterFrame:
    """One picture and what is known of it.

    Attributes:
        file: The picture.
        time: UTC, ``datetime64[s]``; NaT where it is not known.
        level: In the unit of its series, higher is more water; NaN where it is not known.
        mask: Of ``MaskCode`` colours, or ``None``.
        overlay_px: Rows at the top that are not of the scene, pixels of the file.
    """

    file: Path
    time: np.datetime64
    level: float
    mask: Path | None
    overlay_px: int


@dataclass(frozen=True)
class WaterSeries:
    """Pictures of one camera in the order of time.

    Attributes:
        camera: Id.
        site: Of the camera; cameras of one site see one water.
        unit: Of the levels; empty where there are none.
        frames: At least one.
    """

    camera: str
    site: str
    unit: str
    frames: tuple[WaterFrame, ...]

    @property
    def hours(self) -> NDArray[np.float64]:
        """Since the first frame ``(n,)``; frames without a time follow the others by a second each."""
        times = np.array([f.time for f in self.frames], "datetime64[s]")
        known = ~np.isnat(times)
        start = times[known].min() if known.any() else np.datetime64(0, "s")
        hours = np.where(known, (times - start).astype(np.float64), 0.0) / 3600
        after = hours.max(initial=0.0)
        return np.where(known, hours, after + np.cumsum(~known) / 3600)

    @property
    def times(self) -> NDArray[np.datetime64]:
        """``datetime64[s]`` ``(n,)``."""
        return np.array([f.time for f in self.frames], "datetime64[s]")

    @property
    def truth(self) -> NDArray[np.float64]:
        """Levels ``(n,)``, NaN where not known."""
        return np.array([f.level for f in self.frames])

    @property
    def truth_m(self) -> NDArray[np.float64]:
        """Levels in metres ``(n,)``; those without a unit of length are taken as they are."""
        return self.truth * METRES.get(self.unit.partition(" ")[0], 1.0)

    def taken(self, rows: NDArray[np.int64]) -> "WaterSeries":
        """Some of the frames."""
        return WaterSeries(self.camera, self.site, self.unit, tuple(self.frames[int(k)] for k in rows))


@dataclass(frozen=True)
class WaterPicture:
    """A picture as it is evaluated.

    Attributes:
        rgb: ``(y, x, 3)`` uint8, overlay blacked out, at most 640 pixels on the long side.
        hidden: Where the overlay was ``(y, x)``.
        sha256: Of the file's bytes, hex.
    """

    rgb: NDArray[np.uint8]
    hidden: NDArray[np.bool_]
    sha256: str


def read_water_series(folder: Path) -> list[WaterSeries]:
    """Every camera of a folder, by name.

    Raises:
        ConfigurationError: No manifest, a column is missing, or a row cannot be read.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise ConfigurationError(path, None, "no such list", f"write one with columns {', '.join(COLUMNS)}")
    cameras: dict[tuple[str, str, str], list[WaterFrame]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        table = csv.DictReader(file)
        if missing := [name for name in COLUMNS if name not in (table.fieldnames or ())]:
            raise ConfigurationError(path, 1, f"no column {missing[0]!r}", f"have {', '.join(COLUMNS)}")
        for row in table:
            camera = row["camera"]
            key = camera, row.get("site") or site_of(camera), row["unit"] or ""
            cameras.setdefault(key, []).append(_frame(path, table.line_num, row))
    return [WaterSeries(*key, tuple(sorted(cameras[key], key=_order))) for key in sorted(cameras)]


def site_of(camera: str) -> str:
    """The site of a camera that states none: ``duck_c4`` -> ``duck``; other names are sites."""
    numbered = _NUMBERED.fullmatch(camera)
    return numbered[1] if numbered else camera


def read_time(text: str) -> np.datetime64:
    """UTC of an odd time string; NaT where it holds no date.

    Besides ISO 8601: a leading dash, times without separators, and ``+91s``, the seconds into a film since its start.
    """
    found = _TIME.match(text)
    if not found:
        return np.datetime64("NaT", "s")
    year, month, day, hour, minute, second, film, off_hours, off_minutes = found.groups()
    try:
        time = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=UTC
        )
    except ValueError:
        return np.datetime64("NaT", "s")
    offset = timedelta()
    if off_hours:
        size = timedelta(hours=abs(int(off_hours)), minutes=int(off_minutes))
        offset = -size if off_hours.startswith("-") else size
    utc = time + timedelta(seconds=int(film or 0)) - offset
    return np.datetime64(utc.replace(tzinfo=None), "s")


def _order(frame: WaterFrame) -> tuple[bool, str, str]:
    return bool(np.isnat(frame.time)), str(frame.time), frame.file.name


def _frame(path: Path, line: int, row: dict[str, str]) -> WaterFrame:
    file = path.parent / row["file"]
    try:
        level = float(row["level"]) if row["level"] else float("nan")
        overlay = int(float(row["overlay_top_px"] or 0))
    except ValueError as error:
        raise ConfigurationError(path, line, str(error), "write a number, or nothing") from None
    if not file.is_file():
        raise ConfigurationError(path, line, f"no file {row['file']}", "fetch it, or take it out of the list")
    mask = _mask_file(path, line, file, row["mask"]) if row["mask"] else None
    return WaterFrame(file, read_time(row["time"]), level, mask, overlay)


def _mask_file(path: Path, line: int, file: Path, name: str) -> Path:
    """Masks are named from the manifest's folder or from the picture's."""
    for folder in (path.parent, file.parent):
        if (folder / name).is_file():
            return folder / name
    raise ConfigurationError(path, line, f"no mask {name}", "fetch it, or leave the mask empty")


def read_water_picture(frame: WaterFrame, long_side: int = _LONG_SIDE) -> WaterPicture:
    """A frame's picture.

    Raises:
        ConfigurationError: The file is no picture.
    """
    try:
        read = open_picture(frame.file)
    except UnreadableImage as error:
        raise ConfigurationError(frame.file, None, str(error), "fetch it again") from None
    pixels = read.pixels if read.pixels.dtype == np.uint8 else (read.pixels >> 8).astype(np.uint8)
    scale = min(1.0, long_side / max(pixels.shape[:2]))
    rgb = pixels
    if scale < 1:
        size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
        rgb = np.array(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))
    rgb = np.array(rgb)
    # One row more where reduced: the overlay's last row is mixed into the next.
    rows = -int(-frame.overlay_px * scale // 1) + (scale < 1) if frame.overlay_px else 0
    hidden = np.zeros(rgb.shape[:2], bool)
    hidden[:rows] = True
    rgb[hidden] = 0
    return WaterPicture(rgb, hidden, read.sha256)


def read_water_mask(frame: WaterFrame) -> NDArray[np.uint8]:
    """``MaskCode`` ``(y, x)`` of a frame's mask, the overlay unlabelled.

    Two kinds are read. Grey: the codes themselves. Colours, of any brightness: red is dry, blue and green are water
    (two basins of one scene), black is not labelled.

    Raises:
        ConfigurationError: There is none, or it holds something else.
    """
    if frame.mask is None:
        raise ConfigurationError(frame.file, None, "no mask", "list one in the manifest")
    values = np.asarray(Image.open(frame.mask))
    if values.ndim == 2:
        if values.max(initial=0) > max(MaskCode):
            raise ConfigurationError(
                frame.mask, None, f"code {values.max()}", "write 0, 1 (dry) or 2 (water)"
            )
        codes = values.astype(np.uint8)
    else:
        red, green, blue = (values[..., k] > 0 for k in range(3))
        codes = np.where(green | blue, MaskCode.WATER, np.where(red, MaskCode.DRY, 0)).astype(np.uint8)
        if (red & (green | blue)).any():
            raise ConfigurationError(frame.mask, None, "mixed colours", "write red, green, blue or black")
    codes[: frame.overlay_px] = MaskCode.NOT_LABELLED
    return codes
