"""One step in a short run of vectors with covariances: where it is, how large, and how much it explains.

Weighted least squares of a smooth basis plus a step, for every place of the step at once; readings that agree with
neither side lose their weight, and scatter beyond the covariances widens them.

Source: maximum-type step test of Hawkins 1977, "Testing a Sequence of Observations for a Shift in Location", JASA 72,
with Huber-type weights.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

INLIER_NORM = 3.6  # of a whitened 4-vector; 1 % of Gaussian readings lie beyond
MIN_SIDE = 3
LEADING = 2  # pan and tilt: what a knock moves most, tested alone as well
_PLACES_PER_READING = 0.5  # effective number of places over readings, measured on Gaussian groups of 8 to 40
_ROUNDS = 4


@dataclass(frozen=True)
class StepFit:
    """The best step of a run.

    Attributes:
        index: First reading after the step.
        change: ``(d,)``, after minus before.
        covariance: ``(d, d)`` of the change.
        log_p: Natural log of the chance of such a step at this very place.
        trend_log_p: The same of a straight line instead of the step.
        p_value: Chance of such a statistic anywhere in a run without a step.
        weights: ``(n,)``, 1 agrees, towards 0 is an outlier.
    """

    index: int
    change: NDArray[np.float64]
    covariance: NDArray[np.float64]
    log_p: float
    trend_log_p: float
    p_value: float
    weights: NDArray[np.float64]

    def agreeing(self) -> tuple[int, int]:
        """Number of readings that agree, before and after the step."""
        good = self.weights > 0.5
        return int(good[: self.index].sum()), int(good[self.index :].sum())


def best_step(
    values: NDArray[np.float64],
    covariances: NDArray[np.float64],
    positions: NDArray[np.float64],
    *,
    degree: int = 0,
    between: tuple[int, int] | None = None,
) -> StepFit | None:
    """The step that explains most of a run.

    Args:
        values: ``(n, d)``, in order.
        covariances: ``(n, d, d)``, positive definite.
        positions: ``(n,)``, where the readings stand along the order: times, or a count.
        degree: Degree of the polynomial in ``positions`` that goes with the step; 0 is a level.
        between: First and last place to look at; everywhere with ``MIN_SIDE`` readings on both sides by default.

    Returns:
        ``None`` where there are too few readings.
    """
    n, size = values.shape
    low, high = between or (MIN_SIDE, n - MIN_SIDE)
    low, high = max(low, MIN_SIDE), min(high, n - MIN_SIDE)
    if high < low or n < degree + 2 * MIN_SIDE:
        return None
    whiten = _whitener(covariances.mean(0))
    y = values @ whiten.T
    precision = size / np.trace(whiten @ covariances @ whiten.T, axis1=1, axis2=2)
    places = np.arange(low, high + 1)
    steps = (np.arange(n) >= places[:, None]).astype(float)  # (places, n)
    basis = _polynomials(positions, degree)
    weights = _first_weights(y)
    scatter = np.eye(size)
    for _ in range(_ROUNDS):
        w = weights * precision
        columns = np.column_stack([basis, steps[_scan(y, w, basis, steps, scatter).best]])
        residual = y - columns @ _solve(columns, w, y)
        free = max(float(weights.sum()) - columns.shape[1], 1.0)
        spread = (residual * w[:, None]).T @ residual / free
        values_, vectors = np.linalg.eigh(spread)
        scatter = (vectors * np.where(values_ > 2, values_ * (1 + 4 / free), values_.clip(1.0))) @ vectors.T
        norm = np.sqrt(_squares(residual, scatter) * precision)
        weights = np.where(norm > INLIER_NORM, (INLIER_NORM / norm.clip(1e-9)) ** 2, 1.0)
    w = weights * precision
    found = _scan(y, w, basis, steps, scatter)
    unwhiten = np.linalg.inv(whiten)
    return StepFit(
        index=int(places[found.best]),
        change=unwhiten @ found.change,
        covariance=unwhiten @ scatter @ unwhiten.T / found.denominator,
        log_p=found.log_p,
        trend_log_p=_trend_log_p(y, w, positions, degree, scatter),
        p_value=float(min(1.0, _PLACES_PER_READING * n * np.exp(found.log_p))),
        weights=weights,
    )


@dataclass(frozen=True)
class _Scan:
    best: int
    gains: NDArray[np.float64]
    log_p: float
    change: NDArray[np.float64]
    denominator: float


def _whitener(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.linalg.inv(np.linalg.cholesky(covariance))


def _polynomials(positions: NDArray[np.float64], degree: int) -> NDArray[np.float64]:
    spread = float(np.ptp(positions)) or 1.0
    return np.vander((positions - positions.mean()) / spread, degree + 1, increasing=True)


def _solve(
    columns: NDArray[np.float64], w: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.float64]:
    root = np.sqrt(w)[:, None]
    return np.asarray(np.linalg.lstsq(columns * root, y * root, rcond=None)[0], np.float64)


def _first_weights(y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Against the running median of seven, so that neither a step nor a trend counts as an outlier."""
    n = len(y)
    windows = np.clip(np.arange(n) - 3, 0, max(n - 7, 0))[:, None] + np.arange(min(7, n))
    departure = np.abs(y - np.median(y[windows], axis=1))
    scale = np.maximum(1.4826 * np.median(departure, axis=0), 1.0)
    worst = (departure / scale).max(1)
    return np.where(worst > INLIER_NORM, (INLIER_NORM / worst.clip(1e-9)) ** 2, 1.0)


def _scan(
    y: NDArray[np.float64],
    w: NDArray[np.float64],
    basis: NDArray[np.float64],
    steps: NDArray[np.float64],
    scatter: NDArray[np.float64],
) -> _Scan:
    """The least probable step by chance: in the leading components alone, or in all of them."""
    beyond = steps - (basis @ _solve(basis, w, steps.T)).T  # the step less what the basis can do, (places, n)
    denominator = ((beyond**2) @ w).clip(1e-9)
    change = ((beyond * w) @ y) / denominator[:, None]
    gains = np.stack([denominator * _squares(change[:, :k], scatter[:k, :k]) for k in _tested(y.shape[1])])
    log_p = np.stack([log_chance(g, k) for g, k in zip(gains, _tested(y.shape[1]), strict=True)])
    best = int(np.argmin(log_p.min(0)))
    return _Scan(best, gains[:, best], float(log_p[:, best].min()), change[best], float(denominator[best]))


def log_chance(squared: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Natural log of the chance that chi squared of an even number of components exceeds a value, however large."""
    half = squared / 2
    return np.asarray(np.log(sum(half**i / math.factorial(i) for i in range(size // 2))) - half)


def _tested(size: int) -> tuple[int, ...]:
    return (LEADING, size) if size > LEADING else (size,)


def _squares(change: NDArray[np.float64], covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((change * np.linalg.solve(covariance, change.T).T).sum(1))


def _trend_log_p(
    y: NDArray[np.float64],
    w: NDArray[np.float64],
    positions: NDArray[np.float64],
    degree: int,
    scatter: NDArray[np.float64],
) -> float:
    basis, trend = _polynomials(positions, degree), _polynomials(positions, degree + 1)[:, -1:]
    return _scan(y, w, basis, trend.T, scatter).log_p
