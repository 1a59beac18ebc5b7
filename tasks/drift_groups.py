"""The folder of a few images of one camera, without a reference: what ``vigie predict drift --group`` answers."""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from models import drift
from models.drift import DriftModel, FrameFeatures
from models.drift_group import PlacedFrame, place_group
from models.science.drift_groups import GroupStep, find_step_in_group
from models.science.line_of_sight import Lens
from models.science.time_names import TimeUnreadable, read_exif, read_name
from tasks.drift_prediction import Progress, no_progress, pose_answer, withheld_answer
from tasks.image_sources import list_images
from tasks.image_times import ExifTime, to_datetime64
from tasks.pictures import UnreadableImage, open_picture

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class GroupFrame:
    """One file of a group.

    Attributes:
        path: The file.
        sha256: Of its bytes, hex; "" where it cannot be read at all.
        time: As stated by its name, else by EXIF; UTC unless it says otherwise. ``None`` where it states none.
        placed: Where it looks.
        error: Why the file cannot be read; ``None`` where it can.
    """

    path: Path
    sha256: str = ""
    time: datetime | None = None
    placed: PlacedFrame = field(default=PlacedFrame())
    error: str | None = None


@dataclass(frozen=True)
class RelatedGroup:
    """A group with its poses.

    Attributes:
        frames: In the natural order of their names.
        reference: Index of the frame that poses are relative to; ``None`` where no two images could be compared.
        lens: Of the reference; ``None`` with the reference.
        step: A step among the images in the order of time, or of names where they are not all dated.
    """

    frames: tuple[GroupFrame, ...]
    reference: int | None = None
    lens: Lens | None = None
    step: GroupStep | None = None

    @property
    def is_dated(self) -> bool:
        """Every readable image states a time."""
        return all(frame.time is not None for frame in self.frames if frame.error is None)

    def in_order(self) -> list[int]:
        """Indices in the order of time, or of names where they are not dated; what cannot be read comes last."""
        last = datetime.max.replace(tzinfo=UTC)
        times = [(frame.time if self.is_dated else None) or last for frame in self.frames]
        return sorted(range(len(times)), key=lambda i: (self.frames[i].error is not None, times[i], i))

    def after_step(self) -> list[bool | None]:
        """Whether each image comes after the step; ``None`` for all where none was found."""
        if self.step is None or self.step.first_after is None:
            return [None] * len(self.frames)
        order = self.in_order()
        later = set(order[order.index(self.step.first_after) :])
        return [i in later for i in range(len(self.frames))]


def list_group(folder: Path) -> list[Path]:
    """Image files of a group's folder and its sub-folders, in the natural order of their names.

    Raises:
        SourceUnavailable: There is no such folder.
    """
    return [folder / image.name for image in list_images(str(folder))]


def relate_group(
    model: DriftModel,
    paths: Sequence[Path],
    *,
    hfov_deg: float | None = None,
    progress: Progress = no_progress,
) -> RelatedGroup:
    """Place the images of one camera relative to the best-connected one among them.

    Args:
        model: Network and configuration.
        paths: Image files, in the order of their names.
        hfov_deg: Horizontal field of view, degrees, where known.
        progress: Called after each image read and each image compared.
    """
    frames: list[GroupFrame] = []
    features: list[FrameFeatures | None] = []
    for path in paths:
        frame, seen = _look_at(model, path)
        frames.append(frame)
        features.append(seen)
        progress(len(frames), 2 * len(paths))
    read = [i for i, seen in enumerate(features) if seen is not None]
    placed = place_group(
        model,
        [seen for seen in features if seen is not None],
        hfov_deg=hfov_deg,
        compared=lambda done: progress(len(paths) + done, 2 * len(paths)),
    )
    progress(2 * len(paths), 2 * len(paths))
    for i, found in zip(read, placed.frames, strict=True):
        frames[i] = replace(frames[i], placed=found)
    if placed.reference is None or placed.lens is None:
        return RelatedGroup(tuple(frames))
    group = RelatedGroup(tuple(frames), read[placed.reference], placed.lens)
    return replace(group, step=_step_in(group, placed.lens))


def _look_at(model: DriftModel, path: Path) -> tuple[GroupFrame, FrameFeatures | None]:
    try:
        picture = open_picture(path)
    except UnreadableImage as error:
        log.warning("%s: %s", path, error)
        return GroupFrame(path, error.sha256, error=str(error)), None
    (seen,) = drift.extract(model, [picture.pixels])
    return GroupFrame(path, picture.sha256, _stated_time(path, picture.exif)), seen


def _stated_time(path: Path, exif: ExifTime | None) -> datetime | None:
    """Time by name, else by EXIF; enough for an order, where no camera's time zone is known."""
    try:
        try:
            reading = read_name(path.name)
        except TimeUnreadable:
            if exif is None:
                return None
            reading = read_exif(exif.original, exif.offset, exif.subsec)
    except TimeUnreadable:
        return None
    return reading.stated.replace(tzinfo=UTC) if reading.is_local else reading.stated.astimezone(UTC)


def _step_in(group: RelatedGroup, lens: Lens) -> GroupStep:
    order = group.in_order()
    frames = [group.frames[i] for i in order]
    placed = [frame.placed if frame.placed.confident else PlacedFrame() for frame in frames]
    times = np.array([to_datetime64(f.time) if f.time else np.datetime64("NaT", "ms") for f in frames])
    poses, covariances = [p.pose for p in placed], [p.covariance for p in placed]
    found = find_step_in_group(poses, covariances, lens, times=times if group.is_dated else None)
    return found if found.first_after is None else replace(found, first_after=order[found.first_after])


def group_answers(group: RelatedGroup, model_digest: str) -> list[dict[str, Any]]:
    """One object per image, in the order of names; see ``tasks.drift_prediction.pose_answer``.

    With ``time`` where it is stated, ``reference``, and ``step``: whether the image comes after it, and its size.
    """
    reference = None if group.reference is None else str(group.frames[group.reference].path)
    answers = []
    for frame, after in zip(group.frames, group.after_step(), strict=True):
        if frame.error is not None:
            answers.append({"image": str(frame.path), "error": frame.error})
            continue
        answer = {"image": str(frame.path), "time": frame.time.isoformat() if frame.time else None}
        answer["reference"] = reference
        answer |= _placed_answer(frame.placed, group.lens) | {"model": model_digest[:16]}
        step = None
        if group.step is not None and after is not None:
            step = {"after": after, "p_value": group.step.p_value} | group.step.sizes
        answers.append(answer | {"step": step})
    return answers


def _placed_answer(placed: PlacedFrame, lens: Lens | None) -> dict[str, Any]:
    if placed.pose is None or placed.covariance is None or placed.homography is None or lens is None:
        return withheld_answer(placed.reason or "nothing to compare with")
    sigma = math.inf if placed.sigma_px is None else placed.sigma_px
    return pose_answer(placed.pose, placed.covariance, placed.homography, sigma, lens, placed.reason)
