"""Pictures in the light of a lamp at the camera: infrared by night, bright in the middle, black far away."""

import torch
from torch import Tensor

from models.learn.smooth_noise import between


def lamp_lit(luma: Tensor, generator: torch.Generator) -> Tensor:
    """A grey picture lit by a lamp at the camera.

    Args:
        luma: ``(y, x)`` in [0, 1].
        generator: Source of chance.

    Returns:
        ``(y, x)`` in [0, 1].
    """
    height, width = luma.shape
    y = torch.linspace(0, 1, height)[:, None] - between(generator, 0.2, 0.8)
    x = torch.linspace(0, 1, width)[None] - between(generator, 0.2, 0.8)
    reach = between(generator, 0.15, 0.6)
    fall = torch.exp(-(y**2 + x**2) / (2 * reach**2))
    floor = between(generator, 0.0, 0.25)
    lit = luma.pow(between(generator, 0.7, 1.6)) * (floor + (1 - floor) * fall) * between(generator, 0.4, 1.3)
    grain = between(generator, 0.002, 0.03) * torch.randn(height, width, generator=generator)
    return (lit + grain).clamp(0, 1)
