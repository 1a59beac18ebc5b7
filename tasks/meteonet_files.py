"""Cloud type of the MeteoNet data set: one netCDF file with many slots, on latitude and longitude.

Source: meteofrance.github.io/meteonet, satellite data. Classes 1 to 15 are those of NWC SAF, 0 is no data. Slots that
are not in the file are gaps.
"""

import re
from collections.abc import Collection, Iterable
from pathlib import Path, PurePosixPath

import numpy as np
import xarray as xr

from models.contracts.flags import Refusal
from models.contracts.slots import SLOT_VARIABLES, SatelliteGridSettings
from models.science.degree_grid import DegreeGrid
from models.science.geometry import MSG_NORTH_REGION
from tasks.satellite_copies import LocalCopy, private_copies
from tasks.satellite_refused import corrupt, unusable
from tasks.satellite_satpy import READ_ERRORS
from tasks.satellite_sets import FileIdentity, SlotFiles
from tasks.scan_times import seviri_line_offsets
from tasks.stores.satellite_rows import Outcome, ProductSlot, SatelliteFile, SlotRefusal

_NAME = re.compile(r"CT_(NW|SE)_\d{4}\.nc")
_NO_DATA = 0
_PRODUCT = "CT"


class MeteonetReader:
    """Reads MeteoNet's cloud type files.

    Args:
        settings: Region; the part of it that the file covers is kept.
    """

    def __init__(self, settings: SatelliteGridSettings) -> None:
        self._settings = settings

    def identify(self, name: str) -> FileIdentity | None:
        """What a file name states; ``None`` where the file is none of ours."""
        if not _NAME.fullmatch(PurePosixPath(name).name):
            return None
        return FileIdentity((_PRODUCT,), None, label=name)

    def sets(self, files: Iterable[SatelliteFile], known: Collection[tuple[str, int]]) -> list[SlotFiles]:
        """Files that need reading, each by itself."""
        return [
            SlotFiles(None, (file,), ((_PRODUCT,),), (None,), (), 0, {_PRODUCT: file})
            for file in sorted(files, key=lambda file: file.name)
            if self.identify(file.name) and (file.name, file.version) not in known
        ]

    def read(self, files: SlotFiles) -> list[Outcome]:
        """All slots of a file; see `tasks.satellite_files.SlotReader.read`."""
        with private_copies(files.files) as (copy,):
            if (refusal := unusable(copy, (_PRODUCT,), None)) is not None:
                return [refusal]
            try:
                times, latitude, longitude = _axes(copy.path)
            except READ_ERRORS as error:
                return [corrupt(copy, (_PRODUCT,), None, error)]
            window = _window(latitude, longitude, self._settings.region)
            if window is None:
                words = f"the file does not touch {self._settings.region}"
                return [SlotRefusal(copy.file, copy.sha256, Refusal.OTHER_REGION, words, _PRODUCT)]
            lines, columns, grid = window
            try:
                with xr.open_dataset(copy.path, engine="netcdf4", mask_and_scale=False) as content:
                    classes = content["CT"].isel(lat=lines, lon=columns).values
            except READ_ERRORS as error:
                return [corrupt(copy, (_PRODUCT,), None, error)]
            return _slots(times, classes, grid, copy)


def _axes(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    with xr.open_dataset(path, engine="netcdf4", mask_and_scale=False) as content:
        times = content["time"].values.astype("datetime64[ns]")
        latitude, longitude = content["lat"].values, content["lon"].values
    if latitude.size < 2 or longitude.size < 2:
        raise ValueError("fewer than two latitudes or longitudes: the step is not known")
    return times, latitude, longitude


def _window(
    latitude: np.ndarray, longitude: np.ndarray, region: tuple[float, float, float, float]
) -> tuple[slice, slice, DegreeGrid] | None:
    """The pixels whose centres lie in the region; latitudes run from the north."""
    lon_min, lat_min, lon_max, lat_max = region
    step_lat, step_lon = -float(np.diff(latitude).mean()), float(np.diff(longitude).mean())
    grid = DegreeGrid(
        float(longitude[0]) - step_lon / 2,
        float(latitude[0]) + step_lat / 2,
        step_lon,
        step_lat,
        longitude.size,
        latitude.size,
    )
    rows = np.flatnonzero((latitude >= lat_min) & (latitude <= lat_max))
    across = np.flatnonzero((longitude >= lon_min) & (longitude <= lon_max))
    if not rows.size or not across.size:
        return None
    lines, columns = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(across[0]), int(across[-1]) + 1)
    return lines, columns, grid.window(lines, columns)


def _slots(times: np.ndarray, classes: np.ndarray, grid: DegreeGrid, copy: LocalCopy) -> list[Outcome]:
    fill = SLOT_VARIABLES["ct"].fill_value
    _, y = MSG_NORTH_REGION.to_plane(grid.y, np.full(grid.lines, grid.x.mean()))
    offsets = seviri_line_offsets(y, MSG_NORTH_REGION.step_m)  # the file states no times of its own
    return [
        ProductSlot(
            time=time,
            product=_PRODUCT,
            values={"ct": np.where(picture == _NO_DATA, fill, picture).astype("u1")},
            absent=(),
            scan_offset_s=offsets,
            platform="Meteosat",
            grid=grid,
            parallax_corrected=False,
            file=copy.file,
            sha256=copy.sha256,
        )
        for time, picture in zip(times, classes, strict=True)
    ]
