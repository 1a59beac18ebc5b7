"""A first lesson for a water network that needs no label: to take the noise out of grey pictures.

Source: Brempong et al. 2022 ("Denoising pretraining for semantic segmentation").
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from models.nets.water import LUMA

_HEAD = "unet.head."


def noisy_batch(clean: Tensor, most: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Grey pictures under noise, each of its own strength.

    Args:
        clean: ``(batch, 3, y, x)`` in [0, 1].
        most: Of the noise's standard deviation, of full scale.
        generator: Source of chance.

    Returns:
        Noisy grey pictures of three equal channels, and the luma without noise ``(batch, y, x)``.
    """
    luma = (clean * clean.new_tensor(LUMA)[:, None, None]).sum(1)
    strength = most * torch.rand(len(luma), 1, 1, generator=generator)
    noisy = luma + strength * torch.randn(luma.shape, generator=generator)
    return noisy[:, None].expand(-1, 3, -1, -1).contiguous(), luma


def denoising_loss(answer: tuple[Tensor, Tensor], luma: Tensor) -> Tensor:
    """Mean absolute error of what is read from the place of the water's log-odds, about mid grey."""
    return F.l1_loss(answer[0].float(), luma - 0.5)


def without_head(net: Mapping[str, Any]) -> dict[str, Any]:
    """Weights that the next lesson begins with: all but the last layer, which answered another question."""
    return {name: value for name, value in net.items() if not name.startswith(_HEAD)}
