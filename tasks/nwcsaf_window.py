"""NWC SAF GEO files by the window: only the region's rows are read from the file.

Values are those of satpy's ``nwcsaf-geo`` reader after its crop, bit for bit before packing: the same masks and the
same arithmetic in the same precision. Flags are not masked. Where the region lies, satpy says, once per grid.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import netCDF4
import numpy as np
from satpy.readers.nwcsaf_nc import PLATFORM_NAMES, read_nwcsaf_time

from models.contracts.flags import Refusal
from models.contracts.slots import SatelliteGridSettings, pack
from tasks.satellite_catalogue import reader_config
from tasks.satellite_copies import LocalCopy, private_copies
from tasks.satellite_refused import corrupt, not_geostationary, unusable
from tasks.satellite_satpy import READ_ERRORS, SatpyLoader
from tasks.satellite_sets import SlotFiles
from tasks.satellite_windows import grid_of, window_of
from tasks.scan_times import coverage_offsets
from tasks.stores.satellite_rows import Outcome, ProductSlot, SlotRefusal

_PLACE = (
    "gdal_projection",
    "gdal_xgeo_up_left",
    "gdal_ygeo_up_left",
    "gdal_xgeo_low_right",
    "gdal_ygeo_low_right",
)


class NwcsafReader:
    """Reads product files of NWC SAF GEO.

    Args:
        settings: Region and variables.
    """

    def __init__(self, settings: SatelliteGridSettings) -> None:
        self._settings = settings
        self._loader = SatpyLoader(reader_config(settings.reader), settings.variables)
        self._areas: dict[tuple[Any, ...], Any] = {}

    def read(self, files: SlotFiles) -> list[Outcome]:
        """See `tasks.satellite_files.SlotReader.read`."""
        (product,) = files.identities
        with private_copies(files.files) as (copy,):
            if (refusal := unusable(copy, (product,), files.time)) is not None:
                return [refusal]
            return [self._outcome(product, copy, files)]

    def _outcome(self, product: str, copy: LocalCopy, files: SlotFiles) -> Outcome:
        wanted = self._settings.products[product]

        def refused(reason: Refusal, words: str) -> SlotRefusal:
            return SlotRefusal(copy.file, copy.sha256, reason, words, product, files.time)

        try:
            stated = _stated(copy.path, wanted)
            if stated is None:
                return refused(Refusal.MISSING_VARIABLE, f"holds none of {', '.join(wanted)}")
            area = self._area(copy.path, stated)
        except READ_ERRORS as error:
            return corrupt(copy, (product,), files.time, error)
        if words := not_geostationary(area):
            return refused(Refusal.OTHER_REGION, words)
        window = window_of(area, self._settings.region)
        if isinstance(window, str):
            return refused(Refusal.OTHER_REGION, window)
        lines, columns, grid = window
        try:
            values = _values(copy.path, stated, lines, columns)
            offsets = coverage_offsets(stated.nominal, stated.header, grid_of(area))[lines]
        except READ_ERRORS as error:
            return corrupt(copy, (product,), files.time, error)
        return ProductSlot(
            time=stated.nominal,
            product=product,
            values={name: pack(self._settings.variable(name), data) for name, data in values.items()},
            absent=tuple(name for name in wanted if name not in values),
            scan_offset_s=offsets,
            platform=PLATFORM_NAMES.get(stated.satellite, stated.satellite),
            grid=grid,
            parallax_corrected=PurePosixPath(copy.file.name).stem.endswith("_PLAX"),
            file=copy.file,
            sha256=copy.sha256,
        )

    def _area(self, path: Path, stated: "_Stated") -> Any:
        """Area of a file, as satpy makes it of its header; remembered per header."""
        key = (*(str(stated.header[attribute]) for attribute in _PLACE), stated.shape)
        if key not in self._areas:
            loaded, _ = self._loader.load([path], [stated.present[0]])
            self._areas[key] = loaded[stated.present[0]].attrs["area"]
        return self._areas[key]


@dataclass(frozen=True)
class _Stated:
    """What a file says of itself."""

    header: Mapping[str, Any]
    present: tuple[str, ...]
    shape: tuple[int, ...]
    nominal: np.datetime64
    satellite: str


def _stated(path: Path, wanted: Sequence[str]) -> _Stated | None:
    with netCDF4.Dataset(path) as content:
        present = tuple(name for name in wanted if name in content.variables)
        header = {name: content.getncattr(name) for name in content.ncattrs()}
        if not present:
            return None
        shape = content[present[0]].shape[-2:]
        present = tuple(name for name in present if content[name].shape[-2:] == shape)
    time = header.get("nominal_product_time", header.get("time_coverage_start"))
    if time is None:
        raise ValueError("states neither nominal_product_time nor time_coverage_start")
    nominal = np.datetime64(read_nwcsaf_time(time), "ns")
    return _Stated(header, present, shape, nominal, str(header["satellite_identifier"]))


def _values(path: Path, stated: _Stated, lines: slice, columns: slice) -> dict[str, np.ndarray]:
    with netCDF4.Dataset(path) as content:
        content.set_auto_maskandscale(False)
        return {name: window_values(content[name], lines, columns) for name in stated.present}


def window_values(variable: netCDF4.Variable, lines: slice, columns: slice) -> np.ndarray:
    """A window of one variable in physical units, ``(lines, columns)``; flags as they are stored.

    Args:
        variable: Of an open file, not scaled by the library.
        lines: Rows to read.
        columns: Columns to read.
    """
    raw = variable[0, lines, columns] if variable.ndim == 3 else variable[lines, columns]
    has = set(variable.ncattrs())
    scale = variable.getncattr("scale_factor") if "scale_factor" in has else np.array(1, raw.dtype)
    offset = variable.getncattr("add_offset") if "add_offset" in has else np.array(0, raw.dtype)
    if not np.issubdtype((scale + offset).dtype, np.floating) and not np.issubdtype(raw.dtype, np.floating):
        return np.asarray(raw * scale + offset)
    valid = np.ones(raw.shape, dtype=bool)
    if "_FillValue" in has:
        valid &= raw != variable.getncattr("_FillValue")
    first, last = variable.getncattr("valid_range") if "valid_range" in has else (None, None)
    last = variable.getncattr("valid_max") if "valid_max" in has and last is None else last
    first = variable.getncattr("valid_min") if "valid_min" in has and first is None else first
    if last is not None:
        valid &= raw <= last
    if first is not None:
        valid &= raw >= first
    wide = np.float32 if raw.dtype.itemsize <= 2 or raw.dtype == np.float32 else np.float64
    return np.asarray(np.where(valid, raw.astype(wide), wide(np.nan)) * scale + offset)
