"""The archive of one satellite grid: products on a regular axis of nominal times, each slot's state beside them."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import icechunk
import numpy as np
import pandas as pd
import xarray as xr
import zarr

from models.contracts.flags import Refusal, SlotStatus
from models.contracts.slots import SatelliteGridSettings
from models.science.slot_axis import SlotAxis
from tasks.stores.repository import (
    StoreNotFound,
    open_repository,
    reading,
    repository_exists,
    writer,
)
from tasks.stores.satellite_grid_mapping import GEOSTATIONARY, difference_in_words, grid_from_attributes
from tasks.stores.satellite_held import HeldSlots
from tasks.stores.satellite_layout import create_layout
from tasks.stores.satellite_merge import mark_bad, merge
from tasks.stores.satellite_placing import decoded_pixel_times
from tasks.stores.satellite_refusals import (
    known_pairs,
    read_refusals,
    record_refusals,
    refusals_view,
)
from tasks.stores.satellite_rows import ProductSlot, SlotGrid, SlotRefusal, WriteResult
from tasks.stores.satellite_settings import check_settings, keep_settings, last_settings, settings_digest


class SatelliteArchive:
    """Slots of one grid, in ``<root>/satellite/<grid>``.

    Args:
        root: Folder or ``s3://`` URI of the archives.
        grid: Name of the grid.
    """

    def __init__(self, root: str | Path, grid: str) -> None:
        self.uri = f"{str(root).rstrip('/')}/satellite/{grid}"
        self.name = grid

    @classmethod
    def at(cls, uri: str | Path) -> "SatelliteArchive":
        """The archive in a repository's own folder or URI, wherever that was moved to."""
        archive = cls("", "moved")
        archive.uri = str(uri).rstrip("/")
        archive.name = archive.uri.rsplit("/", 1)[-1]
        return archive

    def write_day(
        self,
        settings: SatelliteGridSettings,
        slots: Sequence[ProductSlot],
        refusals: Sequence[SlotRefusal],
        as_of: np.datetime64,
    ) -> WriteResult:
        """Store products and refusals in one commit; what is there already is not stored again.

        A slot that comes late rewrites its day. Products of several days may come together, at the cost of memory.

        Args:
            settings: What the archive keeps; fixes the layout at the first slot.
            slots: Products as read.
            refusals: Files that could not be read.
            as_of: UTC time of the run, kept with the refusals.

        Raises:
            StoreError: As `check` does.
        """
        message = f"{len(slots)} products, {len(refusals)} refusals"
        with writer(self.uri, "satellite", message) as session:
            root = zarr.open_group(session.store, mode="r+", zarr_format=3)
            if slots and "cadence_minutes" not in root.attrs:
                create_layout(
                    root,
                    self.name,
                    SlotAxis(settings.cadence_minutes),
                    slots[0].grid,
                    [settings.variable(name) for name in settings.variables],
                    pixel_times=slots[0].scan_offset_s.ndim == 2,
                )
            # A name of 2099 must not stretch the axis so far.
            due = [refusal for refusal in refusals if refusal.time is None or refusal.time <= as_of]
            result = self._write(root, settings, slots, due)
            every = [*refusals, *result.refusals]
            digest = settings_digest(settings)
            recorded = record_refusals(root, every, as_of, digest)
            if recorded or result.touched_slots:
                keep_settings(root, digest)
        self.__dict__.pop("_root", None)
        return replace(result, recorded=recorded)

    def check(self, settings: SatelliteGridSettings) -> None:
        """Stop before anything is read where the archive was made for other settings.

        Raises:
            StoreError: The archive was made for another region or cadence, or without one of the variables.
        """
        if repository_exists(self.uri) and "cadence_minutes" in self._root.attrs:
            check_settings(self._root, settings, self.uri)

    def known(self, settings: SatelliteGridSettings) -> set[tuple[str, int]]:
        """(source, source_version) of files that need not be read again under these settings."""
        if not repository_exists(self.uri):
            return set()
        return known_pairs(self._refusal_rows(), settings_digest(settings), self._held_slots())

    def refusals(self) -> pd.DataFrame:
        """Standing refusals, by source.

        Columns source, source_version, sha256 (hex), reason (name), detail, product, slot_time and as_of (ns).

        What was to be judged again, and was accepted since, is not among them.
        """
        settings = last_settings(self._root) if repository_exists(self.uri) else 0
        return refusals_view(self._refusal_rows(), settings, self._held_slots())

    def slots_since(self, arrival: int) -> pd.DataFrame:
        """Slots whose content changed after a batch.

        Args:
            arrival: Number of the last batch that is dealt with; 0 for all.

        Returns:
            ``time`` (ns), ``arrival`` and a `SlotStatus` code per product, by time.
        """
        if not self._has_slots:
            return pd.DataFrame({"time": np.empty(0, "datetime64[ns]"), "arrival": np.empty(0, np.int64)})
        arrivals, status = self._ledger("arrival"), self._ledger("status")
        newer = arrivals > arrival
        columns: dict[str, Any] = {"time": self.times[newer], "arrival": arrivals[newer]}
        for column, product in enumerate(self.products):
            columns[product] = status[newer, column]
        return pd.DataFrame(columns)

    def status(self) -> pd.DataFrame:
        """Ledger: a `SlotStatus` code per product, for every slot that is due in the days of the archive."""
        return pd.DataFrame(
            dict(zip(self.products, self._ledger("status").T, strict=True)),
            index=pd.DatetimeIndex(self.times, name="time"),
        )

    @property
    def last_arrival(self) -> int:
        """Number of the last batch that changed a slot; 0 for none."""
        return int(str(self._root.attrs.get("arrivals", 0))) if repository_exists(self.uri) else 0

    @property
    def grid(self) -> SlotGrid:
        """Where the pixels lie: a `GeosGrid`; a `DegreeGrid` for what was delivered on latitude and longitude."""
        self._require_slots()
        return grid_from_attributes(self._root[_mapping(self._root)].attrs)

    @property
    def axis(self) -> SlotAxis:
        """The archive's slots."""
        self._require_slots()
        return SlotAxis(int(str(self._root.attrs["cadence_minutes"])))

    @property
    def products(self) -> tuple[str, ...]:
        """Ledger columns."""
        self._require_slots()
        return tuple(self._root.attrs["products"])  # type: ignore[arg-type]

    @property
    def times(self) -> np.ndarray:
        """Nominal times of all slots due from the first day with data to the last, ns."""
        held = self._held
        return self.axis.times(held.start, held.stop)

    def slots_between(
        self, first: np.datetime64, last: np.datetime64, y: int, x: int | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Slots due from a day before ``first`` to a day after ``last``, as alignment wants them.

        Args:
            first: UTC.
            last: UTC.
            y: Line of the grid.
            x: Column, where scan times are of pixels (FCI); the middle one where absent.

        Returns:
            Nominal ``times`` (ns), ``scan_offset_s`` of the line (NaN where nothing came), and ``held``: whether any
            product is there, and of a slot that came in part this line.
        """
        due = self._held
        axis = self.axis
        wanted = [axis.floor(time) + days * axis.slots_per_day for time, days in ((first, -1), (last, 1))]
        rows = slice(max(due.start, wanted[0]), min(due.stop, wanted[1] + 1))
        if rows.start >= rows.stop:
            return np.empty(0, "datetime64[ns]"), np.empty(0), np.empty(0, bool)
        status = np.asarray(self._root["status"][rows])  # type: ignore[index]
        stored: Any = self._root["scan_offset_s"]
        if stored.ndim == 3:
            column = self.grid.columns // 2 if x is None else x
            offsets = decoded_pixel_times(np.asarray(stored[rows, y, column]))
        else:
            offsets = np.asarray(stored[rows, y])
        held = np.isin(status, [int(SlotStatus.OK), int(SlotStatus.PARTIAL)]).any(axis=1) & np.isfinite(
            offsets
        )
        return axis.times(rows.start, rows.stop), offsets, held

    def open(self) -> xr.Dataset:
        """All slots due in the days that the archive covers, lazily.

        Quantities are decoded, NaN where nothing is; flags stay integers, with a flag value for no data. ``status``
        says what a gap is.

        Raises:
            StoreNotFound: No archive, or no slot in it yet.
        """
        self._require_slots()
        session = _session(self.uri)
        times = [name for name in ("scan_offset_s", "channel_scan_offset_s") if name in self._root]
        dataset = xr.open_zarr(session.store, consolidated=False, zarr_format=3, chunks=None)
        return (
            dataset.isel(time=self._held)
            .assign_coords(
                time=("time", self.times, {"standard_name": "time", "long_name": "nominal time of the slot"}),
                product=(
                    "product",
                    np.array(self.products, dtype=object),
                    {"long_name": "satellite product"},
                ),
            )
            .set_coords([*times, _mapping(self._root)])
        )

    @cached_property
    def _root(self) -> zarr.Group:
        with reading(self.uri):
            return zarr.open_group(_session(self.uri).store, mode="r", zarr_format=3)

    @property
    def _has_slots(self) -> bool:
        return repository_exists(self.uri) and "first_index" in self._root.attrs

    def _require_slots(self) -> None:
        if not self._has_slots:
            raise StoreNotFound(f"{self.uri}: no slot here yet. Mend: check the path, or ingest first")

    @property
    def _held(self) -> slice:
        per_day = self.axis.slots_per_day
        first = int(str(self._root.attrs["first_index"])) // per_day * per_day
        return slice(first, self._root["arrival"].shape[0])  # type: ignore[union-attr]

    def _ledger(self, name: str) -> np.ndarray:
        with reading(self.uri):
            return np.asarray(self._root[name][self._held])  # type: ignore[index]

    def _held_slots(self) -> HeldSlots | None:
        if not self._has_slots:
            return None
        ledger = (self._ledger(name) for name in ("status", "source", "source_version"))
        return HeldSlots(self.axis, self._held.start, self.products, *ledger)

    def _refusal_rows(self) -> pd.DataFrame:
        return read_refusals(self._root if repository_exists(self.uri) else None)

    def _write(
        self,
        root: zarr.Group,
        settings: SatelliteGridSettings,
        slots: Sequence[ProductSlot],
        refusals: Sequence[SlotRefusal],
    ) -> WriteResult:
        if "cadence_minutes" not in root.attrs:  # nothing but refusals so far
            return WriteResult(0, 0, (), (), 0)
        check_settings(root, settings, self.uri)
        axis = SlotAxis(settings.cadence_minutes)
        grid = grid_from_attributes(root[_mapping(root)].attrs)
        placed: list[tuple[int, ProductSlot]] = []
        refused: list[SlotRefusal] = []
        for slot in slots:
            index = axis.index(slot.time)
            if index is None:
                refused.append(_refusal(slot, Refusal.OTHER_CADENCE, f"{slot.time} is off the time axis"))
            elif type(grid) is not type(slot.grid) or not grid.same_pixels(slot.grid):  # type: ignore[arg-type]
                refused.append(_refusal(slot, Refusal.OTHER_REGION, difference_in_words(slot.grid, grid)))
            else:
                placed.append((index, slot))
        arrival = int(str(root.attrs["arrivals"]))
        if (
            placed and "region" not in root.attrs
        ):  # older archives do not state it; these settings fit its pixels
            root.attrs["region"] = list(settings.region)
        merged = merge(root, axis, placed, arrival + 1)
        if merged.touched:
            arrival += 1
            root.attrs["arrivals"] = arrival
        mark_bad(root, axis, [*refusals, *refused])
        touched = tuple(axis.times(index, index + 1)[0] for index in sorted(merged.touched))
        return WriteResult(merged.written, merged.duplicates, (*refused, *merged.refusals), touched, arrival)


def open_satellite(uri: str) -> xr.Dataset:
    """`SatelliteArchive.open` by the archive's own URI."""
    return SatelliteArchive.at(uri).open()


def _mapping(root: zarr.Group) -> str:
    """Name of the grid mapping; older archives do not state it."""
    return str(root.attrs.get("grid_mapping", GEOSTATIONARY))


def _session(uri: str) -> icechunk.Session:
    with reading(uri):
        return open_repository(uri, "satellite").readonly_session("main")


def _refusal(slot: ProductSlot, reason: Refusal, detail: str) -> SlotRefusal:
    return SlotRefusal(slot.file, slot.sha256, reason, detail, slot.product, slot.time)
