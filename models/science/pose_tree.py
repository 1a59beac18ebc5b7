"""Where to start a pose graph: which pairs are supported by the others, and a spanning tree of the best of them."""

import heapq
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.science.pose_vectors import DISAGREEMENT, PoseAlgebra

_MOST_TRIANGLES = (
    4000  # more are thinned evenly: 20 images have 1140, or 9120 with both directions of each pair
)


@dataclass(frozen=True)
class Pairs:
    """Usable measured pairs as arrays, normalised units.

    Attributes:
        first: Image that served as reference, ``(pairs,)``.
        second: The other image, ``(pairs,)``.
        poses: Of ``second`` relative to ``first``, ``(pairs, 4)``.
        covariances: ``(pairs, 4, 4)``.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    poses: Tensor
    covariances: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.first)

    def of(self, which: NDArray[np.bool_]) -> "Pairs":
        """Some of the pairs."""
        chosen = torch.from_numpy(which)
        return Pairs(self.first[which], self.second[which], self.poses[chosen], self.covariances[which])


def triangle_support(pairs: Pairs, algebra: PoseAlgebra) -> NDArray[np.float64]:
    """Share of the triangles through each pair that close within their errors, ``(pairs,)``.

    One triangle is taken to close in any case, so that a pair without any has 1 and a wrong one never quite 0.
    """
    triangles = _triangles(pairs)
    closed, total = np.ones(len(pairs)), np.ones(len(pairs))
    if len(triangles) == 0:
        return closed
    upward = torch.from_numpy(pairs.first < pairs.second)[:, None]
    inverse = algebra.invert(pairs.poses)
    poses = torch.where(upward, pairs.poses, inverse)  # from the lower to the higher image
    one, two, long = triangles.T
    around = algebra.compose(poses[one], poses[two])
    gap = (around - poses[long]).numpy()
    covariances = pairs.covariances[triangles].sum(1)  # a turn of a few degrees changes them little
    squared = np.einsum("ti,tij,tj->t", gap, np.linalg.inv(covariances), gap)
    for side in (one, two, long):
        np.add.at(total, side, 1)
        np.add.at(closed, side, squared < DISAGREEMENT)
    return np.asarray(closed / total)


def _triangles(pairs: Pairs) -> NDArray[np.int64]:
    """Pairs ``(low, middle), (middle, high), (low, high)`` of every three images, ``(triangles, 3)``."""
    between: dict[tuple[int, int], list[int]] = defaultdict(list)
    for index, ends in enumerate(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)):
        between[min(ends), max(ends)].append(index)
    above: dict[int, list[int]] = defaultdict(list)
    for low, high in sorted(between):
        above[low].append(high)
    found = [
        sides
        for low, middle in sorted(between)
        for high in above[middle]
        if (low, high) in between
        for sides in product(between[low, middle], between[middle, high], between[low, high])
    ]
    return np.array(found, dtype=np.int64).reshape(-1, 3)[:: 1 + len(found) // _MOST_TRIANGLES]


def components(pairs: Pairs, n: int) -> NDArray[np.int64]:
    """Label of the connected component of each image, ``(n,)``: the lowest image in it."""
    label = np.arange(n)
    for low, high in sorted(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)):
        old, new = max(label[low], label[high]), min(label[low], label[high])
        label[label == old] = new
    return label


def span(
    pairs: Pairs,
    costs: NDArray[np.float64],
    known: dict[int, Tensor],
    algebra: PoseAlgebra,
) -> dict[int, Tensor]:
    """Poses ``(4,)`` of all images in view that pairs lead to, along the cheapest tree from the known ones."""
    touching: dict[int, list[int]] = defaultdict(list)
    for index in range(len(pairs)):
        touching[int(pairs.first[index])].append(index)
        touching[int(pairs.second[index])].append(index)

    def offers(image: int) -> Iterable[tuple[float, int, int, int]]:
        for index in touching[image]:
            other = int(pairs.first[index] + pairs.second[index]) - image
            yield float(costs[index]), other, image, index

    poses = dict(known)
    queue = [offer for image in sorted(known) for offer in offers(image)]
    heapq.heapify(queue)
    while queue:
        _, other, image, index = heapq.heappop(queue)
        if other in poses:
            continue
        step = pairs.poses[index : index + 1]
        if pairs.second[index] == image:
            step = algebra.invert(step)
        reached = algebra.compose(poses[image][None], step)
        if not algebra.within_view(reached)[0]:
            continue
        poses[other] = reached[0]
        for offer in offers(other):
            heapq.heappush(queue, offer)
    return poses
