"""Scores from pairs, annotators who guess, and what cannot all be true; by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.science.pair_faults import (
    find_contradictions,
    find_cycles,
    majority_edges,
    not_comparable_shares,
)
from models.science.pair_order import information, order_images, outcome_probabilities, pair_table
from tests.models.science.answered_pairs import EQUAL, LEFT, NEITHER, RIGHT, Site, table


def test_davidsons_probabilities():
    # Equal scores, tie parameter 2: 1 to 1 to 2. Difference 2 ln 3, no ties: 3 to 1/3, so 0.9 and 0.1.
    np.testing.assert_allclose(outcome_probabilities(np.zeros(1), 2.0)[:, 0], [0.25, 0.25, 0.5])
    np.testing.assert_allclose(outcome_probabilities(np.array([2 * np.log(3)]), 0.0)[:, 0], [0.9, 0.1, 0.0])
    assert information(np.array([2 * np.log(3)]), 0.0)[0] == pytest.approx(0.9 * 0.1)


def test_a_chain_is_put_in_order():
    order = order_images(table(4, [(0, 1, LEFT), (2, 1, RIGHT), (2, 3, LEFT)]))  # 0 > 1 > 2 > 3
    assert np.argsort(-order.score).tolist() == [0, 1, 2, 3]
    assert set(order.component) == {0} and (order.sigma > 0).all()


def test_ties_draw_together_and_raise_the_tie_parameter():
    tied = order_images(table(3, [(0, 1, EQUAL), (0, 2, LEFT), (1, 2, LEFT), (0, 1, EQUAL)]))
    assert tied.score[0] == pytest.approx(tied.score[1], abs=1e-6) and tied.score[0] > tied.score[2]
    strict = order_images(table(3, [(0, 1, LEFT), (0, 2, LEFT), (1, 2, LEFT), (0, 1, LEFT)]))
    assert tied.tie > strict.tie


def test_what_is_not_linked_is_another_component_and_what_is_not_placed_has_no_score():
    order = order_images(table(6, [(0, 1, LEFT), (2, 3, LEFT), (4, 0, NEITHER)]))
    assert order.component[0] == order.component[1] != order.component[2] == order.component[3]
    assert order.component[4] == order.component[5] == -1
    assert np.isnan(order.score).tolist() == [False] * 4 + [True] * 2
    assert np.isnan(order.sigma[4:]).all() and np.isfinite(order.covariance).all()


@pytest.mark.parametrize("n", [0, 1, 3])
def test_no_answers(n):
    order = order_images(table(n, []))
    assert np.isnan(order.score).all() and order.score.shape == (n,) and order.reliability == {}


def test_an_annotator_of_no_order_has_no_reliability():
    assert np.isnan(order_images(table(2, [(0, 1, NEITHER, "ann")])).reliability["ann"])


def test_one_who_answers_at_random_is_found_out():
    site = Site(24, 0, unobservable=0)
    answers = []
    for name in ("ann", "bob", "random"):
        for i, j in site.rng.integers(0, 24, (60, 2)):
            if i != j:
                answers.append(
                    (i, j, site.rng.integers(0, 3) if name == "random" else site.answer(i, j), name)
                )
    order = order_images(table(24, answers))
    assert order.reliability["random"] < 0.4 < 0.8 < min(order.reliability["ann"], order.reliability["bob"])
    assert site.tau(table(24, answers)) > 0.8


def test_answers_that_contradict_one_another_leave_a_near_tie():
    order = order_images(table(2, [(0, 1, LEFT, "ann"), (0, 1, RIGHT, "bob")]))
    assert order.score[0] == pytest.approx(order.score[1], abs=1e-3)


def test_contradictions_name_who_said_what():
    answers = table(3, [(0, 1, LEFT, "ann"), (1, 0, LEFT, "bob"), (1, 0, EQUAL, "eve"), (1, 2, LEFT, "ann")])
    (found,) = find_contradictions(answers)
    assert {found.left, found.right} == set(answers.images[:2]) and found.left < found.right
    assert [name for name, _ in found.answers] == ["ann", "bob", "eve"] and found.with_oneself == ()
    (own,) = find_contradictions(table(2, [(0, 1, LEFT, "ann"), (0, 1, RIGHT, "ann")]))
    assert own.with_oneself == ("ann",)
    assert find_contradictions(table(2, [(0, 1, LEFT), (0, 1, EQUAL), (0, 1, NEITHER)])) == ()


def test_a_shortest_circle_of_each_knot():
    # 0 > 1 > 2 > 0 and 0 > 1 > 2 > 3 > 0: one knot, its shortest circle of three; 4 > 5 is sound.
    answers = table(6, [(0, 1, LEFT), (1, 2, LEFT), (2, 0, LEFT), (2, 3, LEFT), (3, 0, LEFT), (4, 5, LEFT)])
    (circle,) = find_cycles(answers)
    assert circle == answers.images[:3]
    assert np.isfinite(order_images(answers).score).all()
    assert find_cycles(table(3, [(0, 1, LEFT), (1, 2, LEFT)])) == () == find_cycles(table(0, []))


def test_a_vote_comes_before_a_circle():
    # 2 over 0 stands against two votes for 0 over 2.
    answers = table(3, [(0, 1, LEFT), (1, 2, LEFT), (2, 0, LEFT), (0, 2, LEFT), (0, 2, LEFT)])
    assert find_cycles(answers) == () and len(find_contradictions(answers)) == 1
    assert sorted(zip(*majority_edges(answers), strict=True)) == [(0, 1), (0, 2), (1, 2)]


def test_shares_of_not_comparable():
    shares = not_comparable_shares(table(4, [(0, 1, NEITHER), (0, 2, NEITHER), (1, 2, LEFT)]))
    np.testing.assert_array_equal(shares, [1.0, 0.5, 0.5, np.nan])


def test_pairs_by_digest():
    columns = ["left_sha256", "right_sha256", "answer", "annotator"]
    pairs = pd.DataFrame([("b", "a", "left_higher", "x"), ("c", "a", "equal", "y")], columns=columns)
    whole = pair_table(pairs)
    assert whole.images == ("a", "b", "c") and whole.left.tolist() == [1, 2]
    assert whole.strict[0].tolist() == [1] and whole.strict[1].tolist() == [0]
    part = pair_table(pairs, ["b", "a"])
    assert part.left.tolist() == [0] and part.annotators == ("x",)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 3)), max_size=25))
def test_mirrored_answers_are_the_same_answers(rows):
    rows = [row for row in rows if row[0] != row[1]]
    mirror = {LEFT: RIGHT, RIGHT: LEFT, EQUAL: EQUAL, NEITHER: NEITHER}
    one, other = table(6, rows), table(6, [(j, i, mirror[code]) for i, j, code in rows])
    np.testing.assert_allclose(order_images(one).score, order_images(other).score, atol=1e-6)
    assert find_contradictions(one) == find_contradictions(other) and find_cycles(one) == find_cycles(other)
    assert np.isfinite(order_images(one).covariance).all()
