"""Many images of one camera, many measured pairs: one absolute pose for each, with an honest covariance.

``solve`` weighs all pairs at once; ``solve_group`` does so for a few images without a reference. One frame against
known keyframes, past frames only, is ``models.science.pose_fusion``; a series over time ``pose_smoothing``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.science.line_of_sight import Lens, Pose
from models.science.pose_adjustment import Adjustment
from models.science.pose_tree import Pairs, components, span, triangle_support
from models.science.pose_vectors import FRAME_SHARE, PoseAlgebra, as_array, as_poses, usable_covariances


@dataclass(frozen=True)
class PoseEdge:
    """A measured pair: the pose of image ``second`` relative to image ``first``.

    Attributes:
        first: Index of the image that served as the reference of the pair.
        second: Index of the other image.
        pose: In pixels of the graph's lens.
        covariance: ``(4, 4)`` of the errors of pan_px, tilt_px, roll_deg, zoom. A pair with a covariance that is not
            finite or not positive, or a pose out of view, is no measurement.
    """

    first: int
    second: int
    pose: Pose
    covariance: NDArray[np.float64]

    def scaled(self, ratio: float) -> "PoseEdge":
        """The pair in pixels ``ratio`` times as small: lens width over the width of image ``first``."""
        pixels = np.array([ratio, ratio, 1.0, 1.0])
        pose = Pose(self.pose.pan_px * ratio, self.pose.tilt_px * ratio, self.pose.roll_deg, self.pose.zoom)
        return PoseEdge(self.first, self.second, pose, self.covariance * np.outer(pixels, pixels))


@dataclass(frozen=True)
class GraphSolution:
    """Absolute poses of ``n`` images.

    Attributes:
        poses: Relative to the gauge (the fixed images), in the order of the images; the identity where not connected.
        covariances: ``(n, 4, 4)`` of the errors of pan_px, tilt_px, roll_deg, zoom: zero for fixed images, infinite
            variances where not connected.
        edge_weights: ``(edges,)`` in the order given: 1 agrees with the others, towards 0 disagrees; 0 not usable.
        connected: ``(n,)`` bool: a chain of measured pairs leads to a fixed image.
        reference: Index of the image that the poses are relative to: the first fixed one.
    """

    poses: tuple[Pose, ...]
    covariances: NDArray[np.float64]
    edge_weights: NDArray[np.float64]
    connected: NDArray[np.bool_]
    reference: int


def solve(
    edges: Sequence[PoseEdge],
    n: int,
    lens: Lens,
    *,
    fixed: Mapping[int, Pose] | None = None,
    frame_share: float = FRAME_SHARE,
) -> GraphSolution:
    """The poses that agree best with all pairs, disagreeing pairs counting little (Cauchy loss).

    Args:
        edges: Measured pairs, any order.
        n: Number of images.
        lens: Of the reference.
        fixed: Known poses by image; image 0 at the identity by default.
        frame_share: Share of a pair's error variance that belongs to each of its two images, and is the same in every
            pair of that image.

    Raises:
        ValueError: An edge or a fixed image that is not among the ``n``, or an edge from an image to itself.
    """
    fixed = fixed if fixed is not None else {0: Pose()}
    _check(edges, n, fixed)
    algebra = PoseAlgebra(lens)
    usable, pairs = _usable_pairs(edges, algebra)
    return _solve(usable, pairs, algebra, fixed, n, _costs(pairs, algebra), frame_share)


def solve_group(
    edges: Sequence[PoseEdge], n: int, lens: Lens, *, frame_share: float = FRAME_SHARE
) -> GraphSolution:
    """Poses of a few images without a reference, relative to the best-connected one among them.

    Args:
        edges: Measured pairs, any order, one or both directions, all or some of the pairs.
        n: Number of images.
        lens: Of the images.
        frame_share: As in ``solve``.

    Raises:
        ValueError: As in ``solve``.
    """
    _check(edges, n, {0: Pose()})
    algebra = PoseAlgebra(lens)
    usable, pairs = _usable_pairs(edges, algebra)
    costs = _costs(pairs, algebra)
    return _solve(usable, pairs, algebra, {_centre(pairs, costs, n): Pose()}, n, costs, frame_share)


def _check(edges: Sequence[PoseEdge], n: int, fixed: Mapping[int, Pose]) -> None:
    if not fixed:
        raise ValueError("a pose graph needs a fixed image")
    for image in [*fixed, *(edge.first for edge in edges), *(edge.second for edge in edges)]:
        if not 0 <= image < n:
            raise ValueError(f"image {image} is not among the {n} of the pose graph")
    if any(edge.first == edge.second for edge in edges):
        raise ValueError("a pair needs two different images")


def _usable_pairs(edges: Sequence[PoseEdge], algebra: PoseAlgebra) -> tuple[NDArray[np.bool_], Pairs]:
    values = as_array([edge.pose for edge in edges])
    covariances = np.array([edge.covariance for edge in edges], dtype=np.float64).reshape(-1, 4, 4)
    usable = usable_covariances(covariances) & algebra.within_view(algebra.normalise(values))
    values = values[usable]
    ends = np.array([(edge.first, edge.second) for edge in edges], dtype=np.int64).reshape(-1, 2)[usable]
    # The two directions of a pair, or a pair measured again, see the same two pictures: not independent.
    _, which, times = np.unique(np.sort(ends, axis=1), axis=0, return_inverse=True, return_counts=True)
    repeated = times[which].reshape(-1, 1, 1)
    normalised = algebra.normalise_covariances(covariances[usable], values) * repeated
    return usable, Pairs(ends[:, 0], ends[:, 1], algebra.normalise(values), normalised)


def _costs(pairs: Pairs, algebra: PoseAlgebra) -> NDArray[np.float64]:
    """Variance of each pair, dearer where it contradicts the others, ``(pairs,)``."""
    return np.asarray(algebra.corner_variance(pairs.covariances) / triangle_support(pairs, algebra) ** 2)


def _centre(pairs: Pairs, costs: NDArray[np.float64], n: int) -> int:
    """The image that most is known about, in the component of the most images."""
    information = np.zeros(n)
    for ends in (pairs.first, pairs.second):
        np.add.at(information, ends, 1 / costs)
    label = components(pairs, n)
    size = np.bincount(label, minlength=n)[label]
    return max(range(n), key=lambda image: (size[image], information[image], -image))


def _solve(
    usable: NDArray[np.bool_],
    pairs: Pairs,
    algebra: PoseAlgebra,
    fixed: Mapping[int, Pose],
    n: int,
    costs: NDArray[np.float64],
    frame_share: float,
) -> GraphSolution:
    known = dict(zip(fixed, algebra.normalise(as_array(list(fixed.values()))), strict=True))
    reached = span(pairs, costs, known, algebra)
    nowhere = torch.zeros(4, dtype=torch.float64)
    start: Tensor = torch.stack([reached.get(image, nowhere) for image in range(n)])
    free = np.array(sorted(set(reached) - set(fixed)), dtype=np.int64)
    inside = np.isin(pairs.first, list(reached)) & np.isin(pairs.second, list(reached))
    poses, found, weights = Adjustment(pairs.of(inside), algebra, free, n, frame_share).run(start)
    values = algebra.denormalise(poses)
    covariances = np.zeros((n, 4, 4))
    covariances[:, range(4), range(4)] = np.inf
    covariances[list(fixed)] = 0
    covariances[free] = algebra.denormalise_covariances(found, values[free])
    edge_weights = np.zeros(len(usable))
    edge_weights[np.flatnonzero(usable)[inside]] = weights
    connected = np.isin(np.arange(n), list(reached))
    return GraphSolution(tuple(as_poses(values)), covariances, edge_weights, connected, next(iter(fixed)))
