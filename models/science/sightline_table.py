"""Pixels of a satellite grid that show what stands above a camera, or along its line of sight, by height.

A table takes 0.2 ms, so it is computed where it is needed and kept nowhere.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.science.degree_grid import DegreeGrid
from models.science.geometry import FloatArray, GeosGrid
from models.science.parallax import apparent_plane, satellite_angles
from models.science.sightline import destination, sightline_distance_km

NO_PIXEL = -1
HEIGHTS_M: FloatArray = np.arange(0.0, 14_001.0, 500.0)
"""Heights above the camera, up to the tropopause of a European summer."""
TOLERANCE_M = 500.0
"""How far a cloud top may be from the height at which it is looked for: one step of `HEIGHTS_M`."""

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Viewpoint:
    """Where a camera stands and looks.

    Attributes:
        latitude: Degrees north.
        longitude: Degrees east.
        altitude_m: Above the sea.
        azimuth_deg: Clockwise from north; ``None`` where nobody noted it.
        elevation_deg: Above the horizontal.
    """

    latitude: float
    longitude: float
    altitude_m: float = 0.0
    azimuth_deg: float | None = None
    elevation_deg: float = 0.0


@dataclass(frozen=True)
class SightTable:
    """One row per height above the camera.

    Attributes:
        height_m: Above the camera, rising.
        altitude_m: Above the sea.
        distance_km: From the camera along the ground; NaN where the ray does not reach this height.
        latitude: Degrees north, of the point at that height.
        longitude: Degrees east.
        line: Of the pixel that shows the point (parallax), -1 where none does.
        column: Likewise.
        true_line: Of the pixel on the ground below the point, for products that are parallax-corrected already.
        true_column: Likewise.
        visible: Whether the grid shows the point.
        satellite_zenith_deg: At the point, NaN where the satellite does not see it.
        satellite_azimuth_deg: Clockwise from north.
    """

    height_m: FloatArray
    altitude_m: FloatArray
    distance_km: FloatArray
    latitude: FloatArray
    longitude: FloatArray
    line: IntArray
    column: IntArray
    true_line: IntArray
    true_column: IntArray
    visible: npt.NDArray[np.bool_]
    satellite_zenith_deg: FloatArray
    satellite_azimuth_deg: FloatArray

    def pixels(self, parallax_corrected: bool = False) -> tuple[IntArray, IntArray]:
        """``line, column`` by height: where things appear, or where they are in a product that was corrected."""
        return (self.true_line, self.true_column) if parallax_corrected else (self.line, self.column)


def overhead_table(
    grid: GeosGrid | DegreeGrid, camera: Viewpoint, heights_m: npt.ArrayLike = HEIGHTS_M
) -> SightTable:
    """The column of air above a camera.

    Args:
        grid: Of the satellite.
        camera: Its position.
        heights_m: Above the camera, rising.
    """
    heights = np.asarray(heights_m, np.float64)
    return _table(grid, camera, heights, np.zeros_like(heights), camera.azimuth_deg or 0.0)


def sightline_table(
    grid: GeosGrid | DegreeGrid, camera: Viewpoint, heights_m: npt.ArrayLike = HEIGHTS_M
) -> SightTable:
    """The points at which a camera's line of sight reaches each height.

    Args:
        grid: Of the satellite.
        camera: Its position and direction.
        heights_m: Above the camera, rising.

    Raises:
        ValueError: Nobody noted where the camera looks.
    """
    if camera.azimuth_deg is None:
        raise ValueError("a camera without azimuth_deg has no line of sight; take the column above it")
    heights = np.asarray(heights_m, np.float64)
    distance = sightline_distance_km(camera.elevation_deg, heights, camera.altitude_m)
    return _table(grid, camera, heights, distance, camera.azimuth_deg)


def pick_height(
    table: SightTable,
    altitude_at: Callable[[IntArray, IntArray], FloatArray],
    *,
    default_height_m: float,
    parallax_corrected: bool = False,
    tolerance_m: float = TOLERANCE_M,
) -> IntArray:
    """Row of a table where a slot's cloud tops agree with the height at which they are looked for.

    A height holds a cloud where the pixel that would show a cloud of this height shows one of about this height. Of
    several the lowest is taken, which is the nearest along the line of sight: it hides those behind it. Heights next
    to each other that all agree are one cloud; of these the best counts.

    Args:
        table: Of the camera.
        altitude_at: Cloud top altitudes above the sea, m, at lines and columns ``(heights,)``: ``(..., heights)``, NaN
            where there is no cloud. Such as ``lambda line, column: ctth_alti[..., line, column]``.
        default_height_m: Height taken where none agrees.
        parallax_corrected: The product shows clouds where they are (``_PLAX``).
        tolerance_m: Largest distance between the two heights.

    Returns:
        Row numbers ``(...)``.
    """
    line, column = table.pixels(parallax_corrected)
    held = (line != NO_PIXEL) & np.isfinite(table.distance_km)
    tops = altitude_at(np.where(held, line, 0), np.where(held, column, 0))
    gap = np.abs(tops - table.altitude_m)
    agrees = held & (gap <= tolerance_m)  # NaN never does
    begun = np.cumsum(agrees, axis=-1) > 0
    ended = np.cumsum(begun & ~agrees, axis=-1) > 0
    best = np.argmin(np.where(agrees & ~ended, gap, np.inf), axis=-1)
    default = int(np.argmin(np.abs(table.height_m - default_height_m)))
    return np.asarray(np.where(agrees.any(axis=-1), best, default), np.int64)


def _table(
    grid: GeosGrid | DegreeGrid,
    camera: Viewpoint,
    heights: FloatArray,
    distance_km: FloatArray,
    azimuth_deg: float,
) -> SightTable:
    altitude = camera.altitude_m + heights
    latitude, longitude = destination(camera.latitude, camera.longitude, azimuth_deg, distance_km)
    if isinstance(grid, DegreeGrid):  # who put it on latitude and longitude decided where clouds are
        line, column = true_line, true_column = _pixels_in_degrees(grid, latitude, longitude)
        zenith = azimuth = np.full(heights.shape, np.nan)
    else:
        line, column = _pixels(grid, *apparent_plane(grid, latitude, longitude, altitude))
        true_line, true_column = _pixels(grid, *grid.to_plane(latitude, longitude))
        zenith, azimuth = satellite_angles(grid, latitude, longitude, altitude)
    return SightTable(
        height_m=heights,
        altitude_m=altitude,
        distance_km=distance_km,
        latitude=latitude,
        longitude=longitude,
        line=line,
        column=column,
        true_line=true_line,
        true_column=true_column,
        visible=line != NO_PIXEL,
        satellite_zenith_deg=zenith,
        satellite_azimuth_deg=azimuth,
    )


def _pixels_in_degrees(
    grid: DegreeGrid, latitude: FloatArray, longitude: FloatArray
) -> tuple[IntArray, IntArray]:
    found = [grid.pixel_at(*place) or (NO_PIXEL, NO_PIXEL) for place in zip(latitude, longitude, strict=True)]
    lines, columns = np.array(found, np.int64).reshape(-1, 2).T
    return lines, columns


def _pixels(grid: GeosGrid, x_m: FloatArray, y_m: FloatArray) -> tuple[IntArray, IntArray]:
    columns, lines = (x_m - grid.x_west_m) / grid.step_m, (grid.y_north_m - y_m) / grid.step_m
    inside = (columns >= 0) & (columns < grid.columns) & (lines >= 0) & (lines < grid.lines)
    return tuple(  # type: ignore[return-value]
        np.where(inside, np.floor(np.where(inside, values, 0)), NO_PIXEL).astype(np.int64)
        for values in (lines, columns)
    )
