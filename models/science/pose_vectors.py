"""Poses as arrays: many at once, composed exactly, with their derivatives.

Arrays hold ``(pan_px, tilt_px, roll_deg, zoom)`` in the last axis; normalised tensors are ``(pan, tilt, roll,
log zoom)`` as in `models.science.line_of_sight`, float64.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.science.line_of_sight import Lens, Pose, apply_homography, displace, jacobian, pixel_grid

FRAME_SHARE = 0.15
"""Share of a measured pair's error variance that belongs to each of the two images (a shadow, a crane, fog on one side)
and is the same in all pairs of that image: comparing with more images does not average it away. An assumption."""

DISAGREEMENT = 18.47
"""Squared distance in standard errors that one true answer in a thousand exceeds: chi squared of 4 components."""

_CAUCHY_SQUARED = 16.0  # keeps 97 % of the information of 4 Gaussian components
_STEP = 1e-4
_FARTHEST_TANGENT = 0.84  # of 40 degrees
_SAME_SPREAD = math.sqrt(
    (10 / 24) / (6 / 12)
)  # 5 points have the variance of the 9 that `line_of_sight.compose` fits


def as_array(poses: Sequence[Pose]) -> NDArray[np.float64]:
    """``(n, 4)``: pan_px, tilt_px, roll_deg, zoom."""
    values = [[p.pan_px, p.tilt_px, p.roll_deg, p.zoom] for p in poses]
    return np.array(values, dtype=np.float64).reshape(-1, 4)


def as_poses(values: NDArray[np.float64]) -> list[Pose]:
    """The inverse of `as_array`."""
    return [Pose(*(float(v) for v in row)) for row in values]


def usable_covariances(covariances: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of ``(n, 4, 4)`` are finite and positive definite: those of measurements."""
    finite = np.asarray(np.isfinite(covariances).all(axis=(-2, -1)))
    if finite.any():
        # In units of the diagonal, so that a small unit (zoom) is no small eigenvalue.
        diagonal = np.einsum("nii->ni", covariances[finite])
        root = np.sqrt(np.where(diagonal > 0, diagonal, np.inf))
        scaled = covariances[finite] / (root[:, :, None] * root[:, None, :])
        finite[finite] = (diagonal > 0).all(-1) & (np.linalg.eigvalsh(scaled).min(-1) > 1e-9)
    return finite


def cauchy_weight(squared: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weight of a measurement at a squared distance in standard errors: 1 at none, towards 0 far away."""
    return 1 / (1 + squared / _CAUCHY_SQUARED)


class PoseAlgebra:
    """Composition of many normalised poses ``(batch, 4)`` of one lens."""

    def __init__(self, lens: Lens) -> None:
        self.lens = lens
        grid = apply_homography(lens.to_normalised, pixel_grid(lens, 5, 5))
        self._grid = torch.from_numpy(grid * _SAME_SPREAD)  # (25, 2)

    def normalise(self, values: NDArray[np.float64]) -> Tensor:
        """``(n, 4)`` in pixels and degrees to normalised poses."""
        s = self.lens.half_width
        scaled = values * np.array([1 / s, 1 / s, math.pi / 180, 1.0])
        scaled[:, 3] = np.log(np.where(values[:, 3] > 0, values[:, 3], np.nan))
        return torch.from_numpy(scaled)

    def denormalise(self, poses: Tensor) -> NDArray[np.float64]:
        """The inverse of `normalise`."""
        s = self.lens.half_width
        values = poses.numpy() * np.array([s, s, 180 / math.pi, 1.0])
        values[:, 3] = np.exp(poses.numpy()[:, 3])
        return np.asarray(values)

    def normalise_covariances(
        self, covariances: NDArray[np.float64], values: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Covariances ``(n, 4, 4)`` of poses ``values`` ``(n, 4)``, pixels and degrees, to normalised units."""
        unit = self._units(values[:, 3])
        return np.asarray(covariances / (unit[:, :, None] * unit[:, None, :]))

    def denormalise_covariances(
        self, covariances: NDArray[np.float64], values: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """The inverse of `normalise_covariances`."""
        unit = self._units(values[:, 3])
        return np.asarray(covariances * (unit[:, :, None] * unit[:, None, :]))

    def within_view(self, poses: Tensor) -> NDArray[np.bool_]:
        """Which normalised poses ``(n, 4)`` leave both pictures something in common; beyond, none is a measurement.

        Half a picture and 40 degrees of pan and tilt, a quarter turn of roll, twice the size.
        """
        pan, tilt, roll, log_zoom = poses.abs().unbind(-1)
        farthest = min(1.0, _FARTHEST_TANGENT / math.sqrt(max(self.lens.curvature, 1e-9)))
        inside = (pan <= farthest) & (tilt <= farthest) & (roll <= math.pi / 2) & (log_zoom <= math.log(2))
        return np.asarray(inside.numpy())

    def corner_variance(self, covariances: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean squared displacement of the corners that normalised covariances stand for, ``(n,)``, half widths."""
        radius = 1 + (self.lens.height / self.lens.width) ** 2
        return np.asarray(np.einsum("...ii,i->...", covariances, np.array([1, 1, radius, radius])))

    def compose(self, first: Tensor, second: Tensor) -> Tensor:
        """Poses of C relative to A ``(batch, 4)``, from B relative to A and C relative to B."""
        grid = self._grid.expand(len(first), -1, -1)
        target = self._displace(self._displace(grid, first), second)
        return self._fit(grid, target, first + second)

    def compose_slopes(self, first: Tensor, second: Tensor, pose: Tensor) -> tuple[Tensor, Tensor]:
        """Derivatives ``(batch, 4, 4)`` of `compose`, whose answer was ``pose``, by ``first`` and by ``second``."""
        grid = self._grid.expand(len(first), -1, -1)
        middle = self._displace(grid, first)
        solver = torch.linalg.pinv(self._by_pose(grid, pose))
        through = (self._by_point(middle, second) @ self._slopes(grid, first)).flatten(1, 2)
        return solver @ through, solver @ self._by_pose(middle, second)

    def between(self, first: Tensor, second: Tensor) -> Tensor:
        """Poses of C relative to B ``(batch, 4)``, from those of B and C relative to A."""
        grid = self._grid.expand(len(first), -1, -1)
        return self._fit(self._displace(grid, first), self._displace(grid, second), second - first)

    def between_slopes(self, first: Tensor, second: Tensor, pose: Tensor) -> tuple[Tensor, Tensor]:
        """Derivatives ``(batch, 4, 4)`` of `between`, whose answer was ``pose``, by ``first`` and by ``second``."""
        grid = self._grid.expand(len(first), -1, -1)
        start = self._displace(grid, first)
        solver = torch.linalg.pinv(self._by_pose(start, pose))
        through = (self._by_point(start, pose) @ self._slopes(grid, first)).flatten(1, 2)
        return -solver @ through, solver @ self._by_pose(grid, second)

    def invert(self, poses: Tensor) -> Tensor:
        """Poses of the reference relative to the images, ``(batch, 4)``."""
        return self.between(poses, torch.zeros_like(poses))

    def _units(self, zoom: NDArray[np.float64]) -> NDArray[np.float64]:
        """Pixels, degrees and ratios per normalised unit, ``(n, 4)``."""
        s = self.lens.half_width
        return np.stack([0 * zoom + s, 0 * zoom + s, 0 * zoom + 180 / math.pi, zoom], axis=1)

    def _curvature(self, batch: int) -> Tensor:
        return torch.full((batch,), self.lens.curvature, dtype=torch.float64)

    def _displace(self, points: Tensor, poses: Tensor) -> Tensor:
        return displace(points, poses, self._curvature(len(poses)), self.lens.projection)

    def _slopes(self, points: Tensor, poses: Tensor) -> Tensor:
        """Derivative of the points by the pose, ``(batch, points, 2, 4)``."""
        return jacobian(points, poses, self._curvature(len(poses)), self.lens.projection)[..., :4]

    def _by_pose(self, points: Tensor, poses: Tensor) -> Tensor:
        return self._slopes(points, poses).flatten(1, 2)  # (batch, 2 points, 4)

    def _by_point(self, points: Tensor, poses: Tensor) -> Tensor:
        """Derivative of the displaced points by the points, ``(batch, points, 2, 2)``."""
        columns = []
        for axis in range(2):
            move = torch.zeros(2, dtype=torch.float64)
            move[axis] = _STEP
            moved = self._displace(points + move, poses) - self._displace(points - move, poses)
            columns.append(moved / (2 * _STEP))
        return torch.stack(columns, dim=-1)

    def _fit(self, source: Tensor, target: Tensor, start: Tensor) -> Tensor:
        """Poses of least squared distance from ``source`` to ``target`` ``(batch, points, 2)``."""
        pose = start
        solver = torch.linalg.pinv(self._by_pose(source, pose))  # changes so little that it is kept
        for _ in range(20):
            gap = (target - self._displace(source, pose)).flatten(1)[..., None]
            step = (solver @ gap)[..., 0]
            pose = pose + step
            if step.numel() == 0 or float(step.abs().max()) < 1e-9:
                break
        return pose
