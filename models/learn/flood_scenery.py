"""What is painted into a picture before it is flooded: sand to walk on, boards and staffs that stand in the water.

Few free pictures show beaches or gauges, and both are what cameras are pointed at.
"""

import torch
from torch import Tensor

from models.learn.smooth_noise import between, noise, smooth_line


def sand(picture: Tensor, generator: torch.Generator) -> Tensor:
    """The ground turned to sand, all over the picture: pale, smooth, streaked along a slope, with plants at its edge.

    Args:
        picture: ``(3, y, x)`` in [0, 1]; its own ground remains on the land side.
        generator: Source of chance.
    """
    height, width = picture.shape[-2:]
    hue = torch.tensor([between(generator, 0.45, 0.85), 0.0, 0.0])
    hue[1] = hue[0] * between(generator, 0.72, 0.95)
    hue[2] = hue[1] * between(generator, 0.6, 0.95)
    grain = 0.5 * noise(height, width, max(2, height // 12), max(2, width // 6), generator)
    grain = (
        grain
        + 0.3 * noise(height, width, 3, 9, generator)
        + 0.2 * torch.rand(height, width, generator=generator)
    )
    ground = hue[:, None, None] * (0.75 + 0.5 * grain)
    line = height * (
        between(generator, 0.55, 1.2) + 0.5 * between(generator, -1, 1) * torch.linspace(-0.5, 0.5, width)
    )
    line = line + 0.02 * height * smooth_line(width, 12, generator)
    y = torch.arange(height, dtype=torch.float32)[:, None]
    return torch.where(y > line, picture, ground).clamp(0, 1)


def board(picture: Tensor, shore: Tensor, generator: torch.Generator) -> Tensor:
    """A pale board, pile or staff across the shore line: plain, or with dark squares, bow-ties or a scale.

    Args:
        picture: ``(3, y, x)`` in [0, 1].
        shore: Rows of the water's line ``(x,)``.
        generator: Source of chance.
    """
    height, width = picture.shape[-2:]
    out = picture.clone()
    w = max(3, int(between(generator, 0.02, 0.6) * width))
    left = int(between(generator, 0, width - w - 1))
    middle = float(shore[left + w // 2])
    top = int(max(0, middle - between(generator, 0.1, 0.7) * height))
    bottom = int(min(height, middle + between(generator, 0.05, 0.5) * height))
    if bottom - top < 4:
        return out
    grey = between(generator, 0.35, 1.0)
    face = grey * (0.9 + 0.1 * noise(bottom - top, w, 8, 8, generator))
    marks = _marks(bottom - top, w, generator)
    out[:, top:bottom, left : left + w] = face * (1 - marks * between(generator, 0.5, 0.95))
    return out


def _marks(height: int, width: int, generator: torch.Generator) -> Tensor:
    """Dark marks ``(y, x)`` in {0, 1}."""
    kind = int(between(generator, 0, 4 - 1e-3))
    y = torch.linspace(0, 1, height)[:, None].expand(height, width)
    x = torch.linspace(0, 1, width)[None].expand(height, width)
    if kind == 0:
        return torch.zeros(height, width)
    if kind == 1:  # a scale
        count = between(generator, 5, 25)
        return (((y * count) % 1 < 0.5) & (x < between(generator, 0.3, 1.0))).float()
    rows, columns = int(between(generator, 2, 8)), int(between(generator, 1, 4))
    v, u = (y * rows) % 1 - 0.5, (x * columns) % 1 - 0.5
    size = between(generator, 0.15, 0.45)
    inside = (v.abs() < size) & (u.abs() < size)
    if kind == 2:  # squares
        return inside.float()
    return (inside & (v.abs() < u.abs())).float()  # bow-ties
