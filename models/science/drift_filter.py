"""A causal filter of the line of sight: level, daily wave, weather, and the evidence for a step at every recent frame.

Each of the four corner-pixel components has a Kalman filter of seven states: a level that wanders and sags slowly, the
first two harmonics of the day, and a deviation that fades within hours (sun and wind are never twice the same). Beside
it runs, for each recent frame, the likelihood ratio of a step of the level there.

Source: generalised likelihood ratio of Willsky and Jones 1976, "A generalized likelihood ratio approach to the
detection and estimation of jumps in linear systems", IEEE TAC 21; outlying innovations are down-weighted as Huber's.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.science.step_test import INLIER_NORM

Array = NDArray[np.float64]

HOURS_PER_DAY = 24.0
_STATES = 7  # level, cos 24 h, sin 24 h, cos 12 h, sin 12 h, deviation, slope of the level per day
_LEVEL, _DEVIATION, _SLOPE = 0, 5, 6
_UNKNOWN_PX = 1000.0
_WAVE_PX = np.array([1.0, 1.0, 0.3, 0.3])  # before anything is seen; pan, tilt, roll and zoom arcs
_SECOND_HARMONIC = 0.4
_LEVEL_WALK_PX = 0.1  # per square root of a day
_WAVE_WALK = 0.15  # of its amplitude, per square root of a day
_SLOPE_PX, _SLOPE_WALK_PX = 0.2, 0.01  # per day; per day and square root of a day
_DEVIATION_PX, _DEVIATION_SHARE = 0.05, 0.15  # of the amplitude of the day's wave
_FADE_HOURS = 4.0
_NOISE_MEMORY = 0.01  # per frame
_NOISE_SQUARED_LIMIT = 9.0  # an outlier says little of the noise
_CLIPPED_MEAN = 0.97  # of a squared standard normal clipped there
_WIDEST_NOISE = 25.0


@dataclass(frozen=True)
class LineFilter:
    """The filter after its last frame; immutable.

    Attributes:
        hours: Time of the last frame, hours since 1970.
        state: ``(4, 7)`` by component.
        spread: ``(4, 7, 7)`` covariance of the state.
        noise: ``(4,)`` how much larger than promised the error variances have proved; at least 1.
    """

    hours: float
    state: Array
    spread: Array
    noise: Array

    @classmethod
    def fresh(cls, hours: float) -> "LineFilter":
        """Nothing is known of the level."""
        first = _WAVE_PX**2
        diagonal = np.zeros((4, _STATES))
        diagonal[:, _LEVEL] = _UNKNOWN_PX**2
        diagonal[:, 1:3] = first[:, None]
        diagonal[:, 3:5] = first[:, None] * _SECOND_HARMONIC**2
        diagonal[:, _SLOPE] = (_SLOPE_PX * _WAVE_PX) ** 2
        spread = np.zeros((4, _STATES, _STATES))
        spread[:, range(_STATES), range(_STATES)] = diagonal
        return cls(hours, np.zeros((4, _STATES)), spread, np.ones(4))

    @property
    def amplitude(self) -> Array:
        """``(4,)`` of the 24 h wave."""
        return np.asarray(np.hypot(self.state[:, 1], self.state[:, 2]))

    @property
    def amplitude_variance(self) -> Array:
        """``(4,)``."""
        return np.asarray((self.spread[:, 1, 1] + self.spread[:, 2, 2]) / 2)

    def at(self, hours: float) -> "LineFilter":
        """The prediction for a later time."""
        days = max(hours - self.hours, 0.0) / HOURS_PER_DAY
        carry = _carry(days)
        wave = self.amplitude**2 + self.amplitude_variance
        growth = np.zeros((4, _STATES))
        growth[:, _LEVEL] = _LEVEL_WALK_PX**2 * days
        growth[:, 1:5] = (_WAVE_WALK**2 * wave * days)[:, None]
        fresh = 1 - carry[_DEVIATION, _DEVIATION] ** 2
        growth[:, _DEVIATION] = (_DEVIATION_PX**2 + _DEVIATION_SHARE**2 * wave) * fresh
        growth[:, _SLOPE] = _SLOPE_WALK_PX**2 * days
        spread = carry @ self.spread @ carry.T
        spread[:, range(_STATES), range(_STATES)] += growth
        return LineFilter(hours, self.state @ carry.T, spread, self.noise)

    def expected(self) -> tuple[Array, Array]:
        """What a frame at this very time should say, ``(4,)``, and the variance of that."""
        seen = _seen(self.hours)
        return self.state @ seen, np.einsum("i,cij,j->c", seen, self.spread, seen)

    def wave(self, hours: float) -> Array:
        """The daily wave alone, ``(4,)``, as known now."""
        return np.asarray(self.state[:, 1:5] @ _seen(hours)[1:5])

    def opened(self, change: Array, variance: Array) -> "LineFilter":
        """The filter with its level moved by ``change`` ``(4,)`` of a ``variance``, both corner pixels."""
        state, spread = self.state.copy(), self.spread.copy()
        state[:, 0] += change
        spread[:, 0, 0] += variance
        return replace(self, state=state, spread=spread)


@dataclass(frozen=True)
class Innovation:
    """How a frame compares with what was expected of it.

    Attributes:
        norm: Whitened length, four components.
        weight: Share of its information that was used.
    """

    norm: float
    weight: float


@dataclass(frozen=True)
class StepEvidence:
    """Likelihood ratios of a step at each of the last ``n`` frames, oldest first.

    Attributes:
        absorbed: ``(n, 4, 7)``, what the filter has made of a unit step there.
        information: ``(n, 4)``, of the step's size.
        score: ``(n, 4)``, information times the size.
    """

    absorbed: Array
    information: Array
    score: Array

    @classmethod
    def none(cls) -> "StepEvidence":
        """No frame yet."""
        return cls(np.zeros((0, 4, _STATES)), np.zeros((0, 4)), np.zeros((0, 4)))

    def ratios(self) -> Array:
        """``(n,)``: chi squared of four components where there is no step."""
        return np.asarray((self.score**2 / self.information.clip(1e-12)).sum(1))

    def last(self, count: int) -> "StepEvidence":
        """Without the oldest frames."""
        return StepEvidence(self.absorbed[-count:], self.information[-count:], self.score[-count:])


def _seen(hours: float) -> Array:
    phase = 2 * np.pi * hours / HOURS_PER_DAY
    return np.array([1.0, np.cos(phase), np.sin(phase), np.cos(2 * phase), np.sin(2 * phase), 1.0, 0.0])


def _carry(days: float) -> Array:
    """What becomes of the states after a time, ``(7, 7)``."""
    carry = np.eye(_STATES)
    carry[_LEVEL, _SLOPE] = days
    carry[_DEVIATION, _DEVIATION] = np.exp(-days * HOURS_PER_DAY / _FADE_HOURS)
    return carry


def take(
    before: LineFilter, evidence: StepEvidence, hours: float, value: Array, variance: Array
) -> tuple[LineFilter, StepEvidence, Innovation]:
    """Update with one frame; a candidate step at this frame is added to the evidence.

    Args:
        before: Filter after an earlier frame.
        evidence: That goes with it.
        hours: Time of the frame.
        value: ``(4,)`` corner pixels.
        variance: ``(4,)``.
    """
    line = before.at(hours)
    seen = _seen(hours)
    expected, known = line.expected()
    innovation = value - expected
    total = known + variance * line.noise
    squared = innovation**2 / total
    norm = float(np.sqrt(squared.sum()))
    weight = min(1.0, (INLIER_NORM / max(norm, 1e-9)) ** 2)
    gain = (line.spread @ seen) * (weight / total)[:, None]  # (4, 7)
    spread = line.spread - np.einsum("ci,cj,c->cij", gain, gain, total / weight)
    noise = line.noise * np.exp(_NOISE_MEMORY * (squared.clip(max=_NOISE_SQUARED_LIMIT) - _CLIPPED_MEAN))
    after = LineFilter(hours, line.state + gain * innovation[:, None], spread, noise.clip(1.0, _WIDEST_NOISE))

    carry = _carry(max(hours - before.hours, 0.0) / HOURS_PER_DAY)
    absorbed = np.concatenate([evidence.absorbed @ carry.T, np.zeros((1, 4, _STATES))])
    left = 1 - absorbed @ seen  # (n, 4) of a unit step, what the filter has not absorbed
    pad = np.zeros((1, 4))
    information = np.concatenate([evidence.information, pad]) + left**2 * weight / total
    score = np.concatenate([evidence.score, pad]) + left * innovation * weight / total
    updated = StepEvidence(absorbed + gain * left[..., None], information, score)
    return after, updated, Innovation(norm, weight)
