"""Intervals of levels: the ranks by hand, what is too few, and the coverage on simulated cameras."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.science.level_interval import calibrate, ensemble_level, own_quantile, pooled_quantile


def test_ensemble_mean_and_spread_by_hand():
    level, spread = ensemble_level([[0.2, 0.5, np.nan], [0.4, np.nan, np.nan], [0.6, 0.7, 0.1]])
    assert level[:2] == pytest.approx([0.4, 0.6])
    assert spread[:2] == pytest.approx([0.2, 0.1 * math.sqrt(2)])  # sample standard deviations
    assert np.isnan([level[2], spread[2]]).all()  # one of three answered: withheld


def test_half_of_the_models_is_not_a_majority():
    assert np.isnan(ensemble_level([[0.2], [np.nan]])[0]).all()


def test_one_model_has_no_spread():
    level, spread = ensemble_level([0.3, np.nan])
    assert level[0] == 0.3
    assert spread[0] == 0
    assert np.isnan(level[1])


def test_own_quantile_is_the_rank_of_one_more():
    # (10 + 1) * 0.9 = 9.9: the tenth smallest of ten; (19 + 1) * 0.9 = 18: the 18th of 19
    assert own_quantile(np.arange(10, 0, -1)) == 10
    assert own_quantile(np.arange(1, 20)) == 18


@pytest.mark.parametrize("n", [0, 1, 8])
def test_eight_cannot_carry_ninety_per_cent(n):
    assert own_quantile(np.ones(n)) == math.inf
    assert pooled_quantile([np.ones(100)] * n) == math.inf


def test_nine_can():
    assert own_quantile(np.arange(9)) == 8
    assert pooled_quantile([np.full(100, float(i)) for i in range(9)]) == 8


def test_each_group_has_one_vote():
    # 19 groups: 18 votes of 20 are asked for; one group of a thousand large scores has a single vote
    groups = [np.ones(3)] * 18 + [np.full(1000, 9.0)]
    assert pooled_quantile(groups) == 1


def test_infinite_scores_and_empty_groups_are_left_out():
    assert own_quantile([*range(9), math.inf, math.nan]) == 8
    assert pooled_quantile([[float(i)] for i in range(9)] + [[], [math.nan]]) == 8


def test_impossible_coverage_is_refused():
    with pytest.raises(ValueError, match="coverage"):
        own_quantile([1.0], 1.0)


@given(st.lists(st.floats(0, 10), min_size=1, max_size=40), st.floats(0.05, 0.95))
def test_groups_of_one_are_the_own_quantile(scores, coverage):
    assert own_quantile(scores, coverage) == pooled_quantile([[s] for s in scores], coverage)


def test_too_few_frames_give_no_interval_and_say_so():
    calibration = calibrate([0.5] * 8, [0.01] * 8, [0.6] * 8)
    assert calibration.too_few
    interval = calibration.interval([0.5], [0.01])
    assert np.isnan([interval.low, interval.high, interval.sigma]).all()


def test_interval_by_hand():
    # spread 0.02 throughout, offset their median 0.02; residual 0.1: score 2.5; new spread 0.06: half width 0.2
    calibration = calibrate([0.5] * 9 + [np.nan], [0.02] * 10, [0.6] * 10)
    assert (calibration.frames, calibration.cameras) == (9, 1)
    interval = calibration.interval([0.5, 0.9, np.nan], [0.06, 0.06, 0.06])
    assert interval.low[:2] == pytest.approx([0.3, 0.7])
    assert interval.high[:2] == pytest.approx([0.7, 1.0])  # a level is at most 1
    assert interval.sigma[0] == pytest.approx(0.2 / 1.6449, abs=1e-4)
    assert np.isnan([interval.low[2], interval.high[2], interval.sigma[2]]).all()


def test_nothing_to_calibrate_on():
    assert calibrate([], [], []).too_few
    assert calibrate([], [], [], []).too_few


def cameras(rng, n_cameras, n_frames, bias):
    """Ensembles of 4 that err by the camera, by the light (slowly) and by themselves; noise differs by frame."""
    camera = rng.normal(0, bias, (n_cameras, 1))
    difficulty = rng.gamma(2.0, 0.01, (n_cameras, n_frames))
    truth = rng.uniform(0.3, 0.7, (n_cameras, n_frames))
    common = rng.standard_t(4, (n_cameras, n_frames)) * difficulty
    levels = truth + camera + common + rng.normal(0, 1, (4, n_cameras, n_frames)) * difficulty
    return *ensemble_level(levels.reshape(4, -1)), truth.ravel(), np.repeat(np.arange(n_cameras), n_frames)


def covered(calibration, level, spread, truth):
    interval = calibration.interval(level, spread)
    inside = (interval.low <= truth) & (truth <= interval.high)
    return inside.mean(), (interval.high - interval.low).mean()


def test_own_coverage_on_simulated_cameras():
    rng = np.random.default_rng(0)
    shares, widths = [], []
    for _ in range(100):
        level, spread, truth, _ = cameras(rng, 1, 250, bias=0.05)
        share, width = covered(
            calibrate(level[:50], spread[:50], truth[:50]), level[50:], spread[50:], truth[50:]
        )
        shares.append(share)
        widths.append(width)
    assert 0.88 < np.mean(shares) < 0.93
    assert np.mean(widths) < 0.25


@pytest.mark.parametrize(("known_cameras", "at_most"), [(12, 0.97), (30, 0.95)])
def test_pooled_coverage_on_new_cameras_and_what_pooling_frames_would_promise(known_cameras, at_most):
    rng = np.random.default_rng(1)
    voted, pooled = [], []
    for _ in range(200):
        level, spread, truth, camera = cameras(rng, known_cameras + 1, 40, bias=0.05)
        old = camera < known_cameras
        new = level[~old], spread[~old], truth[~old]
        voted.append(
            covered(calibrate(level[old], spread[old], truth[old], camera[old].astype(str)), *new)[0]
        )
        pooled.append(covered(calibrate(level[old], spread[old], truth[old]), *new)[0])
    assert 0.89 < np.mean(voted) < at_most  # wide while cameras are few
    assert np.mean(pooled) < 0.9 < np.mean(voted) + 0.01
