"""The imager's channels show the clouds of the cloud products, day and night."""

import numpy as np
import pytest

from models.science.geometry import MSG_FRANCE
from models.simulation.imager import (
    CHANNELS,
    SOLAR_CHANNELS,
    THERMAL_CHANNELS,
    imager_channels,
    imager_slot,
    surface_temperature_k,
)
from models.simulation.satellite import cloud_products, cloud_scene, land_mask, satellite_slot
from models.simulation.weather import RegionalWeather

WEATHER = RegionalWeather(8)  # much of every kind of cloud at noon
NOON, MIDNIGHT = (np.datetime64(f"2025-03-29T{hour}:00", "ns") for hour in ("12", "00"))


@pytest.fixture(scope="module")
def noon():
    scene = cloud_scene(WEATHER, NOON)
    return scene, cloud_products(scene), imager_channels(scene)


def test_every_channel_is_in_the_range_that_seviri_can_measure(noon):
    _, _, values = noon
    assert tuple(values) == CHANNELS
    for channel, array in values.items():
        low, high = (0, 130) if channel in SOLAR_CHANNELS else (200, 330)
        assert array.dtype == np.float32 and array.shape == MSG_FRANCE.shape
        assert low <= array.min() <= array.max() <= high, channel


def test_an_opaque_cloud_is_as_cold_as_its_top_and_clear_sky_as_the_ground(noon):
    scene, products, values = noon
    opaque = (products["CT"]["ct"] >= 5) & (products["CT"]["ct"] <= 9)
    top_k = products["CTTH"]["ctth_tempe"]
    assert np.abs(values["IR_108"] - top_k)[opaque].max() < 0.01
    clear = products["CMA"]["cma"] == 0
    assert np.abs(values["IR_108"] - (surface_temperature_k(scene) - 1))[clear].max() < 0.01
    # Tops above 8 km are at 286 - 0.0065 x 8000 = 234 K and below; the ground is far warmer.
    high = opaque & (products["CTTH"]["ctth_alti"] > 8000)
    assert high.any() and values["IR_108"][high].max() < 234.01 < values["IR_108"][clear].min()


def test_high_clouds_show_in_water_vapour_and_low_ones_do_not(noon):
    _, products, values = noon
    clear = products["CMA"]["cma"] == 0
    low = products["CTTH"]["ctth_alti"] < 1500
    high = (products["CTTH"]["ctth_alti"] > 9500) & (products["CT"]["ct"] == 9)
    assert abs(values["WV_062"][low].mean() - values["WV_062"][clear].mean()) < 3
    assert values["WV_062"][high].mean() < values["WV_062"][clear].mean() - 8


def test_cirrus_splits_the_window_and_ice_is_dark_at_1_6_um(noon):
    _, products, values = noon
    split = values["IR_108"] - values["IR_120"]
    kind = products["CT"]["ct"]
    assert split[kind == 12].mean() > split[(kind >= 5) & (kind <= 9)].mean() + 1
    bright = (kind == 9) | (kind == 6)
    ratio = values["IR_016"] / values["VIS006"]
    assert ratio[bright & (kind == 9)].mean() < 0.6 < ratio[bright & (kind == 6)].mean()


def test_clouds_are_brighter_than_the_sea_and_the_short_wave_has_a_solar_part(noon):
    _, products, values = noon
    sea = products["CT"]["ct"] == 2
    assert values["VIS006"][products["CMA"]["cma"] == 1].mean() > 3 * values["VIS006"][sea].mean()
    low = products["CT"]["ct"] == 6
    assert (values["IR_039"] - values["IR_108"])[low].min() > 10
    night = imager_slot(WEATHER, MIDNIGHT, channels=["IR_039", "IR_108"])
    low = satellite_slot(WEATHER, MIDNIGHT)["CT"]["ct"] == 6
    assert (night["IR_039"] - night["IR_108"])[low].max() < 0


def test_night_reflects_nothing_and_still_radiates():
    values = imager_slot(WEATHER, MIDNIGHT, channels=[*CHANNELS, "HRV"])
    for channel in (*SOLAR_CHANNELS, "HRV"):
        assert not values[channel].any()
    assert all((values[channel] > 200).all() for channel in THERMAL_CHANNELS)


def test_land_is_warmest_in_the_afternoon_and_the_sea_does_not_mind():
    land = land_mask(MSG_FRANCE)
    at = {h: surface_temperature_k(cloud_scene(WEATHER, NOON + np.timedelta64(h - 12, "h"))) for h in (2, 14)}
    # a wave of 4 to 8 K either way
    assert 8 <= (at[14] - at[2])[land].mean() <= 16
    assert np.abs(at[14] - at[2])[~land].max() < 0.1


def test_a_scene_depends_on_seed_and_time_alone_and_a_window_of_it_is_cut_out(noon):
    scene, products, values = noon
    again = imager_slot(RegionalWeather(8), NOON)
    for channel in CHANNELS:
        np.testing.assert_array_equal(again[channel], values[channel])
    assert (imager_slot(RegionalWeather(9), NOON, channels=["IR_108"])["IR_108"] != values["IR_108"]).any()
    part = scene.window(slice(10, 40), slice(20, 60))
    np.testing.assert_array_equal(cloud_products(part)["CT"]["ct"], products["CT"]["ct"][10:40, 20:60])
    assert part.grid == MSG_FRANCE.window(slice(10, 40), slice(20, 60))


def test_an_unknown_channel_is_refused(noon):
    with pytest.raises(ValueError, match="IR_999"):
        imager_channels(noon[0], ["IR_999"])
