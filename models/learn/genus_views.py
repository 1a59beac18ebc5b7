"""Photos of clouds seen anew: another frame, another exposure; what genus they show stays as it was."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class ViewConfig:
    """Strengths of the augmentation.

    Colours are changed little: how white, grey or blue a sky is says which cloud it is.

    Attributes:
        side: Of the views, pixels.
        least_share: Least share of a photo's area that a view shows.
        stretch: A view is wider or higher than the photo by at most this factor.
        turn_deg: A view is turned by at most this.
        exposure: Greatest change of brightness, as a share.
        contrast: Greatest change of the spread around the mean.
        saturation: Greatest change of the distance from grey.
        colour: Greatest change of one colour against the others.
    """

    side: int = 192
    least_share: float = 0.4
    stretch: float = 4 / 3
    turn_deg: float = 10.0
    exposure: float = 0.2
    contrast: float = 0.25
    saturation: float = 0.25
    colour: float = 0.04


def random_views(rgb: Tensor, config: ViewConfig, generator: torch.Generator) -> Tensor:
    """One view of each photo.

    Args:
        rgb: Photos ``(n, 3, y, x)``, uint8.
        config: Strengths.
        generator: Fixes the views.

    Returns:
        ``(n, 3, side, side)`` float32 in [0, 1].
    """
    n = len(rgb)
    frames = _frames(n, config, generator)
    grid = F.affine_grid(frames, [n, 3, config.side, config.side], align_corners=False)
    seen = F.grid_sample(rgb.float() / 255, grid, padding_mode="reflection", align_corners=False)
    return _in_another_light(seen, config, generator)


def _spread(n: int, half_width: float, generator: torch.Generator) -> Tensor:
    return (2 * torch.rand(n, generator=generator) - 1) * half_width


def _frames(n: int, config: ViewConfig, generator: torch.Generator) -> Tensor:
    """Affine maps ``(n, 2, 3)`` from a view to its photo, both from -1 to 1."""
    area = config.least_share + (1 - config.least_share) * torch.rand(n, generator=generator)
    stretch = torch.exp(_spread(n, 0.5 * math.log(config.stretch), generator))
    wide, high = (area.sqrt() * stretch).clamp(max=1), (area.sqrt() / stretch).clamp(max=1)
    across = _spread(n, 1.0, generator) * (1 - wide)
    down = _spread(n, 1.0, generator) * (1 - high)
    mirrored = torch.where(torch.rand(n, generator=generator) < 0.5, -1.0, 1.0)
    turn = torch.deg2rad(_spread(n, config.turn_deg, generator))
    rows = [
        torch.stack([wide * turn.cos() * mirrored, -wide * turn.sin(), across], dim=1),
        torch.stack([high * turn.sin() * mirrored, high * turn.cos(), down], dim=1),
    ]
    return torch.stack(rows, dim=1)


def _in_another_light(rgb: Tensor, config: ViewConfig, generator: torch.Generator) -> Tensor:
    n = len(rgb)

    def factor(half_width: float) -> Tensor:
        return (1 + _spread(n, half_width, generator))[:, None, None, None]

    colour = torch.cat([factor(config.colour) for _ in range(3)], dim=1)
    rgb = rgb * factor(config.exposure) * colour
    grey = rgb.mean(1, keepdim=True)
    rgb = grey + (rgb - grey) * factor(config.saturation)
    mean = rgb.mean((1, 2, 3), keepdim=True)
    return (mean + (rgb - mean) * factor(config.contrast)).clamp(0, 1)
