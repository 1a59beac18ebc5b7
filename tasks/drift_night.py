"""The line of sight in a night: the cameras of one batch, followed through their days in order."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from models.contracts.flags import FrameFlag, ValueFlag
from models.drift import DriftModel, FrameFeatures, extract
from models.science.drift_values import DRIFT_COLUMNS, without_value
from tasks import weights as weight_files
from tasks.drift_features import FeatureCache, halved
from tasks.drift_keyframes import DriftMemory, event_row, keyframe_row
from tasks.drift_tracking import SeenFrame, Track, track_frame
from tasks.frame_reading import read_one
from tasks.registry import Camera
from tasks.settings import Settings
from tasks.stores.camera_archive import CameraArchive
from tasks.stores.privacy import Polygon, hidden_pixels
from tasks.stores.results import ResultsRecord

_PROVENANCE = ("drift_model", "drift_reference")
_TIMES = ("time", "not_before", "confirmed_at")


class BatchDrift:
    """What the camera-days of one batch know of their cameras' lines of sight.

    Args:
        archive_root: Folder or URI of the archives; the cache of features lies in it.
        record: Of all nights before.
        cameras: Ids.
        model: The network.
        digest: Of its weights, hexadecimal.
    """

    def __init__(
        self,
        archive_root: str,
        record: ResultsRecord,
        cameras: Collection[str],
        model: DriftModel,
        digest: str,
    ) -> None:
        self.archive_root, self.model, self.digest = archive_root, model, digest
        self._memory = DriftMemory(record, cameras)
        self._tracks: dict[str, Track] = {}
        self._keyframes: list[dict[str, Any]] = []
        self._events: list[dict[str, Any]] = []

    def begin(self, archive: CameraArchive, camera: Camera, rows: pd.DataFrame) -> "DriftDay":
        """A camera-day that is about to be followed.

        Args:
            archive: Of the camera.
            camera: Which.
            rows: All rows of the archive.
        """
        polygon = archive.privacy()
        cache = FeatureCache(self.archive_root, self.digest, camera.id, polygon)
        if camera.id not in self._tracks:
            look = _Look(self.model, archive, rows, polygon, cache)
            self._tracks[camera.id] = self._memory.track(camera.id, camera.hfov_deg, rows, look)
        return DriftDay(self.model, self.digest, camera, polygon, cache, self._tracks[camera.id])

    def keep(self, day: "DriftDay") -> None:
        """Take over what a camera-day brought, once all of the day is well."""
        track = self._tracks[day.camera.id] = day.track
        self._keyframes += day.keyframes
        self._events += day.events
        anchors = [*track.keyframes, *([track.previous] if track.previous else [])]
        for anchor in anchors:
            if not day.cache.holds(anchor.sha256):
                day.cache.keep(anchor.sha256, anchor.features)
        day.cache.forget_others({anchor.sha256 for anchor in anchors})

    def tables(self) -> dict[str, pd.DataFrame]:
        """Keyframes and events to record, by table; none of the tables is empty."""
        tables = {"keyframes": pd.DataFrame(self._keyframes), "drift_events": pd.DataFrame(self._events)}
        for table in tables.values():
            for name in _TIMES:
                if name in table:
                    table[name] = table[name].astype("datetime64[ns]")
        return {name: table for name, table in tables.items() if len(table)}


class DriftDay:
    """One camera-day: what it brings counts only once it is kept.

    Attributes:
        camera: Which.
        cache: Of the camera's features.
        track: After the frames followed so far.
        keyframes: Rows for the record.
        events: Rows for the record.
    """

    def __init__(
        self,
        model: DriftModel,
        digest: str,
        camera: Camera,
        polygon: Polygon,
        cache: FeatureCache,
        track: Track,
    ) -> None:
        self._model, self._digest, self._polygon = model, digest, polygon
        self.camera, self.cache, self.track = camera, cache, track
        self.keyframes: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self._values: list[dict[str, Any]] = []

    def follow(
        self, rows: pd.DataFrame, frames: Sequence[np.ndarray | None], luminances: Sequence[float]
    ) -> None:
        """Follow frames in time order.

        Args:
            rows: Of the archive.
            frames: Pictures; ``None`` where one cannot be read.
            luminances: Mean luminance of each, as published.
        """
        readable = [frame for frame in frames if frame is not None]
        seen = iter(look_at(self._model, readable, self._polygon))
        undated = (rows["quality_flag"].to_numpy(np.int64) & int(FrameFlag.TIME_IS_ORDER)) != 0
        places = zip(rows["sha256"], rows["time"], frames, luminances, undated, strict=True)
        for sha256, time, picture, luminance, is_undated in places:
            if picture is None:
                self._values.append(_not_followed(ValueFlag.FAILED))
                continue
            published = float(np.float32(luminance))
            frame = SeenFrame(sha256, np.datetime64(time, "ns"), next(seen), published)
            self._follow_one(frame, is_undated=bool(is_undated))

    def _follow_one(self, frame: SeenFrame, *, is_undated: bool) -> None:
        brought, self.track = track_frame(self._model, self.track, frame, self.camera.hfov_deg)
        reference = int(brought.reference[:16] or "0", 16)
        self._values.append({**brought.values, "drift_model": self._digest, "drift_reference": reference})
        for anchor, in_use in ((brought.retired, False), (brought.new_keyframe, True)):
            if anchor is not None:
                self.keyframes.append(keyframe_row(self.camera.id, self._digest, anchor, in_use))
        if not is_undated:  # a rank is no time at which something could have happened
            self.events += [event_row(self.camera.id, self._digest, frame, e) for e in brought.events]

    def table(self) -> pd.DataFrame:
        """A row per frame followed, in order: values, model and reference."""
        return _table(self._values)


def no_drift(frames: int) -> pd.DataFrame:
    """The table of frames whose line of sight was not looked for."""
    return _table([_not_followed(ValueFlag.NOT_OBSERVED)] * frames)


def _not_followed(flag: ValueFlag) -> dict[str, Any]:
    return {**without_value(flag), "drift_model": "", "drift_reference": 0}


def _table(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Rows as columns of the record's types."""
    table = pd.DataFrame(rows, columns=[*DRIFT_COLUMNS, *_PROVENANCE])
    return table.astype({"drift_reference": np.uint64, "drift_model": object})


def look_at(model: DriftModel, pictures: Sequence[np.ndarray], polygon: Polygon) -> list[FrameFeatures]:
    """Halved features, one picture at a time: what a picture's neighbours are cannot change what is seen in it."""
    hidden = [hidden_pixels(picture, polygon) for picture in pictures]
    return [halved(features) for features in extract(model, pictures, hidden=hidden, batch_size=1)]


class _Look:
    """Features of archived frames: from the cache, or made again."""

    def __init__(
        self,
        model: DriftModel,
        archive: CameraArchive,
        rows: pd.DataFrame,
        polygon: Polygon,
        cache: FeatureCache,
    ) -> None:
        self._model, self._archive, self._rows = model, archive, rows
        self._polygon, self._cache = polygon, cache

    def __call__(self, sha256: str) -> FrameFeatures | None:
        if (kept := self._cache.load(sha256)) is not None:
            return kept
        picture = read_by_digest(self._archive, self._rows, sha256)
        if picture is None:
            return None
        (features,) = look_at(self._model, [picture], self._polygon)
        self._cache.keep(sha256, features)
        return features


def read_by_digest(archive: CameraArchive, rows: pd.DataFrame, sha256: str) -> np.ndarray | None:
    """A frame of an archive, or ``None`` where there is none that can be read."""
    found = rows[rows["sha256"] == sha256]
    return None if found.empty else read_one(archive, found.iloc[[0]])


def load_drift(settings: Settings) -> tuple[DriftModel, str] | None:
    """The network and the digest of its weights; ``None`` where drift is switched off, or no weights are shipped.

    Raises:
        ConfigurationError: The weights that the configuration names cannot be used.
    """
    weights = settings.drift.weights
    if not settings.drift.enabled or not (weights or weight_files.SHIPPED_DRIFT_WEIGHTS.is_file()):
        return None
    return weight_files.load_drift_model(Path(settings.locate(weights)) if weights else None)
