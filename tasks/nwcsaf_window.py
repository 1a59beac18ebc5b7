"""NWC SAF GEO files by the window: only the region's rows are read from the file.

Values are those of satpy's ``nwcsaf-geo`` reader after its crop, bit for bit before packing: the same masks and the
same arithmetic in the same precision. Flags are not masked. Where the region lies, satpy says, once per grid.
"""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import netCDF4
import numpy as np
from satpy.readers.nwcsaf_nc import PLATFORM_NAMES, read_nwcsaf_time

from models.contracts.flags import Refusal
from models.contracts.slots import SatelliteGridSettings, pack
from models.science.geometry import GeosGrid
from tasks.satellite_catalogue import reader_config
from tasks.satellite_copies import LocalCopy, private_copies
from tasks.satellite_refused import corrupt, unusable
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
        self._places: dict[tuple[Any, ...], tuple[Any, GeosGrid]] = {}

    def read(self, files: SlotFiles) -> list[Outcome]:
        """See `tasks.satellite_files.SlotReader.read`."""
        (product,) = files.identities
        with private_copies(files.files) as (copy,):
            if (refusal := unusable(copy, (product,), files.time)) is not None:
                return [refusal]
            try:
                return [self._product(product, copy, files)]
            except READ_ERRORS as error:
                return [corrupt(copy, (product,), files.time, error)]

    def _product(self, product: str, copy: LocalCopy, files: SlotFiles) -> Outcome:
        wanted = self._settings.products[product]
        with netCDF4.Dataset(copy.path) as content:
            content.set_auto_maskandscale(False)
            present = [name for name in wanted if name in content.variables]
            header = {name: content.getncattr(name) for name in content.ncattrs()}
            if not present:
                words = f"holds none of {', '.join(wanted)}"
                return SlotRefusal(
                    copy.file, copy.sha256, Refusal.MISSING_VARIABLE, words, product, files.time
                )
            shape = content[present[0]].shape[-2:]
            area, whole = self._place(copy.path, present[0], header, shape)
            window = window_of(area, self._settings.region)
            if isinstance(window, str):
                return SlotRefusal(copy.file, copy.sha256, Refusal.OTHER_REGION, window, product, files.time)
            lines, columns, grid = window
            values = {
                name: window_values(content[name], lines, columns)
                for name in present
                if content[name].shape[-2:] == shape
            }
        stated = header.get("nominal_product_time", header.get("time_coverage_start"))
        if stated is None:
            raise ValueError("states neither nominal_product_time nor time_coverage_start")
        nominal = np.datetime64(read_nwcsaf_time(stated), "ns")
        satellite = str(header["satellite_identifier"])
        return ProductSlot(
            time=nominal,
            product=product,
            values={name: pack(self._settings.variable(name), data) for name, data in values.items()},
            absent=tuple(name for name in wanted if name not in values),
            scan_offset_s=coverage_offsets(nominal, header, whole)[lines],
            platform=PLATFORM_NAMES.get(satellite, satellite),
            grid=grid,
            parallax_corrected=PurePosixPath(copy.file.name).stem.endswith("_PLAX"),
            file=copy.file,
            sha256=copy.sha256,
        )

    def _place(
        self, path: Path, name: str, header: Mapping[str, Any], shape: tuple[int, ...]
    ) -> tuple[Any, GeosGrid]:
        """Area and grid of a file, as satpy makes them of its header; remembered per header."""
        key = (*(str(header[attribute]) for attribute in _PLACE), shape)
        if key not in self._places:
            loaded, _ = self._loader.load([path], [name])
            area = loaded[name].attrs["area"]
            self._places[key] = area, grid_of(area)
        return self._places[key]


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
