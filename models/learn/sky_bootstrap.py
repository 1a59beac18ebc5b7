"""Intervals of scores of the sky: blocks, camera-days or cameras, are drawn again, the same ones for every method.

Neighbouring moments of a camera say much the same; a camera-day is what comes near to independent of the next. For what
holds of a new camera, cameras are the blocks.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.learn.sky_scores import STATISTICS

Values = NDArray[np.float64]


def camera_days(cameras: ArrayLike, time: NDArray[np.datetime64]) -> NDArray[np.str_]:
    """Block of each moment ``(n,)``: camera and UTC day."""
    days = np.asarray(time, "datetime64[D]").astype(np.str_)
    return np.char.add(np.char.add(np.asarray(cameras, np.str_), " "), days)


def resampled(
    methods: Mapping[str, Mapping[str, Values]], blocks: ArrayLike, *, resamples: int = 1000, seed: int = 0
) -> dict[str, dict[str, Values]]:
    """Each statistic of each method on the same resamples.

    Args:
        methods: Method -> `models.learn.sky_scores.score_parts` of the same ``n`` moments.
        blocks: What is drawn as a whole ``(n,)``.
        resamples: How many.
        seed: Of the drawing.

    Returns:
        Method -> statistic -> values ``(resamples,)``; NaN where a resample holds nothing to score.
    """
    times, place = _drawn(blocks, resamples, seed)
    values: dict[str, dict[str, Values]] = {}
    for method, parts in methods.items():
        sums = times @ _block_sums(np.concatenate(list(parts.values()), axis=1), place, times.shape[1])
        ends = np.cumsum([part.shape[1] for part in parts.values()])
        values[method] = {
            name: STATISTICS[name].value(own)
            for name, own in zip(parts, np.split(sums, ends[:-1], axis=1), strict=True)
        }
    return values


def resampled_mean(values: ArrayLike, blocks: ArrayLike, *, resamples: int = 1000, seed: int = 0) -> Values:
    """Mean of what is not NaN of ``values`` ``(n,)`` on each resample ``(resamples,)``; NaN where all is."""
    value = np.asarray(values, np.float64)
    known = np.isfinite(value)
    times, place = _drawn(blocks, resamples, seed)
    columns = np.stack([np.where(known, value, 0.0), known], axis=1)
    total, count = (times @ _block_sums(columns, place, times.shape[1])).T
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _drawn(blocks: ArrayLike, resamples: int, seed: int) -> tuple[Values, NDArray[np.int64]]:
    """How often each resample draws each block ``(resamples, blocks)``, and the block of each moment ``(n,)``."""
    found, place = np.unique(np.asarray(blocks, np.str_), return_inverse=True)
    if not len(found):
        return np.zeros((resamples, 0)), place
    drawn = np.random.default_rng(seed).integers(0, len(found), (resamples, len(found)))
    return np.stack([np.bincount(row, minlength=len(found)) for row in drawn]).astype(np.float64), place


def _block_sums(parts: Values, place: NDArray[np.int64], blocks: int) -> Values:
    return np.stack([np.bincount(place, column, blocks) for column in parts.T], axis=1)


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
