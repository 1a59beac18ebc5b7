"""One frame against its keyframes: what is shared stays, what is not averages out, what disagrees is said."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.science.line_of_sight import Pose
from models.science.pose_fusion import Measurement, fuse
from models.science.pose_vectors import as_array, as_poses
from tests.models.science.simulated_graphs import LENS, SIGMA, random_poses, relative, whitened

NOTHING = np.zeros((4, 4))
OWN = np.diag(SIGMA**2)


def _simulate(seed, m, *, keyframes="exact", share=0.15, wrong=0):
    """Measurements of one frame, its true pose; keyframe errors none, all the same, or one for each."""
    rng = np.random.default_rng(seed)
    poses = random_poses(rng, m + 1)  # the last is the frame
    truth = poses[m]
    measured = relative(poses, np.arange(m), np.full(m, m))
    measured += np.sqrt(1 - share) * rng.normal(size=(m, 4)) * SIGMA
    measured += np.sqrt(share) * rng.normal(size=4) * SIGMA
    measured[:wrong, :2] += 20 * np.sign(rng.normal(size=(wrong, 2)))
    draws = {"exact": np.zeros((m, 4)), "alike": np.tile(rng.normal(size=4), (m, 1))}
    known = poses[:m] + draws.get(keyframes, rng.normal(size=(m, 4))) * SIGMA
    inherited = NOTHING if keyframes == "exact" else OWN
    pairs = zip(as_poses(known), as_poses(measured), strict=True)
    return [Measurement(keyframe, inherited, pose, OWN) for keyframe, pose in pairs], truth


def _whitened(cases):
    fused = [(fuse(measurements, LENS), truth) for measurements, truth in cases]
    errors = np.array([as_array([f.pose])[0] - truth for f, truth in fused])
    return whitened(errors, np.array([f.covariance for f, _ in fused])), [f for f, _ in fused]


def test_one_measurement_of_the_reference_is_the_answer():
    fused = fuse([Measurement(Pose(), NOTHING, Pose(3.0, -2.0, 0.5, 1.01), OWN)], LENS)
    np.testing.assert_allclose(as_array([fused.pose])[0], [3.0, -2.0, 0.5, 1.01], atol=1e-6)
    np.testing.assert_allclose(fused.covariance, OWN, rtol=0.01, atol=1e-6)
    assert (fused.agreeing, fused.consistent) == (1, True)


def test_four_keyframes_that_may_err_alike_by_hand():
    # Variance 0.04 of the keyframes in full, 0.04 of the measurements: a quarter of it where nothing is shared.
    measurements = [Measurement(Pose(), OWN, Pose(1.0), OWN)] * 4
    assert fuse(measurements, LENS, frame_share=0.0).covariance[0, 0] == pytest.approx(0.05, rel=0.01)
    # 0.04 + 0.15 * 0.04 shared, 0.85 * 0.04 / 4 not: 0.0545
    assert fuse(measurements, LENS, frame_share=0.15).covariance[0, 0] == pytest.approx(0.0545, rel=0.01)


def test_keyframe_and_measurement_are_composed():
    fused = fuse([Measurement(Pose(5.0), NOTHING, Pose(2.0), OWN)], LENS)
    # Tangents of angles add to (5 + 2) / (1 - 5 * 2 k / 320^2): 7.0002 px
    assert fused.pose.pan_px == pytest.approx(7.0, abs=2e-3)


@pytest.mark.parametrize("keyframes", ["exact", "alike"])
def test_errors_are_as_large_as_said(keyframes):
    errors, fused = _whitened([_simulate(seed, 5, keyframes=keyframes) for seed in range(150)])
    assert 0.85 < np.sqrt(np.mean(errors**2)) < 1.15
    assert 0.60 < np.mean(np.abs(errors) < 1) < 0.76
    assert np.mean([f.consistent for f in fused]) > 0.98


def test_errors_are_never_larger_than_said_whatever_the_keyframes_share():
    errors, _ = _whitened([_simulate(seed, 5, keyframes="each its own") for seed in range(100)])
    assert np.sqrt(np.mean(errors**2)) < 1


def test_two_wrong_of_five_are_outvoted():
    errors, fused = _whitened([_simulate(seed, 5, wrong=2) for seed in range(60)])
    assert 0.8 < np.sqrt(np.mean(errors**2)) < 1.2
    assert all(f.consistent and f.agreeing == 3 for f in fused[:10])
    assert max(f.weights[:2].max() for f in fused) < 0.05


@pytest.mark.parametrize(("m", "wrong"), [(2, 1), (5, 3)])
def test_without_a_majority_there_is_no_agreement(m, wrong):
    errors, fused = _whitened([_simulate(seed, m, wrong=wrong) for seed in range(20)])
    # Two wrong ones of three may agree by chance: one sign in four.
    assert np.mean([f.consistent for f in fused]) < 0.1
    assert np.abs(errors).max() < 5


def test_never_worse_than_the_best_alone():
    good = Measurement(Pose(), NOTHING, Pose(), OWN)
    poor = Measurement(Pose(), 100 * OWN, Pose(), OWN)
    both = fuse([poor, good, poor], LENS).covariance[0, 0]
    assert both <= fuse([good], LENS).covariance[0, 0] * (1 + 1e-9)


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(5)), st.integers(0, 20))
def test_the_order_does_not_matter(order, seed):
    measurements, _ = _simulate(seed, 5, keyframes="alike", wrong=1)
    one, other = fuse(measurements, LENS), fuse([measurements[i] for i in order], LENS)
    np.testing.assert_allclose(as_array([one.pose]), as_array([other.pose]), atol=1e-6)
    np.testing.assert_allclose(one.weights[list(order)], other.weights, atol=1e-6)


@pytest.mark.parametrize(
    "pose", [Pose(5000.0), Pose(1e30), Pose(0, 0, 180.0), Pose(zoom=1e6), Pose(zoom=-1.0)]
)
def test_a_pose_out_of_view_is_no_measurement(pose):
    near = Measurement(Pose(), NOTHING, Pose(1.0), OWN)
    fused = fuse([Measurement(Pose(), NOTHING, pose, OWN), near, Measurement(pose, OWN, Pose(), OWN)], LENS)
    assert fused.weights.tolist() == [0, 1, 0]
    assert fused.pose.pan_px == pytest.approx(1.0)


def test_what_is_no_measurement_is_left_out():
    lost = Measurement(Pose(), NOTHING, Pose(), np.diag([np.inf] * 4))
    broken = Measurement(Pose(), NOTHING, Pose(float("nan")), OWN)
    adrift = Measurement(Pose(), np.diag([np.inf] * 4), Pose(), OWN)
    nowhere = Measurement(Pose(float("nan")), NOTHING, Pose(), OWN)
    fused = fuse([lost, Measurement(Pose(), NOTHING, Pose(1.0), OWN), broken, adrift, nowhere], LENS)
    assert fused.pose.pan_px == pytest.approx(1.0)
    assert fused.weights.tolist() == [0, 1, 0, 0, 0]
    for nothing in ([], [lost, broken]):
        fused = fuse(nothing, LENS)
        assert (fused.pose, fused.agreeing, fused.consistent) == (Pose(), 0, False)
        assert np.isinf(np.diag(fused.covariance)).all()
