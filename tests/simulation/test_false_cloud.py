"""False cloud looks like true cloud, and missed cloud like clear ground: no plane tells which the mask has wrong."""

from dataclasses import replace

import numpy as np
import pytest

from models.contracts.sky_batch import CLOUD_TYPES
from models.science.geometry import MSG_FRANCE
from models.simulation.layer_satellite import SatelliteView, patch_window, satellite_planes
from models.simulation.layer_weather import SkyState, fix_layers, plain_layer, sky_state
from models.simulation.satellite_error import NO_ERROR, SatelliteError
from models.simulation.seeds import TRAINING_SEEDS
from models.simulation.sky_truth import sky_truth

COUNT = 150
SEED, PLACE = TRAINING_SEEDS.start + 8, (46.0, 2.0)
NOON = np.datetime64("2024-06-10T12:00:00", "ns")
CLEAR = SkyState((), 30.0, 0.0, 0.2, (20.0, 0.0))


def planes_of(state, name, error, time=NOON, lag_h=0.0):
    window = patch_window(MSG_FRANCE, PLACE, 9)
    return satellite_planes(SatelliteView(SEED, name, PLACE, 200.0, window, error), state, time, lag_h)


def overcast(okta, count):
    """Patches without a gap over skies of one N: over clear skies all of it is false."""
    found, error = [], SatelliteError()
    for hour in range(100 * count):
        name = f"{okta} {hour}"
        state = sky_state(SEED, name, NOON)
        if state.foggy or sky_truth(state.layers, False).okta != okta:
            continue
        planes = planes_of(state, name, error)
        if planes["cma"].all():
            found.append(planes)
        if len(found) == count:
            return found
    raise AssertionError(okta)


@pytest.fixture(scope="module")
def false_and_true():
    return overcast(0, COUNT), overcast(8, COUNT)


def spread_of(patches, name):
    return np.array([patch[name].std() for patch in patches]).round(1)  # decks of one layer: 0


@pytest.mark.parametrize("name", ["ctth_alti", "IR_108", "VIS006"])
def test_false_patches_vary_within_as_true_ones_do(false_and_true, name):
    false, true = (spread_of(patches, name) for patches in false_and_true)
    below = [(spread[:, None] <= np.unique(true)).mean(0) for spread in (false, true)]
    assert np.abs(below[0] - below[1]).max() < 0.16  # Kolmogorov and Smirnov: 0.157 at 5 % of 150 and 150


def test_false_tops_are_no_stock_of_copies(false_and_true):
    assert len({round(float(patch["ctth_alti"].mean())) for patch in false_and_true[0]}) > 130


def test_hardly_anything_tells_false_patches_from_true_ones(false_and_true):
    values = np.array([summary(patch) for patches in false_and_true for patch in patches])
    values = (values - values.mean(0)) / (values.std(0) + 1e-9)
    truth = np.repeat([0, 1], COUNT)
    fitted = np.arange(2 * COUNT) % 2 == 0
    score = values[~fitted] @ logistic_weights(values[fitted], truth[fitted])
    true, false = score[truth[~fitted] == 1], score[truth[~fitted] == 0]
    auc = (true[:, None] > false).mean()
    assert auc < 0.65  # area under the ROC curve; 0.5 is chance


def summary(patch):
    shares = np.bincount(patch["ct"].astype(int).ravel(), minlength=CLOUD_TYPES + 1) / patch["ct"].size
    of = [f(patch[name]) for name in ("ctth_alti", "IR_108", "VIS006") for f in (np.mean, np.std)]
    return [*of, *shares]


def logistic_weights(values, truth):
    weight = np.zeros(values.shape[1])
    for _ in range(500):
        wrong = truth - 1 / (1 + np.exp(-values @ weight))
        weight += 0.5 * (values.T @ wrong / len(values) - 0.01 * weight)
    return weight


def test_false_cloud_beside_true_cloud_is_of_another_sky():
    state = replace(CLEAR, layers=fix_layers([plain_layer("Cu", 0.4, SEED)]))
    alone = [planes_of(state, f"{n}", NO_ERROR) for n in range(20)]
    filled = [planes_of(state, f"{n}", SatelliteError(1.1, 0.0)) for n in range(20)]
    added = {tuple(np.unique(full["ct"][part["cma"] == 0])) for part, full in zip(alone, filled, strict=True)}
    assert len(added) > 5
    for part, full in zip(alone, filled, strict=True):
        there = part["cma"] == 1
        np.testing.assert_array_equal(full["ct"][there], part["ct"][there])


def test_false_cloud_is_that_of_one_sky_from_slot_to_slot():
    error = SatelliteError(1.1, 0.0)
    now, before = (planes_of(CLEAR, "a", error, lag_h=lag)["ctth_alti"] for lag in (0.0, -0.25))
    assert set(np.unique(now)) & set(np.unique(before))


def test_missed_cloud_of_every_kind_shows_the_ground_as_a_clear_pixel_does():
    clear = planes_of(CLEAR, "a", NO_ERROR)
    for genus in ("Ci", "As", "Sc", "Cb"):
        state = replace(CLEAR, layers=fix_layers([plain_layer(genus, 1.0, SEED)]))
        missed = planes_of(state, "a", SatelliteError(0.0, 1.1))
        for name, values in clear.items():
            np.testing.assert_array_equal(missed[name], values)


def test_cloud_appears_north_of_its_place_by_its_height():
    # A front to the south alone, tops at 8 km: 10 km north of its true edge, 2 lines of 4.7 km.
    low, high = (
        replace(plain_layer("As", 0.5, SEED), top_m=top, slant=(0.0, -30.0), threshold=0.5)
        for top in (0.0, 8000.0)
    )
    near, shifted = (
        planes_of(replace(CLEAR, layers=(layer,)), "a", NO_ERROR)["cma"].sum() / 9 for layer in (low, high)
    )
    assert shifted - near == pytest.approx(2.1, abs=0.6)


def test_reflectance_is_not_known_below_five_degrees_of_sun():
    dusk = np.datetime64("2024-06-10T19:20:00", "ns")  # 2 degrees of sun
    assert np.isnan(planes_of(CLEAR, "a", NO_ERROR, dusk)["VIS006"]).all()
    assert np.isfinite(planes_of(CLEAR, "a", NO_ERROR, dusk - np.timedelta64(90, "m"))["VIS006"]).all()
