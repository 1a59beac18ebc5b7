"""Satellite files: read through satpy, cropped to the region, refused with a reason.

One file holds one product of one slot. A slot is known by its *nominal* time; every line keeps its own scan time.
"""

import hashlib
import logging
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import xarray as xr
from satpy import Scene
from satpy.readers.core.config import configs_for_reader
from satpy.readers.core.yaml_reader import load_yaml_configs

from models.contracts.flags import Refusal
from models.contracts.slots import SLOT_VARIABLES, SatelliteGridSettings, pack
from models.science.geometry import GeosGrid
from tasks.errors import ConfigurationError, StoreError
from tasks.satellite_sources import read_file
from tasks.stores.satellite_rows import ProductSlot, SatelliteFile, SlotRefusal
from tasks.zip_members import DamagedFile

SECONDS_PER_LINE = 0.2  # SEVIRI
_BOUNDARY_POINTS = 25
# satpy's own crop leaves out up to two pixels of a box in degrees; a file so cropped must be accepted.
_MARGIN_PIXELS = 4

# What satpy and the libraries below it raise on a damaged file; anything else is a fault of ours.
_READ_ERRORS = (OSError, RuntimeError, ValueError, KeyError, AttributeError)


class SlotReader:
    """Reads files of one grid through satpy.

    Args:
        settings: Reader, region, variables.

    Raises:
        ConfigurationError: satpy has no such reader, or it knows none of the variables.
    """

    def __init__(self, settings: SatelliteGridSettings) -> None:
        self._settings = settings
        try:
            self._config = load_yaml_configs(*next(iter(configs_for_reader(settings.reader))))
        except (ValueError, FileNotFoundError, StopIteration) as error:
            raise ConfigurationError(
                "vigie.toml",
                None,
                f"satellite.{settings.name}.reader = {settings.reader!r} is not a satpy reader",
                "take a name of `satpy.available_readers()`, such as nwcsaf-geo",
            ) from error
        # satpy considers every dataset of the reader for every file: with only ours it is twice as fast.
        wanted = [d for d in self._config["datasets"].values() if d["name"] in settings.variables]
        self._config["datasets"] = {dataset["name"]: dataset for dataset in wanted}
        self._products = _products_of_file_types(self._config["datasets"])
        self._names = self._new_reader()
        self._windows: dict[int, tuple[slice, slice, GeosGrid] | str] = {}

    def identify(self, name: str) -> tuple[str, np.datetime64 | None] | None:
        """Product and nominal time that a file name states; ``None`` where the file is none of ours."""
        last = PurePosixPath(name).name
        for file_type, product in self._products.items():
            info = self._config["file_types"][file_type]
            for _, fields in self._names.filename_items_for_filetype([last], info):
                start = fields.get("start_time")
                return product, None if start is None else np.datetime64(start, "ns")
        return None

    def read(self, file: SatelliteFile) -> ProductSlot | SlotRefusal:
        """Read one file that `identify` knows.

        Returns:
            The cropped product, or why there is none: ``FILE_CORRUPT``, ``OTHER_REGION``, ``MISSING_VARIABLE``,
            ``EMPTY_FILE``, ``UNREADABLE_SOURCE``.
        """
        product, time = self.identify(file.name) or ("", None)
        with _private_copy(file) as (path, data, problem):
            digest = hashlib.sha256(data).digest() if data else bytes(32)

            def refuse(reason: Refusal, detail: str) -> SlotRefusal:
                return SlotRefusal(file, digest, reason, detail, product, time)

            if problem:
                damaged = isinstance(problem, DamagedFile)
                reason = Refusal.FILE_CORRUPT if damaged else Refusal.UNREADABLE_SOURCE
                return refuse(reason, f"{type(problem).__name__}: {problem}")
            if not data:
                return refuse(Refusal.EMPTY_FILE, "0 bytes")
            try:
                with _without_ancillary_warnings():
                    datasets, header = self._open(path)
                    if not datasets:
                        wanted = ", ".join(self._settings.products[product])
                        return refuse(Refusal.MISSING_VARIABLE, f"holds none of {wanted}")
                    return self._cropped(file, digest, product, datasets, header, refuse)
            except _READ_ERRORS as error:
                words = f"{type(error).__name__}: {error}".replace(str(path), file.name)
                return refuse(Refusal.FILE_CORRUPT, words[:300])

    def _new_reader(self) -> Any:
        return self._config["reader"]["reader"](self._config)

    def _open(self, path: Path) -> tuple[dict[str, xr.DataArray], Mapping[str, Any]]:
        """Lazy datasets that the file holds, and its global attributes."""
        reader = self._new_reader()
        (handler,) = (h for found in reader.create_filehandlers([str(path)]).values() for h in found)
        contents: xr.Dataset | None = getattr(handler, "nc", None)
        names = [identity["name"] for identity in reader.available_dataset_ids]
        if contents is not None:
            names = [name for name in names if name in contents]
        loaded = reader.load(names) if names else {}
        header = dict(contents.attrs) if contents is not None else {}
        return {identity["name"]: data for identity, data in loaded.items()}, header

    def _cropped(
        self,
        file: SatelliteFile,
        digest: bytes,
        product: str,
        datasets: Mapping[str, xr.DataArray],
        header: Mapping[str, Any],
        refuse: Any,
    ) -> ProductSlot | SlotRefusal:
        first = next(iter(datasets.values()))
        window = self._window(first)
        if isinstance(window, str):
            return refuse(Refusal.OTHER_REGION, window)
        lines, columns, grid = window
        nominal = np.datetime64(first.attrs["start_time"], "ns")
        return ProductSlot(
            time=nominal,
            product=product,
            values={
                name: pack(SLOT_VARIABLES[name], data.isel(y=lines, x=columns).values)
                for name, data in sorted(datasets.items())
            },
            absent=tuple(v for v in self._settings.products[product] if v not in datasets),
            scan_offset_s=_scan_offsets(nominal, header, grid_of(first.attrs["area"]))[lines],
            platform=str(first.attrs["platform_name"]),
            grid=grid,
            parallax_corrected=PurePosixPath(file.name).stem.endswith("_PLAX"),
            file=file,
            sha256=digest,
        )

    def _window(self, data: xr.DataArray) -> tuple[slice, slice, GeosGrid] | str:
        """Slices of the region, worked out by satpy's own crop once per source grid, or why there are none."""
        area = data.attrs["area"]
        if (key := hash(area)) not in self._windows:
            self._windows[key] = _crop_window(area, self._settings.region)
        return self._windows[key]


def grid_of(area: Any) -> GeosGrid:
    """Our grid of a pyresample area definition.

    Raises:
        ValueError: Not a geostationary projection with square pixels.
    """
    mapping = area.crs.to_cf()
    if mapping.get("grid_mapping_name") != "geostationary":
        raise ValueError(f"projection {mapping.get('grid_mapping_name')} is not geostationary")
    west, _south, _east, north = area.area_extent
    if abs(area.pixel_size_x / area.pixel_size_y - 1) > 1e-4:
        raise ValueError(f"pixels of {area.pixel_size_x} by {area.pixel_size_y} m are not square")
    return GeosGrid(
        x_west_m=float(west),
        y_north_m=float(north),
        step_m=float(area.pixel_size_x),
        columns=int(area.width),
        lines=int(area.height),
        longitude_0_deg=float(mapping["longitude_of_projection_origin"]),
        height_m=float(mapping["perspective_point_height"]),
        semi_major_m=float(mapping["semi_major_axis"]),
        semi_minor_m=float(mapping["semi_minor_axis"]),
        sweep=str(mapping["sweep_angle_axis"]),
    )


def _crop_window(area: Any, region: tuple[float, float, float, float]) -> tuple[slice, slice, GeosGrid] | str:
    grid = grid_of(area)
    if not _covers(grid, region):
        return f"the file does not cover {region} (lon_min, lat_min, lon_max, lat_max)"
    numbers = np.arange(grid.lines * grid.columns).reshape(grid.shape)
    scene = Scene()
    scene["pixel"] = xr.DataArray(numbers, dims=("y", "x"), attrs={"area": area})
    cropped = scene.crop(ll_bbox=region)["pixel"].values
    (line, column), (last_line, last_column) = (divmod(int(n), grid.columns) for n in cropped.flat[[0, -1]])
    lines, columns = slice(line, last_line + 1), slice(column, last_column + 1)
    return lines, columns, grid.window(lines, columns)


def _covers(grid: GeosGrid, region: tuple[float, float, float, float]) -> bool:
    """Whether the whole boundary of the region lies in the grid, within a few pixels."""
    lon_min, lat_min, lon_max, lat_max = region
    along_lon, along_lat = (
        np.linspace(a, b, _BOUNDARY_POINTS) for a, b in ((lon_min, lon_max), (lat_min, lat_max))
    )
    lon = np.concatenate(
        [along_lon, along_lon, np.full(_BOUNDARY_POINTS, lon_min), np.full(_BOUNDARY_POINTS, lon_max)]
    )
    lat = np.concatenate(
        [np.full(_BOUNDARY_POINTS, lat_min), np.full(_BOUNDARY_POINTS, lat_max), along_lat, along_lat]
    )
    x, y = grid.to_plane(lat, lon)
    margin = _MARGIN_PIXELS * grid.step_m
    inside = (x > grid.x_west_m - margin) & (x < grid.x_east_m + margin)
    return bool((inside & (y > grid.y_south_m - margin) & (y < grid.y_north_m + margin)).all())


def _scan_offsets(nominal: np.datetime64, header: Mapping[str, Any], grid: GeosGrid) -> np.ndarray:
    """Seconds from the nominal time to the scan of every line of the file's full region, ``(lines,)``.

    The file states when its southern and its northern edge were scanned. Where it does not: SEVIRI's 0.2 s per line.
    """
    try:
        south, north = (
            (np.datetime64(str(header[key]).rstrip("Z"), "ns") - nominal) / np.timedelta64(1, "s")
            for key in ("time_coverage_start", "time_coverage_end")
        )
    except (KeyError, ValueError):
        south, north = (
            (edge / grid.step_m + 1855.5) * SECONDS_PER_LINE for edge in (grid.y_south_m, grid.y_north_m)
        )
    from_north = (np.arange(grid.lines) + 0.5) / grid.lines
    return (north + (south - north) * from_north).astype(np.float32)


def _products_of_file_types(datasets: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    products: dict[str, str] = {}
    for name, dataset in datasets.items():
        types = dataset["file_type"]
        for file_type in types if isinstance(types, list) else [types]:
            products[file_type] = SLOT_VARIABLES[name].product
    return products


@contextmanager
def _private_copy(file: SatelliteFile) -> Iterator[tuple[Path, bytes, OSError | None]]:
    """A copy for satpy, its content, and what went wrong.

    A copy even of a local file: what is read is what was hashed, though it be replaced meanwhile. satpy also leaves
    files open, and HDF5 would give the old content of one that is delivered again under its name.
    """
    try:
        data = read_file(file)
    except OSError as error:
        yield Path(), b"", error
        return
    with tempfile.TemporaryDirectory(prefix="vigie-") as folder:
        copy = Path(folder) / PurePosixPath(file.name).name
        try:
            copy.write_bytes(data)
        except (
            OSError
        ) as error:  # the fault is this machine's: the file is not refused, and the next run reads it
            raise StoreError(f"{folder}: {error.strerror or error}") from error
        yield copy, data, None


@contextmanager
def _without_ancillary_warnings() -> Iterator[None]:
    """Silence satpy where it misses ancillary datasets that were not asked for."""
    logger = logging.getLogger("satpy.readers.core.yaml_reader")

    def keep(record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith("Can't load ancillary")

    logger.addFilter(keep)
    try:
        yield
    finally:
        logger.removeFilter(keep)
