"""Seeded chance and smooth noise for painted training pictures."""

import torch
from torch import Tensor
from torch.nn import functional as F


def between(generator: torch.Generator, low: float, high: float) -> float:
    """A number of [low, high), all equally likely."""
    return low + (high - low) * float(torch.rand((), generator=generator))


def chance(generator: torch.Generator, share: float) -> bool:
    """True in this share of the draws."""
    return float(torch.rand((), generator=generator)) < share


def smooth_line(width: int, knots: int, generator: torch.Generator) -> Tensor:
    """A smooth line through unit normal knots ``(x,)``."""
    values = torch.randn(1, 1, max(knots, 2), generator=generator)
    return F.interpolate(values, size=width, mode="linear", align_corners=True)[0, 0]


def noise(height: int, width: int, fine: int, long: int, generator: torch.Generator) -> Tensor:
    """Smooth noise ``(y, x)`` in [0, 1] whose grains are ``fine`` rows high and ``long`` columns wide."""
    cells = torch.rand(1, 1, max(height // fine, 2), max(width // long, 2), generator=generator)
    return F.interpolate(cells, size=(height, width), mode="bicubic", align_corners=False)[0, 0].clamp(0, 1)
