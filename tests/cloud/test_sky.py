from dataclasses import replace

import numpy as np
import pytest
import torch

from models.contracts.sky_answers import SkySource
from models.sky import SkyConfig, build_sky_model, picture_shows, predict_sky
from tests.cloud.sky_moments import SMALL, SMALL_NET, moments


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return build_sky_model(SMALL)


def test_source_says_what_an_answer_rests_on(model):
    inputs = moments(5)
    inputs.camera_present[[1, 3]] = False
    inputs.slot_present[[2, 3]] = False
    inputs.satellite[4] = torch.nan  # slots are there, and nothing in them is known
    answers = predict_sky(model, inputs)
    assert answers.source.tolist() == [
        SkySource.BOTH, SkySource.SATELLITE, SkySource.CAMERA, SkySource.NONE, SkySource.CAMERA,
    ]  # fmt: skip
    assert np.isnan(answers.okta[3]).all()
    assert np.isnan(answers.obscured[3])
    assert np.isfinite(answers.levels[[0, 1, 2, 4]]).all()
    np.testing.assert_allclose(answers.okta[[0, 1, 2, 4]].sum(1), 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("seen", "source"),
    [
        ({"use_satellite": False}, SkySource.CAMERA),
        ({"use_camera": False}, SkySource.SATELLITE),
        ({"use_camera": False, "use_satellite": False}, SkySource.NONE),
    ],
)
def test_what_is_not_to_be_used_is_not(model, seen, source):
    inputs = moments(3)
    answers = predict_sky(model, inputs, **seen)
    assert (answers.source == source).all()
    other = moments(3, seed=5)
    swapped = replace(
        inputs,
        image=other.image if "use_camera" in seen else inputs.image,
        satellite=other.satellite if "use_satellite" in seen else inputs.satellite,
    )
    again = predict_sky(model, swapped, **seen)
    assert np.array_equal(answers.okta, again.okta, equal_nan=True)
    assert np.array_equal(answers.genera, again.genera, equal_nan=True)


def test_night_white_and_broken_pictures_show_nothing():
    pictures = moments(6).image
    pictures[0] *= 0.1  # mean luma .05: night
    pictures[1] = 1.0  # snow on the lens, or washed out
    pictures[2] = 0.5
    pictures[3, 0, 0, 0] = torch.nan
    pictures[4, :, 1:] = 1.0  # all but one line of 32 is white: .97
    assert picture_shows(pictures, SkyConfig()).tolist() == [False, False, False, False, False, True]


def test_at_night_the_satellite_answers_alone(model):
    inputs = moments(2)
    inputs.image[0] *= 0.05
    answers = predict_sky(model, inputs)
    assert answers.source.tolist() == [SkySource.SATELLITE, SkySource.BOTH]
    alone = predict_sky(model, inputs, use_camera=False)
    assert np.array_equal(answers.okta[0], alone.okta[0])


def test_temperatures_flatten(model):
    inputs = moments(2)
    plain = predict_sky(model, inputs)
    config = replace(
        SMALL, temperatures={"okta": 2.0}, camera_temperatures={"roof": {"okta": 1.0, "obscured": 4.0}}
    )
    hot = predict_sky(replace(model, config=config), inputs, cameras=["roof", "hill"])
    np.testing.assert_allclose(hot.okta[0], plain.okta[0], rtol=1e-5)
    # p to the power of 1/2, normalised
    flat = np.sqrt(plain.okta[1]) / np.sqrt(plain.okta[1]).sum()
    np.testing.assert_allclose(hot.okta[1], flat, rtol=1e-4)
    odds = np.log(plain.obscured / (1 - plain.obscured))
    np.testing.assert_allclose(hot.obscured, 1 / (1 + np.exp(-odds / [4, 1])), rtol=1e-4)


def test_batches_do_not_show(model):
    inputs = moments(7)
    one, other = predict_sky(model, inputs, batch_size=7), predict_sky(model, inputs, batch_size=3)
    np.testing.assert_allclose(one.okta, other.okta, rtol=1e-3, atol=1e-6)


def test_bytes_are_pictures_too(model):
    inputs = moments(2)
    stored = (inputs.image * 255).round().to(torch.uint8)
    one = predict_sky(model, replace(inputs, image=stored))
    two = predict_sky(model, replace(inputs, image=stored.float() / 255))
    assert np.array_equal(one.okta, two.okta)


def test_no_moments_are_answered_by_none(model):
    answers = predict_sky(model, moments(0))
    assert len(answers) == 0
    assert answers.levels.shape == (0, 3, 11)


def test_faults_are_named(model):
    with pytest.raises(ValueError, match="1 camera ids of 2 moments"):
        predict_sky(model, moments(2), cameras=["roof"])
    with pytest.raises(ValueError, match="positive"):
        SkyConfig(SMALL_NET, temperatures={"okta": 0.0})
    with pytest.raises(ValueError, match="'cover'"):
        SkyConfig(SMALL_NET, camera_temperatures={"roof": {"cover": 1.0}})
