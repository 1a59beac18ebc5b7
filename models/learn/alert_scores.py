"""Scores of flood alerts against true floods: probability of detection, false alarms, critical success.

A flood is caught by an alert that is *confirmed* within the tolerance of its beginning, before or after: what is known
too late is a miss. Each alert catches one flood at most and each flood is caught once: further alerts of one flood are
false alarms, so that a flood of messages costs.

Source: Schaefer 1990, "The critical success index as an indicator of warning skill".
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Times = NDArray[np.datetime64]


@dataclass(frozen=True)
class AlertScore:
    """Counts of one or more cameras; add them up for a network.

    Attributes:
        hits: Floods caught.
        misses: Floods not caught, withheld images or not.
        false_alarms: Alerts that caught none.
        delays_h: From the beginning of each caught flood to the confirmation of its alert, hours.
    """

    hits: int = 0
    misses: int = 0
    false_alarms: int = 0
    delays_h: tuple[float, ...] = ()

    def __add__(self, other: "AlertScore") -> "AlertScore":
        return AlertScore(
            self.hits + other.hits,
            self.misses + other.misses,
            self.false_alarms + other.false_alarms,
            self.delays_h + other.delays_h,
        )

    @property
    def pod(self) -> float:
        """Probability of detection: hits of all floods; NaN where there was none."""
        return _ratio(self.hits, self.hits + self.misses)

    @property
    def far(self) -> float:
        """False alarm ratio: false alarms of all alerts; NaN where there was none."""
        return _ratio(self.false_alarms, self.hits + self.false_alarms)

    @property
    def csi(self) -> float:
        """Critical success index: hits of all floods and false alarms; NaN where there was neither."""
        return _ratio(self.hits, self.hits + self.misses + self.false_alarms)

    @property
    def median_delay_h(self) -> float:
        """Hours, negative where alerts came before; NaN where nothing was caught."""
        return float(np.median(self.delays_h)) if self.delays_h else math.nan


def floods_above(times: ArrayLike, truth: ArrayLike, threshold: float) -> Times:
    """Beginnings ``(k,)`` of the true floods: first times at which the truth is above after it was not.

    Args:
        times: UTC, datetime64 ``(n,)``, in any order.
        truth: In the unit of the threshold ``(n,)``; NaN is passed over and parts no flood.
        threshold: Of a flood.
    """
    at, values = np.asarray(times, "datetime64[ns]"), np.asarray(truth, np.float64)
    known = np.isfinite(values) & ~np.isnat(at)
    order = np.argsort(at[known], kind="stable")
    at, above = at[known][order], values[known][order] > threshold
    before = np.concatenate([np.zeros(1, bool), above])[: above.size]
    return np.asarray(at[above & ~before], "datetime64[ns]")


def score_alerts(begins: ArrayLike, confirmed: ArrayLike, *, tolerance_h: float) -> AlertScore:
    """Match alerts of one camera to its floods.

    Args:
        begins: Of the true floods, datetime64 ``(k,)``, in any order.
        confirmed: ``confirmed_at`` of the alerts ``(m,)``, in any order.
        tolerance_h: Hours between the two, before or after.
    """
    floods = np.sort(np.asarray(begins, "datetime64[ns]"))
    alerts = np.sort(np.asarray(confirmed, "datetime64[ns]"))
    delays = _matched(_hours(floods, floods), _hours(alerts, floods), tolerance_h)
    hits = len(delays)
    return AlertScore(hits, floods.size - hits, alerts.size - hits, tuple(delays))


def _matched(floods: Sequence[float], alerts: Sequence[float], tolerance_h: float) -> list[float]:
    """Delays of the pairs; the earliest alert that can still be of the earliest flood leaves most for the others."""
    delays: list[float] = []
    flood = alert = 0
    while flood < len(floods) and alert < len(alerts):
        delay = alerts[alert] - floods[flood]
        if abs(delay) <= tolerance_h:
            delays.append(delay)
            flood, alert = flood + 1, alert + 1
        elif delay < 0:
            alert += 1
        else:
            flood += 1
    return delays


def _hours(times: Times, origin: Times) -> list[float]:
    if not origin.size:
        return [0.0] * times.size
    return [float(h) for h in (times - origin[0]) / np.timedelta64(1, "h")]


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
