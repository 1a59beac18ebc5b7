"""What a water network is trained on: masks, order, nesting, steadiness under light, and whether it can see.

Source: Milletari et al. 2016 (Dice loss); Burges et al. 2005 (RankNet).
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from models.contracts.labels import MaskCode
from models.learn.water_targets import WaterTargets

_DICE_PIXELS = 50.0  # pictures with hardly any water count little
_MOST_SURE = 1 - 1e-4


@dataclass(frozen=True)
class WaterLossConfig:
    """Weights of the parts; 0 leaves one out.

    Attributes:
        mask: Of the cross entropy of labelled pixels.
        dice: Of one minus the Dice overlap of labelled pixels.
        order: Of pairs in order (RankNet).
        tie: Of pairs that are equal.
        nesting: Of places that are wetter in the picture with less water.
        light: Of what differs between two lights.
        observable: Of whether the picture can be judged.
        temperature: Difference of two levels that makes an order e : 1 likely.
    """

    mask: float = 1.0
    dice: float = 0.5
    order: float = 0.1
    tie: float = 0.1
    nesting: float = 0.2
    light: float = 0.3
    observable: float = 0.2
    temperature: float = 0.1


def water_loss(
    answer: tuple[Tensor, Tensor], targets: WaterTargets, config: WaterLossConfig | None = None
) -> dict[str, Tensor]:
    """Losses by name; their sum is ``total``.

    Args:
        answer: Of a ``WaterNet``: water log-odds ``(batch, y, x)``, observable log-odds ``(batch,)``.
        targets: What is known.
        config: Weights.
    """
    config = config or WaterLossConfig()
    logits, observable = answer[0].float(), answer[1].float()
    bce, dice = mask_losses(logits, targets.masks)
    water = torch.sigmoid(logits)
    order, tie, nesting = pair_losses(water, targets, config.temperature)
    parts = {
        "mask": config.mask * bce,
        "dice": config.dice * dice,
        "order": config.order * order,
        "tie": config.tie * tie,
        "nesting": config.nesting * nesting,
        "light": config.light * _light_loss(water, targets.twins),
        "observable": config.observable * observable_loss(observable, targets),
    }
    return parts | {"total": torch.stack(list(parts.values())).sum()}


def mask_losses(logits: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Cross entropy and one minus Dice of labelled pixels; 0 where none is labelled.

    Args:
        logits: ``(batch, y, x)``.
        masks: ``MaskCode`` ``(batch, y, x)``.
    """
    known = (masks != MaskCode.NOT_LABELLED).float()
    wet = (masks == MaskCode.WATER).float()
    each = F.binary_cross_entropy_with_logits(logits, wet, reduction="none")
    bce = (each * known).sum() / known.sum().clamp_min(1)
    water = torch.sigmoid(logits) * known
    common, all_of_it = (water * wet).sum((1, 2)), water.sum((1, 2)) + wet.sum((1, 2))
    return bce, (1 - (2 * common + _DICE_PIXELS) / (all_of_it + _DICE_PIXELS)).mean()


def pair_losses(water: Tensor, targets: WaterTargets, temperature: float) -> tuple[Tensor, Tensor, Tensor]:
    """Losses of order, ties and nesting; 0 where there is no such pair.

    Levels are read where the masks of the two differ, or everywhere where they do not tell.

    Args:
        water: Probability ``(batch, y, x)``.
        targets: Pairs, answers and masks.
        temperature: See ``WaterLossConfig``.
    """
    told = ~targets.answers.isnan()
    pairs, sign = targets.pairs[told], targets.answers[told]
    left, right = water[pairs[:, 0]], water[pairs[:, 1]]
    masks = targets.masks[pairs]
    differs = (masks[:, 0] != masks[:, 1]) & (masks != MaskCode.NOT_LABELLED).all(1)
    weights = torch.where(differs.any(-1).any(-1)[:, None, None], differs, True).float()
    gap = ((left - right) * weights).sum((1, 2)) / weights.sum((1, 2))
    ranked = sign != 0
    order = F.softplus(-sign * gap / temperature)[ranked]
    wrong = (-sign[:, None, None] * (left - right)).clamp_min(0).mean((1, 2))[ranked]
    return _mean(order), _mean(gap.abs()[~ranked] / temperature), _mean(wrong)


def observable_loss(observable: Tensor, targets: WaterTargets) -> Tensor:
    """Cross entropy where it is known; of two that cannot be compared, one at least cannot be judged.

    Args:
        observable: Log-odds ``(batch,)``.
        targets: What is known.
    """
    known = ~targets.observable.isnan()
    each = F.binary_cross_entropy_with_logits(
        observable[known], targets.observable[known].to(observable), reduction="none"
    )
    apart = targets.pairs[targets.answers.isnan()]
    both = torch.sigmoid(observable[apart]).prod(1).clamp(max=_MOST_SURE)
    return _mean(torch.cat([each, -torch.log1p(-both)]))


def _light_loss(water: Tensor, twins: Tensor) -> Tensor:
    return _mean((water[twins[:, 0]] - water[twins[:, 1]]).abs().flatten())


def _mean(values: Tensor) -> Tensor:
    return values.sum() / max(1, values.numel())
