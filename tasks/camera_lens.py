"""What a camera's pixels weigh in a cover of the sky, where the registry says what it sees."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from models.science.sky_solid_angle import all_sky_weights, cylindrical_weights, rectilinear_weights
from tasks.registry import Camera

_WIDEST_RECTILINEAR_DEG = 120.0
_LOOKS_UP_DEG, _ALL_SKY_DEG = 60.0, 140.0


def solid_angles(camera: Camera, height: int, width: int) -> NDArray[np.float64] | None:
    """Steradians of a camera's pixels ``(height, width)``; ``None`` without its field of view.

    Up to 120 degrees a lens is taken for rectilinear, beyond for a cylindrical panorama; from 140 degrees one that
    looks up (by 60 degrees or more) for an equidistant fisheye. Without an elevation nothing is known of the horizon.

    Args:
        camera: Of the registry.
        height: Of its pictures.
        width: Of its pictures.
    """
    if camera.hfov_deg is None:
        return None
    return _weights(camera.hfov_deg, camera.elevation_deg, height, width)


@lru_cache(maxsize=8)
def _weights(hfov_deg: float, elevation_deg: float | None, height: int, width: int) -> NDArray[np.float64]:
    if hfov_deg >= _ALL_SKY_DEG and (elevation_deg or 0.0) >= _LOOKS_UP_DEG:
        weights = all_sky_weights(height, width, hfov_deg)
    elif hfov_deg > _WIDEST_RECTILINEAR_DEG:
        weights = cylindrical_weights(height, width, hfov_deg, elevation_deg)
    else:
        weights = rectilinear_weights(height, width, hfov_deg, elevation_deg)
    weights.setflags(write=False)
    return weights
