"""The last fractions of a pixel: edges of both pictures laid on each other, where the network trusts the scene.

Windows of 4 px cells say which scene it is and roughly where; edges say where exactly. The direction of the gradient,
freed of its strength, changes little with light. In each cell of the network the strongest edge pixel of the reference
is laid onto the image by Gauss-Newton steps on the pose, weighted by the network and robustly by how well it fits.

Sources: Haber and Modersitzki 2006 (normalised gradient fields); Baker and Matthews 2004 (Lucas-Kanade with the
derivative of the reference).
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from models.nets.drift import Placement
from models.nets.pose_layer import PoseSolution
from models.science.line_of_sight import Projection, displace, jacobian

EDGE_STRIDE = 1
"""Working pixels per pixel of an edge map."""

CELL = 4
"""Pixels; the last window stage's cell, from which the weights come."""

_STEPS = 4
_WINDOW_INFLATION = 8.0  # by how much the windows' errors exceed those of independent matches
_BINOMIAL = (1.0, 4.0, 6.0, 4.0, 1.0)
_EDGE_FLOOR = 0.002  # gradient, per pixel, below which there is only noise


@dataclass(frozen=True)
class EdgePair:
    """Edge maps of a batch of pairs.

    Attributes:
        reference: ``(batch, 2, y, x)`` of ``edge_map``.
        image: ``(batch, 2, y', x')``.
        places: Placements of both.
        projection: Of all pairs.
    """

    reference: Tensor
    image: Tensor
    places: tuple[Placement, Placement]
    projection: Projection


def edge_map(luma: Tensor, valid: Tensor) -> Tensor:
    """Gradients of the luma over the strength of gradients about them: nearly unit at edges, small elsewhere.

    Args:
        luma: ``(batch, 1, y, x)`` in [0, 1]; y and x multiples of 16.
        valid: Same shape, 1 where the picture is to be looked at.

    Returns:
        ``(batch, 2, y, x)``, by x and by y, in [-1, 1]; zero where hidden.
    """
    smooth = _blurred(luma)
    gx, gy = _slopes(smooth)
    strength = (gx.square() + gy.square()).sqrt()
    about = F.avg_pool2d(F.avg_pool2d(strength, 8), 3, 1, 1, count_include_pad=False)
    about = F.interpolate(about, size=strength.shape[-2:], mode="bilinear")
    edges = torch.cat([gx, gy], dim=1) / (strength + 0.5 * about + _EDGE_FLOOR)
    return _blurred(edges) * _well_inside(valid)


def refine_on_edges(pair: EdgePair, solution: PoseSolution) -> PoseSolution:
    """Poses at which the edges lie on each other.

    Args:
        pair: Edge maps.
        solution: Of the last window stage; its responsibilities are the weights, its pose the start and, with its
            information, the prior.
    """
    pixels, edges, slopes = strongest(pair.reference)
    points = pair.places[0].normalise(pixels)
    half_width = pair.places[0].half_width[:, None, None, None]
    motion = jacobian(points, solution.pose, solution.curvature, pair.projection) * half_width  # pixels
    lean = torch.einsum("bnci,bnik->bnck", slopes, motion)  # derivative of the edge map by the five unknowns
    start = torch.cat([solution.pose, solution.curvature[:, None]], dim=1)
    prior = solution.information / _WINDOW_INFLATION**2
    state, information = start, prior
    for _ in range(_STEPS):
        seen = pair.places[1].to_pixels(displace(points, state[:, :4], state[:, 4], pair.projection))
        found, inside = sampled(pair.image, seen)
        gap = edges - found  # (B, n, 2)
        weight = _weights(gap.square().sum(-1), solution.responsibility * inside)
        information = torch.einsum("bnck,bn,bncl->bkl", lean, weight, lean) + prior
        right = torch.einsum("bnck,bn,bnc->bk", lean, weight, gap)
        right = right + (prior @ (start - state)[..., None])[..., 0]
        state = state + torch.linalg.solve(information, right[..., None])[..., 0]
        state = torch.cat([state[:, :4], state[:, 4:].clamp(0.0, 4.0)], dim=1)
    return replace(solution, pose=state[:, :4], curvature=state[:, 4], information=information)


def _weights(misfit: Tensor, trust: Tensor) -> Tensor:
    """Geman-McClure weights over the noise of the edges that fit; squared misfit and trust ``(batch, n)``."""
    typical = (trust * misfit).sum(1) / trust.sum(1).clamp_min(1e-6)
    weight = trust / (1 + misfit / typical.clamp_min(1e-6)[:, None]).square()
    noise = (weight * misfit).sum(1) / weight.sum(1).clamp_min(1e-6)
    return weight / noise.clamp_min(1e-6)[:, None]


def strongest(edges: Tensor, cell: int = CELL) -> tuple[Tensor, Tensor, Tensor]:
    """Per cell the pixel of the strongest edge ``(batch, n, 2)``, its value, and its derivative ``(b, n, 2, 2)``."""
    width = edges.shape[-1]
    _, index = F.max_pool2d(edges.square().sum(1, keepdim=True), cell, return_indices=True)
    number = index.flatten(1)  # (B, n)
    pixels = torch.stack([number % width, number // width], dim=-1).float()
    stacked = torch.cat([edges, *_slopes(edges)], dim=1).flatten(2)  # (B, 6, y x)
    taken = stacked.gather(2, number[:, None].expand(-1, 6, -1)).transpose(1, 2)  # (B, n, 6)
    return pixels, taken[..., :2], torch.stack([taken[..., 2:4], taken[..., 4:]], dim=-1)


def _slopes(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Central differences by x and by y, zero at the border."""
    by_x = F.pad(0.5 * (maps[..., 2:] - maps[..., :-2]), (1, 1))
    by_y = F.pad(0.5 * (maps[:, :, 2:] - maps[:, :, :-2]), (0, 0, 1, 1))
    return by_x, by_y


def _well_inside(valid: Tensor) -> Tensor:
    """``valid`` without a margin of three pixels: the edge of what is hidden is no edge of the scene."""
    rows = F.max_pool2d(-valid, (1, 7), 1, (0, 3))
    return -F.max_pool2d(rows, (7, 1), 1, (3, 0))


def _blurred(maps: Tensor) -> Tensor:
    """The binomial kernel 1 4 6 4 1 / 16 along rows and columns; sums of slices, faster than a grouped convolution."""
    padded = F.pad(maps, (2, 2, 2, 2), mode="replicate")
    height, width = maps.shape[-2:]
    rows = sum((w / 16 * padded[..., k : k + width] for k, w in enumerate(_BINOMIAL)), start=torch.zeros(()))
    return sum(
        (w / 16 * rows[..., k : k + height, :] for k, w in enumerate(_BINOMIAL)), start=torch.zeros(())
    )


def sampled(edges: Tensor, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Edge maps at pixels ``(batch, n, 2)``, and which of them lie in the picture ``(batch, n)``."""
    height, width = edges.shape[-2:]
    size = torch.tensor([width, height], dtype=pixels.dtype, device=pixels.device)
    grid = (2 * pixels + 1) / size - 1
    out = F.grid_sample(edges, grid[:, None], mode="bilinear", padding_mode="border", align_corners=False)
    return out[:, :, 0].transpose(1, 2), (grid.abs() <= 1).all(dim=-1)
