"""Frames of a camera as its reference would have shown them: masks drawn on the reference stay put.

A frame is moved when it is read, by the pose that the record holds of it. One without a good pose is not shown at all:
a frame at the wrong place would be worse than none.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from models.contracts.flags import FrameFlag, ValueFlag, cf_flags
from models.contracts.frames import FRAME_DIMS
from models.contracts.record import latest
from models.contracts.series import DRIFT_QUANTITIES
from models.science.drift_values import DRIFT_COLUMNS, pose_of_values, without_value
from models.science.line_of_sight import Lens, Pose
from models.science.stabilise import seen_at, shown, stabilise
from tasks.errors import StoreError
from tasks.frame_reading import size_of
from tasks.registry import Camera
from tasks.stores.camera_archive import CameraArchive
from tasks.stores.camera_writing import FRAME_ATTRIBUTES
from tasks.stores.codec import ENCODINGS
from tasks.stores.privacy import Polygon, hidden_pixels
from tasks.stores.results import ResultsRecord

USABLE = (int(ValueFlag.GOOD), int(ValueFlag.DOUBTFUL))
"""Flags of a pose by which a frame is moved."""

_POSE_FLAG = DRIFT_QUANTITIES[0].flag
_FLAGS = tuple(quantity.flag for quantity in DRIFT_QUANTITIES)
_KEY = ["time", "frame_sha256"]


def open_stabilised(
    archive_root: str | Path,
    results_uri: str | Path,
    camera: Camera,
    start: np.datetime64 | None = None,
    stop: np.datetime64 | None = None,
) -> xr.Dataset:
    """Frames of a camera with ``start <= time < stop``, each seen from the camera's reference when it is read.

    Args:
        archive_root: Folder or URI of the archives.
        results_uri: Folder or URI of the record that the network's nights wrote.
        camera: Which; its field of view bends the motion towards the edges.
        start: UTC; the first frame by default.
        stop: UTC; after the last frame by default.

    Returns:
        See `stabilised_frames`.

    Raises:
        StoreNotFound: The camera has no archive.
        StoreError: Its line of sight was never followed.
    """
    archive = CameraArchive(archive_root, camera.id)
    rows = archive.rows()
    times = rows["time"].to_numpy()
    keep = ~rows["shadowed"].to_numpy(bool)
    keep &= True if start is None else times >= start
    keep &= True if stop is None else times < stop
    return stabilised_frames(archive, ResultsRecord(results_uri), rows[keep], camera.hfov_deg)


def stabilised_frames(
    archive: CameraArchive, record: ResultsRecord, rows: pd.DataFrame, hfov_deg: float | None
) -> xr.Dataset:
    """Frames of an archive, seen from the camera's reference; read when asked for, with or without Dask.

    Args:
        archive: Of the camera.
        record: Holds the poses.
        rows: Of the archive, none of them shadowed; any groups.
        hfov_deg: Horizontal field of view of the camera, where it is known.

    Returns:
        ``frames(time, y, x, rgb)`` of the reference's size and ``valid(time, y, x)``: false where a frame does not show
        what the reference does, in the privacy polygon, and all over a frame without a good pose, which is black. Pose,
        uncertainties and flags are coordinates: they say why. A frame that is not in the record yet is not observed.

    Raises:
        StoreError: The camera's line of sight was never followed.
    """
    reference = _reference(record, archive.camera_id)
    lens = Lens.of(int(reference["width"]), int(reference["height"]), hfov_deg)
    digest = str(reference["frame_sha256"])
    rows = rows.reset_index(drop=True)
    values = _values(record, archive.camera_id, digest, rows)
    steady = _SteadyFrames(archive, rows, values, lens, archive.privacy())
    depth = np.result_type(np.uint8, *(ENCODINGS[group.split("_")[0]] for group in rows["group"].unique()))
    shape = (len(rows), lens.height, lens.width)
    return xr.Dataset(
        {
            "frames": _lazy(FRAME_DIMS, steady.picture, (*shape, 3), depth, FRAME_ATTRIBUTES),
            "valid": _lazy(
                FRAME_DIMS[:3],
                steady.valid,
                shape,
                np.dtype(bool),
                {"long_name": "the frame shows what the reference shows at this pixel"},
            ),
            "quality_flag": ("time", rows["quality_flag"].to_numpy(), cf_flags(FrameFlag)),
        },
        coords={
            "time": ("time", rows["time"].to_numpy("datetime64[ns]"), {"standard_name": "time"}),
            "sha256": ("time", rows["sha256"].to_numpy(object), {"long_name": "digest of the file"}),
            **_pose_coordinates(values),
        },
        attrs={
            "camera": archive.camera_id,
            "drift_reference": digest,
            "drift_reference_time": f"{np.datetime64(reference['time'], 's')}Z",
            "Conventions": "CF-1.11",
        },
    )


def _reference(record: ResultsRecord, camera_id: str) -> pd.Series:
    """The camera's reference, of the record's keyframes; the newest where it was begun anew."""
    keyframes = record.keyframes()
    found = keyframes[(keyframes["camera"] == camera_id) & (keyframes["is_reference"] == 1)]
    if found.empty:
        raise StoreError(
            f"camera {camera_id}: {record.uri} knows no reference frame of it. Mend: run a night with [drift] enabled "
            "over a frame in good light"
        )
    return found.iloc[-1]


def _values(record: ResultsRecord, camera_id: str, reference: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Drift columns of each row of the archive: those of the very picture, relative to this reference."""
    if rows.empty:
        return pd.DataFrame(columns=list(DRIFT_COLUMNS), dtype=np.float64)
    last = rows["time"].max().to_datetime64() + np.timedelta64(1, "ms")
    wanted = ["camera_index", "run", *_KEY, "drift_reference", *DRIFT_COLUMNS]
    table = record.observations(rows["time"].min().to_datetime64(), last, wanted)
    mine = latest(table[table["camera_index"] == record.cameras().index(camera_id)])
    mine = mine.astype(dict.fromkeys(DRIFT_COLUMNS, np.float64))
    elsewhere = ~mine["drift_reference"].isin([0, int(reference[:16], 16)])
    _set(mine, elsewhere, ValueFlag.NO_REFERENCE)
    pictures = pd.MultiIndex.from_arrays([rows["time"], rows["sha256"]], names=_KEY)
    values = mine.set_index(_KEY)[list(DRIFT_COLUMNS)].reindex(pictures).reset_index(drop=True)
    _set(values, values[_POSE_FLAG].isna(), ValueFlag.NOT_OBSERVED)
    return values


def _set(values: pd.DataFrame, which: pd.Series, flag: ValueFlag) -> None:
    for name, value in without_value(flag).items():
        values.loc[which, name] = value


def _pose_coordinates(values: pd.DataFrame) -> dict[str, Any]:
    attributes = {
        name: about for quantity in DRIFT_QUANTITIES for name, about in quantity.attributes().items()
    }
    return {
        name: (
            "time",
            values[name].to_numpy(np.int8 if name in _FLAGS else np.float32),
            {key: value for key, value in attributes[name].items() if key != "coordinates"},
        )
        for name in DRIFT_COLUMNS
    }


@dataclass(frozen=True)
class _SteadyFrames:
    """Frames of an archive and what is known of their line of sight, row by row."""

    archive: CameraArchive
    rows: pd.DataFrame
    values: pd.DataFrame
    lens: Lens
    polygon: Polygon

    @cached_property
    def _poses(self) -> list[Pose | None]:
        known = [pose_of_values(row) for row in self.values.to_dict("records")]
        usable = self.values[_POSE_FLAG].isin(USABLE)
        return [pose[0] if pose and good else None for pose, good in zip(known, usable, strict=True)]

    def picture(self, number: int) -> np.ndarray:
        """``(y, x, 3)`` at the reference's size; black where there is nothing to show."""
        pose = self._poses[number]
        if pose is None:
            return np.zeros((self.lens.height, self.lens.width, 3), np.uint8)
        (frame,) = self.archive.read_frames(self.rows.iloc[[number]])
        return stabilise(frame, pose, self.lens, hidden_pixels(frame, self.polygon))[0]

    def valid(self, number: int) -> np.ndarray:
        """``(y, x)``; the frame itself is not read."""
        pose = self._poses[number]
        if pose is None:
            return np.zeros((self.lens.height, self.lens.width), bool)
        width, height = size_of(self.rows["group"].iloc[number])
        outline = np.empty((height, width))
        return shown(
            seen_at(pose, self.lens, (width, height)), (width, height), hidden_pixels(outline, self.polygon)
        )


class _MadeArray(BackendArray):
    """An array along time whose pieces are made when they are asked for."""

    def __init__(self, make: Callable[[int], np.ndarray], shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.make, self.shape, self.dtype = make, shape, dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[int | slice | np.ndarray, ...]) -> np.ndarray:
        numbers = np.arange(self.shape[0])[key[0]]
        pieces = [self._part(int(number), key[1:]) for number in np.atleast_1d(numbers)]
        if not pieces:
            return np.empty((0, *self.shape[1:]), self.dtype)[(slice(None), *key[1:])]
        return pieces[0] if np.ndim(numbers) == 0 else np.stack(pieces)

    def _part(self, number: int, key: tuple[int | slice | np.ndarray, ...]) -> np.ndarray:
        piece = self.make(number).astype(self.dtype, copy=False)
        for axis in reversed(range(len(key))):  # from behind: an integer key takes its axis away
            piece = piece[(slice(None),) * axis + (key[axis],)]
        return piece


def _lazy(
    dims: tuple[str, ...],
    make: Callable[[int], np.ndarray],
    shape: tuple[int, ...],
    dtype: np.dtype,
    attributes: dict[str, Any],
) -> xr.Variable:
    array = indexing.LazilyIndexedArray(_MadeArray(make, shape, dtype))
    return xr.Variable(
        dims, array, attributes, {"preferred_chunks": dict(zip(dims, (1, *shape[1:]), strict=True))}
    )
