"""Steps put into a series are found by what follows the nights; a double stands in the network's place."""

import numpy as np
import pytest

from models.science.line_of_sight import Lens, Pose, apply_homography, drift_px
from tasks import drift_step_trials
from tasks.drift_evaluation import network_register
from tasks.drift_pairs import list_cameras
from tests.tasks import drift_double
from tests.tasks.drift_double import save, scene, view


@pytest.fixture
def double(monkeypatch):
    for module in ("tasks.drift_step_trials", "tasks.drift_tracking", "tasks.drift_evaluation"):
        for name in ("extract", "register"):
            monkeypatch.setattr(f"{module}.{name}", getattr(drift_double, name), raising=False)
    monkeypatch.setattr("tasks.drift_step_trials.halved", lambda features: features)


@pytest.fixture(scope="module")
def camera(tmp_path_factory):
    """Sixty pictures, one every two hours, of a camera that stands still."""
    root, texture = tmp_path_factory.mktemp("series"), scene(1)
    for hour in range(0, 120, 2):
        save(root / "cam" / f"202401{1 + hour // 24:02d}_{hour % 24:02d}0000.png", view(texture))
    return list_cameras(root)[0]


def test_a_large_step_is_found_and_a_still_series_has_none(double, camera, monkeypatch):
    """At 160 px width, 40 px at 640 are 10 px: the double sees whole pixels."""
    monkeypatch.setattr(drift_step_trials, "draw_step", lambda rng, lens, size: Pose(pan_px=10.0))
    rows = drift_step_trials.score_steps(None, camera, sizes_px=(40.0,), trials=1, seed=1)
    by = {(row["step_px"], row["reader"]): row for row in rows}
    assert by[0.0, "causal"]["other_level_changes"] == 0
    assert by[0.0, "causal"]["found"] is None
    assert by[40.0, "causal"]["found"] == 1
    assert by[40.0, "causal"]["delay_images"] >= 1
    assert by[40.0, "history"]["found"] == 1
    assert by[40.0, "causal"]["camera_years"] == pytest.approx(118 / 24 / 365.25)


def test_a_step_has_the_size_asked_for():
    lens = Lens(1280, 960, 60.0)
    step = drift_step_trials.draw_step(np.random.default_rng(0), lens, 2.0)
    assert drift_px(step, lens) == pytest.approx(4.0, rel=0.02)  # 2 px at 640 are 4 here


def test_a_network_is_a_function_of_two_pictures(double):
    texture = scene(2)
    matrix, covariance, sigma, confident = network_register(None)(view(texture), view(texture, dx=4, dy=-2))
    centre = np.array([[79.5, 59.5]])
    np.testing.assert_allclose(apply_homography(matrix, centre) - centre, [[4, -2]], atol=0.1)
    assert covariance.shape == (4, 4)
    assert (sigma, confident) == (0.15, True)
