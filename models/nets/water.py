"""Where water is in a picture, and whether that can be told at all; and from there a level that only rises with water.

Two forms of one network: a plain UNet, and one with a transformer block at the coarsest level, where a place can ask
the whole picture. Both see the picture, its local contrast, in which slow light is gone, and how well every row mirrors
what is above it in what is below: the edge of calm water does.

Source: Ronneberger et al. 2015 (UNet); the level as a weighted share of water follows the static observer flooding
index of Moy de Vitry et al. 2019, with weights that are high where water comes and goes.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.nets.drift import local_contrast
from models.nets.mirror_symmetry import mirror_symmetry
from models.nets.unet import UNet, UNetConfig

LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class WaterNetConfig:
    """Shape of a ``WaterNet``.

    Attributes:
        widths: Channels per level of the UNet, the finest first; multiples of 8.
        context_heads: Heads of the transformer block at the coarsest level; 0: the plain UNet.
        patch: See ``UNetConfig``.
        mirror: Rows that are compared above and below each row, see ``mirror_symmetry``; none: it is left out.
    """

    widths: tuple[int, ...] = (16, 32, 48, 64)
    context_heads: int = 0
    patch: int = 2
    mirror: tuple[int, ...] = (16, 64)


class WaterNet(nn.Module):
    """Water log-odds per pixel, and the log-odds that the picture can be judged."""

    def __init__(self, config: WaterNetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or WaterNetConfig()
        self.unet = UNet(
            UNetConfig(
                5 + len(config.mirror),
                2,
                config.widths,
                patch=config.patch,
                context_heads=config.context_heads,
            )
        )

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Look at pictures.

        Args:
            picture: ``(batch, 3, y, x)`` in [0, 1]; a grey one has three equal channels.

        Returns:
            Water log-odds ``(batch, y, x)``, and log-odds that the picture is observable ``(batch,)``.
        """
        height, width = picture.shape[-2:]
        padded = F.pad(picture, (0, -width % 16, 0, -height % 16), mode="replicate")
        luma = (padded * padded.new_tensor(LUMA)[:, None, None]).sum(1, keepdim=True)
        contrast = local_contrast(luma, torch.ones_like(luma))
        seen = [padded - 0.5, contrast]
        if self.config.mirror:
            seen.append(mirror_symmetry(contrast[:, :1], self.config.mirror))
        out = self.unet(torch.cat(seen, dim=1))[..., :height, :width]
        return out[:, 0], out[:, 1].mean(dim=(1, 2))


def level(water: Tensor, wettability: Tensor) -> Tensor:
    """Share of the places that can be wet or dry which are under water.

    More water anywhere never lowers it: weights are not negative, and their sum does not depend on the picture.

    Args:
        water: Probability of water, ``(..., y, x)``.
        wettability: Weights of the camera, not negative, ``(y, x)``, of which one is positive.

    Returns:
        ``(...)`` in [0, 1].

    Raises:
        ValueError: Nowhere can be wet or dry.
    """
    total = wettability.clamp_min(0).sum()
    if not bool(total > 0):
        raise ValueError("the wettability map is zero everywhere: there is no place to read a level from")
    return (water * wettability.clamp_min(0)).sum(dim=(-2, -1)) / total
