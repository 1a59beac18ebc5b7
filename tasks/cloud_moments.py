"""What camera and satellite saw at the frames of an archive, as the cloud network is given it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import xarray as xr
from PIL import Image

from models.contracts.sky_batch import PATCH, SATELLITE_FEATURES, SLOTS, SkyInputs
from models.science.satellite_features import (
    CHANNEL_NAMES,
    SkyView,
    present_slots,
    satellite_planes,
    sky_context,
    slot_ages,
)
from models.science.sun import sun_position
from tasks.aligned_dataset import Instant, instant, open_aligned
from tasks.alignment import camera_frames
from tasks.frame_reading import frames_of
from tasks.registry import Camera
from tasks.sightlines import Centre
from tasks.stores.camera_archive import CameraArchive
from tasks.stores.repository import StoreNotFound
from tasks.stores.satellite_archive import SatelliteArchive

_NAN = float("nan")


def view_of(camera: Camera) -> SkyView:
    """Where a camera stands and looks, NaN where the registry does not say."""
    fields = SkyView.__dataclass_fields__
    return SkyView(**{n: _NAN if getattr(camera, n) is None else float(getattr(camera, n)) for n in fields})


def moments_of(
    archive_root: str | Path,
    camera: Camera,
    start: Instant,
    end: Instant,
    grids: Sequence[str],
    size: tuple[int, int],
    *,
    tolerance_s: float = 600.0,
    causal: bool = False,
    centre: Centre = "overhead",
    height_m: float | str = 0.0,
) -> SkyInputs:
    """What camera and satellite saw at each frame with ``start <= time < end``.

    Args:
        archive_root: Folder or URI of the archives.
        camera: Which.
        start: UTC; a date is its midnight.
        end: UTC, itself left out.
        grids: Names of satellite archives: the first decides on the slots and their ages, others (an imager beside
            cloud products) add what they have of the same slots. None, or none that is there: a camera alone.
        size: Height and width to which pictures are brought.
        tolerance_s: Largest distance between frame and scan of the matched slot.
        causal: Only slots that were scanned before the frame.
        centre: What is in the middle of a patch; see `tasks.aligned_dataset.open_aligned`.
        height_m: As there.

    Returns:
        A row per frame; one that cannot be read has no picture.

    Raises:
        StoreNotFound: The camera has no archive.
    """
    first, last = instant(start), instant(end)
    frames, times = camera_frames(archive_root, camera, first, last)
    images, there = _pictures(CameraArchive(archive_root, camera.id), frames, size)
    cubes = []
    for grid in grids:
        try:
            cadence_s = SatelliteArchive(archive_root, grid).axis.cadence_minutes * 60.0
        except StoreNotFound:
            continue
        cube = open_aligned(
            archive_root, camera, first, last, grid, (PATCH, PATCH), last_slots=SLOTS, causal=causal,
            centre=centre, height_m=height_m, tolerance_s=tolerance_s,
        )  # fmt: skip
        cubes.append((cube, cadence_s))
    seen = inputs_of_cubes(cubes, times, view_of(camera), tolerance_s)
    return SkyInputs(torch.from_numpy(images), torch.from_numpy(there), *seen)


def inputs_of_cubes(
    cubes: Sequence[tuple[xr.Dataset, float]], times: np.ndarray, view: SkyView, tolerance_s: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Satellite planes, slots that are present, their ages, and the context, of aligned cubes of the same frames.

    Args:
        cubes: Of `tasks.aligned_dataset.open_aligned` with `SLOTS` slots, each with the seconds between them.
        times: Of the frames, UTC; NaT where undated.
        view: Of the camera.
        tolerance_s: Largest distance between frame and scan of the matched slot.
    """
    n = len(times)
    planes = np.full((n, SLOTS, len(SATELLITE_FEATURES), PATCH, PATCH), np.nan, np.float32)
    present, ages = np.zeros((n, SLOTS), bool), np.full((n, SLOTS), np.nan, np.float32)
    slot_times = np.full((n, SLOTS), np.datetime64("NaT", "ns"))
    sun, azimuth = (np.full(n, np.nan) for _ in range(2))
    if not (np.isnan(view.latitude) or np.isnan(view.longitude)):
        sun, azimuth = sun_position(times, view.latitude, view.longitude)
    angles: dict[str, np.ndarray] = {}
    for cube, cadence_s in cubes:
        offset_s, nominal = cube["offset_s"].values, cube["slot_time"].values
        # The same slots or none: what was seen at another time is not what the ages say.
        slot_times = np.where(np.isnat(slot_times), nominal, slot_times)
        mine = present_slots(cube["slot_reason"].values, offset_s, tolerance_s, cadence_s)
        found, known = satellite_planes(_patch_variables(cube), mine & (nominal == slot_times), sun)
        planes = np.where(np.isnan(planes), found, planes)
        ages = np.where(present, ages, slot_ages(offset_s, known))
        present |= known
        angles = angles or _satellite_angles(cube)
    context = sky_context(times, view, sun_elevation_deg=sun, sun_azimuth_deg=azimuth, **angles)
    arrays = planes, present, ages, context
    return tuple(torch.from_numpy(array) for array in arrays)  # type: ignore[return-value]


def _patch_variables(cube: xr.Dataset) -> dict[str, np.ndarray]:
    """Patches by the names of variables and channels, of those that the network looks at."""
    wanted = {n for name in SATELLITE_FEATURES for n in CHANNEL_NAMES.get(name, (name,))}
    found = {str(name): cube[name].values for name in cube.data_vars if name in wanted}
    for name in ("brightness_temperature", "reflectance"):
        if name not in cube:
            continue
        axis = cube[name].dims[-1]
        channels = [str(c) for c in cube[axis].values if str(c) in wanted]
        values = cube[name].sel({axis: channels}).values
        found |= {channel: values[..., place] for place, channel in enumerate(channels)}
    return found


def _satellite_angles(cube: xr.Dataset) -> dict[str, np.ndarray]:
    names = {
        "satellite_zenith_deg": "satellite_zenith_angle",
        "satellite_azimuth_deg": "satellite_azimuth_angle",
    }
    return {ours: cube[theirs].values for ours, theirs in names.items() if theirs in cube}


def _pictures(
    archive: CameraArchive, frames: pd.DataFrame, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Pictures ``(n, 3, y, x)`` in [0, 1], black where one cannot be read, and which can."""
    images = np.zeros((len(frames), 3, *size), np.float32)
    there = np.zeros(len(frames), bool)
    place = 0
    for _, pixels in frames_of(archive, frames):
        for picture in pixels:
            if picture is not None:
                images[place], there[place] = resized(picture, size), True
            place += 1
    return images, there


def resized(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A picture ``(y, x, 3)`` of 8 or 16 bits as ``(3, height, width)`` float32 in [0, 1], areas averaged."""
    bytes_ = picture if picture.dtype == np.uint8 else (picture >> 8).astype(np.uint8)
    smaller = Image.fromarray(bytes_).resize(size[::-1], Image.Resampling.BOX)
    return np.asarray(smaller, np.float32).transpose(2, 0, 1) / 255.0
