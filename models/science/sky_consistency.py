"""Whether genera, levels, base and amount of one answer can all be true at once.

Every rule compares an interval of probability with another: of events of which only the single probabilities are known,
at least one occurs with a probability between their largest and their sum (Fréchet 1935). So no answer that some
distribution over real skies could give is ever called inconsistent.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from models.contracts.cloud_labels import BASE_BELOW_M, GENERA, INVISIBLE, LEVEL_GENERA
from models.contracts.sky_answers import SkyAnswers
from models.contracts.sky_batch import LEVELS, NO_BASE

_LEVEL_OF = {level: [GENERA.index(g) for g in LEVEL_GENERA[level]] for level in LEVELS}
_BELOW_2000 = BASE_BELOW_M.index(2000) + 1  # codes of a base below 2000 m
_CAN_BE_LOW = [*_LEVEL_OF["low"], GENERA.index("Ns")]  # WMO 407: of the middle genera Ns alone reaches down
_IS_LOW = [GENERA.index(g) for g in ("St", "Sc")]
RULES: tuple[str, ...] = ("level_genera", "clear_genera", "clear_base", "low_base")


@dataclass(frozen=True, eq=False)
class SkyProbabilities:
    """Probabilities of ``n`` moments, by the shapes of `models.contracts.sky_answers.SkyAnswers`."""

    okta: Tensor
    obscured: Tensor
    genera: Tensor
    base: Tensor
    levels: Tensor


def violations(p: SkyProbabilities) -> dict[str, Tensor]:
    """By how much of probability each of ``RULES`` is broken, ``(n,)`` each, 0 where it is not.

    ``level_genera``: a code of CL, CM or CH that is a cloud, and a genus of that level (mean of the three).
    ``clear_genera``: N = 0, and no genus. ``clear_base``: N = 0, and no base. ``low_base``: a base below 2000 m, and a
    genus that can be so low; St or Sc, and a base below 2500 m.
    """
    any_genus = _at_least_one(p.genera)
    seen = 1 - p.obscured
    clear = p.okta[:, 0] * seen
    cloudy = (p.okta[:, 1:].sum(1) * seen, 1 - clear)  # of an obscured sky both may be said
    no_base = p.base[:, NO_BASE]
    below_2000, below_2500 = p.base[:, :_BELOW_2000].sum(1), p.base[:, : len(BASE_BELOW_M)].sum(1)
    levels = [
        _gap(_at_least_one(p.genera[:, _LEVEL_OF[level]]), _cloud_of_level(p.levels[:, place]))
        for place, level in enumerate(LEVELS)
    ]
    return {
        "level_genera": torch.stack(levels).mean(0),
        "clear_genera": _gap(any_genus, cloudy),
        "clear_base": _gap((no_base, no_base), (clear, p.okta[:, 0])),
        "low_base": (below_2000 - _at_least_one(p.genera[:, _CAN_BE_LOW])[1]).relu()
        + (p.genera[:, _IS_LOW].amax(1) - below_2500).relu(),
    }


def _at_least_one(p: Tensor) -> tuple[Tensor, Tensor]:
    return p.amax(1), p.sum(1).clamp(max=1)


def _cloud_of_level(codes: Tensor) -> tuple[Tensor, Tensor]:
    cloud = codes[:, 1:INVISIBLE].sum(1)
    return cloud, cloud + codes[:, INVISIBLE]


def _gap(one: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]) -> Tensor:
    """Distance of two intervals ``(low, high)``, 0 where they meet."""
    return (one[0] - other[1]).relu() + (other[0] - one[1]).relu()


def inconsistency(answers: SkyAnswers) -> Mapping[str, float]:
    """Mean violation of each of ``RULES`` over the answers that were given, and their sum as ``total``.

    NaN where none was given.
    """
    columns = ("okta", "obscured", "genera", "base", "levels")
    p = {name: torch.from_numpy(getattr(answers, name)).double() for name in columns}
    given = p["obscured"].isfinite()
    broken = violations(SkyProbabilities(**{name: value[given] for name, value in p.items()}))
    means = {rule: float(value.mean()) for rule, value in broken.items()}
    return means | {"total": sum(means.values())}
