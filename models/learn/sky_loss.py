"""What the cloud network is taught: posteriors of people, partial labels, masks, and not to contradict itself.

Every target is a probability; what is NaN says nothing and costs nothing. Terms are means over the rows that know.

Sources: Epstein 1969, "A scoring system for probability forecasts of ranked categories" (the ranked probability score).
"""

from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn import functional as F

from models.contracts.sky_batch import NO_BASE, SkyTargets
from models.learn.partial_labels import weak_losses
from models.learn.sky_map_loss import agreement_loss, map_loss, visible_cover_loss
from models.nets.cloud import SkyLogits
from models.science.sky_consistency import SkyProbabilities, violations


@dataclass(frozen=True)
class SkyLossConfig:
    """Weights of the terms of the loss, by the names of ``sky_terms``; 0 leaves one out.

    Attributes:
        genera: Cross entropy of each genus, mean of the ten.
        okta: Cross entropy of N.
        okta_rank: Ranked probability score of N: how far off counts.
        obscured: Cross entropy.
        base: Cross entropy of the base's codes and of no cloud.
        base_rank: Ranked probability score of the base, given that there is one.
        levels: Cross entropy of CL, CM and CH, mean of the three.
        some_genus: The satellite's "at least one of these".
        base_below: A base above the cloud top.
        satellite_okta: Likelihood of the satellite's mask.
        surface: Masks of sky, occluders and glare.
        cloud: Masks of clear sky, thin and thick cloud.
        visible_cover: Error of the maps' cover.
        agreement: Visible cover against N.
        agreement_slack: Difference of these that costs nothing, of full cover: a camera sees a sector.
        consistency: Genera, levels, base and N that cannot all be.
    """

    genera: float = 2.0
    okta: float = 0.5
    okta_rank: float = 1.0
    obscured: float = 0.3
    base: float = 0.3
    base_rank: float = 0.5
    levels: float = 0.3
    some_genus: float = 0.2
    base_below: float = 0.2
    satellite_okta: float = 0.2
    surface: float = 0.5
    cloud: float = 0.5
    visible_cover: float = 0.5
    agreement: float = 0.2
    agreement_slack: float = 0.25
    consistency: float = 0.3


@dataclass(frozen=True, eq=False)
class SkyLesson:
    """What is known of a batch.

    Attributes:
        targets: Of the moments.
        surface: Masks ``(n, y, x)`` of ``SurfaceClass``, ``NOT_LABELLED`` where not known; ``None``: no masks.
        cloud: Masks ``(n, y, x)`` of ``CloudClass``.
    """

    targets: SkyTargets
    surface: Tensor | None = None
    cloud: Tensor | None = None

    def to(self, device: torch.device | str) -> "SkyLesson":
        """The same on another device."""
        masks = (None if m is None else m.to(device) for m in (self.surface, self.cloud))
        return SkyLesson(self.targets.to(device), *masks)


def sky_loss(logits: SkyLogits, lesson: SkyLesson, config: SkyLossConfig | None = None) -> Tensor:
    """Weighted sum of ``sky_terms``, a scalar."""
    config = config or SkyLossConfig()
    terms = sky_terms(logits, lesson, config)
    return torch.stack([getattr(config, name) * value for name, value in terms.items()]).sum()


def sky_terms(logits: SkyLogits, lesson: SkyLesson, config: SkyLossConfig) -> dict[str, Tensor]:
    """Every term that has a weight, unweighted scalars; 0 where nothing in the batch knows of it."""
    terms = _supervised(logits, lesson.targets) | _partial(logits, lesson.targets)
    p = probabilities(logits)
    terms["consistency"] = torch.stack(list(violations(p).values())).sum(0).mean()
    if (maps := logits.maps) is not None:
        seen = logits.camera_seen
        if lesson.surface is not None:
            terms["surface"] = map_loss(maps.surface, lesson.surface, seen)
        if lesson.cloud is not None:
            terms["cloud"] = map_loss(maps.cloud, lesson.cloud, seen)
        terms["visible_cover"] = visible_cover_loss(maps, lesson.targets.visible_cover, seen)
        terms["agreement"] = agreement_loss(maps, p.okta, p.obscured, seen, config.agreement_slack)
    weighted = {f.name for f in fields(config) if getattr(config, f.name) > 0}
    return {name: value for name, value in terms.items() if name in weighted}


def probabilities(logits: SkyLogits) -> SkyProbabilities:
    """Probabilities of logits, float32."""
    return SkyProbabilities(
        okta=logits.okta.float().exp(),
        obscured=logits.obscured.float().sigmoid(),
        genera=logits.genera.float().sigmoid(),
        base=logits.base.float().exp(),
        levels=logits.levels.float().exp(),
    )


def _supervised(logits: SkyLogits, targets: SkyTargets) -> dict[str, Tensor]:
    return {
        "genera": binary_cross_entropy(logits.genera, targets.genera),
        "okta": cross_entropy(logits.okta, targets.okta),
        "okta_rank": ranked_score(logits.okta, targets.okta),
        "obscured": binary_cross_entropy(logits.obscured, targets.obscured),
        "base": cross_entropy(logits.base, targets.base),
        "base_rank": _base_rank(logits.base, targets.base),
        "levels": cross_entropy(logits.levels, targets.levels),
    }


def _partial(logits: SkyLogits, targets: SkyTargets) -> dict[str, Tensor]:
    weak = weak_losses(logits.genera.float(), logits.base.float(), logits.okta.float(), targets)
    return {field.name: getattr(weak, field.name) for field in fields(weak)}


def binary_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Mean cross entropy of log-odds against probabilities of the same shape, over those that are not NaN."""
    known = target.isfinite()
    each = F.binary_cross_entropy_with_logits(logits.float(), target.where(known, 0.0), reduction="none")
    return each.where(known, 0.0).sum() / known.sum().clamp_min(1)


def cross_entropy(log_p: Tensor, target: Tensor) -> Tensor:
    """Mean cross entropy of log-probabilities ``(..., states)`` over the rows without NaN."""
    known = target.isfinite().all(-1)
    each = -(target.where(known[..., None], 0.0) * log_p.float()).sum(-1)
    return each.sum() / known.sum().clamp_min(1)


def ranked_score(log_p: Tensor, target: Tensor) -> Tensor:
    """Mean ranked probability score over the rows without NaN: squared differences of the cumulated probabilities.

    Against a state that is known it is the sum over the borders; 1 where all probability is one state off.
    """
    known = target.isfinite().all(-1)
    difference = log_p.float().exp() - target.where(known[..., None], 0.0)
    each = difference.cumsum(-1)[..., :-1].square().sum(-1)
    return each.where(known, 0.0).sum() / known.sum().clamp_min(1)


def _base_rank(log_p: Tensor, target: Tensor) -> Tensor:
    """Of the base's codes given that there is cloud; rows count by the probability that there is."""
    share = target[..., :NO_BASE].sum(-1)  # NaN where not known
    weight = share.where(share.isfinite(), 0.0)
    wanted = target[..., :NO_BASE].where(weight[..., None] > 0, 0.0) / weight.clamp_min(1e-6)[..., None]
    given = log_p[..., :NO_BASE].float().log_softmax(-1).exp()
    each = (given - wanted).cumsum(-1)[..., :-1].square().sum(-1)
    return (each * weight).sum() / weight.sum().clamp_min(1e-6)
