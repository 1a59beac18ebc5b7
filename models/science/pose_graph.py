"""Many images of one camera, many measured pairs: one absolute pose for each, with an honest covariance.

``solve`` weighs all pairs at once; ``solve_group`` does so for a few images without a reference. One frame against
known keyframes, past frames only, is ``models.science.pose_fusion``; a series over time ``pose_smoothing``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.science.line_of_sight import Lens, Pose
from models.science.pose_vectors import FRAME_SHARE


@dataclass(frozen=True)
class PoseEdge:
    """A measured pair: the pose of image ``second`` relative to image ``first``.

    Attributes:
        first: Index of the image that served as the reference of the pair.
        second: Index of the other image.
        pose: In pixels of the graph's lens.
        covariance: ``(4, 4)`` of the errors of pan_px, tilt_px, roll_deg, zoom. A pair with a covariance that is not
            finite or not positive is no measurement.
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
    raise NotImplementedError


def solve_group(
    edges: Sequence[PoseEdge], n: int, lens: Lens, *, frame_share: float = FRAME_SHARE
) -> GraphSolution:
    """Poses of a few images without a reference, relative to the best-connected one among them.

    Args:
        edges: Measured pairs, any order, one or both directions, all or some of the pairs.
        n: Number of images.
        lens: Of the images.
        frame_share: As in ``solve``.
    """
    raise NotImplementedError
