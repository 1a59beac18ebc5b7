"""Sky colour thresholds: the baselines that a learned cover has to beat.

Clear sky scatters blue light, clouds scatter all of it, hence two-class rules on the ratio of red to blue. Sources:
fixed red/blue ratio: Long et al. 2006, "Retrieving cloud characteristics from ground-based daytime color all-sky
images" (0.60; 0.75 where it was tuned on WSISEG); hybrid rule: Li, Lu and Yang 2011, "A hybrid thresholding algorithm
for cloud detection on ground-based color images".
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from models.science.cover import CLOUD, OTHER, SKY

RED_BLUE_FIXED = 0.60
RED_BLUE_TUNED = 0.75

Threshold = Callable[[NDArray[np.uint8], NDArray[np.bool_] | None], NDArray[np.uint8]]


def _masked(cloudy: NDArray[np.bool_], region: NDArray[np.bool_] | None) -> NDArray[np.uint8]:
    mask = np.where(cloudy, CLOUD, SKY).astype(np.uint8)
    if region is not None:
        mask[~region] = OTHER
    return mask


def red_blue_mask(
    rgb: NDArray[np.uint8], region: NDArray[np.bool_] | None = None, ratio: float = RED_BLUE_FIXED
) -> NDArray[np.uint8]:
    """Cloud where red / blue exceeds ``ratio``.

    Args:
        rgb: Picture ``(y, x, 3)``, uint8.
        region: The sky, clear or cloudy ``(y, x)``; all of the picture where it is not known.
        ratio: Threshold.

    Returns:
        Mask ``(y, x)`` of ``models.science.cover`` classes.
    """
    red, blue = rgb[..., 0].astype(np.float32), rgb[..., 2].astype(np.float32)
    return _masked(red > ratio * np.maximum(blue, 1.0), region)


def tuned_red_blue_mask(rgb: NDArray[np.uint8], region: NDArray[np.bool_] | None = None) -> NDArray[np.uint8]:
    """``red_blue_mask`` at the ratio tuned on WSISEG."""
    return red_blue_mask(rgb, region, RED_BLUE_TUNED)


def normalised_blue_red(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """``(B - R) / (B + R)``, in [-1, 1]; 0 for black."""
    red, blue = rgb[..., 0].astype(np.float32), rgb[..., 2].astype(np.float32)
    ratio: NDArray[np.float32] = (blue - red) / np.maximum(blue + red, np.float32(1.0))
    return ratio


def minimum_cross_entropy(values: NDArray[np.float32], bins: int = 201) -> float:
    """Threshold that minimises the cross entropy between a picture and its two-level version.

    Source: Li and Lee 1993, "Minimum cross entropy thresholding". Values are shifted by 1 to be positive.

    Args:
        values: Values in [-1, 1].
        bins: Histogram bins over [-1, 1].

    Raises:
        ValueError: No values.
    """
    if values.size == 0:
        raise ValueError("no values to threshold")
    count, edges = np.histogram(values, bins=bins, range=(-1.0, 1.0))
    centre = (edges[:-1] + edges[1:]) / 2 + 1.0  # (bins,), in (0, 2)
    weight, moment = np.cumsum(count), np.cumsum(count * centre)
    below = moment[:-1] / np.maximum(weight[:-1], 1)
    above = (moment[-1] - moment[:-1]) / np.maximum(weight[-1] - weight[:-1], 1)
    score = moment[:-1] * np.log(np.maximum(below, 1e-12))
    score += (moment[-1] - moment[:-1]) * np.log(np.maximum(above, 1e-12))
    best = np.flatnonzero(score >= score.max() - 1e-9 * max(1.0, abs(float(score.max()))))
    return float(edges[1:-1][best].mean())  # the middle of an empty valley, not its edge


def hybrid_mask(
    rgb: NDArray[np.uint8],
    region: NDArray[np.bool_] | None = None,
    *,
    spread: float = 0.03,
    fixed: float = 0.25,
) -> NDArray[np.uint8]:
    """Hybrid threshold on the normalised blue-red ratio.

    One-mode pictures (standard deviation of the ratio up to ``spread``: all clear or all cloud) are cut at ``fixed``,
    two-mode pictures at their minimum cross entropy. Cloud is where the ratio is below the cut.

    Args:
        rgb: Picture ``(y, x, 3)``, uint8.
        region: See ``red_blue_mask``.
        spread: Standard deviation that tells one mode from two.
        fixed: Cut of one-mode pictures.
    """
    ratio = normalised_blue_red(rgb)
    seen = ratio[region] if region is not None else ratio.ravel()
    if seen.size == 0:
        return _masked(np.zeros(ratio.shape, bool), region)
    cut = fixed if float(seen.std()) <= spread else minimum_cross_entropy(seen)
    return _masked(ratio < cut, region)


THRESHOLDS: dict[str, Threshold] = {
    "red/blue > .60": red_blue_mask,
    "red/blue > .75": tuned_red_blue_mask,
    "hybrid blue-red": hybrid_mask,
}
