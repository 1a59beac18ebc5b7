"""Pictures of a training batch, each in a new light: what is water stays water."""

import torch
from torch import Tensor

from models.learn.augment import AugmentConfig, camera_effects
from models.learn.drift_weather import ViewWeather, weather
from models.learn.lamp_light import lamp_lit

_EFFECTS = AugmentConfig(grey=0.3, exposure_stops=0.6, gamma=0.35, contrast=0.3, noise=0.06)
_STYLE = ViewWeather()
_GREY, _LAMP = 0.5, 0.15  # shares of the pictures


def relit(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Pictures ``(n, 3, y, x)`` in [0, 1] under other light and weather, some grey, some by a lamp at the camera.

    Args:
        pictures: As they are; not changed.
        generator: Source of chance.
    """
    height, width = pictures.shape[-2:]
    grey = torch.rand(len(pictures), generator=generator) < _GREY
    coloured = camera_effects(pictures, _EFFECTS, generator)
    padded = torch.nn.functional.pad(pictures, (0, -width % 8, 0, -height % 8), mode="replicate")
    luma = weather(padded, _STYLE, generator)[..., :height, :width].expand(-1, 3, -1, -1)
    seen = torch.where(grey[:, None, None, None], luma, coloured).clamp(0, 1).clone()
    for k in torch.nonzero(torch.rand(len(pictures), generator=generator) < _LAMP)[:, 0].tolist():
        seen[k] = lamp_lit(seen[k].mean(0), generator)
    return seen
