"""What is blacked out takes the mean colour of the rest."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.contracts.flags import ValueFlag
from models.science.image_quality import assess_frame
from models.science.visible_scene import visible_scene


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_hidden_pixels_get_the_mean_of_the_others(dtype):
    # Visible: (10, 0, 100), (20, 0, 101) and (40, 0, 102): means 23.3, 0 and 101.
    frame = np.array([[[10, 0, 100], [20, 0, 101]], [[40, 0, 102], [0, 0, 0]]], dtype)
    hidden = np.array([[False, False], [False, True]])
    filled = visible_scene(frame, hidden)
    assert filled[1, 1].tolist() == [23, 0, 101] and filled.dtype == dtype
    assert (filled[~hidden] == frame[~hidden]).all()
    assert frame[1, 1].tolist() == [0, 0, 0]  # the frame stays black


def test_nothing_hidden_and_everything_hidden():
    frame = np.ones((4, 5, 3), np.uint8)
    assert visible_scene(frame, None) is frame
    assert visible_scene(frame, np.zeros((4, 5), bool)) is frame
    assert visible_scene(frame, np.ones((4, 5), bool)) is None


def test_a_picture_of_one_tone_stays_one_beside_a_polygon():
    frame = np.full((48, 64, 3), 255, np.uint8)
    hidden = np.zeros((48, 64), bool)
    hidden[40:] = True
    frame[hidden] = 0
    assert assess_frame(frame).flag is ValueFlag.GOOD  # black beside white
    assert assess_frame(visible_scene(frame, hidden)).flag is ValueFlag.ABSTAINED


@given(arrays(np.uint8, (4, 6, 3)), arrays(np.bool_, (4, 6)).filter(lambda hidden: not hidden.all()))
def test_the_mean_is_that_of_what_is_visible(frame, hidden):
    filled = visible_scene(frame, hidden)
    np.testing.assert_allclose(filled.mean(axis=(0, 1)), frame[~hidden].mean(axis=0), atol=0.5)


@given(st.integers(0, 255), arrays(np.bool_, (4, 6)).filter(lambda hidden: not hidden.all()))
def test_a_tone_stays_that_tone(tone, hidden):
    frame = np.full((4, 6, 3), tone, np.uint8)
    frame[hidden] = 0
    assert (visible_scene(frame, hidden) == tone).all()
