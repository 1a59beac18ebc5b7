"""What is known of training pictures for the water level: masks, orders, and whether they show anything."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.contracts.labels import MaskCode


@dataclass(frozen=True)
class LabelledPicture:
    """A training picture.

    Attributes:
        rgb: ``(3, y, x)`` uint8.
        mask: ``(y, x)`` uint8 of ``MaskCode``; ``None``: nothing is known of it.
        weight: How often it is drawn, relative to others.
    """

    rgb: Tensor
    mask: Tensor | None = None
    weight: float = 1.0

    @property
    def has_water(self) -> bool:
        """Some of it is known to be water."""
        return self.mask is not None and bool((self.mask == MaskCode.WATER).any())

    @property
    def is_dry(self) -> bool:
        """Something is known of it, and none is water."""
        return self.mask is not None and not self.has_water and bool((self.mask == MaskCode.DRY).any())


@dataclass(frozen=True)
class Order:
    """Two pictures of one fixed camera, put in order.

    Attributes:
        left: Number of a picture.
        right: Number of a picture.
        answer: 1: the water of the left one is higher; -1: of the right one; 0: equal; NaN: not comparable.
    """

    left: int
    right: int
    answer: float


@dataclass(frozen=True)
class WaterTargets:
    """What is known of the pictures of a batch.

    Attributes:
        masks: ``MaskCode`` ``(batch, y, x)`` uint8.
        observable: 1, 0, or NaN where not known, ``(batch,)``.
        pairs: Rows of the batch ``(n, 2)``, int64.
        answers: Of the pairs ``(n,)``; see ``Order``.
        twins: Rows ``(n, 2)`` that show the same in two lights.
    """

    masks: Tensor
    observable: Tensor
    pairs: Tensor
    answers: Tensor
    twins: Tensor

    def to(self, device: torch.device | str) -> "WaterTargets":
        """The same on another device."""
        return WaterTargets(*(value.to(device) for value in vars(self).values()))


def orders_by_level(numbers: Sequence[int], levels: Sequence[float], least: float) -> list[Order]:
    """Every two pictures of a camera whose true levels differ enough to be told apart, the higher one left.

    Args:
        numbers: Of the pictures.
        levels: Of the water, any unit; NaN where not known.
        least: Difference, in that unit.
    """
    return [
        Order(a, b, 1.0)
        for a, high in zip(numbers, levels, strict=True)
        for b, low in zip(numbers, levels, strict=True)
        if high - low >= least
    ]
