"""Losses of what is only partly known: what a satellite says of genera, of the base and of N.

None of them ever takes part in a row that says nothing: its loss is 0, and so is every gradient. All work on logits,
so that losses and gradients stay finite however sure the network is.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from models.contracts.cloud_labels import BASE_BELOW_M, BASE_CODES
from models.contracts.sky_batch import SkyTargets

MOST_TRUST = 0.98
"""No statement of a satellite is surer: the loss of a denied one is at most -log(0.02)."""
BASE_SLACK = 0.05
"""Share of the bases that may lie above the bound before it is held against the network."""
_LEAST_LIKELIHOOD = 1e-6


def some_genus_loss(genus_logits: Tensor, some_genus: Tensor, trust: Tensor) -> Tensor:
    """At least one of these is present, if the statement is right: ``-log(t (1 - prod(1 - p)) + 1 - t)``.

    With probability 1 - t the statement says nothing, whatever the sky is like. So it can raise genera of its set, and
    nothing else: a genus outside has no gradient at all, and none inside is ever lowered.

    Args:
        genus_logits: ``(n, 10)``, p is their sigmoid.
        some_genus: Bool ``(n, 10)``: the set; all False says nothing.
        trust: t ``(n,)``, in [0, 1]; cut to `MOST_TRUST`.

    Returns:
        ``(n,)``.
    """
    doubt = torch.where(some_genus, F.softplus(genus_logits), 0.0).sum(
        dim=1
    )  # -log of the chance that none is there
    held = torch.where(some_genus.any(dim=1), trust.nan_to_num(0.0).clamp(0.0, MOST_TRUST), 0.0)
    return -torch.log1p(-held * torch.exp(-doubt))


def base_below_loss(base_logits: Tensor, base_below_m: Tensor) -> Tensor:
    """The base is at most a cloud top: ``-log`` of the share of bases that may be, less a slack; 0 below it.

    The share is of the codes alone: whether there is a cloud at all (``NO_BASE``) is not what a top speaks of, and its
    logit has no gradient. Codes count as above where even their lowest height is.

    Args:
        base_logits: ``(n, BASE_STATES)``, of a softmax.
        base_below_m: Above ground, m ``(n,)``; infinite where nothing is known.

    Returns:
        ``(n,)``.
    """
    logits = base_logits[:, :BASE_CODES]
    lowest = torch.tensor([-torch.inf, *BASE_BELOW_M], dtype=logits.dtype, device=logits.device)
    above = lowest > base_below_m.nan_to_num(torch.inf, posinf=torch.inf)[:, None]
    allowed = logits.masked_fill(above, -torch.inf).logsumexp(dim=1)
    slack = -torch.log1p(torch.tensor(-BASE_SLACK, dtype=logits.dtype, device=logits.device))
    wrong = F.relu(logits.logsumexp(dim=1) - allowed - slack)
    return torch.where(above.any(dim=1), wrong, 0.0)


def satellite_okta_loss(okta_logits: Tensor, likelihood: Tensor) -> Tensor:
    """What the satellite says of N, through its noise: ``-log(sum_N P(N) L(N) / max L)``.

    Args:
        okta_logits: ``(n, 9)``, of a softmax.
        likelihood: L, of what the satellite said given each N ``(n, 9)``, on any scale; equal ones say nothing.

    Returns:
        ``(n,)``, 0 at best.
    """
    said = speaks_of_okta(likelihood)
    relative = torch.where(said[:, None], likelihood, 1.0)
    relative = (relative / relative.amax(dim=1, keepdim=True)).clamp_min(_LEAST_LIKELIHOOD)
    surprise = -(okta_logits.log_softmax(dim=1) + relative.log().to(okta_logits.dtype)).logsumexp(dim=1)
    return torch.where(said, surprise, 0.0)


def speaks_of_okta(likelihood: Tensor) -> Tensor:
    """Rows ``(n,)`` that favour one N over another; no NaN, nothing but zeros."""
    known = torch.isfinite(likelihood).all(dim=1) & (likelihood >= 0).all(dim=1)
    return known & (likelihood.amax(dim=1) > likelihood.amin(dim=1))


@dataclass(frozen=True, eq=False)
class WeakLosses:
    """Means over the rows that say something, each a scalar; 0 where none does.

    Attributes:
        some_genus: Of `some_genus_loss`.
        base_below: Of `base_below_loss`.
        satellite_okta: Of `satellite_okta_loss`.
    """

    some_genus: Tensor
    base_below: Tensor
    satellite_okta: Tensor


def weak_losses(
    genus_logits: Tensor, base_logits: Tensor, okta_logits: Tensor, targets: SkyTargets
) -> WeakLosses:
    """What the satellite teaches of a batch.

    Args:
        genus_logits: ``(n, 10)``.
        base_logits: ``(n, BASE_STATES)``.
        okta_logits: ``(n, 9)``.
        targets: Of the batch.
    """
    genus = some_genus_loss(genus_logits, targets.some_genus, targets.some_genus_trust)
    base = base_below_loss(base_logits, targets.base_below_m)
    okta = satellite_okta_loss(okta_logits, targets.satellite_okta)
    return WeakLosses(
        mean_of(genus, targets.some_genus.any(dim=1) & (targets.some_genus_trust > 0)),
        mean_of(base, torch.isfinite(targets.base_below_m)),
        mean_of(okta, speaks_of_okta(targets.satellite_okta)),
    )


def mean_of(losses: Tensor, said: Tensor) -> Tensor:
    """Mean of the rows ``said`` ``(n,)``; 0, with gradients of 0, where there is none."""
    return torch.where(said, losses, 0.0).sum() / said.sum().clamp_min(1)
