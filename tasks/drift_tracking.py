"""Following one camera's line of sight, frame by frame, from past frames only.

A frame is compared with the keyframes that look most like it and with the good frame before it; the answers are fused
into one pose relative to the camera's reference, which is the first frame that can serve as one. A late frame, older
than what was followed already, is compared with the keyframes only and changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from models.contracts.flags import ValueFlag
from models.drift import DriftModel, FrameFeatures, register
from models.science.drift_events import DriftEvent, FrameClass
from models.science.drift_values import frame_values, pose_of_values, reading_of, sigma_px, without_value
from models.science.drift_watch import WatchState, begin, watch
from models.science.keyframes import FrameLook, can_be_reference, choose_keyframes, judge_keyframe
from models.science.line_of_sight import Lens, Pose
from models.science.pose_fusion import FusedPose, Measurement, fuse

_EXACT = np.zeros((4, 4))
_LIGHT_PX = 0.1
"""By how much keyframes of other light see the same frame elsewhere, at the edge of a 640 px wide picture: matches do
not know that shadows and lamps shift what they match, so their covariance leaves it out."""


@dataclass(frozen=True)
class SeenFrame:
    """A frame that is to be placed.

    Attributes:
        sha256: Of the source image, hexadecimal.
        time: UTC, datetime64[ns].
        features: Halved, as kept frames are.
        luminance: Published mean luminance of the picture; NaN where it is not known.
    """

    sha256: str
    time: np.datetime64
    features: FrameFeatures
    luminance: float


@dataclass(frozen=True)
class Anchor:
    """A placed frame that others are compared with.

    Attributes:
        sha256: Of the source image, hexadecimal.
        time: UTC, datetime64[ns].
        pose: Relative to the camera's reference.
        covariance: ``(4, 4)`` of the errors of pan_px, tilt_px, roll_deg, zoom.
        features: Halved.
        is_reference: It is the camera's reference itself.
    """

    sha256: str
    time: np.datetime64
    pose: Pose
    covariance: NDArray[np.float64]
    features: FrameFeatures
    is_reference: bool = False

    def look(self, lens: Lens) -> FrameLook:
        """What the rules for keyframes need to know."""
        sigma = sigma_px(self.pose, self.covariance, lens)
        return FrameLook(self.features.appearance, self.features.luminance, sigma, self.is_reference)


@dataclass(frozen=True)
class Track:
    """What is known of a camera before its next frame; immutable.

    Attributes:
        lens: Of the reference, ``None`` while there is none.
        reference: Digest of the reference frame, hexadecimal; empty while there is none.
        keyframes: In the order in which they came.
        previous: The last good frame.
        until: Time of the last frame that was followed; NaT before the first.
        watch: What the causal watch remembers.
    """

    lens: Lens | None = None
    reference: str = ""
    keyframes: tuple[Anchor, ...] = ()
    previous: Anchor | None = None
    until: np.datetime64 = field(default_factory=lambda: np.datetime64("NaT", "ns"))
    watch: WatchState | None = None


@dataclass(frozen=True)
class TrackedFrame:
    """What one frame brought.

    Attributes:
        values: Columns of ``models.science.drift_values.DRIFT_COLUMNS``.
        reference: Digest that the values are relative to; empty where there was none.
        new_keyframe: The frame, where it became one.
        retired: Keyframe that gave way to it.
        events: Events that it confirmed.
    """

    values: dict[str, float]
    reference: str = ""
    new_keyframe: Anchor | None = None
    retired: Anchor | None = None
    events: tuple[DriftEvent, ...] = ()


def track_frame(
    model: DriftModel, track: Track, frame: SeenFrame, hfov_deg: float | None
) -> tuple[TrackedFrame, Track]:
    """Place the next frame.

    Args:
        model: The network.
        track: Before the frame.
        frame: Which.
        hfov_deg: Horizontal field of view of the camera, where it is known.

    Returns:
        What it brought, and the track after it: the same where the frame is late.
    """
    is_late = bool(frame.time <= track.until)
    following = track if is_late else replace(track, until=frame.time)
    if track.lens is None or track.watch is None:
        if is_late or not _may_be_reference(model, frame, hfov_deg):
            return TrackedFrame(without_value(ValueFlag.NO_REFERENCE)), following
        return _begin(following, frame, hfov_deg)
    fused = _place(model, track, track.lens, frame, hfov_deg, None if is_late else track.previous)
    if fused is None:
        values = without_value(ValueFlag.UNOBSERVABLE)
    else:
        values = frame_values(fused.pose, fused.covariance, track.lens)
    placed = TrackedFrame(values, track.reference)
    if is_late:
        return placed, track
    return _follow(following, track.lens, track.watch, frame, placed, fused)


def _may_be_reference(model: DriftModel, frame: SeenFrame, hfov_deg: float | None) -> bool:
    features = frame.features
    if not can_be_reference(features.luminance, features.fault):
        return False
    (itself,) = register(model, features, [features], hfov_deg=hfov_deg, lines=False)
    sigma = itself.sigma_px if itself.confident else float("inf")
    return can_be_reference(features.luminance, features.fault, sigma)


def _begin(track: Track, frame: SeenFrame, hfov_deg: float | None) -> tuple[TrackedFrame, Track]:
    """The camera's reference: the identity, exactly."""
    features = frame.features
    lens = Lens.of(features.width, features.height, hfov_deg)
    anchor = Anchor(frame.sha256, frame.time, Pose(), _EXACT, features, is_reference=True)
    values = frame_values(Pose(), _EXACT, lens)
    reading = reading_of(values, frame.time, (features.width, features.height), frame.luminance)
    state, _ = watch(begin(lens), reading)
    begun = replace(
        track, lens=lens, reference=frame.sha256, keyframes=(anchor,), previous=anchor, watch=state
    )
    return TrackedFrame(values, frame.sha256, new_keyframe=anchor), begun


def _place(
    model: DriftModel,
    track: Track,
    lens: Lens,
    frame: SeenFrame,
    hfov_deg: float | None,
    previous: Anchor | None,
) -> FusedPose | None:
    """One pose from the confident comparisons; ``None`` where there is none, or where they contradict each other."""
    if frame.features.fault is not None:
        return None
    looks = [keyframe.look(lens) for keyframe in track.keyframes]
    anchors = [track.keyframes[i] for i in choose_keyframes(frame.features.appearance, looks)]
    if previous is not None and all(previous.sha256 != anchor.sha256 for anchor in anchors):
        anchors.append(previous)
    measured = [_measure(model, lens, anchor, frame.features, hfov_deg) for anchor in anchors]
    if not any(
        measured
    ):  # the first night frame of a camera: its lines against those of the reference, which was lit
        lit = [
            keyframe for keyframe in track.keyframes if keyframe.is_reference
        ]  # none where its file is gone
        measured = [_measure(model, lens, keyframe, frame.features, hfov_deg, lines=True) for keyframe in lit]
    usable = [measurement for measurement in measured if measurement is not None]
    if not usable:
        return None
    fused = fuse(usable, lens)
    return fused if fused.consistent and np.isfinite(fused.covariance).all() else None


def _measure(
    model: DriftModel,
    lens: Lens,
    anchor: Anchor,
    features: FrameFeatures,
    hfov_deg: float | None,
    lines: bool = False,
) -> Measurement | None:
    """A comparison with one placed frame in pixels of the reference, where the network is confident."""
    (answer,) = register(model, anchor.features, [features], hfov_deg=hfov_deg, lines=lines)
    if not answer.confident:
        return None
    ratio = lens.width / anchor.features.width
    pixels = np.array([ratio, ratio, 1.0, 1.0])
    light = np.array([lens.half_width, lens.half_width, np.degrees(1.0), 1.0]) * _LIGHT_PX / 320
    pose = replace(answer.pose, pan_px=answer.pose.pan_px * ratio, tilt_px=answer.pose.tilt_px * ratio)
    return Measurement(
        anchor.pose, anchor.covariance, pose, answer.covariance * np.outer(pixels, pixels) + np.diag(light**2)
    )


def _follow(
    track: Track,
    lens: Lens,
    state: WatchState,
    frame: SeenFrame,
    placed: TrackedFrame,
    fused: FusedPose | None,
) -> tuple[TrackedFrame, Track]:
    """The watch's word on a frame that is not late, and what the frame leaves to the next ones."""
    size = frame.features.width, frame.features.height
    state, verdict = watch(state, reading_of(placed.values, frame.time, size, frame.luminance))
    track, placed = replace(track, watch=state), replace(placed, events=verdict.events)
    if fused is None:
        return placed, track
    if verdict.frame_class is not FrameClass.CONTINUOUS:
        flagged = frame_values(fused.pose, fused.covariance, lens, ValueFlag.OUTLIER)
        return replace(placed, values=flagged), track
    previous = previous_of(frame.sha256, frame.time, placed.values, frame.features)
    return _offer_keyframe(replace(track, previous=previous), lens, frame, placed, fused)


def previous_of(
    sha256: str, time: np.datetime64, values: dict[str, float], features: FrameFeatures
) -> Anchor | None:
    """The anchor that a good frame is for the next: by what is published of it, the same now and in a later night."""
    known = pose_of_values(values)
    return None if known is None else Anchor(sha256, time, *known, features)


def _offer_keyframe(
    track: Track, lens: Lens, frame: SeenFrame, placed: TrackedFrame, fused: FusedPose
) -> tuple[TrackedFrame, Track]:
    anchor = Anchor(frame.sha256, frame.time, fused.pose, fused.covariance, frame.features)
    if any(keyframe.sha256 == frame.sha256 for keyframe in track.keyframes):  # a camera that froze
        return placed, track
    choice = judge_keyframe(anchor.look(lens), [keyframe.look(lens) for keyframe in track.keyframes])
    if not choice.accepted:
        return placed, track
    kept: Sequence[Anchor] = track.keyframes
    retired = None if choice.replaces is None else track.keyframes[choice.replaces]
    kept = [keyframe for keyframe in kept if keyframe is not retired]
    return replace(placed, new_keyframe=anchor, retired=retired), replace(track, keyframes=(*kept, anchor))
