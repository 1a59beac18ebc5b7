"""Layers of cloud: amounts fixed on the dome, low hiding high from below, high hiding low from above."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.contracts.cloud_labels import GENERA, INVISIBLE, base_code
from models.science.geometry import MSG_FRANCE
from models.simulation.cloud_layers import dome_clouds, layer_density, seen_density
from models.simulation.layer_satellite import SatelliteView, patch_window, satellite_planes
from models.simulation.layer_weather import SkyState, fix_layers, plain_layer, sky_state
from models.simulation.satellite_error import NO_ERROR, SatelliteError
from models.simulation.seeds import TRAINING_SEEDS
from models.simulation.sky_truth import sky_truth

SEED = TRAINING_SEEDS.start + 7
PLACE = (46.0, 2.0)
NOON, MIDNIGHT = np.datetime64("2024-06-10T12:00:00", "ns"), np.datetime64("2024-06-10T00:00:00", "ns")


def layers_of(*named):
    return fix_layers([plain_layer(genus, cover, SEED) for genus, cover in named])


def state_of(*named, visibility_km=30.0):
    return SkyState(layers_of(*named), visibility_km, 0.0, 0.2, (20.0, 0.0))


def planes_of(state, time=NOON, error=NO_ERROR, altitude_m=0.0):
    window = patch_window(MSG_FRANCE, PLACE, 9)
    return satellite_planes(SatelliteView(SEED, "a", PLACE, altitude_m, window, error), state, time, 0.0)


def genera_of(truth):
    return {GENERA[code] for code in truth.genera}


def test_a_clear_sky_has_no_cloud_no_base_and_no_genus():
    truth = sky_truth((), foggy=False)
    assert (truth.okta, truth.base_m, truth.genera, truth.levels) == (0, None, frozenset(), (0, 0, 0))


@pytest.mark.parametrize(
    ("cover", "okta"),
    [
        (0.002, 1),
        (0.25, 2),
        (0.5, 4),
        (0.998, 7),
        (1.0, 8),
    ],  # traces are 1, gaps 7; 8 x 0.25 = 2, 8 x 0.5 = 4
)
def test_the_amount_of_a_layer_is_fixed_on_the_full_dome(cover, okta):
    layers = layers_of(("Sc", cover))
    assert dome_clouds(layers).mean() == pytest.approx(cover, abs=5e-4)
    assert sky_truth(layers, foggy=False).okta == okta


def test_a_camera_that_sees_a_sector_sees_a_share_of_its_own():
    layer = layers_of(("Cu", 0.5))[0]
    azimuth, elevation = np.meshgrid(np.linspace(0, 1, 60), np.linspace(0.1, 0.6, 40))
    shares = [
        (
            seen_density(layer, (azimuth + turn).astype(np.float32), elevation.astype(np.float32))
            > layer.threshold
        ).mean()
        for turn in (0.0, 1.5, 3.0, 4.5)
    ]
    assert max(shares) - min(shares) > 0.05  # oktas apart from one direction to the next, at one N


def test_a_deck_without_a_gap_hides_what_stands_above_it():
    truth = sky_truth(layers_of(("Sc", 1.0), ("Ci", 0.6)), foggy=False)
    assert truth.okta == 8
    assert genera_of(truth) == {"Sc"}
    assert truth.levels == (5, INVISIBLE, INVISIBLE)
    assert base_code(truth.base_m) == 6  # the middle of 500 and 2000 m is 1250 m: 1000 to 1500 m


def test_high_cloud_in_the_gaps_is_reported():
    truth = sky_truth(layers_of(("Cu", 0.4), ("Ci", 0.6)), foggy=False)
    assert genera_of(truth) == {"Cu", "Ci"}
    assert truth.levels == (2, 0, 1)  # Cu 1350 m deep: mediocris or congestus
    assert 0.6 < truth.cover < 1.0


def test_a_mid_deck_hides_the_high_level_alone():
    truth = sky_truth(layers_of(("As", 1.0), ("Cu", 0.3), ("Cs", 1.0)), foggy=False)
    assert truth.levels == (2, 1, INVISIBLE)
    assert genera_of(truth) == {"As", "Cu"}


def test_in_fog_nothing_is_reported_but_that_the_sky_is_obscured():
    truth = sky_truth(layers_of(("Ci", 0.5)), foggy=True)
    assert (truth.okta, truth.obscured, truth.base_m) == (None, True, None)
    assert truth.levels == (INVISIBLE,) * 3


@settings(max_examples=15, deadline=None)
@given(low=st.floats(0, 1), high=st.floats(0, 1))
def test_more_cloud_never_makes_fewer_oktas(low, high):
    one, both = (
        sky_truth(layers_of(("Sc", low)), False),
        sky_truth(layers_of(("Sc", low), ("Ci", high)), False),
    )
    assert both.okta >= one.okta
    assert both.cover >= max(low, high) - 1e-3


def test_the_satellite_sees_the_highest_layer_and_marks_what_lies_below_thin_cloud():
    overcast, veiled = planes_of(state_of(("Sc", 1.0))), planes_of(state_of(("Sc", 1.0), ("Cs", 1.0)))
    assert (overcast["ct"] == 6).all()  # tops at 1250 + 450 = 1700 m: low, above 1500 m
    assert (veiled["ct"] == 14).all()  # high semi-transparent above lower cloud
    assert veiled["ctth_alti"].min() > 5500  # 9250 m, wrong by 12 % at one standard error
    assert veiled["IR_108"].max() < overcast["IR_108"].min()
    assert set(np.unique(planes_of(state_of(("Cs", 1.0)))["ct"])) <= {11.0, 12.0, 13.0}


def test_a_clear_sky_and_fog_from_above():
    clear, fog = planes_of(state_of()), planes_of(state_of(visibility_km=0.3), altitude_m=150.0)
    assert not clear["cma"].any()
    assert (clear["ct"] == 1).all()
    assert np.isnan(clear["ctth_alti"]).all()
    assert fog["cma"].all()
    assert (fog["ctth_alti"] == 350).all()  # 200 m of fog on ground at 150 m


def test_reflectance_is_not_known_by_night():
    night = planes_of(state_of(("Sc", 1.0)), MIDNIGHT)
    assert np.isnan(night["VIS006"]).all()
    assert np.isfinite(night["IR_108"]).all()


def test_errors_add_false_cloud_to_clear_sky_and_miss_cloud():
    assert planes_of(state_of(), error=SatelliteError(1.0, 0.0))["cma"].all()
    missed = planes_of(state_of(("Sc", 1.0)), error=SatelliteError(0.0, 1.1))
    assert not missed["cma"].any()
    assert np.isnan(missed["ctth_alti"]).all()
    np.testing.assert_array_equal(
        missed["IR_108"], planes_of(state_of())["IR_108"]
    )  # nor do other planes betray it


def test_clouds_move_with_the_wind():
    layer = replace(layers_of(("Cu", 0.5))[0], wind_km_h=(36.0, 0.0))
    east, north = np.linspace(-20, 20, 50, dtype=np.float32), np.zeros(50, np.float32)
    np.testing.assert_allclose(  # 9 km in a quarter of an hour
        layer_density(layer, east + 9, north, 0.25), layer_density(layer, east, north), atol=1e-3
    )


def test_a_sky_depends_on_seed_place_and_time_alone():
    assert sky_state(SEED, "here", NOON) == sky_state(SEED, "here", NOON)
    assert sky_state(SEED, "here", NOON) != sky_state(SEED, "there", NOON)
    assert sky_state(SEED, "here", NOON) != sky_state(SEED + 1, "here", NOON)
