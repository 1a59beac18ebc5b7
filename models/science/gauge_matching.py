"""Gauge readings and the frames that were taken with them; and the level that stands for a number of metres."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.science.level_metres import MetresFit

WITHIN = np.timedelta64(15, "m")
"""A frame belongs to a reading at most this far from it."""


def nearest_frames(
    frames: ArrayLike, readings: ArrayLike, within: np.timedelta64 = WITHIN
) -> NDArray[np.int64]:
    """For each reading the frame nearest to it in time; of two equally near the earlier.

    Args:
        frames: UTC, datetime64 ``(n,)``, in any order.
        readings: UTC, datetime64 ``(m,)``, in any order.
        within: Largest gap.

    Returns:
        Places in ``frames`` ``(m,)``; -1 where none is near.
    """
    taken, read = np.asarray(frames, "datetime64[ns]"), np.asarray(readings, "datetime64[ns]")
    if not taken.size:
        return np.full(read.size, -1, np.int64)
    order = np.argsort(taken, kind="stable")
    ordered = taken[order]
    after = np.clip(np.searchsorted(ordered, read), 0, taken.size - 1)
    before = np.clip(after - 1, 0, None)
    near = np.where(np.abs(read - ordered[before]) <= np.abs(read - ordered[after]), before, after)
    return np.where(np.abs(read - ordered[near]) <= within, order[near], -1)


def level_of_metres(fit: MetresFit, metres: float) -> float:
    """The lowest level that stands for so many metres; NaN where the readings do not reach there."""
    if not fit.method.is_fit or not fit.metres[0] <= metres <= fit.metres[-1]:
        return math.nan
    above = int(np.searchsorted(fit.metres, metres))
    if above == 0:
        return float(fit.levels[0])
    pair = slice(above - 1, above + 1)
    return float(np.interp(metres, fit.metres[pair], fit.levels[pair]))


def levels_per_metre(fit: MetresFit) -> float:
    """How far the level rises with a metre, over the whole range of the readings; NaN where there are no metres."""
    if not fit.method.is_fit or not fit.range_m > 0:
        return math.nan
    return float(fit.levels[-1] - fit.levels[0]) / fit.range_m
