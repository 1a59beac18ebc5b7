"""Figures of the genera, computed by hand, and temperatures."""

import numpy as np
import pytest
import torch

from models.learn.genus_calibration import (
    calibration_parts,
    cross_fitted,
    fit_photo_temperature,
    fit_presence_temperature,
    mean_probabilities,
)
from models.learn.genus_control import fit_logistic, logistic_probabilities
from models.learn.genus_scores import f1_by_class, level_accuracy, macro_f1, photo_resamples, score_photos
from models.nets.genus import PHOTO_CLASSES

CI, AC, SC, CU, CT = (PHOTO_CLASSES.index(name) for name in ("Ci", "Ac", "Sc", "Cu", "Ct"))


def sure(classes):
    return np.eye(11)[np.asarray(classes)]


def test_macro_f1_by_hand():
    truth, answer = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 2, 2])
    # Class 0: 2 hits of 3 true and 2 answered, 4/5. Class 1: 1 of 2 and 2, 2/4. Class 2: 1 of 1 and 2, 2/3.
    assert f1_by_class(truth, answer, 4)[:3] == pytest.approx([0.8, 0.5, 2 / 3])
    assert np.isnan(f1_by_class(truth, answer, 4)[3])  # neither true nor answered
    assert macro_f1(truth, answer, 4) == pytest.approx((0.8 + 0.5 + 2 / 3) / 3)


def test_a_wrong_genus_of_the_right_level_counts_for_the_level():
    truth, answer = np.array([SC, AC, CI, CT]), sure([CU, SC, CT, CI])
    # Sc for Cu: low both. Ac for Sc: wrong. Cirrus and contrail: high both.
    assert level_accuracy(truth, answer) == pytest.approx(3 / 4)
    assert level_accuracy(truth, answer, contrails=False) == pytest.approx(2 / 3)


def test_a_level_may_win_though_none_of_its_genera_does():
    p = np.zeros((1, 11))
    p[0, [CI, SC, CU]] = 0.4, 0.3, 0.3
    assert level_accuracy(np.array([SC]), p) == 1.0  # low 0.6 against high 0.4


def test_figures_have_intervals_and_differences_are_paired():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 11, 200)
    good = 0.9 * sure(np.where(rng.random(200) < 0.9, truth, 0)) + 0.1 / 11
    group = np.repeat(np.arange(100), 2)
    own = score_photos(truth, good, group, resamples=50)
    assert own["macro_f1"].low < own["macro_f1"].value < own["macro_f1"].high
    itself = score_photos(truth, good, group, against=good, resamples=50)
    assert itself["macro_f1"].value == itself["macro_f1"].low == itself["macro_f1"].high == 0


def test_temperature_of_answers_that_are_too_sure():
    # Logits of ln 9 say .9, yet 3 of 4 are right: ln(9) / T = ln(3), hence T = 2.
    logits = torch.tensor([[[np.log(9.0), 0.0]]]).repeat(400, 1, 1)
    label = np.array([0, 0, 0, 1] * 100)
    assert fit_photo_temperature(logits, label) == pytest.approx(2.0, abs=0.01)
    assert fit_photo_temperature(logits / 4, label) == pytest.approx(
        0.5, abs=0.01
    )  # sharpened where too modest
    assert fit_photo_temperature(logits[:0], label[:0]) == 1.0


def test_temperature_of_presence():
    # A logit of ln 9 for a genus that 3 of 4 photos are filed under.
    logits = torch.tensor([[[np.log(9.0)]]]).repeat(400, 1, 1)
    assert fit_presence_temperature(logits, np.array([0, 0, 0, 1] * 100)) == pytest.approx(2.0, abs=0.01)


def test_no_label_of_a_part_changes_its_own_answers():
    rng = np.random.default_rng(1)
    logits, label = torch.from_numpy(rng.normal(size=(60, 2, 3))), rng.integers(0, 3, 60)
    part = np.arange(60) % 3
    before, _ = cross_fitted(logits, label, part)
    changed = np.where(part == 0, (label + 1) % 3, label)
    after, _ = cross_fitted(logits, changed, part)
    assert np.array_equal(before[part == 0], after[part == 0])
    assert not np.array_equal(before[part == 1], after[part == 1])
    assert np.allclose(before.sum(1), 1)


def test_a_single_fold_is_calibrated_in_halves_by_group():
    group = np.array([4, 4, 7, 9, 2])
    assert calibration_parts(np.zeros(5, np.int64), group).tolist() == [0, 0, 1, 1, 0]
    assert calibration_parts(np.array([0, 1, 1, 0, 0]), group).tolist() == [0, 1, 1, 0, 0]


def test_views_are_averaged_as_probabilities():
    logits = torch.tensor([[[0.0, 0.0], [np.log(3.0), 0.0]]])
    assert mean_probabilities(logits, 1.0) == pytest.approx(np.array([[(0.5 + 0.75) / 2, (0.5 + 0.25) / 2]]))


def test_logistic_regression_balances_the_classes():
    features = torch.tensor([[1.0]] * 9 + [[-1.0]])
    weight, bias = fit_logistic(features, torch.tensor([0] * 9 + [1]), 2, 1e-3)
    scores = torch.tensor([[1.0], [-1.0], [0.0]]) @ weight.T + bias
    assert scores[:2].argmax(1).tolist() == [0, 1]
    assert float(scores[2].softmax(0)[0]) == pytest.approx(
        0.5, abs=1e-3
    )  # 9 to 1, and yet no preference between


def test_the_control_learns_from_the_training_photos_only():
    rng = np.random.default_rng(2)
    label = rng.integers(0, 3, 90)
    features = torch.from_numpy(np.eye(3)[label] + rng.normal(0, 0.2, (90, 3))).float()
    train, inner = np.arange(90) < 60, np.arange(90) % 5
    answers = logistic_probabilities(features, label, train, inner, 3)
    assert (answers.argmax(1)[60:] == label[60:]).mean() > 0.9
    relabelled = np.where(train, label, 0)
    assert np.array_equal(answers, logistic_probabilities(features, relabelled, train, inner, 3))


def test_photos_are_drawn_by_group():
    group = np.array([5, 2, 5, 9])
    for rows in photo_resamples(group, 20, 0):
        drawn = np.bincount(group[rows], minlength=10)
        assert drawn[5] % 2 == 0  # the group of two is drawn whole, as often as it is drawn
        assert drawn[2] + drawn[5] // 2 + drawn[9] == 3
    assert len({tuple(rows) for rows in photo_resamples(group, 20, 0)}) > 5
