"""The consensus of annotators: what is certain, what is not, and that posteriors mean what they say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.science.crowd_consensus import LEAST_GOLD, banded_prior, diagonal_prior, find_consensus
from models.science.crowd_genera import find_genera, sensitivity, specificity, tick_votes
from models.science.crowd_temperature import calibration_error, fit_temperature, temper
from models.science.crowd_votes import make_votes
from tests.models.science.crowd_campaigns import (
    crowd_kit,
    genus_campaign,
    majority,
    okta_campaign,
    plain_dawid_skene,
    tick_campaign,
)


def accuracy(posterior, truth) -> float:
    return float((posterior.argmax(axis=1) == truth).mean())


def test_one_answer_by_hand():
    """Two classes, one answer "0". Prior of the annotator: 4 answers per class, 0.7 right: [[2.8, 1.2], [1.2, 2.8]].

    The posterior p of class 0 then settles where EM maps it to itself; class 0 is likelier, and not certain.
    """
    votes = make_votes([0], [0], [0], 1, 1, 2)
    consensus = find_consensus(votes)
    (p,) = consensus.posterior[:, 0]
    assert 0.7 < p < 0.9 and consensus.calibrated_on == "nothing" and consensus.temperature == 1
    counts = np.array([[2.8 + p, 1.2], [1.2 + 1 - p, 2.8]])
    shared = counts / counts.sum(axis=1, keepdims=True)
    matrix = counts + 8 * shared
    matrix /= matrix.sum(axis=1, keepdims=True)
    odds = (1 + p) / (2 - p) * matrix[0, 0] / matrix[1, 0]
    assert p == pytest.approx(odds / (1 + odds), abs=1e-5)


def test_temper_by_hand():
    # 0.8 : 0.2 at temperature 2 is sqrt(0.8) : sqrt(0.2) = 2 : 1
    np.testing.assert_allclose(temper(np.log([[0.8, 0.2]]), 2.0), [[2 / 3, 1 / 3]])
    np.testing.assert_array_equal(temper(np.array([[0.0, -np.inf]]), 5.0), [[1, 0]])
    assert temper(np.zeros((0, 3)), 2.0).shape == (0, 3)


def test_the_temperature_of_a_coin():
    """Claims of 99 % that hold 75 % of the time: 99 ** (1/T) must be 3, so T = ln 99 / ln 3 = 4.18."""
    claimed = np.log(np.tile([0.99, 0.01], (100, 1)))
    seen = np.eye(2)[(np.arange(100) % 4 == 0).astype(int)]
    assert fit_temperature(claimed, seen) == pytest.approx(4.18, abs=0.02)


def test_calibration_error_by_hand():
    # two items at .9 of which one is right, two at .6 both right: (2 |.9 - .5| + 2 |.6 - 1|) / 4 = .4
    posterior = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.6, 0.4], [np.nan, np.nan]])
    assert calibration_error(posterior, [0, 1, 0, 0, 0]) == pytest.approx(0.4)
    assert np.isnan(calibration_error(posterior[:0], []))


def test_nothing_answered():
    consensus = find_consensus(make_votes([], [], [], 0, 0, 3))
    assert consensus.posterior.shape == (0, 3) and consensus.confusion.shape == (0, 3, 3)
    consensus = find_consensus(make_votes([1, 2], [0, 0], [0, -1], 3, 1, 2))
    assert np.isnan(consensus.posterior[[0, 2]]).all() and np.isfinite(consensus.posterior[1]).all()


def test_one_class_one_annotator_and_ties():
    alone = find_consensus(make_votes([0, 1], [0, 0], [0, 0], 2, 1, 1))
    np.testing.assert_array_equal(alone.posterior, [[1], [1]])
    one = find_consensus(make_votes(np.arange(60), np.zeros(60), np.arange(60) % 3, 60, 1, 3))
    assert (one.posterior.argmax(axis=1) == np.arange(60) % 3).all() and one.calibrated_on == "nothing"
    assert one.posterior.max() < 0.95  # nobody vouches for the only annotator
    tied = find_consensus(make_votes([0, 0, 1, 1], [0, 1, 0, 1], [0, 1, 1, 0], 2, 2, 2))
    np.testing.assert_allclose(tied.posterior, 0.5, atol=1e-6)


def test_the_order_of_the_table_changes_no_bit():
    made = genus_campaign(3, items=120)
    votes = made.votes
    shuffled = np.random.default_rng(0).permutation(votes.item.size)
    columns = (votes.item[shuffled], votes.annotator[shuffled], votes.answer[shuffled])
    again = make_votes(*columns, votes.items, votes.annotators, votes.classes)
    first, second = find_consensus(votes), find_consensus(again)
    assert first.posterior.tobytes() == second.posterior.tobytes()
    assert first.temperature == second.temperature


def test_gold_is_certain_and_teaches_the_rest():
    made = genus_campaign(5)
    gold = np.where(np.arange(600) < 2 * LEAST_GOLD, made.truth, -1)
    consensus = find_consensus(made.votes, gold=gold)
    assert consensus.calibrated_on == "gold"
    known = gold >= 0
    np.testing.assert_array_equal(consensus.posterior[known], np.eye(10)[gold[known]])
    assert calibration_error(consensus.posterior[~known], made.truth[~known]) < 0.1


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_better_than_the_majority_and_than_plain_dawid_skene(seed):
    made = genus_campaign(seed)
    ours = find_consensus(made.votes)
    right = accuracy(ours.posterior, made.truth)
    plain = plain_dawid_skene(made.votes)
    assert right > accuracy(plain, made.truth) and right > accuracy(majority(made.votes), made.truth) + 0.02
    error = calibration_error(ours.posterior, made.truth)
    assert error < 0.06 < calibration_error(ours.untempered, made.truth)
    assert ours.calibrated_on == "answers" and ours.temperature > 1


def test_gold_sees_the_errors_that_annotators_share():
    """A tenth of the items looks like another to everybody: held-out answers agree with it, gold items do not."""
    made = genus_campaign(14, misleading=0.1)
    gold = np.where(np.arange(600) < 60, made.truth, -1)
    unseen, seen = find_consensus(made.votes), find_consensus(made.votes, gold=gold)
    assert seen.temperature > unseen.temperature
    errors = [calibration_error(each.posterior[60:], made.truth[60:]) for each in (unseen, seen)]
    assert errors[1] < errors[0]


def test_a_weak_prior_is_plain_dawid_skene(monkeypatch):
    """With pseudo-counts of nearly nothing the two are the same where every annotator answered everything."""
    monkeypatch.setattr("models.science.crowd_consensus.SHARED_WEIGHT", 1e-9)
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 3, 300)
    item, who = np.divmod(np.arange(1800), 6)
    said = np.where(rng.random(1800) < 0.75, truth[item], rng.integers(0, 3, 1800))
    votes = make_votes(item, who, said, 300, 6, 3)
    ours = find_consensus(votes, diagonal_prior(3, weight=1e-9), calibrate=False)
    np.testing.assert_allclose(ours.posterior, plain_dawid_skene(votes), atol=5e-3)


def test_beside_crowd_kit():
    pytest.importorskip("crowdkit")
    made = genus_campaign(11)
    theirs, ours = crowd_kit(made.votes), find_consensus(made.votes)
    assert accuracy(ours.posterior, made.truth) >= accuracy(theirs, made.truth)


def test_oktas_know_their_order():
    made = okta_campaign(11)
    ordered = find_consensus(made.votes, banded_prior(9))
    unordered = find_consensus(made.votes, diagonal_prior(9))
    off = [np.abs(c.posterior @ np.arange(9) - made.truth).mean() for c in (ordered, unordered)]
    assert off[0] < off[1] and off[0] < 0.45
    before, after = (calibration_error(p, made.truth) for p in (ordered.untempered, ordered.posterior))
    assert after < before / 2
    assert not accuracy(ordered.posterior, made.truth) < accuracy(unordered.posterior, made.truth)


def test_genera_have_sensitivity_and_specificity():
    item, who, ticked, present = tick_campaign(11, items=300)
    votes = tick_votes(item, who, ticked, 300, 30)
    consensus = find_genera(votes)
    posterior = np.stack([each.posterior[:, 1] for each in consensus], axis=1)
    share = np.stack([majority(each)[:, 1] for each in votes], axis=1)
    assert ((posterior > 0.5) == present).mean() > ((share > 0.5) == present).mean() + 0.01
    assert sensitivity(consensus[0]).shape == specificity(consensus[0]).shape == (30,)
    assert np.mean(specificity(consensus[0])[4:]) > np.mean(sensitivity(consensus[0])[4:])


def test_a_genus_that_nobody_ticked_is_absent():
    votes = tick_votes(np.arange(40), np.arange(40) % 4, np.zeros((40, 1), bool), 40, 4)
    (consensus,) = find_genera(votes)
    assert (consensus.posterior[:, 1] < 0.2).all()


def test_votes_outside_are_refused():
    for columns in (([5], [0], [0]), ([0], [2], [0]), ([0], [0], [3])):
        with pytest.raises(ValueError, match="not within"):
            make_votes(*columns, 5, 2, 3)
    with pytest.raises(ValueError, match="class"):
        make_votes([], [], [], 1, 1, 0)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(-1, 2)), max_size=60), st.booleans()
)
def test_posteriors_are_probabilities(answers, ordered):
    columns = np.array(answers, dtype=int).reshape(-1, 3).T
    votes = make_votes(*columns, 6, 4, 3)
    consensus = find_consensus(votes, banded_prior(3) if ordered else None)
    heard = votes.per_item() > 0
    np.testing.assert_allclose(consensus.posterior[heard].sum(axis=1), 1)
    np.testing.assert_allclose(consensus.confusion.sum(axis=2), 1)
    assert np.isnan(consensus.posterior[~heard]).all()
