"""Many poses at once: the same composition as one by one, its inverse, its derivatives, and the units."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.science.line_of_sight import Lens, Pose, compose, invert
from models.science.pose_vectors import PoseAlgebra, as_array, as_poses, usable_covariances

LENSES = [Lens(640, 480, 60.0), Lens(1024, 768), Lens.of(2469, 205, 160.0)]
poses = st.builds(Pose, st.floats(-32, 32), st.floats(-32, 32), st.floats(-1.5, 1.5), st.floats(0.98, 1.02))


def _normalised(algebra, *of):
    return algebra.normalise(as_array(of))


def test_units_by_hand():
    # 320 px are a half width of 640 px; 180 degrees are pi; log 1 = 0.
    algebra = PoseAlgebra(Lens(640, 480))
    given_pose = Pose(320.0, -160.0, 180.0, 1.0)
    np.testing.assert_allclose(_normalised(algebra, given_pose), [[1.0, -0.5, np.pi, 0.0]])
    values = as_array([given_pose])
    covariance = algebra.normalise_covariances(np.diag([320.0**2, 0.0, 0.0, 0.01])[None], values)
    np.testing.assert_allclose(covariance[0], np.diag([1.0, 0.0, 0.0, 0.01]))
    np.testing.assert_allclose(
        algebra.denormalise_covariances(covariance, values)[0], np.diag([320.0**2, 0.0, 0.0, 0.01])
    )
    assert as_poses(algebra.denormalise(_normalised(algebra, given_pose)))[0] == given_pose


def test_corner_variance_by_hand():
    # A corner of 640 x 480 is at radius^2 1 + 0.75^2 = 1.5625 half widths: 0.01 + 0.04 + 1.5625 * (0.001 + 0.002).
    algebra = PoseAlgebra(Lens(640, 480))
    variance = algebra.corner_variance(np.diag([0.01, 0.04, 0.001, 0.002])[None])
    assert variance[0] == pytest.approx(0.05 + 1.5625 * 0.003)


@pytest.mark.parametrize("lens", LENSES)
@settings(max_examples=20, deadline=None)
@given(first=poses, second=poses)
def test_composes_as_one_by_one(lens, first, second):
    algebra = PoseAlgebra(lens)
    together = algebra.denormalise(algebra.compose(_normalised(algebra, first), _normalised(algebra, second)))
    np.testing.assert_allclose(together[0], as_array([compose(first, second, lens)])[0], atol=0.02)


@pytest.mark.parametrize("lens", LENSES)
@settings(max_examples=20, deadline=None)
@given(pose=poses)
def test_composed_with_its_inverse_is_the_identity(lens, pose):
    algebra = PoseAlgebra(lens)
    forth = _normalised(algebra, pose)
    back = algebra.invert(forth)
    np.testing.assert_allclose(algebra.denormalise(algebra.compose(forth, back)), [[0, 0, 0, 1]], atol=0.02)
    np.testing.assert_allclose(algebra.denormalise(back), as_array([invert(pose, lens)]), atol=0.02)
    np.testing.assert_allclose(algebra.between(forth, forth), np.zeros((1, 4)), atol=1e-9)


@pytest.mark.parametrize("operation", ["compose", "between"])
def test_slopes_are_those_of_differences(operation):
    algebra = PoseAlgebra(LENSES[0])
    first = _normalised(algebra, Pose(12, -5, 0.4, 1.01), Pose(-30, 8, -1.0, 0.99))
    second = _normalised(algebra, Pose(-4, 9, -0.7, 0.995), Pose(3, 20, 0.2, 1.0))
    run, slopes_of = getattr(algebra, operation), getattr(algebra, f"{operation}_slopes")
    by_first, by_second = slopes_of(first, second, run(first, second))
    for component in range(4):
        move = 1e-4 * torch.eye(4, dtype=torch.float64)[component]
        numeric_first = (run(first + move, second) - run(first - move, second)) / 2e-4
        numeric_second = (run(first, second + move) - run(first, second - move)) / 2e-4
        np.testing.assert_allclose(by_first[..., component], numeric_first, atol=2e-3)
        np.testing.assert_allclose(by_second[..., component], numeric_second, atol=2e-3)


def test_no_poses_are_no_answers():
    algebra = PoseAlgebra(LENSES[0])
    empty = algebra.normalise(as_array([]))
    assert algebra.compose(empty, empty).shape == (0, 4)
    assert usable_covariances(np.zeros((0, 4, 4))).shape == (0,)


def test_which_covariances_are_of_measurements():
    good = np.diag([0.04, 0.04, 4e-4, 1e-10])  # a small unit is no degeneracy
    degenerate = np.ones((4, 4))
    cases = np.stack([good, degenerate, -good, np.diag([np.inf] * 4), good * np.nan, np.zeros((4, 4))])
    assert usable_covariances(cases).tolist() == [True, False, False, False, False, False]
