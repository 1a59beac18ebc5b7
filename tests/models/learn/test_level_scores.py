"""Scores of levels: beside scipy, the rule for withheld answers by hand, and the bootstrap."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from models.learn.level_reliability import answer_accuracy, coverage_and_width, relighting_shift
from models.learn.level_scores import (
    FIGURES,
    LevelSeries,
    block_rows,
    kendall,
    pair_accuracy,
    rank_correlation,
    rank_correlation_given_time,
    summarise,
)
from models.science.rank_correlation import partial_spearman, spearman, tau_b

NAN = math.nan


def series(level, truth, camera="a", site="s", hours=None):
    hours = np.arange(len(truth)) if hours is None else hours
    return LevelSeries(camera, site, *(np.asarray(v, float) for v in (hours, level, truth)))


VALUES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=2, max_size=30)


@given(VALUES)
def test_coefficients_beside_scipy(pairs):
    x, y = np.array(pairs, float).T
    varied = len(set(x)) > 1 and len(set(y)) > 1
    if not varied:
        assert math.isnan(tau_b(x, y))
        assert math.isnan(spearman(x, y))
        return
    assert tau_b(x, y) == pytest.approx(stats.kendalltau(x, y).statistic, abs=1e-12)
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)


def test_partial_spearman_is_that_of_the_formula():
    rng = np.random.default_rng(0)
    x, y, t = rng.normal(size=(3, 40)) + 2 * np.arange(40) / 40
    xy, xt, yt = (stats.spearmanr(a, b).statistic for a, b in ((x, y), (x, t), (y, t)))
    expected = (xy - xt * yt) / math.sqrt((1 - xt**2) * (1 - yt**2))
    assert partial_spearman(x, y, t) == pytest.approx(expected, abs=1e-9)


def test_a_trend_of_time_earns_nothing_beyond_time():
    rng = np.random.default_rng(1)
    hours = np.arange(50)
    truth = hours + rng.normal(0, 3, 50)
    s = series(hours, truth)
    assert rank_correlation(s) > 0.9
    assert rank_correlation_given_time(s) == 0
    assert math.isnan(
        rank_correlation_given_time(series(truth, hours))
    )  # the truth is time: nothing to be said


def test_withheld_frames_by_hand():
    # 4 of 5 answered, all in order: coefficients of 1 times 0.8; 6 of 10 pairs right
    s = series([1, 2, NAN, 4, 5], [1, 2, 3, 4, 5])
    assert kendall(s) == pytest.approx(0.8)
    assert rank_correlation(s) == pytest.approx(0.8)
    assert pair_accuracy(s) == pytest.approx(0.6)
    assert FIGURES["kendall_answered"](s) == pytest.approx(1)
    assert FIGURES["spearman_answered"](s) == pytest.approx(1)
    assert s.answered_share() == pytest.approx(0.8)


def test_withholding_does_not_mend_a_wrong_sign():
    assert kendall(series([5, 4, NAN, 2, 1], [1, 2, 3, 4, 5])) == -1


@pytest.mark.parametrize(("noise", "tau_less"), [(2.0, 0.0), (0.3, 0.03), (0.0, 0.06)])
def test_the_rule_is_about_what_a_random_order_would_score(noise, tau_less):
    rng = np.random.default_rng(2)
    truth = np.linspace(-1.7, 1.7, 240)
    level = truth + rng.normal(0, noise, 240)
    away = np.arange(0, 240, 4)  # a quarter, throughout the range
    withheld = level.copy()
    withheld[away] = NAN
    taus, rhos = [], []
    for _ in range(60):
        guess = withheld.copy()
        guess[away] = rng.choice(level, 60) + rng.normal(0, 1e-6, 60)
        taus.append(tau_b(guess, truth))
        rhos.append(spearman(guess, truth))
    s = series(withheld, truth)
    assert kendall(s) - tau_less == pytest.approx(np.mean(taus), abs=0.03)
    assert rank_correlation(s) == pytest.approx(np.mean(rhos), abs=0.03)


@pytest.mark.parametrize(
    ("level", "truth", "expected"),
    [
        ([NAN, NAN, NAN], [1, 2, 3], 0),
        ([NAN, 1, NAN], [1, 2, 3], 0),
        ([0.5, 0.5, 0.5], [1, 2, 3], 0),
        ([1, 2, 3], [2, 2, 2], NAN),
        ([1, 2, 3], [NAN, NAN, 3], NAN),
        ([], [], NAN),
    ],
)
def test_what_says_nothing_is_0_and_what_cannot_be_said_is_nan(level, truth, expected):
    for figure in (kendall, rank_correlation):
        assert figure(series(level, truth)) == pytest.approx(expected, nan_ok=True)


def test_frames_without_a_truth_are_not_scored():
    assert kendall(series([1, 9, 2, NAN], [1, NAN, 2, NAN])) == 1


def test_pair_accuracy_leaves_out_near_ties_of_the_truth():
    # truths 0, 0.1, 1: the pair of the first two is not asked; of the others one is right
    assert pair_accuracy(series([2, 1, 1.5], [0, 0.1, 1]), same=0.2) == 0.5


def test_summary_names_the_worst_camera_and_draws_by_site():
    rng = np.random.default_rng(3)
    truth = rng.normal(size=20)
    good = [series(truth + rng.normal(0, 0.05, 20), truth, f"good{i}", f"s{i}") for i in range(3)]
    (summary,) = summarise([*good, series(-truth, truth, "bad", "s3")], resamples=200, figures=["kendall"])
    assert (summary.worst_camera, summary.worst) == ("bad", -1)
    assert summary.median > 0.8
    assert summary.interval[0] < summary.median <= summary.interval[1] + 0.05
    assert summary.by_camera["bad"] == -1
    again = summarise([*good, series(-truth, truth, "bad", "s3")], resamples=200, figures=["kendall"])
    assert again == [summary]


def test_summary_of_nothing():
    for summary in summarise([], resamples=10):
        assert math.isnan(summary.median)
        assert summary.worst_camera == ""
    (summary,) = summarise([series([1, 2], [3, 3])], resamples=10, figures=["kendall"])
    assert math.isnan(summary.interval[0])


def test_all_figures_are_summed_up():
    rng = np.random.default_rng(4)
    cameras = [series(*rng.normal(size=(2, 24)), f"c{i}", f"s{i}") for i in range(10)]
    assert {s.figure for s in summarise(cameras, resamples=100)} == set(FIGURES)


@given(st.integers(0, 50), st.integers(0, 5))
def test_blocks_are_neighbours(n, seed):
    rows = block_rows(n, np.random.default_rng(seed))
    assert rows.size == n
    assert ((rows >= 0) & (rows < max(n, 1))).all()
    if n:
        length = max(1, round(math.sqrt(n)))
        steps = np.diff(rows) % n
        assert (steps != 1 % n).sum() <= -(-n // length)


def test_agreement_with_annotators():
    answers = ["left_higher", "right_higher", "equal", "not_comparable", "left_higher"]
    left, right = [0.9, 0.5, 0.5, 0.1, NAN], [0.1, 0.51, 0.51, 0.9, 0.1]
    # right; too near for "right higher"; equal; not counted; withheld
    assert answer_accuracy(left, right, answers, same=0.02) == 0.5
    assert math.isnan(answer_accuracy([0.1], [0.2], ["not_comparable"], same=0.02))


def test_coverage_and_width_by_hand():
    covered, width, given_share = coverage_and_width(
        [0.1, 0.2, NAN, 0.0], [0.3, 0.3, NAN, 1.0], [0.2, 0.9, 0.5, NAN]
    )
    assert (covered, width, given_share) == pytest.approx((0.5, 0.15, 2 / 3))
    assert all(math.isnan(v) for v in coverage_and_width([], [], []))


def test_relighting_by_hand():
    shift = relighting_shift([0.5, NAN, 0.2], [[0.52, 0.4], [0.1, 0.1], [0.2, NAN]])
    # shifts 0.02, 0.1, 0; one withheld of four: two of four hold
    assert shift.mean == pytest.approx(0.04)
    assert shift.largest == pytest.approx(0.1)
    assert (shift.within, shift.answered) == (0.5, 0.75)


def test_relighting_of_nothing():
    assert math.isnan(relighting_shift([NAN], [[0.1]]).mean)


@settings(max_examples=50)
@given(VALUES)
def test_more_withheld_never_scores_higher_when_all_is_right(pairs):
    truth = np.array([p[0] for p in pairs], float)
    whole = series(truth, truth)
    level = np.where(np.array([p[1] for p in pairs]) > 4, NAN, truth)
    for figure in (kendall, rank_correlation, pair_accuracy):
        full = figure(whole)
        assert math.isnan(full) or figure(series(level, truth)) <= full + 1e-12
