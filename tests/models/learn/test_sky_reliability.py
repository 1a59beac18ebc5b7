import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.contracts.cloud_labels import GENERA
from models.contracts.sky_batch import NO_BASE
from models.learn.sky_reliability import (
    average_precision,
    calibration_errors,
    contradictions,
    genera_average_precision,
    median_base_error_m,
    okta_exceedance,
    reliability,
)
from models.learn.sky_truth import target_codes
from tests.models.learn.sky_rows import answers_of, one_hot, simulated_oktas, targets_of


def test_bins_hold_as_many_each_and_their_gaps_are_weighted():
    # Two bins: .1, .3 (mean .2, happened half) and .6, .8 (mean .7, both happened): (.3 * 2 + .3 * 2) / 4 = .3.
    curve = reliability([0.8, 0.1, 0.3, 0.6], [1, 1, 0, 1], bins=2)
    assert curve.stated == pytest.approx([0.2, 0.7]) and curve.happened.tolist() == [0.5, 1.0]
    assert curve.moments.tolist() == [2, 2] and curve.error == pytest.approx(0.3)


def test_equal_probabilities_share_a_bin_and_nan_is_left_out():
    # All .5, half came true: no error, however many bins were asked for.
    curve = reliability([0.5] * 6 + [np.nan, 0.9], [1, 0, 1, 0, 1, 0, 1, np.nan], bins=3)
    assert curve.moments.tolist() == [6] and curve.error == 0
    assert math.isnan(reliability([], []).error) and math.isnan(reliability([np.nan], [1]).error)


def test_average_precision_by_hand():
    # In order: hit (1/1), miss, hit (2/3), miss; the third true one is not answered and is not found: (1 + 2/3) / 3.
    found = average_precision([0.9, 0.2, 0.5, np.nan, 0.7, 0.8], np.array([1, 0, 1, 1, 0, -1]))
    assert found == pytest.approx((1 + 2 / 3) / 3)
    # Equal ones come together: two of four.
    assert average_precision([0.5] * 4, np.array([1, 0, 1, 0])) == 0.5
    assert math.isnan(average_precision([0.5], np.array([0])))
    assert math.isnan(average_precision([], np.array([], int)))


def test_genera_that_are_never_there_do_not_count():
    there, said = np.zeros((3, 10)), np.full((3, 10), 0.2)
    there[0, 0], said[0, 0] = 1, 0.9
    there[2, 8], said[:, 8] = 1, (0.7, 0.1, 0.6)  # second of three: 1 / 2
    answers, targets = answers_of(3, genera=said), targets_of(3, genera=there)
    assert genera_average_precision(answers, target_codes(targets)) == pytest.approx(0.75)


def test_the_median_base_error_counts_what_was_not_answered():
    # 450 against 800: 350 m; exact: 0; not answered at 1250: the worst, 4000 - 1250 = 2750. Median 350.
    answers = answers_of(3, base=one_hot([5, 2, -1], 11))
    assert median_base_error_m(answers, target_codes(targets_of(3, base=[4, 2, 6]))) == 350
    assert math.isnan(median_base_error_m(answers, target_codes(targets_of(3))))


def test_true_probabilities_are_reliable_and_sharpened_ones_are_not():
    posterior, truth, _ = simulated_oktas(20_000, seed=8)
    codes = target_codes(targets_of(20_000, okta=truth))
    honest = answers_of(20_000, okta=posterior)
    sharp = answers_of(20_000, okta=posterior**4 / (posterior**4).sum(axis=1, keepdims=True))
    # Fifteen bins of 1333 vary by about sqrt(.5 * .5 / 1333) = .014 each.
    assert okta_exceedance(honest, codes).error < 0.01 < okta_exceedance(sharp, codes).error
    errors = calibration_errors(honest, codes)
    assert errors["okta"] < 0.02 < calibration_errors(sharp, codes)["okta"]
    assert math.isnan(errors["genera"]) and math.isnan(errors["base"])


def test_exceedance_by_hand():
    # True 1 of a posterior with .25 at 0 and .75 at 1: N >= 1 was said with .75 and happened; N >= 2 ... 8 with 0.
    p = np.zeros((1, 9))
    p[0, :2] = 0.25, 0.75
    curve = okta_exceedance(answers_of(1, okta=p), target_codes(targets_of(1, okta=[1])))
    assert curve.stated.tolist() == [0.0, 0.75] and curve.happened.tolist() == [0.0, 1.0]
    assert curve.moments.tolist() == [7, 1] and curve.error == pytest.approx(0.25 / 8)


def sky(genera, base, levels, okta):
    present = np.array([0.9 if genus in genera else 0.1 for genus in GENERA])
    return present, one_hot([base], 11)[0], one_hot(levels, 11), one_hot([okta], 9)[0]


def test_contradictions_by_hand():
    rows = [
        sky(("Cu",), 5, [1, 0, 0], 3),  # all is well
        sky(("Cu",), 5, [0, 0, 0], 3),  # Cu, but no low cloud
        sky(("Ci",), 5, [0, 0, 1], 3),  # Ci, but a base of 600 to 1000 m
        sky((), NO_BASE, [0, 0, 0], 0),  # clear, and all says so
        sky((), NO_BASE, [0, 0, 0], 5),  # cloud in N alone
        sky(("Ns",), 3, [10, 2, 10], 8),  # Ns may be low; low and high cannot be seen
        sky(("As",), 8, [0, 1, 0], 7),  # 2000 m
    ]
    genera, base, levels, okta = (np.stack(column) for column in zip(*rows, strict=True))
    found = contradictions(answers_of(7, genera=genera, base=base, levels=levels, okta=okta))
    assert found == pytest.approx(
        {"genus and level": 1 / 7, "genus and base": 1 / 7, "okta and cloud": 1 / 7, "any": 3 / 7}
    )
    assert all(math.isnan(share) for share in contradictions(answers_of(2)).values())


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60), st.integers(1, 20))
def test_no_moment_is_lost_and_the_error_is_a_share(pairs, bins):
    stated, happened = zip(*pairs, strict=True)
    curve = reliability(stated, happened, bins)
    assert curve.moments.sum() == len(pairs) and len(curve.moments) <= bins and 0 <= curve.error <= 1
    assert (curve.stated * curve.moments).sum() == pytest.approx(sum(stated))
