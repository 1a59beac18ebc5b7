"""Write SEVIRI level 1.5 native files that satpy's ``seviri_l1b_native`` reads like real ones.

Whole disk or a rectangle of it, any of the twelve channels, from brightness temperatures and reflectances.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import xarray as xr
from satpy.readers.core.seviri import CalibParams, NominalCoefficients, ScanParams, SEVIRICalibrationHandler

from models.science.geometry import GeosGrid
from tasks.seviri_native_format import (
    CHANNELS,
    HRV_PER_PIXEL,
    HRV_SCANNED_COLUMNS,
    REFLECTANCE_CHANNELS,
    Rectangle,
    pack10,
    row_record,
)
from tasks.seviri_native_header import (
    EFFECTIVE_RADIANCE,
    PLATFORM_IDS,
    SLOPES,
    SPACE_COUNT,
    CycleTimes,
    header,
    set_time,
    trailer,
)

_LINES_AT_ONCE = 256  # bounds the memory of a full disk
_NOMINAL = 1  # validity and quality of a line


def file_name(nominal_time: np.datetime64, satellite: str = "MSG4") -> str:
    """Name of a file as the archive gives it: it states the end of the scan, 12 min 42 s after the nominal time."""
    stamp = str(CycleTimes(nominal_time.astype("datetime64[ns]")).scan_end.astype("datetime64[ns]"))
    compact = stamp.replace("-", "").replace("T", "").replace(":", "")
    return f"{satellite}-SEVI-MSG15-0100-NA-{compact}Z-NA.nat"


def write_native(
    folder: Path,
    nominal_time: np.datetime64,
    values: Mapping[str, npt.NDArray[np.floating]],
    rectangle: Rectangle,
    *,
    satellite: str = "MSG4",
) -> Path:
    """Write one repeat cycle.

    Args:
        folder: Where to; made if absent.
        nominal_time: Nominal UTC start of the repeat cycle.
        values: Per channel of `CHANNELS`, ``(lines, columns)``, north up: K, or % as level 1.5 gives it (not divided
            by the cosine of the sun's zenith angle). NaN for nothing, written as count 0; what 10 bits cannot hold is
            clipped. HRV three times as fine; of a full disk ``(11136, 5568)``, as scanned in two windows.
        rectangle: What of the disk is selected.
        satellite: ``MSG1`` to ``MSG4``.

    Returns:
        The file. It appears whole or not at all, and the same input writes the same bytes.

    Raises:
        ValueError: A channel is unknown, there is none but HRV, or a shape is not the rectangle's.
    """
    _check(values, rectangle)
    times = CycleTimes(nominal_time.astype("datetime64[ns]"))
    bands = [channel for channel in CHANNELS if channel in values]
    visir = [channel for channel in bands if channel != "HRV"]
    row = row_record(len(visir), rectangle.columns, values["HRV"].shape[1] if "HRV" in values else 0)
    ending = trailer(times, satellite, rectangle)
    size = (
        header(times, satellite, rectangle, bands, 0).nbytes + rectangle.lines * row.itemsize + ending.nbytes
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / file_name(nominal_time, satellite)
    unfinished = path.with_name(f".{path.name}.part")
    with unfinished.open("wb") as file:
        file.write(header(times, satellite, rectangle, bands, size).tobytes())
        _write_rows(file, row, times, values, visir, rectangle, satellite)
        file.write(ending.tobytes())
    unfinished.replace(path)
    return path


def physical_of_counts(channel: str, satellite: str, scan_start: np.datetime64) -> npt.NDArray[np.float32]:
    """What each of the 1024 counts stands for, K or %, by satpy's calibration with the header's coefficients.

    Args:
        channel: One of `CHANNELS`.
        satellite: ``MSG1`` to ``MSG4``.
        scan_start: The distance of the sun is that of this time.
    """
    slope, platform = SLOPES[channel], PLATFORM_IDS[satellite]
    nominal = NominalCoefficients(channel, slope, -SPACE_COUNT * slope).get_coefs()
    calibration = SEVIRICalibrationHandler(
        CalibParams("NOMINAL", nominal, {}, EFFECTIVE_RADIANCE),
        ScanParams(platform, channel, scan_start.astype("datetime64[us]").item()),
    )
    kind = "reflectance" if channel in REFLECTANCE_CHANNELS else "brightness_temperature"
    counts = xr.DataArray(np.arange(1024, dtype=np.float32), dims="count")
    with np.errstate(divide="ignore"):
        return np.asarray(calibration.calibrate(counts, kind).values, np.float32)


def _check(values: Mapping[str, npt.NDArray[np.floating]], rectangle: Rectangle) -> None:
    if not set(values) - {"HRV"}:
        raise ValueError("a native file holds at least one channel beside HRV")
    for channel, array in values.items():
        if channel not in CHANNELS:
            raise ValueError(f"{channel} is not a channel of SEVIRI: {', '.join(CHANNELS)}")
        if array.shape != (expected := _shape(channel, rectangle)):
            raise ValueError(f"{channel} has shape {array.shape}, its rectangle {expected}")


def _shape(channel: str, rectangle: Rectangle) -> tuple[int, int]:
    if channel != "HRV":
        return rectangle.lines, rectangle.columns
    columns = HRV_SCANNED_COLUMNS if rectangle.is_full_disk else HRV_PER_PIXEL * rectangle.columns
    return HRV_PER_PIXEL * rectangle.lines, columns


def _write_rows(
    file: BinaryIO,
    row: np.dtype[np.void],
    times: CycleTimes,
    values: Mapping[str, npt.NDArray[np.floating]],
    visir: Sequence[str],
    rectangle: Rectangle,
    satellite: str,
) -> None:
    tables = {channel: physical_of_counts(channel, satellite, times.scan_start) for channel in values}
    scanned = _scan_times(times, rectangle)
    for first in range(0, rectangle.lines, _LINES_AT_ONCE):
        lines = np.arange(first, min(first + _LINES_AT_ONCE, rectangle.lines))
        rows = np.zeros(len(lines), row)
        _fill_lines(
            rows["visir"], rectangle.south_line + lines[:, None], scanned[lines][:, None], times, satellite
        )
        for k, channel in enumerate(visir):
            rows["visir"]["channel"][:, k] = CHANNELS.index(channel) + 1
            rows["visir"]["pixels"][:, k] = pack10(
                _counts(_southern(values[channel], lines), tables[channel])
            )
        if "HRV" in values:
            fine = HRV_PER_PIXEL * lines[:, None] + np.arange(HRV_PER_PIXEL)
            south = HRV_PER_PIXEL * (rectangle.south_line - 1) + 1
            _fill_lines(rows["hrv"], south + fine, scanned[lines][:, None], times, satellite)
            rows["hrv"]["channel"] = len(CHANNELS)
            counts = _counts(_southern(values["HRV"], fine.ravel()), tables["HRV"])
            rows["hrv"]["pixels"] = pack10(counts).reshape(len(lines), HRV_PER_PIXEL, -1)
        file.write(rows.tobytes())


def _fill_lines(
    records: npt.NDArray[np.void],
    numbers: npt.NDArray[np.integer],
    scanned: npt.NDArray[np.datetime64],
    times: CycleTimes,
    satellite: str,
) -> None:
    records["version"] = 1
    records["satellite"] = PLATFORM_IDS[satellite]
    records["line"] = numbers
    set_time(records["acquisition"], scanned)
    start = np.zeros(
        1, [("Days", ">u2"), ("Milliseconds", ">u4"), ("Microseconds", ">u2"), ("Nanoseconds", ">u2")]
    )
    set_time(start, times.scan_start)
    records["cycle_start"] = start.view(">u2")
    for name in ("validity", "radiometric_quality", "geometric_quality"):
        records[name] = _NOMINAL


def _scan_times(times: CycleTimes, rectangle: Rectangle) -> npt.NDArray[np.datetime64]:
    """Per line from the south; NaT for lines that see nothing but space."""
    grid: GeosGrid = rectangle.grid
    latitude, _ = grid.to_position(np.zeros(grid.lines), grid.y[::-1])
    scanned = times.of_line(rectangle.south_line + np.arange(rectangle.lines))
    return np.where(np.isnan(latitude), np.datetime64("NaT"), scanned)


def _southern(values: npt.NDArray[np.floating], lines: npt.NDArray[np.integer]) -> npt.NDArray[np.floating]:
    """Lines counted from the south, pixels from the east, as the file has them."""
    return values[len(values) - 1 - lines, ::-1]


def _counts(values: npt.NDArray[np.floating], table: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    """The count whose meaning is nearest; 0 for NaN."""
    meanings = table[SPACE_COUNT:]
    borders = (meanings[1:] + meanings[:-1]) / 2
    counts = (SPACE_COUNT + np.searchsorted(borders, values)).astype(np.uint16)
    return np.where(np.isnan(values), np.uint16(0), counts)
