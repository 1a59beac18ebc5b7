"""Writes the pixels of accepted products into a day of an archive's arrays, one object at a time."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import zarr

from tasks.stores.satellite_layout import PIXEL_TIME_FILL, PIXEL_TIME_FIRST_S, PIXEL_TIME_STEP_S
from tasks.stores.satellite_rows import ProductSlot

Accepted = Sequence[tuple[int, int, ProductSlot, bool]]
"""Row of the day, ledger column, product, and whether its scan times stand for the slot; later ones win."""


def ledger_arrays(root: zarr.Group, wanted: Sequence[str]) -> list[str]:
    """Those of the ledger's arrays that an archive has: older ones have fewer."""
    return [name for name in wanted if name in root]


def pixel_arrays(root: zarr.Group) -> list[str]:
    """Arrays that grow with time, besides the ledger."""
    older = [*root.attrs["variables"], "scan_offset_s"]
    return list(root.attrs.get("arrays", older))


def places(root: zarr.Group) -> dict[str, tuple[str, int | None]]:
    """Per variable, the array that holds it and its place along the array's channels."""
    names = list(root.attrs["variables"])
    found: dict[str, tuple[str, int | None]] = {}
    channels: Counter[str] = Counter()
    for name, array in zip(names, root.attrs.get("stored_in", names), strict=True):
        found[name] = (array, None if array == name else channels[array])
        channels[array] += 1
    return found


def place(root: zarr.Group, day: slice, accepted: Accepted) -> None:
    """Write pixels and scan times of a day; what is there of other slots and channels stays."""
    where = places(root)
    by_array: dict[str, list[tuple[int, int | None, np.ndarray | None]]] = {}
    for row, _, slot, _ in accepted:
        for name, values in slot.values.items():
            array, channel = where[name]
            by_array.setdefault(array, []).append((row, channel, values))
        for name in slot.absent:  # of a better, though partial, file: what the earlier one said goes
            if name in where:
                by_array.setdefault(where[name][0], []).append((row, where[name][1], None))
    for name, rows in by_array.items():
        _write(root[name], day, rows)
    _place_times(root, day, accepted)


def _write(array: Any, day: slice, rows: Sequence[tuple[int, int | None, np.ndarray | None]]) -> None:
    together = (array.shards or array.chunks)[0]
    for first in sorted({row // together * together for row, _, _ in rows}):
        own = [(row - first, *rest) for row, *rest in rows if first <= row < first + together]
        slots = slice(day.start + first, min(day.start + first + together, day.stop))
        for lines, columns in _tiles(array):
            block = np.asarray(array[slots, lines, columns])
            for row, channel, values in own:
                pixels = array.fill_value if values is None else values[lines, columns]
                block[(row, ..., channel) if channel is not None else row] = pixels
            array[slots, lines, columns] = block


def _tiles(array: Any) -> Iterator[tuple[slice, slice]]:
    """Lines and columns of each object."""
    _, lines, columns = (array.shards or array.chunks)[:3]
    for top in range(0, array.shape[1], lines):
        for left in range(0, array.shape[2], columns):
            yield (
                slice(top, min(top + lines, array.shape[1])),
                slice(left, min(left + columns, array.shape[2])),
            )


def _place_times(root: zarr.Group, day: slice, accepted: Accepted) -> None:
    offsets: Any = root["scan_offset_s"]
    if offsets.ndim == 3:
        rows = [
            (row, None, packed_pixel_times(slot.scan_offset_s)) for row, _, slot, leads in accepted if leads
        ]
        if rows:
            _write(offsets, day, rows)
        return
    block = np.asarray(offsets[day])
    if "channel_scan_offset_s" in root:
        own: Any = root["channel_scan_offset_s"]
        channels = np.asarray(own[day])
        for row, column, slot, _ in accepted:
            channels[row, :, column] = slot.scan_offset_s
            block[row] = _first_known(channels[row])
        own[day] = channels
    else:
        for row, _, slot, leads in accepted:
            if leads:
                block[row] = slot.scan_offset_s
    offsets[day] = block


def _first_known(offsets: np.ndarray) -> np.ndarray:
    """Per line, the scan time of the first channel that has one, ``(lines,)`` of ``(lines, channels)``."""
    first = np.isfinite(offsets).argmax(axis=1)
    taken: np.ndarray = np.take_along_axis(offsets, first[:, None], axis=1)[:, 0]
    return taken


def packed_pixel_times(offsets_s: np.ndarray) -> np.ndarray:
    """Scan times of pixels as stored, to 0.1 s."""
    counts = np.rint((offsets_s.astype(np.float64) - PIXEL_TIME_FIRST_S) / PIXEL_TIME_STEP_S)
    fits = np.isfinite(counts) & (counts >= 0) & (counts < PIXEL_TIME_FILL)
    return np.where(fits, counts, PIXEL_TIME_FILL).astype(np.uint16)


def decoded_pixel_times(counts: np.ndarray) -> np.ndarray:
    """The inverse of `packed_pixel_times`; NaN where nothing is."""
    seconds = counts.astype(np.float64) * PIXEL_TIME_STEP_S + PIXEL_TIME_FIRST_S
    return np.where(counts == PIXEL_TIME_FILL, np.nan, seconds)
