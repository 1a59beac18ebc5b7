"""Training pictures for cameras never seen: crops, skies exchanged, all-sky views made of ordinary ones.

Every function takes an explicit generator, as in ``models.learn.augment``, whose camera effects come last.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F

from models.contracts.sky_masks import NOT_LABELLED
from models.learn.augment import AugmentConfig, camera_effects
from models.learn.datasets import Sample
from models.learn.sky_codes import SkyCode
from models.learn.sky_painting import paint_sky

Pair = tuple[Tensor, Tensor]
"""Picture ``(3, s, s)`` in [0, 1], codes ``(s, s)`` int64."""


@dataclass(frozen=True)
class SkyAugmentConfig:
    """Strengths; chances are per picture.

    Attributes:
        size: Side of the squares that are trained on, pixels.
        min_scale: Least share of a picture's sides that a crop takes.
        max_aspect: Most that a crop is stretched in one direction.
        polar: Chance that a picture is bent around the zenith: its top to the middle, its sides all around.
        painted: Chance that the sky is a painted one.
        bare: Of these, the share with nothing before the sky.
        disc: Chance of a frame around a disc, black, grey or white; it counts as other.
        ground_stops: Standard deviation of the brightness of what is not sky, stops.
        pale_sky: Most of a grey mixed into the sky, share.
        camera: Effects of the camera, which come last.
    """

    size: int = 160
    min_scale: float = 0.35
    max_aspect: float = 1.6
    polar: float = 0.2
    painted: float = 0.45
    bare: float = 0.4
    disc: float = 0.12
    ground_stops: float = 0.5
    pale_sky: float = 0.5
    camera: AugmentConfig = field(
        default_factory=lambda: AugmentConfig(
            exposure_stops=0.35,
            gamma=0.25,
            white_balance=0.08,
            saturation=0.4,
            haze=0.35,
            contrast=0.2,
            blur=0.35,
            grey=0.02,
        )
    )


def _draw(generator: torch.Generator, low: float = 0.0, high: float = 1.0) -> float:
    return low + (high - low) * float(torch.rand((), generator=generator))


def _sampled(sample: Sample, x: Tensor, y: Tensor) -> Pair:
    """A sample at places ``(s, s)`` in [-1, 1] of its sides; codes from the nearest pixel."""
    grid = torch.stack([x, y], dim=-1)[None]
    rgb = sample.rgb[None].float() / 255
    picture = F.grid_sample(rgb, grid, mode="bilinear", padding_mode="border", align_corners=False)[0]
    codes = F.grid_sample(
        sample.mask[None, None].float(), grid, mode="nearest", padding_mode="border", align_corners=False
    )
    return picture, codes[0, 0].long()


def sky_crop(sample: Sample, config: SkyAugmentConfig, generator: torch.Generator) -> Pair:
    """A random box of a sample, flipped or not."""
    height, width = sample.mask.shape
    scale = _draw(generator, config.min_scale, 1.0)
    stretch = math.exp(0.5 * math.log(config.max_aspect) * _draw(generator, -1, 1))
    h, w = max(2, round(height * min(1.0, scale * stretch))), max(2, round(width * min(1.0, scale / stretch)))
    top, left = int(_draw(generator, 0, height - h + 0.999)), int(_draw(generator, 0, width - w + 0.999))
    size = (config.size, config.size)
    box = slice(top, top + h), slice(left, left + w)
    picture = F.interpolate(
        sample.rgb[None, :, *box].float() / 255, size=size, mode="bilinear", antialias=h > config.size
    )[0]
    codes = F.interpolate(sample.mask[None, None, *box].float(), size=size, mode="nearest-exact")[0, 0].long()
    if _draw(generator) < 0.5:
        picture, codes = picture.flip(-1), codes.flip(-1)
    return picture.clamp(0, 1), codes


def bent_around_zenith(sample: Sample, size: int, generator: torch.Generator) -> Pair:
    """An all-sky view made of an ordinary one: rows become rings, columns angles, there and back without a seam.

    Args:
        sample: An upright picture.
        size: Side of the square.
        generator: Of centre, radius, and the part that is used.

    Returns:
        Picture and codes; beyond the disc other, in one grey from black to white.
    """
    axis = torch.linspace(-1, 1, size)
    across, down = axis[None] - _draw(generator, -0.08, 0.08), axis[:, None] - _draw(generator, -0.08, 0.08)
    radius, around = _draw(generator, 0.8, 1.15), _draw(generator, 0, 2 * math.pi)
    far = (across**2 + down**2).sqrt() / radius
    turn = ((torch.atan2(down, across) + around) / math.pi) % 2  # 0 to 2 around the zenith
    used, first = _draw(generator, 0.5, 1.0), _draw(generator)
    u = (1 - (turn - 1).abs()) * used + first * (1 - used)
    with_sky = ((sample.mask != SkyCode.OTHER).float().mean(1) > 0.1).nonzero()
    lowest = float(with_sky[-1] + 1) / sample.mask.shape[0] if len(with_sky) else 1.0
    top, bottom = lowest * _draw(generator, 0.0, 0.3), min(1.0, lowest * _draw(generator, 0.8, 1.3))
    v = top + (bottom - top) * far.clamp(max=1)
    picture, codes = _sampled(sample, 2 * u - 1, 2 * v - 1)
    return _framed(picture, codes, far > 1, generator)


def _looks_up(sample: Sample) -> bool:
    """Whether a picture is an all-sky one: nothing but frame in its corners, sky in its middle."""
    height, width = sample.mask.shape
    corners = sample.mask[:: height - 1 or 1, :: width - 1 or 1]
    return bool((corners == SkyCode.OTHER).all()) and bool(
        sample.mask[height // 2, width // 2] != SkyCode.OTHER
    )


def _has_sky_on_top(sample: Sample) -> bool:
    return bool((sample.mask[0] != SkyCode.OTHER).float().mean() > 0.2)


def turned(sample: Sample, size: int, generator: torch.Generator) -> Pair:
    """An all-sky picture turned about its middle, nearer or farther, mirrored or not."""
    axis = torch.linspace(-1, 1, size)
    angle, scale = _draw(generator, 0, 2 * math.pi), math.exp(_draw(generator, -0.5, 0.15))
    x, y = axis[None].expand(size, size) + _draw(generator, -0.3, 0.3), axis[:, None].expand(size, size)
    across = scale * (math.cos(angle) * x - math.sin(angle) * y)
    down = scale * (math.sin(angle) * x + math.cos(angle) * y)
    flip = -1.0 if _draw(generator) < 0.5 else 1.0
    return _sampled(sample, flip * across, down)


def _framed(picture: Tensor, codes: Tensor, outside: Tensor, generator: torch.Generator) -> Pair:
    grey = _draw(generator, 0.0, 0.12) if _draw(generator) < 0.7 else _draw(generator, 0.1, 1.0)
    if _draw(generator) < 0.15:
        grey = 1.0
    return torch.where(outside, torch.full_like(picture, grey), picture), codes.masked_fill(
        outside, SkyCode.OTHER
    )


def _disc(picture: Tensor, codes: Tensor, generator: torch.Generator) -> Pair:
    axis = torch.linspace(-1, 1, codes.shape[-1])
    across, down = axis[None] - _draw(generator, -0.1, 0.1), axis[:, None] - _draw(generator, -0.1, 0.1)
    outside = across**2 + down**2 > _draw(generator, 0.75, 1.15) ** 2
    return _framed(picture, codes, outside, generator)


def draw_sky(sample: Sample, config: SkyAugmentConfig, generator: torch.Generator) -> Pair:
    """One picture of a sample, or of a painted sky behind what stands in the sample."""
    painted = _draw(generator) < config.painted
    if painted and _draw(generator) < config.bare:
        picture, codes = paint_sky(config.size, generator)
    else:
        if _looks_up(sample):
            picture, codes = turned(sample, config.size, generator)
        elif _draw(generator) < config.polar and _has_sky_on_top(sample):
            picture, codes = bent_around_zenith(sample, config.size, generator)
        else:
            picture, codes = sky_crop(sample, config, generator)
        if painted:
            behind, sky = paint_sky(config.size, generator)
            open_sky = (codes != SkyCode.OTHER) & (codes != NOT_LABELLED)
            soft = F.avg_pool2d(
                open_sky[None].float(), 3, 1, 1
            )  # edges of what stands there mix with the sky
            picture = picture + soft * (behind - picture)
            codes = torch.where(open_sky, sky, codes)
    if bool((codes != SkyCode.OTHER).float().mean() > 0.9):  # a camera that looks up has no upright side
        quarters = int(_draw(generator, 0, 3.999))
        picture, codes = picture.rot90(quarters, (-2, -1)), codes.rot90(quarters, (-2, -1))
    if _draw(generator) < config.disc:
        picture, codes = _disc(picture, codes, generator)
    return picture, codes


def light_apart(rgb: Tensor, codes: Tensor, config: SkyAugmentConfig, generator: torch.Generator) -> Tensor:
    """Vary the ground's brightness against the sky's, and the sky's blue, of ``(B, 3, y, x)``, per picture."""
    n = rgb.shape[0]

    def uniform() -> Tensor:
        return torch.rand(n, 1, 1, 1, generator=generator)

    other = (codes == SkyCode.OTHER)[:, None]
    sky = ((codes != SkyCode.OTHER) & (codes != NOT_LABELLED))[:, None]
    gain = torch.exp2(config.ground_stops * torch.randn(n, 1, 1, 1, generator=generator))
    x = torch.where(other, (rgb * gain).clamp(0, 1), rgb)
    pale = config.pale_sky * uniform() * (uniform() < 0.4)
    return torch.where(sky, x * (1 - pale) + pale * x.mean(1, keepdim=True), x)


def draw_sky_batch(
    samples: Sequence[Sample],
    weights: Tensor,
    batch_size: int,
    config: SkyAugmentConfig,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Draw and vary a batch.

    Args:
        samples: The training set; masks hold ``SkyCode``.
        weights: Chance of each sample, up to a factor ``(n,)``.
        batch_size: Pictures.
        config: Strengths.
        generator: Of all the randomness.

    Returns:
        Pictures ``(B, 3, size, size)`` in [0, 1] and codes ``(B, size, size)``, int64.
    """
    rows = torch.multinomial(weights, batch_size, replacement=True, generator=generator)
    pairs = [draw_sky(samples[int(i)], config, generator) for i in rows]
    codes = torch.stack([pair[1] for pair in pairs])
    rgb = light_apart(torch.stack([pair[0] for pair in pairs]), codes, config, generator)
    return camera_effects(rgb, config.camera, generator), codes
