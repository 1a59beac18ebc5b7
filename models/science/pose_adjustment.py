"""Weighted least squares over a pose graph: all pairs at once, those that disagree counting little.

Source: iteratively reweighted least squares with Cauchy's weights and Huber's sandwich covariance, Huber and Ronchetti
2009, "Robust Statistics", chapters 6 and 7.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.science.pose_tree import Pairs
from models.science.pose_vectors import DISAGREEMENT, PoseAlgebra, cauchy_weight

_MEDIAN_SQUARED = 3.357  # of chi squared with 4 components
_GAUSSIAN_SCATTER = (
    0.78  # E(w^2 d^2 / 4) / E(w^2) of Cauchy's weights w at squared distances d^2 of that distribution
)
_ITERATIONS = 40
_SMALL = 1e-7  # half widths: 3e-5 px at 640 px


class Adjustment:
    """Poses and covariances of the free images of a graph, normalised units."""

    def __init__(
        self, pairs: Pairs, algebra: PoseAlgebra, free: NDArray[np.int64], n: int, frame_share: float
    ) -> None:
        self._pairs, self._algebra, self._free, self._frame_share = pairs, algebra, free, frame_share
        self._place = np.full(n, -1)
        self._place[free] = np.arange(len(free))
        self._information = np.linalg.inv(
            (1 - 2 * frame_share) * pairs.covariances
        )  # of what no other pair shares

    def run(self, start: Tensor) -> tuple[Tensor, NDArray[np.float64], NDArray[np.float64]]:
        """Adjust from ``start`` ``(n, 4)``.

        Returns:
            Poses ``(n, 4)``; covariances ``(free, 4, 4)``; weights of the pairs.
        """
        poses, scale = start, 1.0
        for _ in range(2):  # once with the errors as stated, once with them as seen
            poses = self._iterate(poses, scale)
            squared = self._squared(self._gap(poses))
            scale = self._seen_scale(squared)
        squared = squared / scale
        weights = cauchy_weight(squared)
        if len(self._free) == 0:
            return poses, np.zeros((0, 4, 4)), weights
        covariances = scale * self._own_errors(poses, squared, weights) + self._shared_errors(weights)
        return poses, covariances * self._doubt(squared)[:, None, None], weights

    def _ends(self, poses: Tensor) -> tuple[Tensor, Tensor]:
        return poses[torch.from_numpy(self._pairs.first)], poses[torch.from_numpy(self._pairs.second)]

    def _gap(self, poses: Tensor) -> NDArray[np.float64]:
        """Measured minus predicted, ``(pairs, 4)``."""
        return np.asarray((self._pairs.poses - self._algebra.between(*self._ends(poses))).numpy())

    def _squared(self, gap: NDArray[np.float64]) -> NDArray[np.float64]:
        """Squared gaps in standard errors, ``(pairs,)``."""
        return np.asarray(np.einsum("ei,eij,ej->e", gap, self._information, gap))

    def _slopes(self, poses: Tensor) -> NDArray[np.float64]:
        """Derivatives of the pairs by the poses of both images, ``(pairs, 2, 4, 4)``."""
        first, second = self._ends(poses)
        slopes = self._algebra.between_slopes(first, second, self._algebra.between(first, second))
        return np.asarray(torch.stack(slopes, dim=1).numpy())

    def _iterate(self, poses: Tensor, scale: float) -> Tensor:
        if len(self._free) == 0:
            return poses
        slopes = self._slopes(poses)  # change so little that they are kept
        for _ in range(_ITERATIONS):
            gap = self._gap(poses)
            weights = cauchy_weight(self._squared(gap) / scale)
            score = np.einsum("e,esij,eik,ek->esj", weights, slopes, self._information, gap, optimize=True)
            gradient = np.zeros((len(self._free), 4))
            for side, ends in enumerate((self._pairs.first, self._pairs.second)):
                inside = self._place[ends] >= 0
                np.add.at(gradient, self._place[ends[inside]], score[inside, side])
            step = np.linalg.solve(self._normal(slopes, weights), gradient.reshape(-1)).reshape(-1, 4)
            poses = poses.index_add(0, torch.from_numpy(self._free), torch.from_numpy(step))
            if np.abs(step).max() < _SMALL:
                break
        return poses

    def _normal(self, slopes: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Normal matrix ``(4 free, 4 free)``."""
        blocks = np.einsum(
            "e,esij,eik,etkl->estjl", weights, slopes, self._information, slopes, optimize=True
        )
        size = len(self._free)
        normal = np.zeros((size, size, 4, 4))
        ends = self._place[np.stack([self._pairs.first, self._pairs.second], axis=1)]  # (pairs, 2)
        for s in range(2):
            for t in range(2):
                inside = (ends[:, s] >= 0) & (ends[:, t] >= 0)
                np.add.at(normal, (ends[inside, s], ends[inside, t]), blocks[inside, s, t])
        return normal.transpose(0, 2, 1, 3).reshape(4 * size, 4 * size)

    def _seen_scale(self, squared: NDArray[np.float64]) -> float:
        """How much larger the variances of the pairs are than stated, at least 1."""
        spare = len(squared) - len(self._free)
        if spare < 3:
            return 1.0
        chance = 1 + 1 / math.sqrt(spare)  # a median of so few may be as much larger by luck
        return max(1.0, float(np.median(squared)) * len(squared) / (_MEDIAN_SQUARED * spare * chance))

    def _own_errors(
        self, poses: Tensor, squared: NDArray[np.float64], weights: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """What the pairs' own errors come to: the sandwich of curvature and scatter of the Cauchy loss."""
        slopes = self._slopes(poses)
        bread = np.linalg.inv(self._normal(slopes, weights * (1 + weights) / 2))
        spare = 1 - len(self._free) / max(len(squared), 1)
        usual = 1 - (1 - _GAUSSIAN_SCATTER) * spare  # 1 for a tree, which fits exactly
        scatter = weights**2 * np.where(squared > DISAGREEMENT, squared / 4, usual)
        whole = bread @ self._normal(slopes, scatter) @ bread
        size = len(self._free)
        return np.asarray(np.einsum("iaib->iab", whole.reshape(size, 4, size, 4)))

    def _shared_errors(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """What every pair of an image gets wrong alike, of the image itself and of the fixed one ``(free, 4, 4)``."""
        total, count = np.zeros((len(self._place), 4, 4)), np.zeros(len(self._place))
        for ends in (self._pairs.first, self._pairs.second):
            np.add.at(total, ends, weights[:, None, None] * np.linalg.inv(self._pairs.covariances))
            np.add.at(count, ends, weights)
        mean = total[self._free] / count[self._free, None, None]
        return np.asarray(2 * self._frame_share * np.linalg.inv(mean))

    def _doubt(self, squared: NDArray[np.float64]) -> NDArray[np.float64]:
        """Factor on the covariance of images most of whose pairs disagree: they may be elsewhere, ``(free,)``."""
        agreeing, count, spread = (np.zeros(len(self._place)) for _ in range(3))
        for ends in (self._pairs.first, self._pairs.second):
            np.add.at(agreeing, ends, squared < DISAGREEMENT)
            np.add.at(count, ends, 1)
            np.add.at(spread, ends, squared / 4)
        doubtful = (2 * agreeing <= count)[self._free]
        return np.where(doubtful, np.maximum(1, spread[self._free] / count[self._free]), 1.0)
