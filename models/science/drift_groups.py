"""A step inside one group of about twenty images of a camera."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.science.drift_events import sizes_of, to_corner_px
from models.science.line_of_sight import Lens, Pose
from models.science.pose_vectors import usable_covariances
from models.science.step_test import best_step

FALSE_ALARM = 0.01
"""Share of groups without a step, a trend or correlated errors, that are said to have one."""

_TREND_MARGIN = 1.5  # natural log: a step must be this much less of an accident than a straight line
_SMOOTH_SPACING_HOURS = 3.0  # nearer together, neighbours share the daily wave and the motion is a curve
_CURVE_DEGREE = 2


@dataclass(frozen=True)
class GroupStep:
    """Whether a group of images has a step in it.

    Attributes:
        found: There is one.
        first_after: Index, in the order given, of the first image after the step; ``None`` where none was found.
        p_value: Chance of such a step in a group without one.
        sizes: As ``DriftEvent`` names them, with ``drift_px`` and the standard errors; empty where none was found.
        images: Usable images on the side with fewer.
    """

    found: bool
    first_after: int | None
    p_value: float
    sizes: dict[str, float]
    images: int


def find_step_in_group(
    poses: Sequence[Pose | None],
    covariances: Sequence[NDArray[np.float64] | None],
    lens: Lens,
    *,
    times: NDArray[np.datetime64] | None = None,
) -> GroupStep:
    """Look for one step in a group of images, in the order given (that of their names where they are not dated).

    Args:
        poses: Of each image, relative to any one reference; ``None`` where there is none.
        covariances: ``(4, 4)`` of ``POSE_COMPONENTS``, in their units.
        lens: Of the reference.
        times: UTC, where known; NaT where not. Images are then taken in time order.
    """
    usable = [i for i, (pose, c) in enumerate(zip(poses, covariances, strict=True)) if pose and c is not None]
    order, positions, degree = _in_order(np.array(usable, dtype=int), times)
    vectors = [to_corner_px(poses[i], covariances[i], lens) for i in order]
    values = np.array([v for v, _ in vectors]).reshape(-1, 4)
    errors = with_reference(np.array([c for _, c in vectors]).reshape(-1, 4, 4))
    sound = usable_covariances(errors)
    fit = best_step(values[sound], errors[sound], positions[sound], degree=degree)
    if fit is None:
        return GroupStep(False, None, 1.0, {}, 0)
    found = fit.p_value < FALSE_ALARM and fit.log_p < fit.trend_log_p - _TREND_MARGIN
    if not found:
        return GroupStep(False, None, fit.p_value, {}, min(fit.agreeing()))
    first = int(order[sound][fit.index])
    return GroupStep(
        True, first, fit.p_value, sizes_of(fit.change, fit.covariance, lens), min(fit.agreeing())
    )


def _in_order(
    usable: NDArray[np.int_], times: NDArray[np.datetime64] | None
) -> tuple[NDArray[np.int_], NDArray[np.float64], int]:
    """Indices in order, where they stand, and the degree of the smooth motion to allow for beside a step."""
    if times is None or not len(usable) or np.isnat(times[usable]).any():
        return usable, np.arange(len(usable), dtype=np.float64), 0
    order = usable[np.argsort(times[usable], kind="stable")]
    hours = (times[order] - times[order[0]]) / np.timedelta64(1, "h")
    near = len(order) > 1 and float(np.median(np.diff(hours))) < _SMOOTH_SPACING_HOURS
    if near:
        return order, hours.astype(np.float64), _CURVE_DEGREE
    return order, np.arange(len(order), dtype=np.float64), 0


def with_reference(covariances: NDArray[np.float64]) -> NDArray[np.float64]:
    """The image that the others are relative to is known no better than they are: it gets their median covariance."""
    traces = np.trace(covariances, axis1=1, axis2=2)
    sure = traces < 1e-6 * np.median(traces) if len(traces) else np.zeros(0, dtype=bool)
    if not sure.any() or sure.all():
        return covariances
    return np.asarray(np.where(sure[:, None, None], np.median(covariances[~sure], axis=0), covariances))
