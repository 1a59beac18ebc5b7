"""Frames of a camera, the satellite patches that belong to them, angles and offsets, as one lazy dataset."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np
import pandas as pd
import xarray as xr

from models.contracts.flags import FrameFlag, cf_flags
from tasks.aligned_slots import aligned_slots
from tasks.alignment import camera_frames
from tasks.registry import Camera
from tasks.sightlines import Centre
from tasks.stabilised import stabilised_frames
from tasks.stores.camera_archive import CameraArchive
from tasks.stores.results import ResultsRecord

Instant = date | datetime | np.datetime64 | str


def open_aligned(
    archive_root: str | Path,
    camera: Camera,
    start: Instant,
    end: Instant,
    grid: str,
    patch: tuple[int, int] = (33, 33),
    *,
    variables: Sequence[str] | None = None,
    last_slots: int = 1,
    causal: bool = False,
    centre: Centre = "overhead",
    height_m: float | str = 0.0,
    tolerance_s: float = 600.0,
    stabilised_by: str | Path | None = None,
) -> xr.Dataset:
    """Frames with ``start <= time < end`` and the satellite around each, lazily (Dask).

    Args:
        archive_root: Folder or URI of the archives.
        camera: Which.
        start: UTC; a date is its midnight.
        end: UTC, itself left out.
        grid: Name of the satellite archive.
        patch: Lines and columns of a patch, odd numbers.
        variables: Names of satellite variables or of channels (``IR_108``); all where ``None``.
        last_slots: How many slots: the one that the frame is matched with and those before it.
        causal: Only slots that were scanned before the frame; else the nearest is matched.
        centre: What is in the middle of a patch: the column above the camera, or where it looks (above it too, where
            the registry has no azimuth).
        height_m: At which height above the camera, parallax included; 0 overhead is the camera's own pixel. ``ctth``:
            at that of the cloud tops in the frame's slot that agree with the place at which they are seen, read when
            the dataset is opened; else at 0 overhead and at 2000 m along the view.
        tolerance_s: Largest distance between frame and scan of the matched slot.
        stabilised_by: Folder or URI of the record: frames are seen from the camera's reference.

    Returns:
        ``frames(time, y, x, rgb)``, one piece each, black below and to the right where there are two sizes (``height``
        and ``width`` say the true one), uint16 where any frame has 16 bits; a variable per satellite quantity ``(time,
        slot, sat_y, sat_x)`` and its channels, if any, newest slot last, NaN or the no-data flag where there is no slot
        or the patch leaves the region (no such variable where the camera itself has no pixel); ``slot_time``,
        ``offset_s`` and ``slot_reason`` ``(time, slot)``; ``alignment_reason(time)``; ``centre_*``, sun and satellite
        angles ``(time)`` where the camera has a position. Where frames are stabilised, they are of the reference's
        size, with ``valid(time, y, x)`` and their poses (`tasks.stabilised.stabilised_frames`); ``height`` and
        ``width`` are still those of the picture itself.

    Raises:
        StoreNotFound: The camera has no archive.
        StoreError: Frames are to be stabilised, and the camera's line of sight was never followed.
        ValueError: An even patch, no slot at all, an unknown variable, heights by a CTTH that the archive has not.
    """
    frames, times = camera_frames(archive_root, camera, instant(start), instant(end))
    archive = CameraArchive(archive_root, camera.id)
    around = aligned_slots(
        archive_root, camera, times, grid, patch,
        variables=variables, last_slots=last_slots, causal=causal, centre=centre, height_m=height_m,
        tolerance_s=tolerance_s,
    )  # fmt: skip
    taken = ("time", frames["time"].to_numpy("datetime64[ns]"), {"standard_name": "time"})
    dataset = (
        xr.Dataset(_frame_variables(archive, frames), coords={"time": taken})
        .merge(around, combine_attrs="no_conflicts")
        .assign_attrs({**around.attrs, "start": str(instant(start)), "end": str(instant(end))})
    )
    if stabilised_by is None:
        return dataset
    steady = stabilised_frames(archive, ResultsRecord(stabilised_by), frames, camera.hfov_deg).chunk(time=1)
    return xr.merge(
        [dataset.drop_vars("frames"), steady], compat="identical", join="exact", combine_attrs="no_conflicts"
    )


def instant(value: Instant) -> np.datetime64:
    """As numpy has it, UTC ns; without a time zone it is UTC already."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        value = value.astimezone(UTC).replace(tzinfo=None)
    return np.datetime64(value, "ns")


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


def _stacked(readers: Sequence[Callable[[], np.ndarray]], like: np.ndarray) -> da.Array:
    """Lazy pieces, one per frame, each of the shape and dtype of ``like``, along time."""
    pieces = [da.from_delayed(dask.delayed(read)(), like.shape, like.dtype) for read in readers]
    return da.concatenate(pieces) if pieces else da.zeros((0, *like.shape[1:]), dtype=like.dtype)
