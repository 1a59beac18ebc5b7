"""A line of sight as published: the values of one frame, their standard errors and flags, and the way back."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from models.contracts.flags import ValueFlag
from models.contracts.record import POSE
from models.contracts.series import DRIFT_QUANTITIES
from models.science.drift_events import FrameReading, components, light_regime, sizes_of, to_corner_px
from models.science.line_of_sight import Lens, Pose, Projection

DRIFT_COLUMNS: tuple[str, ...] = tuple(
    name for q in DRIFT_QUANTITIES for name in (q.name, q.uncertainty, q.flag)
)
_ANGLES = {"pan_deg": "pan_px", "tilt_deg": "tilt_px"}
_UNCERTAINTIES = tuple(quantity.uncertainty for quantity in DRIFT_QUANTITIES[:4])
READING_COLUMNS: tuple[str, ...] = (*POSE, *_UNCERTAINTIES, DRIFT_QUANTITIES[0].flag)
"""Of the columns, those from which the watch is told again and the last good frame found."""


def without_value(flag: ValueFlag) -> dict[str, float]:
    """The columns of a frame that has no line of sight, and why."""
    nan = float("nan")
    columns = ({q.name: nan, q.uncertainty: nan, q.flag: float(flag)} for q in DRIFT_QUANTITIES)
    return {name: value for three in columns for name, value in three.items()}


def frame_values(
    pose: Pose, covariance: NDArray[np.float64], lens: Lens, flag: ValueFlag = ValueFlag.GOOD
) -> dict[str, float]:
    """The columns of a frame, rounded to what is stored (float32).

    Args:
        pose: Relative to the camera's reference.
        covariance: ``(4, 4)`` of the errors of pan_px, tilt_px, roll_deg, zoom.
        lens: Of the reference.
        flag: Of all quantities; degrees are NOT_KNOWN where the field of view is not known.
    """
    errors = np.sqrt(np.clip(np.diag(covariance), 0.0, None))
    values = dict(zip(POSE, zip(components(pose), errors, strict=True), strict=True))
    sizes = sizes_of(*to_corner_px(pose, covariance, lens), lens)
    values["drift_px"] = sizes["drift_px"], sizes["drift_px_sigma"]
    row = without_value(ValueFlag.NOT_KNOWN)
    for quantity in DRIFT_QUANTITIES:
        if quantity.name in _ANGLES:
            pair = _angle(*values[_ANGLES[quantity.name]], lens, quantity.name == "pan_deg")
        else:
            pair = values[quantity.name]
        if pair is not None:
            row[quantity.name], row[quantity.uncertainty] = (float(np.float32(v)) for v in pair)
            row[quantity.flag] = float(flag)
    return row


def _angle(pixels: float, error: float, lens: Lens, is_pan: bool) -> tuple[float, float] | None:
    """Degrees and their standard error from pixels at the image centre."""
    angles = Pose(pan_px=pixels, tilt_px=pixels).angles_deg(lens)
    if angles is None or lens.focal_px is None:
        return None
    straight = is_pan and lens.projection is Projection.CYLINDRICAL  # columns are equal steps of azimuth
    slope = 1 / lens.focal_px if straight else lens.focal_px / (lens.focal_px**2 + pixels**2)
    return angles[0 if is_pan else 1], math.degrees(slope * error)


def pose_of_values(row: Mapping[str, float]) -> tuple[Pose, NDArray[np.float64]] | None:
    """Pose and covariance ``(4, 4)``, diagonal, of published columns; ``None`` where there is no value."""
    pose = Pose(*(float(row[name]) for name in POSE))
    covariance = np.diag([float(row[name]) ** 2 for name in _UNCERTAINTIES])
    known = np.isfinite(components(pose)).all() and np.isfinite(covariance).all()
    return (pose, covariance) if known else None


def reading_of(
    row: Mapping[str, float], time: np.datetime64, size: tuple[int, int], luminance: float
) -> FrameReading:
    """What the causal watch is told of a frame: what is published of it, so that the record can tell it again.

    Args:
        row: Columns of the frame.
        time: UTC.
        size: Width and height of the picture.
        luminance: Published mean luminance of the picture; NaN counts as day.
    """
    known = pose_of_values(row)
    pose, covariance = known if known is not None else (None, None)
    return FrameReading(time, *size, pose, covariance, light_regime(luminance))


def sigma_px(pose: Pose, covariance: NDArray[np.float64], lens: Lens) -> float:
    """One standard error of the corners' displacement, pixels at 640 px width."""
    return math.sqrt(max(float(np.trace(to_corner_px(pose, covariance, lens)[1])), 0.0))
