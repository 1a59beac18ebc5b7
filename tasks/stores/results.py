"""The record: every night's values, one commit a night, from which all that is published can be rebuilt."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import zarr

from models.contracts.record import (
    DRIFT_EVENTS,
    KEYFRAMES,
    MODELS,
    OBSERVATIONS,
    PROGRESS,
    RUNS,
    SUMMARIES,
    WATER_EVENTS,
    WATER_STATES,
    empty_columns,
)
from models.contracts.series import MODEL_CODES
from models.contracts.stored import NO_TIME
from tasks.stores.record_tables import append_rows, digests, ensure_table, read_rows
from tasks.stores.repository import open_repository, repository_exists, writer

_KIND = "results"
_TABLES = {
    "observations": (OBSERVATIONS, "obs", 16384),
    "runs": (RUNS, "run_index", 4096),
    "summaries": (SUMMARIES, "row", 4096),
    "progress": (PROGRESS, "camera_row", 4096),
    "models": (MODELS, "model", 256),
    "keyframes": (KEYFRAMES, "keyframe", 4096),
    "drift_events": (DRIFT_EVENTS, "event", 4096),
    "water_states": (WATER_STATES, "state", 4096),
    "water_events": (WATER_EVENTS, "flood", 4096),
}

NIGHT_TABLES = ("keyframes", "drift_events", "water_states", "water_events")
"""Beside the observations: what batches of a night bring, by the name of the attribute of `NightRecord`."""


@dataclass(frozen=True)
class NightRecord:
    """What one run commits.

    Attributes:
        night: ISO date.
        as_of: UTC instant up to which inputs were taken.
        code_version: Version (and revision) of the code.
        configuration_digest: SHA-256 of ``configuration``, hexadecimal.
        configuration: The effective configuration, JSON.
        registry_sha256: Of the camera registry, hexadecimal.
        observations: One row per inferred frame: ``camera`` (id), ``time``, ``frame_sha256`` (hexadecimal),
            ``cloud_model``, ``drift_model``, ``water_model`` and ``sky_model`` (digest, hexadecimal, or empty), and the
            columns of the record; columns that are left out get their fill value.
        summaries: One row per camera: ``camera`` and the columns of the summary table.
        progress: Per camera ``camera``, ``frames_arrival``, ``slots_arrival``: what is dealt with.
        published: Whether it is to be published; a failed night is not.
        keyframes: Frames that became keyframes of the drift, or ceased to be: ``camera``, ``drift_model`` (digest) and
            the columns of the table.
        drift_events: Events that were confirmed: likewise.
        water_states: What the flood alert of each camera that was followed remembers.
        water_events: Floods as they stand, begun, lasting or ended in this run.
    """

    night: str
    as_of: np.datetime64
    code_version: str
    configuration_digest: str
    configuration: str
    registry_sha256: str
    observations: pd.DataFrame
    summaries: pd.DataFrame
    progress: pd.DataFrame
    published: bool = True
    keyframes: pd.DataFrame = field(default_factory=pd.DataFrame)
    drift_events: pd.DataFrame = field(default_factory=pd.DataFrame)
    water_states: pd.DataFrame = field(default_factory=pd.DataFrame)
    water_events: pd.DataFrame = field(default_factory=pd.DataFrame)


class ResultsRecord:
    """The results repository.

    Args:
        uri: Folder or ``s3://bucket/prefix``.
    """

    def __init__(self, uri: str | Path) -> None:
        self.uri = uri

    @property
    def exists(self) -> bool:
        """Whether a night has been recorded."""
        return repository_exists(self.uri) and "runs" in self._root()

    def record(self, night: NightRecord) -> int:
        """Commit one run: values, summaries and progress together.

        Returns:
            Index of the run.
        """
        with writer(self.uri, _KIND, f"Night {night.night}") as session:
            root = zarr.open_group(session.store, mode="a", zarr_format=3)
            tables = {
                name: ensure_table(root, name, columns, dim, chunk)
                for name, (columns, dim, chunk) in _TABLES.items()
            }
            run = tables["runs"]["night"].shape[0]
            cameras = self._register_cameras(tables["progress"], night)
            rows = self._append(tables, "observations", night.observations, cameras, run)
            self._append(tables, "summaries", night.summaries, cameras, run)
            for name in NIGHT_TABLES:
                self._append(tables, name, getattr(night, name), cameras, run)
            self._append_run(tables["runs"], night, rows)
        return int(run)

    def runs(self) -> pd.DataFrame:
        """All runs; the index is the run's number."""
        return self._read("runs")

    def cameras(self) -> list[str]:
        """Camera ids; the place in the list is ``camera_index``."""
        return [str(camera) for camera in self._read("progress", ["camera"])["camera"]]

    def progress(self) -> dict[str, tuple[int, int]]:
        """Per camera, the last frame batch and satellite batch that are dealt with."""
        if not self.exists:
            return {}
        table = self._read("progress")
        return {
            str(row.camera): (int(row.frames_arrival), int(row.slots_arrival))
            for row in table.itertuples(index=False)
        }

    def drift_until(self) -> dict[str, np.datetime64]:
        """Per camera whose drift was followed, the time of the last frame that was."""
        if not self.exists or "drift_until" not in self._root()["progress"]:
            return {}
        table = self._read("progress", ["camera", "drift_until"])
        table = table[table["drift_until"] != NO_TIME]
        times = _times(table["drift_until"])
        return {str(camera): time for camera, time in zip(table["camera"], times, strict=True)}

    def keyframes(self) -> pd.DataFrame:
        """Keyframes of the drift that are in use, with the camera's id, in the order in which they came."""
        table = self._with_cameras("keyframes")
        newest = table.drop_duplicates(["camera_index", "frame_sha256"], keep="last")
        return newest[newest["in_use"] == 1].reset_index(drop=True)

    def drift_events(self) -> pd.DataFrame:
        """Events of the drift with the camera's id, in the order in which they were confirmed."""
        return self._with_cameras("drift_events")

    def water_states(self) -> pd.DataFrame:
        """What the flood alert of each camera remembers, with the camera's id."""
        return self._with_cameras("water_states").drop_duplicates("camera_index", keep="last")

    def water_events(self) -> pd.DataFrame:
        """Floods with the camera's id, every revision in order of arrival; of one ``begin`` the newest row counts."""
        return self._with_cameras("water_events")

    def models(self) -> pd.DataFrame:
        """Models by code: ``name`` and ``digest``."""
        return self._read("models")

    def summaries(self, run: int | None = None) -> pd.DataFrame:
        """Summary rows of one run (or all), with the camera's id."""
        table = self._with_cameras("summaries")
        return table if run is None else table[table["run"] == run].reset_index(drop=True)

    def observations(
        self,
        start: np.datetime64 | None = None,
        stop: np.datetime64 | None = None,
        columns: Sequence[str] | None = None,
        cameras: Collection[str] | None = None,
    ) -> pd.DataFrame:
        """Rows with ``start <= time < stop`` in order of arrival, times as datetime64[ns].

        Only the rows of runs that reach into the span are read; of them ``columns``, ``time`` among them, or all.
        Those of other cameras than ``cameras`` are left out, where these are given.
        """
        runs = self.runs()
        low = (
            np.iinfo(np.int64).min if start is None else int(start.astype("datetime64[ms]").astype(np.int64))
        )
        high = np.iinfo(np.int64).max if stop is None else int(stop.astype("datetime64[ms]").astype(np.int64))
        within = (runs["rows"] > 0) & (runs["latest"] >= low) & (runs["earliest"] < high)
        group = self._root()["observations"]
        wanted = list(columns or OBSERVATIONS)
        places = [
            n for n, camera in enumerate(self.cameras() if cameras else ()) if camera in (cameras or ())
        ]
        parts = []
        for run in runs[within].itertuples():
            span = int(run.first_row), int(run.first_row + run.rows)
            times = np.asarray(group["time"][slice(*span)])
            keep = (times >= low) & (times < high)
            if cameras is not None and keep.any():
                keep &= np.isin(np.asarray(group["camera_index"][slice(*span)]), places)
            if keep.any():
                parts.append(read_rows(group, wanted, *span, keep=keep, lacking=OBSERVATIONS))
        nothing = read_rows(group, wanted, 0, 0, lacking=OBSERVATIONS)
        table = pd.concat(parts, ignore_index=True) if parts else nothing
        return table.assign(time=_times(table["time"]))

    def _root(self) -> zarr.Group:
        store = open_repository(self.uri, _KIND).readonly_session("main").store
        return zarr.open_group(store, mode="r", zarr_format=3)

    def _read(self, table: str, names: list[str] | None = None) -> pd.DataFrame:
        return read_rows(self._root()[table], names)

    def _with_cameras(self, name: str) -> pd.DataFrame:
        """A whole table with the camera's id, times as datetime64[ns]; no row where older code wrote the record."""
        columns = _TABLES[name][0]
        if not self.exists or name not in self._root():
            nothing = empty_columns(columns, 0)
            table = pd.DataFrame({n: v if v.ndim == 1 else [] for n, v in nothing.items()})
        else:
            table = read_rows(self._root()[name], columns, lacking=columns)
        names = np.array(self.cameras() if len(table) else [], dtype=object)
        times = {n: _times(table[n]) for n, column in columns.items() if column == ("int64", NO_TIME)}
        return table.assign(camera=names[table["camera_index"].to_numpy(np.int64)], **times)

    @staticmethod
    def _register_cameras(group: zarr.Group, night: NightRecord) -> dict[str, int]:
        known = [str(camera) for camera in group["camera"][:]]
        mentioned = [*night.summaries["camera"], *night.observations["camera"], *night.progress["camera"]]
        new = [c for c in dict.fromkeys(mentioned) if c not in set(known)]
        append_rows(group, PROGRESS, {"camera": np.array(new, dtype=object)})
        index = {camera: i for i, camera in enumerate(known + new)}
        places = [index[camera] for camera in night.progress["camera"]]
        for name in ("frames_arrival", "slots_arrival"):
            values = group[name][:]
            values[places] = night.progress[name].to_numpy()
            group[name][:] = values
        if "drift_model" in night.observations:
            followed = night.observations[night.observations["drift_model"] != ""]
            until, rows = group["drift_until"][:], [index[camera] for camera in followed["camera"]]
            np.maximum.at(until, np.array(rows, dtype=np.int64), _milliseconds(followed["time"]))
            group["drift_until"][:] = until
        return index

    @staticmethod
    def _model_codes(group: zarr.Group, name: str, model_digests: pd.Series) -> np.ndarray:
        """Codes of model digests; new digests are registered; an empty digest is -1."""
        known = {
            (str(row.name), str(row.digest)): i
            for i, row in enumerate(read_rows(group).itertuples(index=False))
        }
        new = [d for d in dict.fromkeys(model_digests) if d and (name, d) not in known]
        rows = append_rows(
            group, MODELS, {"name": np.array([name] * len(new), dtype=object), "digest": digests(new)}
        )
        known |= {(name, digest): row for digest, row in zip(new, rows, strict=True)}
        return np.array([known.get((name, d), -1) for d in model_digests], dtype=np.int16)

    def _append(
        self,
        tables: dict[str, zarr.Group],
        name: str,
        table: pd.DataFrame,
        cameras: dict[str, int],
        run: int,
    ) -> range:
        """Append a table with a row per camera and whatever else; models are given by their digests."""
        columns = _TABLES[name][0]
        values = {column: _stored(table[column], columns[column][0]) for column in columns if column in table}
        values["run"] = np.full(len(table), run, dtype=np.int32)
        values["camera_index"] = np.array([cameras[c] for c in table.get("camera", [])], dtype=np.int32)
        for model in MODEL_CODES:
            if model in values:
                values[model] = self._model_codes(tables["models"], model, table[model])
        return append_rows(tables[name], columns, values)

    @staticmethod
    def _append_run(group: zarr.Group, night: NightRecord, rows: range) -> None:
        times, span = _milliseconds(night.observations["time"]), np.iinfo(np.int64)
        append_rows(
            group,
            RUNS,
            {
                "night": np.array([night.night], dtype=object),
                "as_of": _milliseconds(pd.Series([night.as_of])),
                "code_version": np.array([night.code_version], dtype=object),
                "configuration_digest": digests([night.configuration_digest]),
                "configuration": np.array([night.configuration], dtype=object),
                "registry_sha256": digests([night.registry_sha256]),
                "first_row": np.array([rows.start]),
                "rows": np.array([len(rows)]),
                "earliest": np.array([times.min(initial=span.max)]),
                "latest": np.array([times.max(initial=span.min)]),
                "published": np.array([night.published], dtype=np.int8),
            },
        )


def _stored(column: pd.Series, dtype: str) -> np.ndarray:
    """A column as the record keeps it; its fill values come with it."""
    if dtype == "uint8[32]":
        return digests(column)
    return _milliseconds(column) if pd.api.types.is_datetime64_any_dtype(column) else column.to_numpy()


def _times(milliseconds: pd.Series) -> np.ndarray:
    """datetime64[ns]; NaT for NO_TIME."""
    return milliseconds.to_numpy(np.int64).astype("datetime64[ms]").astype("datetime64[ns]")


def _milliseconds(times: pd.Series) -> np.ndarray:
    """Milliseconds since 1970, int64; NaT becomes the smallest integer (NO_TIME)."""
    return times.to_numpy().astype("datetime64[ms]").astype(np.int64)
