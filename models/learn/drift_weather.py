"""Light, weather and the camera's own faults, painted on views: what a registration must look through."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class ViewWeather:
    """Shares of the views to which each effect happens.

    Attributes:
        severe: Share of the views that shadows, tone, fog, night and rain may befall at all: others stay easy to read,
            or nothing is learned from the start.
        light: A smooth change of the light across the view, and its gamma.
        shadow: Hard-edged shadows.
        tone: A tone curve that is not monotone: materials change their order of brightness, as in infrared.
        fog: Blending towards a bright or dark veil.
        night: Little light, noise, lamps with halos.
        rain: Streaks and flakes.
        blur: Defocus, drops.
        noise: Noise of the sensor.
        jpeg: Compression in blocks of 8 x 8.
    """

    severe: float = 0.45
    light: float = 0.8
    shadow: float = 0.35
    tone: float = 0.25
    fog: float = 0.25
    night: float = 0.25
    rain: float = 0.08
    blur: float = 0.3
    noise: float = 0.5
    jpeg: float = 0.5


def weather(colour: Tensor, style: ViewWeather, generator: torch.Generator) -> Tensor:
    """Luma of views under weather of their own.

    Args:
        colour: ``(batch, 3, y, x)`` in [0, 1].
        style: How often what happens.
        generator: Fixes all of it.

    Returns:
        ``(batch, 1, y, x)`` in [0, 1].
    """
    mix = torch.tensor([0.3, 0.59, 0.11]) + 0.25 * torch.randn(colour.shape[0], 3, generator=generator)
    mix = mix.clamp_min(0.0) + 0.02
    luma = torch.einsum("bcyx,bc->byx", colour, mix / mix.sum(1, keepdim=True))[:, None]
    severe = torch.rand(luma.shape[0], generator=generator) < style.severe
    effects: tuple[tuple[float, bool, Callable[[Tensor, torch.Generator], Tensor]], ...] = (
        (style.tone, True, _tone),
        (style.light, False, _light),
        (style.shadow, True, _shadow),
        (style.fog, True, _fog),
        (style.night, True, _night),
        (style.rain, True, _rain),
        (style.blur, False, _blur),
        (style.noise, False, _noise),
        (style.jpeg, False, _jpeg),
    )
    for share, harsh, effect in effects:
        chosen = torch.rand(luma.shape[0], generator=generator) < share
        if harsh:
            chosen &= severe
        if bool(chosen.any()):
            luma = luma.clone()
            luma[chosen] = effect(luma[chosen], generator).clamp(0, 1)
    return luma


def _per_view(luma: Tensor, low: float, high: float, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(luma.shape[0], 1, 1, 1, generator=generator)


def smooth_field(luma: Tensor, cells: int, generator: torch.Generator) -> Tensor:
    """Unit normal noise of few cells, smooth, at the views' shape."""
    noise = torch.randn(luma.shape[0], 1, cells, cells, generator=generator)
    return F.interpolate(noise, size=luma.shape[-2:], mode="bicubic", align_corners=True)


def _tone(luma: Tensor, generator: torch.Generator) -> Tensor:
    knots = torch.rand(luma.shape[0], 6, generator=generator)
    keep = _per_view(luma, 0.0, 0.7, generator)[..., 0, 0]
    knots = keep * torch.linspace(0, 1, 6) + (1 - keep) * knots
    at = luma * 5
    lower = at.floor().clamp(0, 4).long()
    flat = lower.flatten(1)
    left, right = knots.gather(1, flat), knots.gather(1, flat + 1)
    return (left + (right - left) * (at - lower).flatten(1)).reshape(luma.shape)


def _light(luma: Tensor, generator: torch.Generator) -> Tensor:
    gamma = torch.exp(0.45 * torch.randn(luma.shape[0], 1, 1, 1, generator=generator))
    field = torch.exp(0.4 * smooth_field(luma, 4, generator))
    return luma.clamp_min(1e-4) ** gamma * field * _per_view(luma, 0.7, 1.3, generator)


def _shadow(luma: Tensor, generator: torch.Generator) -> Tensor:
    cells = int(torch.randint(3, 9, (), generator=generator))
    field = smooth_field(luma, cells, generator)
    inside = torch.sigmoid((field - _per_view(luma, -0.5, 0.8, generator)) * 30)
    return luma * (1 - inside * _per_view(luma, 0.3, 0.8, generator))


def _fog(luma: Tensor, generator: torch.Generator) -> Tensor:
    height = luma.shape[-2]
    rise = torch.linspace(0, 1, height)[None, None, :, None] * _per_view(luma, -2.0, 0.5, generator)
    depth = torch.exp(rise + 0.4 * smooth_field(luma, 3, generator)) * _per_view(luma, 0.3, 2.2, generator)
    clear = torch.exp(-depth)
    return luma * clear + _per_view(luma, 0.45, 0.95, generator) * (1 - clear)


def _night(luma: Tensor, generator: torch.Generator) -> Tensor:
    dark = luma * torch.exp(0.7 * smooth_field(luma, 4, generator)) * _per_view(luma, 0.05, 0.5, generator)
    spots = torch.zeros_like(luma)
    height, width = luma.shape[-2:]
    for i in range(luma.shape[0]):
        count = int(torch.randint(0, 12, (), generator=generator))
        at = (torch.rand(count, 2, generator=generator) * torch.tensor([height - 1, width - 1])).long()
        spots[i, 0, at[:, 0], at[:, 1]] = 1.0
    lamps = 9 * _gaussian(spots, 1.2) + 90 * _gaussian(spots, 6.0)
    noise = torch.randn(luma.shape, generator=generator) * _per_view(luma, 0.005, 0.05, generator)
    return dark + lamps * _per_view(luma, 0.3, 1.5, generator) + noise


def _rain(luma: Tensor, generator: torch.Generator) -> Tensor:
    drops = (torch.rand(luma.shape, generator=generator) > 0.997).float()
    length = int(torch.randint(3, 15, (), generator=generator)) | 1
    streaks = F.avg_pool2d(drops, (length, 1), 1, (length // 2, 0)) * length
    return luma + _gaussian(streaks, 0.7) * _per_view(luma, 0.1, 0.8, generator)


def _blur(luma: Tensor, generator: torch.Generator) -> Tensor:
    return _gaussian(luma, float(_per_view(luma[:1], 0.4, 1.8, generator)))


def _noise(luma: Tensor, generator: torch.Generator) -> Tensor:
    return luma + torch.randn(luma.shape, generator=generator) * _per_view(luma, 0.0, 0.06, generator)


def _gaussian(luma: Tensor, sigma: float) -> Tensor:
    reach = max(1, math.ceil(2.5 * sigma))
    x = torch.arange(-reach, reach + 1, dtype=luma.dtype)
    kernel = torch.exp(-0.5 * (x / sigma) ** 2)
    kernel = kernel / kernel.sum()
    padded = F.pad(luma, (reach, reach, reach, reach), mode="replicate")
    return F.conv2d(F.conv2d(padded, kernel[None, None, None]), kernel[None, None, :, None])


_STEPS = torch.tensor(  # luminance table of ITU-T T.81, annex K.1
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    dtype=torch.float32,
)


def _cosines() -> Tensor:
    n = torch.arange(8, dtype=torch.float32)
    basis = torch.cos(math.pi / 8 * (n[None] + 0.5) * n[:, None]) / 2
    basis[0] /= math.sqrt(2)
    return basis


def _jpeg(luma: Tensor, generator: torch.Generator) -> Tensor:
    """Quantise the cosines of 8 x 8 blocks as a JPEG of quality 15 to 80 does."""
    batch, _, height, width = luma.shape
    basis = _cosines()
    quality = _per_view(luma, 15, 80, generator)[..., None, None]
    scale = torch.where(quality < 50, 50 / quality, 2 - quality / 50)
    blocks = (luma * 255 - 128).reshape(batch, 1, height // 8, 8, width // 8, 8).transpose(3, 4)
    steps = (_STEPS * scale).clamp_min(1)
    rounded = ((basis @ blocks @ basis.T) / steps).round() * steps
    restored = (basis.T @ rounded @ basis).transpose(3, 4).reshape(batch, 1, height, width)
    return (restored + 128) / 255
