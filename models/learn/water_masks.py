"""A camera of which a few pictures were painted by hand: the ensemble adapted to its view."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.learn.relighting import relit
from models.learn.water_loss import mask_losses
from models.water import WaterModel, working_rgb


@dataclass(frozen=True)
class MaskTraining:
    """How an ensemble is adapted.

    Attributes:
        steps: Optimiser steps per member.
        learning_rate: Peak.
        batch: Pictures per step.
        relit: Share of the steps in which the pictures are in a new light.
        dice: Weight of the Dice loss beside the cross entropy.
        seed: Of everything.
    """

    steps: int = 150
    learning_rate: float = 5e-4
    batch: int = 3
    relit: float = 0.5
    dice: float = 0.5
    seed: int = 0


def adapt_to_masks(
    model: WaterModel,
    pictures: Sequence[NDArray[np.uint8]],
    masks: Sequence[NDArray[np.uint8]],
    training: MaskTraining | None = None,
) -> WaterModel:
    """Adapt an ensemble to one camera.

    Args:
        model: As trained on other places; it is not changed.
        pictures: Of the camera, one view and size ``(y, x, 3)``.
        masks: ``MaskCode`` of each, of any size; what is not labelled is ignored.
        training: How.

    Returns:
        The same model where there are no pictures.
    """
    training = training or MaskTraining()
    if not pictures:
        return model
    views = torch.cat([working_rgb(p, model.config.long_side) for p in pictures])
    height, width = views.shape[-2:]
    codes = torch.stack([_sized(mask, height, width) for mask in masks])
    nets = nn.ModuleList(_adapted(net, views, codes, training, k) for k, net in enumerate(model.nets))
    return WaterModel(nets.eval(), model.config)


def _adapted(net: nn.Module, views: Tensor, codes: Tensor, training: MaskTraining, member: int) -> nn.Module:
    pupil = copy.deepcopy(net).train()
    generator = torch.Generator().manual_seed(training.seed * 1009 + member)
    optimiser = torch.optim.AdamW(pupil.parameters(), training.learning_rate, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, training.learning_rate, training.steps)
    for _ in range(training.steps):
        rows = torch.randint(len(views), (training.batch,), generator=generator)
        seen = views[rows]
        if float(torch.rand((), generator=generator)) < training.relit:
            seen = relit(seen, generator)
        with torch.autocast("cpu", torch.bfloat16):  # half the time
            logits, _ = pupil(seen)
        bce, dice = mask_losses(logits.float(), codes[rows])
        optimiser.zero_grad(set_to_none=True)
        (bce + training.dice * dice).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(pupil.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    return pupil


def _sized(mask: NDArray[np.uint8], height: int, width: int) -> Tensor:
    """Codes at the pixels nearest to those of the working size."""
    y = ((np.arange(height) + 0.5) * mask.shape[0] / height).astype(np.int64)
    x = ((np.arange(width) + 0.5) * mask.shape[1] / width).astype(np.int64)
    return torch.from_numpy(mask[y[:, None], x[None]].astype(np.uint8))
