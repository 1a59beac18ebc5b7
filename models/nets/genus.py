"""Genus of a cloud from a photo: a pretrained trunk, what it sees as tokens and as texture, two heads.

A photo is of one genus where people filed it under one (softmax, contrails being a class of their own); a camera's sky
may hold several (sigmoid, one per genus). Levels are sums over genera, so that a level never contradicts its genera.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.contracts.cloud_labels import GENERA, LEVEL_GENERA
from models.contracts.sky_batch import LEVELS
from models.nets.attention import TransformerBlock
from models.nets.lite0 import BLOCKS, FEATURES, HEAD_FEATURES, Lite0

CONTRAIL = "Ct"
"""Class of the photos that show condensation trails, cirrus homogenitus of the WMO atlas, hence of the high level."""
PHOTO_CLASSES: tuple[str, ...] = (*GENERA, CONTRAIL)
TEXTURE_BLOCK = 11
"""After so many blocks the map is at 1/16 of the input: finer than the last."""
_TEXTURE = 112


def level_of_classes() -> Tensor:
    """Level of each of ``PHOTO_CLASSES``: place in ``LEVELS``, ``(11,)`` int64."""
    levels = {genus: LEVELS.index(level) for level, genera in LEVEL_GENERA.items() for genus in genera}
    return torch.tensor([levels.get(name, LEVELS.index("high")) for name in PHOTO_CLASSES])


def level_probabilities(classes: Tensor) -> Tensor:
    """Probability of low, mid and high ``(..., 3)``, from those of the classes ``(..., 11)``."""
    sums = torch.zeros(*classes.shape[:-1], len(LEVELS), dtype=classes.dtype, device=classes.device)
    return sums.index_add(-1, level_of_classes().to(classes.device), classes)


@dataclass(frozen=True)
class GenusConfig:
    """Shape of the network.

    Attributes:
        fixed_blocks: Blocks of the trunk, from the pixels on, that keep their published weights.
        width: Of a token.
        heads: Of the attention.
        dropout: Share of the summary that a training step does not see.
    """

    fixed_blocks: int = 5
    width: int = 128
    heads: int = 4
    dropout: float = 0.3


@dataclass(frozen=True, eq=False)
class GenusLogits:
    """What the heads say of ``n`` photos, before softmax and sigmoid.

    Attributes:
        photo: Which one class a photo is filed under, ``(n, 11)`` by ``PHOTO_CLASSES``.
        presence: Which genera are there, ``(n, 10)`` by `models.contracts.cloud_labels.GENERA`.
    """

    photo: Tensor
    presence: Tensor


class GenusNet(nn.Module):
    """Photos to logits.

    The summary of a photo is the mean of the widened last map (what the trunk was pretrained for), mean and spread of
    a finer map (texture: ripples and grains tell Cc and Ac), and tokens of the last map that have seen each other,
    pooled by attention.

    Args:
        config: Shape.

    Raises:
        ValueError: More blocks are fixed than come before the finer map.
    """

    def __init__(self, config: GenusConfig | None = None) -> None:
        super().__init__()
        self.config = config or GenusConfig()
        if not 0 <= self.config.fixed_blocks <= TEXTURE_BLOCK:
            raise ValueError(f"fixed_blocks={self.config.fixed_blocks} is not within 0 to {TEXTURE_BLOCK}")
        width = self.config.width
        self.trunk = Lite0()
        self.token, self.block = nn.Linear(FEATURES, width), TransformerBlock(width, self.config.heads)
        self.attention = nn.Linear(width, 1)
        self.norm_texture, self.norm_tokens = nn.LayerNorm(2 * _TEXTURE), nn.LayerNorm(width)
        self.dropout = nn.Dropout(self.config.dropout)
        summary = HEAD_FEATURES + 2 * _TEXTURE + width
        self.photo, self.presence = nn.Linear(summary, len(PHOTO_CLASSES)), nn.Linear(summary, len(GENERA))
        for layer in (self.photo, self.presence):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def early(self, rgb: Tensor) -> Tensor:
        """Map that the fixed blocks make of photos ``(n, 3, y, x)`` in [0, 1]."""
        return self.trunk.early(rgb, self.config.fixed_blocks)

    def summary(self, early: Tensor) -> Tensor:
        """Summary ``(n, 1632)`` of photos, of which the map of the fixed blocks is given."""
        fine = self.trunk.between(early, self.config.fixed_blocks, TEXTURE_BLOCK)
        last = self.trunk.between(fine, TEXTURE_BLOCK, BLOCKS)
        texture = torch.cat([fine.mean((2, 3)), fine.flatten(2).std(2)], dim=1)
        tokens = self.block(self.token(last.flatten(2).transpose(1, 2)))
        weights = self.attention(tokens).softmax(dim=1)
        pooled = self.norm_tokens((weights * tokens).sum(1))
        return torch.cat([self.trunk.head(last).mean((2, 3)), self.norm_texture(texture), pooled], dim=1)

    def of_early(self, early: Tensor) -> GenusLogits:
        """Logits of photos, of which the map of the fixed blocks is given."""
        summary = self.dropout(self.summary(early))
        return GenusLogits(self.photo(summary), self.presence(summary))

    def forward(self, rgb: Tensor) -> GenusLogits:
        """Logits of photos ``(n, 3, y, x)`` in [0, 1]; both sides at least 64."""
        return self.of_early(self.early(rgb))
