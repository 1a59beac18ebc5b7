"""A few images of one camera without a reference: compared pair by pair, placed relative to one among them."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models import drift
from models.drift import DriftModel, FrameFeatures
from models.science.drift_events import to_corner_px
from models.science.group_pairs import PictureSize, edge_in, pairs_to_compare, pose_in
from models.science.line_of_sight import Lens, Pose, homography
from models.science.pose_graph import GraphSolution, PoseEdge, solve_group

_AGREES = 0.2  # weight of a pair in the graph below which it disagrees with the others
_WIDEST_SIGMA_PX = 3.0
_ALONE = "no other image could be compared with it"
_APART = "only images apart from the rest of the group could be compared with it"
_DISPUTED = "the images compared with it disagree"


@dataclass(frozen=True)
class PlacedFrame:
    """The line of sight of one image of a group relative to the group's reference.

    Attributes:
        pose: In pixels of the reference; ``None`` where it could not be placed, as for what follows.
        covariance: ``(4, 4)`` of ``POSE_COMPONENTS``.
        homography: ``(3, 3)``, reference pixels to pixels of this image.
        sigma_px: One standard error of the corners, pixels at 640 px width.
        reason: Why the pose is not to be used; ``None`` where it may be.
    """

    pose: Pose | None = None
    covariance: NDArray[np.float64] | None = None
    homography: NDArray[np.float64] | None = None
    sigma_px: float | None = None
    reason: str | None = None

    @property
    def confident(self) -> bool:
        """The pose may be used."""
        return self.pose is not None and self.reason is None


@dataclass(frozen=True)
class PlacedGroup:
    """All images of a group.

    Attributes:
        frames: In the order given.
        reference: Index of the image that poses are relative to; ``None`` where no two images could be compared.
        lens: Of the reference; ``None`` with the reference.
    """

    frames: tuple[PlacedFrame, ...]
    reference: int | None = None
    lens: Lens | None = None


def place_group(
    model: DriftModel,
    features: Sequence[FrameFeatures],
    *,
    hfov_deg: float | None = None,
    compared: Callable[[int], None] = lambda done: None,
) -> PlacedGroup:
    """Place the images of one camera relative to the best-connected one among them.

    Args:
        model: Network and configuration.
        features: Of the images; those with a fault are left out.
        hfov_deg: Horizontal field of view, degrees, where known.
        compared: Called with the number of images compared with all their partners.
    """
    frames = [PlacedFrame(reason=seen.fault) for seen in features]
    usable = [i for i, seen in enumerate(features) if seen.fault is None]
    if not usable:
        return PlacedGroup(tuple(frames))
    seen = [features[i] for i in usable]
    sizes = [PictureSize(f.width, f.height) for f in seen]
    common = Counter(sizes).most_common(1)[0][0]
    lens = Lens.of(common.width, common.height, hfov_deg)
    edges = _compare(model, seen, sizes, lens, compared)
    solution = solve_group(edges, len(seen), lens)
    reasons = _reasons(edges, solution)
    if all(reasons):
        for i, words in zip(usable, reasons, strict=True):
            frames[i] = PlacedFrame(reason=words)
        return PlacedGroup(tuple(frames))
    for k, i in enumerate(usable):
        frames[i] = _placed(k, sizes, lens, solution, reasons[k])
    base = sizes[solution.reference]
    return PlacedGroup(tuple(frames), usable[solution.reference], base.lens(lens))


def _compare(
    model: DriftModel,
    features: Sequence[FrameFeatures],
    sizes: Sequence[PictureSize],
    lens: Lens,
    compared: Callable[[int], None],
) -> list[PoseEdge]:
    """The pairs that came back confident."""
    partners = defaultdict(list)
    for i, j in pairs_to_compare(np.stack([f.appearance for f in features])):
        partners[i].append(j)
    edges = []
    for i, first in enumerate(features):
        others = [features[j] for j in partners[i]]
        found = drift.register(model, first, others, hfov_deg=lens.hfov_deg) if others else []
        for j, registration in zip(partners[i], found, strict=True):
            if registration.confident:
                edges.append(edge_in(registration, i, j, sizes, lens))
        compared(i + 1)
    return edges


def _reasons(edges: Sequence[PoseEdge], solution: GraphSolution) -> list[str | None]:
    """Why each image cannot be placed, by its pairs; ``None`` where it can."""
    weights = defaultdict(list)
    for edge, weight in zip(edges, solution.edge_weights, strict=True):
        weights[edge.first].append(float(weight))
        weights[edge.second].append(float(weight))
    reasons: list[str | None] = []
    for k, connected in enumerate(solution.connected):
        if not weights[k]:
            reasons.append(_ALONE)
        elif not connected:
            reasons.append(_APART)
        else:
            reasons.append(_DISPUTED if float(np.median(weights[k])) < _AGREES else None)
    return reasons


def _placed(
    k: int, sizes: Sequence[PictureSize], lens: Lens, solution: GraphSolution, reason: str | None
) -> PlacedFrame:
    if not solution.connected[k]:
        return PlacedFrame(reason=reason)
    base = sizes[solution.reference]
    between = homography(solution.poses[k], lens)
    matrix = np.linalg.inv(sizes[k].to_width(lens.width)) @ between @ base.to_width(lens.width)
    pose = pose_in(between, solution.poses[k], base, lens)
    pixels = np.array([base.width / lens.width] * 2 + [1.0, 1.0])
    covariance = solution.covariances[k] * np.outer(pixels, pixels)
    variance = float(np.trace(to_corner_px(pose, covariance, base.lens(lens))[1]))
    sigma = math.sqrt(max(variance, 0.0))
    if reason is None and sigma > _WIDEST_SIGMA_PX:
        reason = f"uncertain: 1 sigma is {sigma:.2g} px at 640 px"
    return PlacedFrame(pose, covariance, matrix / matrix[2, 2], sigma, reason)
