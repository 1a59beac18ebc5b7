"""Levels, daily wave and steps of a whole series, fitted in turn; outliers weigh little.

Change points of the whitened components by PELT propose the steps; a step is kept where, between its neighbours, it is
sudden and several images agree on both sides.

Source: PELT, Killick, Fearnhead and Eckley 2012, "Optimal Detection of Changepoints With a Linear Computational Cost",
JASA 107, as implemented by ruptures (Truong, Oudre and Vayatis 2020, Signal Processing 167).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import ruptures
from numpy.typing import NDArray

from models.science.drift_events import OUTLIER_NORM, SMALLEST_PX, WAVE_DAYS, WAVE_FRAMES
from models.science.step_test import INLIER_NORM, MIN_SIDE, StepFit, best_step

Array = NDArray[np.float64]

_PENALTY = 30.0  # of a change of four whitened components; what it proposes is tested again
_SIDE = 40  # images on each side that a step is tested on
_SEARCH = 4  # images that a proposed place may be off
_CHANCE = 1e-5
_TREND_MARGIN = 4.0  # natural log, against gradual motion
_ROUNDS = 4
_ANNUAL_DAYS, _YEAR_DAYS = 300.0, 365.25
_NEIGHBOURS = 9
_DAY_FRAMES, _LASTING_FRAMES = 20, 60  # a change that lasts outlives the weather of a day
_LASTING_SQUARED = 50.0  # of the change, in the series' own changes from any such run to the next


@dataclass(frozen=True)
class Track:
    """Observable frames in time order; corner pixels.

    Attributes:
        days: ``(n,)`` UTC, from any midnight.
        values: ``(n, 4)``.
        covariances: ``(n, 4, 4)``.
        forced: Frames at which the level changes whatever the values say: those of another picture size.
    """

    days: Array
    values: Array
    covariances: Array
    forced: tuple[int, ...] = ()


@dataclass(frozen=True)
class Levels:
    """What a track is made of.

    Attributes:
        steps: By their first frame after; ``None`` for a forced one with too few images to say.
        amplitude: ``(4,)`` of the 24 h wave; NaN where there are too few images or days for one.
        amplitude_covariance: ``(4, 4)``.
        departure: ``(n,)`` whitened distance of each frame from its neighbours.
    """

    steps: Mapping[int, StepFit | None]
    amplitude: Array
    amplitude_covariance: Array
    departure: Array

    @property
    def outliers(self) -> NDArray[np.bool_]:
        """Frames that disagree with their neighbours."""
        return np.asarray(self.departure > OUTLIER_NORM)


def find_levels(track: Track) -> Levels:
    """Fit a track of at least one frame."""
    steps: dict[int, StepFit | None] = dict.fromkeys(track.forced)
    for _ in range(_ROUNDS):
        before = sorted(steps)
        wave = _fit_wave(track, before)
        still = track.values - wave.values
        wild = _departure(track, still, before) > INLIER_NORM
        calm = np.where(wild[:, None], _running_median(still, before), still)
        steps = _tested(track, calm, still, _proposed(track, calm))
        if sorted(steps) == before:
            break
    wave = _fit_wave(track, sorted(steps))
    departure = _departure(track, track.values - wave.values, sorted(steps))
    return Levels(steps, wave.amplitude, wave.covariance, departure)


@dataclass(frozen=True)
class _Wave:
    values: Array  # (n, 4) of the day's and the year's wave
    amplitude: Array  # (4,)
    covariance: Array  # (4, 4)


def _fit_wave(track: Track, steps: list[int]) -> _Wave:
    """Harmonics beside the levels between the steps; nothing from too few images or days."""
    n, span = len(track.days), float(np.ptp(track.days))
    if n < WAVE_FRAMES or span < WAVE_DAYS:
        return _Wave(np.zeros((n, 4)), np.full(4, np.nan), np.full((4, 4), np.nan))
    phase = 2 * np.pi * track.days
    waves = [np.cos(phase), np.sin(phase), np.cos(2 * phase), np.sin(2 * phase)]
    if span > _ANNUAL_DAYS:
        waves += [np.cos(phase / _YEAR_DAYS), np.sin(phase / _YEAR_DAYS)]
    level = np.searchsorted(steps, np.arange(n), side="right")
    columns = np.column_stack([*waves, np.eye(len(steps) + 1)[level], track.days - track.days.mean()])
    variance = np.trace(track.covariances, axis1=1, axis2=2) / 4
    weights = 1 / variance
    for _ in range(_ROUNDS):
        root = np.sqrt(weights)[:, None]
        fit = np.linalg.lstsq(columns * root, track.values * root, rcond=None)[0]
        residual = track.values - columns @ fit
        norm = np.abs(residual) / (1.4826 * np.median(np.abs(residual), axis=0)).clip(1e-9)
        weights = (2.0 / norm.max(1).clip(2.0)) / variance
    scatter = (residual * (weights * variance)[:, None]).T @ residual / max(n - columns.shape[1], 1)
    return _Wave(columns[:, : len(waves)] @ fit[: len(waves)], np.hypot(fit[0], fit[1]), scatter * 2 / n)


def _running_median(values: Array, steps: list[int]) -> Array:
    """Of up to nine neighbours on the same level, ``(n, 4)``."""
    result = np.empty_like(values)
    for low, high in zip([0, *steps], [*steps, len(values)], strict=True):
        size = min(_NEIGHBOURS, high - low)
        starts = np.clip(np.arange(low, high) - _NEIGHBOURS // 2, low, high - size)
        result[low:high] = np.median(values[starts[:, None] + np.arange(size)], axis=1)
    return result


def _departure(track: Track, still: Array, steps: list[int]) -> Array:
    """Whitened by the covariances, or by the scatter about the neighbours where that is wider, ``(n,)``."""
    apart = still - _running_median(still, steps)
    scatter = 1.4826 * np.median(np.abs(apart), axis=0)
    sigmas = np.sqrt(np.einsum("nii->ni", track.covariances))
    ratio = np.maximum(1.0, scatter / np.median(sigmas, axis=0))
    return np.asarray(np.linalg.norm(apart / (sigmas * ratio), axis=1))


def _proposed(track: Track, calm: Array) -> list[int]:
    """Change points of the whitened components."""
    if len(calm) < 2 * MIN_SIDE:
        return []
    whiten = np.linalg.inv(np.linalg.cholesky(np.median(track.covariances, axis=0)))
    white = calm @ whiten.T
    side = min(_DAY_FRAMES, len(white) // 8)  # most contrasts must be clear of any one step
    noise = _contrast_scatter(white, side) * np.sqrt(side / 2)
    # KernelCPD with a linear kernel and a penalty is PELT with the cost of a mean, in compiled code.
    model = ruptures.KernelCPD(kernel="linear", min_size=MIN_SIDE).fit(white / noise.clip(1.0))
    return [int(i) for i in model.predict(pen=_PENALTY)[:-1]]


def _contrasts(values: Array, side: int) -> Array:
    """Mean of the next ``side`` frames minus that of the last, ``(n - 2 side + 1, 4)`` from frame ``side`` on."""
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    means = (sums[side:] - sums[:-side]) / side
    return np.asarray(means[side:] - means[:-side])


def _contrast_scatter(values: Array, side: int) -> Array:
    return np.asarray(1.4826 * np.median(np.abs(_contrasts(values, max(side, 1))), axis=0))


def _lasts(calm: Array, place: int, steps: list[int]) -> bool:
    """The change stands out of what the series does by itself from some days to the next."""
    around = [0, *(s for s in steps if abs(s - place) > _SEARCH), len(calm)]
    side = min(_LASTING_FRAMES, min(abs(place - a) for a in around))
    if len(calm) < 6 * side:  # too short to have an own scatter
        return True
    change = calm[place : place + side].mean(0) - calm[place - side : place].mean(0)
    return bool(((change / _contrast_scatter(calm, side)) ** 2).sum() > _LASTING_SQUARED)


def _tested(track: Track, calm: Array, still: Array, places: list[int]) -> dict[int, StepFit | None]:
    """The proposed steps that hold between their neighbours; the weakest go first, one at a time."""
    forced = set(track.forced)
    near = {i for i in places for f in forced if abs(i - f) <= MIN_SIDE}
    steps = sorted(set(places) - near | forced)
    fits: dict[int, tuple[int, StepFit | None]] = {}
    changed = set(steps)
    while True:
        fits |= {at: _local(track, still, at, steps) for at in changed}
        optional = [at for at in steps if at not in forced]
        weak = [at for at in optional if not (_holds(fits[at][1]) and _lasts(calm, fits[at][0], steps))]
        if not weak:
            return dict(fits[at] for at in steps)
        worst = max(weak, key=lambda at: _chance(fits[at][1]))
        here = steps.index(worst)
        steps.remove(worst)
        changed = set(steps[max(here - 1, 0) : here + 1])


def _local(track: Track, still: Array, at: int, steps: list[int]) -> tuple[int, StepFit | None]:
    """Place and size of the step at about ``at``, beside a straight line, from images between its neighbours."""
    around = [0, *steps, len(still)]
    here = around.index(at, 1)
    low, high = max(around[here - 1], at - _SIDE), min(around[here + 1], at + _SIDE)
    run = slice(low, high)
    if at in track.forced:
        place = (at - low, at - low)
        return at, best_step(still[run], track.covariances[run], track.days[run], between=place)
    place = (at - low - _SEARCH, at - low + _SEARCH)
    fit = best_step(still[run], track.covariances[run], track.days[run], degree=1, between=place)
    return (at, None) if fit is None else (low + fit.index, fit)


def _chance(fit: StepFit | None) -> float:
    return 0.0 if fit is None else fit.log_p


def _holds(fit: StepFit | None) -> bool:
    if fit is None or min(fit.agreeing()) < MIN_SIDE or np.linalg.norm(fit.change) < SMALLEST_PX:
        return False
    return fit.p_value < _CHANCE and fit.log_p < fit.trend_log_p - _TREND_MARGIN
