"""How a satellite archive is laid out: arrays, chunks, CF attributes."""

from math import ceil
from typing import Any

import numpy as np
import zarr
from zarr.codecs import BloscCodec, BloscShuffle

from models.contracts.flags import SlotStatus, cf_flags
from models.contracts.slots import SLOT_VARIABLES, SlotVariable
from models.science.geometry import GeosGrid
from models.science.slot_axis import SlotAxis

INNER_PIXELS = 64
LEDGER_DAYS = 8
"""Days of ledger rows per chunk: a year is read in some 50 pieces, and a night rewrites little."""

GRID_MAPPING = "geostationary"
LEDGER: dict[str, tuple[str, Any, dict[str, Any]]] = {
    "status": (
        "uint8",
        int(SlotStatus.MISSING),
        {"long_name": "state of the product", **cf_flags(SlotStatus)},
    ),
    "source": ("string", "", {"long_name": "file, relative to the source"}),
    "source_version": ("uint64", 0, {"long_name": "digest of size and modification time of the file"}),
    "parallax_corrected": ("uint8", 0, {"long_name": "1 where the producer corrected parallax"}),
}
"""Arrays ``(time, product)``: dtype, fill value, attributes."""


def create_layout(
    root: zarr.Group, name: str, axis: SlotAxis, grid: GeosGrid, variables: tuple[str, ...]
) -> None:
    """Write the arrays of an empty archive.

    Args:
        root: Root group of the repository.
        name: Archive name.
        axis: Its slots.
        grid: Its pixels.
        variables: Names of `SLOT_VARIABLES`.
    """
    products = sorted({SLOT_VARIABLES[v].product for v in variables})
    root.attrs.update(
        {
            "Conventions": "CF-1.11",
            "title": f"Satellite slots on grid {name}",
            "vigie_grid": name,
            "cadence_minutes": axis.cadence_minutes,
            "time_epoch": "2000-01-01",
            "variables": list(variables),
            "products": products,
            "arrivals": 0,
        }
    )
    _create_axes(root, grid)
    for variable in variables:
        _create_variable(root, axis, grid, SLOT_VARIABLES[variable])
    offsets = root.create_array(
        "scan_offset_s",
        shape=(0, grid.lines),
        chunks=(axis.slots_per_day, grid.lines),
        dtype="float32",
        fill_value=np.nan,
        dimension_names=("time", "y"),
    )
    offsets.attrs.update({"long_name": "scan time of the line minus the slot's nominal time", "units": "s"})
    _create_ledger(root, axis, len(products))


def _create_axes(root: zarr.Group, grid: GeosGrid) -> None:
    for name, centres in (("y", grid.y), ("x", grid.x)):
        axis = root.create_array(
            name, shape=centres.shape, chunks=centres.shape, dtype="float64", dimension_names=(name,)
        )
        axis[:] = centres
        axis.attrs.update(
            {
                "standard_name": f"projection_{name}_coordinate",
                "long_name": f"{name} on the projection plane, pixel centre",
                "units": "m",
            }
        )
    mapping = root.create_array(GRID_MAPPING, shape=(), dtype="int32", fill_value=0, dimension_names=())
    mapping.attrs.update(grid_mapping_attributes(grid))


def grid_mapping_attributes(grid: GeosGrid) -> dict[str, Any]:
    """CF grid mapping, with the corner and spacing that give the grid back exactly."""
    return {
        "grid_mapping_name": "geostationary",
        "long_name": "geostationary projection of the pixels",
        "longitude_of_projection_origin": grid.longitude_0_deg,
        "latitude_of_projection_origin": 0.0,
        "perspective_point_height": grid.height_m,
        "semi_major_axis": grid.semi_major_m,
        "semi_minor_axis": grid.semi_minor_m,
        "sweep_angle_axis": grid.sweep,
        "false_easting": 0.0,
        "false_northing": 0.0,
        "proj4": grid.proj4,
        "x_west_m": grid.x_west_m,
        "y_north_m": grid.y_north_m,
        "step_m": grid.step_m,
        "columns": grid.columns,
        "lines": grid.lines,
    }


def grid_from_attributes(attributes: Any) -> GeosGrid:
    """The grid that `grid_mapping_attributes` described."""
    return GeosGrid(
        x_west_m=float(attributes["x_west_m"]),
        y_north_m=float(attributes["y_north_m"]),
        step_m=float(attributes["step_m"]),
        columns=int(attributes["columns"]),
        lines=int(attributes["lines"]),
        longitude_0_deg=float(attributes["longitude_of_projection_origin"]),
        height_m=float(attributes["perspective_point_height"]),
        semi_major_m=float(attributes["semi_major_axis"]),
        semi_minor_m=float(attributes["semi_minor_axis"]),
        sweep=str(attributes["sweep_angle_axis"]),
    )


def _create_variable(root: zarr.Group, axis: SlotAxis, grid: GeosGrid, variable: SlotVariable) -> None:
    array = root.create_array(
        variable.name,
        shape=(0, *grid.shape),
        chunks=(axis.chunk_slots, INNER_PIXELS, INNER_PIXELS),
        shards=(axis.slots_per_day, *(ceil(size / INNER_PIXELS) * INNER_PIXELS for size in grid.shape)),
        dtype=variable.dtype,
        fill_value=variable.fill_value,
        compressors=BloscCodec(cname="zstd", clevel=3, shuffle=BloscShuffle.shuffle),
        dimension_names=("time", "y", "x"),
    )
    array.attrs.update(variable_attributes(variable))


def variable_attributes(variable: SlotVariable) -> dict[str, Any]:
    """CF attributes. Flags are not masked on reading: "nothing here" is a flag value, so they stay integers."""
    attributes: dict[str, Any] = {
        "long_name": variable.long_name,
        "units": variable.units,
        "grid_mapping": GRID_MAPPING,
        "product": variable.product,
    }
    if variable.standard_name:
        attributes["standard_name"] = variable.standard_name
    if variable.scale_factor is None:
        attributes["flag_values"] = [*variable.flag_values, variable.fill_value]
        attributes["flag_meanings"] = f"{variable.flag_meanings} no_data"
    else:
        attributes["scale_factor"] = variable.scale_factor
        attributes["add_offset"] = variable.add_offset or 0.0
        attributes["_FillValue"] = variable.fill_value
    return attributes


def _create_ledger(root: zarr.Group, axis: SlotAxis, products: int) -> None:
    rows = LEDGER_DAYS * axis.slots_per_day
    for name, (dtype, fill, attributes) in LEDGER.items():
        array = root.create_array(
            name,
            shape=(0, products),
            chunks=(rows, products),
            dtype=dtype,
            fill_value=fill,
            dimension_names=("time", "product"),
        )
        array.attrs.update(attributes)
    sha256 = root.create_array(
        "sha256",
        shape=(0, products, 32),
        chunks=(rows, products, 32),
        dtype="uint8",
        fill_value=0,
        dimension_names=("time", "product", "digest"),
    )
    sha256.attrs["long_name"] = "SHA-256 of the file"
    for name, dtype, fill, long_name in (
        ("arrival", "int64", 0, "ingest batch that changed the slot last; 0 for none"),
        ("platform", "string", "", "satellite"),
    ):
        array = root.create_array(
            name, shape=(0,), chunks=(rows,), dtype=dtype, fill_value=fill, dimension_names=("time",)
        )
        array.attrs["long_name"] = long_name
