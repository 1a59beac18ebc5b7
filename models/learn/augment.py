"""Random crops and camera effects for training on pictures of one look and answering on another.

Every function takes an explicit generator: the batch of a step depends on the seed and the step alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from models.cloud import resize
from models.learn.datasets import Sample
from models.science.cover import CLOUD, OTHER, SKY

Box = tuple[int, int, int, int]
"""Top, bottom, left, right."""


@dataclass(frozen=True)
class AugmentConfig:
    """Strengths of the augmentation; 0 leaves an effect out.

    Attributes:
        size: Side of the square crops, pixels.
        min_scale: Least share of a picture's sides that a crop takes.
        max_aspect: Most that a crop is stretched in one direction.
        exposure_stops: Standard deviation of the exposure, stops.
        gamma: Standard deviation of log gamma.
        white_balance: Standard deviation of the log gain of red and of blue.
        saturation: Standard deviation of log saturation.
        haze: Most of a grey veil laid over the picture, share.
        contrast: Standard deviation of log contrast.
        blur: Chance of a blur.
        noise: Most of the noise's standard deviation, of full scale.
        jpeg: Chance of coarse 8 x 8 block quantisation.
        grey: Chance of losing all colour.
        sky_only: Chance of a small crop where most of it is sky: a camera that looks up.
        disc: Chance of a black frame around a disc, as all-sky cameras have; it counts as other.
        ground_stops: Standard deviation of the brightness of what is not sky, stops: dark woods, white walls.
        pale_sky: Most of a grey mixed into the sky, share: haze takes the blue out of it.
    """

    size: int = 160
    min_scale: float = 0.45
    max_aspect: float = 1.5
    exposure_stops: float = 0.45
    gamma: float = 0.2
    white_balance: float = 0.09
    saturation: float = 0.35
    haze: float = 0.35
    contrast: float = 0.15
    blur: float = 0.3
    noise: float = 0.04
    jpeg: float = 0.4
    grey: float = 0.03
    sky_only: float = 0.0
    disc: float = 0.0
    ground_stops: float = 0.0
    pale_sky: float = 0.0


def _uniform(generator: torch.Generator, low: float = 0.0, high: float = 1.0) -> float:
    return low + (high - low) * float(torch.rand((), generator=generator))


_SKY_TRIES = 5  # boxes to choose from for a crop of sky
_LOOKING_UP = 0.9  # a crop with more sky than this has no upright side: it may be turned


def _box(height: int, width: int, scale: float, config: AugmentConfig, generator: torch.Generator) -> Box:
    stretch = math.exp(_uniform(generator, -1, 1) * 0.5 * math.log(config.max_aspect))
    h, w = max(1, round(height * min(1.0, scale * stretch))), max(1, round(width * min(1.0, scale / stretch)))
    top, left = (
        int(_uniform(generator, 0, height - h + 0.999)),
        int(_uniform(generator, 0, width - w + 0.999)),
    )
    return top, top + h, left, left + w


def _sky_share(mask: Tensor) -> float:
    return float(((mask == SKY) | (mask == CLOUD)).float().mean())


def _choose_box(mask: Tensor, config: AugmentConfig, generator: torch.Generator) -> Box:
    height, width = mask.shape
    if _uniform(generator) >= config.sky_only:
        return _box(height, width, _uniform(generator, config.min_scale, 1.0), config, generator)
    boxes = [
        _box(height, width, _uniform(generator, 0.5 * config.min_scale, 0.6), config, generator)
        for _ in range(_SKY_TRIES)
    ]
    return max(boxes, key=lambda box: _sky_share(mask[box[0] : box[1], box[2] : box[3]]))


def random_crop(sample: Sample, config: AugmentConfig, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """A random box, flipped, turned or not, as ``(3, size, size)`` in [0, 1] and ``(size, size)``."""
    top, bottom, left, right = _choose_box(sample.mask, config, generator)
    rgb, mask = sample.rgb[:, top:bottom, left:right], sample.mask[top:bottom, left:right]
    if _uniform(generator) < 0.5:
        rgb, mask = rgb.flip(-1), mask.flip(-1)
    size = (config.size, config.size)
    labels = F.interpolate(mask[None, None].float(), size=size, mode="nearest-exact")[0, 0].long()
    picture = resize(rgb[None].float() / 255, size)[0]
    if _sky_share(labels) > _LOOKING_UP:
        quarters = int(_uniform(generator, 0, 3.999))
        picture, labels = picture.rot90(quarters, (-2, -1)), labels.rot90(quarters, (-2, -1))
    if _uniform(generator) < config.disc:
        picture, labels = _framed(picture, labels, generator)
    return picture, labels


def _framed(picture: Tensor, labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Black out all but a disc."""
    size = labels.shape[-1]
    axis = torch.linspace(-1, 1, size)
    across, down = axis - _uniform(generator, -0.1, 0.1), axis - _uniform(generator, -0.1, 0.1)
    outside = across[None] ** 2 + down[:, None] ** 2 > _uniform(generator, 0.75, 1.15) ** 2
    black = _uniform(generator, 0.0, 0.1)
    return torch.where(outside, torch.full_like(picture, black), picture), labels.masked_fill(outside, OTHER)


def light_by_class(rgb: Tensor, labels: Tensor, config: AugmentConfig, generator: torch.Generator) -> Tensor:
    """Vary the ground's brightness against the sky's, and the sky's blue, of ``(B, 3, y, x)``, per picture.

    No simulated place is as dark as a wood in the shade or as bright as a wall in the sun, and no rendered haze as
    grey as a city's: here the labels tell which pixels to change.
    """
    n = rgb.shape[0]
    other = (labels == OTHER)[:, None]
    sky = ((labels == SKY) | (labels == CLOUD))[:, None]
    gain = torch.exp2(config.ground_stops * torch.randn(n, 1, 1, 1, generator=generator))
    x = torch.where(other, (rgb * gain).clamp(0, 1), rgb)
    pale = config.pale_sky * torch.rand(n, 1, 1, 1, generator=generator)
    pale = pale * (torch.rand(n, 1, 1, 1, generator=generator) < 0.4)
    return torch.where(sky, x * (1 - pale) + pale * x.mean(1, keepdim=True), x)


def _block_quantised(x: Tensor, step: float) -> Tensor:
    """Quantise the detail within 8 x 8 blocks, as a strongly compressed JPEG does."""
    mean = F.interpolate(F.avg_pool2d(x, 8, ceil_mode=True), size=x.shape[-2:], mode="nearest")
    return mean + ((x - mean) / step).round() * step


def camera_effects(rgb: Tensor, config: AugmentConfig, generator: torch.Generator) -> Tensor:
    """Vary colour, exposure, haze, sharpness, noise and compression of ``(B, 3, y, x)`` in [0, 1], per picture."""
    n = rgb.shape[0]

    def normal(*shape: int) -> Tensor:
        return torch.randn(n, *shape, 1, 1, generator=generator)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(n, *shape, 1, 1, generator=generator)

    x = rgb
    grey = x.mean(1, keepdim=True)
    saturation = torch.exp(config.saturation * normal(1)) * (uniform(1) >= config.grey)
    x = grey + (x - grey) * saturation
    gains = torch.exp(config.white_balance * normal(3) * torch.tensor([1.0, 0.3, 1.0])[None, :, None, None])
    x = (x * gains * torch.exp2(config.exposure_stops * normal(1))).clamp(0, 1)
    x = (x + 1e-4) ** torch.exp(config.gamma * normal(1))
    middle = x.mean((1, 2, 3), keepdim=True)
    x = middle + (x - middle) * torch.exp(config.contrast * normal(1))
    veil = config.haze * uniform(1) * (uniform(1) < 0.5)
    x = x * (1 - veil) + veil * (0.5 + 0.4 * uniform(1))
    blurred = F.interpolate(F.avg_pool2d(x, 2, ceil_mode=True), size=x.shape[-2:], mode="bilinear")
    x = torch.where(uniform(1) < config.blur, blurred, x)
    x = x + config.noise * uniform(1) * torch.randn(x.shape, generator=generator)
    quantised = _block_quantised(x, 0.02 + 0.06 * _uniform(generator))
    return torch.where(uniform(1) < config.jpeg, quantised, x).clamp(0, 1)


def draw_batch(
    samples: Sequence[Sample],
    weights: Tensor,
    batch_size: int,
    config: AugmentConfig,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Draw, crop and vary a batch.

    Args:
        samples: The training set.
        weights: Chance of each sample, up to a factor ``(n,)``.
        batch_size: Pictures.
        config: Strengths.
        generator: Of all the randomness.

    Returns:
        Pictures ``(B, 3, size, size)`` in [0, 1] and labels ``(B, size, size)``, int64.
    """
    rows = torch.multinomial(weights, batch_size, replacement=True, generator=generator)
    crops = [random_crop(samples[int(i)], config, generator) for i in rows]
    labels = torch.stack([c[1] for c in crops])
    rgb = light_by_class(torch.stack([c[0] for c in crops]), labels, config, generator)
    return camera_effects(rgb, config, generator), labels
