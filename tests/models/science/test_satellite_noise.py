"""What a cloud mask says of N."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.science.satellite_noise import (
    SATELLITE_GIVEN_OKTA,
    fit_noise,
    held_out_log_likelihood,
    marginal_share,
    okta_codes,
    okta_likelihood,
)
from tests.benchmarks.fit_satellite_noise import read_pairs


def test_codes_keep_traces_and_gaps_apart():
    assert okta_codes([0.0, 1 / 9, 0.5, 8 / 9, 1.0, np.nan]).tolist() == [0, 1, 4, 7, 8, -1]
    assert okta_codes([]).shape == (0,)


def test_the_frozen_table_is_of_probabilities_and_falls_one_way():
    np.testing.assert_allclose(SATELLITE_GIVEN_OKTA.sum(axis=1), 1.0, atol=5e-4)
    assert (SATELLITE_GIVEN_OKTA > 0).all()
    below = np.cumsum(SATELLITE_GIVEN_OKTA, axis=1)[:, :-1]
    assert (np.diff(below, axis=0) < 0).all()  # the more cloud there is, the less often the mask says little
    with pytest.raises(ValueError, match="read-only"):
        SATELLITE_GIVEN_OKTA[0, 0] = 1.0


def test_an_overcast_mask_favours_more_cloud_a_little():
    clear, overcast, unknown = okta_likelihood([0.0, 1.0, np.nan])
    # .9039 / .5188 and .0449 / .0054
    assert overcast[8] / overcast[0] == pytest.approx(1.742, abs=0.01)
    assert clear[0] / clear[8] == pytest.approx(8.3, abs=0.1)
    assert (unknown == 1).all()
    assert okta_likelihood([]).shape == (0, 9)


def test_a_fit_finds_the_slope_of_pairs_drawn_from_it():
    rng = np.random.default_rng(1)
    camera = rng.integers(0, 9, 4000)
    satellite = np.array([rng.choice(9, p=row / row.sum()) for row in SATELLITE_GIVEN_OKTA[camera]])
    model = fit_noise(camera, satellite)
    assert model.slope == pytest.approx(0.271, abs=0.05)
    np.testing.assert_allclose(model.table, SATELLITE_GIVEN_OKTA, atol=0.03)
    scores = held_out_log_likelihood(camera, satellite)
    assert scores["fitted"].mean() > scores["marginal"].mean() > scores["uniform"].mean()


def test_pairs_that_go_the_wrong_way_say_nothing():
    camera, satellite = np.repeat([0, 8], 40), np.repeat([8, 0], 40)
    model = fit_noise(camera, satellite)
    assert model.slope == 0
    np.testing.assert_allclose(model.table, np.tile(marginal_share(satellite), (9, 1)), atol=0.01)
    with pytest.raises(ValueError, match="no pair"):
        fit_noise([], [])


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=12))
def test_any_pairs_give_probabilities(pairs):
    camera, satellite = np.array(pairs).T
    table = fit_noise(camera, satellite).table
    assert np.isfinite(table).all() and (table > 0).all()
    np.testing.assert_allclose(table.sum(axis=1), 1.0)


@pytest.mark.real
def test_the_frozen_table_is_that_of_the_real_pairs(real_data):
    camera, satellite = read_pairs(real_data / "cloud" / "modis_cam" / "2015data.txt")
    assert camera.size == 265 and np.corrcoef(camera, satellite)[0, 1] == pytest.approx(0.19, abs=0.005)
    np.testing.assert_allclose(fit_noise(camera, satellite).table, SATELLITE_GIVEN_OKTA, atol=2e-3)
