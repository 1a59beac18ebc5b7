"""What a picture shows of the sky: where open sky, occluders and glare are, and clear sky, thin and thick cloud.

A UNet over the picture and over what makes colour thresholds hold on cameras never seen: colour ratios, and each
pixel against its own picture (Li, Lu and Yang 2011 cut every picture at a threshold of its own). At the coarsest
level every position sees the whole picture; these features are also the camera's tokens in a fusion.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.contracts.sky_masks import CloudClass, SurfaceClass
from models.nets.attention import TransformerBlock

COLOUR_PLANES = 5
"""Planes of ``colour_planes``."""
_TINY = 1e-3


@dataclass(frozen=True)
class SkyEncoderConfig:
    """Shape of a ``SkyEncoder``.

    Attributes:
        widths: Channels per level, the finest first; multiples of 8. The finest is at half the input's resolution,
            each further level halves it.
        context_blocks: Transformer blocks at the coarsest level; 0 for none.
        context_heads: Their heads.
        colour: The net sees ``colour_planes`` beside the picture.
    """

    widths: tuple[int, ...] = (16, 32, 64, 96)
    context_blocks: int = 1
    context_heads: int = 4
    colour: bool = True

    @property
    def feature_channels(self) -> int:
        """Channels of ``SkyMaps.features``."""
        return self.widths[-1]

    @property
    def feature_stride(self) -> int:
        """Pixels of the input per position of ``SkyMaps.features``: 16 with four levels."""
        return 1 << len(self.widths)


class SkyMaps(NamedTuple):
    """What a ``SkyEncoder`` says of a batch of pictures.

    Attributes:
        surface: Logits ``(B, 3, y, x)`` of ``SurfaceClass``.
        cloud: Logits ``(B, 3, y, x)`` of ``CloudClass``, given open sky.
        features: ``(B, C, h, w)``, ``h = ceil(y / stride)``.
    """

    surface: Tensor
    cloud: Tensor
    features: Tensor


def colour_planes(x: Tensor) -> Tensor:
    """Colour of each pixel, alone and against its picture.

    Args:
        x: Pictures ``(B, 3, y, x)`` in [0, 1].

    Returns:
        ``(B, COLOUR_PLANES, y, x)``: ``(b - r) / (b + r)``; saturation ``(max - min) / max``; the first of these
        minus its mean over the picture, weighted by brightness (the sky is bright), over its spread; brightness minus
        its mean, over its spread; log of the local contrast (spread of the brightness within 5 x 5 pixels).
    """
    red, blue = x[:, :1], x[:, 2:]
    high, low, light = x.amax(1, keepdim=True), x.amin(1, keepdim=True), x.mean(1, keepdim=True)
    blueness = (blue - red) / (blue + red + 0.02)  # a black pixel has no colour
    saturation = (high - low) / (high + 0.02)
    local = F.avg_pool2d(light, 5, 1, 2, count_include_pad=False)
    square = F.avg_pool2d(light**2, 5, 1, 2, count_include_pad=False)
    contrast = ((square - local**2).clamp(min=0) + _TINY**2).sqrt().log() / 3 + 1.5  # within about [-1, 1]
    relative_blue = _standardised(blueness, light**2)
    relative_light = _standardised(light, torch.ones_like(light))
    return torch.cat([blueness, saturation, relative_blue, relative_light, contrast], dim=1)


def _standardised(value: Tensor, weight: Tensor) -> Tensor:
    weight = weight + _TINY
    weight = weight / weight.sum((-2, -1), keepdim=True)
    mean = (weight * value).sum((-2, -1), keepdim=True)
    variance = (weight * (value - mean) ** 2).sum((-2, -1), keepdim=True)
    return ((value - mean) / (variance + 0.02**2).sqrt()).clamp(-4, 4)


def _convolutions(channels_in: int, channels_out: int) -> nn.Sequential:
    """Twice (3 x 3 convolution, group norm, ReLU)."""
    layers: list[nn.Module] = []
    for channels in (channels_in, channels_out):
        layers += [
            nn.Conv2d(channels, channels_out, 3, padding=1, bias=False),
            nn.GroupNorm(8, channels_out),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


class SkyEncoder(nn.Module):
    """``(B, 3, y, x) -> SkyMaps`` for any size; a picture's maps do not depend on its neighbours in the batch.

    Args:
        config: See ``SkyEncoderConfig``.
    """

    def __init__(self, config: SkyEncoderConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or SkyEncoderConfig()
        widths = config.widths
        planes = 3 + (COLOUR_PLANES if config.colour else 0)
        self.down = nn.ModuleList(
            _convolutions(c_in, c_out) for c_in, c_out in zip((4 * planes, *widths[:-1]), widths, strict=True)
        )
        self.context = nn.ModuleList(
            TransformerBlock(widths[-1], config.context_heads, mlp_ratio=2)
            for _ in range(config.context_blocks)
        )
        self.up = nn.ModuleList(
            _convolutions(coarse + fine, fine)
            for coarse, fine in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.head = nn.Conv2d(widths[0], 4 * (len(SurfaceClass) + len(CloudClass)), 1)

    def encode(self, x: Tensor) -> list[Tensor]:
        """Features of every level, the finest first; those of the last level have seen the whole picture."""
        height, width = x.shape[-2:]
        if self.config.colour:
            x = torch.cat([x, colour_planes(x)], dim=1)
        h = F.pixel_unshuffle(F.pad(x, (0, width % 2, 0, height % 2), mode="replicate"), 2)
        levels: list[Tensor] = []
        for level, convolutions in enumerate(self.down):
            if level:
                h = F.max_pool2d(h, 2, ceil_mode=True)  # ceil: a row of one pixel stays one pixel
            h = convolutions(h)
            levels.append(h)
        for block in self.context:
            h = block(h.flatten(2).transpose(1, 2)).transpose(1, 2).reshape(h.shape)
        return [*levels[:-1], h]

    def forward(self, x: Tensor) -> SkyMaps:
        """Maps at the input's own size, features at ``feature_stride``."""
        height, width = x.shape[-2:]
        levels = self.encode(x)
        h = levels[-1]
        for convolutions, skip in zip(self.up, levels[-2::-1], strict=True):
            h = F.interpolate(h, size=skip.shape[-2:], mode="bilinear", align_corners=False)
            h = convolutions(torch.cat([h, skip], dim=1))
        out = F.pixel_shuffle(self.head(h), 2)[..., :height, :width]
        return SkyMaps(out[:, : len(SurfaceClass)], out[:, len(SurfaceClass) :], levels[-1])


def cover_log_probabilities(maps: SkyMaps) -> Tensor:
    """Log probabilities ``(B, 3, y, x)`` of the classes of ``models.science.cover``: other, sky, cloud.

    Sky behind glare counts as what the cloud head makes of it; thin and thick cloud are cloud.
    """
    surface, cloud = maps.surface.log_softmax(1), maps.cloud.log_softmax(1)
    seen = torch.logaddexp(surface[:, SurfaceClass.SKY], surface[:, SurfaceClass.GLARE])
    cloudy = torch.logaddexp(cloud[:, CloudClass.THIN], cloud[:, CloudClass.THICK])
    other = surface[:, SurfaceClass.OCCLUDER]
    return torch.stack([other, seen + cloud[:, CloudClass.CLEAR], seen + cloudy], dim=1)
