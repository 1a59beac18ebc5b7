"""Whether the edges fit best just where the pose says, all over the picture: a stranger's never do."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from models.nets.edge_refinement import EdgePair, sampled, strongest
from models.science.line_of_sight import displace

_FIELDS = (6, 8)  # rows and columns
AWAY_PX = (5.0, 10.0)
"""How far aside the pose is tried, in eight directions."""
AWAY_ON_LINES_PX = (6.0,)
"""The same for poses that were themselves sought all over the picture: nearer, summits of chance are as high."""

_LEAST = 0.05  # of the middle field's edges; a field with less has nothing to say
_EMPTY = 5.0


def agreement(pair: EdgePair, pose: Tensor, curvature: Tensor, away_px: Sequence[float] = AWAY_PX) -> Tensor:
    """Share of the fields of the picture whose edges fit better at the pose than anywhere about it.

    By chance one of n places is the best in 1 / n of the fields. A symmetrical skyline, or an overlay, makes
    a few fields fit, but not the picture.

    Args:
        pair: Edge maps, or orientations.
        pose: ``(batch, 4)``, normalised.
        curvature: ``(batch,)``.
        away_px: How far aside the pose is tried, in eight directions each.

    Returns:
        ``(batch,)``, 0 to 1.
    """
    pixels, edges, _ = strongest(pair.reference)
    points = pair.places[0].normalise(pixels)
    seen = pair.places[1].to_pixels(displace(points, pose, curvature, pair.projection))
    field = fields(pixels, pair.reference.shape[-2:])
    rows = []
    for shift in _shifts(seen, away_px):
        found, inside = sampled(pair.image, seen + shift)
        products = torch.stack([edges * found, found * found, edges * edges]).sum(-1) * inside
        rows.append(torch.stack([summed(p, field) for p in products]))
    sums = torch.stack(rows)  # (place, 3, batch, field)
    fit = sums[:, 0] / (sums[:, 1] * sums[:, 2] + 1e-6).sqrt()
    strength, found = sums[0, 2], sums[0, 1]
    asked = (strength > _LEAST * strength.median(dim=1, keepdim=True).values) & (found > _EMPTY)
    best = (fit[0] > fit[1:].amax(dim=0)) & asked
    return best.sum(1) / asked.sum(1).clamp_min(1)


def fields(pixels: Tensor, shape: tuple[int, int] | torch.Size) -> Tensor:
    """Number of the field in which pixels ``(batch, n, 2)`` of a picture ``(y, x)`` lie, ``(batch, n)``."""
    rows, columns = _FIELDS
    row = (pixels[..., 1] * rows / shape[0]).long().clamp(0, rows - 1)
    return row * columns + (pixels[..., 0] * columns / shape[1]).long().clamp(0, columns - 1)


def summed(values: Tensor, field: Tensor) -> Tensor:
    """Sums ``(batch, fields)`` of values ``(batch, n)`` over fields ``(batch, n)``."""
    return values.new_zeros(len(values), math.prod(_FIELDS)).scatter_add(1, field, values)


def _shifts(like: Tensor, away_px: Sequence[float]) -> list[Tensor]:
    turns = [(r, k * math.pi / 4) for r in away_px for k in range(8)]
    return [like.new_tensor([0.0, 0.0])] + [
        like.new_tensor([r * math.cos(a), r * math.sin(a)]) for r, a in turns
    ]
