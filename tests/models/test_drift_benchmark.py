"""Known warps and the truths that registrations are scored against."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.learn.drift_benchmark import (
    LARGE,
    SMALL,
    KnownWarp,
    Truth,
    add_fog,
    common_margin,
    draw_lens,
    draw_pose,
    is_dark_light,
    warp_picture,
)
from models.learn.drift_errors import PairScore, corner_error, whiten
from models.learn.drift_scores import summarise, within
from models.science.line_of_sight import Lens, Pose, Projection

LENS = Lens(640, 480, 60.0)


def shift(x, y):
    return np.array([[1.0, 0, x], [0, 1.0, y], [0, 0, 1.0]])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_a_warp_and_its_inverse_are_the_identity(seed, panorama):
    rng = np.random.default_rng(seed)
    lens = draw_lens(rng, *((2469, 205) if panorama else (640, 480)))
    warp = KnownWarp(lens, draw_pose(rng, lens, LARGE), (20, 10))
    points = rng.uniform([0, 0], warp.cut_size(), (20, 2))
    np.testing.assert_allclose(warp.backward(warp.forward(points)), points, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_drawn_warps_stay_within_what_is_said(seed):
    rng = np.random.default_rng(seed)
    lens = draw_lens(rng, 1280, 960)
    pose = draw_pose(rng, lens, SMALL)
    assert max(abs(pose.pan_px), abs(pose.tilt_px)) <= 8  # 4 px at 640 px width
    assert abs(pose.roll_deg) <= 0.2
    assert abs(pose.zoom - 1) <= 0.002
    assert 40 <= lens.hfov_deg <= 80


def test_a_low_panorama_is_tilted_and_rolled_less():
    rng = np.random.default_rng(0)
    lens = draw_lens(rng, 2469, 205)
    assert lens.projection is Projection.CYLINDRICAL
    poses = [draw_pose(rng, lens, LARGE) for _ in range(50)]
    assert max(abs(p.tilt_px) for p in poses) <= 205 / 12  # a twelfth of the height
    assert max(abs(p.pan_px) for p in poses) > 100  # 32 px at 640 are 123 here


def test_the_content_moves_as_the_pose_says_and_no_border_is_left():
    picture = np.full((100, 120, 3), 50, np.uint8)
    picture[40, 60] = 250
    lens = Lens(120, 100, 50.0)
    pose = Pose(pan_px=-5.0, tilt_px=3.0)  # turned left and up: the scene moves right and down
    margin = common_margin(lens, (pose,))
    warped = warp_picture(picture, KnownWarp(lens, pose, margin))
    assert warped.shape == (100 - 2 * margin[1], 120 - 2 * margin[0], 3)
    y, x = np.unravel_index(warped[..., 0].argmax(), warped.shape[:2])
    assert (x, y) == (60 + 5 - margin[0], 40 + 3 - margin[1])
    assert warped.min() > 30  # a border would be 0


def test_unwarped_is_resampled_too_and_no_margin_of_nought_is_offered():
    lens = Lens(120, 100, 50.0)
    assert min(common_margin(lens, (Pose(0.3, 0.3),))) >= 1


def test_a_warp_of_half_the_picture_is_refused():
    with pytest.raises(ValueError, match="too little"):
        common_margin(LENS, (Pose(pan_px=320.0),))


def truth_of(pose, nudge=None):
    nudge = nudge or Pose()
    margin = common_margin(LENS, (pose, nudge))
    return Truth(KnownWarp(LENS, nudge, margin), KnownWarp(LENS, pose, margin))


def test_identity_profits_nothing_from_the_difference_truth():
    """Its answers for both pictures are alike, so that it is wrong by the whole warp of 10 px."""
    truth = truth_of(Pose(pan_px=10.0))
    error = corner_error(np.eye(3), truth.expected(np.eye(3)), truth.shown)
    plain = corner_error(np.eye(3), truth.expected(None), truth.shown)
    assert error == pytest.approx(plain)
    assert error > 10


def test_the_cameras_own_motion_is_no_error():
    """The camera moved by (2, -1); seen exactly, that is no error by the difference, and one by the plain."""
    truth = truth_of(Pose(4.0, -2.0, 0.1, 1.001))
    own = shift(2.0, -1.0)
    exact = truth.expected(own)
    assert corner_error(exact, truth.expected(own), truth.shown) == pytest.approx(0, abs=1e-6)
    scale = 640 / truth.shown.width
    plain = corner_error(exact, truth.expected(None), truth.shown)
    assert plain == pytest.approx(math.hypot(2, 1) * scale, rel=0.02)
    assert truth.natural_motion(own) == pytest.approx(math.hypot(2, 1) * scale, rel=1e-6)


def test_the_hidden_fraction_of_a_pixel_is_taken_out():
    """H0 = W0, H1 = W1 of a camera that stood still: no error, whatever W0."""
    truth = truth_of(Pose(3.0, 1.0), Pose(0.4, -0.3))
    still = Truth(truth.unwarped, truth.unwarped).expected(None)
    assert corner_error(still, np.eye(3), truth.shown) > 0.4
    assert corner_error(truth.expected(still), truth.expected(None), truth.shown) < 1e-6


def test_a_panoramas_truth_is_the_nearest_homography():
    lens = Lens.of(2469, 205, 150.0)
    pose = Pose(pan_px=40.0)
    margin = common_margin(lens, (pose,))
    truth = Truth(KnownWarp(lens, Pose(), margin), KnownWarp(lens, pose, margin))
    assert truth.shown.projection is Projection.CYLINDRICAL
    np.testing.assert_allclose(
        truth.expected(None), shift(-40.0, 0.0), atol=1e-6
    )  # a pan is a shift of columns


def test_corner_error_is_at_640_px_and_infinite_where_undefined():
    assert corner_error(shift(3.0, 4.0), np.eye(3), Lens(1280, 960)) == pytest.approx(2.5)  # 5 px of 1280
    assert corner_error(np.full((3, 3), np.nan), np.eye(3), LENS) == math.inf


def test_whitened_errors_are_in_standard_errors():
    """3 px off in pan at 2 px, 1 px in tilt at 4 px; the scene goes left when the camera pans right."""
    covariance = np.diag([4.0, 16.0, 0.01, 1e-6])
    found = whiten(shift(-3.0, 1.0), np.eye(3), covariance, Lens(640, 480, 0.1))
    np.testing.assert_allclose(found, [1.5, 0.25, 0.0, 0.0], atol=1e-3)
    assert whiten(np.eye(3), np.eye(3), np.diag([np.inf, 1, 1, 1]), LENS) == ()
    assert whiten(np.eye(3), np.eye(3), -np.eye(4), LENS) == ()


def test_fog_is_reproducible_and_takes_contrast():
    picture = np.random.default_rng(0).integers(0, 255, (60, 80, 3)).astype(np.uint8)
    foggy = add_fog(picture, np.random.default_rng(1))
    assert (foggy == add_fog(picture, np.random.default_rng(1))).all()
    assert foggy[:20].std() < 0.6 * picture[:20].std()


def test_dark_and_light():
    assert is_dark_light(0.3, 0.45)
    assert is_dark_light(0.45, 0.3)
    assert not is_dark_light(0.3, 0.38)
    assert not is_dark_light(0.5, 0.45)


def scored(errors, answered=None, method="m", cameras=None, whitened=()):
    answered = [True] * len(errors) if answered is None else answered
    cameras = ["a"] * len(errors) if cameras is None else cameras
    return [
        PairScore(i, c, "clean", "small", method, a, e, e, whitened=whitened)
        for i, (e, a, c) in enumerate(zip(errors, answered, cameras, strict=True))
    ]


def test_withheld_answers_are_misses():
    """Errors 0.5, 0.5, 2, 20, the second withheld: 1 of 4 under 1 px, 2 under 3; sorted 0.5, 2, 20, inf."""
    (summary,) = summarise(scored([0.5, 0.5, 2, 20], [True, False, True, True]), sizes=("all",), resamples=20)
    figures = summary.figures
    assert (figures["below_1_px"], figures["below_3_px"], figures["answered"]) == (0.25, 0.5, 0.75)
    assert figures["median_px"] == 2
    assert figures["confident_far_wrong"] == 0.25
    assert "peer_median_px" not in figures


def test_intervals_are_by_camera():
    """All of camera a is right, all of b wrong: resampling cameras must give everything from 0 to 1."""
    scores = scored([0.1] * 20 + [5.0] * 20, cameras=["a"] * 20 + ["b"] * 20)
    (summary,) = summarise(scores, sizes=("all",), resamples=200)
    assert summary.intervals["below_1_px"] == (0.0, 1.0)
    assert summary.by_camera == {"a": (20, 0.1, 1.0), "b": (20, 5.0, 0.0)}


def test_calibration_of_normal_errors():
    rng = np.random.default_rng(0)
    rows = [tuple(row) for row in rng.normal(size=(2000, 4))]
    assert within(rows, 1) == pytest.approx(0.683, abs=0.015)
    assert within(rows, 2) == pytest.approx(0.954, abs=0.01)
    assert math.isnan(within([(), ()], 1))
