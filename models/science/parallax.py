"""Parallax of a geostationary satellite: where a cloud top appears on the ground, and where it is.

A satellite shows a cloud top at the ground point behind it on the line of sight, away from the point below the
satellite: by 1.20 times its height at Toulouse, 1.46 at Brest, 1.60 at Lille for a satellite at 0 E.

All positions are geodetic on the grid's own ellipsoid, heights are above it. Vectors are Earth-centred: the first axis
towards the satellite, the second east of it, the third to the north pole.
"""

import numpy as np
import numpy.typing as npt

from models.science.geometry import FloatArray, GeosGrid

_STEPS = 5
_CONVERGED_M = 0.01


def satellite_angles(
    grid: GeosGrid, latitude: npt.ArrayLike, longitude: npt.ArrayLike, height_m: npt.ArrayLike = 0.0
) -> tuple[FloatArray, FloatArray]:
    """Where the satellite stands in the sky.

    Args:
        grid: Its satellite and ellipsoid.
        latitude: Degrees north.
        longitude: Degrees east.
        height_m: Of the observer; all three broadcast.

    Returns:
        Zenith angle and azimuth clockwise from north, degrees; NaN where it is below the horizon of the ground.
    """
    lat, lon, height = _radians(grid, latitude, longitude, height_m)
    up, east, north = _local_axes(lat, lon)
    sight = _satellite(grid) - _vector(grid, lat, lon, height)
    vertical = _dot(sight, up)
    zenith = np.degrees(np.arccos(np.clip(vertical / np.linalg.norm(sight, axis=-1), -1.0, 1.0)))
    azimuth = np.degrees(np.arctan2(_dot(sight, east), _dot(sight, north))) % 360.0
    seen = _dot(_satellite(grid) - _vector(grid, lat, lon, np.zeros_like(height)), up) >= 0
    return np.where(seen, zenith, np.nan), np.where(seen, azimuth, np.nan)


def apparent_plane(
    grid: GeosGrid, latitude: npt.ArrayLike, longitude: npt.ArrayLike, height_m: npt.ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Where a point above the ground appears on the projection plane.

    Args:
        grid: Satellite, ellipsoid and sweep.
        latitude: Degrees north.
        longitude: Degrees east.
        height_m: Above the ellipsoid; all three broadcast.

    Returns:
        ``x, y`` in metres; NaN where the satellite does not see the ground below the point.
    """
    lat, lon, height = _radians(grid, latitude, longitude, height_m)
    up, _, _ = _local_axes(lat, lon)
    seen = _dot(_satellite(grid) - _vector(grid, lat, lon, np.zeros_like(height)), up) >= 0
    sight = _satellite(grid) - _vector(grid, lat, lon, height)
    depth, east, north = sight[..., 0], -sight[..., 1], -sight[..., 2]
    if grid.sweep == "y":
        x, y = np.arctan2(east, depth), np.arctan2(north, np.hypot(east, depth))
    else:
        x, y = np.arctan2(east, np.hypot(north, depth)), np.arctan2(north, depth)
    return np.where(seen, x * grid.height_m, np.nan), np.where(seen, y * grid.height_m, np.nan)


def apparent_position(
    grid: GeosGrid, latitude: npt.ArrayLike, longitude: npt.ArrayLike, height_m: npt.ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Ground position at which the satellite shows a cloud top.

    Args:
        grid: Satellite and ellipsoid.
        latitude: Degrees north, of the cloud.
        longitude: Degrees east.
        height_m: Of its top above the ellipsoid; all three broadcast.

    Returns:
        Latitude and longitude, degrees; NaN where the satellite does not see it, or against space.
    """
    return grid.to_position(*apparent_plane(grid, latitude, longitude, height_m))


def true_position(
    grid: GeosGrid, latitude: npt.ArrayLike, longitude: npt.ArrayLike, height_m: npt.ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Position of a cloud top that the satellite shows at a place on the ground; inverse of `apparent_position`.

    Args:
        grid: Satellite and ellipsoid.
        latitude: Degrees north, as it appears.
        longitude: Degrees east.
        height_m: Of its top above the ellipsoid; all three broadcast.

    Returns:
        Latitude and longitude, degrees; NaN where the satellite does not see the ground, or the height is NaN.
    """
    lat, lon, height = _radians(grid, latitude, longitude, height_m)
    ground = _vector(grid, lat, lon, np.zeros_like(height))
    sight = _satellite(grid) - ground
    sight /= np.linalg.norm(sight, axis=-1, keepdims=True)
    up, _, _ = _local_axes(lat, lon)
    seen = _dot(sight, up) >= 0
    slant = np.zeros_like(height)
    reached = np.zeros_like(height)
    for _ in range(_STEPS):  # along the line of sight until the height is that of the cloud
        lower = np.maximum(_dot(sight, up), 1e-3)
        slant = slant + (height - reached) / lower
        lat, lon, reached = _geodetic(grid, ground + slant[..., None] * sight)
        up, _, _ = _local_axes(lat, lon)
    found = seen & (np.abs(reached - height) < _CONVERGED_M)
    longitude_deg = (np.degrees(lon) + grid.longitude_0_deg + 180.0) % 360.0 - 180.0
    return np.where(found, np.degrees(lat), np.nan), np.where(found, longitude_deg, np.nan)


def _radians(
    grid: GeosGrid, latitude: npt.ArrayLike, longitude: npt.ArrayLike, height_m: npt.ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    lat, lon, height = np.broadcast_arrays(
        np.asarray(latitude, np.float64),
        np.asarray(longitude, np.float64),
        np.asarray(height_m, np.float64),
    )
    return np.radians(lat), np.radians(lon - grid.longitude_0_deg), height


def _satellite(grid: GeosGrid) -> FloatArray:
    return np.array([grid.semi_major_m + grid.height_m, 0.0, 0.0])


def _vector(grid: GeosGrid, lat: FloatArray, lon: FloatArray, height: FloatArray) -> FloatArray:
    """Earth-centred vector ``(..., 3)`` of a geodetic position, radians and metres."""
    squeeze = (grid.semi_minor_m / grid.semi_major_m) ** 2
    normal = grid.semi_major_m / np.sqrt(1.0 - (1.0 - squeeze) * np.sin(lat) ** 2)
    across = (normal + height) * np.cos(lat)
    return np.stack(
        [across * np.cos(lon), across * np.sin(lon), (squeeze * normal + height) * np.sin(lat)], axis=-1
    )


def _geodetic(grid: GeosGrid, vector: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Geodetic latitude and longitude (radians) and height of a vector (Bowring 1976; under 1 mm below 20 km)."""
    a, b = grid.semi_major_m, grid.semi_minor_m
    squared = 1.0 - (b / a) ** 2
    across, along = np.hypot(vector[..., 0], vector[..., 1]), vector[..., 2]
    reduced = np.arctan2(a * along, b * across)
    lat = np.arctan2(
        along + squared * a**2 / b * np.sin(reduced) ** 3, across - squared * a * np.cos(reduced) ** 3
    )
    height = across * np.cos(lat) + along * np.sin(lat) - a * np.sqrt(1.0 - squared * np.sin(lat) ** 2)
    return lat, np.arctan2(vector[..., 1], vector[..., 0]), height


def _local_axes(lat: FloatArray, lon: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Unit vectors ``(..., 3)`` up, east and north."""
    zero = np.zeros_like(lat)
    up = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)
    east = np.stack([-np.sin(lon), np.cos(lon), zero], axis=-1)
    north = np.stack([-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat)], axis=-1)
    return up, east, north


def _dot(first: FloatArray, second: FloatArray) -> FloatArray:
    return np.asarray(np.sum(first * second, axis=-1))
