"""Drift in an edition: smoothed over each camera's whole series, with events that were found looking both ways."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.contracts.flags import AlignmentReason, ValueFlag
from models.contracts.record import POSE, latest
from models.contracts.series import DRIFT_QUANTITIES
from models.science.drift_events import DriftEvent, EventKind, FrameClass, FrameReading
from models.science.drift_smoothing import SmoothedSight, smooth_sight
from models.science.drift_values import DRIFT_COLUMNS, frame_values, reading_of, without_value
from models.science.line_of_sight import Lens, Pose
from tasks.stores.results import ResultsRecord

SMOOTHED = (
    "smoothed over each camera's whole series (random walk, daily cycle, free jumps at steps) from the nightly values "
    "and their standard errors; where a frame itself is unobservable or an outlier, what its neighbours imply"
)
"""What an edition says of its drift."""

_POSE = DRIFT_QUANTITIES[: len(POSE)]
_FLAG = DRIFT_QUANTITIES[0].flag
_FOLLOWED = [int(f) for f in (ValueFlag.GOOD, ValueFlag.DOUBTFUL, ValueFlag.OUTLIER, ValueFlag.UNOBSERVABLE)]
_FLAG_OF = {FrameClass.OUTLIER: ValueFlag.OUTLIER, FrameClass.UNOBSERVABLE: ValueFlag.UNOBSERVABLE}
_SIZE_CHANGES = {str(EventKind.CROP), str(EventKind.RESOLUTION)}
_KEY = ["camera_index", "time"]


@dataclass(frozen=True)
class SmoothedDrift:
    """The drift of an edition.

    Attributes:
        values: Drift columns of every frame that was followed; index ``camera_index``, ``time``.
        events: By camera.
    """

    values: pd.DataFrame
    events: tuple[tuple[str, DriftEvent], ...]

    def applied(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Rows of the record with the smoothed values in place of the nightly ones."""
        if rows.empty or self.values.empty:
            return rows
        own = self.values.reindex(pd.MultiIndex.from_frame(rows[_KEY]))
        known = own[_FLAG].notna().to_numpy()
        replaced = rows.copy()
        for name in DRIFT_COLUMNS:
            values = np.where(known, own[name].to_numpy(), rows[name].to_numpy())
            replaced[name] = values.astype(rows[name].dtype)
        return replaced


def smooth_drift(record: ResultsRecord, hfov_deg: Mapping[str, float | None]) -> SmoothedDrift:
    """Smooth every camera's series, relative to each of its references.

    Args:
        record: Of all nights.
        hfov_deg: Horizontal field of view by camera; without it there are no degrees.
    """
    followed = _followed(record)
    names, keyframes, recorded = record.cameras(), record.keyframes(), record.drift_events()
    lenses = _lenses(keyframes, hfov_deg)
    tables, events = [], []
    for (index, reference), rows in followed.groupby(["camera_index", "drift_reference"], sort=True):
        lens = lenses.get((names[index], reference))
        if lens is None:
            continue
        mine = recorded[(recorded["camera"] == names[index]) & recorded["kind"].isin(_SIZE_CHANGES)]
        known = [DriftEvent.from_row(row) for row in mine.to_dict("records")]
        common = _common_error(keyframes[keyframes["camera"] == names[index]])
        sight = smooth_sight(_readings(rows, lens), lens, known, common)
        tables.append(_values(rows, sight, lens))
        events += [(names[index], event) for event in sight.events]
    nothing = pd.DataFrame(columns=list(DRIFT_COLUMNS), index=pd.MultiIndex.from_arrays([[], []], names=_KEY))
    return SmoothedDrift(pd.concat(tables) if tables else nothing, tuple(events))


def _followed(record: ResultsRecord) -> pd.DataFrame:
    """The newest row of each dated frame that has, or might have had, a pose."""
    pose = [column for q in _POSE for column in (q.name, q.uncertainty)]
    wanted = [*_KEY, "run", "slot_reason", "image_luminance", "drift_reference", _FLAG, *pose]
    rows = latest(record.observations(columns=wanted))
    dated = rows["slot_reason"] != int(AlignmentReason.NO_TIME)
    return rows[dated & rows[_FLAG].isin(_FOLLOWED) & (rows["drift_reference"] != 0)]


def _common_error(keyframes: pd.DataFrame) -> np.ndarray:
    """What the frames of a camera have alike: the error of a middling keyframe, diagonal ``(4, 4)``."""
    others = keyframes[keyframes["is_reference"] == 0]
    if others.empty:
        return np.zeros((4, 4))
    return np.diag(
        others[[f"covariance_{name}_{name}" for name in POSE]].median().fillna(0.0).to_numpy(float)
    )


def _lenses(keyframes: pd.DataFrame, hfov_deg: Mapping[str, float | None]) -> dict[tuple[str, int], Lens]:
    references = keyframes[keyframes["is_reference"] == 1]
    return {
        (row.camera, int(row.frame_sha256[:16], 16)): Lens.of(row.width, row.height, hfov_deg.get(row.camera))
        for row in references.itertuples()
    }


def _readings(rows: pd.DataFrame, lens: Lens) -> list[FrameReading]:
    times = rows["time"].to_numpy("datetime64[ns]")
    return [
        reading_of(row, time, (lens.width, lens.height), float(row["image_luminance"]))
        for row, time in zip(rows.to_dict("records"), times, strict=True)
    ]


def _values(rows: pd.DataFrame, sight: SmoothedSight, lens: Lens) -> pd.DataFrame:
    """Published columns; a frame that was doubtful by night (frozen, say) stays so."""
    values = []
    for flag, pose, covariance, judged in zip(
        rows[_FLAG], sight.poses, sight.covariances, sight.classes, strict=True
    ):
        own = _FLAG_OF.get(judged, ValueFlag.DOUBTFUL if flag == ValueFlag.DOUBTFUL else ValueFlag.GOOD)
        if np.isfinite(pose).all() and np.isfinite(covariance).all():
            values.append(frame_values(Pose(*map(float, pose)), covariance, lens, own))
        else:
            values.append(without_value(own if judged in _FLAG_OF else ValueFlag.UNOBSERVABLE))
    return pd.DataFrame(values, index=pd.MultiIndex.from_frame(rows[_KEY]), columns=list(DRIFT_COLUMNS))
