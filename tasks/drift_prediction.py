"""Line of sight of bare image files relative to a reference: what ``vigie predict drift --reference`` prints."""

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import drift
from models.drift import POSE_COMPONENTS, DriftModel, FrameFeatures, Registration
from models.science.line_of_sight import Lens, Pose, drift_px
from tasks import weights as weight_files
from tasks.errors import ConfigurationError
from tasks.pictures import UnreadableImage, read_picture

log = logging.getLogger(__name__)

_BATCH = 8
Progress = Callable[[int, int], None]
"""Called with what is done and what there is."""


def no_progress(done: int, total: int) -> None:
    """Nobody watches."""


@dataclass(frozen=True)
class DriftAnswers:
    """What is printed, and whether the reference could be read at all."""

    answers: list[dict[str, Any]]
    reference_error: str | None


def predict_against(
    reference: Path | str,
    paths: Sequence[Path | str],
    *,
    hfov_deg: float | None = None,
    weights: Path | None = None,
    progress: Progress = no_progress,
) -> DriftAnswers:
    """Pose of image files relative to a reference.

    Args:
        reference: The image that poses are relative to.
        paths: Image files, in any mix of sizes and formats.
        hfov_deg: Horizontal field of view of the reference, degrees, where known.
        weights: Weights file; the shipped ones by default.
        progress: Called after each batch.

    Returns:
        One object per path, in input order; see ``answer_of``; ``image, error`` for a file that cannot be read, and
        for every file where the reference cannot be read.

    Raises:
        ConfigurationError: The weights or the field of view cannot be used.
    """
    check_hfov(hfov_deg)
    model, digest = weight_files.load_drift_model(weights)
    try:
        (base,) = drift.extract(model, [read_picture(Path(reference))])
    except UnreadableImage as error:
        words = f"reference {reference}: {error}"
        log.warning("%s", words)
        return DriftAnswers([{"image": str(path), "error": words} for path in paths], words)
    lens = Lens.of(base.width, base.height, hfov_deg)
    answers: list[dict[str, Any]] = []
    for chunk in _chunks(paths, _BATCH):
        seen = [_look_at(model, Path(path)) for path in chunk]
        frames = [frame for frame in seen if isinstance(frame, FrameFeatures)]
        found = iter(_register(model, base, frames, hfov_deg))
        for path, frame in zip(chunk, seen, strict=True):
            told = {"error": frame} if isinstance(frame, str) else answer_of(next(found), lens)
            answers.append({"image": str(path)} | told | ({} if "error" in told else {"model": digest[:16]}))
        progress(len(answers), len(paths))
    return DriftAnswers(answers, None)


def check_hfov(hfov_deg: float | None) -> None:
    """Refuse a field of view that no camera has.

    Raises:
        ConfigurationError: Not within 0 to 360 degrees.
    """
    if hfov_deg is not None and not 0 < hfov_deg <= 360:
        raise ConfigurationError(
            "--hfov", None, f"{hfov_deg} degrees", "give the horizontal field of view, 0 to 360"
        )


def _look_at(model: DriftModel, path: Path) -> FrameFeatures | str:
    """Features of one file, or why it cannot be read; one picture in memory at a time."""
    try:
        return drift.extract(model, [read_picture(path)])[0]
    except UnreadableImage as error:
        log.warning("%s: %s", path, error)
        return str(error)


def _register(
    model: DriftModel, base: FrameFeatures, frames: Sequence[FrameFeatures], hfov_deg: float | None
) -> list[Registration]:
    return drift.register(model, base, frames, hfov_deg=hfov_deg) if frames else []


def answer_of(registration: Registration, lens: Lens) -> dict[str, Any]:
    """A registration as JSON values; nulls where the picture holds nothing to compare.

    Args:
        registration: Of the image.
        lens: Of the reference.
    """
    if registration.fault is not None:
        return withheld_answer(registration.fault)
    share, sigma_px = registration.support, registration.sigma_px
    doubt = f"not confident: {share:.0%} of the picture agrees, 1 sigma is {sigma_px:.2g} px at 640 px"
    return pose_answer(
        registration.pose,
        registration.covariance,
        registration.homography,
        sigma_px,
        lens,
        None if registration.confident else doubt,
    )


def withheld_answer(reason: str) -> dict[str, Any]:
    """An image that can be read and not placed."""
    nothing = dict.fromkeys(("homography", "sigma_px", "pose", "pose_uncertainty", "drift_px"))
    return nothing | {"confident": False, "reason": reason}


def pose_answer(
    pose: Pose,
    covariance: NDArray[np.float64],
    homography: NDArray[np.float64],
    sigma_px: float,
    lens: Lens,
    reason: str | None,
) -> dict[str, Any]:
    """A pose as JSON values.

    Args:
        pose: In pixels of the reference.
        covariance: ``(4, 4)`` of ``POSE_COMPONENTS``.
        homography: ``(3, 3)``, reference pixels to image pixels.
        sigma_px: One standard error of the corners, pixels at 640 px width.
        lens: Of the reference.
        reason: Why the pose is not to be used; ``None`` where it may be.
    """
    errors = np.sqrt(np.diag(covariance))
    answer: dict[str, Any] = {
        "homography": homography.tolist(),
        "sigma_px": _finite(sigma_px),
        "confident": reason is None,
        "pose": {name: _finite(getattr(pose, name)) for name in POSE_COMPONENTS},
        "pose_uncertainty": {n: _finite(e) for n, e in zip(POSE_COMPONENTS, errors, strict=True)},
        "drift_px": _finite(drift_px(pose, lens)),
    }
    if (angles := pose.angles_deg(lens)) is not None:
        answer |= {"pan_deg": angles[0], "tilt_deg": angles[1], "roll_deg": pose.roll_deg}
    return answer if reason is None else answer | {"reason": reason}


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _chunks(paths: Sequence[Path | str], size: int) -> Iterator[list[Path | str]]:
    rest = iter(paths)
    while chunk := list(islice(rest, size)):
        yield chunk
