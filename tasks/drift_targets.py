"""Fixed points: the bow-tie targets of the tide gauge at North River marsh (GRIME2), in visible and infrared light.

The targets are nailed down. Where they stand in each frame is measured by a template and the saddle of the grey values,
which know nothing of registrations; a registration must map them onto each other.

Source: Chapman and Birgand, GRIME2 (github.com/gaugecam-dev/GRIME2).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.drift import WORKING_WIDTH
from models.science.line_of_sight import Lens, apply_homography, map_points, pose_of_points
from tasks.drift_evaluation import AnyRegister
from tasks.drift_pairs import picture

TARGETS = np.array([[408.0, 116.0], [666.0, 116.0], [410.0, 249.0], [664.0, 249.0]])
"""Nominal centres (x, y) of the four upper bow ties, which are never under water, in frames of 800 x 600."""
_HALF_TEMPLATE, _REACH, _LEAST_LIKENESS = 11, 8, 0.7
_SADDLE = 5  # half window of the refinement: inside the triangles
INFRARED_AFTER = "19-30"  # of the file names: the illuminator lights the later ones


@dataclass(frozen=True)
class TargetFrame:
    """A frame with its targets.

    Attributes:
        path: Of the image.
        infrared: Lit by the infrared illuminator.
        points: ``(4, 2)``, pixels.
    """

    path: Path
    infrared: bool
    points: NDArray[np.float64]


def bow_tie(half: int) -> NDArray[np.float32]:
    """Two dark triangles, left and right, that meet in the centre of a bright square ``(2 half + 1, 2 half + 1)``."""
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    ideal = np.where(np.abs(x) > np.abs(y), 0.0, np.where(np.abs(x) == np.abs(y), 0.5, 1.0))
    return np.asarray(cv2.GaussianBlur(ideal.astype(np.float32), (0, 0), 1.0))


def find_targets(
    pixels: NDArray[np.uint8], nominal: NDArray[np.float64] = TARGETS
) -> NDArray[np.float64] | None:
    """Centres ``(n, 2)`` to a fraction of a pixel; ``None`` where one of them cannot be seen.

    Args:
        pixels: ``(y, x, 3)``.
        nominal: ``(n, 2)``; each is sought within 8 pixels.
    """
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    template, reach = bow_tie(_HALF_TEMPLATE), _HALF_TEMPLATE + _REACH
    found = []
    for x, y in nominal.round().astype(int):
        window = grey[y - reach : y + reach + 1, x - reach : x + reach + 1]
        likeness = cv2.matchTemplate(window.astype(np.float32), template, cv2.TM_CCOEFF_NORMED)
        _, best, _, at = cv2.minMaxLoc(likeness)
        if best < _LEAST_LIKENESS:
            return None
        found.append([x - _REACH + at[0], y - _REACH + at[1]])
    start = np.array(found, dtype=np.float32).reshape(-1, 1, 2)
    stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 1e-3)
    saddle = cv2.cornerSubPix(grey, start.copy(), (_SADDLE, _SADDLE), (-1, -1), stop)
    if np.abs(saddle - start).max() > 3:  # it ran away: something stands before the target
        return None
    return saddle.reshape(-1, 2).astype(np.float64)


def read_targets(folder: Path) -> list[TargetFrame]:
    """Frames of a folder in which all four targets are seen, by name."""
    frames = []
    for path in sorted(folder.glob("NRmarshDN-*.jpg")):
        points = find_targets(picture(path))
        if points is not None:
            frames.append(TargetFrame(path, path.stem[-5:] > INFRARED_AFTER, points))
    return frames


def score_targets(
    methods: Mapping[str, AnyRegister],
    frames: Sequence[TargetFrame],
    *,
    progress: Callable[[int], None] = lambda done: None,
) -> list[dict[str, object]]:
    """How far registrations put the targets from where they are; all frames against the first of each light.

    Distances are means over the four targets, pixels at 640 px width. The *floor* is what the best pose through the
    targets themselves leaves, which is the error of their measurement (8 numbers, 4 unknown).

    Returns:
        Rows: light, method, pairs, answered share, median and 90th percentile, median of identity and floor.
    """
    references = [next((f for f in frames if f.infrared is light), None) for light in (False, True)]
    gaps: dict[tuple[str, str], list[float]] = {}
    floors: dict[str, list[tuple[float, float]]] = {}
    done = 0
    for reference in (r for r in references if r is not None):
        for frame in (f for f in frames if f is not reference):
            light = _light(reference, frame)
            floors.setdefault(light, []).append(_floor(reference, frame))
            for name, method in methods.items():
                gaps.setdefault((light, name), []).append(_gap(method, reference, frame))
            done += 1
            progress(done)
    rows: list[dict[str, object]] = []
    for (light, name), found in gaps.items():
        still, floor = np.median(floors[light], axis=0)
        answered = [g for g in found if math.isfinite(g)]
        rows.append(
            {
                "light": light,
                "method": name,
                "pairs": len(found),
                "answered": len(answered) / len(found),
                "median_px": float(np.median(answered)) if answered else math.nan,
                "p90_px": float(np.quantile(answered, 0.9)) if answered else math.nan,
                "targets_moved_px": float(still),
                "floor_px": float(floor),
            }
        )
    return rows


def _light(first: TargetFrame, second: TargetFrame) -> str:
    if first.infrared != second.infrared:
        return "visible against infrared"
    return "infrared" if first.infrared else "visible"


def _at_working_width(frame: TargetFrame) -> float:
    return WORKING_WIDTH / picture(frame.path).shape[1]


def _floor(reference: TargetFrame, frame: TargetFrame) -> tuple[float, float]:
    """How far the targets moved in the picture, and what the best pose leaves of it."""
    height, width = picture(reference.path).shape[:2]
    lens, scale = Lens(width, height), _at_working_width(frame)
    pose = pose_of_points(reference.points, frame.points, lens)
    left = frame.points - map_points(reference.points, pose, lens)
    moved = frame.points - reference.points
    return float(np.linalg.norm(moved, axis=1).mean()) * scale, float(
        np.sqrt((left**2).sum() / 4)  # 8 numbers less 4 unknown, over two directions
    ) * scale


def _gap(method: AnyRegister, reference: TargetFrame, frame: TargetFrame) -> float:
    """Infinite where the answer is withheld."""
    found, _, _, confident = method(picture(reference.path), picture(frame.path))
    if found is None or not confident:
        return math.inf
    gap = np.linalg.norm(apply_homography(found, reference.points) - frame.points, axis=1)
    return float(gap.mean()) * _at_working_width(frame)
