"""Batches and losses of the water level, by hand."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.learn.blinding import blinded
from models.learn.water_batches import WaterPictures, WaterViewConfig
from models.learn.water_denoising import denoising_loss, noisy_batch, without_head
from models.learn.water_loss import (
    WaterLossConfig,
    mask_losses,
    observable_loss,
    pair_losses,
    water_loss,
)
from models.learn.water_targets import LabelledPicture, Order, WaterTargets, orders_by_level

SMALL = WaterViewConfig(height=48, width=64, painted=2, masked=2, dry=0.0, twice=1, paired=2, blind=0.0)
NONE = torch.zeros(0, 2, dtype=torch.int64)


def picture(seed: int, mask: str, height=72, width=96) -> LabelledPicture:
    generator = torch.Generator().manual_seed(seed)
    rgb = torch.randint(0, 256, (3, height, width), dtype=torch.uint8, generator=generator)
    codes = torch.ones(height, width, dtype=torch.uint8)
    codes[height // 2 :] = {"dry": 1, "wet": 2, "half": 0}.get(mask, 0)
    return LabelledPicture(rgb, None if mask == "none" else codes)


def targets(masks, pairs=NONE, answers=(), observable=None, twins=NONE) -> WaterTargets:
    masks = torch.tensor(masks, dtype=torch.uint8)
    seen = torch.tensor(observable if observable is not None else [math.nan] * len(masks))
    pairs = torch.as_tensor(pairs, dtype=torch.int64).reshape(-1, 2)
    return WaterTargets(masks, seen, pairs, torch.tensor(list(answers), dtype=torch.float32), twins)


def log_odds(p):
    return torch.logit(torch.tensor(p, dtype=torch.float32))


def test_a_batch_has_floods_masks_twins_and_pairs_in_their_places():
    pictures = [picture(0, "dry"), picture(1, "wet"), picture(2, "none"), picture(3, "none")]
    x, known = WaterPictures(pictures, [Order(2, 3, 1.0)], SMALL).draw(torch.Generator().manual_seed(4))

    # 2 places at 2 levels, 2 masked of which the first is shown again, 2 pairs without masks.
    assert x.shape == (2 * 2 + 3 + 2 * 2, 3, 48, 64)
    assert float(x.min()) >= 0 and float(x.max()) <= 1
    assert known.pairs.tolist() == [[0, 1], [2, 3], [7, 8], [9, 10]]
    assert known.answers.tolist() == [-1, -1, 1, 1]
    assert known.twins.tolist() == [[4, 5]]
    assert torch.equal(known.masks[4], known.masks[5])
    assert not torch.equal(x[4], x[5])  # another light
    low, high = known.masks[0] == 2, known.masks[1] == 2
    assert bool((high | ~low).all())  # nested
    assert not known.masks[7:].any()


def test_the_generator_fixes_the_batch():
    pictures = WaterPictures([picture(0, "dry"), picture(1, "wet")], (), SMALL)
    a, b, c = (pictures.draw(torch.Generator().manual_seed(n)) for n in (5, 5, 6))

    assert torch.equal(a[0], b[0]) and torch.equal(a[1].masks, b[1].masks)
    assert not torch.equal(a[0], c[0])


def test_blinded_pictures_lose_masks_pairs_and_twins():
    config = WaterViewConfig(height=48, width=64, painted=2, masked=1, twice=1, blind=1.0)
    x, known = WaterPictures([picture(0, "dry"), picture(1, "wet")], (), config).draw(
        torch.Generator().manual_seed(0)
    )

    assert known.observable.tolist() == [0.0] * len(x)
    assert not known.masks.any()
    assert known.pairs.shape == known.twins.shape == (0, 2)


def test_what_is_not_labelled_stays_so_under_a_painted_flood():
    config = WaterViewConfig(height=48, width=64, least_scale=1.0, painted=4, masked=0, blind=0.0)
    _, known = WaterPictures([picture(0, "half")], (), config).draw(torch.Generator().manual_seed(0))

    # Only water was painted in the lower half, of which nothing was known.
    assert set(known.masks[:, 25:].unique().tolist()) <= {0, 2}
    assert 1 in known.masks[:, :23].unique().tolist()


def test_pictures_without_any_of_a_kind_are_passed_over():
    wet = WaterPictures([picture(1, "wet")], (), SMALL).draw(torch.Generator().manual_seed(0))
    assert len(wet[0]) == 3 and len(wet[1].pairs) == 0  # there is no dry ground to flood
    bare = WaterPictures([picture(1, "wet")], (), replace(SMALL, painted=0, masked=1, twice=0))
    assert len(bare.draw(torch.Generator().manual_seed(0))[1].pairs) == 0
    with pytest.raises(ValueError, match="no picture is known"):
        WaterPictures([picture(1, "none")], (), SMALL)
    with pytest.raises(ValueError, match="no picture is known"):
        WaterPictures([], (), SMALL)


def test_pairs_of_two_sizes_are_left_out():
    pictures = [picture(0, "dry"), picture(1, "wet", 36, 48)]

    assert WaterPictures(pictures, [Order(0, 1, 1.0)], SMALL).orders == []


def test_levels_make_pairs_where_they_differ_enough():
    assert orders_by_level([4, 7, 9], [0.5, 0.1, math.nan], 0.2) == [Order(4, 7, 1.0)]
    assert orders_by_level([4, 7], [0.5, 0.4], 0.2) == []
    assert orders_by_level([], [], 0.2) == []


def test_plain_crops_are_of_any_picture():
    crops = WaterPictures([picture(0, "dry"), picture(2, "none")], (), SMALL).plain(
        3, torch.Generator().manual_seed(0)
    )

    assert crops.shape == (3, 3, 48, 64)


def test_mask_losses_leave_out_what_is_not_labelled():
    bce, dice = mask_losses(log_odds([[[0.5, 0.8]], [[0.9, 0.9]]]), torch.tensor([[[2, 0]], [[0, 0]]]))

    assert float(bce) == pytest.approx(-math.log(0.5), abs=1e-6)
    first = 1 - (2 * 0.5 + 50) / (0.5 + 1 + 50)  # one labelled pixel, half water
    assert float(dice) == pytest.approx(first / 2, abs=1e-6)
    assert float(mask_losses(log_odds([[[0.5]]]), torch.zeros(1, 1, 1))[0]) == 0


def test_order_is_read_where_the_masks_differ():
    # Level of the differing pixel: 0.3 on the left, 0.7 on the right; the other one must not count.
    water = torch.tensor([[[0.3, 1.0]], [[0.7, 0.0]]])
    known = targets([[[1, 2]], [[2, 2]]], [[0, 1]], [-1.0])

    order, tie, nesting = pair_losses(water, known, temperature=0.2)

    assert float(order) == pytest.approx(math.log1p(math.exp(-0.4 / 0.2)), abs=1e-5)
    assert float(tie) == 0
    assert float(nesting) == pytest.approx(0.5, abs=1e-6)  # the second pixel is wetter in the lower picture


def test_ties_and_pairs_without_masks_use_the_whole_picture():
    water = torch.tensor([[[0.2, 0.4]], [[0.6, 0.6]]])
    known = targets([[[0, 0]], [[0, 0]]], [[0, 1], [0, 1]], [0.0, math.nan])

    order, tie, nesting = pair_losses(water, known, temperature=0.1)

    assert (float(order), float(nesting)) == (0, 0)
    assert float(tie) == pytest.approx(0.3 / 0.1, abs=1e-5)


def test_of_two_that_cannot_be_compared_one_is_unobservable():
    known = targets([[[0]], [[0]], [[0]]], [[0, 1]], [math.nan], [math.nan, math.nan, 1.0])

    loss = observable_loss(log_odds([0.5, 0.8, 0.25]), known)

    assert float(loss) == pytest.approx((-math.log(0.25) - math.log(1 - 0.4)) / 2, abs=1e-5)


def test_all_parts_add_up_and_nothing_known_is_no_loss():
    water = log_odds([[[0.2, 0.4]], [[0.6, 0.6]]])
    known = targets([[[1, 2]], [[1, 2]]], [[0, 1]], [-1.0], [1.0, 0.0], torch.tensor([[0, 1]]))
    parts = water_loss((water, log_odds([0.5, 0.5])), known)
    assert float(parts["total"]) == pytest.approx(sum(float(v) for n, v in parts.items() if n != "total"))
    assert float(parts["light"]) == pytest.approx(WaterLossConfig().light * 0.3, abs=1e-5)

    nothing = targets([[[0, 0]], [[0, 0]]])
    empty = water_loss((water.requires_grad_(), log_odds([0.5, 0.5])), nothing)
    assert float(empty["total"].detach()) == 0
    empty["total"].backward()
    assert not water.grad.isnan().any()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_a_blinded_picture_shows_hardly_anything(seed):
    generator = torch.Generator().manual_seed(seed)
    board = torch.kron(torch.randint(0, 2, (1, 6, 8)).float(), torch.ones(3, 8, 8))

    seen = blinded(board, generator)

    assert seen.shape == board.shape
    assert float(seen.min()) >= 0 and float(seen.max()) <= 1
    edges = (seen[..., 8::8] - seen[..., 7:-1:8]).abs().mean()
    assert float(edges) < 0.35


def test_denoising_knows_the_clean_luma():
    clean = torch.full((2, 3, 8, 8), 0.4)
    noisy, luma = noisy_batch(clean, 0.2, torch.Generator().manual_seed(0))

    assert noisy.shape == (2, 3, 8, 8)
    assert torch.allclose(luma, torch.full((2, 8, 8), 0.4), atol=1e-3)
    assert torch.equal(noisy[:, 0], noisy[:, 2])
    assert float(denoising_loss((luma - 0.5, torch.zeros(2)), luma)) == 0
    assert without_head({"unet.head.weight": 1, "unet.up.0": 2}) == {"unet.up.0": 2}
