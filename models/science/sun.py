"""Position of the sun.

Source: low-precision formulas of the Astronomical Almanac (mean anomaly, ecliptic longitude, sidereal time);
within 0.05 degree between 1950 and 2050. Refraction is left out.
"""

import numpy as np
from numpy.typing import NDArray

_J2000 = np.datetime64("2000-01-01T12:00:00", "ns")


def sun_position(
    time: np.datetime64 | NDArray[np.datetime64],
    latitude_deg: float | NDArray[np.floating],
    longitude_deg: float | NDArray[np.floating],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Elevation and azimuth of the sun's centre.

    Args:
        time: UTC; broadcasts against the position.
        latitude_deg: Degrees north.
        longitude_deg: Degrees east.

    Returns:
        Elevation above the horizon and azimuth clockwise from north, degrees.
    """
    days = (np.asarray(time, "datetime64[ns]") - _J2000) / np.timedelta64(1, "D")
    anomaly = np.radians(357.528 + 0.9856003 * days)
    ecliptic = np.radians(280.460 + 0.9856474 * days + 1.915 * np.sin(anomaly) + 0.020 * np.sin(2 * anomaly))
    obliquity = np.radians(23.439 - 4e-7 * days)
    right_ascension = np.arctan2(np.cos(obliquity) * np.sin(ecliptic), np.cos(ecliptic))
    declination = np.arcsin(np.sin(obliquity) * np.sin(ecliptic))
    sidereal = np.radians(280.46062 + 360.98564737 * days + longitude_deg)
    hour_angle = sidereal - right_ascension
    latitude = np.radians(latitude_deg)
    elevation = np.arcsin(
        np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(hour_angle)
    )
    azimuth = np.arctan2(
        -np.cos(declination) * np.sin(hour_angle),
        np.sin(declination) * np.cos(latitude) - np.cos(declination) * np.sin(latitude) * np.cos(hour_angle),
    )
    return np.degrees(elevation), np.degrees(azimuth) % 360
