"""What the record remembers of a camera's line of sight: read into a track, and written as rows."""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from models.contracts.flags import ValueFlag
from models.contracts.record import COVARIANCE, POSE
from models.contracts.series import NO_CODE
from models.drift import FrameFeatures
from models.science.drift_events import DriftEvent
from models.science.drift_values import READING_COLUMNS, reading_of
from models.science.drift_watch import REPLAY_DAYS, replay
from models.science.line_of_sight import Lens, Pose
from tasks.drift_tracking import Anchor, SeenFrame, Track, previous_of
from tasks.frame_reading import size_of
from tasks.stores.results import ResultsRecord

Look = Callable[[str], FrameFeatures | None]
"""Halved features of a frame by its digest; ``None`` where it cannot be seen any more."""

_TRIANGLE = np.triu_indices(4)
_GOOD = (int(ValueFlag.GOOD), int(ValueFlag.DOUBTFUL))
_HISTORY = ("camera_index", "time", "run", "drift_model", "image_luminance", *READING_COLUMNS)

_log = logging.getLogger("vigie.drift")


class DriftMemory:
    """The record as a night begins.

    Args:
        record: Of all nights before.
        cameras: Ids of those that will be asked for; nothing is kept of the others.
    """

    def __init__(self, record: ResultsRecord, cameras: Collection[str]) -> None:
        self.record, self.cameras = record, cameras
        self._history: dict[np.datetime64, pd.DataFrame] = {}

    @cached_property
    def _until(self) -> Mapping[str, np.datetime64]:
        return self.record.drift_until()

    @cached_property
    def _keyframes(self) -> pd.DataFrame:
        return self.record.keyframes()

    @cached_property
    def _events(self) -> pd.DataFrame:
        return self.record.drift_events()

    @cached_property
    def _cameras(self) -> Mapping[str, int]:
        return {camera: index for index, camera in enumerate(self.record.cameras())}

    def track(self, camera: str, hfov_deg: float | None, frames: pd.DataFrame, look: Look) -> Track:
        """A camera's track after all that is recorded.

        Args:
            camera: Id.
            hfov_deg: Horizontal field of view, where it is known.
            frames: Rows of the camera's archive.
            look: Sees a frame of the archive.
        """
        if camera not in self._until:
            return Track()
        until = self._until[camera]
        rows = self._keyframes[self._keyframes["camera"] == camera]
        reference = rows[rows["is_reference"] == 1]
        if reference.empty:
            return Track(until=until)
        first = reference.iloc[0]
        lens = Lens.of(int(first["width"]), int(first["height"]), hfov_deg)
        history = self._followed(camera, until, frames)
        readings = [
            reading_of(row, np.datetime64(row["time"], "ns"), row["size"], row["image_luminance"])
            for row in history[history["time"] >= first["time"]].to_dict("records")
        ]
        known = self._events[self._events["camera"] == camera].to_dict("records")
        return Track(
            lens,
            str(first["frame_sha256"]),
            tuple(_anchors(rows, look)),
            _previous(history, look),
            until,
            replay(lens, readings, [DriftEvent.from_row(row) for row in known]),
        )

    def _followed(self, camera: str, until: np.datetime64, frames: pd.DataFrame) -> pd.DataFrame:
        """Frames followed in the last days, in time order, as they were published; late ones are not among them."""
        start = until.astype("datetime64[D]") - REPLAY_DAYS
        if start not in self._history:
            stop = start + (REPLAY_DAYS + 1)
            table = self.record.observations(
                start.astype("datetime64[ns]"), stop.astype("datetime64[ns]"), _HISTORY
            )
            wanted = [self._cameras[c] for c in self.cameras if c in self._cameras]
            self._history[start] = table[table["camera_index"].isin(wanted)]
        table = self._history[start]
        mine = table[
            (table["camera_index"] == self._cameras[camera])
            & (table["drift_model"] != NO_CODE)
            & (table["time"] <= until)
        ]
        mine = mine.sort_values(["run", "time"], kind="stable").drop_duplicates("time")
        mine = mine[~_late(mine)].sort_values("time")
        shown = frames[~frames["shadowed"]]
        sizes = [size_of(group) for group in shown["group"]]
        pictures = pd.DataFrame({"time": shown["time"], "sha256": shown["sha256"], "size": sizes})
        return mine.merge(pictures, on="time").reset_index(drop=True)


def _late(rows: pd.DataFrame) -> np.ndarray:
    """Rows, sorted by run and time, that are older than what an earlier run followed."""
    last = rows.groupby("run")["time"].max().cummax().shift()
    return (rows["time"] <= rows["run"].map(last)).to_numpy(bool)


def _anchors(rows: pd.DataFrame, look: Look) -> Iterable[Anchor]:
    for row in rows.to_dict("records"):
        features = look(str(row["frame_sha256"]))
        if features is None:
            _log.warning("camera %s: keyframe %s cannot be seen any more", row["camera"], row["frame_sha256"])
            continue
        covariance = np.zeros((4, 4))
        covariance[_TRIANGLE] = [row[name] for name in COVARIANCE]
        covariance.T[_TRIANGLE] = covariance[_TRIANGLE]
        pose = Pose(*(float(row[name]) for name in POSE))
        time = np.datetime64(row["time"], "ns")
        yield Anchor(
            str(row["frame_sha256"]), time, pose, covariance, features, is_reference=bool(row["is_reference"])
        )


def _previous(history: pd.DataFrame, look: Look) -> Anchor | None:
    good = history[history["pan_px_quality_flag"].isin(_GOOD)]
    if good.empty:
        return None
    row = good.iloc[-1].to_dict()
    features = look(row["sha256"])
    return features and previous_of(row["sha256"], np.datetime64(row["time"], "ns"), row, features)


def keyframe_row(camera: str, digest: str, anchor: Anchor, in_use: bool) -> dict[str, Any]:
    """A row of the record's table of keyframes."""
    pose = anchor.pose
    return {
        "camera": camera,
        "frame_sha256": anchor.sha256,
        "time": anchor.time,
        "width": anchor.features.width,
        "height": anchor.features.height,
        "is_reference": int(anchor.is_reference),
        "in_use": int(in_use),
        "luminance": anchor.features.luminance,
        "drift_model": digest,
        **dict(zip(POSE, (pose.pan_px, pose.tilt_px, pose.roll_deg, pose.zoom), strict=True)),
        **dict(zip(COVARIANCE, anchor.covariance[_TRIANGLE].tolist(), strict=True)),
    }


def event_row(camera: str, digest: str, frame: SeenFrame, event: DriftEvent) -> dict[str, Any]:
    """A row of the record's table of events."""
    return {"camera": camera, "frame_sha256": frame.sha256, "drift_model": digest, **event.as_row()}
