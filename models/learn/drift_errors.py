"""What a registration answers, how far it is off, and what is kept of that."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.drift import WORKING_WIDTH
from models.science.line_of_sight import Lens, apply_homography, corners, pose_of_homography


class Answer(NamedTuple):
    """What a method says of a pair; a plain tuple of these will do.

    Attributes:
        homography: ``(3, 3)``, reference pixels to image pixels; ``None`` where there is none.
        covariance: ``(4, 4)`` over pan_px, tilt_px, roll_deg, zoom, or ``None``.
        sigma_px: One standard error of the corners at 640 px width, NaN where it is not stated.
        confident: The method stands by it; an answer that is withheld is a miss.
    """

    homography: NDArray[np.float64] | None
    covariance: NDArray[np.float64] | None
    sigma_px: float
    confident: bool


NO_ANSWER = Answer(None, None, math.nan, False)


def corner_error(answer: NDArray[np.float64], expected: NDArray[np.float64], lens: Lens) -> float:
    """Mean distance of the four corners as two homographies map them, pixels at 640 px width; infinite if undefined."""
    at = corners(lens.width, lens.height)
    with np.errstate(all="ignore"):
        gaps = np.linalg.norm(apply_homography(answer, at) - apply_homography(expected, at), axis=1)
    error = float(gaps.mean()) * WORKING_WIDTH / lens.width
    return error if math.isfinite(error) else math.inf


@dataclass(frozen=True)
class PairScore:
    """One method on one pair under one condition.

    Attributes:
        pair: Number of the pair.
        camera: What is resampled as a whole.
        condition: ``clean``, ``fog`` or ``dark/light``.
        size: ``small`` or ``large``.
        method: Name.
        answered: The method stood by its answer.
        error_px: Difference truth, pixels at 640 px width; infinite where there is no answer at all.
        plain_error_px: The camera taken to be fixed.
        peer_error_px: The camera's own motion taken from another method's answer; NaN where that has none.
        natural_px: The camera's own motion as this method sees it; NaN where it withheld that.
        sigma_px: As stated.
        whitened: The four pose errors over their stated standard errors, those of both answers; empty if not stated.
        plain_whitened: The same, the camera taken to be fixed.
    """

    pair: int
    camera: str
    condition: str
    size: str
    method: str
    answered: bool
    error_px: float
    plain_error_px: float
    peer_error_px: float = math.nan
    natural_px: float = math.nan
    sigma_px: float = math.nan
    whitened: tuple[float, ...] = ()
    plain_whitened: tuple[float, ...] = ()


def pose_error(answer: NDArray[np.float64], expected: NDArray[np.float64], lens: Lens) -> NDArray[np.float64]:
    """Errors ``(4,)`` of pan_px, tilt_px, roll_deg and zoom of one homography against another."""
    found, true = (pose_of_homography(matrix, lens) for matrix in (answer, expected))
    names = ("pan_px", "tilt_px", "roll_deg", "zoom")
    return np.array([getattr(found, name) - getattr(true, name) for name in names])


def whiten(
    answer: NDArray[np.float64],
    expected: NDArray[np.float64],
    covariance: NDArray[np.float64],
    lens: Lens,
) -> tuple[float, ...]:
    """The pose errors in units of their standard errors, decorrelated; empty where the covariance is no such thing."""
    error = pose_error(answer, expected, lens)
    if not (np.isfinite(covariance).all() and np.isfinite(error).all()):
        return ()
    try:
        root = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        return ()
    return tuple(float(v) for v in np.linalg.solve(root, error))
