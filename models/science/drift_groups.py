"""A step inside one group of about twenty images of a camera."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.science.line_of_sight import Lens, Pose


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
    raise NotImplementedError
