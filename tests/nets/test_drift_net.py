"""The registration network: shapes, cost, what hidden pixels may not do."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from models.nets.attention import parameter_count
from models.nets.drift import (
    DriftNet,
    DriftNetConfig,
    Placement,
    cell_centres,
    local_contrast,
    sample,
    window_correlation,
    window_matches,
)
from models.nets.drift_search import coarse_matches, shift_votes
from models.science.line_of_sight import Projection

SMALL = DriftNetConfig(widths=(8, 8, 8), descriptors=(8, 8, 8), blocks=1, heads=2, head=(8, 8))


@pytest.fixture
def net():
    torch.manual_seed(0)
    return DriftNet(SMALL).eval()


def placement(width, height, batch=1):
    shift = torch.tensor([[(width - 1) / 2, (height - 1) / 2]]).expand(batch, -1)
    return Placement(shift, torch.full((batch,), width / 2))


def test_maps_have_their_strides_and_unit_descriptors(net):
    maps = net.encoder(torch.rand(2, 1, 64, 96), torch.ones(2, 1, 64, 96))
    assert {stride: tuple(m.shape) for stride, m in maps.items()} == {
        4: (2, 9, 16, 24),
        8: (2, 9, 8, 12),
        16: (2, 9, 4, 6),
    }
    for m in maps.values():
        torch.testing.assert_close(m[:, :-1].norm(dim=1), torch.ones(m.shape[0], *m.shape[2:]))


def test_the_shipped_shape_is_small_and_cheap():
    net = DriftNet().eval()
    assert parameter_count(net) * 4 < 4e6  # bytes
    luma = torch.rand(1, 1, 480, 640)
    places = placement(640, 480), placement(640, 480)
    with torch.inference_mode():
        reference = net.encoder(luma, torch.ones_like(luma))
        with FlopCounterMode(display=False) as counter:
            image = net.encoder(luma, torch.ones_like(luma))
            coarse_matches(net, reference[16], image[16], places)
            for stride in (8, 4):
                pair = reference[stride], image[stride], places
                window_matches(net, stride, *pair, torch.zeros(1, 4), torch.zeros(1), Projection.RECTILINEAR)
    attention = (
        2 * 2 * 2 * 1200**2 * 64
    )  # two blocks, two products of two operations: not counted on every back end
    assert counter.get_total_flops() + attention < 8e9


def test_hidden_pixels_change_nothing_far_away(net):
    luma, valid = torch.rand(1, 1, 64, 160), torch.ones(1, 1, 64, 160)
    valid[..., :32] = 0
    other = luma.clone()
    other[..., :32] = torch.rand(1, 1, 64, 32)
    for stride, m in net.encoder(luma, valid).items():
        changed = net.encoder(other, valid)[stride]
        torch.testing.assert_close(m, changed)  # not even near: what is hidden is zero before it is looked at
        assert (m[:, -1, :, : 32 // stride] < -10).all()


def test_contrast_does_not_depend_on_brightness_and_gain():
    luma, valid = torch.rand(1, 1, 64, 64), torch.ones(1, 1, 64, 64)
    bright, dim = local_contrast(luma, valid), local_contrast(0.2 + 0.5 * luma, valid)
    assert (bright - dim).abs().max() < 0.15  # all but the least spread that is divided by
    assert local_contrast(torch.full_like(luma, 0.7), valid).abs().max() < 1e-3


def test_correlation_finds_a_shift():
    generator = torch.Generator().manual_seed(0)
    scene = torch.nn.functional.normalize(torch.randn(1, 16, 12, 12, generator=generator), dim=1)
    moved = torch.roll(scene, shifts=(1, -2), dims=(2, 3))  # down by one, left by two
    best = window_correlation(scene, moved, radius=3)[0, :, 5, 6].argmax()
    assert (int(best) // 7 - 3, int(best) % 7 - 3) == (1, -2)


def test_votes_count_pairs_of_one_shift():
    # Tokens of a 2 x 3 grid; each matches its right neighbour: shift (0, +1), seen by the four that have one.
    probability = torch.zeros(1, 6, 6)
    for row in range(2):
        for column in range(2):
            probability[0, 3 * row + column, 3 * row + column + 1] = 1.0
    votes = shift_votes(probability, (2, 3), (2, 3))
    assert tuple(votes.shape) == (1, 3, 5)
    assert int(votes.flatten().argmax()) == 1 * 5 + 3  # no shift is at [1, 2]
    assert float(votes[0, 1, 3]) == pytest.approx(8)  # four, its own counted twice
    assert float(votes[0, 0, 3]) == pytest.approx(4)


def test_sampling_at_cell_centres_is_the_map_itself():
    maps = torch.cat(
        [torch.nn.functional.normalize(torch.randn(1, 8, 6, 7), dim=1), torch.randn(1, 1, 6, 7)], dim=1
    )
    at = cell_centres(6, 7, 8)[None]
    torch.testing.assert_close(sample(maps, at, 8, (6, 7)), maps, atol=1e-5, rtol=1e-4)
    beyond = sample(maps, at + 200, 8, (6, 7))
    assert (beyond[:, -1] == -20).all()


def test_an_empty_overlap_gives_no_weight(net):
    maps = net.encoder(torch.rand(1, 1, 64, 96), torch.ones(1, 1, 64, 96))[8]
    places = placement(96, 64), placement(96, 64)
    aside = torch.tensor([[5.0, 0.0, 0.0, 0.0]])
    matches, _ = window_matches(
        net, 8, maps, maps, places, aside, torch.tensor([0.0]), Projection.RECTILINEAR
    )
    assert float(matches.weight.detach().max()) < 1e-3
