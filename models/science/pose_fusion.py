"""One new frame against keyframes whose poses are known: one pose, its covariance, and whether they agree."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.science.line_of_sight import Lens, Pose
from models.science.pose_vectors import (
    DISAGREEMENT,
    FRAME_SHARE,
    PoseAlgebra,
    as_array,
    as_poses,
    cauchy_weight,
    usable_covariances,
)

_POWERS = (0.0, 1.0, 2.0, 4.0, 64.0)  # equal shares ... the best answer alone


@dataclass(frozen=True)
class Measurement:
    """A frame compared with one keyframe.

    Attributes:
        keyframe_pose: Of the keyframe relative to the camera's reference.
        keyframe_covariance: ``(4, 4)`` of its errors in pan_px, tilt_px, roll_deg, zoom; zeros for the reference.
        pose: Of the frame relative to the keyframe, in pixels of the reference.
        covariance: ``(4, 4)`` of the errors of ``pose``.
    """

    keyframe_pose: Pose
    keyframe_covariance: NDArray[np.float64]
    pose: Pose
    covariance: NDArray[np.float64]


@dataclass(frozen=True)
class FusedPose:
    """The pose of one frame relative to the camera's reference.

    Attributes:
        pose: The identity where there is no usable measurement.
        covariance: ``(4, 4)`` of the errors of pan_px, tilt_px, roll_deg, zoom; widened where the measurements are not
            consistent, infinite variances without any.
        weights: ``(measurements,)``: 1 agrees, towards 0 disagrees; 0 not usable.
        agreeing: Number of measurements that agree with the pose within their errors.
        consistent: More than half of the usable measurements agree. One alone is consistent with itself.
    """

    pose: Pose
    covariance: NDArray[np.float64]
    weights: NDArray[np.float64]
    agreeing: int
    consistent: bool


def fuse(measurements: Sequence[Measurement], lens: Lens, *, frame_share: float = FRAME_SHARE) -> FusedPose:
    """One pose from comparisons with several keyframes.

    The errors of the keyframes may depend on one another in any way (most were measured against the same ones): the
    covariance holds whatever they share, so that ten keyframes of 0.3 px give no better than 0.3 px.

    Args:
        measurements: Any order; one that is not finite is no measurement.
        lens: Of the camera's reference.
        frame_share: Share of a measurement's error variance that all comparisons of this frame have in common.
    """
    values = as_array([m.pose for m in measurements])
    keyframes = as_array([m.keyframe_pose for m in measurements])
    own = np.array([m.covariance for m in measurements], dtype=np.float64).reshape(-1, 4, 4)
    inherited = np.array([m.keyframe_covariance for m in measurements], dtype=np.float64).reshape(-1, 4, 4)
    algebra = PoseAlgebra(lens)
    first, second = algebra.normalise(keyframes), algebra.normalise(values)
    usable = usable_covariances(own) & np.isfinite(inherited).all(axis=(1, 2))
    usable &= algebra.within_view(first) & algebra.within_view(second)
    usable[usable] = algebra.within_view(algebra.compose(first[usable], second[usable]))
    weights = np.zeros(len(measurements))
    if not usable.any():
        return FusedPose(Pose(), np.diag(np.full(4, np.inf)), weights, 0, False)
    answers = _answers(
        algebra, keyframes[usable], inherited[usable], values[usable], own[usable], frame_share
    )
    pose, covariance, squared = _agree(answers, algebra)
    weights[usable] = cauchy_weight(squared)
    agreeing = int((squared < DISAGREEMENT).sum())
    consistent = 2 * agreeing > int(usable.sum())
    if not consistent:  # the frame may be where any of them says
        covariance = covariance * max(1.0, float(squared.mean()) / 4)
    fused = algebra.denormalise(pose[None])
    return FusedPose(
        as_poses(fused)[0],
        algebra.denormalise_covariances(covariance[None], fused)[0],
        weights,
        agreeing,
        consistent,
    )


@dataclass(frozen=True)
class _Answers:
    """What each measurement says of the frame, normalised units.

    Attributes:
        poses: ``(m, 4)`` relative to the camera's reference.
        joint: ``(m, 4, 4)`` of errors that other measurements may have in common.
        own: ``(m, 4, 4)`` of errors that are the measurement's alone.
    """

    poses: Tensor
    joint: NDArray[np.float64]
    own: NDArray[np.float64]

    def of(self, which: NDArray[np.bool_]) -> "_Answers":
        return _Answers(self.poses[torch.from_numpy(which)], self.joint[which], self.own[which])


def _answers(
    algebra: PoseAlgebra,
    keyframes: NDArray[np.float64],
    inherited: NDArray[np.float64],
    values: NDArray[np.float64],
    own: NDArray[np.float64],
    frame_share: float,
) -> _Answers:
    first, second = algebra.normalise(keyframes), algebra.normalise(values)
    poses = algebra.compose(first, second)
    by_first, by_second = (slopes.numpy() for slopes in algebra.compose_slopes(first, second, poses))
    handed = by_first @ algebra.normalise_covariances(inherited, keyframes) @ by_first.transpose(0, 2, 1)
    measured = by_second @ algebra.normalise_covariances(own, values) @ by_second.transpose(0, 2, 1)
    return _Answers(poses, handed + frame_share * measured, (1 - frame_share) * measured)


def _agree(
    answers: _Answers, algebra: PoseAlgebra
) -> tuple[Tensor, NDArray[np.float64], NDArray[np.float64]]:
    """The pose of the largest set of answers that agree, and the squared distance of every answer from it.

    An answer outside the set is judged by the errors of both, as one inside is at most by its own.
    """
    total = answers.joint + answers.own
    poses = answers.poses.numpy()
    gaps = poses[:, None] - poses[None]  # (m, m, 4)
    pairwise = _squared(gaps, total[:, None] + total[None])
    friends = (pairwise < DISAGREEMENT).sum(1)
    spread = algebra.corner_variance(total)
    best = min(range(len(poses)), key=lambda index: (-friends[index], spread[index]))
    chosen = pairwise[best] < DISAGREEMENT
    for _ in range(3):
        pose, covariance = _combine(answers.of(chosen), algebra)
        both = total + np.where(chosen, 0, 1)[:, None, None] * covariance
        squared = _squared(poses - pose.numpy(), both)
        if (chosen == (squared < DISAGREEMENT)).all() or not (squared < DISAGREEMENT).any():
            break
        chosen = squared < DISAGREEMENT
    return pose, covariance, squared


def _squared(gaps: NDArray[np.float64], covariances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared gaps ``(..., 4)`` in standard errors."""
    return np.asarray((gaps * np.linalg.solve(covariances, gaps[..., None])[..., 0]).sum(-1))


def _combine(answers: _Answers, algebra: PoseAlgebra) -> tuple[Tensor, NDArray[np.float64]]:
    """Split covariance intersection, of the shares tried the one of the least corner error.

    Each answer's joint error is divided by its share (they add up to 1), which holds for any dependence between them.

    Source: Julier and Uhlmann 2001, "General decentralized data fusion with covariance intersection", section 12.4.
    """
    spread = algebra.corner_variance(answers.joint + answers.own)
    best: tuple[float, Tensor, NDArray[np.float64]] | None = None
    for power in _POWERS:
        shares = (spread.min() / spread) ** power
        shares /= shares.sum()
        kept = shares > 1e-6
        inflated = answers.joint[kept] / shares[kept, None, None] + answers.own[kept]
        information = np.linalg.inv(inflated)
        covariance = np.linalg.inv(information.sum(0))
        mean = covariance @ np.einsum("mij,mj->i", information, answers.poses.numpy()[kept])
        corner = float(algebra.corner_variance(covariance))
        if best is None or corner < best[0]:
            best = corner, torch.from_numpy(mean), covariance
    assert best is not None
    return best[1], best[2]
