"""Keyframes: near and unlike each other, few, and never without the reference."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.science.keyframes import (
    FrameLook,
    KeyframeChoice,
    KeyframeRules,
    can_be_reference,
    choose_keyframes,
    judge_keyframe,
)


def _at(degrees):
    """Unit vector: the dot product of two is the cosine of the angle between them."""
    return np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], dtype=np.float32)


def _look(degrees, sigma_px=0.2, is_reference=False):
    return FrameLook(_at(degrees), 0.5, sigma_px, is_reference)


def test_nearest_first_then_an_unlike_one():
    # From 0: cos 5 = 0.996, cos 6 = 0.995, cos -30 = 0.866. After 5: 0.995 - cos(1)/2 = 0.495 against
    # 0.866 - cos(35)/2 = 0.456, so 6 is second.
    keyframes = [_look(-30), _look(6), _look(5)]
    assert choose_keyframes(_at(0), keyframes, KeyframeRules(compared=2)) == [2, 1]
    # Of 5, 6 and -20: 0.940 - cos(25)/2 = 0.487 is less than 0.495; of -15: 0.966 - cos(20)/2 = 0.496 is more.
    assert choose_keyframes(_at(0), [_look(5), _look(6), _look(-15)], KeyframeRules(compared=2)) == [0, 2]


def test_no_more_than_there_are():
    assert choose_keyframes(_at(0), []) == []
    assert choose_keyframes(_at(0), [_look(40)]) == [0]
    assert choose_keyframes(_at(0), [_look(10), _look(10)]) == [0, 1]


def test_an_appearance_that_is_no_number_is_chosen_last():
    broken = FrameLook(np.full(2, np.nan, dtype=np.float32), 0.5, 0.2)
    assert choose_keyframes(_at(0), [broken, _look(20), _look(5)], KeyframeRules(compared=2)) == [2, 1]


@settings(max_examples=30)
@given(st.lists(st.floats(-180, 180), max_size=20), st.integers(1, 8))
def test_chosen_once_each_and_always_the_nearest(angles, compared):
    keyframes = [_look(angle) for angle in angles]
    chosen = choose_keyframes(_at(0), keyframes, KeyframeRules(compared=compared))
    assert len(chosen) == len(set(chosen)) == min(compared, len(angles))
    if chosen:
        likeness = np.array([keyframe.appearance[0] for keyframe in keyframes])
        assert likeness[chosen[0]] == pytest.approx(likeness.max())


def test_unlike_all_becomes_a_keyframe():
    # cos 20 = 0.94 is alike; cos 30 = 0.87 is not
    keyframes = [_look(0, is_reference=True)]
    assert judge_keyframe(_look(30), keyframes) == KeyframeChoice(accepted=True)
    assert judge_keyframe(_look(20), keyframes) == KeyframeChoice(accepted=False)
    assert judge_keyframe(_look(30), []) == KeyframeChoice(accepted=True)


@pytest.mark.parametrize("sigma_px", [0.7, float("nan"), float("inf")])
def test_an_unsure_pose_does_not(sigma_px):
    assert not judge_keyframe(_look(90, sigma_px), [_look(0)]).accepted


def test_the_most_redundant_gives_way():
    rules = KeyframeRules(limit=4)
    keyframes = [_look(0, is_reference=True), _look(60), _look(90, 0.3), _look(95, 0.1)]
    assert judge_keyframe(_look(-60), keyframes, rules) == KeyframeChoice(accepted=True, replaces=2)
    # 30 from the nearest, and the two most alike are 35 apart: they stay.
    apart = [_look(0, is_reference=True), _look(60), _look(95), _look(150)]
    assert judge_keyframe(_look(-30), apart, rules) == KeyframeChoice(accepted=False)


def test_the_reference_stays():
    keyframes = [_look(0, 0.0, is_reference=True), _look(2, 0.1), _look(90)]
    assert judge_keyframe(_look(-90), keyframes, KeyframeRules(limit=3)).replaces == 1
    alone = KeyframeRules(limit=1)
    assert not judge_keyframe(_look(90), [_look(0, is_reference=True)], alone).accepted


@settings(max_examples=30)
@given(st.lists(st.floats(-180, 180), max_size=40))
def test_never_more_than_the_limit_and_never_without_the_reference(angles):
    rules = KeyframeRules(limit=5)
    keyframes = [_look(0, 0.0, is_reference=True)]
    for angle in angles:
        choice = judge_keyframe(_look(angle), keyframes, rules)
        if choice.accepted and choice.replaces is not None:
            del keyframes[choice.replaces]
        if choice.accepted:
            keyframes.append(_look(angle))
        assert len(keyframes) <= 5
        assert keyframes[0].is_reference


@pytest.mark.parametrize(
    ("luminance", "fault", "self_sigma_px", "expected"),
    [
        (0.5, None, None, True),
        (0.5, None, 0.1, True),
        (0.05, None, None, False),  # night
        (0.95, None, None, False),  # blown out
        (0.5, "blank", None, False),
        (0.5, None, 2.0, False),  # a grey sky
        (0.5, None, float("nan"), False),
        (float("nan"), None, None, False),
    ],
)
def test_what_can_be_the_reference(luminance, fault, self_sigma_px, expected):
    assert can_be_reference(luminance, fault, self_sigma_px) is expected
