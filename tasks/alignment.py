"""Camera frames beside the satellite: which slot belongs to which frame, and the cover that it shows."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from models.contracts.flags import AlignmentReason, FrameFlag, ValueFlag
from models.science.alignment import NO_SLOT_INDEX, Alignment, align_frames
from models.science.geometry import GeosGrid
from models.science.satellite_cover import Disc, cloud_fraction, disc_around, moved_cloud_fraction
from models.science.true_cover import shift_window
from tasks.registry import Camera
from tasks.sightlines import corrected_slots, held_slots
from tasks.stores.camera_archive import CameraArchive
from tasks.stores.repository import StoreNotFound
from tasks.stores.satellite_archive import SatelliteArchive


@dataclass(frozen=True)
class AlignedFrames:
    """Frames of one camera and their slots, one row each.

    Attributes:
        times: Of the frames, UTC ns; NaT where undated.
        slot_times: Nominal times, ns; NaT for none.
        offset_s: Scan time of the camera's line minus frame time, s; NaN for none.
        reason: `AlignmentReason` codes.
        pixel: Line and column of the camera in the satellite grid, if it has one.
    """

    times: np.ndarray
    slot_times: np.ndarray
    offset_s: np.ndarray
    reason: np.ndarray
    pixel: tuple[int, int] | None


def align_times(
    satellite: SatelliteArchive | None,
    camera: Camera,
    times: np.ndarray,
    tolerance_s: float = 600.0,
    *,
    pixel: tuple[int, int] | None = None,
    causal: bool = False,
) -> AlignedFrames:
    """Match frame times of a camera to the slots of an archive.

    Args:
        satellite: The archive; ``None`` where there is no satellite at all.
        camera: Its position decides the line.
        times: UTC, ``(frames,)``, any order; NaT for undated frames.
        tolerance_s: Largest distance between frame and scan.
        pixel: Line and column whose scan counts, instead of the camera's own.
        causal: Only slots scanned before the frame.
    """
    times = times.astype("datetime64[ns]")
    if camera.latitude is None or camera.longitude is None:
        return _unmatched(times, AlignmentReason.NO_POSITION)
    dated = times[~np.isnat(times)]
    try:
        own = satellite.grid.pixel_at(camera.latitude, camera.longitude) if satellite else None
    except StoreNotFound:
        return _unmatched(times, AlignmentReason.NO_SLOT)
    if satellite is None:
        return _unmatched(times, AlignmentReason.NO_SLOT)
    pixel = pixel or own
    if pixel is None:
        return _unmatched(times, AlignmentReason.OUTSIDE_REGION)
    if dated.size == 0:
        return _unmatched(times, AlignmentReason.NO_TIME, pixel)
    slot_times, offsets, held = satellite.slots_between(dated.min(), dated.max(), *pixel)
    match = align_frames(times, slot_times, offsets, held, tolerance_s, causal)
    return AlignedFrames(times, _taken(slot_times, match), match.offset_s, match.reason, pixel)


def camera_frames(
    archive_root: str | Path, camera: Camera, start: np.datetime64, end: np.datetime64
) -> tuple[pd.DataFrame, np.ndarray]:
    """Frames of one camera with ``start <= time < end``.

    Args:
        archive_root: Folder or URI of the archives.
        camera: Which.
        start: UTC.
        end: UTC.

    Returns:
        Rows of the camera archive (shadowed ones left out) by time, and their times, NaT where undated.
    """
    frames = CameraArchive(archive_root, camera.id).rows()
    within = (frames["time"] >= start) & (frames["time"] < end)
    frames = frames[within & ~frames["shadowed"]].reset_index(drop=True)
    undated = (frames["quality_flag"].to_numpy().astype(int) & int(FrameFlag.TIME_IS_ORDER)) != 0
    times = np.where(undated, np.datetime64("NaT", "ns"), frames["time"].to_numpy("datetime64[ns]"))
    return frames, times


def satellite_cover(
    satellite: SatelliteArchive, camera: Camera, aligned: AlignedFrames, radius_km: float = 25.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cloud cover from the cloud mask (CMA) around a camera, for each aligned frame.

    Clouds are moved to their places by the cloud top heights (CTTH) of their slot. A slot without any is taken as it
    appears, one whose mask the producer corrected (``_PLAX``) as it is.

    Returns:
        ``cover``, ``uncertainty``, ``quality_flag``; see `models.science.satellite_cover.cloud_fraction`. Frames
        without a slot, and slots without a mask, are ``NOT_OBSERVED``.
    """
    count = aligned.times.size
    matched = ~np.isnat(aligned.slot_times)
    if camera.latitude is None or camera.longitude is None or not matched.any():
        return _no_cover(count)
    disc = disc_around(satellite.grid, camera.latitude, camera.longitude, radius_km)
    slots = satellite.open()
    if disc is None or "cma" not in slots:
        return _no_cover(count)
    unique, inverse = np.unique(aligned.slot_times[matched], return_inverse=True)
    index = slots.indexes["time"].get_indexer(pd.DatetimeIndex(unique))
    covering = slots.isel(time=slice(int(index.min()), int(index.max()) + 1))
    results = _cover_of_slots(covering, index - index.min(), satellite.grid, disc)
    filled = _no_cover(count)
    for target, values in zip(filled, results, strict=True):
        target[matched] = values[inverse]
    return filled


def _cover_of_slots(
    slots: xr.Dataset, rows: np.ndarray, grid: GeosGrid, disc: Disc
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cover in some rows of a run of slots; only what the disc needs is read."""
    movable = _uncorrected(slots, "CMA") & _uncorrected(slots, "CTTH") if "ctth_alti" in slots else None
    if movable is None or not movable[rows].any():
        return cloud_fraction(slots["cma"].isel(y=disc.lines, x=disc.columns).values[rows], disc)
    window = shift_window(grid, disc.lines, disc.columns)
    around = slots[["cma", "ctth_alti"]].isel(y=window.lines, x=window.columns)
    cma, heights = (around[name].values[rows] for name in ("cma", "ctth_alti"))
    moved = moved_cloud_fraction(cma, heights, disc, window)
    plain = cloud_fraction(cma[:, window.inner_lines, window.inner_columns], disc)
    first, second, third = (
        np.where(movable[rows], one, other) for one, other in zip(moved, plain, strict=True)
    )
    return first, second, third


def _uncorrected(slots: xr.Dataset, product: str) -> np.ndarray:
    """Slots that hold a product with clouds where they appear, ``(time,)``."""
    return held_slots(slots, product) & ~corrected_slots(slots, product)


def _taken(slot_times: np.ndarray, match: Alignment) -> np.ndarray:
    taken = np.full(match.slot_index.shape, np.datetime64("NaT", "ns"))
    matched = match.slot_index != NO_SLOT_INDEX
    taken[matched] = slot_times[match.slot_index[matched]]
    return taken


def _unmatched(
    times: np.ndarray, reason: AlignmentReason, pixel: tuple[int, int] | None = None
) -> AlignedFrames:
    reasons = np.where(np.isnat(times), AlignmentReason.NO_TIME, reason).astype(np.int8)
    return AlignedFrames(
        times,
        np.full(times.shape, np.datetime64("NaT", "ns")),
        np.full(times.shape, np.nan),
        reasons,
        pixel,
    )


def _no_cover(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    nothing = np.full(count, np.nan, dtype=np.float32)
    return nothing, nothing.copy(), np.full(count, ValueFlag.NOT_OBSERVED, dtype=np.int8)
