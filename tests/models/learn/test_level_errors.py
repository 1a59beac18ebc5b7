"""Errors of levels, told on the camera's own scale."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.learn.level_reliability import level_errors


def test_errors_by_hand():
    # The truth in metres, in any order; at 2 m the others say (0.2 + 0.6) / 2 = 0.4, and 0.5 was answered.
    errors = level_errors([0.6, 0.5, 0.2], [3.0, 2.0, 1.0])
    assert errors[1] == pytest.approx(0.1)
    # Nothing is extrapolated: 3 m is taken for the highest of the others, 0.5.
    assert errors[0] == pytest.approx(0.1)
    assert errors[2] == pytest.approx(0.3)


def test_a_level_upside_down_errs():
    # Without the frame in question the best rising curve through falling levels is flat, at their mean.
    assert level_errors([0.9, 0.5, 0.1], [1, 2, 3]) == pytest.approx([0.6, 0.0, 0.6])


def test_equal_truths_are_averaged():
    assert level_errors([0.3, 0.2, 0.4], [1, 1, 1]) == pytest.approx([0.0, 0.15, 0.15])


def test_what_is_not_known_takes_no_part():
    errors = level_errors([0.2, np.nan, 0.5, 0.6, 0.9], [1, 2, 2, 3, np.nan])
    assert np.isnan(errors[[1, 4]]).all()
    assert errors[2] == pytest.approx(0.1)
    assert np.isnan(level_errors([0.1, 0.2], [1, 2])).all()
    assert level_errors([], []).size == 0


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(-5, 5)), min_size=3, max_size=12), st.randoms())
def test_neither_order_nor_unit_of_the_truth_matter(pairs, random):
    level, truth = np.array(pairs).T
    order = np.array(random.sample(range(len(pairs)), len(pairs)))
    errors = level_errors(level, truth)
    assert level_errors(level[order], truth[order]) == pytest.approx(errors[order])
    assert (errors <= 1).all()
