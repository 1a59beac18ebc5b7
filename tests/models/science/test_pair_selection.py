"""Pairs to ask about next: what is never asked, what is forced, and how much sooner the order is known."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.science.pair_selection import PairReason, suggest_pairs
from tests.models.science.answered_pairs import LEFT, NEITHER, Site, ask, at_random, ours, table


def places(answers, suggestions):
    place = {image: i for i, image in enumerate(answers.images)}
    return [tuple(sorted((place[s.left], place[s.right]))) for s in suggestions]


def test_nothing_to_ask():
    assert suggest_pairs(table(0, []), 5) == [] == suggest_pairs(table(1, []), 5)
    assert suggest_pairs(table(2, [(1, 0, NEITHER)]), 5) == []


def test_every_image_is_asked_about_before_any_comes_again():
    answers = table(10, [])
    first = places(answers, suggest_pairs(answers, 5))
    assert sorted(image for pair in first for image in pair) == list(range(10))


def test_the_place_that_is_open_is_asked_for():
    # 0 > 1 > ... > 6 is known by many answers; image 7 is only known to be below 0: not 0 or 1, a middle one is asked.
    known = [(i, j, LEFT) for i in range(7) for j in range(i + 1, 7) for _ in range(2)]
    answers = table(8, [*known, (0, 7, LEFT)])
    ((low, high),) = places(answers, suggest_pairs(answers, 1))
    assert high == 7 and 2 <= low <= 5


def test_an_image_that_compares_with_none_is_left_alone():
    answers = table(8, [(0, i, NEITHER) for i in (1, 2, 3)])
    assert all(0 not in pair for pair in places(answers, suggest_pairs(answers, 6)))


def test_very_different_light_is_forced():
    light = np.array([0.0] * 5 + [1.0] * 2)
    answers = table(7, [])
    found = suggest_pairs(answers, 8, light)
    forced = [
        p for p, s in zip(places(answers, found), found, strict=True) if s.reason is PairReason.ACROSS_LIGHT
    ]
    assert forced and all(low < 5 <= high for low, high in forced)
    assert all(s.reason is PairReason.SORTING for s in suggest_pairs(answers, 8, np.full((7, 2), np.nan)))


def test_a_near_tie_under_very_different_light():
    # 0 > 1 > 2 by day, 3 > 4 > 5 by night, and 0 > 3, 3 > 1: of the pairs across, (1, 4) stand nearest, with no answer.
    answers = table(6, [(0, 1, LEFT), (1, 2, LEFT), (3, 4, LEFT), (4, 5, LEFT), (0, 3, LEFT), (3, 1, LEFT)])
    light = np.array([0, 0, 0, 1.0, 1.0, 1.0])
    (pair,) = suggest_pairs(answers, 1, light, turns=[PairReason.NEAR_TIE])
    assert places(answers, [pair]) == [(1, 4)] and pair.reason is PairReason.NEAR_TIE


def test_disagreement_of_an_ensemble():
    levels = np.array([[0.1, 0.2, 0.3, np.nan], [0.2, 0.1, 0.3, 0.5]])
    found = suggest_pairs(table(4, []), 2, levels=levels, turns=[PairReason.DISAGREEMENT])
    assert places(table(4, []), found[:1]) == [(0, 1)]
    assert [s.reason for s in found] == [
        PairReason.DISAGREEMENT,
        PairReason.SORTING,
    ]  # no other is voted on evenly


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 9), st.integers(0, 20), st.integers(1, 12), st.integers(0, 2**31))
def test_no_pair_comes_twice_and_the_same_question_has_the_same_answer(n, asked, count, seed):
    rng = np.random.default_rng(seed)
    rows = [(i, j, int(code)) for i, j, code in rng.integers(0, [n, n, 4], (asked, 3)) if i != j]
    answers, light = table(n, rows), rng.normal(size=(n, 2))
    found = suggest_pairs(answers, count, light)
    pairs = places(answers, found)
    known = {tuple(sorted(row[:2])) for row in rows}
    assert len(set(pairs)) == len(pairs) == min(count, n * (n - 1) // 2 - len(known))
    assert not known & set(pairs) and all(s.gain > 0 for s in found)
    assert found == suggest_pairs(answers, count, light)


def test_the_order_is_known_sooner_than_by_random_pairs():
    """Mean over 4 sites of 40 images. The whole table is ``tests.benchmarks.bench_pair_selection``."""
    taus = {
        choose: np.mean([ask(Site(40, seed), choose, (50, 100)) for seed in range(4)], axis=0)
        for choose in (ours, at_random)
    }
    assert (taus[ours] > taus[at_random] + [0.0, 0.05]).all() and taus[ours][1] > 0.75
