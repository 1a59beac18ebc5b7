"""One new frame against keyframes whose poses are known: one pose, its covariance, and whether they agree."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.science.line_of_sight import Lens, Pose
from models.science.pose_vectors import FRAME_SHARE


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
        covariance: ``(4, 4)`` of the errors of pan_px, tilt_px, roll_deg, zoom; infinite variances without measurement.
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
    raise NotImplementedError
