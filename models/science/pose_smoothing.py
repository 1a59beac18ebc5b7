"""A series of poses over time, smoothed with the frames before and after: for editions, never for nightly values."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.science.pose_vectors import DISAGREEMENT, cauchy_weight, usable_covariances

LEAST_IMAGES_FOR_DIURNAL = 30
LEAST_DAYS_FOR_DIURNAL = 2.0

_WALKS = np.array([0.02, 0.06, 0.2, 0.6, 2.0])  # tried, unit per root day
_DIURNAL_SIGMA = 2.0  # of the amplitude, unit
_DIURNAL_WALK = 0.1  # of the amplitude, unit per root day: the weather changes
_FREE = 1e3  # sigma of a level of which nothing is known, unit
_UNKNOWN = 1e2
_TRIED_FRAMES = 1500  # of a longer series, for the choice of the walk
_NEIGHBOURS, _NEIGHBOURS_SIGMA = (
    7,
    1.0,
)  # frames whose median a frame is first judged by, and how far it may be, unit
_PASSES = 3
_DAY = np.timedelta64(1, "D")


@dataclass(frozen=True)
class SmoothedSeries:
    """Smoothed poses in the order of the input.

    Attributes:
        poses: ``(n, 4)``: pan_px, tilt_px, roll_deg, zoom; as given where the frame has no time.
        covariances: ``(n, 4, 4)``.
        walk: ``(4,)`` standard deviation of the random walk in one day, in the units of the poses.
        diurnal: A daily cycle was fitted (at least 30 usable images over at least 2 days).
    """

    poses: NDArray[np.float64]
    covariances: NDArray[np.float64]
    walk: NDArray[np.float64]
    diurnal: bool


def smooth(
    times: NDArray[np.datetime64],
    poses: NDArray[np.float64],
    covariances: NDArray[np.float64],
    step_times: Sequence[np.datetime64] = (),
    *,
    width: int = 640,
    diurnal: bool = True,
    common: NDArray[np.float64] | None = None,
) -> SmoothedSeries:
    """Kalman filter and Rauch-Tung-Striebel smoother: a random walk, a daily cycle, and free jumps at given times.

    Frames without measurement (a pose or covariance that is not finite) get the value that their neighbours imply, with
    its wider covariance; NaN and infinite variances where no frame between the same two steps has one. The walk of each
    component follows from the series. A measurement that surprises counts little.

    Source: Rauch, Tung and Striebel 1965; Harvey 1989, "Forecasting, Structural Time Series Models and the Kalman
    Filter", chapters 2 to 4.

    Args:
        times: UTC ``(n,)``, any order; NaT is left out.
        poses: ``(n, 4)``: pan_px, tilt_px, roll_deg, zoom.
        covariances: ``(n, 4, 4)``.
        step_times: UTC; the level is free to jump between the last frame before and the first frame at or after each.
        width: Of the reference, pixels.
        diurnal: Allow the daily cycle.
        common: ``(4, 4)`` covariance of an error that all frames have alike (that of the keyframes they were compared
            with): more frames do not average it away. The errors of the frames are otherwise independent.
    """
    unit = np.array(
        [width / 640, width / 640, np.degrees(1 / 320), 1 / 320]
    )  # 1 px at the edge, at 640 px width
    smoothed, spread = poses.astype(np.float64), covariances.astype(np.float64)
    dated = np.flatnonzero(~np.isnat(times))
    order = dated[np.argsort(times[dated], kind="stable")]
    values = poses[order] / unit
    errors = covariances[order] / np.outer(unit, unit)
    usable = np.isfinite(values).all(1) & usable_covariances(errors)
    days = (times[order].astype("datetime64[ns]") - np.datetime64(0, "ns")) / _DAY
    cycle = diurnal and _allows_diurnal(days[usable])
    if not usable.any():
        smoothed[order], spread[order] = np.nan, np.diag(np.full(4, np.inf))
        return SmoothedSeries(smoothed, spread, np.full(4, np.nan), False)
    series = _Series(days, values, errors, usable, _jumps(times[order], step_times), cycle)
    walk, mean, covariance = _smooth_robustly(series)
    unknown = np.einsum("nii->ni", covariance).max(1) > _UNKNOWN**2
    mean[unknown], covariance[unknown] = np.nan, np.diag(np.full(4, np.inf))
    smoothed[order] = mean * unit
    spread[order] = covariance * np.outer(unit, unit) + (0.0 if common is None else common)
    return SmoothedSeries(smoothed, spread, walk * unit, cycle)


@dataclass(frozen=True)
class _Series:
    """Frames in time order, in units of 1 px at the edge of a picture of 640 px.

    Attributes:
        days: ``(n,)`` since 1970.
        values: ``(n, 4)``.
        errors: ``(n, 4, 4)``.
        usable: ``(n,)`` bool.
        jumps: ``(n,)`` bool: the level is free to jump on the way to this frame.
        cycle: There is a daily cycle.
    """

    days: NDArray[np.float64]
    values: NDArray[np.float64]
    errors: NDArray[np.float64]
    usable: NDArray[np.bool_]
    jumps: NDArray[np.bool_]
    cycle: bool

    def head(self, count: int) -> "_Series":
        """The first frames."""
        k = slice(count)
        return _Series(
            self.days[k], self.values[k], self.errors[k], self.usable[k], self.jumps[k], self.cycle
        )

    def doubting(self, expected: NDArray[np.float64], margin: float) -> "_Series":
        """With larger errors for the frames that are far from what is expected of them ``(n, 4)``."""
        gaps = np.where(self.usable[:, None], self.values - expected, 0)
        errors = np.where(self.usable[:, None, None], self.errors, np.eye(4))
        against = errors + margin**2 * np.eye(4)
        squared = (gaps * np.linalg.solve(against, gaps[..., None])[..., 0]).sum(1)
        weights = np.where(squared > DISAGREEMENT, cauchy_weight(squared), 1.0)
        return replace(self, errors=errors / weights[:, None, None])

    def neighbours(self) -> NDArray[np.float64]:
        """Median of the nearest usable frames between the same two steps, ``(n, 4)``."""
        expected = np.full_like(self.values, np.nan)
        part = np.cumsum(self.jumps)
        for label in np.unique(part[self.usable]):
            inside = np.flatnonzero(self.usable & (part == label))
            few = min(_NEIGHBOURS, len(inside))
            starts = np.clip(np.arange(len(inside)) - few // 2, 0, len(inside) - few)
            windows = np.lib.stride_tricks.sliding_window_view(self.values[inside], few, axis=0)
            expected[inside] = np.median(windows, axis=-1)[starts]
        return expected

    def weights(self) -> NDArray[np.float64]:
        """What each state contributes to a component, ``(n, 1 or 3)``: the level, cosine and sine of the hour."""
        one = np.ones_like(self.days)[:, None]
        if not self.cycle:
            return one
        angle = 2 * np.pi * self.days[:, None]
        return np.hstack([one, np.cos(angle), np.sin(angle)])

    def gaps(self) -> NDArray[np.float64]:
        """Days since the frame before, ``(n,)``."""
        return np.diff(self.days, prepend=self.days[:1])


def _smooth_robustly(
    series: _Series,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Walk ``(4,)``, means ``(n, 4)`` and covariances ``(n, 4, 4)``, frames that do not fit counting little."""
    doubted = series.doubting(series.neighbours(), _NEIGHBOURS_SIGMA)
    walk = _likely_walk(doubted.head(_TRIED_FRAMES))
    for _ in range(_PASSES):
        mean, covariance = _smooth(doubted, walk)
        doubted = series.doubting(mean, 0.0)
    return walk, mean, covariance


def _allows_diurnal(days: NDArray[np.float64]) -> bool:
    return len(days) >= LEAST_IMAGES_FOR_DIURNAL and float(np.ptp(days)) >= LEAST_DAYS_FOR_DIURNAL


def _jumps(times: NDArray[np.datetime64], steps: Sequence[np.datetime64]) -> NDArray[np.bool_]:
    free = np.zeros(len(times), dtype=bool)
    for step in steps:
        after = int(np.searchsorted(times, step, side="left"))
        if 0 < after < len(times):
            free[after] = True
    return free


def _start(states: int) -> NDArray[np.float64]:
    """Variances before the first frame, ``(states,)``."""
    return np.array([_FREE**2, _DIURNAL_SIGMA**2, _DIURNAL_SIGMA**2])[:states]


def _likely_walk(series: _Series) -> NDArray[np.float64]:
    """Of each component on its own, ``(4,)``: the root mean square of the candidates, by their likelihood."""
    weights, gaps = series.weights(), series.gaps()
    states = weights.shape[1]
    mean = np.zeros((4, len(_WALKS), states))
    covariance = np.broadcast_to(np.diag(_start(states)), (4, len(_WALKS), states, states)).copy()
    loss = np.zeros((4, len(_WALKS)))
    for k in range(len(gaps)):
        covariance[..., 0, 0] += _WALKS**2 * gaps[k] + series.jumps[k] * _FREE**2
        for state in range(1, states):
            covariance[..., state, state] += _DIURNAL_WALK**2 * gaps[k]
        if not series.usable[k]:
            continue
        innovation = series.values[k][:, None] - mean @ weights[k]  # (4, walks)
        towards = covariance @ weights[k]  # (4, walks, states)
        variance = towards @ weights[k] + np.diag(series.errors[k])[:, None]
        squared = innovation**2 / variance
        loss += np.log(variance) + np.minimum(squared, DISAGREEMENT)
        gain = towards / variance[..., None]
        mean += gain * innovation[..., None]
        covariance -= gain[..., :, None] * towards[..., None, :]
    likelihood = np.exp((loss.min(1, keepdims=True) - loss) / 2)
    return np.asarray(np.sqrt((likelihood * _WALKS**2).sum(1) / likelihood.sum(1)))


def _smooth(series: _Series, walk: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means ``(n, 4)`` and covariances ``(n, 4, 4)`` given all frames."""
    weights, gaps = series.weights(), series.gaps()
    n, states = weights.shape
    size = 4 * states
    observe = np.einsum("ns,ij->nisj", weights, np.eye(4)).reshape(n, 4, size)
    drift = np.concatenate([walk**2, np.full(size - 4, _DIURNAL_WALK**2)])
    jump = np.concatenate([np.full(4, _FREE**2), np.zeros(size - 4)])
    predicted, filtered = np.zeros((n, size)), np.zeros((n, size))
    doubt, spread = np.zeros((n, size, size)), np.zeros((n, size, size))  # of the predicted, of the filtered
    mean, covariance = np.zeros(size), np.diag(np.repeat(_start(states), 4))
    for k in range(n):
        covariance = covariance + np.diag(drift * gaps[k] + jump * series.jumps[k])
        predicted[k], doubt[k] = mean, covariance
        if series.usable[k]:
            mean, covariance = _update(mean, covariance, observe[k], series.values[k], series.errors[k])
        filtered[k], spread[k] = mean, covariance
    for k in range(n - 2, -1, -1):
        gain = np.linalg.solve(doubt[k + 1], spread[k]).T
        filtered[k] += gain @ (filtered[k + 1] - predicted[k + 1])
        spread[k] += gain @ (spread[k + 1] - doubt[k + 1]) @ gain.T
    return (
        np.einsum("nij,nj->ni", observe, filtered),
        observe @ spread @ observe.transpose(0, 2, 1),
    )


def _update(
    mean: NDArray[np.float64],
    covariance: NDArray[np.float64],
    observe: NDArray[np.float64],
    value: NDArray[np.float64],
    error: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Kalman update in Joseph's form."""
    predicted = observe @ covariance @ observe.T
    gain = np.linalg.solve(predicted + error, observe @ covariance).T
    kept = np.eye(len(mean)) - gain @ observe
    return mean + gain @ (value - observe @ mean), kept @ covariance @ kept.T + gain @ error @ gain.T
