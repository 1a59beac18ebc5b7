"""Inference on batches of camera-days: quality and cover from frames, cover from the satellite."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from models.cloud import CloudModel, CoverEstimate, predict_cover
from models.contracts.flags import FrameFlag, ValueFlag
from models.contracts.series import (
    DRIFT_QUANTITIES,
    QUANTITIES,
    SKY_QUANTITIES,
    WATER_QUANTITIES,
)
from models.contracts.sky_batch import SLOTS
from models.science.cover import okta_of_cover
from models.science.image_quality import assess_frame
from models.science.sun import sun_position
from models.science.visible_scene import visible_scene
from models.water import WaterModel
from tasks.alignment import AlignedFrames, align_times, satellite_cover
from tasks.camera_days import CameraDay, touched_rows
from tasks.camera_lens import solid_angles
from tasks.drift_night import BatchDrift, DriftDay, load_drift, no_drift
from tasks.frame_reading import frames_of
from tasks.night_plan import NightPlan
from tasks.recorded_days import RecordedDays, equal_rows
from tasks.registry import Camera
from tasks.sky_days import BatchSky, SkyDay
from tasks.sky_night import CIVIL_TWILIGHT_DEG, load_sky, sky_wanted
from tasks.sky_values import no_sky
from tasks.staging import write_table
from tasks.stores.camera_archive import CameraArchive
from tasks.stores.privacy import Polygon, hidden_pixels
from tasks.stores.results import ResultsRecord
from tasks.stores.satellite_archive import SatelliteArchive
from tasks.water_night import BatchWater, WaterDay, load_water
from tasks.water_values import no_water
from tasks.weights import load_cloud_model

_COVER_FLAGS = ["visible_cloud_fraction_quality_flag", "visible_cloud_okta_quality_flag"]
_SATELLITE_COLUMNS = (
    "slot_time",
    "slot_offset_s",
    "slot_reason",
    "satellite_cloud_area_fraction",
    "satellite_cloud_area_fraction_uncertainty",
    "satellite_cloud_area_fraction_quality_flag",
)

_OTHERS = (*DRIFT_QUANTITIES, *WATER_QUANTITIES, *SKY_QUANTITIES)

_log = logging.getLogger("vigie.inference")


@dataclass(frozen=True)
class CameraDayOutcome:
    """How one camera-day fared.

    Attributes:
        camera: Id.
        inferred: Frames looked at.
        matched: Frames with a satellite slot.
        late: The deadline came first.
        error: Why there is no value; ``None`` where all is well.
    """

    camera: str
    inferred: int = 0
    matched: int = 0
    late: bool = False
    error: str | None = None


@dataclass(frozen=True)
class StagedBatch:
    """Reference to a batch of values.

    Attributes:
        path: File in the staging folder, or ``None`` where nothing was new.
        outcomes: One per camera-day.
        tables: Files of the tables of `tasks.stores.results.NIGHT_TABLES`, where there is anything in them.
    """

    path: Path | None
    outcomes: tuple[CameraDayOutcome, ...]
    tables: Mapping[str, Path] = field(default_factory=dict)


class BatchInference:
    """What the camera-days of one batch share.

    Args:
        plan: The night.
    """

    def __init__(self, plan: NightPlan) -> None:
        self.plan = plan
        settings = plan.settings
        weights = settings.cloud.weights
        self.model, self.digest = load_cloud_model(Path(settings.locate(weights)) if weights else None)
        grid = settings.aligned_grid
        self.satellite = SatelliteArchive(plan.archive_root, grid) if grid else None
        self.reach = reach_of(plan)
        self.record = ResultsRecord(plan.results_uri)
        self._drift_model = load_drift(settings)
        self._water_model = load_water(settings)
        sky = load_sky(settings)
        self.sky = None if sky is None else BatchSky(sky, plan.archive_root, settings)
        self.drift: BatchDrift | None = None
        self.water: BatchWater | None = None
        self._recorded = RecordedDays(self.record, ())

    def run(self, camera_days: Sequence[CameraDay], path: Path) -> StagedBatch:
        """Infer a batch and stage its values.

        An error in one camera-day is its outcome; the others go on.
        """
        cameras = {unit.camera for unit in camera_days}
        self._recorded = RecordedDays(self.record, cameras)
        if self._drift_model is not None:
            self.drift = BatchDrift(self.plan.archive_root, self.record, cameras, *self._drift_model)
        if self._water_model is not None and camera_days:
            self.water = self._begin_water(camera_days, *self._water_model)
        outcomes: list[CameraDayOutcome] = []
        tables: list[pd.DataFrame] = []
        for camera_day in camera_days:
            if self.plan.deadline is not None and datetime.now(UTC) >= self.plan.deadline:
                outcomes.append(CameraDayOutcome(camera_day.camera, late=True))
                continue
            try:
                table = self._camera_day(camera_day)
            except Exception as error:  # noqa: BLE001 - one camera-day must not end the night; the log has the trace
                _log.exception("camera %s, %s", camera_day.camera, camera_day.day)
                reason = f"{camera_day.day}: {type(error).__name__}: {error}"
                outcomes.append(CameraDayOutcome(camera_day.camera, error=reason))
                continue
            tables.append(table)
            matched = int(table["slot_time"].notna().sum())
            outcomes.append(CameraDayOutcome(camera_day.camera, len(table), matched))
        rows = [table for table in tables if len(table)]
        staged = write_table(path, pd.concat(rows, ignore_index=True)) if rows else None
        beside = {k: v for batch in (self.drift, self.water) if batch for k, v in batch.tables().items()}
        files = {name: write_table(path.with_suffix(f".{name}.npz"), table) for name, table in beside.items()}
        return StagedBatch(staged, tuple(outcomes), files)

    def _begin_water(self, camera_days: Sequence[CameraDay], model: WaterModel, digest: str) -> BatchWater:
        cameras = [self.plan.registry[camera] for camera in dict.fromkeys(u.camera for u in camera_days)]
        since, settings = min(unit.day for unit in camera_days), self.plan.settings.water
        return BatchWater(self.plan.archive_root, self.record, cameras, since, settings, model, digest)

    def _camera_day(self, unit: CameraDay) -> pd.DataFrame:
        camera = self.plan.registry[unit.camera]
        archive = CameraArchive(self.plan.archive_root, unit.camera)
        rows = archive.rows()
        midnight = pd.Timestamp(unit.day)
        on_day = (rows["time"] >= midnight) & (rows["time"] < midnight + pd.Timedelta(days=1))
        touched = touched_rows(rows, unit.frames_after, self._slots_after(unit.slots_after), self.reach)
        frames = rows[on_day & touched].reset_index(drop=True)
        recorded = self._recorded.of(unit.camera, unit.day)
        # A night that was late or failed has recorded part of this day already: that part is not inferred again.
        done = pd.MultiIndex.from_frame(recorded[["time", "frame_sha256"]])
        known = pd.MultiIndex.from_frame(frames[["time", "sha256"]]).isin(done)
        new = frames[~known].reset_index(drop=True)
        day = self.drift.begin(archive, camera, rows) if self.drift and len(new) else None
        repeated = _repeated(rows)
        shore = self.water if camera.water != "none" and len(new) else None
        water = shore.begin(archive, camera, repeated) if shore else None
        sky = self.sky.begin(camera, new, repeated, archive.privacy()) if self.sky else None
        table = self._infer(archive, camera, new, repeated, day, water, sky)
        if known.any():
            realigned = self._realign(archive, camera, frames[known], recorded, repeated)
            filled = [part for part in (table, realigned) if len(part)]
            table = pd.concat(filled, ignore_index=True) if filled else table
        if self.drift and day is not None:
            self.drift.keep(day)
        if self.water and water is not None:
            self.water.keep(water, table)
        return table

    def _slots_after(self, arrival: int) -> np.ndarray:
        if self.satellite is None or not self.satellite.last_arrival:
            return np.empty(0, "datetime64[ns]")
        return self.satellite.slots_since(arrival)["time"].to_numpy("datetime64[ns]")

    def _infer(
        self,
        archive: CameraArchive,
        camera: Camera,
        new: pd.DataFrame,
        repeated: set[str],
        day: DriftDay | None,
        water: WaterDay | None,
        sky: SkyDay | None,
    ) -> pd.DataFrame:
        """All values of new frames."""
        table = pd.DataFrame(
            {
                "camera": camera.id,
                "time": new["time"],
                "frame_sha256": new["sha256"],
                "cloud_model": self.digest,
            }
        )
        polygon = archive.privacy()
        values: list[tuple[float, ...]] = []
        for piece, frames in frames_of(archive, new):
            of_piece = list(frame_values(self.model, frames, polygon, camera))
            qualities = [flag for _, _, flag, *_ in of_piece]
            if day is not None:
                day.follow(piece, frames, [luminance for luminance, *_ in of_piece])
            if water is not None:
                drift, lens = (None, None) if day is None else (day.table().tail(len(piece)), day.track.lens)
                water.follow(piece, frames, qualities, drift, lens)
            if sky is not None:
                sky.follow(frames, qualities)
            values += of_piece
        cover = pd.DataFrame(values, index=table.index, columns=frame_columns())
        drift = day.table() if day else no_drift(len(table))
        measured = pd.concat([cover, drift, water.table() if water else no_water(len(table))], axis=1)
        for quantity in QUANTITIES:
            if quantity.flag in measured:
                doubtful = new["sha256"].isin(repeated) & (measured[quantity.flag] == int(ValueFlag.GOOD))
                measured.loc[doubtful, quantity.flag] = int(ValueFlag.DOUBTFUL)
        measured.loc[_by_night(camera, new) & _answered(measured), _COVER_FLAGS] = int(ValueFlag.DOUBTFUL)
        satellite = self._satellite_values(camera, new)
        clouds = sky.table() if sky else no_sky(len(table))
        return pd.concat([table, measured, clouds, satellite], axis=1)

    def _realign(
        self,
        archive: CameraArchive,
        camera: Camera,
        old: pd.DataFrame,
        recorded: pd.DataFrame,
        repeated: set[str],
    ) -> pd.DataFrame:
        """Recorded frames whose slots changed: their row again, with new satellite values and answers about the sky."""
        merged = old[["time", "quality_flag"]].merge(recorded, on="time")
        satellite = self._satellite_values(camera, merged)
        changed = ~equal_rows(merged[list(_SATELLITE_COLUMNS)], satellite)
        kept = merged[recorded.columns].assign(**{c: satellite[c] for c in _SATELLITE_COLUMNS})
        if self.sky is not None:
            stale, clouds = self.sky.again(archive, camera, old.reset_index(drop=True), kept, repeated)
            for name in clouds:
                values = kept[name].to_numpy(copy=True)
                values[stale] = clouds[name].to_numpy()
                kept[name] = values
            changed |= stale
        return kept[changed].reset_index(drop=True)

    def _satellite_values(self, camera: Camera, frames: pd.DataFrame) -> pd.DataFrame:
        settings = self.plan.settings
        undated = (frames["quality_flag"].to_numpy().astype(int) & int(FrameFlag.TIME_IS_ORDER)) != 0
        times = np.where(undated, np.datetime64("NaT", "ns"), frames["time"].to_numpy("datetime64[ns]"))
        aligned = align_times(self.satellite, camera, times, settings.alignment.tolerance_s)
        cover, sigma, flag = self._satellite_cover(camera, aligned)
        return pd.DataFrame(
            {
                "slot_time": aligned.slot_times,
                "slot_offset_s": aligned.offset_s.astype(np.float32),
                "slot_reason": aligned.reason,
                "satellite_cloud_area_fraction": cover,
                "satellite_cloud_area_fraction_uncertainty": sigma,
                "satellite_cloud_area_fraction_quality_flag": flag,
            }
        )

    def _satellite_cover(
        self, camera: Camera, aligned: AlignedFrames
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if self.satellite is None or np.isnat(aligned.slot_times).all():
            nothing = np.full(aligned.times.size, np.nan, dtype=np.float32)
            return nothing, nothing, np.full(aligned.times.size, int(ValueFlag.NOT_OBSERVED), dtype=np.int8)
        return satellite_cover(self.satellite, camera, aligned, self.plan.settings.cloud.radius_km)


def reach_of(plan: NightPlan) -> np.timedelta64:
    """How far from a slot's nominal time a frame may lie and still be matched with it, or with one soon after it."""
    settings = plan.settings
    grid = settings.aligned_grid
    cadence_s = settings.satellite[grid].cadence_minutes * 60 if grid else 0
    before = SLOTS - 1 if sky_wanted(settings) else 0
    return np.timedelta64(int(settings.alignment.tolerance_s + (2 + before) * cadence_s), "s").astype(
        "timedelta64[ns]"
    )


def frame_columns() -> list[str]:
    """Columns that come from the frame alone, in the order of `frame_values`."""
    elsewhere = {"satellite_cloud_area_fraction", *(q.name for q in _OTHERS)}
    camera = [q for q in QUANTITIES if q.name not in elsewhere]
    return [name for q in camera for name in (q.name, q.uncertainty, q.flag)]


def frame_values(
    model: CloudModel,
    frames: Sequence[np.ndarray | None],
    polygon: Polygon = (),
    camera: Camera | None = None,
) -> Iterator[tuple[float, ...]]:
    """Quality and visible cover of frames; a frame that could not be read is FAILED throughout.

    Args:
        model: Of the visible cover.
        frames: Of one camera.
        polygon: What is blacked out in them.
        camera: Which; where its field of view is known the sky is weighed by solid angle.
    """
    readable = [frame for frame in frames if frame is not None]
    hidden = [hidden_pixels(frame, polygon) for frame in readable]
    lens = [None if camera is None else solid_angles(camera, *frame.shape[:2]) for frame in readable]
    covers = iter(predict_cover(model, readable, hidden=hidden, solid_angles=lens))
    weighed = iter(weights is not None for weights in lens)
    nan = float("nan")
    masks = iter(hidden)
    for frame in frames:
        if frame is None:
            yield (nan, nan, float(ValueFlag.FAILED)) * 5
            continue
        scene = visible_scene(frame, next(masks))
        quality, cover = assess_frame(frame if scene is None else scene), next(covers)
        if (
            quality.flag is ValueFlag.ABSTAINED
        ):  # one flat tone shows no cloud, whatever a network makes of it
            cover = replace(cover, cover=nan, sigma=nan, flag=ValueFlag.ABSTAINED, visible=nan)
        okta = okta_of_cover(cover.cover)
        yield (
            *(quality.luminance, quality.luminance_se, float(quality.flag)),
            *(quality.sharpness, quality.sharpness_se, float(quality.flag)),
            *(cover.cover, cover.sigma, float(cover.flag)),
            *(nan if okta is None else float(okta), 8 * cover.sigma, float(cover.flag)),
            *_of_dome(cover, next(weighed)),
        )


def _of_dome(cover: CoverEstimate, weighed: bool) -> tuple[float, float, float]:
    """Visible share of the dome, which nothing is known of without a field of view."""
    nan = float("nan")
    if not weighed:
        return nan, nan, float(ValueFlag.NOT_KNOWN)
    return (nan if cover.flag is ValueFlag.DARK else cover.visible), nan, float(cover.flag)


def _by_night(camera: Camera, frames: pd.DataFrame) -> np.ndarray:
    """Frames taken after civil twilight: the cover was evaluated on pictures that daylight reaches."""
    if camera.latitude is None or camera.longitude is None or frames.empty:
        return np.zeros(len(frames), dtype=bool)
    times = frames["time"].to_numpy("datetime64[ns]")
    elevation, _ = sun_position(times, camera.latitude, camera.longitude)
    return elevation < CIVIL_TWILIGHT_DEG


def _answered(measured: pd.DataFrame) -> np.ndarray:
    return (measured["visible_cloud_fraction_quality_flag"] == int(ValueFlag.GOOD)).to_numpy()


def _repeated(rows: pd.DataFrame) -> set[str]:
    """Content that the camera delivered at more than one time: it froze, or re-sends."""
    counts = rows.loc[~rows["shadowed"], "sha256"].value_counts()
    return set(counts[counts > 1].index)
