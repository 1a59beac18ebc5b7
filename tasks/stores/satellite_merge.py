"""How products of slots are laid into an archive's arrays, within one open transaction.

What is read back depends on the set of files that came, not on their order: of several files for one product of one
slot the best stays (complete before partial, more lines before fewer, not parallax-corrected before corrected, then
the smaller SHA-256). Segments of one slot are put together.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import zarr

from models.contracts.flags import Refusal, SlotStatus
from models.science.slot_axis import SlotAxis
from tasks.stores.satellite_joining import join
from tasks.stores.satellite_layout import LEDGER
from tasks.stores.satellite_placing import ledger_arrays, pixel_arrays, place
from tasks.stores.satellite_rows import ProductSlot, SatelliteFile, SlotRefusal

_HELD = (SlotStatus.OK, SlotStatus.PARTIAL)
_PER_SLOT = ("arrival", "platform")
_NEVER_BAD = (Refusal.DUPLICATE_SLOT, Refusal.INCOMPLETE_SLOT)  # something is there; something is yet to come
_OTHERS = (Refusal.OTHER_REGION, Refusal.OTHER_CADENCE)  # perhaps no files of this grid: they stretch no axis


@dataclass
class Merged:
    """Outcome of `merge`, as it builds up."""

    written: int = 0
    duplicates: int = 0
    refusals: list[SlotRefusal] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)


def merge(root: zarr.Group, axis: SlotAxis, slots: Iterable[tuple[int, ProductSlot]], arrival: int) -> Merged:
    """Write products, a day at a time.

    Args:
        root: Writable root group.
        axis: The archive's slots.
        slots: Places on the axis and what belongs there.
        arrival: Number that slots with new content get.
    """
    merged = Merged()
    by_day: dict[int, list[tuple[int, ProductSlot]]] = {}
    for index, slot in slots:
        by_day.setdefault(axis.day_of(index), []).append((index, slot))
    for day in sorted(by_day):
        start = day * axis.slots_per_day
        _grow(root, start + axis.slots_per_day)
        _merge_day(root, slice(start, start + axis.slots_per_day), by_day[day], arrival, merged)
    return merged


def mark_bad(root: zarr.Group, axis: SlotAxis, refusals: Sequence[SlotRefusal]) -> None:
    """Say BAD for products of which only an unusable file came."""
    products = list(root.attrs["products"])
    for refusal in refusals:
        index = axis.index(refusal.time) if refusal.time is not None else None
        columns = [products.index(name) for name in refusal.product.split() if name in products]
        if index is None or not columns or refusal.reason in _NEVER_BAD:
            continue
        first_day = axis.day_of(int(root.attrs.get("first_index", 0)))
        due = range(first_day * axis.slots_per_day, root["arrival"].shape[0])
        if refusal.reason in _OTHERS and index not in due:
            continue
        _grow(root, (axis.day_of(index) + 1) * axis.slots_per_day)
        for column in columns:
            if root["status"][index, column] == SlotStatus.MISSING:
                root["status"][index, column] = int(SlotStatus.BAD)
                root.attrs["first_index"] = min(int(root.attrs.get("first_index", index)), index)


def _grow(root: zarr.Group, slots: int) -> None:
    for name in (*pixel_arrays(root), *ledger_arrays(root, (*LEDGER, "sha256")), *_PER_SLOT):
        array = root[name]
        if array.shape[0] < slots:
            array.resize((slots, *array.shape[1:]))


def _merge_day(
    root: zarr.Group, day: slice, slots: Sequence[tuple[int, ProductSlot]], arrival: int, merged: Merged
) -> None:
    products = list(root.attrs["products"])
    ledger = {
        name: np.asarray(root[name][day]) for name in ledger_arrays(root, (*LEDGER, "sha256", *_PER_SLOT))
    }
    accepted: list[tuple[int, int, ProductSlot, bool]] = []
    changed = False
    for index, slot in sorted(slots, key=lambda pair: (pair[0], pair[1].product, _rank_of(pair[1]))):
        row, column = index - day.start, products.index(slot.product)
        if _more_segments(ledger, row, column, slot) and not any((row, column) == a[:2] for a in accepted):
            held = {name: ledger[name][row, column] for name in ("sha256", "lines_share")}
            joined = join(root, index, column, slot, held, _leads(ledger["status"][row], column))
            if joined is None:  # some left the source: nothing new, and nothing to read again
                changed = True
                ledger["source_version"][row, column] = slot.file.version
                continue
            slot = joined
        verdict = _judge(ledger, row, column, slot, merged)
        if verdict is None:
            continue
        changed = True
        _enter(ledger, row, column, slot)
        if verdict:  # new content, not merely another name of the same bytes
            accepted.append((row, column, slot, _leads(ledger["status"][row], column)))
            ledger["arrival"][row] = arrival
            ledger["platform"][row] = slot.platform
            merged.written += 1
            merged.touched.add(index)
    if accepted:
        place(root, day, accepted)
    if changed:
        for name, rows in ledger.items():
            root[name][day] = rows
        first = min(index for index, _ in slots)
        root.attrs["first_index"] = min(int(root.attrs.get("first_index", first)), first)


def _more_segments(ledger: Mapping[str, np.ndarray], row: int, column: int, slot: ProductSlot) -> bool:
    """Whether a product in part is of the same slot's segments as what is held."""
    return (
        "lines_share" in ledger
        and bool(ledger["status"][row, column] in _HELD)
        and str(ledger["source"][row, column]) == slot.file.name
        and not slot.file.uri
        and not slot.whole
        and bytes(ledger["sha256"][row, column]) != slot.sha256
    )


def _judge(
    ledger: Mapping[str, np.ndarray], row: int, column: int, slot: ProductSlot, merged: Merged
) -> bool | None:
    """Whether a product brings new content (True), only a better name for it (False), or stays out (None)."""
    if ledger["status"][row, column] not in _HELD:
        return True
    held = SatelliteFile(str(ledger["source"][row, column]), "", int(ledger["source_version"][row, column]))
    held_sha256 = bytes(ledger["sha256"][row, column])
    if held_sha256 == slot.sha256 and held.name == slot.file.name:
        if held.version == slot.file.version:
            merged.duplicates += 1
            return None
        return False
    share = ledger["lines_share"][row, column] if "lines_share" in ledger else 1.0
    held_rank = (
        ledger["status"][row, column] == SlotStatus.PARTIAL,
        -np.float32(share),
        bool(ledger["parallax_corrected"][row, column]),
        held_sha256,
        held.name,
    )
    stays = held_rank < _rank_of(slot)
    verdict = None if stays else held_sha256 != slot.sha256
    if held.name == slot.file.name and not slot.file.uri and not stays:
        return verdict  # more segments of the same slot came: nothing is refused for that
    loser, loser_sha256 = (slot.file, slot.sha256) if stays else (held, held_sha256)
    winner = held.name if stays else slot.file.name
    same = "the same bytes as" if held_sha256 == slot.sha256 else "another content than"
    detail = f"{same} {winner}, which is kept"
    merged.refusals.append(
        SlotRefusal(loser, loser_sha256, Refusal.DUPLICATE_SLOT, detail, slot.product, slot.time)
    )
    return verdict


def _rank_of(slot: ProductSlot) -> tuple[bool, np.float32, bool, bytes, str]:
    return not slot.whole, -np.float32(slot.lines_share), slot.parallax_corrected, slot.sha256, slot.file.name


def _leads(status: np.ndarray, column: int) -> bool:
    """Whether a product's scan times stand for the slot: those of the first product that is there do."""
    held = np.flatnonzero(np.isin(status, [int(code) for code in _HELD]))
    return bool(held[0] == column)


def _enter(ledger: Mapping[str, np.ndarray], row: int, column: int, slot: ProductSlot) -> None:
    ledger["status"][row, column] = int(SlotStatus.OK if slot.whole else SlotStatus.PARTIAL)
    ledger["source"][row, column] = slot.file.name
    ledger["source_version"][row, column] = slot.file.version
    ledger["parallax_corrected"][row, column] = int(slot.parallax_corrected)
    if "lines_share" in ledger:
        ledger["lines_share"][row, column] = slot.lines_share
    ledger["sha256"][row, column] = np.frombuffer(slot.sha256, dtype=np.uint8)
