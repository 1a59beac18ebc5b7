"""The causal watch of a camera's line of sight: what each night's frame means, said once and never revised.

``watch`` takes one frame at a time, in time order. The state is that of a filter over the past; it is never stored:
``replay`` rebuilds it from the record's rows of the last ``REPLAY_DAYS`` days and the events confirmed so far.

A step is confirmed when its likelihood ratio is beyond chance for years of frames, when at least three images (or two,
in two light regimes) agree with it and most since it do, and when no gradual motion explains it as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from models.science.drift_events import (
    BLIND_FRAMES,
    BLIND_TIME,
    EXCURSION,
    OUTLIER_NORM,
    SMALLEST_PX,
    WAVE_DAYS,
    WAVE_FRAMES,
    DriftEvent,
    EventKind,
    FrameClass,
    FrameReading,
    LightRegime,
    Verdict,
    kind_of_change,
    sizes_of,
    to_corner_px,
)
from models.science.drift_filter import LineFilter, StepEvidence, take
from models.science.line_of_sight import Lens
from models.science.step_test import INLIER_NORM, MIN_SIDE, best_step

REPLAY_DAYS = 45

_TREMOR_PX = (
    0.05  # of every frame; the reference's own pose is exact by definition, its camera was not quite still
)
_WINDOW = 64  # frames that a step may wait for its confirmation
_RATIO = 28.0  # chi squared of 4: one frame in 80,000 by chance; agreement and suddenness come on top
_EVIDENT_RATIO = 100.0
_AGREEING = 3
_AGREEING_ACROSS_LIGHT = 2
_MAJORITY = 0.6
_TREND_MARGIN = 2.0  # natural log, against gradual motion
_CHANCE = 1e-3
_WAVE_EVERY = np.timedelta64(30, "D")
_NEVER = np.datetime64("NaT", "ns")


@dataclass(frozen=True)
class _Frame:
    """One observable frame of the window, with the filter as it was before."""

    time: np.datetime64
    hours: float
    value: NDArray[np.float64]
    covariance: NDArray[np.float64]
    regime: LightRegime
    size: tuple[int, int]
    before: LineFilter


@dataclass(frozen=True)
class _Run:
    """Frames in a row with something in common."""

    start: np.datetime64 = _NEVER
    not_before: np.datetime64 = _NEVER
    images: int = 0
    regimes: frozenset[LightRegime] = frozenset()
    said: bool = False
    size: tuple[int, int] = (0, 0)

    def joined(self, reading: FrameReading, last: np.datetime64) -> "_Run":
        """One frame longer."""
        start, before = (self.start, self.not_before) if self.images else (reading.time, last)
        size = (reading.width, reading.height)
        return _Run(start, before, self.images + 1, self.regimes | {reading.regime}, self.said, size)

    def event(self, kind: EventKind, now: np.datetime64, sizes: dict[str, float]) -> DriftEvent:
        """What the run amounts to."""
        count = len(self.regimes)
        return DriftEvent(
            kind, self.start, self.not_before, now, images=self.images, light_regimes=count, **sizes
        )


@dataclass(frozen=True)
class WatchState:
    """What the watch remembers; immutable."""

    lens: Lens
    line: LineFilter | None = None
    evidence: StepEvidence = field(default_factory=StepEvidence.none)
    frames: tuple[_Frame, ...] = ()
    last: np.datetime64 = _NEVER
    size: tuple[int, int] | None = None
    observed: int = 0
    known_since: float = 0.0
    resized: _Run = _Run()
    blind: _Run = _Run()
    outliers: _Run = _Run()
    wave_said: np.datetime64 = _NEVER


def begin(lens: Lens) -> WatchState:
    """The state before a camera's first frame."""
    return WatchState(lens)


def watch(state: WatchState, reading: FrameReading) -> tuple[WatchState, Verdict]:
    """Judge the next frame.

    Raises:
        ValueError: The frame is older than the last one: late frames are not watched.
    """
    if reading.time < state.last:
        raise ValueError(f"{reading.time} is older than {state.last}: late frames are not watched")
    state, frame_class, events = _take(state, reading)
    state, change = _find_change(state, reading)
    if change:
        frame_class = FrameClass.CONTINUOUS if reading.is_observable else frame_class
        events = [*events, change]
    return state, Verdict(frame_class, tuple(events))


def replay(lens: Lens, readings: Sequence[FrameReading], events: Sequence[DriftEvent]) -> WatchState:
    """The state after past frames, with the events that were confirmed on them taken as they were published.

    Args:
        lens: Of the camera's reference.
        readings: Past frames in time order; those of the last ``REPLAY_DAYS`` days suffice. Always pass the same span
            (whole days before the night's first frame), so that a night run again says the same.
        events: Every event published for the camera so far.
    """
    known = {e.confirmed_at: e for e in events if e.kind.is_level_change}
    waves = [e.confirmed_at for e in events if e.kind is EventKind.THERMAL]
    state = begin(lens)
    for reading in readings:
        state, _, _ = _take(state, reading)
        event, run = known.get(reading.time), state.resized
        if _enough(run.images, len(run.regimes)):  # announced then, or the size that the camera had all along
            state = _with_size(state, run) if event else replace(state, size=run.size, resized=_Run())
        else:
            state = _changed(state, event.time) if event else _settle(state)
    return replace(state, wave_said=max(waves) if waves else _NEVER)


def _take(state: WatchState, reading: FrameReading) -> tuple[WatchState, FrameClass, list[DriftEvent]]:
    """Everything but changes of level."""
    size = (reading.width, reading.height)
    state = replace(state, size=state.size or size)
    same = size == state.size or (state.resized.images and size != state.resized.size)
    state = replace(state, resized=_Run() if same else state.resized.joined(reading, state.last))
    if not reading.is_observable:
        state, events = _blind(state, reading)
        return replace(state, last=reading.time), FrameClass.UNOBSERVABLE, events
    state, norm = _updated(state, reading)
    outlier = norm > OUTLIER_NORM
    events = []
    if outlier:
        state = replace(state, outliers=state.outliers.joined(reading, state.last))
    elif state.outliers.images:
        if state.outliers.images >= EXCURSION:
            events.append(state.outliers.event(EventKind.OUTLIER, reading.time, {}))
        state = replace(state, outliers=_Run())
    state, wave = _wave(replace(state, blind=_Run(), last=reading.time), reading.time)
    return state, FrameClass.OUTLIER if outlier else FrameClass.CONTINUOUS, events + wave


def _updated(state: WatchState, reading: FrameReading) -> tuple[WatchState, float]:
    assert reading.pose is not None and reading.covariance is not None
    value, covariance = to_corner_px(reading.pose, reading.covariance, state.lens)
    covariance = covariance + _TREMOR_PX**2 * np.eye(4)
    hours = float((reading.time - np.datetime64(0, "s")) / np.timedelta64(1, "h"))
    before = state.line or LineFilter.fresh(hours)
    size = (reading.width, reading.height)
    line, evidence, innovation = take(before, state.evidence, hours, value, np.diag(covariance))
    frame = _Frame(reading.time, hours, value, covariance, reading.regime, size, before)
    known_since = hours if state.line is None else state.known_since
    frames = (*state.frames, frame)[-_WINDOW:]
    state = replace(state, line=line, evidence=evidence.last(_WINDOW), frames=frames)
    return replace(state, observed=state.observed + 1, known_since=known_since), innovation.norm


def _blind(state: WatchState, reading: FrameReading) -> tuple[WatchState, list[DriftEvent]]:
    run = state.blind.joined(reading, state.last)
    if run.said or run.images < BLIND_FRAMES or reading.time - run.start < BLIND_TIME:
        return replace(state, blind=run), []
    event = run.event(EventKind.UNOBSERVABLE, reading.time, {})
    return replace(state, blind=replace(run, said=True)), [event]


def _wave(state: WatchState, now: np.datetime64) -> tuple[WatchState, list[DriftEvent]]:
    """The size of the daily wave, once a month, from enough images on enough days."""
    line = state.line
    if line is None or state.observed < WAVE_FRAMES or line.hours - state.known_since < 24 * WAVE_DAYS:
        return state, []
    if not np.isnat(state.wave_said) and now - state.wave_said < _WAVE_EVERY:
        return state, []
    sizes = sizes_of(line.amplitude, np.diag(line.amplitude_variance), state.lens)
    since = np.datetime64(0, "s") + np.timedelta64(round(state.known_since * 3600), "s")
    run = _Run(since.astype("datetime64[ns]"), _NEVER, state.observed)
    return replace(state, wave_said=now), [run.event(EventKind.THERMAL, now, sizes)]


def _find_change(state: WatchState, reading: FrameReading) -> tuple[WatchState, DriftEvent | None]:
    """The change of level that this frame confirms, if any."""
    if state.resized.images:
        run = state.resized
        if not _enough(run.images, len(run.regimes)):
            return state, None
        return _resized(state, run, reading.time)
    if not reading.is_observable or not state.frames:
        return state, None
    at = _candidate(state)
    if at is None:
        return state, None
    if state.observed - (len(state.frames) - at) < MIN_SIDE:
        return _settle(state), None
    frames = state.frames[at:]
    change, agreeing = _jump(frames)
    regimes = len({f.regime for f, agrees in zip(frames, agreeing, strict=True) if agrees})
    sure = _enough(int(agreeing.sum()), regimes) and agreeing.mean() >= _MAJORITY and agreeing[-1]
    if not sure or np.linalg.norm(change) < SMALLEST_PX or not _is_sudden(state, at):
        return state, None
    event = _level_event(state, at, reading.time, int(agreeing.sum()), regimes)
    return _changed(state, frames[0].time), event


def _enough(images: int, regimes: int) -> bool:
    return images >= _AGREEING or (images >= _AGREEING_ACROSS_LIGHT and regimes >= 2)


def _candidate(state: WatchState) -> int | None:
    """The place of the likeliest step, where it is likely at all."""
    ratios = state.evidence.ratios()
    at = int(np.argmax(ratios))
    return at if ratios[at] > _RATIO else None


def _settle(state: WatchState) -> WatchState:
    """The first frames disagree with the very first: it was an outlier, and no level to leave."""
    if state.observed <= 2 * MIN_SIDE and state.frames:
        at = _candidate(state)
        if at and len(state.frames) - at >= _AGREEING > at:
            return _changed(state, state.frames[at].time)
    return state


def _jump(frames: Sequence[_Frame]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The median departure from what was expected before the first frame, and which frames agree with it."""
    lines = [frames[0].before.at(f.hours) for f in frames]
    expected = [line.expected() for line in lines]
    departures = np.array([f.value - e for f, (e, _) in zip(frames, expected, strict=True)])
    change = np.asarray(np.median(departures, axis=0))
    noise = frames[0].before.noise
    variance = np.array(
        [v.clip(max=1.0) + np.diag(f.covariance) * noise for f, (_, v) in zip(frames, expected, strict=True)]
    )
    norm = np.sqrt(((departures - change) ** 2 / variance).sum(1))
    return change, norm < INLIER_NORM


def _is_sudden(state: WatchState, at: int) -> bool:
    """No gradual motion explains the change as well."""
    if state.evidence.ratios()[at] > _EVIDENT_RATIO:
        return True
    frames = state.frames[max(0, at - (len(state.frames) - at) - 2 * MIN_SIDE) :]
    assert state.line is not None
    values = np.array([f.value - state.line.wave(f.hours) for f in frames])
    hours = np.array([f.hours for f in frames])
    place = len(frames) - (len(state.frames) - at)
    fit = best_step(
        values, np.array([f.covariance for f in frames]), hours, degree=1, between=(place - 2, place + 2)
    )
    return fit is not None and fit.p_value < _CHANCE and fit.log_p < fit.trend_log_p - _TREND_MARGIN


def _changed(state: WatchState, since: np.datetime64) -> WatchState:
    """The state as if the level had been open from the frame at ``since`` on; what was learned of the wave stays."""
    at = _first_since(state, since)
    if at is None:
        return replace(state, evidence=StepEvidence.none(), frames=())
    frames = state.frames[at:]
    change, _ = _jump(frames)
    line = frames[0].before.opened(change, np.full(4, max(1.0, 0.1 * float(np.abs(change).max())) ** 2))
    for frame in frames:
        line, _, _ = take(line, StepEvidence.none(), frame.hours, frame.value, np.diag(frame.covariance))
    # A step within the frames that showed this one is this one: the evidence begins anew.
    return replace(state, line=line, evidence=StepEvidence.none(), frames=(), outliers=_Run())


def _level_event(state: WatchState, at: int, now: np.datetime64, images: int, regimes: int) -> DriftEvent:
    frames = state.frames[at:]
    after = _changed(state, frames[0].time).line
    assert after is not None
    before = frames[0].before.at(after.hours)
    change = after.state[:, 0] - before.state[:, 0]
    covariance = np.diag(after.spread[:, 0, 0] + frames[0].before.spread[:, 0, 0])
    previous = state.frames[at - 1].time if at else _NEVER
    kind = kind_of_change(change, state.size or frames[0].size, frames[-1].size)
    return DriftEvent(
        kind,
        frames[0].time,
        previous,
        now,
        images=images,
        light_regimes=regimes,
        **sizes_of(change, covariance, state.lens),
    )


def _resized(state: WatchState, run: _Run, now: np.datetime64) -> tuple[WatchState, DriftEvent]:
    """The pictures have another size from now on."""
    after = _with_size(state, run)
    at = _first_since(state, run.start)
    if at is None:  # nothing of the new size could be matched
        kind = kind_of_change(np.full(4, np.nan), state.size or run.size, run.size)
        return after, run.event(kind, now, {})
    event = _level_event(state, at, now, run.images, len(run.regimes))
    return after, replace(event, not_before=run.not_before)


def _with_size(state: WatchState, run: _Run) -> WatchState:
    """The state once pictures of another size are taken for granted; the level is open from the first of them on."""
    after = replace(state, size=run.size, resized=_Run())
    if _first_since(state, run.start) is not None:
        return _changed(after, run.start)
    line = state.line.opened(np.zeros(4), np.full(4, 50.0**2)) if state.line else None
    return replace(after, line=line, frames=(), evidence=StepEvidence.none())


def _first_since(state: WatchState, since: np.datetime64) -> int | None:
    """Place in the window of the first frame at or after a time."""
    return next((i for i, f in enumerate(state.frames) if f.time >= since), None)
