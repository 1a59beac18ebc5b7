"""Visible cloud cover of pictures of any size: network, tiling, uncertainty and abstention.

The network sees pictures at a fixed scale (long side ``CloudConfig.long_side``); wide panoramas are cut into
overlapping tiles whose class probabilities are averaged. Pictures of many cameras share batches: tiles are
batched by shape, whatever camera they come from.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from models.contracts.flags import ValueFlag
from models.nets.fcn import FCN, FCNConfig
from models.nets.sky_encoder import SkyEncoder, SkyEncoderConfig, SkyMaps, cover_log_probabilities
from models.nets.unet import UNet, UNetConfig
from models.science.cover import CLOUD, SKY, cover_of_mask, visible_fraction
from models.science.sky_solid_angle import visible_dome_fraction, weighted_cover

N_CLASSES = 3
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


@dataclass(frozen=True)
class CloudConfig:
    """How a picture becomes a cover.

    Attributes:
        architecture: ``sky`` (``models.nets.sky_encoder``), ``unet`` or ``fcn``.
        widths: Channels per level of the UNet or the encoder.
        context_heads: Heads of their transformer block; 0 for none.
        fcn_width: Channels of the FCN.
        long_side: Pixels of a tile's long side as the network sees it.
        max_aspect: Pictures wider (or higher) than this are tiled.
        min_visible: Least fraction of the picture that must be sky; below, it abstains.
        min_luma: Least mean luma of the sky, in [0, 1]; below, it is dark and it abstains.
        sigma_floor: Standard error of the cover where the network is certain.
        sigma_slope: Its growth with the mean ambiguity of the sky pixels; see ``ambiguity``.
    """

    architecture: str = "unet"
    widths: tuple[int, ...] = (16, 32, 64, 96)
    context_heads: int = 4
    fcn_width: int = 32
    long_side: int = 192
    max_aspect: float = 2.0
    min_visible: float = 0.02
    min_luma: float = 0.2
    sigma_floor: float = 0.05
    sigma_slope: float = 0.5


def build_cloud_net(config: CloudConfig) -> nn.Module:
    """The untrained network of a configuration.

    Raises:
        ValueError: Unknown architecture.
    """
    if config.architecture == "unet":
        return UNet(UNetConfig(3, N_CLASSES, config.widths, patch=2, context_heads=config.context_heads))
    if config.architecture == "fcn":
        return FCN(FCNConfig(3, N_CLASSES, config.fcn_width))
    if config.architecture == "sky":
        heads = config.context_heads
        return SkyEncoder(SkyEncoderConfig(config.widths, int(heads > 0), max(1, heads)))
    raise ValueError(f"unknown architecture {config.architecture!r}; known: sky, unet, fcn")


def class_probabilities(output: Tensor | SkyMaps) -> Tensor:
    """Probabilities ``(B, 3, y, x)`` of other, sky and cloud, of what a network of any architecture answers."""
    if isinstance(output, SkyMaps):
        return cover_log_probabilities(output).float().exp()
    return output.float().softmax(1)


@dataclass
class CloudModel:
    """A network with what is needed to read its answers."""

    net: nn.Module
    config: CloudConfig = field(default_factory=CloudConfig)


@dataclass(frozen=True)
class CoverEstimate:
    """The answer for one picture.

    Attributes:
        mask: Classes ``(y, x)``, uint8, at the picture's own size: 0 other, 1 sky, 2 cloud. Given where the
            cover is withheld, too.
        cover: Cloud over visible sky of the mask, in [0, 1]; NaN where withheld.
        sigma: One standard error of the cover; NaN where withheld.
        flag: ``GOOD``; ``ABSTAINED`` where no sky is in view; ``DARK``.
        ambiguity: Mean of ``4 p (1 - p)`` over the sky, ``p`` the probability of cloud given sky, in [0, 1].
        visible: Share of the picture that is sky, clear or cloudy; where solid angles were given, share of the whole
            sky that is seen.
    """

    mask: NDArray[np.uint8]
    cover: float
    sigma: float
    flag: ValueFlag
    ambiguity: float
    visible: float = math.nan


def to_unit_rgb(image: NDArray[np.uint8] | NDArray[np.uint16]) -> Tensor:
    """``(y, x, 3)`` uint8 or uint16 to ``(1, 3, y, x)`` float in [0, 1].

    Raises:
        ValueError: Another shape or dtype, or no pixels.
    """
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(f"a picture is (y, x, 3), not {image.shape}")
    if image.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"a picture is uint8 or uint16, not {image.dtype}")
    full = float(np.iinfo(image.dtype).max)
    return torch.from_numpy(image.astype(np.float32) / full).permute(2, 0, 1)[None]


def tile_bounds(height: int, width: int, max_aspect: float) -> list[tuple[int, int, int, int]]:
    """Tiles ``(top, bottom, left, right)`` that cover a picture, none longer than ``max_aspect`` times its breadth.

    Tiles have one size and overlap by at least a quarter; a picture within the aspect is one tile.
    """
    short, long = min(height, width), max(height, width)
    size = max(1, math.floor(short * max_aspect))
    if long <= size:
        return [(0, height, 0, width)]
    count = math.ceil((long - size) / max(1.0, 0.75 * size)) + 1
    starts = [round(i * (long - size) / (count - 1)) for i in range(count)]
    if width >= height:
        return [(0, height, s, s + size) for s in starts]
    return [(s, s + size, 0, width) for s in starts]


def _scaled(height: int, width: int, long_side: int) -> tuple[int, int]:
    scale = long_side / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear resize of ``(B, C, y, x)``, averaged where it shrinks."""
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False, antialias=True)


def _tile_probabilities(
    model: CloudModel, tiles: Sequence[Tensor], batch_size: int, device: torch.device
) -> list[Tensor]:
    """Class probabilities ``(1, 3, h, w)`` of each tile, batched by shape."""
    by_shape: dict[tuple[int, int], list[int]] = defaultdict(list)
    for i, tile in enumerate(tiles):
        by_shape[tile.shape[-2], tile.shape[-1]].append(i)
    out: list[Tensor] = [torch.empty(0)] * len(tiles)
    for members in by_shape.values():
        for start in range(0, len(members), batch_size):
            rows = members[start : start + batch_size]
            answer = class_probabilities(model.net(torch.cat([tiles[i] for i in rows]).to(device)))
            for i, p in zip(rows, answer.cpu(), strict=True):
                out[i] = p[None]
    return out


def _estimate(
    config: CloudConfig, luma: Tensor, probabilities: Tensor, weights: NDArray[np.float64] | None
) -> CoverEstimate:
    """Cover and its standard error from probabilities ``(3, y, x)``, luma ``(y, x)`` and steradians ``(y, x)``."""
    mask = probabilities.argmax(0).to(torch.uint8).numpy()
    cover, visible = cover_of_mask(mask), visible_fraction(mask)
    seen = torch.from_numpy(mask > 0)
    share = visible
    if weights is not None:
        cover, share = weighted_cover(mask, weights), visible_dome_fraction(mask, weights)
    if math.isnan(cover) or visible < config.min_visible:
        return CoverEstimate(mask, math.nan, math.nan, ValueFlag.ABSTAINED, math.nan, share)
    sky, cloud = probabilities[SKY][seen], probabilities[CLOUD][seen]
    p = cloud / (sky + cloud)
    ambiguity = float((4 * p * (1 - p)).mean())
    if float(luma[seen].mean()) < config.min_luma:
        return CoverEstimate(mask, math.nan, math.nan, ValueFlag.DARK, ambiguity, share)
    sigma = config.sigma_floor + config.sigma_slope * ambiguity
    return CoverEstimate(mask, cover, sigma, ValueFlag.GOOD, ambiguity, share)


@torch.inference_mode()
def predict_cover(
    model: CloudModel,
    images: Sequence[NDArray[np.uint8] | NDArray[np.uint16]],
    *,
    hidden: Sequence[NDArray[np.bool_] | None] | None = None,
    solid_angles: Sequence[NDArray[np.float64] | None] | None = None,
    batch_size: int = 8,
    device: torch.device | str | None = None,
) -> list[CoverEstimate]:
    """Masks and visible covers of pictures of any sizes, in the order given.

    Args:
        model: Network and configuration.
        images: Upright pictures ``(y, x, 3)``, uint8 or uint16.
        hidden: Per picture, pixels ``(y, x)`` that are blacked out, ``None`` for none: they are neither sky nor cloud.
        solid_angles: Per picture, steradians of its pixels ``(y, x)`` (``models.science.sky_solid_angle``), ``None``
            where its geometry is not known: then all pixels weigh alike.
        batch_size: Tiles per forward pass.
        device: CUDA where there is one, by default.

    Raises:
        ValueError: A picture of another shape or dtype.
    """
    device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    model.net.to(device).eval()
    estimates: list[CoverEstimate] = []
    unseen = iter(hidden or [None] * len(images))
    steradians = iter(solid_angles or [None] * len(images))
    for start in range(0, len(images), 4 * batch_size):  # bounds memory: full-size pictures are large
        chunk = [to_unit_rgb(image) for image in images[start : start + 4 * batch_size]]
        bounds = [tile_bounds(rgb.shape[-2], rgb.shape[-1], model.config.max_aspect) for rgb in chunk]
        tiles = [
            resize(rgb[..., t:b, l:r], _scaled(b - t, r - l, model.config.long_side))
            for rgb, boxes in zip(chunk, bounds, strict=True)
            for t, b, l, r in boxes  # noqa: E741
        ]
        answers = iter(_tile_probabilities(model, tiles, batch_size, device))
        for rgb, boxes in zip(chunk, bounds, strict=True):
            total = torch.zeros(N_CLASSES, *rgb.shape[-2:])
            for t, b, l, r in boxes:  # noqa: E741
                p = F.interpolate(next(answers), size=(b - t, r - l), mode="bilinear", align_corners=False)
                total[:, t:b, l:r] += p[0]
            luma = torch.einsum("cyx,c->yx", rgb[0], torch.tensor(_LUMA))
            probabilities = total / total.sum(0)
            if (pixels := next(unseen)) is not None:
                probabilities[:, torch.from_numpy(pixels.copy())] = torch.tensor([[1.0], [0.0], [0.0]])
            estimates.append(_estimate(model.config, luma, probabilities, next(steradians)))
    return estimates
