"""Flood alerts: one event per flood, from levels and their standard errors, never from a single picture.

The level exceeds the threshold with a probability. Two observable images in a row that find it probable begin an event,
two that find it improbable, of a somewhat lower threshold, end it: between the two nothing changes. An image that shows
nothing (dark, fog, a moved camera) neither begins nor ends, and does not part two that agree.

The judgement is causal and its state small: ``to_columns`` stores it as plain numbers, and the next night goes on from
there. Thresholds are in the unit of the levels that are fed: levels in [0, 1], or metres.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_NEVER = np.datetime64("NaT", "ns")
_NORMAL = NormalDist()


@dataclass(frozen=True)
class AlertRule:
    """What makes a flood of a level.

    Attributes:
        threshold: Begins when the level is above, unit of the levels.
        margin: Ends when the level is below the threshold by this much, same unit; at least 0.
        begin_probability: Least probability, in two agreeing images, that the level is above the threshold.
        end_probability: Least probability, likewise, that it is below the threshold less the margin.
        agree_within_h: Hours between two images that may agree; a later one begins anew.

    Raises:
        ValueError: A value makes no sense.
    """

    threshold: float
    margin: float = 0.02
    begin_probability: float = 0.8
    end_probability: float = 0.8
    agree_within_h: float = 24.0

    def __post_init__(self) -> None:
        if not np.isfinite(self.threshold) or not self.margin >= 0 or not self.agree_within_h > 0:
            raise ValueError(f"threshold must be finite, margin >= 0 and agree_within_h > 0: {self}")
        # With a half or less one image could ask for the beginning and the end at once.
        if not (0.5 < self.begin_probability < 1 and 0.5 < self.end_probability < 1):
            raise ValueError(f"probabilities must be between 0.5 and 1: {self}")


@dataclass(frozen=True)
class FloodEvent:
    """One flood; its row is revised while it lasts, and its key is ``begin``.

    Attributes:
        begin: First of the two images that began it, UTC.
        confirmed_at: Second of them; the event is not known earlier.
        end: First of the two images that ended it; NaT while it lasts.
        ended_at: Second of them; NaT while it lasts.
        peak: Highest level since it began, unit of the levels.
        peak_at: Image of the peak.
        images: Observable images from the beginning up to the last one judged, or to the last before the end.
    """

    begin: np.datetime64
    confirmed_at: np.datetime64
    end: np.datetime64
    ended_at: np.datetime64
    peak: float
    peak_at: np.datetime64
    images: int

    @property
    def is_open(self) -> bool:
        """The flood lasts."""
        return bool(np.isnat(self.end))


@dataclass(frozen=True)
class AlertState:
    """What the alert remembers; plain values, so that it can be stored.

    Attributes:
        last: Time of the last image judged, observable or not; older ones are late.
        asking_since: First image that asks for a change (begin or end), waiting for one to agree; NaT where none does.
        begin: Of the event; NaT while there is none. While one image asks for a beginning it stands in
            ``asking_since`` alone.
        confirmed_at: Of the event.
        peak: Highest level since ``begin``, or of the image that asks for a beginning; NaN where neither.
        peak_at: Its time.
        images: Observable images of the event.
    """

    last: np.datetime64 = field(default=_NEVER)
    asking_since: np.datetime64 = field(default=_NEVER)
    begin: np.datetime64 = field(default=_NEVER)
    confirmed_at: np.datetime64 = field(default=_NEVER)
    peak: float = np.nan
    peak_at: np.datetime64 = field(default=_NEVER)
    images: int = 0

    @property
    def is_flood(self) -> bool:
        """An event is open."""
        return not np.isnat(self.begin)

    def event(self) -> FloodEvent | None:
        """The open event as it stands."""
        if not self.is_flood:
            return None
        return FloodEvent(self.begin, self.confirmed_at, _NEVER, _NEVER, self.peak, self.peak_at, self.images)

    def to_columns(self) -> dict[str, np.datetime64 | float | int]:
        """Name -> value, one row of a table."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @classmethod
    def from_columns(cls, row: Mapping[str, Any]) -> "AlertState":
        """The state of a stored row.

        Raises:
            KeyError: A column is missing.
        """
        names = [f.name for f in fields(cls) if f.type is np.datetime64]
        given = [row[name] for name in names]  # NaT, of numpy or of pandas, is not equal to itself
        times = np.array([_NEVER if t != t else t for t in given], "datetime64[ns]")
        return cls(**dict(zip(names, times, strict=True)), peak=float(row["peak"]), images=int(row["images"]))


@dataclass(frozen=True)
class NightAlerts:
    """What a run of images amounts to, row by row in the order that they were given.

    Attributes:
        probability: Of exceeding the threshold ``(n,)``; NaN where not observable.
        flood: Whether an event is open after the image ``(n,)``; carried on over images that show nothing.
        judged: ``(n,)``; false for late images and second ones of the same time, of which nothing is said.
        events: Begun, lasting or ended within the run, in the order of their beginnings; one row per flood.
    """

    probability: NDArray[np.float64]
    flood: NDArray[np.bool_]
    judged: NDArray[np.bool_]
    events: tuple[FloodEvent, ...]


def exceedance(levels: ArrayLike, sigmas: ArrayLike, threshold: float) -> NDArray[np.float64]:
    """Probability that the level is above a threshold.

    Args:
        levels: ``(n,)``, NaN where not observable.
        sigmas: One standard error ``(n,)``; 0 is certainty, NaN (nothing is known of the error) has no probability.
        threshold: In the unit of the levels.

    Returns:
        ``(n,)``, a half at the threshold; NaN where a level or its error is.
    """
    level, sigma = np.broadcast_arrays(np.asarray(levels, np.float64), np.asarray(sigmas, np.float64))
    known = np.isfinite(level) & np.isfinite(sigma)
    beyond = np.where(known, level - threshold, 0.0)
    score = np.divide(beyond, sigma, out=np.sign(beyond) * 40.0, where=known & (sigma > 0))
    chance = np.array([_NORMAL.cdf(s) for s in score.ravel()], np.float64).reshape(score.shape)
    return np.where(known, chance, np.nan)


def follow_levels(
    state: AlertState, rule: AlertRule, times: ArrayLike, levels: ArrayLike, sigmas: ArrayLike
) -> tuple[AlertState, NightAlerts]:
    """Judge a night's images.

    Args:
        state: After the images before; a night run again starts from the same state and says the same.
        rule: Of the camera; it may have changed since: an open event lasts until the new rule ends it.
        times: UTC, datetime64 ``(n,)``, in any order.
        levels: ``(n,)``, NaN where not observable.
        sigmas: One standard error ``(n,)``.

    Returns:
        The state after the last image, and what was said.
    """
    at = np.asarray(times, "datetime64[ns]")
    level = np.asarray(levels, np.float64)
    above = exceedance(level, sigmas, rule.threshold)
    below = 1 - exceedance(level, sigmas, rule.threshold - rule.margin)
    flood, judged = np.zeros(at.size, bool), np.zeros(at.size, bool)
    events: dict[np.datetime64, FloodEvent] = {}
    for i in np.argsort(at, kind="stable"):
        if np.isnat(at[i]) or at[i] <= state.last:
            continue
        state, ended = _judge(state, rule, at[i], level[i], (above[i], below[i]))
        flood[i], judged[i] = state.is_flood, True
        for event in filter(None, (ended, state.event())):
            events[event.begin] = event
    return state, NightAlerts(above, flood, judged, tuple(events.values()))


def _judge(
    state: AlertState, rule: AlertRule, time: np.datetime64, level: float, chances: tuple[float, float]
) -> tuple[AlertState, FloodEvent | None]:
    """The state after one image, and the event that it ended."""
    state = replace(state, last=time)
    above, below = chances
    if np.isnan(above):
        return state, None
    asks = below >= rule.end_probability if state.is_flood else above >= rule.begin_probability
    if not asks:
        return _undisputed(state, time, level), None
    if not _agrees(state, rule, time):
        return _asked(state, time, level), None
    if not state.is_flood:
        begun = replace(state, begin=state.asking_since, confirmed_at=time, asking_since=_NEVER, images=2)
        return _with_peak(begun, time, level), None
    event = state.event()
    assert event is not None
    return AlertState(last=time), replace(event, end=state.asking_since, ended_at=time)


def _undisputed(state: AlertState, time: np.datetime64, level: float) -> AlertState:
    """The image leaves things as they are; one that asked for a change stands alone."""
    if not state.is_flood:
        return AlertState(last=time)
    # An image that asked in vain for the end was of the flood after all.
    images = state.images + (1 if np.isnat(state.asking_since) else 2)
    return _with_peak(replace(state, asking_since=_NEVER, images=images), time, level)


def _asked(state: AlertState, time: np.datetime64, level: float) -> AlertState:
    """The first image that asks for a change; one before it, too long ago to agree, stands alone."""
    if not state.is_flood:
        return AlertState(last=time, asking_since=time, peak=level, peak_at=time)
    images = state.images + (0 if np.isnat(state.asking_since) else 1)
    return replace(state, asking_since=time, images=images)


def _agrees(state: AlertState, rule: AlertRule, time: np.datetime64) -> bool:
    if np.isnat(state.asking_since):
        return False
    return bool((time - state.asking_since) / np.timedelta64(1, "h") <= rule.agree_within_h)


def _with_peak(state: AlertState, time: np.datetime64, level: float) -> AlertState:
    return replace(state, peak=level, peak_at=time) if not level <= state.peak else state


def as_rows(events: Iterable[FloodEvent]) -> list[dict[str, Any]]:
    """Events as rows of a table, with the columns of ``FloodEvent``."""
    return [{f.name: getattr(event, f.name) for f in fields(event)} for event in events]
