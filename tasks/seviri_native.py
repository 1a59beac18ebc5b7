"""The window of a SEVIRI level 1.5 native file over a region, without reading the rest of the disk.

The file is memory-mapped; lines and columns of the region alone are unpacked. Header, area, coefficients and
calibration are satpy's, and so are the values: bit for bit those of its ``seviri_l1b_native`` reader and
``Scene.crop(ll_bbox=region)``, turned north up. One thing is stricter: lines that the file marks as missing or corrupt
and not to be used are NaN, by the rule that satpy applies to SEVIRI in HRIT and netCDF.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from pyresample import AreaDefinition
from satpy.readers.core.eum import time_cds_short
from satpy.readers.core.seviri import get_cds_time, mask_bad_quality
from satpy.readers.seviri_l1b_native import NativeMSGFileHandler

from models.contracts.flags import Refusal
from models.science.geometry import GeosGrid
from tasks.seviri_native_format import (
    GROUP_BYTES,
    GROUP_PIXELS,
    HRV_PER_PIXEL,
    REFLECTANCE_CHANNELS,
    unpack10,
)
from tasks.seviri_native_layout import DAMAGE, NativeFileRefused, NativeLayout, layout_of

__all__ = ["NativeFileRefused", "NativeWindow", "native_channels", "read_native_window"]

Region = tuple[float, float, float, float]

_LINES_AT_ONCE = 60  # a full disk's are 3 MB
_QUALITY = (
    "validity",
    "geometric_quality",
    "radiometric_quality",
)  # in the order of satpy's `mask_bad_quality`
_LINE_HEADER = np.dtype([("acquisition", time_cds_short), *((name, "u1") for name in _QUALITY)])


@dataclass(frozen=True)
class NativeWindow:
    """What a file holds of a region.

    Attributes:
        nominal_time: Nominal start of the repeat cycle, ``datetime64[ns]``.
        values: Per channel, float32 ``(lines, columns)``, north up, west left: K, or % as satpy has it (distance of
            the sun corrected for, its zenith angle not); NaN where there is nothing.
        scan_time: Per channel, mean acquisition time ``datetime64[ns] (lines,)``; NaT where the file states none.
        grid: Where the pixels lie.
        file_grid: Where the pixels of the whole file lie.
        platform: Such as ``Meteosat-11``.
        quality_ok: ``True``, or what the file says against itself.
    """

    nominal_time: np.datetime64
    values: dict[str, npt.NDArray[np.float32]]
    scan_time: dict[str, npt.NDArray[np.datetime64]]
    grid: GeosGrid
    file_grid: GeosGrid
    platform: str
    quality_ok: bool | str


def native_channels(path: Path) -> tuple[str, ...]:
    """Channels that a file holds, in the order of `CHANNELS`.

    Raises:
        NativeFileRefused: Not a whole native file.
        OSError: It cannot be opened.
    """
    return layout_of(path).channels


def read_native_window(path: Path, channels: Sequence[str], region: Region) -> NativeWindow:
    """Read a region of a local, uncompressed file.

    Args:
        path: The file.
        channels: Names of `CHANNELS`; HRV only by itself, as its grid is its own.
        region: ``(lon_min, lat_min, lon_max, lat_max)``, degrees.

    Returns:
        The pixels that satpy's crop keeps: fewer than the region's where the file does not cover it.

    Raises:
        NativeFileRefused: ``EMPTY_FILE``; ``FILE_CORRUPT``: not a native file, or of another size than its header
            says; ``MISSING_VARIABLE``: a channel is absent; ``OTHER_REGION``: nothing of the region is inside.
        ValueError: HRV is asked for along with others, or nothing is.
        OSError: The file cannot be opened.
    """
    if not channels or ("HRV" in channels and len(channels) > 1):
        raise ValueError(f"channels {list(channels)} do not share one grid")
    layout = layout_of(path)
    if absent := [channel for channel in channels if channel not in layout.channels]:
        raise NativeFileRefused(Refusal.MISSING_VARIABLE, f"holds no {', '.join(absent)}")
    hrv = "HRV" in channels
    handler, quality = _handler(path, fill_disk=hrv and layout.full_width)
    identity = {"name": channels[0], "resolution": 1000 if hrv else 3000}
    try:
        area = handler.get_area_def(identity)
        windows = _file_windows(handler, identity, area)
        nominal = np.datetime64(handler.start_time, "ns")
        tables = {channel: _physical_of_counts(handler, channel) for channel in channels}
    except DAMAGE as error:
        raise NativeFileRefused(Refusal.FILE_CORRUPT, f"{type(error).__name__}: {error}"[:300]) from error
    lines, columns = _slices(area, region)
    read = _read_lines(path, layout, channels, windows, (lines, columns))
    values, scan_time = {}, {}
    for channel, (counts, headers) in read.items():
        values[channel] = _without_bad_lines(np.take(tables[channel], counts[::-1, ::-1]), headers[::-1])
        scan_time[channel] = _times(headers[::-1])
    whole = _north_up(area, handler)
    window = whole.window(
        slice(whole.lines - lines.stop, whole.lines - lines.start),
        slice(whole.columns - columns.stop, whole.columns - columns.start),
    )
    return NativeWindow(nominal, values, scan_time, window, whole, handler.mda["platform_name"], quality)


def _handler(path: Path, fill_disk: bool) -> tuple[NativeMSGFileHandler, bool | str]:
    """Header and trailer as satpy reads them, and what it warns of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            handler = NativeMSGFileHandler(str(path), {}, {}, fill_disk=fill_disk)
        except DAMAGE as error:
            raise NativeFileRefused(Refusal.FILE_CORRUPT, f"{type(error).__name__}: {error}"[:300]) from error
    notes = [str(note.message) for note in caught if issubclass(note.category, UserWarning)]
    return handler, "; ".join(notes) or True


def _physical_of_counts(handler: NativeMSGFileHandler, channel: str) -> npt.NDArray[np.float32]:
    """What each count stands for. There are 1024 of them, and calibrating those is calibrating every pixel."""
    counts = xr.DataArray(np.arange(1024, dtype=np.float32), dims="count")
    counts = counts.where(counts != 0)
    kind = "reflectance" if channel in REFLECTANCE_CHANNELS else "brightness_temperature"
    with np.errstate(divide="ignore"):
        calibrated = handler.calibrate(counts, {"name": channel, "calibration": kind})
    return np.asarray(calibrated.values, np.float32)


@lru_cache(maxsize=16)
def _slices(area: AreaDefinition, region: Region) -> tuple[slice, slice]:
    """Lines and columns of the area, in the file's order, that satpy's crop keeps."""
    box = AreaDefinition("region", "", "", {"proj": "latlong"}, 100, 100, region)
    try:
        columns, lines = area.get_area_slices(box)
    except NotImplementedError as error:  # what pyresample raises when nothing overlaps
        raise NativeFileRefused(Refusal.OTHER_REGION, f"the file holds nothing of {region}") from error
    return slice(*lines.indices(area.height)), slice(*columns.indices(area.width))


def _file_windows(
    handler: NativeMSGFileHandler, identity: dict[str, Any], area: AreaDefinition
) -> list[tuple[slice, slice]]:
    """Lines and columns of the area that the file holds: all of them, or the two windows of a full disk's HRV."""
    if not handler.fill_disk:
        return [(slice(0, area.height), slice(0, area.width))]
    bounds = handler.image_boundaries.get_img_bounds(identity, handler.is_roi())
    edges = zip(*(bounds[f"{side}_bound"] for side in ("south", "north", "east", "west")), strict=True)
    return [(slice(south - 1, north), slice(east - 1, west)) for south, north, east, west in edges]


def _read_lines(
    path: Path,
    layout: NativeLayout,
    channels: Sequence[str],
    windows: Sequence[tuple[slice, slice]],
    region: tuple[slice, slice],
) -> dict[str, tuple[npt.NDArray[np.uint16], npt.NDArray[np.void]]]:
    """Per channel counts ``(lines, columns)`` and line headers ``(lines,)``, in the file's order."""
    lines, columns = region
    shape = lines.stop - lines.start, columns.stop - columns.start
    read = {c: (np.zeros(shape, np.uint16), np.zeros(shape[0], _LINE_HEADER)) for c in channels}
    per_row = HRV_PER_PIXEL if "HRV" in channels else 1
    for first in range(lines.start, lines.stop, _LINES_AT_ONCE):
        block = slice(first, min(first + _LINES_AT_ONCE, lines.stop))
        inside = slice(block.start - lines.start, block.stop - lines.start)
        row, end = block.start // per_row, -(-block.stop // per_row)
        # Mapped anew for each block, so that what was read does not pile up in memory.
        rows = np.memmap(path, layout.row, "r", layout.header_bytes + row * layout.row.itemsize, (end - row,))
        for channel, (counts, headers) in read.items():
            field, band = (
                ("hrv", slice(None)) if channel == "HRV" else ("visir", layout.channels.index(channel))
            )
            records = np.asarray(rows[field][:, band]).reshape(-1)[block.start - per_row * row :]
            records = records[: block.stop - block.start]
            counts[inside] = _counts(records["pixels"], windows, block, columns)
            for name in _LINE_HEADER.names or ():
                headers[name][inside] = records[name]
    return read


def _counts(
    packed: npt.NDArray[np.uint8], windows: Sequence[tuple[slice, slice]], lines: slice, columns: slice
) -> npt.NDArray[np.uint16]:
    """Counts of the region, in the file's order; 0 where no window of the file reaches."""
    counts = np.zeros((lines.stop - lines.start, columns.stop - columns.start), np.uint16)
    for held_lines, held_columns in windows:
        first, last = max(lines.start, held_lines.start), min(lines.stop, held_lines.stop)
        left, right = max(columns.start, held_columns.start), min(columns.stop, held_columns.stop)
        if first >= last or left >= right:
            continue
        group, skipped = divmod(left - held_columns.start, GROUP_PIXELS)
        groups_end = -(-(right - held_columns.start) // GROUP_PIXELS)
        rows = packed[
            first - lines.start : last - lines.start, group * GROUP_BYTES : groups_end * GROUP_BYTES
        ]
        unpacked = unpack10(np.ascontiguousarray(rows))[:, skipped : skipped + right - left]
        counts[first - lines.start : last - lines.start, left - columns.start : right - columns.start] = (
            unpacked
        )
    return counts


def _without_bad_lines(
    values: npt.NDArray[np.float32], headers: npt.NDArray[np.void]
) -> npt.NDArray[np.float32]:
    quality = (headers[name] for name in _QUALITY)
    return np.asarray(mask_bad_quality(xr.DataArray(values, dims=("y", "x")), *quality).values)


def _times(headers: npt.NDArray[np.void]) -> npt.NDArray[np.datetime64]:
    stated = headers["acquisition"]
    return np.atleast_1d(get_cds_time(stated["Days"], stated["Milliseconds"])).astype("datetime64[ns]")


def _north_up(area: AreaDefinition, handler: NativeMSGFileHandler) -> GeosGrid:
    """The grid of an area whose first line is the southernmost and whose first column the easternmost."""
    x_east, y_north, x_west, _ = (float(edge) for edge in area.area_extent)
    projection = handler.mda["projection_parameters"]
    return GeosGrid(
        x_west,
        y_north,
        (x_east - x_west) / area.width,
        int(area.width),
        int(area.height),
        float(projection["ssp_longitude"]),
        float(projection["h"]),
        float(projection["a"]),
        float(projection["b"]),
    )
