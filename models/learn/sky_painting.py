"""Skies painted at random, of every colour that a camera may give them: more kinds than any renderer's weather.

Nothing here is physics. A network that only saw one renderer's blue takes another camera's blue for something else
(domain randomisation: Tobin et al. 2017); here the colours of sky and cloud, their contrast and their texture are all
drawn apart, and only the order holds that thresholds rest on: in one picture clear sky is bluer than cloud.
"""

import math

import torch
from torch import Tensor

from models.contracts.sky_masks import NOT_LABELLED
from models.learn.sky_codes import SkyCode

CLEAR_OPACITY, THIN_OPACITY, THICK_OPACITY = 0.06, 0.18, 0.6
"""Below the first a pixel is clear, from the second to the third thin cloud; what lies between is not labelled."""


def _draw(generator: torch.Generator, low: float, high: float) -> float:
    return low + (high - low) * float(torch.rand((), generator=generator))


def smooth_field(size: int, generator: torch.Generator, slope: float, stretch: float = 0.0) -> Tensor:
    """Gaussian noise ``(size, size)`` of mean 0 and spread 1 whose amplitude falls as frequency to the ``slope``.

    Args:
        size: Pixels of a side.
        generator: Of the randomness.
        slope: 1 is rough, 2.5 smooth.
        stretch: Log of how much longer features are in one direction, which is drawn.
    """
    angle, long = _draw(generator, 0, math.pi), math.exp(stretch / 2)
    fy, fx = torch.fft.fftfreq(size)[:, None], torch.fft.rfftfreq(size)[None]
    along, across = math.cos(angle) * fx + math.sin(angle) * fy, math.cos(angle) * fy - math.sin(angle) * fx
    frequency = ((along * long) ** 2 + (across / long) ** 2).sqrt().clamp(min=0.5 / size)
    spectrum = torch.fft.rfft2(torch.randn(size, size, generator=generator))
    field = torch.fft.irfft2(spectrum * frequency**-slope, s=(size, size))
    standard: Tensor = (field - field.mean()) / (field.std() + 1e-9)
    return standard


def _colour(light: float, red_over_blue: float, green: float) -> Tensor:
    """``(3, 1, 1)``: blue is ``light``, green lies at the share ``green`` from red to blue."""
    red = light * red_over_blue
    return torch.tensor([red, red + green * (light - red), light])[:, None, None]


def _clear(size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Clear sky ``(3, size, size)`` with the light of a sun, and that light ``(size, size)``."""
    axis = torch.linspace(-1, 1, size)
    y, x = axis[:, None], axis[None]
    if _draw(generator, 0, 1) < 0.3:  # all around: pale along the rim
        to_horizon = ((x**2 + y**2) / 1.6).clamp(0, 1)
    else:
        turn = _draw(generator, -0.6, 0.6)
        to_horizon = ((math.cos(turn) * y + math.sin(turn) * x) / 2.4 + 0.5).clamp(0, 1)
    high = _draw(generator, 0.25, 0.8)
    light = _draw(generator, 0.18, 0.9)
    green = _draw(generator, 0.3, 0.62)
    top = _colour(light, high, green)
    low = _colour(light * _draw(generator, 0.85, 1.25), _draw(generator, high, 0.97), green)
    share = to_horizon ** _draw(generator, 0.7, 3.0)
    rgb = top + (low - top) * share
    glow = torch.zeros(size, size)
    if _draw(generator, 0, 1) < 0.55:
        sun_y, sun_x = _draw(generator, -1.3, 1.3), _draw(generator, -1.3, 1.3)
        apart = ((y - sun_y) ** 2 + (x - sun_x) ** 2).sqrt()
        glow = _draw(generator, 0.05, 0.55) * torch.exp(-apart / _draw(generator, 0.15, 0.9))
        glow = glow + _draw(generator, 0.2, 1.5) * torch.exp(-((apart / _draw(generator, 0.04, 0.25)) ** 2))
    return rgb + glow * torch.tensor([1.0, 0.97, 0.9])[:, None, None], glow


def _layer(size: int, generator: torch.Generator, cover: float) -> tuple[Tensor, Tensor]:
    """Opacity ``(size, size)`` of one layer of cloud over the share ``cover``, and its colour ``(3, size, size)``."""
    thin = _draw(generator, 0, 1) < 0.45
    field = smooth_field(
        size, generator, _draw(generator, 1.3, 2.3), _draw(generator, 0, 2.0 if thin else 0.8)
    )
    depth = (field - torch.quantile(field.flatten()[::7], 1 - cover)).clamp(min=0)
    soft = math.exp(_draw(generator, math.log(0.3), math.log(1.5)) if thin else _draw(generator, -4.0, -1.2))
    most = _draw(generator, 0.3, 0.95) if thin else _draw(generator, 0.85, 1.0)
    opacity = most * (1 - torch.exp(-depth / soft))
    shade = 1 - _draw(generator, 0, 0.55) * (1 - torch.exp(-depth / _draw(generator, 0.3, 2.0)))
    texture = smooth_field(size, generator, _draw(generator, 1.2, 2.0))
    light = _draw(generator, 0.45, 1.0) * shade * (1 + _draw(generator, 0, 0.12) * texture)
    blue = _colour(1.0, _draw(generator, 0.88, 1.1), _draw(generator, 0.4, 0.8))
    dark = _colour(
        1.0, _draw(generator, 0.78, 1.02), _draw(generator, 0.4, 0.7)
    )  # shadow takes the sky's blue
    return opacity, light * (dark + (blue - dark) * shade)


def _overcast(size: int, generator: torch.Generator) -> Tensor:
    """A sky without a gap ``(3, size, size)``."""
    field = smooth_field(size, generator, _draw(generator, 1.4, 2.6), _draw(generator, 0, 1.2))
    light = _draw(generator, 0.3, 0.9) * (1 + _draw(generator, 0.01, 0.35) * field)
    tint = _colour(1.0, _draw(generator, 0.8, 1.06), _draw(generator, 0.4, 0.8))
    axis = torch.linspace(-0.5, 0.5, size)[:, None]
    return light * tint * (1 + _draw(generator, -0.3, 0.5) * axis)


def paint_sky(size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """A sky without anything before it.

    Args:
        size: Pixels of a side.
        generator: Of all the randomness.

    Returns:
        Picture ``(3, size, size)`` in [0, 1] and ``SkyCode`` ``(size, size)``, int64.
    """
    rgb, glow = _clear(size, generator)
    opacity = torch.zeros(size, size)
    kind = _draw(generator, 0, 1)
    if kind < 0.2:
        rgb, opacity = _overcast(size, generator) + 0.4 * glow, torch.ones(size, size)
    elif kind < 0.85:
        for _ in range(1 + int(_draw(generator, 0, 1.4))):
            over, colour = _layer(size, generator, _draw(generator, 0.02, 0.98))
            rgb = rgb + over * (colour * (1 + 0.5 * glow) - rgb)
            opacity = 1 - (1 - opacity) * (1 - over)
    codes = torch.full((size, size), NOT_LABELLED)
    codes[opacity <= CLEAR_OPACITY] = SkyCode.CLEAR
    codes[(opacity >= THIN_OPACITY) & (opacity < THICK_OPACITY)] = SkyCode.THIN
    codes[opacity >= THICK_OPACITY] = SkyCode.THICK
    codes[rgb.amin(0) >= 1.0] = SkyCode.GLARE  # drowned: whatever is there
    return rgb.clamp(0, 1), codes
