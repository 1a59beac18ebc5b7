"""Levels of pictures: ensemble, site, abstention."""

import math

import numpy as np
import pytest
import torch

from models.contracts.flags import ValueFlag
from models.nets.water import WaterNetConfig
from models.science.level_interval import LevelCalibration
from models.water import (
    WaterConfig,
    WaterMaps,
    WaterModel,
    WaterSite,
    build_water_nets,
    learn_site,
    look,
    read_levels,
    withheld,
    working_rgb,
)

MEMBERS = (WaterNetConfig(widths=(8, 16)), WaterNetConfig(widths=(8, 16), context_heads=2))


@pytest.fixture
def model():
    torch.manual_seed(0)
    config = WaterConfig(members=MEMBERS, long_side=64, min_observable=0.0)
    return WaterModel(build_water_nets(config), config)


def maps_of(*shares, members=2):
    """Water in this share of the rows, from below."""
    out = []
    for share in shares:
        water = torch.zeros(members, 10, 8, dtype=torch.float16)
        water[:, round(10 * (1 - share)) :] = 1
        out.append(WaterMaps(water, 0.9, ValueFlag.GOOD))
    return out


def test_a_picture_is_looked_at_on_its_own(model):
    pictures = [np.random.default_rng(k).integers(0, 255, (60, 80, 3), np.uint8) for k in range(3)]
    together, alone = look(model, pictures), look(model, pictures[1:2])
    assert torch.equal(together[1].water, alone[0].water)
    assert together[0].water.shape == (2, 48, 64)


def test_hidden_pixels_are_no_water(model):
    picture = np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8)
    hidden = np.zeros((60, 80), bool)
    hidden[:30] = True
    (seen,) = look(model, [picture], hidden=[hidden])
    assert float(seen.water[:, :24].max()) == 0
    assert float(seen.water[:, 26:].max()) > 0


def test_what_cannot_be_judged_is_withheld(model):
    strict = WaterModel(model.nets, WaterConfig(members=MEMBERS, long_side=64, min_observable=1.1))
    seen = look(strict, [np.zeros((60, 80, 3), np.uint8)])
    levels = read_levels(strict, seen, None)
    assert levels.flag.tolist() == [int(ValueFlag.UNOBSERVABLE)]
    assert math.isnan(levels.level[0])


def test_without_a_site_the_level_is_the_share_under_water(model):
    levels = read_levels(model, maps_of(0.2, 0.5), None)
    np.testing.assert_allclose(levels.level, [0.2, 0.5], atol=1e-3)
    np.testing.assert_allclose(levels.spread, 0, atol=1e-6)


def test_a_site_reads_the_level_where_water_comes_and_goes(model):
    maps = maps_of(0.2, 0.4, 0.6, 0.8)
    site = learn_site(maps)
    levels = read_levels(model, maps, site).level
    assert levels[0] == pytest.approx(0, abs=0.1)
    assert levels[3] == pytest.approx(1, abs=0.1)
    assert (np.diff(levels) > 0.1).all()


def test_too_few_pictures_or_none_that_can_be_judged_make_no_site():
    assert learn_site([]) is None
    assert learn_site(maps_of(0.2, 0.4, 0.6)) is None
    assert learn_site([withheld(ValueFlag.DARK)] * 8) is None


def test_pictures_of_another_size_take_no_part_in_a_site():
    other = WaterMaps(torch.ones(2, 5, 5, dtype=torch.float16), 0.9, ValueFlag.GOOD)
    site = learn_site([*maps_of(0.2, 0.4, 0.6, 0.8), other])
    assert site.frames == 4
    assert site.wettability.shape == (10, 8)


def test_a_site_survives_storing():
    site = WaterSite(torch.rand(3, 4), frames=7, pairs=2)
    again = WaterSite.from_arrays(site.to_arrays())
    assert torch.equal(again.wettability, site.wettability)
    assert (again.frames, again.pairs) == (7, 2)


def test_members_that_disagree_are_spread(model):
    (maps,) = maps_of(0.5)
    maps.water[1] = 1  # one sees 0.5, the other 1: mean 0.75, standard deviation 0.354
    levels = read_levels(model, [maps], None)
    assert levels.level[0] == pytest.approx(0.75)
    assert levels.spread[0] == pytest.approx(0.3536, abs=1e-3)


def test_a_calibration_widens_the_spread(model):
    known = LevelCalibration(quantile=2.0, offset=0.01, coverage=0.9, frames=100, cameras=20)
    config = WaterConfig(members=MEMBERS, long_side=64, calibration=known)
    calibrated, maps = WaterModel(model.nets, config), maps_of(0.5)
    levels = read_levels(calibrated, maps, WaterSite(torch.ones(10, 8), frames=9))
    # half width 2 * (0 + 0.01) = 0.02, of 90 %: sigma = 0.02 / 1.645
    assert levels.sigma[0] == pytest.approx(0.01216, abs=1e-4)
    assert read_levels(calibrated, maps, None).sigma[0] == 0  # of levels without a site nothing was measured


def test_large_pictures_are_thinned_before_they_are_averaged():
    picture = np.full((2048, 2448, 3), 128, np.uint8)
    assert working_rgb(picture, 320).shape == (1, 3, 268, 320)


def test_no_picture_is_no_level(model):
    assert look(model, []) == []
    assert read_levels(model, [], None).level.size == 0
