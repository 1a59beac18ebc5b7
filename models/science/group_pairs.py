"""Images of one camera without a reference: which pairs to compare, and what the pairs say in one system of pixels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.drift import Registration
from models.science.line_of_sight import Lens, Pose, pose_of_homography
from models.science.pose_graph import PoseEdge

_ALL_PAIRS_UP_TO = 24
_NEIGHBOURS = 8


def pairs_to_compare(
    appearance: NDArray[np.float32], all_up_to: int = _ALL_PAIRS_UP_TO, neighbours: int = _NEIGHBOURS
) -> list[tuple[int, int]]:
    """Pairs ``(i, j)`` with ``i < j``, ordered.

    A few images: all pairs. More: each with its nearest in appearance, and the links of the tree of least distance
    through all of them, so that a chain of pairs leads from every image to every other.

    Args:
        appearance: Unit vectors ``(n, d)``.
        all_up_to: Number of images up to which all pairs are compared.
        neighbours: Nearest images that each is compared with, beyond that.
    """
    n = len(appearance)
    if n <= all_up_to:
        return [(i, j) for i in range(n) for j in range(i + 1, n)]
    likeness = (appearance @ appearance.T).astype(np.float64)
    np.fill_diagonal(likeness, -np.inf)
    nearest = np.argsort(-likeness, axis=1, kind="stable")[:, :neighbours]
    pairs = {(min(i, int(j)), max(i, int(j))) for i in range(n) for j in nearest[i]}
    return sorted(pairs | _widest_tree(likeness))


def _widest_tree(likeness: NDArray[np.float64]) -> set[tuple[int, int]]:
    """Links of the tree of greatest likeness (Prim)."""
    best, link = likeness[0].copy(), np.zeros(len(likeness), np.int64)
    best[0] = -np.inf
    outside = set(range(1, len(likeness)))
    tree = set()
    while outside:
        node = max(outside, key=lambda i: (best[i], -i))
        outside.remove(node)
        tree.add((min(node, int(link[node])), max(node, int(link[node]))))
        nearer = likeness[node] > best
        best[nearer], link[nearer] = likeness[node][nearer], node
    return tree


@dataclass(frozen=True)
class PictureSize:
    """Width and height, pixels."""

    width: int
    height: int

    def lens(self, like: Lens) -> Lens:
        """The lens of a picture of this size by the same camera."""
        return Lens(self.width, self.height, like.hfov_deg, like.projection)

    def to_width(self, width: int) -> NDArray[np.float64]:
        """Pixels to those of the picture scaled to a width, ``(3, 3)``; pixel centres are at integers."""
        s = width / self.width
        return np.array([[s, 0, (s - 1) / 2], [0, s, (s - 1) / 2], [0, 0, 1.0]])


def edge_in(
    registration: Registration, first: int, second: int, sizes: Sequence[PictureSize], lens: Lens
) -> PoseEdge:
    """A measured pair in the pixels of the group's lens.

    Args:
        registration: Of image ``second`` relative to image ``first``.
        first: Index of the pair's reference.
        second: Index of the other image.
        sizes: Of all images.
        lens: Of the group. Every image is scaled to its width.
    """
    one, other = sizes[first], sizes[second]
    pair = PoseEdge(first, second, registration.pose, registration.covariance).scaled(lens.width / one.width)
    whole = PictureSize(lens.width, lens.height)
    if _same_shape(one, whole) and _same_shape(other, whole):
        return pair
    scaled = other.to_width(lens.width) @ registration.homography @ np.linalg.inv(one.to_width(lens.width))
    return PoseEdge(first, second, pose_of_homography(scaled, lens), pair.covariance)


def pose_in(matrix: NDArray[np.float64], pose: Pose, reference: PictureSize, lens: Lens) -> Pose:
    """A pose in the pixels of the reference instead of the group's.

    Args:
        matrix: The pose as a homography between pixels of the group ``(3, 3)``.
        pose: In pixels of the group.
        reference: Size of the reference, which need not be of the group's shape.
        lens: Of the group.
    """
    ratio = reference.width / lens.width
    if _same_shape(reference, PictureSize(lens.width, lens.height)):
        return Pose(pose.pan_px * ratio, pose.tilt_px * ratio, pose.roll_deg, pose.zoom)
    scale = reference.to_width(lens.width)
    return pose_of_homography(np.linalg.inv(scale) @ matrix @ scale, reference.lens(lens))


def _same_shape(one: PictureSize, other: PictureSize) -> bool:
    """Whether the picture scaled to the other's width is of its height, to a pixel."""
    return abs(one.height * other.width / one.width - other.height) <= 1.0
