"""Intervals of scores of the sky: blocks, camera-days or cameras, are drawn again, the same ones for every method.

Neighbouring moments of a camera say much the same; a camera-day is what comes near to independent of the next. For what
holds of a new camera, cameras are the blocks.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.contracts.sky_answers import SkyAnswers
from models.learn.sky_scores import STATISTICS, score_parts
from models.learn.sky_truth import SkyCodes

Values = NDArray[np.float64]


def camera_days(cameras: ArrayLike, time: NDArray[np.datetime64]) -> NDArray[np.str_]:
    """Block of each moment ``(n,)``: camera and UTC day."""
    days = np.asarray(time, "datetime64[D]").astype(np.str_)
    return np.char.add(np.char.add(np.asarray(cameras, np.str_), " "), days)


def resampled(
    names: Sequence[str],
    answers: Mapping[str, SkyAnswers],
    truth: SkyCodes,
    blocks: ArrayLike,
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, dict[str, Values]]:
    """Each statistic of each method on the same resamples.

    Args:
        names: Of ``STATISTICS``.
        answers: Method -> answers about the same ``n`` moments.
        truth: Of these moments.
        blocks: What is drawn as a whole ``(n,)``.
        resamples: How many.
        seed: Of the drawing.

    Returns:
        Statistic -> method -> values ``(resamples,)``; NaN where a resample holds nothing to score.
    """
    found, place = np.unique(np.asarray(blocks, np.str_), return_inverse=True)
    if not len(found):
        return {name: {method: np.full(resamples, np.nan) for method in answers} for name in names}
    drawn = np.random.default_rng(seed).integers(0, len(found), (resamples, len(found)))
    times = np.zeros((resamples, len(found)))
    np.add.at(times, (np.arange(resamples)[:, None], drawn), 1.0)
    values: dict[str, dict[str, Values]] = {name: {} for name in names}
    for method, given in answers.items():
        for name in names:
            parts = score_parts(name, given, truth)
            sums = np.stack([np.bincount(place, column, len(found)) for column in parts.T], axis=1)
            values[name][method] = STATISTICS[name].value(times @ sums)
    return values


def interval(values: Values, level: float = 0.95) -> tuple[float, float]:
    """Percentile interval of resampled values; NaN where none is a number."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return math.nan, math.nan
    low, high = np.quantile(finite, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def best_of(name: str, singles: Sequence[Values]) -> Values:
    """The better of several methods, resample by resample: harder to beat than the one that is best on the whole.

    Args:
        name: Of ``STATISTICS``, one that has a better side.
        singles: Values of each method, ``(resamples,)`` or ``()``.
    """
    side = STATISTICS[name].better
    if not side:
        raise ValueError(f"{name}: neither more nor less of it is better")
    return np.asarray(side * np.fmax.reduce([side * np.asarray(v, np.float64) for v in singles]))
