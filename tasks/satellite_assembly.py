"""Any satpy reader: load lazily what covers the region, place every segment's lines, say what is lacking.

Values are satpy's own after ``Scene.load`` and ``Scene.crop``, before packing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import dask
import numpy as np
import xarray as xr

from models.contracts.flags import Refusal
from models.contracts.slot_variable import empty
from models.contracts.slots import SatelliteGridSettings, pack
from models.science.geometry import GeosGrid
from models.science.slot_axis import SlotAxis
from tasks.satellite_copies import LocalCopy, private_copies
from tasks.satellite_refused import NO_HEADER, corrupt, incomplete, not_geostationary, unusable
from tasks.satellite_satpy import READ_ERRORS, SatpyLoader
from tasks.satellite_sets import SlotFiles
from tasks.satellite_windows import grid_of, whole_disk, window_of
from tasks.scan_times import coverage_offsets, line_offsets, nominal_time, pixel_offsets
from tasks.stores.satellite_rows import (
    JUDGED_AGAIN,
    Outcome,
    ProductSlot,
    SlotRefusal,
    combined_digest,
    without,
)


@dataclass
class _Product:
    """One product of a slot as its pieces come in."""

    grid: GeosGrid
    time: np.datetime64
    platform: str
    values: dict[str, np.ndarray]
    there: np.ndarray
    offsets: np.ndarray
    digests: list[bytes] = field(default_factory=list)


@dataclass(frozen=True)
class _Piece:
    """A part of the region's lines: one dataset's own lines and columns, and where they go."""

    data: xr.DataArray
    source: tuple[slice, slice]
    lines: slice
    grid: GeosGrid


class GenericReader:
    """Reads through satpy, one segment at a time.

    Args:
        settings: Reader, region, variables.
        config: satpy's description of the reader.
    """

    def __init__(self, settings: SatelliteGridSettings, config: dict[str, Any]) -> None:
        self._settings = settings
        self._loader = SatpyLoader(config, settings.variables)

    def read(self, files: SlotFiles) -> list[Outcome]:
        """See `tasks.satellite_files.SlotReader.read`."""
        if len(files.headers) < files.headers_due:
            return [*incomplete(files, NO_HEADER)]
        with private_copies([*files.headers, *files.files]) as copies:
            headers, parts = copies[: len(files.headers)], copies[len(files.headers) :]
            outcomes = self._unusable_headers(files, headers)
            if outcomes:
                return [*outcomes, *incomplete(files, "its prologue or epilogue cannot be read")]
            reading = _Reading(self._settings, self._loader, files, headers)
            reading.take(parts)
            return reading.outcomes()

    def _unusable_headers(self, files: SlotFiles, headers: Sequence[LocalCopy]) -> list[Outcome]:
        found: list[Outcome] = []
        for copy in headers:
            refusal = unusable(copy, (), files.time)
            if refusal is None:
                try:
                    self._loader.check([copy.path])
                except READ_ERRORS as error:
                    refusal = corrupt(copy, (), files.time, error)
            if refusal is not None:
                found.append(refusal)
        return found


class _Reading:
    """One slot, as its files are read."""

    def __init__(
        self,
        settings: SatelliteGridSettings,
        loader: SatpyLoader,
        files: SlotFiles,
        headers: Sequence[LocalCopy],
    ) -> None:
        self._settings, self._loader = settings, loader
        self._files, self._headers = files, headers
        self._products: dict[str, _Product] = {}
        self._refusals: list[SlotRefusal] = []
        self._blamed: set[str] = set()
        self._unread: dict[str, list[str]] = {}

    def take(self, parts: Sequence[LocalCopy]) -> None:
        """Read all files, those of one segment together."""
        segments: dict[int | None, list[tuple[LocalCopy, tuple[str, ...]]]] = {}
        for copy, products, segment in zip(parts, self._files.products, self._files.segments, strict=True):
            refusal = unusable(copy, products, self._files.time)
            if refusal is None:
                segments.setdefault(segment, []).append((copy, products))
            else:
                self._blame(refusal, products)
        for segment, members in segments.items():
            if len(members) > 1 and self._load(segment, members) is None:
                continue
            for member in members:
                if (error := self._load(segment, [member])) is not None:
                    self._blame(corrupt(*member, self._files.time, error), member[1])

    def outcomes(self) -> list[Outcome]:
        """What the slot has become."""
        found: list[Outcome] = list(self._refusals)
        for product, source in self._files.identities.items():
            wanted = self._settings.products[product]
            state = self._products.get(product)
            if state is not None:
                found.append(self._finished(product, state))
            elif product not in self._blamed:
                digest = combined_digest([copy.sha256 for copy in self._headers])
                detail = f"holds none of {', '.join(wanted)}"
                found.append(
                    SlotRefusal(source, digest, Refusal.MISSING_VARIABLE, detail, product, self._files.time)
                )
        return found

    def _finished(self, product: str, state: _Product) -> ProductSlot:
        alone = self._files.alone
        return ProductSlot(
            time=state.time,
            product=product,
            values=state.values,
            absent=tuple(v for v in self._settings.products[product] if v not in state.values),
            scan_offset_s=state.offsets,
            platform=state.platform,
            grid=state.grid,
            parallax_corrected=PurePosixPath(self._files.files[0].name).stem.endswith("_PLAX"),
            # A slot without what could not be read for now is not the slot of all that is listed: it is read again.
            file=without(self._files.identities[product], self._unread.get(product, ())),
            sha256=state.digests[0] if alone else combined_digest(state.digests),
            lines_share=float(state.there.mean()),
        )

    def _blame(self, refusal: SlotRefusal, products: Sequence[str]) -> None:
        self._refusals.append(refusal)
        self._blamed.update(products)
        if refusal.reason in JUDGED_AGAIN:
            for product in products:
                self._unread.setdefault(product, []).append(refusal.file.name)

    def _load(
        self, segment: int | None, members: Sequence[tuple[LocalCopy, tuple[str, ...]]]
    ) -> BaseException | None:
        """Read files of one segment into the products; what went wrong, if anything, and then nothing was placed."""
        copies = {product: copy for copy, products in members for product in products}
        names = [name for product in copies for name in self._settings.products[product]]
        paths = [copy.path for copy in (*self._headers, *(copy for copy, _ in members))]
        clock = self._loader.clock(names[0])
        try:
            loaded, header = self._loader.load(paths, [*names, clock] if clock else names)
        except READ_ERRORS as error:
            return error
        if segment is not None and len(members) > 1 and not set(names) <= set(loaded):
            return RuntimeError(
                "a dataset could not be loaded"
            )  # which file is at fault, each tells by itself
        pieces: dict[str, _Piece] = {}
        for name in sorted(loaded):
            piece = self._piece(loaded[name], segment)
            if isinstance(piece, _Piece):
                pieces[name] = piece
            elif isinstance(piece, str):
                self._outside(members, piece)
                return None
        try:
            with np.errstate(all="ignore"):  # satpy takes logarithms of pixels in space
                computed = dask.compute(
                    *(p.data.isel(y=p.source[0], x=p.source[1]) for p in pieces.values()),
                    scheduler="synchronous",  # HDF5 is not thread-safe, and the work is in processes already
                )
        except READ_ERRORS as error:
            return error
        values = {name: one.values for name, one in zip(pieces, computed, strict=True)}
        pixel_times = values.pop(clock, None) if clock else None
        for product, copy in copies.items():
            self._place(product, copy, pieces, values, pixel_times, header)
        return None

    def _piece(self, data: xr.DataArray, segment: int | None) -> _Piece | str | None:
        """Where a dataset's lines go; why nowhere, or ``None`` for a segment beside the region."""
        area, first = data.attrs.get("area"), 0
        if words := not_geostationary(area):
            return words
        if segment is not None:
            area, first = whole_disk(area)
        window = window_of(area, self._settings.region)
        if isinstance(window, str):
            return window
        lines, columns, grid = window
        top, bottom = max(lines.start, first), min(lines.stop, first + data.sizes["y"])
        if top >= bottom:
            return None
        own = slice(top - first, bottom - first)
        return _Piece(data, (own, columns), slice(top - lines.start, bottom - lines.start), grid)

    def _outside(self, members: Sequence[tuple[LocalCopy, tuple[str, ...]]], words: str) -> None:
        for copy, products in members:
            kind = " ".join(products)
            refusal = SlotRefusal(copy.file, copy.sha256, Refusal.OTHER_REGION, words, kind, self._files.time)
            self._blame(refusal, products)

    def _place(
        self,
        product: str,
        copy: LocalCopy,
        pieces: Mapping[str, _Piece],
        values: Mapping[str, np.ndarray],
        pixel_times: np.ndarray | None,
        header: Mapping[str, Any],
    ) -> None:
        names = [name for name in self._settings.products[product] if name in values]
        if not names:
            return
        piece = pieces[names[0]]
        nominal = self._nominal(piece.data)
        if (state := self._products.get(product)) is None:
            shape = piece.grid.shape if pixel_times is not None else piece.grid.shape[:1]
            state = self._products[product] = _Product(
                grid=piece.grid,
                time=nominal,
                platform=str(piece.data.attrs["platform_name"]),
                values={name: empty(self._settings.variable(name), piece.grid.shape) for name in names},
                there=np.zeros(piece.grid.lines, dtype=bool),
                offsets=np.full(shape, np.nan, dtype=np.float32),
            )
        for name in names:
            if name in state.values and pieces[name].grid.same_pixels(state.grid):
                state.values[name][piece.lines] = pack(self._settings.variable(name), values[name])
        state.there[piece.lines] = True
        state.digests.append(copy.sha256)
        if pixel_times is not None:
            state.offsets[piece.lines] = pixel_offsets(pixel_times, nominal)
        elif "time_coverage_start" in header or self._settings.reader == "nwcsaf-geo":
            area = grid_of(piece.data.attrs["area"])
            state.offsets[piece.lines] = coverage_offsets(nominal, header, area)[piece.source[0]]
        else:
            state.offsets[piece.lines] = line_offsets(piece.data, nominal, self._settings.reader)[
                piece.source[0]
            ]

    def _nominal(self, data: xr.DataArray) -> np.datetime64:
        """The nominal time: satpy's, or where it only knows the start of sensing, the slot that this lies in."""
        if (stated := nominal_time(data)) is not None:
            return stated
        start = np.datetime64(data.attrs["start_time"], "ns")
        if self._settings.reader == "nwcsaf-geo":
            return start
        axis = SlotAxis(self._settings.cadence_minutes)
        index = axis.floor(start)
        return axis.times(index, index + 1)[0]
