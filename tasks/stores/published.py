"""The published series: one plain Zarr v3 group that readers may open at any moment.

Protocol: chunks first, then the arrays' metadata, the root ``zarr.json`` with consolidated metadata last, each
file replaced atomically. A reader of the old root sees old shapes over chunks that only grew behind them; a
reader of the new root finds every chunk in place. The past is never written again: what comes late goes to the
record, and from there to an *edition*.

Inline consolidated metadata is not in the Zarr v3 specification: a reader that ignores it may meet array
metadata that is newer than its neighbour's, and should use the results record instead.

A series of an older schema is grown on: the arrays it lacks come with the next night, by the same protocol.
"""

import json
import shutil
import warnings
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import zarr
from zarr.abc.store import Store
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import LocalStore, WrapperStore

from models.contracts.series import SERIES_SCHEMA_VERSION
from tasks.errors import StoreError
from tasks.stores.published_layout import GRIDS, ensure_layout

MIGRATED_SCHEMAS = (1, 2, 3)
"""Older schemas whose series grow on: what they lack is added, and is absent (fill values) in their past."""


class _MetadataLast(WrapperStore[Store]):
    """Passes chunks through and holds every ``zarr.json`` back until `publish`."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.held: dict[str, Buffer] = {}

    def _with_store(self, store: Store) -> Self:
        same = type(self)(store)
        same.held = self.held
        return same

    async def get(self, key: str, prototype: BufferPrototype, byte_range: Any = None) -> Buffer | None:
        if key in self.held and byte_range is None:
            return self.held[key]
        return await self._store.get(key, prototype, byte_range)

    async def exists(self, key: str) -> bool:
        return key in self.held or await self._store.exists(key)

    async def set(self, key: str, value: Buffer) -> None:
        if key.endswith("zarr.json"):
            self.held[key] = value
        else:
            await self._store.set(key, value)

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        if not await self.exists(key):
            await self.set(key, value)

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Names below ``prefix``, those of arrays among them of which only metadata is held: all fill values so far."""
        start = f"{prefix}/" if prefix else ""
        names = {key.removeprefix(start).split("/")[0] for key in self.held if key.startswith(start)}
        async for name in self._store.list_dir(prefix):
            names.discard(name)
            yield name
        for name in sorted(names):
            yield name

    async def publish(self) -> None:
        """Write the metadata held back: arrays, then the root."""
        for key in sorted(self.held, key=lambda k: (k == "zarr.json", k)):
            await self._store.set(key, self.held[key])
        self.held.clear()


@dataclass(frozen=True)
class SeriesUpdate:
    """What one night adds.

    Attributes:
        times: New grid times, seconds since 1970, ascending, after all that is published.
        cameras: All camera ids known so far, published ones first and in the same order.
        positions: ``(camera, 3)`` latitude, longitude (degrees), altitude (m); NaN where unknown.
        grids: Per variable ``(camera, new time)``, that of genera ``(camera, genus, new time)``; empty where nothing
            was observed.
        tables: Whole tables by name: ``run_*`` and ``model_*``.
    """

    times: np.ndarray
    cameras: list[str]
    positions: np.ndarray
    grids: Mapping[str, np.ndarray]
    tables: Mapping[str, np.ndarray]


class PublishedSeries:
    """``series.zarr``: append nights, never touch the past.

    Args:
        path: Folder of the series.
        step_minutes: Step of its time axis.
        drift_processing: How its drift came about, for its attribute of that name.
    """

    def __init__(
        self,
        path: Path,
        step_minutes: int,
        drift_processing: str = "causal: from past frames only, never revised",
    ) -> None:
        self.path, self.step_minutes, self.drift_processing = path, step_minutes, drift_processing

    @property
    def exists(self) -> bool:
        """Whether something has been published: the root is written last."""
        return (self.path / "zarr.json").exists()

    def published_times(self) -> np.ndarray:
        """Grid times so far, seconds since 1970, int64."""
        return np.asarray(self._read("time")) if self.exists else np.empty(0, np.int64)

    def published_cameras(self) -> list[str]:
        """Camera ids so far, in the order of the camera dimension."""
        return [str(c) for c in self._read("camera")] if self.exists else []

    def published_runs(self) -> int:
        """Number of runs that the series knows of."""
        return len(self._read("run_night")) if self.exists else 0

    def published_positions(self) -> dict[str, tuple[float, float, float]]:
        """Latitude, longitude (degrees) and altitude (m) so far, by camera; NaN where unknown."""
        if not self.exists:
            return {}
        columns = (self._read(name).tolist() for name in ("latitude", "longitude", "altitude"))
        return dict(zip(self.published_cameras(), zip(*columns, strict=True), strict=True))

    def append(self, update: SeriesUpdate) -> None:
        """Publish new grid times (and cameras) by the protocol.

        Raises:
            StoreError: If the update would rewrite the past, reorder cameras, or the schema is another.
        """
        self._check(update)
        fresh, old = not self.exists, len(self.published_times())
        if fresh:
            shutil.rmtree(self.path, ignore_errors=True)  # what a killed first publication left
        held = _MetadataLast(LocalStore(self.path))
        root = zarr.open_group(held, mode="a", use_consolidated=False)
        if fresh or root.attrs["vigie_schema_version"] != SERIES_SCHEMA_VERSION:
            ensure_layout(root, self.step_minutes)
            root.attrs["drift_processing"] = self.drift_processing
        new = old + len(update.times)
        self._write_axes(root, update, old)
        for name in GRIDS:
            array = root[name]
            array.resize((len(update.cameras), *array.shape[1:-1], new))
            if name in update.grids:
                array[..., old:new] = update.grids[name]
        for name, table in update.tables.items():
            root[name].resize(table.shape)
            root[name][...] = table
        root.attrs.update({"time_coverage_end": _iso(update.times[-1])} if len(update.times) else {})
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Consolidated metadata")  # the limit is said above
            zarr.consolidate_metadata(held)
        zarr.core.sync.sync(held.publish())

    def _read(self, name: str) -> np.ndarray:
        return zarr.open_group(LocalStore(self.path, read_only=True), mode="r")[name][...]

    def check_settings(self) -> None:
        """Refuse a series that was published with another step, or with a schema that cannot be grown on.

        Raises:
            StoreError: Says which.
        """
        if not self.exists:
            return
        attributes = json.loads((self.path / "zarr.json").read_text())["attributes"]
        version = attributes.get("vigie_schema_version")
        known = version in (SERIES_SCHEMA_VERSION, *MIGRATED_SCHEMAS)
        if not known or attributes.get("step_minutes") != self.step_minutes:
            raise StoreError(
                f"{self.path} has schema {version} and a step of {attributes.get('step_minutes')} minutes; this "
                f"code writes {SERIES_SCHEMA_VERSION} and {self.step_minutes}: publish a new edition from the record"
            )

    def _check(self, update: SeriesUpdate) -> None:
        self.check_settings()
        cameras = self.published_cameras()
        if update.cameras[: len(cameras)] != cameras:
            raise StoreError("published cameras keep their place: new ones go behind them")
        times = self.published_times()
        if len(times) and len(update.times) and update.times[0] <= times[-1]:
            raise StoreError(f"{_iso(update.times[0])} is published already; the past is never written again")

    @staticmethod
    def _write_axes(root: zarr.Group, update: SeriesUpdate, old: int) -> None:
        root["time"].resize((old + len(update.times),))
        root["time"][old:] = update.times
        for name in ("camera", "latitude", "longitude", "altitude"):
            root[name].resize((len(update.cameras),))
        root["camera"][:] = np.array(update.cameras, dtype=object)
        for column, name in enumerate(("latitude", "longitude", "altitude")):
            root[name][:] = update.positions[:, column]


def _iso(seconds: int) -> str:
    return str(np.datetime64(int(seconds), "s")) + "Z"
