"""Which frames of a camera the others are compared with. Pure rules: the same frames give the same choice."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DARKEST_REFERENCE = 0.15
BRIGHTEST_REFERENCE = 0.9
WIDEST_SELF_SIGMA_PX = 0.5
"""Of a frame registered against itself, pixels at 640 px width: more, and it has too little structure."""

_SAMENESS_COUNTS = (
    0.5  # of the likeness to the frame: how much the likeness to those already chosen takes away
)


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
    """How keyframes are kept and chosen.

    Attributes:
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
    """Which keyframes to compare a frame with: like the frame in appearance, and unlike each other.

    Source: Carbonell and Goldstein 1998, "The use of MMR, diversity-based reranking".

    Args:
        appearance: Of the frame, unit vector ``(d,)``.
        keyframes: Of the camera, in a fixed order.
        rules: The usual ones by default.

    Returns:
        Indices, the nearest in appearance first; of two equally good ones the lower.
    """
    rules = rules or KeyframeRules()
    if not keyframes:
        return []
    looks = np.stack([keyframe.appearance for keyframe in keyframes]).astype(np.float64)
    likeness, alike = looks @ appearance.astype(np.float64), looks @ looks.T
    chosen: list[int] = []
    while len(chosen) < min(rules.compared, len(keyframes)):
        taken = alike[:, chosen].max(1) if chosen else np.zeros(len(keyframes))
        score = likeness - _SAMENESS_COUNTS * taken
        score[chosen] = -np.inf
        chosen.append(int(np.argmax(np.nan_to_num(score, nan=-1e9, neginf=-np.inf))))
    return chosen


def judge_keyframe(
    candidate: FrameLook, keyframes: Sequence[FrameLook], rules: KeyframeRules | None = None
) -> KeyframeChoice:
    """Whether a frame with a confident, consistent pose becomes a keyframe.

    It must look unlike all there are. Where there is no room, one of the two most alike gives way, if they are more
    alike than the candidate is to any: never the reference, else the one of the wider pose, else the later.

    Args:
        candidate: The frame; the caller has seen to it that its pose is confident and consistent.
        keyframes: Of the camera, oldest first.
        rules: The usual ones by default.
    """
    rules = rules or KeyframeRules()
    if not (candidate.sigma_px <= rules.widest_sigma_px and np.isfinite(candidate.appearance).all()):
        return KeyframeChoice(accepted=False)
    if not keyframes:
        return KeyframeChoice(accepted=True)
    looks = np.stack([keyframe.appearance for keyframe in keyframes]).astype(np.float64)
    nearest = float((looks @ candidate.appearance.astype(np.float64)).max())
    if nearest >= rules.distant:
        return KeyframeChoice(accepted=False)
    if len(keyframes) < rules.limit:
        return KeyframeChoice(accepted=True)
    redundant, likeness = _most_redundant(keyframes, looks)
    if redundant is None or likeness <= nearest:
        return KeyframeChoice(accepted=False)
    return KeyframeChoice(accepted=True, replaces=redundant)


def _most_redundant(keyframes: Sequence[FrameLook], looks: NDArray[np.float64]) -> tuple[int | None, float]:
    """Of the two keyframes most alike the one that can go, and how alike they are."""
    alike = looks @ looks.T
    np.fill_diagonal(alike, -np.inf)
    pair = [int(i) for i in np.unravel_index(np.argmax(alike), alike.shape)]
    free = [index for index in pair if not keyframes[index].is_reference]
    if not free or len(keyframes) < 2:
        return None, -np.inf
    return max(free, key=lambda index: (keyframes[index].sigma_px, index)), float(alike[pair[0], pair[1]])


def can_be_reference(luminance: float, fault: str | None, self_sigma_px: float | None = None) -> bool:
    """Whether a frame may serve as the camera's reference: light enough, not blown out, with structure.

    Args:
        luminance: Mean luma, 0 to 1.
        fault: Why it cannot be registered at all, or ``None``.
        self_sigma_px: Sigma of the frame registered against itself, where it is known: structure to hold on to.
    """
    structured = self_sigma_px is None or self_sigma_px <= WIDEST_SELF_SIGMA_PX
    return fault is None and DARKEST_REFERENCE <= luminance <= BRIGHTEST_REFERENCE and structured
