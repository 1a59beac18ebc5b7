"""What happens to a camera's line of sight: steps, zooms, crops, outliers, and the words for them.

The measure throughout is *corner pixels*: pan and tilt in pixels, roll and log zoom as the arcs that they move an image
corner by, all at 640 px image width. The four add in squares to about the displacement of a corner, so that one
threshold serves every camera and every component.

Three readers share these words: ``drift_watch`` (causal, nightly), ``drift_history`` (retrospective, editions) and
``drift_groups`` (a group of 20 images).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from models.drift import WORKING_WIDTH
from models.science.line_of_sight import Lens, Pose, drift_px

DARK_LUMINANCE = 0.15
BRIGHT_LUMINANCE = 0.35
SAME_SHAPE = 0.01  # relative; aspect ratios and zooms nearer than this are the same

SMALLEST_PX = 0.25  # corner pixels; a smaller step is no event
OUTLIER_NORM = 4.5  # whitened length of four components; one Gaussian frame in two thousand
EXCURSION = 3  # outliers in a row that make an event; a single one is a flag
BLIND_FRAMES, BLIND_TIME = 12, np.timedelta64(24, "h")  # nights are not events
WAVE_FRAMES, WAVE_DAYS = 30, 2.0  # fewer say nothing of a daily wave


class EventKind(StrEnum):
    """What happened. The first four change the level of the series; the others leave it."""

    STEP = "step"
    ZOOM = "zoom"
    CROP = "crop"
    RESOLUTION = "resolution"
    OUTLIER = "outlier"
    UNOBSERVABLE = "unobservable"
    THERMAL = "thermal"

    @property
    def is_level_change(self) -> bool:
        """The line of sight, or what is seen of it, stays changed."""
        return self in (EventKind.STEP, EventKind.ZOOM, EventKind.CROP, EventKind.RESOLUTION)


class FrameClass(StrEnum):
    """What a frame's pose is worth beside its neighbours'."""

    CONTINUOUS = "continuous"
    OUTLIER = "outlier"
    UNOBSERVABLE = "unobservable"


class LightRegime(StrEnum):
    """The light that a picture was taken in: agreement across two of them is no accident of one appearance."""

    DAY = "day"
    DIM = "dim"
    NIGHT = "night"


def light_regime(luminance: float) -> LightRegime:
    """The regime of a picture by its mean luma, 0 black to 1 white."""
    if luminance < DARK_LUMINANCE:
        return LightRegime.NIGHT
    return LightRegime.DIM if luminance < BRIGHT_LUMINANCE else LightRegime.DAY


@dataclass(frozen=True)
class FrameReading:
    """The fused line of sight of one frame, as the event detectors read it.

    Attributes:
        time: UTC, datetime64.
        width: Of the picture as it came, pixels.
        height: Of the picture as it came, pixels.
        pose: Relative to the camera's reference; ``None`` where there was nothing to match or no confident answer.
        covariance: ``(4, 4)`` of ``POSE_COMPONENTS``, in their units; ``None`` with the pose.
        regime: Light that the picture was taken in.
    """

    time: np.datetime64
    width: int
    height: int
    pose: Pose | None = None
    covariance: NDArray[np.float64] | None = None
    regime: LightRegime = LightRegime.DAY

    @property
    def is_observable(self) -> bool:
        """There is a pose with a finite covariance."""
        if self.pose is None or self.covariance is None:
            return False
        return bool(np.isfinite(self.covariance).all() and np.isfinite(components(self.pose)).all())


@dataclass(frozen=True)
class DriftEvent:
    """Something that happened to a camera's line of sight.

    Sizes are changes of the published components (zoom: a ratio); for ``thermal`` they are amplitudes of the daily
    wave, for ``outlier`` the largest departure. NaN where they are not known.

    Attributes:
        kind: What happened.
        time: First image of the new state.
        not_before: Last image of the old state: it happened between the two; NaT where there was none.
        confirmed_at: Image that confirmed it; the event is not known earlier.
        pan_px: Pixels of the reference.
        tilt_px: Pixels of the reference.
        roll_deg: Degrees.
        zoom: Ratio.
        drift_px: Mean displacement of the four corners, pixels of the reference.
        pan_px_sigma: One standard error; NaN where not known, as for the next four.
        tilt_px_sigma: Pixels.
        roll_deg_sigma: Degrees.
        zoom_sigma: Ratio.
        drift_px_sigma: Pixels.
        images: Number of images that agree.
        light_regimes: Number of light regimes among them.
    """

    kind: EventKind
    time: np.datetime64
    not_before: np.datetime64
    confirmed_at: np.datetime64
    pan_px: float = math.nan
    tilt_px: float = math.nan
    roll_deg: float = math.nan
    zoom: float = math.nan
    drift_px: float = math.nan
    pan_px_sigma: float = math.nan
    tilt_px_sigma: float = math.nan
    roll_deg_sigma: float = math.nan
    zoom_sigma: float = math.nan
    drift_px_sigma: float = math.nan
    images: int = 0
    light_regimes: int = 0

    @property
    def size(self) -> Pose:
        """The four sizes together."""
        return Pose(self.pan_px, self.tilt_px, self.roll_deg, self.zoom)

    def as_row(self) -> dict[str, object]:
        """Columns of a table: strings, datetime64 and numbers."""
        row: dict[str, object] = {f.name: getattr(self, f.name) for f in fields(self)}
        return {**row, "kind": str(self.kind)}

    @classmethod
    def from_row(cls, row: Mapping[str, object]) -> "DriftEvent":
        """The inverse of ``as_row``; further columns are ignored."""
        values = {f.name: row[f.name] for f in fields(cls)}
        for name in ("time", "not_before", "confirmed_at"):
            values[name] = np.datetime64(str(values[name]), "ns")  # text: NumPy does not take pandas' NaT
        return cls(**{**values, "kind": EventKind(str(row["kind"]))})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Verdict:
    """What the causal watch says of one frame.

    Attributes:
        frame_class: Worth of the frame's pose.
        events: Events that this frame confirmed.
    """

    frame_class: FrameClass
    events: tuple[DriftEvent, ...] = field(default=())


def components(pose: Pose) -> NDArray[np.float64]:
    """``(4,)`` in the order and units of ``POSE_COMPONENTS``."""
    return np.array([pose.pan_px, pose.tilt_px, pose.roll_deg, pose.zoom])


def corner_scale(lens: Lens) -> NDArray[np.float64]:
    """Corner pixels at 640 px width per unit of pan_px, tilt_px, roll_deg and log zoom ``(4,)``."""
    radius = WORKING_WIDTH / 2 * math.hypot(1.0, lens.height / lens.width)
    shrink = WORKING_WIDTH / lens.width
    return np.array([shrink, shrink, math.radians(radius), radius])


def to_corner_px(
    pose: Pose, covariance: NDArray[np.float64], lens: Lens
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A pose and its covariance in corner pixels: ``(4,)`` and ``(4, 4)``."""
    scale = corner_scale(lens)
    values = components(pose)
    slope = scale * np.array([1.0, 1.0, 1.0, 1 / pose.zoom])
    values[3] = math.log(pose.zoom)
    return values * scale, covariance * np.outer(slope, slope)


def sizes_of(change: NDArray[np.float64], covariance: NDArray[np.float64], lens: Lens) -> dict[str, float]:
    """Sizes and their standard errors, as ``DriftEvent`` names them.

    Args:
        change: ``(4,)`` corner pixels.
        covariance: ``(4, 4)`` corner pixels squared.
        lens: Of the reference.
    """
    pan, tilt, roll, log_zoom = (float(v) for v in change / corner_scale(lens))
    pose = Pose(pan, tilt, roll, math.exp(log_zoom))
    errors = np.sqrt(np.clip(np.diag(covariance), 0, None)) / corner_scale(lens)
    length = float(np.linalg.norm(change))
    along = change / length if length else np.full(4, 0.5)
    spread = math.sqrt(max(float(along @ covariance @ along), 0.0)) * lens.width / WORKING_WIDTH
    return {
        "pan_px": pan,
        "tilt_px": tilt,
        "roll_deg": roll,
        "zoom": pose.zoom,
        "drift_px": drift_px(pose, lens),
        "pan_px_sigma": float(errors[0]),
        "tilt_px_sigma": float(errors[1]),
        "roll_deg_sigma": float(errors[2]),
        "zoom_sigma": float(errors[3]) * pose.zoom,
        "drift_px_sigma": spread,
    }


def kind_of_change(
    change: NDArray[np.float64], old_size: tuple[int, int], new_size: tuple[int, int]
) -> EventKind:
    """The kind of a confirmed change of level.

    A change of size with the same field of view is one of resolution; with another, a crop. At one size, a change that
    is more zoom than everything else together is a zoom.

    Args:
        change: ``(4,)`` corner pixels.
        old_size: Width and height of the pictures before.
        new_size: Width and height of the pictures after.
    """
    if old_size != new_size:
        shape = (new_size[1] / new_size[0]) / (old_size[1] / old_size[0])
        radius = WORKING_WIDTH / 2 * math.hypot(1.0, old_size[1] / old_size[0])
        zoomed = abs(float(change[3])) / radius if np.isfinite(change[3]) else 0.0
        same = abs(shape - 1) < SAME_SHAPE and zoomed < SAME_SHAPE
        return EventKind.RESOLUTION if same else EventKind.CROP
    return EventKind.ZOOM if change[3] ** 2 > float((change[:3] ** 2).sum()) else EventKind.STEP
