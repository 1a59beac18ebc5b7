"""Learning genera: views, targets, mixing, and a training that goes on to the same bits."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from models.learn.genus_training import (
    GenusLessons,
    GenusRecipe,
    draw_maps,
    drawing_weights,
    fine_tune,
    genus_loss,
    photo_targets,
)
from models.learn.genus_views import ViewConfig, random_views
from models.learn.loop import LoopConfig
from models.nets.genus import GenusConfig, GenusLogits, GenusNet

TINY = GenusRecipe(
    net=GenusConfig(fixed_blocks=11, width=16, heads=2, dropout=0.1),
    views=ViewConfig(side=64),
    view_count=2,
    loop=LoopConfig(steps=6, learning_rate=2e-3, warm_up=1, report_every=2),
    batch_size=4,
    average=0.5,
)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def lessons():
    """Maps of two kinds of photos: bright on the left, bright on the right."""
    maps = np.zeros((2, 8, 112, 2, 2), np.float16)
    maps[:, :4, :56] = 1.0
    maps[:, 4:, 56:] = 1.0
    target = photo_targets(np.repeat([0, 8], 4), np.arange(8), 11)
    return GenusLessons(maps, target, torch.ones(8))


def tiny_net():
    torch.manual_seed(3)
    return GenusNet(TINY.net)


def test_duplicates_that_are_filed_differently_share_their_target():
    target = photo_targets(np.array([0, 2, 2, 1]), np.array([7, 7, 7, 3]), 3)
    assert target.tolist() == pytest.approx(np.array([[1 / 3, 0, 2 / 3]] * 3 + [[0, 1, 0]]))


def test_rare_classes_are_drawn_half_way_to_balance_and_held_out_photos_never():
    label = np.array([0] * 9 + [1] * 4 + [1])
    seen = np.array([True] * 13 + [False])
    weight = drawing_weights(label, seen, label < 0, 0.5)
    # 9 of one class and 4 of the other: 1/3 against 1/2 each.
    assert float(weight[0]) == pytest.approx(1 / 3)
    assert float(weight[9]) == pytest.approx(1 / 2)
    assert float(weight[13]) == 0
    assert float(drawing_weights(label, seen, label == 1, 0.5)[9]) == pytest.approx(1 / 4)


@pytest.mark.parametrize("seed", range(8))
def test_mixed_targets_are_still_shares(seed):
    maps, target = draw_maps(lessons(), replace(TINY, mixed=1.0), generator(seed))
    assert torch.allclose(target.sum(1), torch.ones(4), atol=1e-6)
    # Half of the channels are of the one kind, half of the other: the mean of a map is the share in both.
    assert torch.allclose(maps[:, :56].mean((1, 2, 3)), target[:, 0], atol=1e-3)


def test_loss_of_a_network_that_knows_nothing():
    logits = GenusLogits(torch.zeros(1, 11), torch.zeros(1, 10))
    # ln 11 for the class; ln 2 for the presence, 11 times, at its weight.
    loss = genus_loss(logits, torch.eye(11)[:1], replace(TINY, presence=0.3))
    assert float(loss) == pytest.approx(np.log(11) + 0.3 * 11 * np.log(2), rel=1e-5)


def test_it_learns_and_the_fixed_blocks_stay():
    net = tiny_net()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    state = fine_tune(net, lessons(), replace(TINY, loop=replace(TINY.loop, steps=20)))
    assert state.losses[-1] < state.losses[0]
    after = net.state_dict()
    changed = {k for k in after if not torch.equal(after[k], before[k])}
    assert "trunk.blocks.15.narrow.conv.weight" in changed
    assert not any(k.startswith(("trunk.stem", *(f"trunk.blocks.{n}." for n in range(11)))) for k in changed)
    assert not any("running" in k for k in changed)


def test_an_interrupted_training_ends_at_the_same_bits():
    whole, first, second = tiny_net(), tiny_net(), tiny_net()
    fine_tune(whole, lessons(), TINY)
    half = fine_tune(first, lessons(), TINY, until=4)
    seen = []
    done = fine_tune(second, lessons(), TINY, state=half, observe=seen.append)
    assert [state.step for state in seen] == [6]
    assert done.step == 6 and len(done.losses) == 3
    for name, value in whole.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name


def test_a_loss_that_is_not_finite_stops_the_training():
    broken = lessons()
    broken.maps[:] = np.inf
    with pytest.raises(FloatingPointError, match="step 0"):
        fine_tune(tiny_net(), broken, TINY)


def test_views_are_the_photo_seen_otherwise():
    rgb = torch.full((3, 3, 50, 40), 128, dtype=torch.uint8)
    rgb[:, 2] = 200
    views = random_views(rgb, ViewConfig(side=32), generator(1))
    assert views.shape == (3, 3, 32, 32)
    assert float(views.min()) >= 0 and float(views.max()) <= 1
    assert bool((views[:, 2].mean((1, 2)) > views[:, 0].mean((1, 2))).all())  # it stays bluish
    assert torch.equal(views, random_views(rgb, ViewConfig(side=32), generator(1)))
    assert not torch.equal(views, random_views(rgb, ViewConfig(side=32), generator(2)))


def test_views_without_strength_are_the_photo_or_its_mirror_image():
    still = ViewConfig(
        side=16, least_share=1, stretch=1, turn_deg=0, exposure=0, contrast=0, saturation=0, colour=0
    )
    rgb = (torch.rand(6, 3, 16, 16, generator=generator()) * 255).to(torch.uint8)
    views = random_views(rgb, still, generator(4))
    for view, photo in zip(views, rgb.float() / 255, strict=True):
        assert min((view - photo).abs().max(), (view - photo.flip(-1)).abs().max()) < 1e-4
