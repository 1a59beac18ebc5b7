"""Whether levels can be relied on: agreement with annotators, coverage of intervals, and rest under other light."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression

from models.contracts.labels import PairAnswer
from models.science.rank_correlation import mean_or_nan

RELIT_LIMIT = 0.03  # a level that moves by no more under other light is the same
_FEWEST_FOR_ERRORS = 3


def answer_accuracy(left: ArrayLike, right: ArrayLike, answers: Sequence[str], *, same: float) -> float:
    """Share of the annotators' pairs that levels put as they did.

    Args:
        left: Levels of the left images ``(n,)``, NaN where withheld.
        right: Levels of the right images ``(n,)``.
        answers: ``PairAnswer`` of each pair; those that are not comparable are left out.
        same: Levels that differ by no more than this are equal.

    Returns:
        A withheld pair is wrong. NaN where there are no pairs.
    """
    difference = np.asarray(left, np.float64) - np.asarray(right, np.float64)
    right_for = {
        PairAnswer.LEFT_HIGHER: difference > same,
        PairAnswer.RIGHT_HIGHER: difference < -same,
        PairAnswer.EQUAL: np.abs(difference) <= same,
    }
    given = [PairAnswer(a) for a in answers]
    return mean_or_nan(np.array([right_for[a][k] for k, a in enumerate(given) if a in right_for], bool))


def coverage_and_width(low: ArrayLike, high: ArrayLike, truth: ArrayLike) -> tuple[float, float, float]:
    """Share of the truths within their intervals, mean width of these, and share of the frames with an interval.

    Frames without an interval are not counted as missed, for 90 % would then mean something else: the third figure says
    how many there are. NaN where there are none.
    """
    below, above, true = (np.asarray(v, np.float64) for v in (low, high, truth))
    known = np.isfinite(true)
    given = known & np.isfinite(below) & np.isfinite(above)
    inside = (below <= true) & (true <= above)
    return mean_or_nan(inside[given]), mean_or_nan((above - below)[given]), mean_or_nan(given[known])


def level_errors(levels: ArrayLike, truths: ArrayLike) -> NDArray[np.float64]:
    """How far each level is from what this camera usually answers at that truth.

    A level has a scale of its own, so its error is told on it: truth becomes level by a rising curve through the
    *other* frames (pooled adjacent violators), from whose ends nothing is extrapolated.

    Args:
        levels: Of one camera ``(n,)``, NaN where withheld.
        truths: ``(n,)``, any unit, higher is more water; NaN where not known.

    Returns:
        Absolute errors ``(n,)``; NaN where either is not known, or fewer than three frames are.
    """
    level, truth = np.asarray(levels, np.float64), np.asarray(truths, np.float64)
    errors = np.full(level.shape, np.nan)
    known = np.flatnonzero(np.isfinite(level) & np.isfinite(truth))
    known = known[np.argsort(truth[known], kind="stable")]
    if known.size < _FEWEST_FOR_ERRORS:
        return errors
    for place, row in enumerate(known):
        others = np.delete(known, place)
        knots, member, count = np.unique(truth[others], return_inverse=True, return_counts=True)
        usual = np.bincount(member, level[others]) / count
        curve = isotonic_regression(usual, weights=count.astype(np.float64)).x
        errors[row] = abs(level[row] - np.interp(truth[row], knots, curve))
    return errors


@dataclass(frozen=True)
class RelightingShift:
    """How far levels move when the same frames are relit.

    Attributes:
        mean: Of ``|relit - level|`` over the relit frames that were answered.
        largest: Of the same.
        within: Share that moved by no more than ``RELIT_LIMIT``; a relit frame that is withheld did not hold.
        answered: Share of the relit frames, of frames whose own level was answered.
    """

    mean: float
    largest: float
    within: float
    answered: float


def relighting_shift(levels: ArrayLike, relit: ArrayLike) -> RelightingShift:
    """Compare levels with those of the same frames under other light.

    Args:
        levels: ``(n,)``; withheld ones have nothing to be compared with and are left out.
        relit: ``(n, lights)``.
    """
    level = np.asarray(levels, np.float64)
    known = np.isfinite(level)
    shift = np.abs(np.asarray(relit, np.float64)[known] - level[known, None])
    answered = np.isfinite(shift)
    moved = shift[answered]
    largest = float(moved.max()) if moved.size else math.nan
    return RelightingShift(
        mean_or_nan(moved), largest, mean_or_nan(shift <= RELIT_LIMIT), mean_or_nan(answered)
    )
