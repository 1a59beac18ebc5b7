"""Which frames of a camera the others are compared with. Pure rules: the same frames give the same choice."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class FrameLook:
    """What the rules need to know of a frame.

    Attributes:
        appearance: Unit vector ``(d,)``: pictures in like light and season have like ones (dot product).
        luminance: Mean luma, 0 to 1.
        sigma_px: One standard error of its pose, pixels at 640 px width; 0 for the reference.
        is_reference: The camera's reference frame: never replaced.
    """

    appearance: NDArray[np.float32]
    luminance: float
    sigma_px: float
    is_reference: bool = False


@dataclass(frozen=True)
class KeyframeRules:
    """Attributes.

    limit: Most keyframes of a camera.
    compared: Keyframes that a frame is compared with.
    distant: Dot product of appearances below which a frame looks unlike a keyframe.
    widest_sigma_px: A keyframe's pose is at least this good, pixels at 640 px width.
    """

    limit: int = 14
    compared: int = 5
    distant: float = 0.9
    widest_sigma_px: float = 0.6


@dataclass(frozen=True)
class KeyframeChoice:
    """Whether a frame becomes a keyframe.

    Attributes:
        accepted: It does.
        replaces: Index of the keyframe that gives way, ``None`` where there is room.
    """

    accepted: bool
    replaces: int | None = None


def choose_keyframes(
    appearance: NDArray[np.float32], keyframes: Sequence[FrameLook], rules: KeyframeRules | None = None
) -> list[int]:
    """Indices of the keyframes to compare a frame with, the nearest in appearance first, then different ones."""
    raise NotImplementedError


def judge_keyframe(
    candidate: FrameLook, keyframes: Sequence[FrameLook], rules: KeyframeRules | None = None
) -> KeyframeChoice:
    """Whether a frame with a confident, consistent pose becomes a keyframe, and which one gives way."""
    raise NotImplementedError


def can_be_reference(luminance: float, fault: str | None, self_sigma_px: float | None = None) -> bool:
    """Whether a frame may serve as the camera's reference: light enough, not blown out, with structure.

    Args:
        luminance: Mean luma, 0 to 1.
        fault: Why it cannot be registered at all, or ``None``.
        self_sigma_px: Sigma of the frame registered against itself, where it is known: structure to hold on to.
    """
    raise NotImplementedError
