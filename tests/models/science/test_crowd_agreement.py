"""Agreement, and who says nothing."""

import numpy as np
import pytest

from models.science.crowd_agreement import alpha, entropy_bits, gold_accuracy, information, wilson_interval
from models.science.crowd_consensus import find_consensus
from models.science.crowd_votes import make_votes
from tests.models.science.crowd_campaigns import genus_campaign, okta_campaign

N = -1
# Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", example C: four observers, twelve units.
OBSERVERS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, N, N, N],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, N, 3],
        [N, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, N],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, N],
    ]
)


def observed():
    who, item = np.indices(OBSERVERS.shape)
    answer = np.where(OBSERVERS > 0, OBSERVERS - 1, -1)
    return make_votes(item.ravel(), who.ravel(), answer.ravel(), 12, 4, 5)


def test_alpha_of_the_published_example():
    assert alpha(observed(), "nominal") == pytest.approx(0.743, abs=5e-4)
    assert alpha(observed(), "ordinal") == pytest.approx(0.815, abs=5e-4)


def test_alpha_by_hand():
    """Items 00, 01, 11: 2 of 6 pairs differ; by chance 2 * 3 * 3 / (6 * 5) = .6; 1 - (1/3) / .6 = .444."""
    votes = make_votes([0, 0, 1, 1, 2, 2], [0, 1] * 3, [0, 0, 0, 1, 1, 1], 3, 2, 2)
    assert alpha(votes, "nominal") == pytest.approx(4 / 9)


def test_alpha_of_too_little():
    for item, answer in (([], []), ([0, 1], [0, 1]), ([0, 0], [1, 1])):
        assert np.isnan(alpha(make_votes(item, range(len(item)), answer, 2, 2, 2), "nominal"))


@pytest.mark.parametrize("campaign", [genus_campaign, okta_campaign])
def test_spammers_are_found_and_nobody_else(campaign):
    made = campaign(21)
    told = information(made.votes, find_consensus(made.votes))
    assert set(np.flatnonzero(told.spammers)) == made.spammers


def test_always_wrong_is_not_nothing():
    """Annotator 0 swaps two classes, 1 always says the first, 2 to 5 are right nine times in ten."""
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 2, 200)
    item, who = np.divmod(np.arange(1200), 6)
    right = np.where(rng.random(1200) < 0.9, truth[item], 1 - truth[item])
    said = np.where(who == 0, 1 - right, np.where(who == 1, 0, right))
    votes = make_votes(item, who, said, 200, 6, 2)
    told = information(votes, find_consensus(votes))
    assert told.spammers.tolist() == [False, True, False, False, False, False]
    # 1 bit less the entropy of 0.9: 1 - 0.469 = 0.531, a little less as the others' posterior is not certain
    assert told.bits[0] / 200 == pytest.approx(0.531, abs=0.12)  # two standard errors


def test_gold_finds_spammers_that_agree_with_one_another():
    """Three of five annotators copy one random list: the posterior believes them, gold items do not."""
    rng = np.random.default_rng(4)
    truth, copied = rng.integers(0, 3, 300), rng.integers(0, 3, 300)
    item, who = np.divmod(np.arange(1500), 5)
    said = np.where(who < 3, copied[item], np.where(rng.random(1500) < 0.9, truth[item], 0))
    votes, gold = make_votes(item, who, said, 300, 5, 3), np.where(np.arange(300) < 60, truth, -1)
    consensus = find_consensus(votes)
    told = information(votes, consensus, gold)
    assert not information(votes, consensus).spammers[:3].any()
    assert told.spammers.tolist() == [True, True, True, False, False]
    assert told.answers.tolist() == [60] * 5


def test_few_answers_accuse_nobody():
    votes = make_votes(np.arange(19).repeat(2), [0, 1] * 19, [0, 1] * 19, 19, 2, 2)
    assert not information(votes, find_consensus(votes)).spammers.any()
    nothing = make_votes([], [], [], 0, 2, 2)
    assert information(nothing, find_consensus(nothing)).answers.tolist() == [0, 0]


def test_gold_accuracy():
    votes = make_votes([0, 1, 2, 0, 3], [0, 0, 0, 1, 2], [1, 1, 0, 0, 0], 4, 3, 2)
    found = gold_accuracy(votes, [1, 0, 0, -1])
    assert found.right.tolist() == [2, 0, 0] and found.answers.tolist() == [3, 1, 0]
    assert (found.low[2], found.high[2]) == (0, 1)


def test_wilson_by_hand():
    """8 of 10, z = 1.96: (8 + 1.92) / 13.84 = .717, half of 1.96 / 13.84 * sqrt(1.6 + .96) = .227."""
    low, high = wilson_interval([8, 0, 10], [10, 10, 10])
    assert (low[0], high[0]) == (pytest.approx(0.490, abs=1e-3), pytest.approx(0.943, abs=1e-3))
    assert low[1] == 0 and high[2] == 1 and 0.25 < high[1] < 0.3


def test_entropy():
    np.testing.assert_allclose(entropy_bits(np.array([[0.5, 0.5], [1.0, 0.0]])), [1, 0])
    assert np.isnan(entropy_bits(np.full((1, 2), np.nan))).all()
