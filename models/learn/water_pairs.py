"""A camera that somebody has answered a few dozen pairs for: where in its view the level is to be read.

The networks stay as they are. To train them on the pairs was tried, with pictures in new lights, places nested and the
networks' own earlier answers as a teacher: pairs of one light made them worse in the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models.contracts.labels import PairAnswer
from models.learn.relighting import relit
from models.learn.site_weights import weights_from_pairs
from models.water import WaterModel, WaterSite, learn_site, look, working_rgb

_COARSE = 8
_SAME_LIGHT = (
    0.8  # least correlation of two pictures of one light; a lamp at the camera against daylight: 0.7
)
_LEAST_ACROSS = 0.1

Pair = tuple[int, int, PairAnswer]
"""Two pictures by their number, and which shows more water."""


@dataclass(frozen=True)
class PairTraining:
    """How a site is adapted.

    Attributes:
        lights: New lights in which every picture is seen, besides its own.
        temperature: Difference of two levels that makes an order e : 1 likely.
        trust: Log-gain a weight may well have where pairs cross lights; see ``weights_from_pairs``.
        trust_in_one_light: The same where they do not: what tells two levels apart in one light may be that light.
        seed: Of everything.
    """

    lights: int = 3
    temperature: float = 0.02
    trust: float = 3.0
    trust_in_one_light: float = 0.5
    seed: int = 0


def adapt_to_pairs(
    model: WaterModel,
    pictures: Sequence[NDArray[np.uint8] | NDArray[np.uint16]],
    pairs: Sequence[Pair],
    training: PairTraining | None = None,
    *,
    hidden: Sequence[NDArray[np.bool_] | None] | None = None,
) -> tuple[WaterModel, WaterSite | None]:
    """Adapt to one camera.

    Args:
        model: As trained on other places; it is not changed.
        pictures: Of the camera, one view: those of the pairs, and any without an answer.
        pairs: Answers; those not comparable say nothing of the level.
        training: How.
        hidden: As of ``look``.

    Returns:
        The ensemble and the site it reads, whose wettability is learned from all pictures and moved by the pairs; the
        site is ``None`` where there is no water that varies.

    Raises:
        IndexError: A pair names a picture that is not there.
    """
    training = training or PairTraining()
    maps = look(model, pictures, hidden=hidden)
    site = learn_site(maps)
    told = [(left, right, _SIGN[answer]) for left, right, answer in pairs if answer in _SIGN]
    if any(not 0 <= k < len(pictures) for left, right, _ in told for k in (left, right)):
        raise IndexError("a pair names a picture that is not there")
    shapes = {m.water.shape[-2:] for m in maps}
    if site is None or not told or len(shapes) > 1:
        return model, site
    own = torch.stack([m.water.float().mean(0) for m in maps])
    shown = (own > 0).any(0)  # what is hidden in every picture has no water in any light
    lights = [own, *(maps_in * shown for maps_in in _in_new_lights(model, pictures, training))]
    trust = training.trust if _cross_lights(model, pictures, told) else training.trust_in_one_light
    weights = weights_from_pairs(
        torch.stack(lights),
        told,
        site.wettability,
        temperature=training.temperature,
        log_gain_sd=trust,
        seed=training.seed,
    )
    return model, WaterSite(weights, site.frames, len(told))


def _cross_lights(
    model: WaterModel,
    pictures: Sequence[NDArray[np.uint8] | NDArray[np.uint16]],
    told: Sequence[tuple[int, int, float]],
) -> bool:
    """Enough of the pairs are of two pictures whose light falls differently: correlation of their coarse luma."""
    coarse = [
        F.adaptive_avg_pool2d(working_rgb(p, model.config.long_side).mean(1), _COARSE).flatten()
        for p in pictures
    ]
    shape = torch.stack(coarse)
    shape = F.normalize(shape - shape.mean(1, keepdim=True), dim=1)
    left, right = (torch.tensor([t[k] for t in told]) for k in (0, 1))
    differs = (shape[left] * shape[right]).sum(1) < _SAME_LIGHT
    return float(differs.float().mean()) >= _LEAST_ACROSS


@torch.inference_mode()
def _in_new_lights(
    model: WaterModel,
    pictures: Sequence[NDArray[np.uint8] | NDArray[np.uint16]],
    training: PairTraining,
) -> list[Tensor]:
    """Maps ``(pictures, y, x)`` of all pictures in lights of their own, as often as is asked for."""
    generator = torch.Generator().manual_seed(training.seed)
    views = torch.cat([working_rgb(p, model.config.long_side) for p in pictures])
    return [
        torch.cat([_mean_water(model, view[None]) for view in relit(views, generator)])
        for _ in range(training.lights)
    ]


def _mean_water(model: WaterModel, view: Tensor) -> Tensor:
    return torch.stack([torch.sigmoid(net(view)[0]) for net in model.nets]).mean(0)


_SIGN = {PairAnswer.LEFT_HIGHER: 1.0, PairAnswer.RIGHT_HIGHER: -1.0, PairAnswer.EQUAL: 0.0}
