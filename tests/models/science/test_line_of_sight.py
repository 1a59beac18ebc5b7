"""Signs, sizes and inverses of the line of sight."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.science.line_of_sight import (
    Lens,
    Pose,
    Projection,
    apply_homography,
    compose,
    corners,
    displace,
    drift_px,
    fit_homography,
    homography,
    invert,
    jacobian,
    map_points,
    pixel_grid,
    pose_of_homography,
)

LENS = Lens(640, 480, hfov_deg=60.0)
PANORAMA = Lens.of(2469, 205, hfov_deg=180.0)
CENTRE = np.array([[319.5, 239.5]])

poses = st.builds(
    Pose,
    pan_px=st.floats(-60, 60),
    tilt_px=st.floats(-60, 60),
    roll_deg=st.floats(-5, 5),
    zoom=st.floats(0.9, 1.1),
)


@pytest.mark.parametrize(
    ("pose", "moved_to"),
    [
        (Pose(pan_px=10), (309.5, 239.5)),  # turned right: the scene moves left
        (Pose(tilt_px=10), (319.5, 249.5)),  # turned up: the scene moves down
        (Pose(roll_deg=90), (319.5, 239.5)),
        (Pose(zoom=2), (319.5, 239.5)),
    ],
)
def test_the_image_centre_moves_by_pan_and_tilt_alone(pose, moved_to):
    np.testing.assert_allclose(map_points(CENTRE, pose, LENS), [moved_to], atol=1e-9)


def test_roll_turns_the_scene_clockwise_and_zoom_magnifies():
    right_of_centre = CENTRE + np.array([100, 0])
    np.testing.assert_allclose(
        map_points(right_of_centre, Pose(roll_deg=90), LENS), CENTRE + np.array([0, 100])
    )
    np.testing.assert_allclose(map_points(right_of_centre, Pose(zoom=1.1), LENS), CENTRE + np.array([110, 0]))


def test_the_homography_is_that_of_a_turned_camera():
    # H = K' R K^-1 with R = Rz Rx Ry, built here from the angles alone.
    pose, f = Pose(20, -7, 1.2, 1.015), 320 / math.tan(math.radians(30))
    a, b, r = math.atan(20 / f), math.atan(-7 / f), math.radians(1.2)
    about_y = [[math.cos(a), 0, -math.sin(a)], [0, 1, 0], [math.sin(a), 0, math.cos(a)]]
    about_x = [[1, 0, 0], [0, math.cos(b), math.sin(b)], [0, -math.sin(b), math.cos(b)]]
    about_z = [[math.cos(r), -math.sin(r), 0], [math.sin(r), math.cos(r), 0], [0, 0, 1]]
    inner = np.array([[f, 0, 319.5], [0, f, 239.5], [0, 0, 1]])
    zoomed = np.array([[1.015 * f, 0, 319.5], [0, 1.015 * f, 239.5], [0, 0, 1]])
    expected = zoomed @ np.array(about_z) @ about_x @ about_y @ np.linalg.inv(inner)
    np.testing.assert_allclose(homography(pose, LENS), expected / expected[2, 2], atol=1e-9)


def test_angles_are_known_where_the_field_of_view_is():
    pan, tilt = Pose(pan_px=LENS.focal_px).angles_deg(LENS)
    assert pan == pytest.approx(45.0)  # f tan(45 deg) = f
    assert tilt == 0
    assert Pose(pan_px=5).angles_deg(Lens(640, 480)) is None
    # 180 degrees on 2469 columns: a tenth of the columns is 18 degrees.
    assert Pose(pan_px=246.9).angles_deg(PANORAMA)[0] == pytest.approx(18.0)


def test_a_panorama_is_told_by_its_shape_or_its_field():
    assert Lens.of(2469, 205).projection is Projection.CYLINDRICAL
    assert Lens.of(1024, 768, 140).projection is Projection.CYLINDRICAL
    assert Lens.of(1920, 1080).projection is Projection.RECTILINEAR


def test_drift_is_the_mean_way_of_the_corners():
    flat = 0.0  # no curvature: a similarity of the plane
    assert drift_px(Pose(pan_px=3, tilt_px=4), LENS, flat) == pytest.approx(5.0)
    half_diagonal = math.hypot(319.5, 239.5)
    assert drift_px(Pose(zoom=1.01), LENS, flat) == pytest.approx(0.01 * half_diagonal)
    assert drift_px(Pose(), LENS) == pytest.approx(0, abs=1e-9)


def test_no_curvature_is_no_division_by_zero():
    points = torch.tensor([[0.5, -0.2]], dtype=torch.float64)
    pose = torch.tensor([0.1, 0.05, 0.0, 0.0], dtype=torch.float64)
    for projection in Projection:
        moved = displace(points, pose, torch.tensor(0.0, dtype=torch.float64), projection)
        np.testing.assert_allclose(moved, [[0.4, -0.15]], atol=1e-6)


def test_a_panorama_turns_about_the_horizon():
    # Tilted up, what is ahead moves down and what is 90 degrees aside stays.
    ahead, aside = [(2469 - 1) / 2, 102.0], [2469 - 0.5, 102.0]
    moved = map_points(np.array([ahead, aside]), Pose(tilt_px=5), PANORAMA)
    assert moved[0, 1] - 102 == pytest.approx(5)
    assert moved[1, 1] - 102 == pytest.approx(0, abs=1e-6)


@settings(deadline=None, max_examples=40)
@given(poses, st.sampled_from([LENS, PANORAMA]))
def test_there_and_back_is_no_motion(pose, lens):
    if lens is PANORAMA:
        pose = Pose(pose.pan_px, pose.tilt_px / 10, pose.roll_deg / 10, pose.zoom)
    still = compose(pose, invert(pose, lens), lens)
    assert drift_px(still, lens) < 0.3  # turned and zoomed pinholes are not quite a group


@settings(deadline=None, max_examples=40)
@given(poses)
def test_a_pose_comes_back_from_its_homography(pose):
    back = pose_of_homography(homography(pose, LENS), LENS)
    got, want = (np.array([p.pan_px, p.tilt_px, p.roll_deg, p.zoom]) for p in (back, pose))
    np.testing.assert_allclose(got, want, atol=1e-6)


def test_the_derivative_is_that_of_the_motion():
    points = torch.rand(1, 7, 2, dtype=torch.float64) - 0.5
    pose = torch.tensor([[0.05, -0.03, 0.02, 0.01]], dtype=torch.float64)
    k = torch.tensor([0.3], dtype=torch.float64)
    for projection in Projection:
        slope = jacobian(points, pose, k, projection)
        nudge = 1e-5 * torch.tensor([[1.0, -2.0, 0.5, 3.0]], dtype=torch.float64)
        before, after = (displace(points, p, k, projection) for p in (pose, pose + nudge))
        np.testing.assert_allclose(after - before, slope[..., :4] @ nudge[0], atol=1e-8)


def test_a_homography_is_fitted_exactly_through_exact_points():
    matrix = homography(Pose(12, -4, 1.0, 1.01), LENS)
    points = pixel_grid(LENS, 3, 3)
    np.testing.assert_allclose(fit_homography(points, apply_homography(matrix, points)), matrix, atol=1e-9)
    assert corners(640, 480).tolist() == [[0, 0], [639, 0], [639, 479], [0, 479]]
