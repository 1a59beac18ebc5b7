"""Where water comes and goes, from maps of the probability of water."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.science.wettability import wettability_of


def bank(levels, rows=10, columns=6):
    """Water up to ``level`` rows from below."""
    y = torch.arange(rows)[:, None].expand(rows, columns)
    return torch.stack([(y >= rows - n).float() for n in levels])


def test_weights_lie_where_water_comes_and_goes():
    weights = wettability_of(bank([2, 4, 6]))
    assert weights[:4].max() < 0.15  # never wet
    assert weights[8:].max() < 0.15  # always wet
    assert (weights[4:8] > 0.3).all()
    assert weights.max() == 1


def test_order_of_frames_does_not_matter():
    maps = bank([2, 7, 4, 6])
    assert torch.allclose(wettability_of(maps), wettability_of(maps[[3, 1, 0, 2]]), atol=1e-5)


def test_flicker_elsewhere_weighs_little():
    maps = bank([2, 3, 4, 5, 6, 7, 6, 5, 4, 3])
    maps[::2, 0, 0] = 0.6  # a glare every other frame
    weights = wettability_of(maps)
    assert weights[0, 0] < 0.25 * weights[5].mean()


def test_what_flickers_without_an_edge_that_moves_weighs_little():
    levels = [20, 24, 28, 32, 36, 40]
    maps = bank(levels, rows=64, columns=64)
    maps[:, :16] = torch.tensor([0.6, 0.4, 0.5, 0.3, 0.2, 0.1])[:, None, None]  # a sky in other lights
    weights = wettability_of(maps)
    assert weights[4:10, 20:44].mean() < 0.2 * weights[28:40].mean()


def test_water_beyond_all_that_was_seen_still_counts():
    weights = wettability_of(bank([20, 22, 24], rows=64, columns=64))
    assert weights[34:38].min() > 0.01  # the water never came so high


def test_still_water_has_no_weights():
    assert wettability_of(bank([4, 4, 4])) is None


def test_one_frame_shows_nothing():
    with pytest.raises(ValueError, match="one frame"):
        wettability_of(bank([4]))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_weights_are_never_negative(seed):
    weights = wettability_of(torch.rand(6, 5, 7, generator=torch.Generator().manual_seed(seed)))
    assert weights is None or (weights >= 0).all()
