"""Flood alerts: two agreeing images, hysteresis, pictures that show nothing, and a state that survives the night."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.science.level_alert import AlertRule, AlertState, as_rows, exceedance, follow_levels

NAN = math.nan
RULE = AlertRule(0.6, margin=0.1)
START = np.datetime64("2026-01-01T00:00", "ns")
SIGMA = 0.01


def hours(*values):
    return START + np.array(values, float) * np.timedelta64(3_600_000_000_000, "ns")


def run(levels, state=None, first=0, rule=RULE, sigma=SIGMA):
    times = hours(*range(first, first + len(levels)))
    return follow_levels(state or AlertState(), rule, times, levels, np.full(len(levels), sigma))


def test_probability_by_hand():
    # Phi(0) = 0.5; Phi(1) = 0.8413; without an error it is a step; nothing known: no probability
    p = exceedance([0.6, 0.7, 0.7, 0.5, NAN, 0.9], [0.1, 0.1, 0.0, 0.0, 0.1, NAN], 0.6)
    assert p[:4] == pytest.approx([0.5, 0.8413, 1, 0], abs=1e-4)
    assert np.isnan(p[4:]).all()


def test_one_flood_is_one_event():
    state, night = run([0.3, 0.7, 0.9, 0.8, 0.55, 0.4, 0.3, 0.2])
    (event,) = night.events
    assert event.begin == hours(1)[0]
    assert event.confirmed_at == hours(2)[0]
    assert event.end == hours(5)[0]
    assert event.ended_at == hours(6)[0]
    assert (event.peak, event.peak_at) == (0.9, hours(2)[0])
    assert event.images == 4  # of hours 1 to 4: 0.55 is between the thresholds
    assert not event.is_open
    assert list(night.flood) == [False, False, True, True, True, True, False, False]
    assert same_values(state.to_columns(), AlertState(last=hours(7)[0]).to_columns())


def test_a_single_picture_neither_begins_nor_ends():
    assert run([0.3, 0.9, 0.3, 0.9, 0.3])[1].events == ()
    state, night = run([0.9, 0.9, 0.3, 0.9, 0.3, 0.9])
    assert len(night.events) == 1
    assert state.is_flood
    assert state.images == 6


def test_peak_counts_from_the_first_image():
    _, night = run([0.95, 0.9])
    assert (night.events[0].peak, night.events[0].peak_at) == (0.95, hours(0)[0])


def test_level_on_the_threshold_says_nothing():
    assert run([0.6] * 20)[1].events == ()
    state, _ = run([0.9, 0.9] + [0.5] * 20)  # on the lower one
    assert state.is_flood


def test_wide_errors_begin_nothing():
    assert run([0.65] * 10, sigma=0.2)[1].events == ()  # Phi(0.25) = 0.6


def test_unobservable_images_neither_begin_nor_end_nor_part_two_that_agree():
    state, night = run([0.9, NAN, NAN, 0.9, NAN, 0.2, NAN])
    assert list(night.flood) == [False, False, False, True, True, True, True]
    assert night.events[0].begin == hours(0)[0]
    assert night.events[0].confirmed_at == hours(3)[0]
    assert state.is_flood
    state, night = run([NAN, 0.2], state, first=7)
    assert night.events[0].end == hours(5)[0]
    assert not state.is_flood


def test_all_dark_night_leaves_the_state_but_for_its_time():
    before, _ = run([0.9, 0.9, 0.2])
    after, night = run([NAN] * 10, before, first=3)
    assert same_values(after.to_columns(), before.to_columns() | {"last": hours(12)[0]})
    assert night.flood.all()
    assert np.isnan(night.probability).all()
    assert night.events[0].is_open


def test_images_too_far_apart_do_not_agree():
    rule = AlertRule(0.6, agree_within_h=24)
    times, levels = hours(0, 25, 26), [0.9, 0.9, 0.9]
    _, night = follow_levels(AlertState(), rule, times, levels, [SIGMA] * 3)
    assert night.events[0].begin == hours(25)[0]
    assert night.events[0].confirmed_at == hours(26)[0]


def test_unsorted_late_and_doubled_images():
    times = hours(2, 0, 1, 1)
    state, night = follow_levels(AlertState(), RULE, times, [0.9, 0.3, 0.9, 0.2], [SIGMA] * 4)
    assert night.events[0].begin == hours(1)[0]
    assert list(night.judged) == [True, True, True, False]  # the second of one time
    state, night = follow_levels(state, RULE, hours(0.5, 3), [0.1, 0.9], [SIGMA] * 2)
    assert list(night.judged) == [False, True]  # late: never revised
    assert state.is_flood
    state, night = follow_levels(state, RULE, np.array(["NaT"], "datetime64[ns]"), [0.1], [SIGMA])
    assert not night.judged[0]


def test_nothing_to_judge():
    state, night = follow_levels(AlertState(), RULE, [], [], [])
    assert state.to_columns().keys() == AlertState().to_columns().keys()
    assert night.events == ()


@pytest.mark.parametrize(
    "wrong",
    [
        {"threshold": NAN},
        {"threshold": 1, "margin": -1},
        {"threshold": 1, "begin_probability": 0.4},
        {"threshold": 1, "end_probability": 1.0},
        {"threshold": 1, "agree_within_h": 0},
    ],
)
def test_senseless_rules_are_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        AlertRule(**wrong)


def test_rows_of_events():
    row = as_rows(run([0.9, 0.9])[1].events)[0]
    assert row["peak"] == 0.9
    assert np.isnat(row["end"])


LEVELS = st.lists(st.sampled_from([0.1, 0.3, 0.55, 0.65, 0.9, NAN]), max_size=40)


def stored(state):
    """Through a table and back."""
    return AlertState.from_columns(pd.DataFrame([state.to_columns()]).iloc[0])


@settings(max_examples=80, deadline=None)
@given(LEVELS, st.integers(0, 40))
def test_nights_in_a_row_say_what_one_long_run_says(levels, cut):
    cut = min(cut, len(levels))
    whole_state, whole = run(levels)
    state, first = run(levels[:cut])
    state, second = run(levels[cut:], stored(state), first=cut)
    merged = {e.begin: e for e in (*first.events, *second.events)}
    assert same(merged.values(), whole.events)
    assert list(first.flood) + list(second.flood) == list(whole.flood)
    assert same_values(state.to_columns(), whole_state.to_columns())


@settings(max_examples=80, deadline=None)
@given(LEVELS)
def test_events_are_in_order_and_apart(levels):
    _, night = run(levels)
    for event in night.events:
        assert event.begin < event.confirmed_at
        assert event.begin <= event.peak_at
        assert event.images >= 2
        assert event.is_open or event.confirmed_at < event.end < event.ended_at
    for one, other in zip(night.events, night.events[1:], strict=False):
        assert one.ended_at < other.begin


def same_values(one, other):
    """NaT and NaN equal themselves here."""
    return one.keys() == other.keys() and all(
        a == b or (pd.isna(a) and pd.isna(b)) for a, b in zip(one.values(), other.values(), strict=True)
    )


def same(events, others):
    return all(same_values(a, b) for a, b in zip(as_rows(events), as_rows(others), strict=True))
