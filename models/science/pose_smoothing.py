"""A series of poses over time, smoothed with the frames before and after: for editions, never for nightly values."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class SmoothedSeries:
    """Smoothed poses in the order of the input.

    Attributes:
        poses: ``(n, 4)``: pan_px, tilt_px, roll_deg, zoom; as given where the frame has no time.
        covariances: ``(n, 4, 4)``.
        walk: ``(4,)`` standard deviation of the random walk in one day, in the units of the poses.
        diurnal: A daily cycle was fitted (at least 30 usable images over at least 2 days).
    """

    poses: NDArray[np.float64]
    covariances: NDArray[np.float64]
    walk: NDArray[np.float64]
    diurnal: bool


def smooth(
    times: NDArray[np.datetime64],
    poses: NDArray[np.float64],
    covariances: NDArray[np.float64],
    step_times: Sequence[np.datetime64] = (),
    *,
    width: int = 640,
    diurnal: bool = True,
) -> SmoothedSeries:
    """Kalman filter and Rauch-Tung-Striebel smoother: a random walk, a daily cycle, and free jumps at given times.

    Frames without measurement (a pose or covariance that is not finite) get the value that their neighbours imply, with
    its wider covariance.

    Args:
        times: UTC ``(n,)``, any order; NaT is left out.
        poses: ``(n, 4)``: pan_px, tilt_px, roll_deg, zoom.
        covariances: ``(n, 4, 4)``.
        step_times: UTC; the level is free to jump between the last frame before and the first frame at or after each.
        width: Of the reference, pixels.
        diurnal: Allow the daily cycle.
    """
    raise NotImplementedError
