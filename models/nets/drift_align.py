"""From the feature maps of pairs to poses: the first look, then windows from coarse to fine, then edges.

Where too little of the picture agrees with what came of it, as between day and night, the lines of the scene are sought
without the network.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from models.nets.drift import PRIOR_CELLS, DriftNet, Placement, window_matches
from models.nets.drift_search import coarse_matches
from models.nets.edge_agreement import AWAY_ON_LINES_PX, agreement
from models.nets.edge_refinement import EDGE_STRIDE, EdgePair, refine_on_edges
from models.nets.edge_search import find_on_lines, without_sign
from models.nets.pose_layer import PosePrior, PoseSolution, solve_pose, without_prior
from models.science.line_of_sight import Projection, displace

FIRST_STAGE, LAST_STAGES = 8, (4, 4)
"""Strides of the windows; the finest twice, because its first answer is about a worse start."""

_ENOUGH = 0.35  # agreement above which nothing else is tried
_APART = 8 / 320  # poses farther apart than half a token, in half widths, are two places to look


@dataclass(frozen=True)
class PairMaps:
    """Feature maps of a batch of pairs of one shape, by stride, and where they lie.

    Attributes:
        reference: ``(batch, channel, y, x)`` by stride: the encoder's at 16, 8 and 4, edge maps at 1.
        image: Same.
        places: Placements of both.
        projection: Of all pairs.
    """

    reference: Mapping[int, Tensor]
    image: Mapping[int, Tensor]
    places: tuple[Placement, Placement]
    projection: Projection

    def take(self, rows: Tensor) -> "PairMaps":
        """Some of the pairs, in the order of ``rows``."""
        a, b = (Placement(p.shift[rows], p.half_width[rows]) for p in self.places)
        reference, image = ({s: m[rows] for s, m in maps.items()} for maps in (self.reference, self.image))
        return PairMaps(reference, image, (a, b), self.projection)


@dataclass(frozen=True)
class Alignment:
    """Poses of a batch of pairs, and how far to believe them.

    Attributes:
        solution: The poses.
        agreement: Share of the fields of each picture that fit best where its pose says, ``(batch,)``.
        by_lines: The pose was found on the lines of the scene, not by the network, ``(batch,)``.
    """

    solution: PoseSolution
    agreement: Tensor
    by_lines: Tensor


def align(net: DriftNet, pairs: PairMaps, prior: PosePrior, lines: bool = True) -> Alignment:
    """Poses of a batch of pairs.

    Args:
        net: The network.
        pairs: Their maps.
        prior: Of pose and curvature.
        lines: Seek the lines of the scene where too little agrees.
    """
    solution = _by_windows(net, pairs, prior)
    share = agreement(_edges(pairs), solution.pose, solution.curvature)
    by_lines = torch.zeros_like(share, dtype=torch.bool)
    poor = (share < _ENOUGH).nonzero()[:, 0]
    if lines and len(poor):
        edges = without_sign(_edges(pairs.take(poor)))
        other = find_on_lines(edges, rows_of_prior(prior, poor))
        kept = agreement(edges, solution.pose[poor], solution.curvature[poor])
        found = agreement(edges, other.pose, other.curvature)
        better = found > kept
        solution = _merged(solution, other, poor, better)
        found = agreement(edges, other.pose, other.curvature, AWAY_ON_LINES_PX)
        share[poor[better]], by_lines[poor[better]] = found[better], True
    return Alignment(solution, share, by_lines)


def _edges(pairs: PairMaps) -> EdgePair:
    return EdgePair(pairs.reference[EDGE_STRIDE], pairs.image[EDGE_STRIDE], pairs.places, pairs.projection)


def _by_windows(net: DriftNet, pairs: PairMaps, prior: PosePrior) -> PoseSolution:
    """What the network sees.

    The windows open about what most tokens vote for and, where that is another place, about no motion: a fixed camera
    has mostly stayed, and sea or fog give tokens little to vote with.
    """
    matches, shift = coarse_matches(net, pairs.reference[16], pairs.image[16], pairs.places)
    voted = solve_pose(matches, shift, prior, pairs.projection)
    solution = look(net, FIRST_STAGE, pairs, voted.pose, prior)
    apart = ((voted.pose - prior.pose).abs() > _APART).any(dim=1).nonzero()[:, 0]
    if len(apart):
        some, belief = pairs.take(apart), rows_of_prior(prior, apart)
        still = look(net, FIRST_STAGE, some, belief.pose, belief)
        better = still.responsibility.mean(1) > solution.responsibility[apart].mean(1)
        solution = _merged(solution, still, apart, better)
    for stride in LAST_STAGES:
        solution = look(net, stride, pairs, solution.pose, prior)
    return refine_on_edges(_edges(pairs), solution)


def look(net: DriftNet, stride: int, pairs: PairMaps, start: Tensor, prior: PosePrior) -> PoseSolution:
    """One window stage about poses ``(batch, 4)``."""
    matches, _ = window_matches(
        net,
        stride,
        pairs.reference[stride],
        pairs.image[stride],
        pairs.places,
        start,
        prior.curvature,
        pairs.projection,
    )
    middles = displace(matches.points, start, prior.curvature, pairs.projection)
    variance = (PRIOR_CELLS[stride] * stride / pairs.places[0].half_width) ** 2
    return solve_pose(without_prior(matches, middles, variance), start, prior, pairs.projection)


def rows_of_prior(prior: PosePrior, rows: Tensor) -> PosePrior:
    """The prior of some of the pairs."""
    return replace(
        prior,
        pose=prior.pose[rows],
        curvature=prior.curvature[rows],
        curvature_sigma=prior.curvature_sigma[rows],
    )


def _merged(solution: PoseSolution, other: PoseSolution, rows: Tensor, better: Tensor) -> PoseSolution:
    """``solution`` with the rows of ``other`` that are better."""
    names: Sequence[str] = ("pose", "curvature", "information", "responsibility")
    merged = {name: getattr(solution, name).clone() for name in names}
    for name in names:
        merged[name][rows[better]] = getattr(other, name)[better]
    return PoseSolution(**merged)
