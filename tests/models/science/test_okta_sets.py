import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.contracts.sky_answers import SkySource
from models.science.okta_sets import (
    OktaSets,
    conformal_threshold,
    fit_okta_sets,
    median_oktas,
    okta_sets,
    set_coverage,
    set_scores,
)
from tests.models.learn.sky_rows import one_hot, simulated_oktas

POSTERIOR = np.array([[0.0, 0.0, 0.0, 0.1, 0.2, 0.4, 0.3, 0.0, 0.0]])
NAN_ROW = np.full((1, 9), np.nan)


def test_a_set_grows_from_the_median_to_its_likelier_neighbour():
    # Cumulated: .1 at 3, .3 at 4, .7 at 5: the median is 5. Then 6 (.3 against .2) with .4 inside, 4 with .7, 3.
    assert median_oktas(POSTERIOR).tolist() == [5]
    assert set_scores(POSTERIOR)[0, 3:7] == pytest.approx([0.9, 0.7, 0.0, 0.4])
    assert [tuple(int(v[0]) for v in okta_sets(POSTERIOR, t)) for t in (0.0, 0.39, 0.4, 0.7, 0.9)] == [
        (5, 5),
        (5, 5),
        (5, 6),
        (4, 6),
        (3, 6),
    ]


def test_neighbours_as_likely_are_taken_where_more_lies_beyond_then_from_below():
    beyond = np.array([[0, 0, 0.125, 0.25, 0.25, 0.25, 0, 0.125, 0]])
    scores = set_scores(beyond)[0]  # median 4; 3 and 5 are equal and so is what lies beyond: 3 comes first
    assert scores[3] == 0.25 and scores[5] == 0.5
    above = np.array([[0, 0, 0, 0.25, 0.25, 0.25, 0.125, 0.125, 0]])
    scores = set_scores(above)[0]  # median 4; .25 beyond 5 and nothing beyond 3
    assert scores[5] == 0.25 and scores[3] == 0.5


def test_the_threshold_is_the_tenth_smallest_of_ten_at_ninety_percent():
    scores = np.linspace(0.0, 0.9, 10)[:, None] * one_hot([0] * 10, 9)
    # ceil(11 * 0.9) = 10: the largest of ten, 0.9; of eight, ceil(9 * 0.9) = 9 > 8: too few to promise anything.
    assert conformal_threshold(scores, one_hot([0] * 10, 9)) == pytest.approx(0.9)
    assert conformal_threshold(scores[:8], one_hot([0] * 8, 9)) == math.inf
    assert conformal_threshold(np.empty((0, 9)), np.empty((0, 9))) == math.inf
    with pytest.raises(ValueError, match="level 1"):
        conformal_threshold(scores, scores, 1.0)


def test_a_crowds_posterior_votes_for_several_oktas():
    scores = np.tile(np.arange(9) / 10, (20, 1))
    votes = np.tile([0.8, 0.2, 0, 0, 0, 0, 0, 0, 0], (20, 1))
    # 20 moments: .8 of 20 votes are at score 0, all within .1; 0.7 * 21 = 14.7 votes are reached at 0, 0.9 * 21 at .1.
    assert conformal_threshold(scores, votes, 0.7) == 0.0
    assert conformal_threshold(scores, votes, 0.9) == pytest.approx(0.1)


def test_moments_without_a_posterior_have_no_set():
    posterior = np.concatenate([NAN_ROW, POSTERIOR])
    low, high = okta_sets(posterior, [0.9, math.inf])
    assert low.tolist() == [-1, 0] and high.tolist() == [-1, 8]
    assert median_oktas(posterior).tolist() == [-1, 5]
    assert set_coverage(low, high, one_hot([3, 3], 9)) == (1.0, 9.0)
    assert all(math.isnan(v) for v in set_coverage(low[:1], high[:1], one_hot([3], 9)))
    empty = okta_sets(np.empty((0, 9)), 0.5)
    assert len(empty[0]) == 0


def test_coverage_and_size_by_hand():
    # Sets {2, 3}, {5}, {0..8}; true 3, 4 and half 1, half 2: two thirds are held, 12 oktas in three sets.
    truth = one_hot([3, 4, 1], 9)
    truth[2, 1:3] = 0.5
    found = set_coverage(np.int8([2, 5, 0]), np.int8([3, 5, 8]), truth)
    assert found == pytest.approx((2 / 3, 4.0))


def test_a_camera_of_few_moments_has_the_threshold_of_its_source():
    posterior, truth, _ = simulated_oktas(600, seed=1)
    camera = np.where(np.arange(600) < 500, "many", "few")
    source = np.where(np.arange(600) % 5 == 0, SkySource.SATELLITE, SkySource.BOTH).astype(np.int8)
    sets = fit_okta_sets(posterior, one_hot(truth, 9), source, camera, own_moments=200)
    assert set(sets.own) == {"many"} and set(sets.own["many"]) == {"BOTH"}  # of SATELLITE it has 100
    asked = sets.thresholds(np.int8([3, 2, 3, 1, 0]), ["many", "many", "few", "new", ""])
    assert asked[0] == sets.own["many"]["BOTH"]
    assert asked[1] == sets.pooled["SATELLITE"] and asked[2] == sets.pooled["BOTH"]
    assert asked[3] == asked[4] == sets.pooled["ANY"]  # nothing is known of CAMERA
    assert OktaSets().thresholds(np.int8([3]), ["new"]).tolist() == [math.inf]


def test_the_order_of_the_moments_does_not_matter():
    posterior, truth, camera = simulated_oktas(300, seed=2)
    order = np.random.default_rng(0).permutation(300)
    source = np.full(300, 3, np.int8)
    ordered = fit_okta_sets(posterior, one_hot(truth, 9), source, camera, own_moments=20)
    assert ordered == fit_okta_sets(
        posterior[order], one_hot(truth[order], 9), source, camera[order], own_moments=20
    )


@pytest.mark.parametrize("sharpened", [0.5, 1.0, 3.0])
def test_sets_hold_the_truth_as_often_as_promised_however_wrong_the_posterior(sharpened):
    held = []
    for seed in range(20):
        posterior, truth, _ = simulated_oktas(1000, seed, sharpened=sharpened)
        threshold = conformal_threshold(set_scores(posterior[:500]), one_hot(truth[:500], 9))
        low, high = okta_sets(posterior[500:], threshold)
        held.append(set_coverage(low, high, one_hot(truth[500:], 9))[0])
    # A run of 500 varies by sqrt(.9 * .1 * (1 / 500 + 1 / 500)) = .019, the mean of 20 by .0042: within four of these.
    assert np.mean(held) == pytest.approx(0.9, abs=0.017)


posteriors = arrays(np.float64, (4, 9), elements=st.floats(0, 1)).filter(
    lambda p: (p.sum(axis=1) > 1e-3).all()
)


@settings(max_examples=100, deadline=None)
@given(posteriors, st.floats(0, 1), st.floats(0, 1))
def test_sets_are_never_empty_hold_the_median_and_grow_with_the_threshold(posterior, one, other):
    less, more = sorted((one, other))
    small, large = okta_sets(posterior, less), okta_sets(posterior, more)
    median = median_oktas(posterior)
    assert (small[0] >= 0).all() and (small[1] <= 8).all()
    assert (small[0] <= median).all() and (median <= small[1]).all()
    assert (large[0] <= small[0]).all() and (small[1] <= large[1]).all()


@settings(max_examples=100, deadline=None)
@given(posteriors, st.floats(0, 1))
def test_sets_have_no_holes(posterior, threshold):
    low, high = okta_sets(posterior, threshold)
    assert ((set_scores(posterior) <= threshold).sum(axis=1) == high.astype(int) - low + 1).all()
