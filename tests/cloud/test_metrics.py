import math

import numpy as np
import pytest

from models.learn.calibration import fit_sigma
from models.learn.metrics import (
    bias_okta,
    bootstrap_interval,
    cloud_f1,
    mae_okta,
    pixel_accuracy,
    score_frame,
    within_one_okta,
)

TRUTH = np.array([[0, 1, 1, 2], [0, 1, 1, 255]], np.uint8)  # 1 of 5 sky pixels cloud: cover .2, N = 2


def test_frame_by_hand():
    mask = np.array([[2, 1, 1, 2], [0, 1, 2, 2]], np.uint8)
    s = score_frame("a", TRUTH, mask)
    # judged: clouds called at (0,0), (0,3), (1,2): 1 hit, 2 false alarms; the unlabelled pixel is not asked about
    assert (s.hits, s.false_alarms, s.misses) == (1, 2, 0)
    assert s.accuracy == pytest.approx(4 / 5)
    # its cover: 3 of 6 sky pixels -> 4 oktas against 1.6
    assert s.error_okta == pytest.approx(4 - 1.6)
    assert s.code_error == 2
    # F1 = 2 * 1 / (2 * 1 + 2)
    assert cloud_f1([s]) == 0.5


def test_abstention_is_a_miss_everywhere():
    s = score_frame("a", TRUTH, TRUTH, cover=math.nan)
    assert s.abstained
    assert s.accuracy == 0
    assert s.error_okta == pytest.approx(8 * 0.8)  # the worst that could have been said
    assert s.code_error == 6
    assert (s.hits, s.misses) == (0, 1)
    assert within_one_okta([s]) == 0
    assert math.isnan(bias_okta([s]))


def test_a_method_without_sky_abstains():
    assert score_frame("a", TRUTH, np.zeros_like(TRUTH)).abstained


def test_labellers_own_okta_is_used():
    assert score_frame("a", TRUTH, TRUTH, true_okta=4).code_error == 2


def test_refusals():
    with pytest.raises(ValueError, match="against"):
        score_frame("a", TRUTH, TRUTH[:, :2])
    with pytest.raises(ValueError, match="no sky"):
        score_frame("a", np.zeros_like(TRUTH), TRUTH)


def test_nothing_scored_is_nan():
    assert all(math.isnan(f([])) for f in (mae_okta, within_one_okta, pixel_accuracy, cloud_f1, bias_okta))
    assert all(math.isnan(v) for v in bootstrap_interval([], mae_okta))


def test_interval_holds_the_mean_and_pairs_cancel():
    rng = np.random.default_rng(0)
    scores = [
        score_frame(group, TRUTH, rng.integers(0, 3, TRUTH.shape).astype(np.uint8))
        for group in "abcd"
        for _ in range(8)
    ]
    low, high = bootstrap_interval(scores, mae_okta, resamples=200)
    assert low <= mae_okta(scores) <= high
    assert bootstrap_interval(scores, mae_okta, against=scores, resamples=50) == (0.0, 0.0)
    with pytest.raises(ValueError, match="same frames"):
        bootstrap_interval(scores, mae_okta, against=scores[1:])


def test_sigma_is_found_again():
    rng = np.random.default_rng(1)
    ambiguity = rng.uniform(0, 1, 4000)
    error = rng.normal(0, 0.03 + 0.4 * ambiguity)
    floor, slope = fit_sigma(error, ambiguity)
    assert floor == pytest.approx(0.03, abs=0.01)
    assert slope == pytest.approx(0.4, abs=0.03)
    assert fit_sigma(error[:3], ambiguity[:3]) == (0.125, 0.0)
