"""The published series: one plain Zarr v3 group that readers may open at any moment.

Protocol: chunks first, then the arrays' metadata, the root ``zarr.json`` with consolidated metadata last, each
file replaced atomically. A reader of the old root sees old shapes over chunks that only grew behind them; a
reader of the new root finds every chunk in place. The past is never written again: what comes late goes to the
record, and from there to an *edition*.

Inline consolidated metadata is not in the Zarr v3 specification: a reader that ignores it may meet array
metadata that is newer than its neighbour's, and should use the results record instead.
"""

import json
import shutil
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import zarr
from zarr.abc.store import Store
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import LocalStore, WrapperStore

from models.contracts.flags import ValueFlag
from models.contracts.series import (
    CONVENTIONS,
    PROVENANCE,
    QUANTITIES,
    SERIES_SCHEMA_VERSION,
    STEP_TIME_UNITS,
)
from tasks.errors import StoreError

CAMERAS_PER_CHUNK = 50
DAYS_PER_CHUNK = 30
_TABLE_ROWS = 4096
_GRIDS = (
    *(name for q in QUANTITIES for name in (q.name, q.uncertainty, q.flag)),
    *(p.name for p in PROVENANCE),
)


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
        grids: Per variable ``(camera, new time)``; empty where nothing was observed.
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
    """

    def __init__(self, path: Path, step_minutes: int) -> None:
        self.path, self.step_minutes = path, step_minutes

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
        if fresh:
            self._create(root)
        new = old + len(update.times)
        self._write_axes(root, update, old)
        for name in _GRIDS:
            array = root[name]
            array.resize((len(update.cameras), new))
            if name in update.grids:
                array[:, old:new] = update.grids[name]
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
        """Refuse a series that was published with another step or schema.

        Raises:
            StoreError: Says which.
        """
        if not self.exists:
            return
        attributes = json.loads((self.path / "zarr.json").read_text())["attributes"]
        version = attributes.get("vigie_schema_version")
        if version != SERIES_SCHEMA_VERSION or attributes.get("step_minutes") != self.step_minutes:
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

    def _create(self, root: zarr.Group) -> None:
        root.attrs.update(
            {
                "Conventions": CONVENTIONS,
                "featureType": "timeSeries",
                "title": "Vigie: drift, water level and clouds from fixed cameras",
                "institution": "Vigie",
                "source": "fixed cameras and geostationary satellite products",
                "history": "published night by night by vigie; run_night and run_code_version list the runs",
                "vigie_schema_version": SERIES_SCHEMA_VERSION,
                "step_minutes": self.step_minutes,
            }
        )
        steps = DAYS_PER_CHUNK * 1440 // self.step_minutes
        grid = (CAMERAS_PER_CHUNK, steps)
        time = {
            "units": STEP_TIME_UNITS,
            "calendar": "proleptic_gregorian",
            "standard_name": "time",
            "axis": "T",
        }
        _array(root, "time", "int64", ("time",), (steps * 12,), None, time)
        _array(
            root,
            "camera",
            "string",
            ("camera",),
            (_TABLE_ROWS,),
            None,
            {"cf_role": "timeseries_id", "long_name": "camera"},
        )
        for name, units, extra in (
            ("latitude", "degrees_north", {}),
            ("longitude", "degrees_east", {}),
            ("altitude", "m", {"positive": "up", "axis": "Z"}),
        ):
            about = {"standard_name": name, "units": units, "long_name": f"{name} of the camera", **extra}
            _array(root, name, "float64", ("camera",), (_TABLE_ROWS,), np.nan, about)
        for quantity in QUANTITIES:
            for name, attributes in quantity.attributes().items():
                flag = name == quantity.flag
                dtype, fill = ("int8", int(ValueFlag.NOT_OBSERVED)) if flag else ("float32", np.nan)
                _array(root, name, dtype, ("camera", "time"), grid, fill, attributes)
        for item in PROVENANCE:
            about = {**item.attributes, "coordinates": "latitude longitude altitude"}
            _array(root, item.name, item.dtype, ("camera", "time"), grid, item.fill_value, about)
        _array(
            root,
            "run_night",
            "string",
            ("run_index",),
            (_TABLE_ROWS,),
            None,
            {"long_name": "night of the run"},
        )
        _array(
            root,
            "run_code_version",
            "string",
            ("run_index",),
            (_TABLE_ROWS,),
            None,
            {"long_name": "code version"},
        )
        _digest_table(root, "run_configuration_digest", "run_index", "SHA-256 of the effective configuration")
        _array(root, "model_name", "string", ("model_index",), (_TABLE_ROWS,), None, {"long_name": "model"})
        _digest_table(root, "model_digest", "model_index", "SHA-256 of the model's weights")

    @staticmethod
    def _write_axes(root: zarr.Group, update: SeriesUpdate, old: int) -> None:
        root["time"].resize((old + len(update.times),))
        root["time"][old:] = update.times
        for name in ("camera", "latitude", "longitude", "altitude"):
            root[name].resize((len(update.cameras),))
        root["camera"][:] = np.array(update.cameras, dtype=object)
        for column, name in enumerate(("latitude", "longitude", "altitude")):
            root[name][:] = update.positions[:, column]


def _array(
    root: zarr.Group,
    name: str,
    dtype: str,
    dims: tuple[str, ...],
    chunks: tuple[int, ...],
    fill_value: Any,
    attributes: dict[str, object],
) -> None:
    """An empty array; ``_FillValue`` only for times and measurements, so that codes stay integers when opened."""
    about = dict(attributes)
    if fill_value is not None and (dtype.startswith("float") or "units" in attributes):
        about["_FillValue"] = _encoded_fill(dtype, fill_value)
    zarr_fill = {} if fill_value is None else {"fill_value": fill_value}
    root.create_array(
        name,
        shape=(0,) * len(chunks),
        chunks=chunks,
        dtype=dtype,
        dimension_names=dims,
        attributes=about,
        **zarr_fill,
    )


def _encoded_fill(dtype: str, value: Any) -> Any:
    """The form of ``_FillValue`` in Zarr v3 attributes."""
    from xarray.backends.zarr import FillValueCoder

    return FillValueCoder.encode(np.dtype(dtype).type(value), np.dtype(dtype))


def _digest_table(root: zarr.Group, name: str, dim: str, long_name: str) -> None:
    root.create_array(
        name,
        shape=(0, 32),
        chunks=(_TABLE_ROWS, 32),
        dtype="uint8",
        dimension_names=(dim, "digest"),
        attributes={"long_name": long_name},
    )


def _iso(seconds: int) -> str:
    return str(np.datetime64(int(seconds), "s")) + "Z"
