"""Which pixels of a source grid the region is: by satpy's own crop, once per grid."""

from functools import lru_cache
from typing import Any

import numpy as np
import xarray as xr
from pyresample.geometry import AreaDefinition
from satpy import Scene

from models.science.geometry import GeosGrid

Region = tuple[float, float, float, float]
_BOUNDARY_POINTS = 25
# satpy's own crop leaves out up to two pixels of a box in degrees; a file so cropped must be accepted.
_MARGIN_PIXELS = 4
_SEGMENT_MARGIN_M = 20e3  # a few pixels: the crop rounds outwards
_DISK_M = {"seviri": 5568748.3, "fci": 5568000.0}  # from the disk's centre to its outermost line
_SERVICES_DEG = (0.0, 9.5, 41.5, 45.5)  # full disk, rapid scan, and the two places over the Indian Ocean


_known: dict[tuple[int, Region], tuple[slice, slice, GeosGrid] | str] = {}


def window_of(area: Any, region: Region) -> tuple[slice, slice, GeosGrid] | str:
    """`crop_window`, worked out once per process: it costs as much as reading a slot."""
    key = hash(area), region
    if key not in _known:
        _known[key] = crop_window(area, region)
    return _known[key]


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


def crop_window(area: Any, region: Region) -> tuple[slice, slice, GeosGrid] | str:
    """Lines, columns and grid that satpy's crop leaves of an area, or why it leaves nothing of use."""
    grid = grid_of(area)
    if not covers(grid, region):
        return f"the file does not cover {region} (lon_min, lat_min, lon_max, lat_max): {_reach(grid)}"
    scene = Scene()
    for name, numbers, axis in (("line", grid.lines, 0), ("column", grid.columns, 1)):
        along = np.arange(numbers)[:, None] if axis == 0 else np.arange(numbers)[None, :]
        whole = np.broadcast_to(along, grid.shape)  # a view: a full disk of numbers would be 1 GB
        scene[name] = xr.DataArray(whole, dims=("y", "x"), attrs={"area": area})
    cropped = scene.crop(ll_bbox=region)
    lines, columns = (
        slice(int(cropped[name].values[0, 0]), int(cropped[name].values[-1, -1]) + 1)
        for name in ("line", "column")
    )
    return lines, columns, grid.window(lines, columns)


def whole_disk(area: Any) -> tuple[Any, int]:
    """The disk that a segment of full width is part of, and the segment's first line in it.

    A crop of it names the same pixels whichever segments came. Such disks have as many lines as columns.
    """
    west, south, east, north = area.area_extent
    step = float(area.pixel_size_y)
    above = max(0, round((-west - north) / step))
    below = max(0, round((south + east) / step))
    edges = (west, south - below * step, east, north + above * step)
    extent = tuple(round(float(edge), 3) for edge in edges)  # to the millimetre, the same for all segments
    height = int(area.height) + above + below
    disk = AreaDefinition(
        area.area_id, area.description, area.proj_id, area.crs, int(area.width), height, extent
    )
    return disk, above


def _reach(grid: GeosGrid) -> str:
    """Where a grid lies, in words; space is left out."""
    x, y = np.meshgrid(
        np.linspace(grid.x_west_m, grid.x_east_m, _BOUNDARY_POINTS),
        np.linspace(grid.y_south_m, grid.y_north_m, _BOUNDARY_POINTS),
    )
    lat, lon = grid.to_position(x, y)
    on_earth = np.isfinite(lat) & np.isfinite(lon)
    if not on_earth.any():
        return "it shows space"
    east = (
        lon[on_earth] - grid.longitude_0_deg + 180
    ) % 360 - 180  # of the satellite: no jump within the disk
    west_east = ((edge + grid.longitude_0_deg + 180) % 360 - 180 for edge in (east.min(), east.max()))
    longitudes = " to ".join(f"{edge:.1f}" for edge in west_east)
    return f"it lies in longitudes {longitudes}, latitudes {lat[on_earth].min():.1f} to {lat[on_earth].max():.1f}"


@lru_cache(maxsize=32)
def covering_segments(region: Region, segments: int, instrument: str) -> frozenset[int]:
    """Numbers of the segments, from 1 in the south, that the region may lie in.

    The longitude below the satellite is not known from a file's name: all services of the instrument are allowed for.

    Args:
        region: Degrees.
        segments: In a disk.
        instrument: ``seviri`` or ``fci``; of any other all segments are taken.
    """
    every = frozenset(range(1, segments + 1))
    if instrument not in _DISK_M:
        return every
    reach, numbers = _DISK_M[instrument], set()
    lon, lat = _boundary(region)
    for longitude in _SERVICES_DEG if instrument == "seviri" else _SERVICES_DEG[:2]:
        _, y = GeosGrid(-reach, reach, 1.0, 1, 1, longitude).to_plane(lat, lon)
        if not np.isfinite(y).all():
            continue
        south, north = y.min() - _SEGMENT_MARGIN_M, y.max() + _SEGMENT_MARGIN_M
        first, last = (int((edge + reach) / (2 * reach) * segments) + 1 for edge in (south, north))
        numbers.update(range(max(1, first), min(segments, last) + 1))
    return frozenset(numbers) or every


def _boundary(region: Region) -> tuple[np.ndarray, np.ndarray]:
    """Longitudes and latitudes of points around a region."""
    lon_min, lat_min, lon_max, lat_max = region
    along_lon, along_lat = (
        np.linspace(a, b, _BOUNDARY_POINTS) for a, b in ((lon_min, lon_max), (lat_min, lat_max))
    )
    west, east = np.full(_BOUNDARY_POINTS, lon_min), np.full(_BOUNDARY_POINTS, lon_max)
    south, north = np.full(_BOUNDARY_POINTS, lat_min), np.full(_BOUNDARY_POINTS, lat_max)
    lon = np.concatenate([along_lon, along_lon, west, east])
    return lon, np.concatenate([south, north, along_lat, along_lat])


def covers(grid: GeosGrid, region: Region) -> bool:
    """Whether the whole boundary of the region lies in the grid, within a few pixels."""
    lon, lat = _boundary(region)
    x, y = grid.to_plane(lat, lon)
    margin = _MARGIN_PIXELS * grid.step_m
    inside = (x > grid.x_west_m - margin) & (x < grid.x_east_m + margin)
    return bool((inside & (y > grid.y_south_m - margin) & (y < grid.y_north_m + margin)).all())
