"""The causal watch and the history of a line of sight, on simulated readings with known events."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from models.science.drift_events import (
    DriftEvent,
    EventKind,
    FrameClass,
    FrameReading,
    LightRegime,
    kind_of_change,
    light_regime,
)
from models.science.drift_history import explain
from models.science.drift_watch import WatchState, begin, replay, watch
from models.science.line_of_sight import Lens, Pose
from tests.benchmarks.drift_series import LENS, Conditions, series

QUIET = Conditions(days=6, sigma_px=0.2, amplitude_px=0.3)
STEP = np.array([2.0, -1.0, 0.0, 0.0])
AT = 100


def run(readings: list[FrameReading], state: WatchState | None = None):
    state, verdicts = state or begin(LENS), []
    for reading in readings:
        state, verdict = watch(state, reading)
        verdicts.append(verdict)
    return state, verdicts


def events_of(verdicts, kind: EventKind | None = None) -> list[DriftEvent]:
    return [e for v in verdicts for e in v.events if kind is None or e.kind is kind]


def level_events(events) -> list[DriftEvent]:
    return [e for e in events if e.kind.is_level_change]


@pytest.fixture(scope="module")
def stepped() -> list[FrameReading]:
    return series(np.random.default_rng(4), QUIET, {AT: STEP})


def test_a_step_is_confirmed_by_a_few_images_and_told_once(stepped):
    _, verdicts = run(stepped)
    (event,) = level_events(events_of(verdicts))
    assert event.kind is EventKind.STEP
    assert event.time == stepped[AT].time
    assert event.not_before == stepped[AT - 1].time
    assert stepped[AT + 1].time < event.confirmed_at <= stepped[AT + 10].time
    assert event.images >= 3
    assert abs(event.pan_px - 2.0) < 4 * event.pan_px_sigma
    assert abs(event.tilt_px + 1.0) < 4 * event.tilt_px_sigma
    assert event.pan_px_sigma < 0.5


def test_the_history_finds_the_same_step_in_any_order_of_frames(stepped):
    order = np.random.default_rng(0).permutation(len(stepped))
    history = explain([stepped[i] for i in order], LENS)
    (event,) = level_events(history.events)
    assert event.time == stepped[AT].time
    assert event.pan_px == pytest.approx(2.0, abs=0.3)
    assert event.tilt_px == pytest.approx(-1.0, abs=0.3)
    (wave,) = [e for e in history.events if e.kind is EventKind.THERMAL]
    assert wave.tilt_px == pytest.approx(0.3, abs=0.15)
    forward = explain(stepped, LENS)
    assert [history.classes[i] for i in np.argsort(order)] == list(forward.classes)


def test_verdicts_are_causal(stepped):
    _, verdicts = run(stepped)
    _, cut = run(stepped[: AT + 5])
    assert [v.frame_class for v in verdicts[: AT + 5]] == [v.frame_class for v in cut]
    assert [e.as_row() for e in level_events(events_of(cut))] == [
        e.as_row() for e in level_events(events_of(verdicts[: AT + 5]))
    ]


@pytest.mark.parametrize("cut", [AT - 5, AT + 1, AT + 30])
def test_a_state_replayed_from_the_record_goes_on_as_the_one_that_ran(stepped, cut):
    state, verdicts = run(stepped[:cut])
    rebuilt = replay(LENS, stepped[:cut], events_of(verdicts))
    _, ran = run(stepped[cut:], state)
    _, replayed = run(stepped[cut:], rebuilt)
    assert [v.frame_class for v in ran] == [v.frame_class for v in replayed]
    assert [(e.kind, e.time, e.pan_px) for e in level_events(events_of(ran))] == [
        (e.kind, e.time, e.pan_px) for e in level_events(events_of(replayed))
    ]


@pytest.mark.parametrize("blind", [False, True], ids=["matched", "nothing matched"])
def test_a_new_picture_size_is_told_once_however_often_the_state_is_replayed(blind):
    calm = series(np.random.default_rng(7), QUIET)
    readings = [
        replace(r, width=2 * r.width, height=2 * r.height) if i >= 150 else r for i, r in enumerate(calm)
    ]
    if blind:
        readings[150:160] = [replace(r, pose=None, covariance=None) for r in readings[150:160]]
    state, verdicts = run(readings[:200])
    told = events_of(verdicts)
    assert [e.kind for e in told if e.kind.is_level_change] == [EventKind.RESOLUTION]
    rebuilt = replay(LENS, readings[:200], told)
    assert rebuilt.size == state.size
    _, ran = run(readings[200:], state)
    _, replayed = run(readings[200:], rebuilt)
    assert [v.frame_class for v in replayed] == [v.frame_class for v in ran]
    assert not level_events(events_of(replayed))


def test_one_odd_picture_at_the_start_of_what_is_replayed_is_no_new_size():
    calm = series(np.random.default_rng(7), QUIET)
    readings = [replace(calm[0], width=2 * calm[0].width, height=2 * calm[0].height), *calm[1:]]
    _, verdicts = run(readings[100:], replay(LENS, readings[:100], []))
    assert not level_events(events_of(verdicts))


def test_single_outliers_are_flags_and_no_events(stepped):
    calm = series(np.random.default_rng(5), replace(QUIET, outliers=0.0))
    readings = [
        replace(
            r, pose=Pose(r.pose.pan_px + 20 * (i % 25 == 12), r.pose.tilt_px, r.pose.roll_deg, r.pose.zoom)
        )
        for i, r in enumerate(calm)
    ]
    _, verdicts = run(readings)
    wild = [i for i, v in enumerate(verdicts) if v.frame_class is FrameClass.OUTLIER]
    assert set(range(12, len(readings), 25)) <= set(wild)
    assert len(wild) <= len(readings) // 25 + 3
    assert not level_events(events_of(verdicts))
    history = explain(readings, LENS)
    assert not level_events(history.events)
    assert history.classes[12] is FrameClass.OUTLIER


def test_a_first_frame_that_is_wrong_is_no_step():
    readings = series(np.random.default_rng(6), replace(QUIET, days=3, outliers=0.0))
    readings[0] = replace(readings[0], pose=Pose(80.0, 10.0, 0.0, 1.0))
    _, verdicts = run(readings)
    assert not level_events(events_of(verdicts))
    assert all(v.frame_class is FrameClass.CONTINUOUS for v in verdicts[20:])


def test_unobservable_frames_are_said_so_and_a_blind_day_is_an_event():
    readings = series(np.random.default_rng(7), QUIET)
    dark = [replace(r, pose=None, covariance=None) if 40 <= i < 90 else r for i, r in enumerate(readings)]
    dark[5] = replace(dark[5], covariance=np.full((4, 4), np.inf))
    _, verdicts = run(dark)
    assert verdicts[5].frame_class is FrameClass.UNOBSERVABLE
    assert all(v.frame_class is FrameClass.UNOBSERVABLE for v in verdicts[40:90])
    (event,) = events_of(verdicts, EventKind.UNOBSERVABLE)
    assert event.time == readings[40].time
    assert not level_events(events_of(verdicts))
    (told,) = [e for e in explain(dark, LENS).events if e.kind is EventKind.UNOBSERVABLE]
    assert (told.time, told.images) == (readings[40].time, 50)


def test_a_change_of_size_alone_is_one_of_resolution_and_of_shape_a_crop():
    readings = series(np.random.default_rng(8), QUIET)
    for width, height, kind in [(1280, 960, EventKind.RESOLUTION), (640, 360, EventKind.CROP)]:
        resized = [replace(r, width=width, height=height) if i >= 60 else r for i, r in enumerate(readings)]
        _, verdicts = run(resized)
        for events in (events_of(verdicts), explain(resized, LENS).events):
            (event,) = level_events(events)
            assert (event.kind, event.time) == (kind, readings[60].time)
            assert abs(event.pan_px) < 0.5
    blind = [
        replace(r, width=1280, pose=None, covariance=None) if i >= 60 else r for i, r in enumerate(readings)
    ]
    (event,) = level_events(events_of(run(blind)[1]))
    assert event.kind is EventKind.CROP
    assert np.isnan(event.pan_px)


def test_a_zoom_is_a_kind_of_its_own():
    readings = series(np.random.default_rng(9), QUIET, {80: np.array([0.3, 0.0, 0.0, 4.0])})
    (event,) = level_events(events_of(run(readings)[1]))
    assert event.kind is EventKind.ZOOM
    assert event.zoom == pytest.approx(np.exp(4.0 / 400), abs=1e-3)  # 4 px at a corner 400 px away


def test_two_images_in_two_lights_confirm_a_large_step():
    readings = series(np.random.default_rng(10), replace(QUIET, outliers=0.0), {80: 8 * STEP})
    two = [replace(r, regime=LightRegime.DAY if i % 2 else LightRegime.NIGHT) for i, r in enumerate(readings)]
    one = [replace(r, regime=LightRegime.DAY) for r in readings]
    waits = []
    for each in (two, one):
        (event,) = level_events(events_of(run(each)[1]))
        waits.append(int(np.searchsorted([r.time for r in readings], event.confirmed_at)) - 80 + 1)
    assert waits[0] <= waits[1]
    assert waits[1] >= 3


def test_a_late_frame_is_refused(stepped):
    state, _ = run(stepped[:5])
    with pytest.raises(ValueError, match="late frames"):
        watch(state, stepped[2])


def test_nothing_in_nothing_out():
    assert explain([], LENS).events == ()
    assert explain(series(np.random.default_rng(0), QUIET)[:1], LENS).classes == (FrameClass.CONTINUOUS,)
    assert replay(LENS, [], []).line is None


def test_thermal_is_told_once_a_month():
    readings = series(
        np.random.default_rng(11), Conditions(days=70, sigma_px=0.2, amplitude_px=1.0, weather=0.1)
    )
    _, verdicts = run(readings[::3])
    waves = events_of(verdicts, EventKind.THERMAL)
    assert 2 <= len(waves) <= 3
    assert waves[-1].tilt_px == pytest.approx(1.0, abs=0.3)
    assert all(b.confirmed_at - a.confirmed_at >= np.timedelta64(30, "D") for a, b in pairwise(waves))


def test_an_event_survives_a_table():
    event = DriftEvent(EventKind.STEP, *np.array(["2024-01-02", "NaT", "2024-01-03"], "datetime64[ns]"), 1.0)
    back = DriftEvent.from_row({**event.as_row(), "camera": "a"})
    assert (back.kind, back.time, back.pan_px) == (event.kind, event.time, 1.0)
    assert np.isnat(back.not_before)


def test_words():
    assert [light_regime(x) for x in (0.05, 0.2, 0.6)] == [
        LightRegime.NIGHT,
        LightRegime.DIM,
        LightRegime.DAY,
    ]
    assert kind_of_change(np.array([1, 0, 0, 0.5]), (640, 480), (640, 480)) is EventKind.STEP
    # Half the width with the content magnified as much: a crop of the same shape.
    assert kind_of_change(np.array([0, 0, 0, 277.0]), (640, 480), (320, 240)) is EventKind.CROP
    assert Lens.of(640, 480) == LENS


def test_the_exact_pose_of_the_reference_is_a_reading_like_others():
    # The reference is at zero with no error at all: it must not outweigh everything, nor divide by zero.
    readings = series(np.random.default_rng(4), QUIET, {6: 4 * STEP})[:14]
    exact = replace(readings[0], pose=Pose(), covariance=np.zeros((4, 4)))
    _, verdicts = run([exact, *readings[1:]])
    assert all(np.isfinite(e.drift_px) for e in level_events(events_of(verdicts)))
