"""A camera's series of published lines of sight, smoothed and explained with hindsight: for editions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.science.drift_events import DriftEvent, FrameClass, FrameReading, components, corner_scale
from models.science.drift_history import explain
from models.science.line_of_sight import Lens
from models.science.pose_smoothing import smooth

_EXACT = 0.1
"""Least standard error, corner pixels: the reference's own pose is exact, but no mount holds so still."""


@dataclass(frozen=True)
class SmoothedSight:
    """The line of sight of a camera's frames, in the order given.

    Attributes:
        poses: ``(n, 4)``: pan_px, tilt_px, roll_deg, zoom; NaN where not even the neighbours tell.
        covariances: ``(n, 4, 4)``.
        classes: Worth of each frame's own measurement: of any but ``continuous`` the pose is what the neighbours imply.
        events: Found looking both ways, in time order; changes of the picture's size as they were found by night.
    """

    poses: NDArray[np.float64]
    covariances: NDArray[np.float64]
    classes: tuple[FrameClass, ...]
    events: tuple[DriftEvent, ...]


def smooth_sight(
    readings: Sequence[FrameReading],
    lens: Lens,
    known: Sequence[DriftEvent] = (),
    common: NDArray[np.float64] | None = None,
) -> SmoothedSight:
    """Explain a series, then smooth it between the changes of level that the explanation found.

    Args:
        readings: Any order.
        lens: Of the camera's reference.
        known: Changes that the readings do not show, those of the picture's size: the level may jump there too.
        common: ``(4, 4)`` covariance of an error that all frames have alike: that of the keyframes.
    """
    readings = [_inexact(reading, lens) for reading in readings]
    history = explain(readings, lens)
    events = tuple(sorted((*history.events, *known), key=lambda event: (event.time, event.kind)))
    n = len(readings)
    poses, covariances = np.full((n, 4), np.nan), np.full((n, 4, 4), np.nan)
    for i, (reading, judged) in enumerate(zip(readings, history.classes, strict=True)):
        if judged == FrameClass.CONTINUOUS and reading.pose is not None and reading.covariance is not None:
            poses[i], covariances[i] = components(reading.pose), reading.covariance
    times = np.array([reading.time for reading in readings], dtype="datetime64[ns]")
    jumps = [event.time for event in events if event.kind.is_level_change]
    smoothed = smooth(times, poses, covariances, jumps, width=lens.width, common=common)
    return SmoothedSight(smoothed.poses, smoothed.covariances, history.classes, events)


def _inexact(reading: FrameReading, lens: Lens) -> FrameReading:
    if reading.covariance is None:
        return reading
    covariance = reading.covariance.copy()
    np.fill_diagonal(covariance, np.maximum(np.diag(covariance), (_EXACT / corner_scale(lens)) ** 2))
    return replace(reading, covariance=covariance)
