"""Projecting the record onto the published series: a night at a time, a rebuild, or a new edition."""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from models.contracts.flags import AlignmentReason
from models.contracts.record import as_published, latest
from models.contracts.series import grids_of, nearest_rows, steps_of_day
from tasks.drift_editions import SMOOTHED, smooth_drift
from tasks.drift_events_file import causal_events, events_path, retrospective_events, write_events
from tasks.errors import StoreError
from tasks.registry import Registry
from tasks.stores.locks import writer_lock
from tasks.stores.published import PublishedSeries, SeriesUpdate
from tasks.stores.published_layout import DAYS_PER_CHUNK
from tasks.stores.record_tables import digests
from tasks.stores.results import ResultsRecord
from tasks.water_events_file import floods, water_events_path, write_floods

Positions = Mapping[str, tuple[float, float, float]]
"""Latitude (degrees), longitude (degrees), altitude (m) by camera id; NaN where unknown."""


def positions_of(registry: Registry) -> dict[str, tuple[float, float, float]]:
    """Positions of a registry's cameras."""

    def number(value: float | None) -> float:
        return float("nan") if value is None else value

    return {c.id: (number(c.latitude), number(c.longitude), number(c.altitude_m)) for c in registry.cameras}


@dataclass(frozen=True)
class Published:
    """What a publication did.

    Attributes:
        path: The series.
        steps: Grid times added; 0 where the night was published before.
        last: Last published grid time, ISO, or an empty string.
    """

    path: str
    steps: int
    last: str


def publish_run(
    record: ResultsRecord, path: Path, step_minutes: int, run: int, positions: Positions
) -> Published:
    """Publish all grid times up to the end of the run's night that are not published yet, and the events.

    Doing it again publishes nothing: the past is never written again. Two nights that publish at once take turns.
    """
    series = PublishedSeries(path, step_minutes)
    with writer_lock(path, "results"):
        times = _new_times(record, series, run)
        positions = _kept(positions, series.published_positions())
        cameras, tables = record.cameras(), _tables(record, run)
        for piece, rows in _with_rows(record, times, step_minutes):
            rows = as_published(rows, run)
            series.append(_update(rows, piece, step_minutes, cameras, positions, tables))
        newest = max(run, series.published_runs() - 1)  # an older run takes no event away again
        write_events(events_path(path), causal_events(record, newest))
        write_floods(water_events_path(path), floods(record, newest))
    published = series.published_times()
    last = str(np.datetime64(int(published[-1]), "s")) if len(published) else ""
    return Published(str(path), len(times), last)


def rebuild_series(record: ResultsRecord, path: Path, step_minutes: int, positions: Positions) -> Published:
    """Write ``series.zarr`` anew from the record, run by run: each value as it was first published.

    A run that failed was not published then: its night came with the next run, and does so again.

    Raises:
        StoreError: If there is something at ``path`` already.
    """
    _refuse_existing(path)
    published = Published(str(path), 0, "")
    for run in np.flatnonzero(record.runs()["published"]).tolist():
        published = publish_run(record, path, step_minutes, run, positions)
    return published


def publish_edition(
    record: ResultsRecord,
    path: Path,
    step_minutes: int,
    positions: Positions,
    hfov_deg: Mapping[str, float | None] | None = None,
) -> Published:
    """Write an immutable edition with the newest value of every frame, late ones included, and smoothed drift.

    Args:
        record: Of all nights.
        path: Of the edition; its events are written beside it.
        step_minutes: Step of its time axis.
        positions: Of the cameras.
        hfov_deg: Horizontal field of view by camera, where known: degrees of the smoothed drift.

    Raises:
        StoreError: If the edition exists: editions are never written again.
    """
    _refuse_existing(path)
    unfinished = path.with_name(f".{path.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    series = PublishedSeries(unfinished, step_minutes, drift_processing=SMOOTHED)
    run = len(record.runs()) - 1
    times, cameras, tables = _all_times(record, series), record.cameras(), _tables(record, run)
    drift = smooth_drift(record, hfov_deg or {})
    for piece, rows in _with_rows(record, times, step_minutes):
        rows = drift.applied(latest(rows))
        series.append(_update(rows, piece, step_minutes, cameras, positions, tables))
    if not series.exists:
        raise StoreError("the record holds no dated frame: there is nothing to publish")
    write_events(events_path(path), retrospective_events(record, run, drift.events))
    write_floods(water_events_path(path), floods(record, run))
    unfinished.replace(path)
    return Published(str(path), len(times), str(times[-1].astype("datetime64[s]")))


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise StoreError(f"{path} exists and is never written again: give another name")


def _dated(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with a real time: undated groups stay in the record."""
    return rows[rows["slot_reason"] != int(AlignmentReason.NO_TIME)]


def _observations(record: ResultsRecord, times: np.ndarray, step_minutes: int) -> pd.DataFrame:
    half = np.timedelta64(step_minutes * 30, "s")
    return _dated(record.observations(times[0] - half, times[-1] + half))


def _new_times(record: ResultsRecord, series: PublishedSeries, run: int) -> np.ndarray:
    """Grid times after the published ones, to the end of the run's night."""
    night = np.datetime64(str(record.runs()["night"][run]), "D")
    done = series.published_times()
    if len(done):
        first = np.datetime64(int(done[-1]), "s").astype("datetime64[D]") + 1
    else:
        rows = _dated(as_published(record.observations(), run))
        times = rows["time"].to_numpy().astype("datetime64[D]")
        first = min(times.min(), night) if len(times) else night
    return _days(first, night, series.step_minutes)


def _all_times(record: ResultsRecord, series: PublishedSeries) -> np.ndarray:
    times = _dated(record.observations())["time"].to_numpy().astype("datetime64[D]")
    nights = record.runs()["night"].to_numpy().astype("datetime64[D]")
    if not len(times):
        return np.empty(0, "datetime64[ns]")
    return _days(times.min(), max(times.max(), nights.max()), series.step_minutes)


def _days(first: np.datetime64, last: np.datetime64, step_minutes: int) -> np.ndarray:
    days = np.arange(first, last + 1, dtype="datetime64[D]")
    if not len(days):
        return np.empty(0, "datetime64[ns]")
    return np.concatenate([steps_of_day(day, step_minutes) for day in days])


def _pieces(times: np.ndarray, step_minutes: int) -> list[np.ndarray]:
    """Pieces of at most one chunk, so that a long first history stays small in memory."""
    length = DAYS_PER_CHUNK * 1440 // step_minutes
    return [times[i : i + length] for i in range(0, len(times), length)]


def _with_rows(
    record: ResultsRecord, times: np.ndarray, step_minutes: int
) -> Iterator[tuple[np.ndarray, pd.DataFrame]]:
    """Pieces with their observations; empty ones are joined: a camera whose clock said 1980 costs but one of them."""
    empty: list[np.ndarray] = []
    rows = pd.DataFrame()
    for piece in _pieces(times, step_minutes):
        rows = _observations(record, piece, step_minutes)
        if rows.empty:
            empty.append(piece)
            continue
        if empty:
            yield np.concatenate(empty), rows.iloc[:0]
            empty = []
        yield piece, rows
    if empty:
        yield np.concatenate(empty), rows


def _kept(positions: Positions, published: Positions) -> Positions:
    """Positions as they were published, also of a camera that has left the registry since; new ones where unknown."""
    new = {camera: np.array(position) for camera, position in positions.items()}
    for camera, position in published.items():
        old = np.array(position)
        new[camera] = np.where(np.isfinite(old), old, new.get(camera, old))
    return {camera: (float(p[0]), float(p[1]), float(p[2])) for camera, p in new.items()}


def _tables(record: ResultsRecord, run: int) -> dict[str, np.ndarray]:
    runs = record.runs().iloc[: run + 1]
    models = record.models()
    return {
        "run_night": runs["night"].to_numpy(dtype=object),
        "run_code_version": runs["code_version"].to_numpy(dtype=object),
        "run_configuration_digest": digests(runs["configuration_digest"]),
        "model_name": models["name"].to_numpy(dtype=object),
        "model_digest": digests(models["digest"]),
    }


def _update(
    rows: pd.DataFrame,
    times: np.ndarray,
    step_minutes: int,
    cameras: list[str],
    positions: Positions,
    tables: Mapping[str, np.ndarray],
) -> SeriesUpdate:
    chosen = nearest_rows(rows, times, step_minutes)
    unknown = (float("nan"),) * 3
    # Without an observation there is nothing to write: the fill values say so, whatever the length of the gap.
    grids = {} if chosen.empty else grids_of(chosen, len(cameras), len(times))
    return SeriesUpdate(
        times=times.astype("datetime64[s]").astype(np.int64),
        cameras=cameras,
        positions=np.array([positions.get(c, unknown) for c in cameras], dtype=np.float64).reshape(-1, 3),
        grids=grids,
        tables=tables,
    )
