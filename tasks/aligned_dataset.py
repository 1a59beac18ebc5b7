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

from models.contracts.flags import AlignmentReason, FrameFlag, cf_flags
from models.science.sun import sun_position
from tasks.aligned_patches import SlotHistory, patch_arrays, slot_history
from tasks.alignment import AlignedFrames, align_times, camera_frames
from tasks.registry import Camera
from tasks.sightlines import BY_CTTH, Centre, Centres, centre_table, default_row, pick_centres
from tasks.stabilised import stabilised_frames
from tasks.stores.camera_archive import CameraArchive
from tasks.stores.repository import StoreNotFound
from tasks.stores.results import ResultsRecord
from tasks.stores.satellite_archive import SatelliteArchive

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
    if patch[0] % 2 == 0 or patch[1] % 2 == 0:
        raise ValueError(f"a patch of {patch} has no pixel in its middle; take odd numbers")
    if last_slots < 1:
        raise ValueError(f"last_slots = {last_slots}; 1 is the matched slot alone")
    frames, times = camera_frames(archive_root, camera, instant(start), instant(end))
    archive, satellite = CameraArchive(archive_root, camera.id), SatelliteArchive(archive_root, grid)
    place = _Place(satellite, camera, centre, height_m)
    aligned = align_times(satellite, camera, times, tolerance_s, pixel=place.pixel, causal=causal)
    dataset = xr.Dataset(
        {**_frame_variables(archive, frames), "alignment_reason": _reason("time", aligned.reason)},
        coords={
            "time": ("time", frames["time"].to_numpy("datetime64[ns]"), {"standard_name": "time"}),
            "slot": ("slot", np.arange(1 - last_slots, 1), {"long_name": "slots after the matched one"}),
        },
        attrs={"camera": camera.id, "grid": grid, "start": str(instant(start)), "end": str(instant(end))},
    )
    dataset = dataset.assign(
        _satellite_variables(satellite, aligned, place, patch, variables, last_slots)
    ).assign(_sun_variables(camera, times))
    if stabilised_by is None:
        return dataset
    steady = stabilised_frames(archive, ResultsRecord(stabilised_by), frames, camera.hfov_deg).chunk(time=1)
    return xr.merge(
        [dataset.drop_vars("frames"), steady], compat="identical", join="exact", combine_attrs="no_conflicts"
    )


class _Place:
    """What is in the middle of the patches: a table of heights, and the pixel whose scan time counts."""

    def __init__(
        self, satellite: SatelliteArchive, camera: Camera, centre: Centre, height_m: float | str
    ) -> None:
        self.centre = centre
        self.by_ctth = height_m == BY_CTTH
        self.table = None
        self.pixel: tuple[int, int] | None = None
        if camera.latitude is None or camera.longitude is None:
            return
        try:
            self.table = centre_table(satellite.grid, camera, centre, height_m)
        except StoreNotFound:
            return
        row = default_row(self.table, centre)
        if self.table.visible[row]:
            self.pixel = int(self.table.line[row]), int(self.table.column[row])


def _satellite_variables(
    satellite: SatelliteArchive,
    aligned: AlignedFrames,
    place: _Place,
    patch: tuple[int, int],
    variables: Sequence[str] | None,
    last_slots: int,
) -> dict[str, Any]:
    history = slot_history(satellite, aligned, last_slots)
    described: dict[str, Any] = _history_variables(history)
    if place.table is None or place.pixel is None or aligned.pixel is None:
        return described
    slots = satellite.open()
    if place.by_ctth and "ctth_alti" not in slots:
        raise ValueError(f"height_m='ctth' needs ctth_alti, which the archive {satellite.name} has not")
    centres = pick_centres(slots, history.newest, place.table, place.centre)
    described |= _centre_variables(centres)
    return described | patch_arrays(
        slots, history, centres, patch, variables, slots_per_read=satellite.axis.chunk_slots
    )


def _history_variables(history: SlotHistory) -> dict[str, Any]:
    dims = ("time", "slot")
    return {
        "slot_time": (dims, history.times, {"long_name": "nominal time of the slot"}),
        "offset_s": (
            dims,
            history.offset_s,
            {"long_name": "scan time of the line minus frame time", "units": "s"},
        ),
        "slot_reason": _reason(dims, history.reason),
    }


def _centre_variables(centres: Centres) -> dict[str, Any]:
    """Where the middle of each frame's patches is, and where the satellite stands from there."""
    table, row = centres.table, centres.row
    columns = {
        "centre_height": (table.height_m, "m", "height above the camera", "height"),
        "centre_distance": (1000 * table.distance_km, "m", "distance from the camera along the ground", None),
        "centre_latitude": (table.latitude, "degrees_north", "latitude of the patch centre", None),
        "centre_longitude": (table.longitude, "degrees_east", "longitude of the patch centre", None),
        "satellite_zenith_angle": (
            table.satellite_zenith_deg,
            "degree",
            "of the satellite",
            "sensor_zenith_angle",
        ),
        "satellite_azimuth_angle": (
            table.satellite_azimuth_deg,
            "degree",
            "of the satellite, clockwise from north",
            "sensor_azimuth_angle",
        ),
    }
    return {name: _described(values[row], *rest) for name, (values, *rest) in columns.items()}


def _sun_variables(camera: Camera, times: np.ndarray) -> dict[str, Any]:
    """Where the sun stands from the camera at the time of each frame."""
    if camera.latitude is None or camera.longitude is None:
        return {}
    elevation, azimuth = sun_position(times, camera.latitude, camera.longitude)
    return {
        "sun_elevation_angle": _described(elevation, "degree", "of the sun", "solar_elevation_angle"),
        "sun_azimuth_angle": _described(
            azimuth, "degree", "of the sun, clockwise from north", "solar_azimuth_angle"
        ),
    }


def _described(values: np.ndarray, units: str, long_name: str, standard_name: str | None) -> tuple[Any, ...]:
    attributes = {"units": units, "long_name": long_name}
    return "time", values, attributes | ({"standard_name": standard_name} if standard_name else {})


def _reason(dims: str | tuple[str, ...], codes: np.ndarray) -> tuple[Any, ...]:
    return dims, codes, cf_flags(AlignmentReason)


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
