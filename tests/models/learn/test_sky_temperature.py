import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.contracts.sky_answers import SkySource
from models.learn.sky_temperature import Temperatures, fit_temperatures, tempered
from tests.models.learn.sky_rows import answers_of, simulated_oktas, targets_of


def test_a_temperature_of_two_takes_roots():
    # Roots of .64, .36, 0 are .8, .6, 0 (a floor of 1e-10 makes it 1e-5): .8 / 1.4 = .571. Of .9: 3 to 1, hence .75.
    row = np.zeros((1, 9))
    row[0, :2] = 0.64, 0.36
    assert tempered("okta", row, 2.0)[0, :2] == pytest.approx([0.571, 0.429], abs=1e-3)
    assert tempered("obscured", np.array([0.9, 0.5, np.nan]), 2.0) == pytest.approx(
        [0.75, 0.5, np.nan], nan_ok=True
    )


def test_what_is_not_answered_stays_so_and_nothing_is_nothing():
    assert np.isnan(tempered("levels", np.full((2, 3, 11), np.nan), 2.0)).all()
    assert tempered("okta", np.empty((0, 9)), 2.0).shape == (0, 9)
    assert tempered("genera", np.empty((0, 10)), 2.0).shape == (0, 10)
    nothing = fit_temperatures(answers_of(3), targets_of(3), ["a", "b", ""])
    assert nothing.of("okta", np.int8([3, 3, 3]), ["a", "b", "c"]).tolist() == [1, 1, 1]
    assert fit_temperatures(answers_of(0), targets_of(0), []).of("okta", np.int8([]), []).size == 0


def test_the_temperature_that_sharpened_is_found():
    posterior, truth, camera = simulated_oktas(6000, seed=3, sharpened=2.0)
    found = fit_temperatures(answers_of(6000, okta=posterior), targets_of(6000, okta=truth), camera)
    assert found.pooled["okta"]["BOTH"] == pytest.approx(2.0, rel=0.05)
    assert all(factor == pytest.approx(1.0, rel=0.12) for factor in found.own["okta"].values())


def test_each_source_has_its_own():
    posterior, truth, camera = simulated_oktas(8000, seed=4)
    sharp = np.arange(8000) % 2 == 0
    given_ = np.where(sharp[:, None], posterior**2, posterior)
    answers = answers_of(8000, okta=given_ / given_.sum(axis=1, keepdims=True))
    answers.source[sharp] = SkySource.SATELLITE
    found = fit_temperatures(answers, targets_of(8000, okta=truth), camera).pooled["okta"]
    assert found["SATELLITE"] == pytest.approx(2.0, rel=0.07) and found["BOTH"] == pytest.approx(
        1.0, rel=0.07
    )


def test_a_camera_departs_from_the_others_only_as_far_as_it_shows():
    posterior, truth, _ = simulated_oktas(6000, seed=5)
    camera = np.where(np.arange(6000) < 3000, "plain", np.where(np.arange(6000) < 5990, "sure", "few"))
    given_ = np.where((camera == "plain")[:, None], posterior, posterior**1.5)
    answers = answers_of(6000, okta=given_ / given_.sum(axis=1, keepdims=True))
    found = fit_temperatures(answers, targets_of(6000, okta=truth), camera)
    asked = found.of("okta", np.full(4, 3, np.int8), ["plain", "sure", "few", "new"])
    assert asked[0] == pytest.approx(1.0, rel=0.07) and asked[1] == pytest.approx(1.5, rel=0.07)
    assert asked[2] == pytest.approx(asked[3], rel=0.15)  # ten moments say little


def test_binary_heads_and_levels_are_fitted_too():
    rng = np.random.default_rng(6)
    p = rng.uniform(0.02, 0.98, (4000, 10))
    there = rng.random((4000, 10)) < p
    sure = p**2 / (p**2 + (1 - p) ** 2)
    levels = rng.dirichlet(np.ones(11), (4000, 3))
    codes = (levels.cumsum(axis=-1) > rng.random((4000, 3, 1))).argmax(axis=-1)
    codes[:, 2] = -1  # CH is not known: its answers are not judged
    answers = answers_of(4000, genera=sure, levels=levels**2 / (levels**2).sum(axis=-1, keepdims=True))
    found = fit_temperatures(answers, targets_of(4000, genera=there, levels=codes), np.full(4000, ""))
    assert found.pooled["genera"]["BOTH"] == pytest.approx(2.0, rel=0.05)
    assert found.pooled["levels"]["BOTH"] == pytest.approx(2.0, rel=0.05)
    assert found.own["genera"] == {} and found.pooled["obscured"] == {}


def test_a_card_with_a_temperature_of_zero_is_refused():
    table = Temperatures({"okta": {"ANY": 1.5}}, {"okta": {"a": 0.9}})
    assert Temperatures.from_card(table.to_card()) == table
    with pytest.raises(ValueError, match="positive"):
        Temperatures.from_card({"pooled": {"okta": {"ANY": 0.0}}, "own": {}})


@settings(max_examples=100, deadline=None)
@given(arrays(np.float32, (3, 9), elements=st.floats(0, 1, width=32)), st.floats(0.2, 8))
def test_no_temperature_changes_what_is_likeliest(weights, temperature):
    p = (weights + np.float32(1e-3)) / (weights + np.float32(1e-3)).sum(axis=1, keepdims=True)
    found = tempered("okta", p, temperature)
    assert found.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert (found[np.arange(3), p.argmax(axis=1)] == found.max(axis=1)).all()
    yes = tempered("genera", p, temperature)
    assert ((p > 0.5) <= (yes >= 0.5)).all() and ((p < 0.5) <= (yes <= 0.5)).all()
