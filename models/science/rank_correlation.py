"""Rank correlations of two series: Kendall's tau-b, Spearman's rho, and rho with a third series taken out.

Source: Kendall 1945, "The treatment of ties in ranking problems".
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

Values = NDArray[np.float64]


def tau_b(x: ArrayLike, y: ArrayLike) -> float:
    """Kendall's tau-b of finite values ``(n,)``; NaN where either does not vary."""
    a, b = _signs(np.asarray(x, np.float64)), _signs(np.asarray(y, np.float64))
    norm = math.sqrt(float(np.sum(a != 0)) * float(np.sum(b != 0)))
    return float(np.sum(a * b)) / norm if norm else math.nan


def spearman(x: ArrayLike, y: ArrayLike) -> float:
    """Spearman's rho of finite values ``(n,)``; NaN where either does not vary."""
    return _pearson(rankdata(np.asarray(x, np.float64)), rankdata(np.asarray(y, np.float64)))


def partial_spearman(x: ArrayLike, y: ArrayLike, given: ArrayLike) -> float:
    """Spearman's rho of what the ranks of a third value leave of both (residuals of linear fits on ranks).

    Returns:
        NaN where nothing is left of either.
    """
    ranks = [rankdata(np.asarray(v, np.float64)) for v in (x, y, given)]
    return _pearson(_residual(ranks[0], ranks[2]), _residual(ranks[1], ranks[2]))


def mean_or_nan(values: NDArray[np.bool_] | Values) -> float:
    """Mean; NaN of nothing, without a warning."""
    return float(np.mean(values)) if values.size else math.nan


def _signs(values: Values) -> Values:
    i, j = np.triu_indices(values.size, 1)
    return np.sign(values[j] - values[i])


def _pearson(x: Values, y: Values) -> float:
    if x.size < 2:
        return math.nan
    a, b = x - x.mean(), y - y.mean()
    norm = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / norm if norm > 1e-9 else math.nan


def _residual(values: Values, given: Values) -> Values:
    """Of the linear fit; exactly 0 where it is within rounding."""
    centred, base = values - values.mean(), given - given.mean()
    square = float(base @ base)
    left = centred - base * (float(base @ centred) / square) if square else centred
    return np.where(np.abs(left) < 1e-9, 0.0, left)
