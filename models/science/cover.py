"""Visible cloud cover of a segmented picture, and its okta code.

Masks hold ``OTHER`` (occluders: ground, buildings, trees), ``SKY`` (clear sky) and ``CLOUD``; ``UNLABELLED`` marks
pixels that a labeller left out. The cover is that of the sky *in view*, by pixels: a horizon camera sees a sector, and
without its geometry pixels cannot be weighted by solid angle.

Source of the okta rule: WMO No. 306 (code table 2700) and WMO No. 8: 0 only when there is no cloud at all, 8 only
when there is no gap; traces count as 1 and gaps as 7.
"""

import math

import numpy as np
from numpy.typing import NDArray

OTHER, SKY, CLOUD = 0, 1, 2
UNLABELLED = 255
OBSCURED = 9  # the code of a sky that cannot be judged; never averaged with amounts

TRACE = 1e-3  # a cover below this is no cloud; above 1 - TRACE, no gap


def visible_fraction(mask: NDArray[np.uint8]) -> float:
    """Fraction of the judged picture that is sky, clear or cloudy; NaN where nothing is judged."""
    judged = int(np.count_nonzero(mask != UNLABELLED))
    seen = int(np.count_nonzero((mask == SKY) | (mask == CLOUD)))
    return seen / judged if judged else math.nan


def cover_of_mask(mask: NDArray[np.uint8]) -> float:
    """Cloud over visible sky, in [0, 1]; NaN where no sky is in view.

    Args:
        mask: Classes ``(y, x)``.
    """
    cloud = int(np.count_nonzero(mask == CLOUD))
    seen = cloud + int(np.count_nonzero(mask == SKY))
    return cloud / seen if seen else math.nan


def okta_of_cover(cover: float, trace: float = TRACE) -> int | None:
    """Code N, 0 to 8, of a cover in [0, 1]; ``None`` of NaN.

    N is 0 only below ``trace`` and 8 only above ``1 - trace``; all between is 1 to 7, by rounding ``8 * cover`` half
    to even.

    Raises:
        ValueError: The cover is not within [0, 1].
    """
    if math.isnan(cover):
        return None
    if not 0.0 <= cover <= 1.0:
        raise ValueError(f"cover {cover} is not within [0, 1]")
    if cover < trace:
        return 0
    if cover > 1.0 - trace:
        return 8
    return min(max(round(8.0 * cover), 1), 7)
