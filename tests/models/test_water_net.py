"""The water networks, mirror symmetry, and the level that only rises with water."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.nets.mirror_symmetry import mirror_symmetry
from models.nets.water import WaterNet, WaterNetConfig, level

SMALL = (8, 16)


@pytest.mark.parametrize("heads", [0, 2])
@pytest.mark.parametrize("size", [(48, 64), (50, 37)])
def test_log_odds_have_the_picture_s_own_size(heads, size):
    net = WaterNet(WaterNetConfig(widths=SMALL, context_heads=heads))
    water, observable = net(torch.rand(2, 3, *size))
    assert water.shape == (2, *size)
    assert observable.shape == (2,)


def test_a_neighbour_in_the_batch_changes_nothing():
    net = WaterNet(WaterNetConfig(widths=SMALL, context_heads=2)).eval()
    picture = torch.rand(2, 3, 32, 48)
    together, alone = net(picture)[0][:1], net(picture[:1])[0]
    assert torch.allclose(together, alone, atol=1e-5)


def test_level_is_the_share_of_the_wettable_places_under_water():
    water = torch.tensor([[[1.0, 0.0], [0.5, 1.0]]])
    wettability = torch.tensor([[1.0, 1.0], [2.0, 0.0]])
    # (1*1 + 0*1 + 0.5*2 + 1*0) / (1 + 1 + 2) = 0.5
    assert level(water, wettability).tolist() == [0.5]


def test_a_view_that_nothing_can_wet_has_no_level():
    with pytest.raises(ValueError, match="zero everywhere"):
        level(torch.rand(1, 4, 4), torch.zeros(4, 4))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_more_water_anywhere_never_lowers_the_level(seed):
    generator = torch.Generator().manual_seed(seed)
    water = torch.rand(1, 6, 8, generator=generator)
    more = (water + torch.rand(1, 6, 8, generator=generator)).clamp(max=1)
    wettability = torch.randn(6, 8, generator=generator)  # what is negative counts for nothing
    if not bool((wettability > 0).any()):
        return
    low, high = level(water, wettability), level(more, wettability)
    assert 0 <= float(low) <= float(high) + 1e-6 <= 1 + 1e-5


def test_the_edge_of_a_mirror_is_the_row_that_mirrors_best():
    above = torch.randn(1, 1, 32, 40, generator=torch.Generator().manual_seed(0))
    above = torch.nn.functional.avg_pool2d(above, 5, 1, 2)
    picture = torch.cat([above, above.flip(-2)], dim=-2)
    symmetry = mirror_symmetry(picture, (12,))
    assert symmetry.shape == (1, 1, 64, 40)
    best = symmetry[0, 0].mean(-1).argmax()
    assert abs(int(best) - 31) <= 2
    assert float(symmetry[0, 0, int(best)].mean()) > 0.6
    assert float(symmetry[0, 0, 8:20].mean()) < 0.3


def test_a_plain_picture_mirrors_nothing():
    assert float(mirror_symmetry(torch.zeros(1, 1, 32, 32), (4, 8)).abs().max()) == 0
