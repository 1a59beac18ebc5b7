"""A few images of one camera without a reference: compared pair by pair, placed relative to one among them."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from models import drift
from models.drift import WORKING_WIDTH, DriftModel, FrameFeatures
from models.science.group_pairs import bridges, pairs_to_compare
from models.science.line_of_sight import Lens, Pose, apply_homography, corners, homography, jacobian
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
    width, height = Counter((f.width, f.height) for f in seen).most_common(1)[0][0]
    lens = Lens.of(width, height, hfov_deg)
    edges = _compare(model, seen, lens, compared)
    solution = solve_group(edges, len(seen), lens)
    reasons = _reasons(edges, solution)
    if all(reasons):
        for i, words in zip(usable, reasons, strict=True):
            frames[i] = PlacedFrame(reason=words)
        return PlacedGroup(tuple(frames))
    own = [replace(lens, width=f.width, height=f.height) for f in seen]
    for k, i in enumerate(usable):
        frames[i] = _placed(k, own, lens, solution, reasons[k])
    return PlacedGroup(tuple(frames), usable[solution.reference], own[solution.reference])


def _compare(
    model: DriftModel,
    features: Sequence[FrameFeatures],
    lens: Lens,
    compared: Callable[[int], None],
) -> list[PoseEdge]:
    """The pairs that came back confident, in pixels of the group's lens.

    Poses are about the centre of each picture in its own half widths, so that those of any sizes compose.
    """
    partners = defaultdict(list)
    for i, j in pairs_to_compare(np.stack([f.appearance for f in features])):
        partners[i].append(j)
    edges = []
    for i in range(len(features)):
        edges += _edges(model, features, lens, i, partners[i], lines=False)
        compared(i + 1)
    linked = [(edge.first, edge.second) for edge in edges]
    for i, j in bridges(np.stack([f.appearance for f in features]), linked):  # night and day, as a rule
        edges += _edges(model, features, lens, i, [j], lines=True)
    return edges


def _edges(
    model: DriftModel,
    features: Sequence[FrameFeatures],
    lens: Lens,
    first: int,
    others: Sequence[int],
    lines: bool,
) -> list[PoseEdge]:
    if not others:
        return []
    seen = [features[j] for j in others]
    found = drift.register(model, features[first], seen, hfov_deg=lens.hfov_deg, lines=lines)
    ratio = lens.width / features[first].width
    return [
        PoseEdge(first, j, answer.pose, answer.covariance).scaled(ratio)
        for j, answer in zip(others, found, strict=True)
        if answer.confident
    ]


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
    k: int, own: Sequence[Lens], lens: Lens, solution: GraphSolution, reason: str | None
) -> PlacedFrame:
    if not solution.connected[k]:
        return PlacedFrame(reason=reason)
    base = own[solution.reference]
    found = PoseEdge(solution.reference, k, solution.poses[k], solution.covariances[k])
    scaled = found.scaled(base.width / lens.width)
    to_image = np.linalg.inv(own[k].to_normalised) @ base.to_normalised
    matrix = to_image @ homography(scaled.pose, base)
    sigma = corner_sigma_px(scaled.pose, scaled.covariance, base)
    if reason is None and sigma > _WIDEST_SIGMA_PX:
        reason = f"uncertain: 1 sigma is {sigma:.2g} px at {WORKING_WIDTH} px"
    return PlacedFrame(scaled.pose, scaled.covariance, matrix / matrix[2, 2], sigma, reason)


def corner_sigma_px(pose: Pose, covariance: NDArray[np.float64], lens: Lens) -> float:
    """Root mean square displacement of the four corners that a covariance stands for, pixels at 640 px width.

    Args:
        pose: In pixels of the reference.
        covariance: ``(4, 4)`` of ``POSE_COMPONENTS``.
        lens: Of the reference.
    """
    at = torch.from_numpy(apply_homography(lens.to_normalised, corners(lens.width, lens.height)))[None]
    curvature = torch.tensor([lens.curvature], dtype=torch.float64)
    slope = jacobian(at, pose.normalised(lens)[None], curvature, lens.projection)[0, ..., :4].numpy()
    units = np.array([lens.half_width, lens.half_width, 180 / math.pi, pose.zoom])
    spread = np.einsum("cij,jk,cik->", slope, covariance / np.outer(units, units), slope) / 4
    return math.sqrt(max(float(spread), 0.0)) * WORKING_WIDTH / 2
