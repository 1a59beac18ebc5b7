"""How a satellite archive is laid out: arrays, chunks, CF attributes."""

from collections.abc import Sequence
from math import ceil, gcd
from typing import Any

import numpy as np
import zarr
from zarr.codecs import BloscCodec, BloscShuffle

from models.contracts.flags import SlotStatus, cf_flags
from models.contracts.slot_variable import SlotVariable
from models.science.slot_axis import SlotAxis
from tasks.stores.satellite_grid_mapping import axis_attributes, grid_mapping_attributes, grid_mapping_name
from tasks.stores.satellite_rows import SlotGrid

INNER_LINES, INNER_COLUMNS = 56, 52
"""Of one variable a chunk is 8 slots of so many pixels: a patch of a camera lies in one to four of them."""
CHANNEL_SLOTS, CHANNEL_LINES, CHANNEL_COLUMNS = 4, 120, 210
"""Of channels a chunk is at most so much, an object of its own: France is cut in four, and a patch is mostly in one or
two. Shards would save objects (there are some 100 a day and unit) and cost each patch the reading of their index."""
SHARD_BYTES = 96e6
"""A shard is a day of as large a part of the grid as this allows, uncompressed: what writing holds in memory."""
LEDGER_DAYS = 8
"""Days of ledger rows per chunk: a year is read in some 50 pieces, and a night rewrites little."""
PIXEL_TIME_STEP_S, PIXEL_TIME_FIRST_S, PIXEL_TIME_FILL = 0.1, -600.0, 65535

LEDGER: dict[str, tuple[str, Any, dict[str, Any]]] = {
    "status": (
        "uint8",
        int(SlotStatus.MISSING),
        {"long_name": "state of the product", **cf_flags(SlotStatus)},
    ),
    "source": ("string", "", {"long_name": "file, or glob of segments, relative to the source"}),
    "source_version": ("uint64", 0, {"long_name": "digest of size and modification time of the file"}),
    "parallax_corrected": ("uint8", 0, {"long_name": "1 where the producer corrected parallax"}),
    "lines_share": ("float32", 0.0, {"long_name": "share of the region's lines that came", "units": "1"}),
}
"""Arrays ``(time, product)``: dtype, fill value, attributes."""


def create_layout(
    root: zarr.Group,
    name: str,
    axis: SlotAxis,
    grid: SlotGrid,
    variables: Sequence[SlotVariable],
    *,
    pixel_times: bool = False,
) -> None:
    """Write the arrays of an empty archive.

    Args:
        root: Root group of the repository.
        name: Archive name.
        axis: Its slots.
        grid: Its pixels.
        variables: What it keeps.
        pixel_times: Scan times are of pixels, not of lines.
    """
    products = sorted({variable.product for variable in variables})
    arrays: dict[str, list[SlotVariable]] = {}
    for variable in variables:
        arrays.setdefault(variable.stored_in, []).append(variable)
    of_channels = len(products) > 1 and not pixel_times and any(v.channel_axis for v in variables)
    times = ["scan_offset_s", *(["channel_scan_offset_s"] if of_channels else [])]
    mapping = grid_mapping_name(grid)
    root.attrs.update(
        {
            "Conventions": "CF-1.11",
            "title": f"Satellite slots on grid {name}",
            "vigie_grid": name,
            "cadence_minutes": axis.cadence_minutes,
            "time_epoch": "2000-01-01",
            "variables": [variable.name for variable in variables],
            "arrays": [*arrays, *times],
            "stored_in": [variable.stored_in for variable in variables],
            "products": products,
            "grid_mapping": mapping,
            "arrivals": 0,
        }
    )
    _create_axes(root, grid, mapping)
    for array, held in arrays.items():
        _create_array(root, axis, grid, array, held, mapping)
    _create_times(root, axis, grid, len(products) if of_channels else 0, pixel_times)
    _create_ledger(root, axis, len(products))


def _create_times(root: zarr.Group, axis: SlotAxis, grid: SlotGrid, channels: int, pixel_times: bool) -> None:
    what = "pixel" if pixel_times else "line"
    attributes: dict[str, Any] = {
        "long_name": f"scan time of the {what} minus the slot's nominal time",
        "units": "s",
    }
    if pixel_times:
        offsets = _create_pixels(root, axis, "scan_offset_s", grid, "uint16", PIXEL_TIME_FILL)
        attributes |= {
            "scale_factor": PIXEL_TIME_STEP_S,
            "add_offset": PIXEL_TIME_FIRST_S,
            "_FillValue": PIXEL_TIME_FILL,
        }
    else:
        offsets = root.create_array(
            "scan_offset_s",
            shape=(0, grid.lines),
            chunks=(axis.slots_per_day, grid.lines),
            dtype="float32",
            fill_value=np.nan,
            dimension_names=("time", "y"),
        )
    offsets.attrs.update(attributes)
    if channels:
        own = root.create_array(
            "channel_scan_offset_s",
            shape=(0, grid.lines, channels),
            chunks=(axis.slots_per_day, grid.lines, channels),
            dtype="float32",
            fill_value=np.nan,
            dimension_names=("time", "y", "product"),
        )
        own.attrs.update({**attributes, "long_name": f"{attributes['long_name']}, per channel"})


def _create_axes(root: zarr.Group, grid: SlotGrid, mapping: str) -> None:
    for name, centres in (("y", grid.y), ("x", grid.x)):
        axis = root.create_array(
            name, shape=centres.shape, chunks=centres.shape, dtype="float64", dimension_names=(name,)
        )
        axis[:] = centres
        axis.attrs.update(axis_attributes(grid, name))
    array = root.create_array(mapping, shape=(), dtype="int32", fill_value=0, dimension_names=())
    array.attrs.update(grid_mapping_attributes(grid))


def _create_array(
    root: zarr.Group, axis: SlotAxis, grid: SlotGrid, name: str, held: Sequence[SlotVariable], mapping: str
) -> None:
    """An array of one variable, or of channels of one unit along a last axis."""
    first = held[0]
    channels = (first.channel_axis, len(held)) if first.channel_axis else None
    if first.channel_axis:
        names = np.array([variable.name for variable in held], dtype=object)
        channel = root.create_array(
            first.channel_axis,
            shape=names.shape,
            chunks=names.shape,
            dtype="string",
            fill_value="",
            dimension_names=(first.channel_axis,),
        )
        channel[:] = names
        channel.attrs.update({"long_name": "channel", "standard_name": "sensor_band_identifier"})
    array = _create_pixels(root, axis, name, grid, first.dtype, first.fill_value, channels)
    array.attrs.update(variable_attributes(first, mapping))


def _create_pixels(
    root: zarr.Group,
    axis: SlotAxis,
    name: str,
    grid: SlotGrid,
    dtype: str,
    fill_value: float,
    channels: tuple[str, int] | None = None,
) -> zarr.Array:
    """One variable in day shards; or channels, the name and length of their axis given, in plain chunks."""
    codec: Any
    if channels is None:
        per_pixel = axis.slots_per_day * np.dtype(dtype).itemsize
        chunks: tuple[int, ...] = (axis.chunk_slots, INNER_LINES, INNER_COLUMNS)
        shards: tuple[int, ...] | None = (axis.slots_per_day, *shard_pixels(grid.shape, per_pixel))
        codec = BloscCodec(cname="zstd", clevel=3, shuffle=BloscShuffle.shuffle)
    else:
        largest = (CHANNEL_LINES, CHANNEL_COLUMNS)
        pixels = (ceil(size / ceil(size / most)) for size, most in zip(grid.shape, largest, strict=True))
        chunks, shards = (gcd(CHANNEL_SLOTS, axis.slots_per_day), *pixels, channels[1]), None
        # Written once and read often: as small as zstd's third level, and several times faster to read.
        codec = BloscCodec(cname="lz4hc", clevel=9, shuffle=BloscShuffle.shuffle)
    last = () if channels is None else (channels,)
    return root.create_array(
        name,
        shape=(0, *grid.shape, *(size for _, size in last)),
        chunks=chunks,
        shards=shards,
        dtype=dtype,
        fill_value=fill_value if np.issubdtype(np.dtype(dtype), np.floating) else int(fill_value),
        compressors=codec,
        dimension_names=("time", "y", "x", *(axis_name for axis_name, _ in last)),
    )


def shard_pixels(shape: tuple[int, int], bytes_per_pixel: int) -> tuple[int, int]:
    """Lines and columns of a shard: the grid, halved along its longer side until a shard is small enough to hold.

    Args:
        shape: Lines and columns of the grid.
        bytes_per_pixel: Of a day.
    """
    inner = (INNER_LINES, INNER_COLUMNS)
    tiles = [ceil(size / one) for size, one in zip(shape, inner, strict=True)]
    while (
        tiles[0] * tiles[1] > 1 and tiles[0] * inner[0] * tiles[1] * inner[1] * bytes_per_pixel > SHARD_BYTES
    ):
        longer = int(tiles[1] * inner[1] >= tiles[0] * inner[0])
        longer = longer if tiles[longer] > 1 else 1 - longer
        tiles[longer] = ceil(tiles[longer] / 2)
    return tiles[0] * inner[0], tiles[1] * inner[1]


def variable_attributes(variable: SlotVariable, mapping: str) -> dict[str, Any]:
    """CF attributes. Flags are not masked on reading: "nothing here" is a flag value, so they stay integers."""
    attributes: dict[str, Any] = {
        "long_name": variable.long_name,
        "units": variable.units,
        "grid_mapping": mapping,
    }
    if not variable.channel_axis:
        attributes["product"] = variable.product
    if variable.standard_name:
        attributes["standard_name"] = variable.standard_name
    if variable.flag_masks:
        attributes["flag_masks"] = [*variable.flag_masks]
        attributes["flag_values"] = [*variable.flag_values]
        attributes["flag_meanings"] = variable.flag_meanings
    elif variable.is_flags:
        attributes["flag_values"] = [*variable.flag_values, int(variable.fill_value)]
        attributes["flag_meanings"] = f"{variable.flag_meanings} no_data"
    elif variable.scale_factor is not None:
        attributes["scale_factor"] = variable.scale_factor
        if (
            variable.add_offset or not variable.channel_axis
        ):  # without one, xarray decodes to single precision
            attributes["add_offset"] = variable.add_offset or 0.0
        attributes["_FillValue"] = int(variable.fill_value)
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
    sha256.attrs["long_name"] = "SHA-256 of the file; of packed values where a native file was read in place"
    for name, dtype, fill, long_name in (
        ("arrival", "int64", 0, "ingest batch that changed the slot last; 0 for none"),
        ("platform", "string", "", "satellite"),
    ):
        array = root.create_array(
            name, shape=(0,), chunks=(rows,), dtype=dtype, fill_value=fill, dimension_names=("time",)
        )
        array.attrs["long_name"] = long_name
