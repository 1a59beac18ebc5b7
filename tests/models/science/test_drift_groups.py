"""A step inside one group of images."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.science.drift_events import corner_scale
from models.science.drift_groups import find_step_in_group
from models.science.line_of_sight import Lens, Pose
from models.science.step_test import best_step, log_chance

LENS = Lens.of(1280, 960)
COVARIANCE = np.diag([0.2, 0.2, 0.01, 0.0002]) ** 2  # 0.2 px of 1280 is 0.1 px at 640


def group(shift_px: float, at: int = 8, n: int = 20, seed: int = 0) -> list[Pose]:
    noise = np.random.default_rng(seed).normal(0, [0.2, 0.2, 0.01, 0.0002], (n, 4))
    return [Pose(p + shift_px * (i >= at), t, r, 1 + z) for i, (p, t, r, z) in enumerate(noise)]


def test_a_step_of_one_pixel_has_its_place_and_size():
    found = find_step_in_group(group(1.0), [COVARIANCE] * 20, LENS)
    assert found.found
    assert found.first_after == 8
    assert found.images == 8  # the smaller side
    # One standard error of a difference of means of 8 and 12 images: 0.2 sqrt(1/8 + 1/12) = 0.091 px.
    assert found.sizes["pan_px_sigma"] == pytest.approx(0.091, rel=0.35)
    assert found.sizes["pan_px"] == pytest.approx(1.0, abs=0.3)
    assert found.sizes["zoom"] == pytest.approx(1.0, abs=3e-4)


def test_a_step_of_any_size_is_found():
    for size in (5.0, 50.0, 400.0):
        found = find_step_in_group(group(size), [COVARIANCE] * 20, LENS)
        assert found.first_after == 8
        assert found.sizes["pan_px"] == pytest.approx(size, abs=0.5)


def test_no_step_no_answer():
    found = [find_step_in_group(group(0.0, seed=s), [COVARIANCE] * 20, LENS).found for s in range(20)]
    assert sum(found) <= 1


def test_a_steady_motion_is_no_step():
    poses = [Pose(p.pan_px + 0.5 * i, p.tilt_px, p.roll_deg, p.zoom) for i, p in enumerate(group(0.0))]
    assert not find_step_in_group(poses, [COVARIANCE] * 20, LENS).found


def test_two_outliers_are_no_step():
    poses = group(0.0)
    poses[17] = poses[18] = Pose(30.0, -12.0, 0.0, 1.0)
    assert not find_step_in_group(poses, [COVARIANCE] * 20, LENS).found


def test_dated_images_are_taken_in_time_order():
    poses = group(2.0)[::-1]
    days = np.datetime64("2024-01-01", "ns") + np.arange(20)[::-1] * np.timedelta64(1, "D")
    found = find_step_in_group(poses, [COVARIANCE] * 20, LENS, times=days)
    assert found.first_after == 11  # the ninth in time stands eleventh in the order given
    assert found.sizes["pan_px"] == pytest.approx(2.0, abs=0.3)


def test_the_daily_curve_of_close_images_is_no_step():
    hours = np.arange(20) * 0.5
    curve = 3.0 * np.cos(2 * np.pi * (hours - 5.0) / 24)
    poses = [
        Pose(p.pan_px, p.tilt_px + c, p.roll_deg, p.zoom) for p, c in zip(group(0.0), curve, strict=True)
    ]
    times = np.datetime64("2024-01-01T08", "ns") + (hours * 60).astype(int) * np.timedelta64(1, "m")
    assert not find_step_in_group(poses, [COVARIANCE] * 20, LENS, times=times).found


def test_missing_poses_the_reference_and_too_few_images():
    poses: list[Pose | None] = list(group(2.0))
    covariances: list[np.ndarray | None] = [COVARIANCE] * 20
    poses[3] = covariances[3] = None
    covariances[10] = np.zeros((4, 4))  # the reference of the group
    covariances[15] = np.full((4, 4), np.inf)
    assert find_step_in_group(poses, covariances, LENS).first_after == 8
    few = find_step_in_group(poses[:5], covariances[:5], LENS)
    assert (few.found, few.first_after, few.p_value) == (False, None, 1.0)
    assert not find_step_in_group([], [], LENS).found
    assert not find_step_in_group([None] * 20, [None] * 20, LENS).found


@settings(max_examples=20, deadline=None)
@given(st.integers(4, 16), st.floats(2.0, 60.0), st.floats(0, 6.2))
def test_the_change_is_what_was_put_in(at: int, size: float, angle: float):
    step = size * np.array([np.cos(angle), np.sin(angle), 0, 0])
    values = np.random.default_rng(3).normal(0, 0.1, (20, 4)) + np.outer(np.arange(20) >= at, step)
    fit = best_step(values, np.tile(np.eye(4) * 0.01, (20, 1, 1)), np.arange(20.0))
    assert fit is not None
    assert fit.index == at
    np.testing.assert_allclose(fit.change, step, atol=0.4)


def test_log_chance_of_four_components():
    # Survival of chi squared with 2k components at x: exp(-x/2) sum_{i<k} (x/2)^i / i!; at 10: exp(-5) (1 + 5).
    assert float(log_chance(np.array(10.0), 4)) == pytest.approx(np.log(6 * np.exp(-5)))
    assert np.isfinite(log_chance(np.array(1e9), 4))


def test_corner_pixels():
    # 1280 x 960 halves to 640 x 480: radius of a corner 400 px; one degree of roll moves it by 400 pi / 180.
    np.testing.assert_allclose(corner_scale(LENS), [0.5, 0.5, 400 * np.pi / 180, 400])
