"""Pictures made to show nothing: dark, in fog, through drops, blank, blown out."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from models.learn.smooth_noise import between, chance

Effect = Callable[[Tensor, Tensor, torch.Generator], Tensor]


def blinded(picture: Tensor, generator: torch.Generator) -> Tensor:
    """A picture ``(3, y, x)`` in [0, 1] of which too little is left to say where the water is.

    Args:
        picture: As it would be seen.
        generator: Chooses what is done to it.
    """
    grain = torch.randn(picture.shape, generator=generator)
    if chance(generator, 0.5):
        grain = grain[:1].expand_as(grain)
    effect = _EFFECTS[int(torch.randint(len(_EFFECTS), (), generator=generator))]
    return effect(picture, grain, generator).clamp(0, 1)


def _dark(picture: Tensor, grain: Tensor, generator: torch.Generator) -> Tensor:
    left, black = between(generator, 0, 0.03), between(generator, 0, 0.05)
    return picture * left + black + grain * between(generator, 0.003, 0.03)


def _fog(picture: Tensor, grain: Tensor, generator: torch.Generator) -> Tensor:
    left, white = between(generator, 0, 0.04), between(generator, 0.3, 0.95)
    return picture * left + white + grain * between(generator, 0.001, 0.02)


def _drops(picture: Tensor, grain: Tensor, generator: torch.Generator) -> Tensor:
    """Or far out of focus."""
    height, width = picture.shape[-2:]
    size = int(between(generator, 12, 40))
    cells = F.interpolate(picture[None], (max(2, height // size), max(2, width // size)), mode="area")
    soft = F.interpolate(cells, (height, width), mode="bicubic", align_corners=False)[0]
    return soft + grain * between(generator, 0.001, 0.02)


def _blank(picture: Tensor, grain: Tensor, generator: torch.Generator) -> Tensor:
    """The lens is covered."""
    return torch.full_like(picture, between(generator, 0, 1)) + grain * between(generator, 0, 0.06)


def _blown_out(picture: Tensor, grain: Tensor, generator: torch.Generator) -> Tensor:
    return (picture + between(generator, 0.7, 1.2)).clamp(max=1) + grain * between(generator, 0, 0.01)


_EFFECTS: tuple[Effect, ...] = (_dark, _fog, _drops, _blank, _blown_out)
