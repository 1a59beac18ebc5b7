"""Solid angle of a camera's pixels: what a pixel of a mask weighs in a cover of the sky.

A rectilinear lens spreads its corners over more pixels than the same sky takes in the middle, and an equidistant
fisheye its rim; without the geometry pixels count alike (``models.science.cover``).
"""

import numpy as np
from numpy.typing import NDArray

from models.science.cover import CLOUD, SKY, UNLABELLED

FloatArray = NDArray[np.float64]


def rectilinear_weights(
    height: int, width: int, hfov_deg: float, axis_elevation_deg: float | None = None
) -> FloatArray:
    """Solid angle of each pixel of an upright camera with a rectilinear lens.

    Args:
        height: Pixels.
        width: Pixels.
        hfov_deg: Horizontal field of view, above 0 and below 180.
        axis_elevation_deg: Elevation of the middle of the picture. Where given, what lies below the horizon weighs
            nothing: no sky is there, whatever a mask says.

    Returns:
        Steradians ``(height, width)``. A pixel at the angle ``t`` from the axis has ``cos(t)**3 / f**2``, with ``f``
        the focal length in pixels.

    Raises:
        ValueError: The field of view is none of a rectilinear lens.
    """
    if not 0 < hfov_deg < 180:
        raise ValueError(f"a rectilinear lens sees between 0 and 180 degrees, not {hfov_deg}")
    focal = width / 2 / np.tan(np.radians(hfov_deg / 2))
    x = (np.arange(width) + 0.5 - width / 2)[None] / focal
    up = (height / 2 - np.arange(height) - 0.5)[:, None] / focal
    weights: FloatArray = (1 + x**2 + up**2) ** -1.5 / focal**2
    if axis_elevation_deg is not None:
        axis = np.radians(axis_elevation_deg)
        above = np.sin(axis) + up * np.cos(axis) > 0  # vertical part of the line of sight, up to its length
        weights = np.where(above, weights, 0.0)
    return weights


def cylindrical_weights(
    height: int, width: int, hfov_deg: float, axis_elevation_deg: float | None = None
) -> FloatArray:
    """Solid angle of each pixel of a cylindrical panorama.

    Columns are equal steps of azimuth, rows of the tangent of the elevation.

    Args:
        height: Pixels.
        width: Pixels.
        hfov_deg: Horizontal field of view, up to 360.
        axis_elevation_deg: Elevation of the middle row; see ``rectilinear_weights``.

    Returns:
        Steradians ``(height, width)``: ``cos(elevation)**3 / f**2``.

    Raises:
        ValueError: No such field of view.
    """
    if not 0 < hfov_deg <= 360:
        raise ValueError(f"a panorama sees up to 360 degrees, not {hfov_deg}")
    focal = width / np.radians(hfov_deg)
    horizon = 0.0 if axis_elevation_deg is None else np.tan(np.radians(axis_elevation_deg))
    up = (height / 2 - np.arange(height) - 0.5)[:, None] / focal + horizon
    weights = (1 + up**2) ** -1.5 / focal**2
    if axis_elevation_deg is not None:
        weights = np.where(up > 0, weights, 0.0)
    return np.broadcast_to(weights, (height, width)).copy()


def all_sky_weights(
    height: int,
    width: int,
    fov_deg: float = 180.0,
    *,
    centre: tuple[float, float] | None = None,
    radius_px: float | None = None,
) -> FloatArray:
    """Solid angle of each pixel of a camera that looks at the zenith through an equidistant fisheye.

    Args:
        height: Pixels.
        width: Pixels.
        fov_deg: Field of view across the disc, up to 360.
        centre: Column and row of the zenith; the middle of the picture by default.
        radius_px: Radius of the disc; half the shorter side by default.

    Returns:
        Steradians ``(height, width)``: ``sin(t) / (t f**2)`` at the zenith angle ``t``; 0 beyond the disc and below
        the horizon.

    Raises:
        ValueError: No such field of view, or no radius.
    """
    radius = min(height, width) / 2 if radius_px is None else radius_px
    if not 0 < fov_deg <= 360 or radius <= 0:
        raise ValueError(f"no fisheye sees {fov_deg} degrees within {radius} pixels")
    column, row = (width / 2, height / 2) if centre is None else centre
    focal = radius / np.radians(fov_deg / 2)
    x, y = np.arange(width)[None] + 0.5 - column, np.arange(height)[:, None] + 0.5 - row
    zenith_angle = np.hypot(x, y) / focal
    weights: FloatArray = (
        np.sinc(zenith_angle / np.pi) / focal**2
    )  # sinc: sin(pi t) / (pi t), 1 in the middle
    seen = (zenith_angle <= np.radians(fov_deg / 2)) & (zenith_angle <= np.pi / 2)
    return np.where(seen, weights, 0.0)


def weighted_cover(mask: NDArray[np.uint8], weights: FloatArray) -> float:
    """Cloud over visible sky by solid angle, in [0, 1]; NaN where no sky is in view.

    Args:
        mask: Classes ``(y, x)`` of ``models.science.cover``.
        weights: Steradians ``(y, x)``.
    """
    cloud = float(weights[mask == CLOUD].sum())
    seen = cloud + float(weights[mask == SKY].sum())
    return cloud / seen if seen > 0 else float("nan")


def visible_dome_fraction(mask: NDArray[np.uint8], weights: FloatArray) -> float:
    """Share of the sky above the horizon (2 pi steradians) that is seen; NaN where the mask judges nothing.

    Args:
        mask: Classes ``(y, x)``.
        weights: Steradians ``(y, x)``.
    """
    if not (mask != UNLABELLED).any():
        return float("nan")
    return float(min(1.0, weights[(mask == SKY) | (mask == CLOUD)].sum() / (2 * np.pi)))
