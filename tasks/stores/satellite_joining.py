"""Segments of one slot that come in several runs: lines that are held, and lines that came."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import zarr

from tasks.stores.satellite_placing import decoded_pixel_times, places
from tasks.stores.satellite_rows import ProductSlot, combined_digest


def join(
    root: zarr.Group, index: int, column: int, slot: ProductSlot, ledger: Mapping[str, Any], leads: bool
) -> ProductSlot | None:
    """A product with the lines that the archive holds of the same slot; ``None`` where it brings no other.

    Of a line that both have, what came last stays.

    Args:
        root: Root group of the archive.
        index: Place on the time axis.
        column: Of the product in the ledger.
        slot: What came.
        ledger: ``sha256`` and ``lines_share`` of what is held.
        leads: The slot's scan times are those of this product.
    """
    where, values, fills = places(root), {}, {}
    for name in slot.values:
        stored: Any = root[where[name][0]]
        channel = where[name][1]
        values[name] = np.asarray(stored[index] if channel is None else stored[index, ..., channel])
        fills[name] = stored.fill_value
    offsets, own = _held_offsets(root, index, column)
    held = _lines(values, fills, offsets if own or leads else None)
    came = _lines(slot.values, fills, slot.scan_offset_s)
    if not (came & ~held).any():
        return None
    there = came[:, None]
    return replace(
        slot,
        values={name: np.where(there, slot.values[name], values[name]) for name in values},
        scan_offset_s=np.where(there if offsets.ndim == 2 else came, slot.scan_offset_s, offsets),
        sha256=combined_digest([bytes(ledger["sha256"]), slot.sha256]),
        lines_share=max(float((came | held).mean()), float(ledger["lines_share"]), slot.lines_share),
    )


def _held_offsets(root: zarr.Group, index: int, column: int) -> tuple[np.ndarray, bool]:
    """Scan times of a slot, and whether they are this product's own."""
    if "channel_scan_offset_s" in root:
        own: Any = root["channel_scan_offset_s"]
        return np.asarray(own[index, :, column]), True
    shared: Any = root["scan_offset_s"]
    stored = np.asarray(shared[index])
    return (decoded_pixel_times(stored) if stored.ndim == 2 else stored), False


def _lines(
    values: Mapping[str, np.ndarray], fills: Mapping[str, float], offsets: np.ndarray | None
) -> np.ndarray:
    """Lines of which anything is known, ``(lines,)``."""
    known = [~(np.isnan(v) if np.isnan(fills[name]) else v == fills[name]) for name, v in values.items()]
    there: np.ndarray = np.logical_or.reduce(known).any(axis=1)
    if offsets is not None:
        there = there | np.isfinite(offsets).reshape(len(there), -1).any(axis=1)
    return there
