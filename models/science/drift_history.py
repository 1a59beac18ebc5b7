"""A camera's whole history explained at once: steps, the daily wave, outliers. For editions and evaluation."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.science.drift_events import (
    BLIND_FRAMES,
    BLIND_TIME,
    EXCURSION,
    DriftEvent,
    EventKind,
    FrameClass,
    FrameReading,
    kind_of_change,
    sizes_of,
    to_corner_px,
)
from models.science.drift_groups import with_reference
from models.science.drift_levels import Levels, Track, find_levels
from models.science.line_of_sight import Lens
from models.science.step_test import MIN_SIDE, StepFit

_NEVER = np.datetime64("NaT", "ns")


@dataclass(frozen=True)
class History:
    """What a whole series means.

    Attributes:
        events: In time order.
        classes: Of each frame, in the order given.
    """

    events: tuple[DriftEvent, ...]
    classes: tuple[FrameClass, ...]


def explain(readings: Sequence[FrameReading], lens: Lens) -> History:
    """Find the events of a series, looking both ways. Any order of frames; the answer is in the order given."""
    times = np.array([r.time for r in readings], dtype="datetime64[ns]")
    order = np.argsort(times, kind="stable")
    ordered = [readings[i] for i in order]
    seen = np.array([r.is_observable for r in ordered], dtype=bool)
    classes = np.where(seen, FrameClass.CONTINUOUS, FrameClass.UNOBSERVABLE).astype(object)
    events = _runs(ordered, ~seen, EventKind.UNOBSERVABLE, BLIND_FRAMES, BLIND_TIME)
    if seen.any():
        observed = [r for r, s in zip(ordered, seen, strict=True) if s]
        levels = find_levels(_track(observed, lens))
        classes[np.flatnonzero(seen)[levels.outliers]] = FrameClass.OUTLIER
        events += [_level_event(observed, at, fit, lens) for at, fit in levels.steps.items()]
        events += _runs(observed, levels.outliers, EventKind.OUTLIER, EXCURSION, np.timedelta64(0, "h"))
        events += _wave_event(observed, levels, lens)
    given = np.empty(len(ordered), dtype=object)
    given[order] = classes
    return History(tuple(sorted(events, key=lambda e: (e.time, e.kind))), tuple(given))


def _track(readings: Sequence[FrameReading], lens: Lens) -> Track:
    times = np.array([r.time for r in readings], dtype="datetime64[ns]")
    days = (times - times[0].astype("datetime64[D]")) / np.timedelta64(1, "D")
    pairs = [
        to_corner_px(r.pose, r.covariance, lens) for r in readings if r.pose and r.covariance is not None
    ]
    values, covariances = np.array([v for v, _ in pairs]), np.array([c for _, c in pairs])
    return Track(days.astype(np.float64), values, with_reference(covariances), _resized(readings))


def _size(reading: FrameReading) -> tuple[int, int]:
    return reading.width, reading.height


def _resized(readings: Sequence[FrameReading]) -> tuple[int, ...]:
    """First frames of another size that the next two have as well."""
    size, places = _size(readings[0]), []
    for i in range(1, len(readings) - MIN_SIDE + 1):
        after = {_size(r) for r in readings[i : i + MIN_SIDE]}
        if len(after) == 1 and size not in after:
            size = _size(readings[i])
            places.append(i)
    return tuple(places)


def _level_event(readings: Sequence[FrameReading], at: int, fit: StepFit | None, lens: Lens) -> DriftEvent:
    sizes = (_size(readings[at - 1]), _size(readings[at]))
    change = np.full(4, np.nan) if fit is None else fit.change
    measured = {} if fit is None else sizes_of(fit.change, fit.covariance, lens)
    after = readings[at : at + (MIN_SIDE if fit is None else max(fit.agreeing()[1], 1))]
    return DriftEvent(
        kind_of_change(change, *sizes),
        readings[at].time,
        readings[at - 1].time,
        readings[min(at + MIN_SIDE, len(readings)) - 1].time,
        images=len(after),
        light_regimes=len({r.regime for r in after}),
        **measured,
    )


def _wave_event(readings: Sequence[FrameReading], levels: Levels, lens: Lens) -> list[DriftEvent]:
    if not np.isfinite(levels.amplitude).all():
        return []
    first, last = readings[0].time, readings[-1].time
    sizes = sizes_of(levels.amplitude, levels.amplitude_covariance, lens)
    regimes = len({r.regime for r in readings})
    calm = int((~levels.outliers).sum())
    return [DriftEvent(EventKind.THERMAL, first, _NEVER, last, images=calm, light_regimes=regimes, **sizes)]


def _runs(
    readings: Sequence[FrameReading],
    member: NDArray[np.bool_],
    kind: EventKind,
    images: int,
    duration: np.timedelta64,
) -> list[DriftEvent]:
    """Events of at least so many members in a row, over at least a duration."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], member.astype(int), [0]])))
    events = []
    for low, high in edges.reshape(-1, 2):
        run = readings[low:high]
        if len(run) < images or run[-1].time - run[0].time < duration:
            continue
        before = readings[low - 1].time if low else _NEVER
        regimes = len({r.regime for r in run})
        events.append(
            DriftEvent(kind, run[0].time, before, run[-1].time, images=len(run), light_regimes=regimes)
        )
    return events
