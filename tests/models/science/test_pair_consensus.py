"""Answers that contradict the others, or are by chance, are left out; ties and single answers stay."""

import numpy as np
import pandas as pd

from models.science.pair_consensus import find_consensus
from models.science.pair_order import pair_table

A, B, C = "aa", "bb", "cc"


def table(*rows):
    return pair_table(pd.DataFrame(rows, columns=["left_sha256", "right_sha256", "answer", "annotator"]))


def test_the_minority_goes_and_so_does_what_stands_even():
    found = find_consensus(
        table(
            (A, B, "left_higher", "ann"),
            (B, A, "right_higher", "bob"),
            (A, B, "right_higher", "cid"),
            (B, C, "equal", "ann"),
            (A, C, "not_comparable", "ann"),
        )
    )
    assert found.kept.tolist() == [True, True, False, True, False]
    assert (found.contradicting, found.by_chance, found.not_comparable) == (1, 0, 1)

    even = find_consensus(table((A, B, "left_higher", "ann"), (A, B, "right_higher", "bob")))
    assert even.kept.tolist() == [False, False] and even.contradicting == 2


def test_a_circle_that_nothing_breaks_says_nothing():
    found = find_consensus(
        table((A, B, "left_higher", "ann"), (B, C, "left_higher", "ann"), (C, A, "left_higher", "ann"))
    )
    assert not found.kept.any() and found.contradicting == 3


def test_one_answer_alone_and_none_at_all():
    assert find_consensus(table((A, B, "right_higher", "ann"))).kept.tolist() == [True]
    nothing = find_consensus(table())
    assert nothing.kept.size == 0 and nothing.random_annotators == ()


def test_who_answers_at_random_is_not_listened_to():
    rng = np.random.default_rng(0)
    images = [f"{i:02d}" for i in range(12)]
    rows = []
    for _ in range(90):
        i, j = rng.choice(12, 2, replace=False)
        right = "left_higher" if i > j else "right_higher"
        rows.append((images[i], images[j], right, "careful"))
        rows.append((images[j], images[i], rng.choice(["left_higher", "right_higher", "equal"]), "dice"))
    found = find_consensus(table(*rows))
    assert found.random_annotators == ("dice",) and found.by_chance == 90
    assert found.kept[::2].all() and not found.kept[1::2].any()
