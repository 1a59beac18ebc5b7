"""The first look: which shift do the coarse tokens vote for, and where does each of them point near it."""

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from models.nets.drift import DriftNet, Placement, cell_centres
from models.nets.pose_layer import Matches

_STRIDE = 16
_NEAR = 2  # cells about the winning shift in which a token may point
_SCALE_CELLS = 0.35  # error of a token's expected place, cells


@lru_cache(maxsize=16)
def _shift_numbers(rows: int, columns: int, rows_image: int, columns_image: int) -> Tensor:
    """For each pair of tokens the number of their shift, ``(L, L')``."""
    y, x = torch.arange(rows), torch.arange(columns)
    dy = torch.arange(rows_image)[None] - y[:, None] + rows - 1
    dx = torch.arange(columns_image)[None] - x[:, None] + columns - 1
    numbers = dy[:, None, :, None] * (columns + columns_image - 1) + dx[None, :, None, :]
    return numbers.reshape(rows * columns, rows_image * columns_image)


def shift_votes(probability: Tensor, shape: tuple[int, int], shape_image: tuple[int, int]) -> Tensor:
    """Match probabilities of all token pairs with one shift and with its eight neighbours, its own counted twice.

    Args:
        probability: ``(batch, L, L')``.
        shape: Rows and columns of the reference's tokens.
        shape_image: Of the image's.

    Returns:
        ``(batch, rows + rows' - 1, columns + columns' - 1)``; no shift is at ``[rows - 1, columns - 1]``.
    """
    numbers = _shift_numbers(*shape, *shape_image).to(probability.device)
    size = shape[0] + shape_image[0] - 1, shape[1] + shape_image[1] - 1
    votes = probability.new_zeros(probability.shape[0], size[0] * size[1])
    votes.index_add_(1, numbers.flatten(), probability.flatten(1))
    votes = votes.reshape(-1, 1, *size)
    return (9 * F.avg_pool2d(votes, 3, 1, 1) + votes)[:, 0]


def coarse_matches(
    net: DriftNet, reference: Tensor, image: Tensor, places: tuple[Placement, Placement]
) -> tuple[Matches, Tensor]:
    """Matches of the coarse tokens near the shift that most of them vote for.

    Args:
        net: The network.
        reference: Maps ``(batch, channel, y, x)`` at stride 16.
        image: ``(batch, channel, y', x')``.
        places: Placements of both.

    Returns:
        The matches, and the pose of that shift alone ``(batch, 4)``.
    """
    shape, shape_image = (reference.shape[-2], reference.shape[-1]), (image.shape[-2], image.shape[-1])
    probability = net.coarse_log_probability(reference, image).exp()
    votes = shift_votes(probability, shape, shape_image)
    best = votes.flatten(1).argmax(1)
    dy = best // votes.shape[-1] - (shape[0] - 1)
    dx = best % votes.shape[-1] - (shape[1] - 1)
    offsets = torch.arange(-_NEAR, _NEAR + 1, device=reference.device)
    oy, ox = (o.flatten() for o in torch.meshgrid(offsets, offsets, indexing="ij"))
    y = torch.arange(shape[0], device=reference.device)[:, None].expand(shape).flatten()
    x = torch.arange(shape[1], device=reference.device)[None].expand(shape).flatten()
    to_y = y[None, :, None] + dy[:, None, None] + oy  # (B, L, 25)
    to_x = x[None, :, None] + dx[:, None, None] + ox
    inside = (to_y >= 0) & (to_y < shape_image[0]) & (to_x >= 0) & (to_x < shape_image[1])
    number = (to_y * shape_image[1] + to_x).clamp(0, shape_image[0] * shape_image[1] - 1)
    near = probability.gather(2, number) * inside
    mass = near.sum(2)
    share = near / mass[..., None].clamp_min(1e-9)
    cells = torch.stack([(share * to_x).sum(2), (share * to_y).sum(2)], dim=-1)
    centres = cell_centres(*shape, _STRIDE, reference.device)[None].expand(reference.shape[0], -1, -1)
    unit = places[0].half_width[:, None] / _STRIDE
    points = places[0].normalise(centres)
    targets = places[1].normalise(cells * _STRIDE + (_STRIDE - 1) / 2)
    shift = (
        (torch.stack([dx, dy], dim=-1) * float(_STRIDE) + places[0].shift - places[1].shift) / unit / _STRIDE
    )
    zero = torch.zeros_like(shift[:, :1])
    start = torch.cat([-shift[:, :1], shift[:, 1:], zero, zero], dim=1)
    weight = torch.where(mass > 1e-6, mass.clamp(max=0.98), 0.0)
    matches = Matches(
        points,
        targets,
        _SCALE_CELLS / unit.expand(-1, points.shape[1]),
        weight,
        (unit[:, 0] / (2 * _NEAR + 1)) ** 2,
    )
    return matches, start
