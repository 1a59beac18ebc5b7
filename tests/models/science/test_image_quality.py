"""Luminance and sharpness of frames, by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.contracts.flags import ValueFlag
from models.science.image_quality import DARK_LUMINANCE, assess_frame


def grey(values) -> np.ndarray:
    return np.repeat(np.asarray(values, dtype=np.uint8)[..., None], 3, axis=2)


def test_half_black_half_white():
    frame = grey(np.zeros((32, 32)))
    frame[:, 16:] = 255
    quality = assess_frame(frame)
    # 64 blocks of 4 x 4: 32 of mean 0, 32 of mean 1. Mean 0.5; deviation sqrt(64 x 0.25 / 63) = 0.50395; over 8.
    assert quality.luminance == pytest.approx(0.5, abs=1e-6)
    assert quality.luminance_se == pytest.approx(0.50395 / 8, abs=1e-5)
    # The Laplacian is 1/4 on columns 15 and 16 only: 2 of the 30 inner columns, of which 24 (3 per block) count.
    assert quality.sharpness == pytest.approx(0.25 * 2 / 24, abs=1e-6)
    assert quality.flag == ValueFlag.GOOD


def test_colours_have_the_weights_of_rec_709():
    frame = np.zeros((24, 24, 3), dtype=np.uint8)
    frame[:12, :, 0] = 255
    assert assess_frame(frame).luminance == pytest.approx(0.2126 / 2, abs=1e-6)
    frame = np.zeros((24, 24, 3), dtype=np.uint8)
    frame[:12, :, 1] = 255
    assert assess_frame(frame).luminance == pytest.approx(0.7152 / 2, abs=1e-6)


def test_a_chessboard_is_as_sharp_as_can_be_and_a_ramp_not_at_all():
    y, x = np.mgrid[:32, :32]
    board = assess_frame(grey(255 * ((x + y) % 2)))
    # White with four black neighbours: |4 - 0| / 4 = 1; black with four white ones: |0 - 4| / 4 = 1.
    assert (board.sharpness, board.sharpness_se) == (pytest.approx(1), pytest.approx(0, abs=1e-6))
    ramp = assess_frame(grey(4 * x))
    assert ramp.sharpness == pytest.approx(0, abs=1e-6)
    assert ramp.luminance == pytest.approx(4 * 15.5 / 255, abs=1e-6)


def test_flat_dark_and_tiny():
    flat = assess_frame(grey(np.full((24, 24), 128)))
    assert flat.flag == ValueFlag.ABSTAINED
    assert (flat.luminance, flat.sharpness) == (pytest.approx(128 / 255), pytest.approx(0, abs=1e-6))
    dark = np.full((24, 24), 10)
    dark[::2] = 14  # mean 12 / 255 = 0.047, below 0.06
    assert assess_frame(grey(dark)).flag == ValueFlag.DARK
    dusk = np.full((24, 24), 16)
    dusk[::2] = 20  # mean 18 / 255 = 0.071
    assert assess_frame(grey(dusk)).flag == ValueFlag.GOOD
    assert 12 / 255 < DARK_LUMINANCE < 18 / 255
    tiny = assess_frame(grey(np.zeros((23, 100))))
    assert tiny.flag == ValueFlag.ABSTAINED
    assert np.isnan([tiny.luminance, tiny.luminance_se, tiny.sharpness, tiny.sharpness_se]).all()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), height=st.integers(24, 60), width=st.integers(24, 60))
def test_sixteen_bits_say_the_same_as_eight_and_all_is_within_bounds(seed, height, width):
    frame = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    eight, sixteen = assess_frame(frame), assess_frame(frame.astype(np.uint16) * 257)
    for name in ("luminance", "luminance_se", "sharpness", "sharpness_se"):
        assert getattr(sixteen, name) == pytest.approx(getattr(eight, name), abs=1e-5)
        assert 0 <= getattr(eight, name) <= 1
    assert eight.flag == sixteen.flag
    mirrored = assess_frame(frame[:, ::-1])
    if width % 8 == 0:  # otherwise the strip that the blocks leave out is another one
        assert mirrored.luminance == pytest.approx(eight.luminance, abs=1e-6)
