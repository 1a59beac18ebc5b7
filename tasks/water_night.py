"""The water level in a night: the cameras of one batch, day by day, from the frames that the night has decoded anyway.

A camera's *site* (where water comes and goes in its view) is learned once, from its first frames that can be judged;
until then its frames wait, and those of the night in which it is learned get their levels after all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from models.contracts.flags import FrameFlag, ValueFlag
from models.science.line_of_sight import Lens
from models.water import WaterModel, WaterSite
from tasks import weights as weight_files
from tasks.camera_water import camera_water
from tasks.frame_reading import frames_of
from tasks.registry import Camera
from tasks.settings import Settings, WaterSettings
from tasks.stores.camera_archive import CameraArchive
from tasks.stores.results import ResultsRecord
from tasks.water_alerts import FloodWatch
from tasks.water_gauge import WaterGauge
from tasks.water_learning import SiteSchool
from tasks.water_values import LEVEL, METRES, SeenLevel, doubt, fill, overwrite, water_columns
from tasks.water_view import ShoreFrame, WaterView


class WaterDay:
    """The frames of one camera-day: what they bring counts only once the day is kept.

    Attributes:
        camera: Which.
        archive: Of the camera.
        view: How its frames are looked at.
        rows: Of the archive, looked at so far.
        drift: Their published line of sight, row by row; ``None`` where it is not followed.
        seen: Their levels.
        repeated: Digests of pictures that the camera delivered more than once: they alarm nobody.
        digest: Of the weights that look at them.
    """

    def __init__(
        self,
        archive: CameraArchive,
        camera: Camera,
        view: WaterView,
        site: WaterSite | None,
        digest: str,
        repeated: set[str],
    ) -> None:
        self.archive, self.camera, self.view, self.repeated = archive, camera, view, repeated
        self.digest, self._site = digest, site
        self.rows = pd.DataFrame()
        self.drift: pd.DataFrame | None = None
        self.seen: list[SeenLevel] = []

    def follow(
        self,
        rows: pd.DataFrame,
        frames: Sequence[np.ndarray | None],
        qualities: Sequence[float],
        drift: pd.DataFrame | None,
        lens: Lens | None,
    ) -> None:
        """Look at frames.

        Args:
            rows: Of the archive.
            frames: Pictures; ``None`` where one cannot be read.
            qualities: Published flag of each picture's luminance.
            drift: Published line of sight of each; ``None`` where it is not followed.
            lens: Of the reference of the line of sight, once there is one.
        """
        self.view.lens = lens
        self.rows = pd.concat([self.rows, rows], ignore_index=True)
        if drift is not None:
            parts = [drift] if self.drift is None else [self.drift, drift]
            self.drift = pd.concat(parts, ignore_index=True)
        for place, (picture, quality) in enumerate(zip(frames, qualities, strict=True)):
            self.seen.append(self._seen(picture, quality, None if drift is None else drift.iloc[place]))

    def _seen(self, picture: np.ndarray | None, quality: float, drift: pd.Series | None) -> SeenLevel:
        if picture is None:
            return SeenLevel(ValueFlag.FAILED)
        if quality == ValueFlag.DARK:
            return SeenLevel(ValueFlag.DARK)
        if quality == ValueFlag.ABSTAINED:  # one flat tone
            return SeenLevel(ValueFlag.UNOBSERVABLE)
        return self.view.level(picture, drift, self._site)

    def table(self) -> pd.DataFrame:
        """A row per frame, in order: neither metres nor alerts yet."""
        return water_columns(self.seen, self.digest, 0)

    @property
    def _undated(self) -> np.ndarray:
        """Frames whose time is only their rank."""
        return (self.rows["quality_flag"].to_numpy(np.int64) & int(FrameFlag.TIME_IS_ORDER)) != 0

    def times(self) -> np.ndarray:
        """UTC, datetime64[ns]; NaT where a frame is not dated."""
        return np.where(
            self._undated, np.datetime64("NaT", "ns"), self.rows["time"].to_numpy("datetime64[ns]")
        )

    def shore_frames(self) -> list[ShoreFrame]:
        """Frames that can be judged, and wait for a site."""
        undated = self._undated
        return [
            ShoreFrame(
                row.sha256,
                np.datetime64(row.time, "ns"),
                None if self.drift is None else self.drift.iloc[place],
                bool(undated[place]),
            )
            for place, row in enumerate(self.rows.itertuples())
            if self.seen[place].flag is ValueFlag.NOT_KNOWN
        ]

    def look_again(self, site: WaterSite) -> None:
        """Levels of the frames that waited for the site."""
        waiting = np.array([seen.flag is ValueFlag.NOT_KNOWN for seen in self.seen], bool)
        places = iter(np.flatnonzero(waiting))
        for _, frames in frames_of(self.archive, self.rows[waiting]):
            for picture in frames:
                place = next(places)
                drift = None if self.drift is None else self.drift.iloc[place]
                seen = (
                    SeenLevel(ValueFlag.FAILED) if picture is None else self.view.level(picture, drift, site)
                )
                self.seen[place] = seen


@dataclass
class _Shore:
    """What a batch knows of one camera."""

    model: WaterModel
    digest: str
    site: WaterSite | None
    code: int
    waiting: list[tuple[WaterDay, pd.DataFrame]] = field(default_factory=list)


class BatchWater:
    """What the camera-days of one batch know of their cameras' water.

    Args:
        archive_root: Folder or URI of the archives; sites and gauge readings lie in it.
        record: Of all nights before.
        cameras: Of the batch.
        since: First day of the batch.
        settings: Flood levels and probabilities.
        model: The ensemble of the cameras that none was adapted to.
        digest: Of its weights, hexadecimal.
    """

    def __init__(
        self,
        archive_root: str,
        record: ResultsRecord,
        cameras: Sequence[Camera],
        since: date,
        settings: WaterSettings,
        model: WaterModel,
        digest: str,
    ) -> None:
        self._root, self._shared = archive_root, (model, digest)
        self._school = SiteSchool(archive_root, record, since, digest)
        self._gauge = WaterGauge(archive_root, record, cameras)
        self._watch = FloodWatch(record, settings)
        self._shores: dict[str, _Shore] = {}

    def begin(self, archive: CameraArchive, camera: Camera, repeated: set[str]) -> WaterDay:
        """A camera-day that is about to be looked at.

        Args:
            archive: Of the camera.
            camera: Which.
            repeated: Digests of pictures that the camera delivered more than once.
        """
        if camera.id not in self._shores:
            known = camera_water(self._root, camera.id, *self._shared)
            self._shores[camera.id] = _Shore(known.model, known.digest, known.site, known.site_code)
        shore = self._shores[camera.id]
        view = WaterView(shore.model, archive.privacy())
        return WaterDay(archive, camera, view, shore.site, shore.digest, repeated)

    def keep(self, day: WaterDay, table: pd.DataFrame) -> None:
        """Take over what a camera-day brought, once all of the day is well.

        Args:
            day: Looked at.
            table: To be recorded; its first rows are those of the day, and are completed in place, now or, where the
                camera has no site yet, later in the batch.
        """
        shore = self._shores[day.camera.id]
        shore.waiting.append((day, table))
        if shore.site is None:
            frames = [frame for waiting, _ in shore.waiting for frame in waiting.shore_frames()]
            shore.site, shore.code = self._school.learn(
                day.archive, day.view, frames, len(day.shore_frames())
            )
            if shore.site is None:
                return
            for waiting, _ in shore.waiting:
                waiting.view.lens = day.view.lens
                waiting.look_again(shore.site)
        for waiting, rows in shore.waiting:
            self._settle(waiting, rows, shore.code)
        shore.waiting.clear()

    def tables(self) -> dict[str, pd.DataFrame]:
        """States and events of the alerts to record, by table; none of the tables is empty."""
        return self._watch.tables()

    def _settle(self, day: WaterDay, table: pd.DataFrame, code: int) -> None:
        """Levels, metres and alerts of a day, into the table."""
        if not day.seen:
            return
        values = water_columns(day.seen, day.digest, code)
        level, times = values[LEVEL.name].to_numpy(np.float64), day.times()
        found = self._gauge.metres(day.camera.id, day.digest, code, times, level)
        flag = np.where(np.isnan(level), values[METRES.flag], found.metres.flag)
        fill(
            values, METRES.name, value=found.metres.value, uncertainty=found.metres.interval.sigma, flag=flag
        )
        values["water_gauge"] = np.full(len(values), found.code, np.uint64)
        repeated = day.rows["sha256"].isin(day.repeated).to_numpy()
        self._watch.judge(day.camera, values, times, repeated, found)
        doubt(values, repeated)
        overwrite(table, values)


def load_water(settings: Settings) -> tuple[WaterModel, str] | None:
    """The ensemble and the digest of its weights; ``None`` where water is switched off, or no weights are shipped.

    Raises:
        ConfigurationError: The weights that the configuration names cannot be used.
    """
    weights = settings.water.weights
    if not settings.water.enabled or not (weights or weight_files.SHIPPED_WATER_WEIGHTS.is_file()):
        return None
    return weight_files.load_water_model(Path(settings.locate(weights)) if weights else None)
