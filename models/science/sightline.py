"""Where a camera's line of sight meets the height of a cloud, on a spherical Earth.

A camera that looks at the horizon sees clouds so far away that the Earth has curved down below them: at 2 degrees of
elevation it meets 10 km of height after 198 km, where a flat Earth says h / tan(e) = 286 km. Refraction is left out.
"""

import numpy as np
import numpy.typing as npt

EARTH_RADIUS_M = 6_371_000.0

FloatArray = npt.NDArray[np.float64]


def sightline_distance_km(
    elevation_deg: npt.ArrayLike, height_m: npt.ArrayLike, camera_altitude_m: npt.ArrayLike = 0.0
) -> FloatArray:
    """Distance along the ground to where a ray from a camera meets a shell above it.

    The three points camera, meeting and Earth's centre give the angle at the centre,
    ``acos(r cos(e) / (r + h)) - e`` with r the camera's own distance from it.

    Args:
        elevation_deg: Of the ray above the horizontal.
        height_m: Of the shell above the camera, not negative.
        camera_altitude_m: Above the sea; all three broadcast.

    Returns:
        Kilometres at sea level. A ray that dips meets the shell where it has come up again; NaN where it runs into the
        ground (the sphere at sea level) before that, and for a shell below the camera.
    """
    elevation = np.radians(np.asarray(elevation_deg, np.float64))
    height, altitude = np.asarray(height_m, np.float64), np.asarray(camera_altitude_m, np.float64)
    own = EARTH_RADIUS_M + altitude
    lowest = own * np.cos(elevation)
    with np.errstate(invalid="ignore"):
        angle = np.arccos(lowest / (own + height)) - elevation
    blocked = (elevation < 0) & (lowest < EARTH_RADIUS_M)
    distance = EARTH_RADIUS_M / 1000 * np.where(elevation >= 0, np.maximum(angle, 0.0), angle)
    return np.where(blocked | (height < 0), np.nan, distance)


def destination(
    latitude: float, longitude: float, azimuth_deg: npt.ArrayLike, distance_km: npt.ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Where a great circle leads.

    Args:
        latitude: Degrees north, of the start.
        longitude: Degrees east.
        azimuth_deg: Clockwise from north, at the start.
        distance_km: Along the sphere; broadcasts against the azimuth.

    Returns:
        Latitude and longitude, degrees. The sphere stands for the ellipsoid: within 0.5 % of the distance.
    """
    angle = np.asarray(distance_km, np.float64) * 1000 / EARTH_RADIUS_M
    azimuth = np.radians(np.asarray(azimuth_deg, np.float64))
    start = np.radians(latitude)
    rising = np.sin(angle) * np.cos(azimuth)
    end = np.arcsin(np.clip(np.sin(start) * np.cos(angle) + np.cos(start) * rising, -1.0, 1.0))
    turned = np.arctan2(
        np.sin(azimuth) * np.sin(angle) * np.cos(start), np.cos(angle) - np.sin(start) * np.sin(end)
    )
    return np.degrees(end), (np.degrees(turned) + longitude + 180.0) % 360.0 - 180.0
