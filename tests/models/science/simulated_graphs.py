"""Pose graphs with known truth and known errors."""

import numpy as np

from models.science.line_of_sight import Lens
from models.science.pose_graph import PoseEdge
from models.science.pose_vectors import PoseAlgebra, as_poses

LENS = Lens(640, 480, 60.0)
SIGMA = np.array([0.2, 0.2, 0.02, 0.0006])
"""Of a measured pair: px, px, degrees, ratio."""


def covariance() -> np.ndarray:
    """Of a measured pair, pan and tilt correlated by a half."""
    correlation = np.eye(4)
    correlation[0, 1] = correlation[1, 0] = 0.5
    return correlation * np.outer(SIGMA, SIGMA)


def random_poses(rng: np.random.Generator, n: int) -> np.ndarray:
    """``(n, 4)``, the first at the identity."""
    poses = np.column_stack(
        [rng.normal(0, 8, (n, 2)), rng.normal(0, 0.3, n), np.exp(rng.normal(0, 0.005, n))]
    )
    poses[0] = [0, 0, 0, 1]
    return poses


def simulate_pairs(seed: int, n: int, *, share: float = 0.0, wrong: float = 0.0, kept: float = 1.0):
    """True poses ``(n, 4)``, measured pairs, and which of them are wrong.

    Args:
        seed: Of the draw.
        n: Images.
        share: Of the error variance that each image of a pair brings to all its pairs.
        wrong: Share of the pairs that are off by 20 px.
        kept: Share of all pairs that were measured.
    """
    rng = np.random.default_rng(seed)
    truth, root = random_poses(rng, n), np.linalg.cholesky(covariance())
    common = np.sqrt(share) * rng.normal(size=(n, 4)) @ root.T
    first, second = np.triu_indices(n, 1)
    chosen = rng.random(len(first)) < kept
    first, second = first[chosen], second[chosen]
    measured = relative(truth, first, second) + common[second] - common[first]
    measured += np.sqrt(1 - 2 * share) * rng.normal(size=(len(first), 4)) @ root.T
    off = rng.random(len(first)) < wrong
    measured[off, :2] += 20 * np.sign(rng.normal(size=(off.sum(), 2)))
    edges = [
        PoseEdge(int(i), int(j), pose, covariance())
        for i, j, pose in zip(first, second, as_poses(measured), strict=True)
    ]
    return truth, edges, off


def relative(poses: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Poses of images relative to others of the same reference."""
    algebra = PoseAlgebra(LENS)
    normalised = algebra.normalise(poses)
    return algebra.denormalise(algebra.between(normalised[first], normalised[second]))


def whitened(errors: np.ndarray, covariances: np.ndarray) -> np.ndarray:
    """Errors ``(n, 4)`` in standard errors, uncorrelated."""
    return np.linalg.solve(np.linalg.cholesky(covariances), errors[..., None])[..., 0]
