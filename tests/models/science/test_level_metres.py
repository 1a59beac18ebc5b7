"""Metres from gauge readings: by hand, at the edges of what is known, and the coverage of the intervals."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.contracts.flags import ValueFlag
from models.science.level_metres import MetresMethod, fit_metres

NAN = math.nan


def test_two_readings_are_a_line_without_an_interval():
    fit = fit_metres([0.6, 0.2], [3.0, 1.0])  # unsorted: 5 m per level through (0.2, 1)
    assert fit.method is MetresMethod.LINE
    metres = fit.convert([0.2, 0.3, 0.6, 0.1, 0.7, NAN], half_width_m=fit.half_width_m())
    assert metres.value[:3] == pytest.approx([1.0, 1.5, 3.0])
    assert np.isnan(metres.value[3:]).all()  # never extrapolated
    assert list(metres.flag[:3]) == [ValueFlag.GOOD] * 3
    assert list(metres.flag[3:5]) == [ValueFlag.OUTSIDE_READINGS] * 2
    assert metres.flag[5] == ValueFlag.UNOBSERVABLE
    assert np.isnan(metres.interval.low).all()
    assert np.isnan(metres.interval.sigma).all()


@pytest.mark.parametrize(
    ("levels", "gauge_m", "method"),
    [
        ([], [], MetresMethod.TOO_FEW_READINGS),
        ([0.5], [1.0], MetresMethod.TOO_FEW_READINGS),
        ([0.5, NAN, 0.7], [1.0, 2.0, NAN], MetresMethod.TOO_FEW_READINGS),
        ([0.5, 0.5, 0.5], [1.0, 1.2, 1.1], MetresMethod.ONE_LEVEL),
        ([0.2, 0.6], [3.0, 1.0], MetresMethod.CONTRADICTORY),
    ],
)
def test_no_conversion_and_why(levels, gauge_m, method):
    fit = fit_metres(levels, gauge_m)
    assert fit.method is method
    metres = fit.convert([0.5, NAN])
    assert np.isnan(metres.value).all()
    assert list(metres.flag) == [ValueFlag.NOT_KNOWN, ValueFlag.UNOBSERVABLE]
    assert math.isnan(fit.range_m)
    assert fit.half_width_m([np.ones(5)] * 20) == math.inf


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="2 readings"):
        fit_metres([0.5], [1.0, 2.0])


def test_one_contradicting_reading_does_not_turn_the_line():
    # slopes 10, 10, 10 among the first three; the fourth at (0.4, 0) brings -30, -15, -10: median 0 to 10
    fit = fit_metres([0.1, 0.2, 0.3, 0.4, 0.5], [1.0, 2.0, 3.0, 0.0, 5.0])
    assert fit.convert([0.25]).value == pytest.approx(2.5)
    assert fit.discordant_share == pytest.approx(3 / 10)  # the fourth against the first three


def test_gauge_that_does_not_move_is_a_constant():
    fit = fit_metres([0.1, 0.5], [2.0, 2.0])
    assert fit.convert([0.3]).value == 2.0
    assert fit.relative_residuals().size == 0  # nothing that another camera could learn from
    assert math.isnan(fit.discordant_share)


def test_nine_readings_carry_an_interval_and_eight_do_not():
    levels = np.linspace(0.1, 0.9, 9)
    gauge_m = 5 * levels
    gauge_m[4] += 0.4  # the only error: left out, the line misses it by 0.4
    fit = fit_metres(levels, gauge_m)
    assert fit.method is MetresMethod.LINE
    half = fit.half_width_m()
    assert half == pytest.approx(0.4)  # the ninth smallest of nine
    metres = fit.convert([0.3], half_width_m=half)
    assert (metres.interval.low[0], metres.interval.high[0]) == pytest.approx((1.1, 1.9))
    assert fit_metres(levels[1:], gauge_m[1:]).half_width_m() == math.inf


def test_few_readings_borrow_the_residuals_of_nine_cameras():
    fit = fit_metres([0.2, 0.6], [1.0, 3.0])  # a range of 2 m
    others = [np.array([0.01 * i]) for i in range(1, 10)]
    assert fit.half_width_m(others) == pytest.approx(0.18)  # the ninth of nine, 9 % of 2 m
    assert fit.half_width_m(others[:8]) == math.inf


def test_curve_is_found_where_the_bank_bends():
    levels = np.linspace(0, 1, 40)
    fit = fit_metres(levels, levels**4)
    assert fit.method is MetresMethod.CURVE
    assert fit.convert([0.5]).value == pytest.approx([0.0625], abs=0.005)


def test_pooled_adjacent_violators_by_hand():
    # levels twice each: means 1, 3, 2, 5, 5, 9 by level; the violators 3 and 2 pool to 2.5
    levels = np.repeat([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], 2)
    gauge_m = [0.9, 1.1, 3, 3, 2, 2, 5, 5, 5, 5, 9, 9]
    fit = fit_metres(levels, gauge_m)
    assert fit.method is MetresMethod.CURVE
    assert fit.metres == pytest.approx([1, 2.5, 2.5, 5, 5, 9])


def test_readings_of_a_day_are_left_out_together():
    rng = np.random.default_rng(0)
    day = np.repeat(np.arange(12), 10)
    levels = rng.uniform(0.2, 0.8, 120)
    gauge_m = 4 * levels + rng.normal(0, 0.5, 12)[day]
    days = fit_metres(levels, gauge_m, [str(d) for d in day])
    assert np.median(days.residuals_m) > np.median(fit_metres(levels, gauge_m).residuals_m)


def test_all_readings_of_one_day_carry_no_interval():
    levels = np.linspace(0.1, 0.9, 30)
    fit = fit_metres(levels, 3 * levels, ["one"] * 30)
    assert fit.method.is_fit
    assert fit.half_width_m() == math.inf


def test_a_year_of_readings_is_quick_and_right():
    rng = np.random.default_rng(0)
    levels = rng.uniform(0, 1, 20_000)
    fit = fit_metres(levels, 3 * levels**2 + rng.normal(0, 0.1, 20_000))
    assert fit.method is MetresMethod.CURVE
    assert fit.convert([0.5]).value == pytest.approx([0.75], abs=0.05)
    assert fit.half_width_m() == pytest.approx(1.645 * 0.1, abs=0.02)


@pytest.mark.parametrize(("n", "trials"), [(9, 400), (30, 60), (60, 30)])
def test_intervals_cover_what_they_promise(n, trials):
    rng = np.random.default_rng(n)
    inside = []
    for _ in range(trials):
        levels = rng.uniform(0, 1, n + 50)
        gauge_m = 2 * levels + levels**2 + rng.normal(0, 0.15, n + 50)
        fit = fit_metres(levels[:n], gauge_m[:n])
        metres = fit.convert(levels[n:], half_width_m=fit.half_width_m())
        good = metres.flag == ValueFlag.GOOD
        inside += list(np.abs(metres.value - gauge_m[n:])[good] <= fit.half_width_m())
    assert 0.87 < np.mean(inside) < 0.95


LEVELS = st.floats(0, 1) | st.just(NAN)
READINGS = st.lists(st.tuples(LEVELS, st.floats(-5, 5) | st.just(NAN)), max_size=25)


@settings(max_examples=60, deadline=None)
@given(READINGS, st.randoms())
def test_metres_never_fall_stay_within_the_readings_levels_and_forget_their_order(readings, random):
    fit = fit_metres([r[0] for r in readings], [r[1] for r in readings])
    at = np.linspace(0, 1, 50)
    metres = fit.convert(at)
    known = metres.flag == ValueFlag.GOOD
    assert (np.isfinite(metres.value) == known).all()
    assert (np.diff(metres.value[known]) >= -1e-9).all()
    shuffled = list(readings)
    random.shuffle(shuffled)
    again = fit_metres([r[0] for r in shuffled], [r[1] for r in shuffled])
    assert again.method is fit.method
    np.testing.assert_allclose(again.convert(at).value, metres.value, atol=1e-6)
