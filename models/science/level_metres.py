"""Metres from levels: what a camera's gauge readings say, and nothing beyond them.

A level is comparable within one camera only. Readings of a gauge, at least two at different levels, tie it to metres.
By the meaning of the level, metres never fall as it rises: readings of which the reverse is true give no metres.
Between the lowest and the highest level read there is a value; outside there is none, and a flag says so.

A line is fitted through few readings and, where there are enough and it errs less on readings left out, a rising curve:
banks are seldom planes. An interval needs nine readings (see ``level_interval``) or nine other cameras.

Source: Theil 1950 and Sen 1968 (the line: median of slopes); Barlow et al. 1972, "Statistical Inference under Order
Restrictions" (isotonic regression by pooling adjacent violators).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression

from models.contracts.flags import ValueFlag
from models.science.level_interval import COVERAGE, Interval, interval_around, own_quantile, pooled_quantile

Values = NDArray[np.float64]
Knots = tuple[Values, Values]

FEWEST_READINGS = 2
FEWEST_FOR_CURVE = 12  # chosen among nine, a curve errs more than its residuals say
_MOST_FOR_LINE = 200  # a curve is as good by then, and slopes of all pairs would take long
_CURVE_GAIN = 0.9  # a curve must bring the errors below this share of the line's
_SAME_LEVEL = 1e-6
_FOLDS = 20


class MetresMethod(StrEnum):
    """How levels become metres, or why they do not."""

    LINE = "line"
    CURVE = "curve"
    TOO_FEW_READINGS = "too_few_readings"
    ONE_LEVEL = "one_level"  # the readings are all of one level
    CONTRADICTORY = "contradictory"  # the gauge falls as the level rises

    @property
    def is_fit(self) -> bool:
        """There are metres."""
        return self in (MetresMethod.LINE, MetresMethod.CURVE)


@dataclass(frozen=True)
class MetresFit:
    """The conversion of one camera.

    Attributes:
        method: Of the conversion, or why there is none.
        levels: Rising knots ``(k,)``, from the lowest to the highest level read; empty where there is no conversion.
        metres: At the knots ``(k,)``, never falling; above the gauge's datum.
        residuals_m: ``|read - predicted|`` of each reading, predicted without it (or without its group) ``(n,)``.
        discordant_share: Share of the pairs of readings whose gauge and level disagree on which is higher, of those in
            which neither is equal; NaN where there are none.
    """

    method: MetresMethod
    levels: Values
    metres: Values
    residuals_m: Values
    discordant_share: float

    @property
    def readings(self) -> int:
        """Usable readings."""
        return len(self.residuals_m)

    @property
    def range_m(self) -> float:
        """From the lowest to the highest value that can come out; NaN where there is no conversion."""
        return float(self.metres[-1] - self.metres[0]) if self.metres.size else math.nan

    def relative_residuals(self) -> Values:
        """Residuals over the range, unit 1: what other cameras can learn from; empty where the range is nothing."""
        return self.residuals_m / self.range_m if self.range_m > 0 else np.empty(0)

    def half_width_m(self, pooled: Sequence[ArrayLike] = (), *, coverage: float = COVERAGE) -> float:
        """Half width of the interval around every value.

        Args:
            pooled: ``relative_residuals`` of other cameras, one array each; used where own readings are too few.
            coverage: Share of values that shall be within.

        Returns:
            Metres; infinite where neither suffices.
        """
        own = own_quantile(self.residuals_m, coverage)
        if math.isfinite(own) or not self.range_m > 0:
            return own
        return pooled_quantile(pooled, coverage) * self.range_m

    def convert(
        self, levels: ArrayLike, *, half_width_m: float = math.inf, coverage: float = COVERAGE
    ) -> "Metres":
        """Levels in metres.

        Args:
            levels: ``(n,)``, NaN where not observable.
            half_width_m: Of the interval; ``half_width_m()`` gives it. Infinite: values without an interval.
            coverage: That it was asked for.
        """
        level = np.asarray(levels, np.float64)
        if not self.method.is_fit:
            flag = np.where(np.isnan(level), ValueFlag.UNOBSERVABLE, ValueFlag.NOT_KNOWN).astype(np.uint8)
            empty = np.full(level.shape, np.nan)
            return Metres(empty, Interval(empty, empty, empty), flag)
        value = np.interp(level, self.levels, self.metres)
        flag = np.full(level.shape, ValueFlag.GOOD, np.uint8)
        flag[(level < self.levels[0]) | (level > self.levels[-1])] = ValueFlag.OUTSIDE_READINGS
        flag[np.isnan(level)] = ValueFlag.UNOBSERVABLE
        value = np.where(flag == ValueFlag.GOOD, value, np.nan)
        return Metres(value, interval_around(value, half_width_m, coverage=coverage), flag)


@dataclass(frozen=True)
class Metres:
    """Levels in metres.

    Attributes:
        value: ``(n,)``, above the gauge's datum; NaN where the flag is not ``GOOD``.
        interval: Of the same; NaN where there is none.
        flag: ``ValueFlag``: ``GOOD``, ``UNOBSERVABLE``, ``OUTSIDE_READINGS``, or ``NOT_KNOWN`` without a conversion.
    """

    value: Values
    interval: Interval
    flag: NDArray[np.uint8]


def fit_metres(levels: ArrayLike, gauge_m: ArrayLike, groups: Sequence[str] | None = None) -> MetresFit:
    """Learn the conversion from a camera's readings, in any order.

    Args:
        levels: At the times of the readings ``(n,)``.
        gauge_m: Read then, metres ``(n,)``. Readings in which either is not finite are left out.
        groups: Of each reading: those of a group (a day, an event) err alike and are left out together, so that the
            residuals are those of a new day; each on its own by default.

    Raises:
        ValueError: Lengths differ.
    """
    x, y = np.asarray(levels, np.float64), np.asarray(gauge_m, np.float64)
    names = np.arange(x.size) if groups is None else np.asarray(groups)
    if not x.shape == y.shape == names.shape:
        raise ValueError(f"{x.size} levels, {y.size} readings, {names.size} groups")
    known = np.isfinite(x) & np.isfinite(y)
    order = np.argsort(x[known], kind="stable")
    x, y, names = x[known][order], y[known][order], names[known][order]
    discordant = _discordant_share(x, y)
    why_not = _why_not(x, y)
    if why_not:
        return MetresFit(why_not, np.empty(0), np.empty(0), np.full(x.size, np.inf), discordant)
    method, residuals = _choose(x, y, names)
    return MetresFit(method, *_knots(method, x, y), residuals, discordant)


def _why_not(x: Values, y: Values) -> MetresMethod | None:
    if x.size < FEWEST_READINGS:
        return MetresMethod.TOO_FEW_READINGS
    if np.ptp(x) < _SAME_LEVEL:
        return MetresMethod.ONE_LEVEL
    return MetresMethod.CONTRADICTORY if _slope(x, y) < 0 else None


def _choose(x: Values, y: Values, names: NDArray[np.generic]) -> tuple[MetresMethod, Values]:
    """The method that errs least on readings left out, in favour of the line; and how it errs."""
    line = np.full(x.size, np.inf)
    if x.size <= _MOST_FOR_LINE:
        line = _left_out(MetresMethod.LINE, x, y, names)
        if x.size < FEWEST_FOR_CURVE:
            return MetresMethod.LINE, line
    curve = _left_out(MetresMethod.CURVE, x, y, names)
    if np.mean(curve) < _CURVE_GAIN * np.mean(line) or x.size > _MOST_FOR_LINE:
        return MetresMethod.CURVE, curve
    return MetresMethod.LINE, line


def _left_out(method: MetresMethod, x: Values, y: Values, names: NDArray[np.generic]) -> Values:
    """Absolute residuals ``(n,)`` of readings predicted without their group; infinite where the rest give nothing.

    The outermost readings are predicted from beyond the others' range, by the line or by the curve's end: an error that
    no published value has, which makes the interval wide rather than narrow.
    """
    residuals = np.full(x.size, np.inf)
    groups, member = np.unique(names, return_inverse=True)
    fold = member % _FOLDS if len(groups) > _MOST_FOR_LINE else member
    for f in range(fold.max() + 1):
        out = fold == f
        if _why_not(x[~out], y[~out]) is None:
            at, values = _knots(method, x[~out], y[~out])
            residuals[out] = np.abs(y[out] - _predicted(method, x[out], at, values))
    return residuals


def _predicted(method: MetresMethod, x: Values, levels: Values, metres: Values) -> Values:
    if method is MetresMethod.LINE:
        slope = float((metres[-1] - metres[0]) / (levels[-1] - levels[0]))
        return np.asarray(metres[0] + slope * (x - levels[0]), np.float64)
    return np.asarray(np.interp(x, levels, metres), np.float64)


def _knots(method: MetresMethod, x: Values, y: Values) -> Knots:
    """Knots of a conversion through readings sorted by level."""
    if method is MetresMethod.LINE:
        slope = _slope(x, y)
        ends = x[[0, -1]]
        return ends, np.median(y - slope * x) + slope * ends
    levels, member, count = np.unique(x, return_inverse=True, return_counts=True)
    means = np.bincount(member, y) / count
    return levels, np.asarray(isotonic_regression(means, weights=count.astype(np.float64)).x, np.float64)


def _slope(x: Values, y: Values) -> float:
    """Median of the slopes between readings of different levels, metres per level."""
    x, y = _thinned(x, y)
    i, j = np.triu_indices(x.size, 1)
    rise = x[j] - x[i]
    apart = rise >= _SAME_LEVEL
    return float(np.median((y[j] - y[i])[apart] / rise[apart]))


def _discordant_share(x: Values, y: Values) -> float:
    x, y = _thinned(x, y)
    i, j = np.triu_indices(x.size, 1)
    sign = np.sign(x[j] - x[i]) * np.sign(y[j] - y[i])
    judged = sign != 0
    return float(np.mean(sign[judged] < 0)) if judged.any() else math.nan


def _thinned(x: Values, y: Values) -> Knots:
    """Readings sorted by level, every k-th where they are many: over the same range."""
    at = np.linspace(0, x.size - 1, min(x.size, _MOST_FOR_LINE)).astype(int)
    return x[at], y[at]
