import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.contracts.sky_batch import NO_BASE
from models.learn.sky_bootstrap import best_of, camera_days, interval, resampled, resampled_mean
from models.learn.sky_scores import STATISTICS, score, score_parts
from models.learn.sky_truth import base_errors_m, lights, oktas_of_covers, target_codes
from models.science.cover import okta_of_cover
from tests.models.learn.sky_rows import answers_of, one_hot, simulated_oktas, targets_of

NONE = np.full(9, np.nan)


def scores(answers, targets):
    return score(score_parts(answers, target_codes(targets)))


def test_errors_of_n_by_hand_and_a_withheld_n_is_off_by_the_most_it_could_be():
    # True 2, 8, 3, unknown; answered 3, 8, none, 5: off by 1, 0 and max(3, 5) = 5; bias of the two answered 1 / 2.
    targets = targets_of(4, okta=[2, 8, 3, -1])
    answers = answers_of(4, okta=[*one_hot([3, 8], 9), NONE, one_hot([5], 9)[0]])
    found = scores(answers, targets)
    assert found["mae_okta"] == pytest.approx(6 / 3)
    assert found["within_one_okta"] == pytest.approx(2 / 3) and found["answered"] == pytest.approx(2 / 3)
    assert found["rmse_okta"] == pytest.approx(math.sqrt(26 / 3)) and found["bias_okta"] == 0.5
    assert found["rps_okta"] == pytest.approx(6 / 3)  # of answers without doubt, the error


def test_ranked_probability_by_hand():
    # True 3. Half at 3, half at 5: the cumulated differs by .5 at 3 and 4: .25 + .25 = .5 oktas, its error being 0.
    answers = answers_of(1, okta=[0.5 * (one_hot([3], 9)[0] + one_hot([5], 9)[0])])
    found = scores(answers, targets_of(1, okta=[3]))
    assert found["rps_okta"] == 0.5 and found["mae_okta"] == 0


def test_f1_of_genera_is_the_mean_of_those_there_or_called():
    there, said = np.zeros((4, 10)), np.full((4, 10), 0.1)
    there[:3, 0], said[0, 0], said[3, 0] = 1, 0.9, 0.5  # 1 hit, 1 false alarm, 2 misses: 2 / (2 + 3) = .4
    there[0, 8], said[0, 8] = 1, 0.7  # F1 of 1; the other eight neither are there nor called
    said[2] = np.nan  # withheld: its cirrus is one of the two misses
    found = scores(answers_of(4, genera=said), targets_of(4, genera=there))
    assert found["genera_macro_f1"] == pytest.approx(0.7)


def test_obscured_levels_and_base_by_hand():
    obscured = targets_of(4, obscured=[1, 1, 0, np.nan])
    # One hit, one withheld and hence missed, one false alarm; what is not known counts for nothing: 2 / (2 + 2).
    assert scores(answers_of(4, obscured=[0.8, np.nan, 0.6, 0.9]), obscured)["obscured_f1"] == 0.5
    levels = targets_of(2, levels=[[5, 0, -1], [8, 10, 1]])
    said = answers_of(2, levels=one_hot([[5, 3, 1], [2, 10, 0]], 11))
    # Codes: 5 and 10 of five right. Some, none, invisible: 5, 8 for 2 and 10; not 3 for 0, nor 0 for 1.
    found = scores(said, levels)
    assert found["level_code"] == 0.4 and found["level_presence"] == 0.6
    base = targets_of(5, base=[4, 4, 9, NO_BASE, -1])
    said = answers_of(5, base=one_hot([5, -1, NO_BASE, NO_BASE, 3], 11))
    found = scores(
        said, base
    )  # exact: no cloud; within one: that and 5 for 4; 9 is next to 10 in number alone
    assert found["base_exact"] == 0.25 and found["base_within_one"] == 0.5


def test_base_errors_in_metres():
    # Middles: 450 against 800; not answered at 450: 4000 - 450; no cloud called at 4000: 4000 - 25; no true base: NaN.
    errors = base_errors_m(np.array([4, 4, 9, NO_BASE, -1]), np.array([5, -1, NO_BASE, 3, 3]))
    assert errors[:3].tolist() == [350, 3550, 3975] and np.isnan(errors[3:]).all()


def test_nothing_to_score_is_nan_and_a_wrong_length_is_refused():
    for n in (0, 3):
        assert all(math.isnan(value) for value in scores(answers_of(n), targets_of(n)).values())
    with pytest.raises(ValueError, match="2 answers against 3"):
        scores(answers_of(2), targets_of(3))


def test_covers_follow_the_rule_of_traces_and_gaps():
    covers = np.array([0.0, 5e-4, 0.01, 0.5, 0.99, 1.0, np.nan])
    assert oktas_of_covers(covers).tolist() == [0, 0, 1, 4, 7, 8, -1]
    many = np.linspace(0, 1, 1001)
    assert oktas_of_covers(many).tolist() == [okta_of_cover(c) for c in many]


def test_lights():
    assert lights([10, 0, -6, -6.1, np.nan]).tolist() == ["day", "twilight", "twilight", "night", ""]


def test_blocks_are_camera_days():
    time = np.array(["2026-05-01T23:59", "2026-05-02T00:00"], "datetime64[ns]")
    assert camera_days(["a", "a"], time).tolist() == ["a 2026-05-01", "a 2026-05-02"]


def two_methods(n=400, seed=7):
    posterior, truth, camera = simulated_oktas(n, seed)
    codes = target_codes(targets_of(n, okta=truth))
    blurred = answers_of(n, okta=np.roll(posterior, 1, axis=1))
    parts = {"good": score_parts(answers_of(n, okta=posterior), codes), "bad": score_parts(blurred, codes)}
    return parts, camera


def test_intervals_hold_the_score_and_are_paired():
    parts, camera = two_methods()
    drawn = resampled(parts, camera, resamples=400)
    for name in ("mae_okta", "rps_okta", "within_one_okta"):
        low, high = interval(drawn["good"][name])
        assert low < score(parts["good"])[name] < high
    same = resampled({"a": parts["good"], "b": parts["good"]}, camera, resamples=50)
    assert (same["a"]["mae_okta"] == same["b"]["mae_okta"]).all()  # the same blocks: a method equals itself
    assert interval(drawn["good"]["mae_okta"] - drawn["bad"]["mae_okta"])[1] < 0


def test_one_block_has_no_spread_and_none_no_interval():
    parts, camera = two_methods(50)
    alone = resampled({"good": parts["good"]}, np.full(50, "one"), resamples=20)
    assert interval(alone["good"]["mae_okta"]) == pytest.approx([score(parts["good"])["mae_okta"]] * 2)
    none = resampled({"good": {k: v[:0] for k, v in parts["good"].items()}}, camera[:0], resamples=20)
    assert all(math.isnan(v) for v in interval(none["good"]["mae_okta"]))


def test_a_mean_is_of_what_is_known_in_the_blocks_drawn():
    # Two blocks of mean 0 and 1: a resample draws both (1/2), or one of them twice (0, 1).
    drawn = resampled_mean([0, 0, np.nan, 1, 1], ["a", "a", "a", "b", "b"], resamples=200)
    assert set(drawn.tolist()) == {0.0, 0.5, 1.0}
    assert np.isnan(resampled_mean([np.nan], ["a"], resamples=5)).all()
    assert np.isnan(resampled_mean([], [], resamples=5)).all()


def test_the_better_of_two_is_the_lesser_error_and_the_larger_share():
    assert best_of("mae_okta", [np.array([1.0, 3.0]), np.array([2.0, np.nan])]).tolist() == [1, 3]
    assert best_of("within_one_okta", [np.array([0.1, 0.3]), np.array([0.2, 0.2])]).tolist() == [0.2, 0.3]
    with pytest.raises(ValueError, match="bias_okta"):
        best_of("bias_okta", [np.zeros(1)])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_scores_do_not_depend_on_the_order_and_withholding_never_helps(seed):
    rng = np.random.default_rng(seed)
    posterior, truth, _ = simulated_oktas(40, seed)
    targets, answers = targets_of(40, okta=truth), answers_of(40, okta=posterior)
    order = rng.permutation(40)
    turned = scores(answers.rows(order), targets_of(40, okta=truth[order]))
    found = scores(answers, targets)
    assert turned["rps_okta"] == pytest.approx(found["rps_okta"])
    answers.okta[rng.random(40) < 0.3] = np.nan
    less = scores(answers, targets)
    for name in ("mae_okta", "rmse_okta", "rps_okta", "within_one_okta", "answered"):
        assert STATISTICS[name].better * (less[name] - found[name]) <= 1e-9
