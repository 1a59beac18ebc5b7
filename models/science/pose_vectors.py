"""Poses as arrays: many at once, composed exactly, with their derivatives.

Arrays hold ``(pan_px, tilt_px, roll_deg, zoom)`` in the last axis; normalised tensors ``(pan, tilt, roll, log zoom)`` as
in ``models.science.line_of_sight``.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.science.line_of_sight import Pose

FRAME_SHARE = 0.15
"""Share of a measured pair's error variance that belongs to each of the two images (a shadow, a crane, fog on one side)
and is the same in all pairs of that image: comparing with more images does not average it away."""


def as_array(poses: Sequence[Pose]) -> NDArray[np.float64]:
    """``(n, 4)``: pan_px, tilt_px, roll_deg, zoom."""
    return np.array([[p.pan_px, p.tilt_px, p.roll_deg, p.zoom] for p in poses], dtype=np.float64).reshape(
        -1, 4
    )


def as_poses(values: NDArray[np.float64]) -> list[Pose]:
    """The inverse of ``as_array``."""
    return [Pose(*(float(v) for v in row)) for row in values]
