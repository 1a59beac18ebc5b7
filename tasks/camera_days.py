"""Which camera-days a night has to do: those with frames or slots that the record has not dealt with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

import numpy as np
import pandas as pd

from tasks.errors import StoreError
from tasks.stores.camera_archive import CameraArchive
from tasks.stores.repository import StoreNotFound
from tasks.stores.satellite_archive import SatelliteArchive


@dataclass(frozen=True)
class CameraDay:
    """One unit of work.

    Attributes:
        camera: Id.
        day: UTC day.
        frames_after: Frames of later ingest batches are new.
        slots_after: Slots of later ingest batches are new.
    """

    camera: str
    day: date
    frames_after: int
    slots_after: int


@dataclass(frozen=True)
class Touched:
    """All work of a night.

    Attributes:
        camera_days: In order of camera and day.
        arrivals: Per camera with an archive, the last frame batch and slot batch that this work deals with.
        faults: Per camera whose archive could not be read, why.
    """

    camera_days: tuple[CameraDay, ...]
    arrivals: Mapping[str, tuple[int, int]]
    faults: Mapping[str, str]


def find_touched(
    archive_root: str,
    cameras: Sequence[str],
    progress: Mapping[str, tuple[int, int]],
    grid: str | None,
    reach: np.timedelta64,
) -> Touched:
    """Compare the archives with the record's progress.

    Args:
        archive_root: Folder or URI of the archives.
        cameras: Ids.
        progress: Per camera, the last frame batch and slot batch dealt with.
        grid: Satellite archive that frames are aligned with.
        reach: A slot touches frames up to this far from its nominal time.
    """
    slots = new_slots(archive_root, grid)
    days: list[CameraDay] = []
    arrivals: dict[str, tuple[int, int]] = {}
    faults: dict[str, str] = {}
    last_slots = int(slots["arrival"].max()) if len(slots) else 0
    for camera in cameras:
        frames_after, slots_after = progress.get(camera, (0, 0))
        try:
            rows = CameraArchive(archive_root, camera).rows()
        except StoreNotFound:
            continue
        except StoreError as error:  # one unreadable archive is a row of the night, not its end
            faults[camera] = str(error)
            continue
        last_frames = int(rows["arrival"].max()) if len(rows) else 0
        # An archive that was made anew counts its batches from 1 again: none of them is dealt with.
        frames_after = frames_after if frames_after <= last_frames else 0
        slots_after = slots_after if slots_after <= last_slots or slots.empty else 0
        newer = slots.loc[slots["arrival"] > slots_after, "time"].to_numpy("datetime64[ns]")
        touched = touched_rows(rows, frames_after, newer, reach)
        arrivals[camera] = (last_frames, max(last_slots, slots_after))
        for day in np.unique(rows.loc[touched, "time"].to_numpy("datetime64[D]")):
            days.append(CameraDay(camera, day.astype(date), frames_after, slots_after))
    return Touched(tuple(days), arrivals, faults)


def new_slots(archive_root: str, grid: str | None) -> pd.DataFrame:
    """All slots with their batch; empty where there is no satellite archive."""
    if grid is not None:
        try:
            return SatelliteArchive(archive_root, grid).slots_since(0)
        except StoreError:  # none yet; or unreadable, and then each camera-day that needs it says so
            pass
    return pd.DataFrame({"time": np.empty(0, "datetime64[ns]"), "arrival": np.empty(0, np.int64)})


def touched_rows(
    rows: pd.DataFrame, frames_after: int, slot_times: np.ndarray, reach: np.timedelta64
) -> np.ndarray:
    """Frames that are new, or that a new slot may be matched with; shadowed ones never are.

    Args:
        rows: Of the camera archive.
        frames_after: Last batch dealt with.
        slot_times: Nominal times of new slots, in any order.
        reach: As in `find_touched`.

    Returns:
        Boolean, one per row.
    """
    times = rows["time"].to_numpy("datetime64[ns]")
    near = np.zeros(len(rows), dtype=bool)
    if len(slot_times):
        ordered = np.sort(slot_times)
        after = np.searchsorted(ordered, times - reach)
        near = (after < len(ordered)) & (ordered[np.minimum(after, len(ordered) - 1)] <= times + reach)
    return (near | (rows["arrival"].to_numpy() > frames_after)) & ~rows["shadowed"].to_numpy(bool)


def batches(camera_days: Sequence[CameraDay], size: int) -> list[tuple[CameraDay, ...]]:
    """Cut the work into batches that go across cameras, each camera's days together and in order.

    The line of sight is followed from day to day: no two batches may hold days of one camera. A camera with more days
    than ``size`` is a batch of its own.
    """
    cut: list[list[CameraDay]] = []
    for _, days in groupby(camera_days, lambda unit: unit.camera):
        whole = list(days)
        if not cut or len(cut[-1]) + len(whole) > size:
            cut.append([])
        cut[-1].extend(whole)
    return [tuple(batch) for batch in cut]
