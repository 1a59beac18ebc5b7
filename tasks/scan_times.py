"""When every line, or pixel, of a satellite image was scanned, as seconds from the slot's nominal time.

A slot is known by its nominal time; what the camera's picture is matched with is the scan of the camera's own line.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from models.science.geometry import GeosGrid

SECONDS_PER_LINE = 0.2  # SEVIRI
_LINES_SOUTH_OF_CENTRE = 1855.5
_SECOND = np.timedelta64(1, "s")
FCI_EPOCH = np.datetime64("2000-01-01", "ns")
_NORTH_TO_SOUTH = ("abi_l1b", "abi_l2_nc")


def line_offsets(data: xr.DataArray, nominal: np.datetime64, reader: str) -> np.ndarray:
    """Seconds from the nominal time to the scan of each line of an image, north to south, ``(lines,)``; NaN unknown.

    satpy's ``acq_time`` where it gives one (SEVIRI: space lines have none); evenly from start to end for ABI, which
    scans from the north; else the middle of start and end.
    """
    if "acq_time" in data.coords:
        times = np.asarray(data.coords["acq_time"].values).astype("datetime64[ns]")
        offsets = ((times - nominal) / _SECOND).astype(np.float32)
        return np.where(np.isnat(times), np.float32(np.nan), offsets)
    lines = data.sizes["y"]
    start, end = (
        (np.datetime64(data.attrs[key], "ns") - nominal) / _SECOND for key in ("start_time", "end_time")
    )
    if reader in _NORTH_TO_SOUTH:
        return (start + (end - start) * (np.arange(lines) + 0.5) / lines).astype(np.float32)
    return np.full(lines, (start + end) / 2, dtype=np.float32)


def pixel_offsets(seconds_since_2000: np.ndarray, nominal: np.datetime64) -> np.ndarray:
    """FCI's own time of each pixel as seconds from the nominal time, ``(lines, columns)``; NaN in space."""
    start = (nominal - FCI_EPOCH) / _SECOND
    return (seconds_since_2000.astype(np.float64) - start).astype(np.float32)


def coverage_offsets(nominal: np.datetime64, header: Mapping[str, Any], grid: GeosGrid) -> np.ndarray:
    """Seconds from the nominal time to the scan of every line of a NWC SAF file's full region, ``(lines,)``.

    The file states when its southern and its northern edge were scanned. Where it does not: SEVIRI's 0.2 s per line.
    """
    try:
        south, north = (
            (np.datetime64(str(header[key]).rstrip("Z"), "ns") - nominal) / _SECOND
            for key in ("time_coverage_start", "time_coverage_end")
        )
    except (KeyError, ValueError):
        south, north = (
            float(seviri_line_offsets(np.float64(edge), grid.step_m))
            for edge in (grid.y_south_m, grid.y_north_m)
        )
    from_north = (np.arange(grid.lines) + 0.5) / grid.lines
    return (north + (south - north) * from_north).astype(np.float32)


def seviri_line_offsets(y_m: np.ndarray | np.float64, step_m: float) -> np.ndarray:
    """Seconds from the start of a SEVIRI full-disk scan, which runs from the south, to the line at ``y_m``."""
    return np.asarray((y_m / step_m + _LINES_SOUTH_OF_CENTRE) * SECONDS_PER_LINE, dtype=np.float32)


def nominal_time(data: xr.DataArray) -> np.datetime64 | None:
    """The nominal time that satpy gives, ns; ``None`` where it only knows when sensing began."""
    stated = data.attrs.get("time_parameters", {}).get("nominal_start_time")
    stated = stated or data.attrs.get("nominal_start_time")
    return None if stated is None else np.datetime64(stated, "ns")
