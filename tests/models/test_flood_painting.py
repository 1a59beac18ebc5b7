"""Painted floods: nested, confined to their masks, fixed by the seed."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.learn.flood_painting import DRY, WATER, FloodConfig, paint_flood

RIVER = FloodConfig(beach=0.0, hollow=0.0, across=0.0, board=0.0)


def picture(height=48, width=64, seed=0):
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_higher_water_covers_all_that_lower_water_covers(seed):
    flood = paint_flood(picture(), FloodConfig(), torch.Generator().manual_seed(seed))
    low, high = flood.masks == WATER
    assert bool((high | ~low).all())
    assert set(flood.masks.unique().tolist()) <= {DRY, WATER}
    assert flood.pictures.shape == (2, 3, 48, 64)
    assert bool(flood.pictures.isfinite().all()) and 0 <= flood.pictures.min() <= flood.pictures.max() <= 1


def test_dry_ground_stays_or_is_damp():
    shown = picture()
    flood = paint_flood(shown, RIVER, torch.Generator().manual_seed(3))
    for painted, mask in zip(flood.pictures, flood.masks, strict=True):
        dry = (mask == DRY).expand_as(painted)
        assert bool((painted[dry] <= shown[dry] + 1e-6).all())
        assert bool((painted[dry] >= 0.55 * shown[dry] - 1e-6).all())


def test_calm_water_mirrors_what_stands_above_its_line():
    # White above the middle, black below: a still mirror turns the black white.
    shown = torch.zeros(3, 60, 64)
    shown[:, :40] = 1.0
    brightest = 0.0
    for seed in range(12):
        flood = paint_flood(shown, RIVER, torch.Generator().manual_seed(seed))
        wet = flood.masks[1] == WATER
        if bool(wet[41:].any()):
            brightest = max(brightest, float(flood.pictures[1][:, 41:][:, wet[41:]].mean()))
    assert brightest > 0.5


def test_a_seed_makes_the_same_flood():
    one, again = (paint_flood(picture(), FloodConfig(), torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(one.pictures, again.pictures) and torch.equal(one.masks, again.masks)
