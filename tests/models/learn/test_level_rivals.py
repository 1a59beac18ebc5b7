"""What levels are compared with and asked about: a naive RankNet, answers of a gauge, other light."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.contracts.labels import PairAnswer
from models.learn.fixed_lights import LIGHTS, relight
from models.learn.gauge_pairs import ask_gauge
from models.learn.naive_ranknet import RankedFrames, ranknet_levels, train_ranknet
from models.science.rank_correlation import spearman


def rising(n=8):
    """Frames whose lower part is dark up to a line that rises."""
    frames = np.full((n, 24, 24, 3), 200, np.uint8)
    for k in range(n):
        frames[k, 22 - 2 * k :] = 40
    return frames


def test_a_gauge_answers_by_the_level_and_ties_within_the_limit():
    pairs = ask_gauge([0.0, 0.005, 0.1, np.nan], range(4), 100)
    said = {
        frozenset((int(a), int(b))): (int(a), x)
        for a, b, x in zip(pairs.left, pairs.right, pairs.answers, strict=True)
    }
    assert set(said) == {frozenset((0, 1)), frozenset((0, 2)), frozenset((1, 2))}
    assert said[frozenset((0, 1))][1] is PairAnswer.EQUAL
    left, answer = said[frozenset((0, 2))]
    assert answer is (PairAnswer.LEFT_HIGHER if left == 2 else PairAnswer.RIGHT_HIGHER)


def test_fewer_pairs_are_the_beginning_of_more():
    truth = np.arange(10.0)
    few, many = ask_gauge(truth, range(10), 5, seed=3), ask_gauge(truth, range(10), 20, seed=3)
    assert few.left.tolist() == many.left[:5].tolist()
    assert few.answers == many.answers[:5]


@given(st.sets(st.integers(0, 19), max_size=20), st.integers(0, 60))
def test_pairs_never_leave_their_rows(rows, count):
    pairs = ask_gauge(np.linspace(0, 1, 20), sorted(rows), count)
    assert pairs.rows() <= rows
    assert len(pairs.answers) == min(count, len(rows) * (len(rows) - 1) // 2)
    places = pairs.among(np.array(sorted(rows), np.int64))
    assert [sorted(rows)[k] for k in places.left] == pairs.left.tolist()


def test_the_ranknet_learns_what_it_is_shown_and_is_reproducible():
    frames = rising()
    pairs = ask_gauge(np.arange(8.0), range(8), 28)
    camera = RankedFrames(frames, pairs.left, pairs.right, pairs.answers)
    net = train_ranknet([camera], steps=40)
    levels = ranknet_levels(net, frames)
    assert spearman(levels, np.arange(8.0)) > 0.9
    assert (levels == ranknet_levels(train_ranknet([camera], steps=40), frames)).all()


def test_a_ranknet_without_pairs_still_answers():
    none = RankedFrames(rising(), np.array([0]), np.array([1]), ["not_comparable"])
    assert np.isfinite(ranknet_levels(train_ranknet([none]), rising())).all()
    assert ranknet_levels(train_ranknet([]), rising()[:0]).shape == (0,)


@pytest.mark.parametrize("light", LIGHTS)
def test_other_light_changes_the_frame_and_not_its_shape(light):
    frame = np.random.default_rng(0).integers(20, 230, (12, 16, 3)).astype(np.uint8)
    lit = relight(frame, light)
    assert lit.shape == frame.shape
    assert lit.dtype == np.uint8
    assert np.abs(lit.astype(int) - frame).mean() > 3


def test_darker_by_hand():
    # 255 (255/255) * 0.35 ** (1 / 2.2) = 255 * 0.6206 = 158
    assert relight(np.full((1, 1, 3), 255, np.uint8), "darker").tolist() == [[[158, 158, 158]]]
