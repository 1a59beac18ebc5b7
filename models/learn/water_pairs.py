"""A camera that somebody has answered a few dozen pairs for: the ensemble adapted to its view.

What is learned must hold in lights that no pair shows: every picture is seen in a new light each time (the level must
not move), pictures without any answer take part, and what the ensemble saw before stays a teacher.

Source: Burges et al. 2005 (RankNet); Sohn et al. 2020 ("FixMatch": a teacher on the picture as it is, the pupil on the
same picture changed).
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from models.contracts.labels import PairAnswer
from models.learn.relighting import relit
from models.nets.water import level
from models.water import WaterMaps, WaterModel, WaterSite, learn_site, look, working_rgb

Pair = tuple[int, int, PairAnswer]
"""Two pictures by their number, and which shows more water."""


@dataclass(frozen=True)
class PairTraining:
    """How an ensemble is adapted.

    Attributes:
        steps: Optimiser steps per member.
        learning_rate: Peak.
        pairs: Per step.
        loose: Pictures without an answer per step.
        temperature: Difference of two levels that makes an order e : 1 likely.
        tie: Weight of the loss of pairs said to be equal.
        nesting: Weight of places that are wetter in the picture with less water.
        teacher: Weight of the maps seen before, on relit pictures.
        seed: Of everything.
    """

    steps: int = 120
    learning_rate: float = 3e-4
    pairs: int = 4
    loose: int = 2
    temperature: float = 0.01
    tie: float = 1.0
    nesting: float = 0.05
    teacher: float = 1.0
    seed: int = 0


def adapt_to_pairs(
    model: WaterModel,
    pictures: Sequence[NDArray[np.uint8] | NDArray[np.uint16]],
    pairs: Sequence[Pair],
    training: PairTraining | None = None,
    *,
    hidden: Sequence[NDArray[np.bool_] | None] | None = None,
) -> tuple[WaterModel, WaterSite | None]:
    """Adapt an ensemble to one camera.

    Args:
        model: As trained on other places; it is not changed.
        pictures: Of the camera, one view: those of the pairs, and any without an answer.
        pairs: Answers; those not comparable say nothing of the level.
        training: How.
        hidden: As of ``look``.

    Returns:
        The adapted ensemble and the site it reads, whose wettability is learned from all pictures; the site is ``None``
        where there is no water that varies.

    Raises:
        IndexError: A pair names a picture that is not there.
    """
    training = training or PairTraining()
    before = look(model, pictures, hidden=hidden)
    site = learn_site(before)
    told = [p for p in pairs if p[2] is not PairAnswer.NOT_COMPARABLE]
    if site is None or not told:
        return model, site
    views = torch.cat([working_rgb(p, model.config.long_side) for p in pictures])
    nets = nn.ModuleList(
        _adapted(net, views, told, before, site, training, k) for k, net in enumerate(model.nets)
    )
    adapted = WaterModel(nets.eval(), model.config)
    after = learn_site(look(adapted, pictures, hidden=hidden)) or site
    return adapted, WaterSite(after.wettability, len(pictures), len(told))


def _adapted(
    net: nn.Module,
    views: Tensor,
    pairs: Sequence[Pair],
    before: Sequence[WaterMaps],
    site: WaterSite,
    training: PairTraining,
    member: int,
) -> nn.Module:
    pupil = copy.deepcopy(net).train()
    taught = torch.stack([m.water.float().mean(0) for m in before])
    generator = torch.Generator().manual_seed(training.seed * 1009 + member)
    optimiser = torch.optim.AdamW(pupil.parameters(), training.learning_rate, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, training.learning_rate, training.steps)
    for _ in range(training.steps):
        chosen = [pairs[int(k)] for k in torch.randint(len(pairs), (training.pairs,), generator=generator)]
        loose = torch.randint(len(views), (training.loose,), generator=generator)
        rows = torch.cat([torch.tensor([p[0] for p in chosen]), torch.tensor([p[1] for p in chosen]), loose])
        seen = relit(views[rows], generator)
        with torch.autocast("cpu", torch.bfloat16):  # half the time
            logits, _ = pupil(seen)
        loss = _loss(logits.float(), [p[2] for p in chosen], taught[rows], site.wettability, training)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(pupil.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    return pupil.eval()


def _loss(
    logits: Tensor, answers: Sequence[PairAnswer], taught: Tensor, wettability: Tensor, training: PairTraining
) -> Tensor:
    water = torch.sigmoid(logits)
    levels = level(water, wettability)
    n = len(answers)
    gap = (levels[:n] - levels[n : 2 * n]) / training.temperature
    sign = torch.tensor([_SIGN[a] for a in answers], dtype=gap.dtype)
    order = torch.where(sign == 0, training.tie * gap.abs().clamp(max=20) * 0.25, F.softplus(-sign * gap))
    rise = (water[:n] - water[n : 2 * n]) * sign[:, None, None]
    unnested = (rise.clamp(max=0).abs() * wettability).sum(dim=(1, 2)) / wettability.sum()
    teacher = F.binary_cross_entropy_with_logits(logits, taught)
    return (
        order.mean() + training.nesting * unnested.mean() / training.temperature + training.teacher * teacher
    )


_SIGN = {PairAnswer.LEFT_HIGHER: 1.0, PairAnswer.RIGHT_HIGHER: -1.0, PairAnswer.EQUAL: 0.0}
