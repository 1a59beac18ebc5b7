"""The frozen errors of the simulated satellite reproduce the agreement of the real pairs."""

import pytest

from models.simulation.satellite_error import NO_ERROR, SatelliteError
from models.simulation.seeds import TRAINING_SEEDS
from tests.benchmarks.fit_satellite_error import (
    REAL,
    agreement,
    like_the_camera,
    real_pairs,
    sampling_error,
    simulated_pairs,
)

OTHER_SEED = TRAINING_SEEDS.start + 991  # not the one that was fitted on


def test_frozen_errors_agree_with_the_camera_as_the_real_satellite_does():
    satellite, camera = simulated_pairs(SatelliteError(), 500, OTHER_SEED)
    found = agreement(satellite, camera, like_the_camera(camera))
    error = sampling_error(REAL)
    assert found.correlation == pytest.approx(REAL.correlation, abs=3 * error.correlation)
    assert found.bias_oktas == pytest.approx(REAL.bias_oktas, abs=3 * error.bias_oktas)


def test_without_errors_coarse_pixels_alone_see_more_cloud_in_step_with_the_camera():
    satellite, camera = simulated_pairs(NO_ERROR, 150, OTHER_SEED)
    found = agreement(satellite, camera, like_the_camera(camera))
    assert found.correlation > 0.7
    assert 0.8 < found.bias_oktas < 2.2


@pytest.mark.real
def test_the_frozen_figures_are_those_of_the_file(real_data):
    path = real_data / "cloud/modis_cam/2015data.txt"
    if not path.is_file():
        pytest.skip("the real pairs are not there")
    satellite, camera = real_pairs(path)
    found = agreement(satellite, camera, camera * 0 + 1)
    assert len(camera) == 265
    assert found.correlation == pytest.approx(REAL.correlation, abs=1e-3)
    assert found.bias_oktas == pytest.approx(REAL.bias_oktas, abs=1e-3)
    assert found.spread_oktas == pytest.approx(REAL.spread_oktas, abs=0.01)
