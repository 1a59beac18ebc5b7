"""A camera-day of (frame, satellite patch) pairs as one lazy dataset."""

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np
import pandas as pd
import xarray as xr

from models.contracts.flags import AlignmentReason, FrameFlag, cf_flags
from models.contracts.slots import SLOT_VARIABLES
from models.science.alignment import NO_SLOT_INDEX
from tasks.alignment import AlignedFrames, align_camera_day
from tasks.registry import Camera
from tasks.stabilised import stabilised_frames
from tasks.stores.camera_archive import CameraArchive
from tasks.stores.results import ResultsRecord
from tasks.stores.satellite_archive import SatelliteArchive


def open_aligned(
    archive_root: str | Path,
    camera: Camera,
    day: date,
    grid: str,
    patch: tuple[int, int] = (33, 33),
    tolerance_s: float = 600.0,
    stabilised_by: str | Path | None = None,
) -> xr.Dataset:
    """A camera-day of frames and satellite patches, lazily (Dask, one piece per frame).

    Args:
        archive_root: Folder or URI of the archives.
        camera: Which.
        day: UTC day.
        grid: Name of the satellite archive.
        patch: Lines and columns around the camera's pixel, odd numbers.
        tolerance_s: Largest distance between frame and scan.
        stabilised_by: Folder or URI of the record: frames are seen from the camera's reference.

    Returns:
        ``frames(time, y, x, rgb)``, black below and to the right where a day holds two sizes (``height`` and
        ``width`` say the true one), uint16 where any frame has 16 bits; a variable per satellite quantity
        ``(time, sat_y, sat_x)``, NaN or the no-data flag where there is no slot or the patch leaves the region (no such
        variable where the camera itself has no pixel); ``slot_time``, ``offset_s`` and ``alignment_reason``. Where
        frames are stabilised, they are of the reference's size, with ``valid(time, y, x)`` and their poses
        (`tasks.stabilised.stabilised_frames`); ``height`` and ``width`` are still those of the picture itself.

    Raises:
        StoreNotFound: The camera has no archive.
        StoreError: Frames are to be stabilised, and the camera's line of sight was never followed.
        ValueError: An even patch.
    """
    if patch[0] % 2 == 0 or patch[1] % 2 == 0:
        raise ValueError(f"a patch of {patch} has no pixel in its middle; take odd numbers")
    frames, aligned = align_camera_day(archive_root, camera, day, grid, tolerance_s)
    archive = CameraArchive(archive_root, camera.id)
    variables: dict[str, Any] = {
        **_frame_variables(archive, frames),
        **_patch_variables(SatelliteArchive(archive_root, grid), aligned, patch),
        "slot_time": ("time", aligned.slot_times, {"long_name": "nominal time of the matched slot"}),
        "offset_s": (
            "time",
            aligned.offset_s,
            {"long_name": "scan time of the camera's line minus frame time", "units": "s"},
        ),
        "alignment_reason": ("time", aligned.reason, cf_flags(AlignmentReason)),
    }
    dataset = xr.Dataset(
        variables,
        coords={"time": ("time", frames["time"].to_numpy("datetime64[ns]"), {"standard_name": "time"})},
        attrs={"camera": camera.id, "grid": grid, "day": day.isoformat()},
    )
    if stabilised_by is None:
        return dataset
    steady = stabilised_frames(archive, ResultsRecord(stabilised_by), frames, camera.hfov_deg).chunk(time=1)
    return xr.merge(
        [dataset.drop_vars("frames"), steady], compat="identical", join="exact", combine_attrs="no_conflicts"
    )


def _frame_variables(archive: CameraArchive, frames: pd.DataFrame) -> dict[str, Any]:
    sizes = [tuple(int(n) for n in group.rsplit("_", 1)[1].split("x")) for group in frames["group"]]
    height, width = (max((size[axis] for size in sizes), default=0) for axis in (0, 1))
    deep = frames["group"].str.startswith("png16").any() if len(frames) else False
    black = np.zeros((1, height, width, 3), dtype=np.uint16 if deep else np.uint8)

    def read(number: int) -> np.ndarray:
        (frame,) = archive.read_frames(frames.iloc[[number]])
        padded = black.copy()
        padded[0, : frame.shape[0], : frame.shape[1]] = frame
        return padded

    pixels = _stacked([lambda number=n: read(number) for n in range(len(frames))], black)
    return {
        "frames": (("time", "y", "x", "rgb"), pixels),
        "height": ("time", np.array([size[0] for size in sizes], dtype=np.int32), {"units": "1"}),
        "width": ("time", np.array([size[1] for size in sizes], dtype=np.int32), {"units": "1"}),
        "quality_flag": ("time", frames["quality_flag"].to_numpy(), cf_flags(FrameFlag)),
    }


def _patch_variables(
    satellite: SatelliteArchive, aligned: AlignedFrames, patch: tuple[int, int]
) -> dict[str, Any]:
    if aligned.pixel is None:
        return {}
    slots = satellite.open()
    shape = satellite.grid.shape
    (lines, to_lines), (columns, to_columns) = (
        _box(*sizes) for sizes in zip(aligned.pixel, patch, shape, strict=True)
    )
    index = slots.indexes["time"].get_indexer(pd.DatetimeIndex(aligned.slot_times))
    variables: dict[str, Any] = {}
    for name in sorted(str(name) for name in slots.data_vars if name in SLOT_VARIABLES):
        source = slots[name].isel(y=lines, x=columns)
        flags = SLOT_VARIABLES[name].scale_factor is None
        empty = np.full((1, *patch), SLOT_VARIABLES[name].fill_value if flags else np.nan, dtype=source.dtype)

        def read(number: int, source: xr.DataArray = source, empty: np.ndarray = empty) -> np.ndarray:
            block = empty.copy()
            if number != NO_SLOT_INDEX:
                block[0, to_lines, to_columns] = source.isel(time=number).values
            return block

        data = _stacked([lambda number=int(n), read=read: read(number) for n in index], empty)
        variables[name] = (("time", "sat_y", "sat_x"), data, dict(source.attrs))
    return variables


def _stacked(readers: Sequence[Callable[[], np.ndarray]], like: np.ndarray) -> da.Array:
    """Lazy pieces, one per frame, each of the shape and dtype of ``like``, along time."""
    pieces = [da.from_delayed(dask.delayed(read)(), like.shape, like.dtype) for read in readers]
    return da.concatenate(pieces) if pieces else da.zeros((0, *like.shape[1:]), dtype=like.dtype)


def _box(centre: int, size: int, total: int) -> tuple[slice, slice]:
    """Slice of the grid around a pixel, and where it lies in the patch."""
    start = centre - size // 2
    first, last = max(0, start), min(total, start + size)
    return slice(first, last), slice(first - start, last - start)
