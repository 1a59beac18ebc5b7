"""Losses of the camera's maps of the sky: against masks, against the visible cover, and against N."""

import torch
from torch import Tensor
from torch.nn import functional as F

from models.contracts.sky_batch import OKTA_STATES
from models.contracts.sky_masks import NOT_LABELLED
from models.nets.sky_encoder import SkyMaps, cover_log_probabilities
from models.science.cover import CLOUD, SKY

LEAST_SKY = 0.03
"""Share of a picture that must be sky for its cover to be asked about."""


def map_loss(logits: Tensor, labels: Tensor, rows: Tensor) -> Tensor:
    """Cross entropy over the labelled pixels of some pictures; 0 where there is none.

    Args:
        logits: ``(n, classes, y, x)``.
        labels: ``(n, y, x)``, ``NOT_LABELLED`` where nothing is known.
        rows: Bool ``(n,)``: the picture was looked at.
    """
    known = labels.long().where(rows[:, None, None], NOT_LABELLED)
    if not bool((known != NOT_LABELLED).any()):
        return logits.sum() * 0.0
    return F.cross_entropy(logits.float(), known, ignore_index=NOT_LABELLED)


def visible_cover(maps: SkyMaps) -> tuple[Tensor, Tensor]:
    """Expected cloud over expected sky of each picture, and the share that is sky: ``(n,)`` each, in [0, 1]."""
    p = cover_log_probabilities(maps).float().exp()
    sky, cloud = p[:, SKY].mean((1, 2)), p[:, CLOUD].mean((1, 2))
    return cloud / (sky + cloud).clamp_min(1e-6), sky + cloud


def visible_cover_loss(maps: SkyMaps, target: Tensor, rows: Tensor) -> Tensor:
    """Mean absolute error of the visible cover; 0 where none is known.

    Args:
        maps: Of ``n`` pictures.
        target: ``(n,)`` in [0, 1], NaN where not known.
        rows: Bool ``(n,)``: the picture was looked at.
    """
    cover, _ = visible_cover(maps)
    asked = rows & target.isfinite()
    error = (cover - target.where(asked, 0.0)).abs().where(asked, 0.0)
    return error.sum() / asked.sum().clamp_min(1)


def agreement_loss(maps: SkyMaps, okta: Tensor, obscured: Tensor, rows: Tensor, slack: float) -> Tensor:
    """What the visible cover and the expected N of the whole dome differ by, beyond what a sector may.

    Args:
        maps: Of ``n`` pictures.
        okta: Probabilities of N ``(n, 9)``.
        obscured: Probability that the sky is obscured ``(n,)``: of such a sky there is no N.
        rows: Bool ``(n,)``: the picture was looked at.
        slack: Difference that costs nothing, of full cover.
    """
    cover, sky = visible_cover(maps)
    dome = (okta * torch.linspace(0, 1, OKTA_STATES, device=okta.device)).sum(1)
    asked = rows & (sky.detach() > LEAST_SKY)
    excess = ((cover - dome).abs() - slack).relu() * (1 - obscured.detach())
    return excess.where(asked, 0.0).sum() / asked.sum().clamp_min(1)
