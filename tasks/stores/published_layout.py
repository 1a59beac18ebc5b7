"""The arrays of a published series: names, dtypes, chunks and CF attributes, and how an older one is brought up."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import zarr

from models.contracts.cloud_labels import GENERA
from models.contracts.flags import ValueFlag
from models.contracts.series import (
    CONVENTIONS,
    PROVENANCE,
    QUANTITIES,
    SERIES_SCHEMA_VERSION,
    STEP_TIME_UNITS,
)
from models.contracts.sky_variables import GENUS_ATTRIBUTES, GENUS_PROBABILITY, SKY_VARIABLES

CAMERAS_PER_CHUNK = 50
DAYS_PER_CHUNK = 30
_TABLE_ROWS = 4096
GRIDS = (
    *(name for q in QUANTITIES for name in (q.name, q.uncertainty, q.flag)),
    *(p.name for p in (*PROVENANCE, *SKY_VARIABLES)),
    GENUS_PROBABILITY,
)
"""Variables of dimensions ``(camera, time)``; the last one has an axis of genera between them, where CF wants it."""
_FIXED = {"digest": 32, "genus": len(GENERA)}
"""Axes whose length never changes."""


@dataclass(frozen=True)
class _Array:
    """One array as stored; ``fill_value`` None: the dtype's own."""

    name: str
    dtype: str
    dims: tuple[str, ...]
    chunks: tuple[int, ...]
    fill_value: Any = None
    attributes: dict[str, object] = field(default_factory=dict)

    def about(self) -> dict[str, object]:
        """Attributes; ``_FillValue`` only for times and measurements, so that codes stay integers when opened."""
        filled = self.dtype.startswith("float") or "units" in self.attributes
        if self.fill_value is None or not filled:
            return self.attributes
        return {**self.attributes, "_FillValue": _encoded_fill(self.dtype, self.fill_value)}


def ensure_layout(root: zarr.Group, step_minutes: int) -> None:
    """Create the arrays that a series lacks, empty, and bring all attributes up to date.

    Args:
        root: Group of the series, new or of an older schema.
        step_minutes: Step of its time axis.
    """
    before = root.attrs.get("vigie_schema_version")
    history = "published night by night by vigie; run_night and run_code_version list the runs"
    if before is not None:
        history = f"{root.attrs['history']}; schema {before} became {SERIES_SCHEMA_VERSION}: new variables start there"
    root.attrs.update(
        {
            "Conventions": CONVENTIONS,
            "featureType": "timeSeries",
            "title": "Vigie: drift, water level and clouds from fixed cameras",
            "institution": "Vigie",
            "source": "fixed cameras and geostationary satellite products",
            "history": history,
            "vigie_schema_version": SERIES_SCHEMA_VERSION,
            "step_minutes": step_minutes,
        }
    )
    for array in _arrays(step_minutes):
        if array.name in root:
            root[array.name].attrs.update(array.about())
        else:
            _create(root, array)


def _arrays(step_minutes: int) -> Iterator[_Array]:
    steps = DAYS_PER_CHUNK * 1440 // step_minutes
    yield from _axes(steps)
    grid = ("camera", "time"), (CAMERAS_PER_CHUNK, steps)
    here = {"coordinates": "latitude longitude altitude"}
    for quantity in QUANTITIES:
        for name, attributes in quantity.attributes().items():
            flag = name == quantity.flag
            dtype, fill = ("int8", int(ValueFlag.NOT_OBSERVED)) if flag else ("float32", np.nan)
            yield _Array(name, dtype, *grid, fill, attributes)
    for item in (*PROVENANCE, *SKY_VARIABLES):
        yield _Array(item.name, item.dtype, *grid, item.fill_value, {**item.attributes, **here})
    by_genus = ("camera", "genus", "time"), (CAMERAS_PER_CHUNK, len(GENERA), steps)
    yield _Array(GENUS_PROBABILITY, "float32", *by_genus, np.nan, {**GENUS_ATTRIBUTES, **here})
    yield from _tables()


def _axes(steps: int) -> Iterator[_Array]:
    time = {
        "units": STEP_TIME_UNITS,
        "calendar": "proleptic_gregorian",
        "standard_name": "time",
        "axis": "T",
    }
    yield _Array("time", "int64", ("time",), (steps * 12,), None, time)
    genus: dict[str, object] = {"long_name": "genus of clouds, in the order of the codes of WMO 0500"}
    yield _Array("genus", "string", ("genus",), (len(GENERA),), None, genus)
    camera = {"cf_role": "timeseries_id", "long_name": "camera"}
    yield _Array("camera", "string", ("camera",), (_TABLE_ROWS,), None, camera)
    for name, units, extra in (
        ("latitude", "degrees_north", {}),
        ("longitude", "degrees_east", {}),
        ("altitude", "m", {"positive": "up", "axis": "Z"}),
    ):
        about = {"standard_name": name, "units": units, "long_name": f"{name} of the camera", **extra}
        yield _Array(name, "float64", ("camera",), (_TABLE_ROWS,), np.nan, about)


def _tables() -> Iterator[_Array]:
    for name, dim, long_name in (
        ("run_night", "run_index", "night of the run"),
        ("run_code_version", "run_index", "code version"),
        ("model_name", "model_index", "model"),
    ):
        yield _Array(name, "string", (dim,), (_TABLE_ROWS,), None, {"long_name": long_name})
    for name, dim, long_name in (
        ("run_configuration_digest", "run_index", "SHA-256 of the effective configuration"),
        (
            "model_digest",
            "model_index",
            "SHA-256 of the model's weights; of sky_model, of weights, configuration and calibration",
        ),
    ):
        about: dict[str, object] = {"long_name": long_name}
        yield _Array(name, "uint8", (dim, "digest"), (_TABLE_ROWS, 32), None, about)


def _create(root: zarr.Group, array: _Array) -> None:
    zarr_fill = {} if array.fill_value is None else {"fill_value": array.fill_value}
    root.create_array(
        array.name,
        shape=tuple(_FIXED.get(dim, 0) for dim in array.dims),
        chunks=array.chunks,
        dtype=array.dtype,
        dimension_names=array.dims,
        attributes=array.about(),
        **zarr_fill,
    )
    if array.name == "genus":
        root["genus"][:] = np.array(GENERA, dtype=object)


def _encoded_fill(dtype: str, value: Any) -> Any:
    """The form of ``_FillValue`` in Zarr v3 attributes."""
    from xarray.backends.zarr import FillValueCoder

    return FillValueCoder.encode(np.dtype(dtype).type(value), np.dtype(dtype))
