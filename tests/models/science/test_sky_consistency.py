import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.contracts.cloud_labels import GENERA, INVISIBLE
from models.contracts.sky_answers import SkyAnswers
from models.contracts.sky_batch import BASE_STATES, LEVEL_STATES, LEVELS, NO_BASE, OKTA_STATES
from models.science.sky_consistency import RULES, SkyProbabilities, inconsistency, violations

CI, AC, SC, CU = (GENERA.index(g) for g in ("Ci", "Ac", "Sc", "Cu"))


def answer(okta=0, genera=(), base=NO_BASE, levels=(0, 0, 0), obscured=0.0):
    """One sky for certain."""
    p = SkyProbabilities(
        okta=torch.zeros(1, OKTA_STATES),
        obscured=torch.tensor([float(obscured)]),
        genera=torch.zeros(1, len(GENERA)),
        base=torch.zeros(1, BASE_STATES),
        levels=torch.zeros(1, len(LEVELS), LEVEL_STATES),
    )
    p.okta[0, okta] = 1
    p.genera[0, list(genera)] = 1
    p.base[0, base] = 1
    p.levels[0, range(3), list(levels)] = 1
    return p


def broken(p):
    return {rule: float(value[0]) for rule, value in violations(p).items() if value[0] > 0}


def test_skies_that_can_be():
    assert broken(answer()) == {}
    assert broken(answer(5, [SC], base=5, levels=(5, 0, 0))) == {}
    assert broken(answer(8, [SC], base=5, levels=(5, INVISIBLE, INVISIBLE))) == {}
    assert broken(answer(3, [CI], base=9, levels=(0, 0, 1))) == {}
    assert broken(answer(6, [CU, AC, CI], base=6, levels=(2, 3, 1))) == {}


def test_skies_that_cannot():
    # one level of three contradicts its genus: 1/3
    assert broken(answer(5, [SC], base=5, levels=(0, 0, 0))) == pytest.approx({"level_genera": 1 / 3})
    assert broken(answer(5, [SC], base=5, levels=(5, 3, 0))) == pytest.approx({"level_genera": 1 / 3})
    # clouds of a genus, and none
    assert broken(answer(0, [CI], levels=(0, 0, 1))) == {"clear_genera": 1.0}
    assert broken(answer(4, base=9)) == {"clear_genera": 1.0}
    # no amount, and a base
    assert broken(answer(0, base=9)) == {"clear_base": 1.0}
    # cirrus at 600 m; stratocumulus above 2500 m
    assert broken(answer(3, [CI], base=4, levels=(0, 0, 1))) == {"low_base": 1.0}
    assert broken(answer(3, [SC], base=9, levels=(5, 0, 0))) == {"low_base": 1.0}


def test_half_measures_by_hand():
    p = answer(5, [SC], base=5, levels=(5, 0, 0))
    p.genera[0, SC], p.genera[0, CU] = 0.3, 0.2  # at least one with .3 to .5; the code says for certain
    # level: (1 - .5) / 3; genera: cloud for certain, .5 at most; low base: .5 at most
    assert broken(p) == pytest.approx({"level_genera": 0.5 / 3, "clear_genera": 0.5, "low_base": 0.5})


def test_an_obscured_sky_may_hold_anything():
    assert broken(answer(0, obscured=1.0)) == {}
    assert broken(answer(0, [SC], base=0, levels=(6, INVISIBLE, INVISIBLE), obscured=1.0)) == {}


@st.composite
def some_sky(draw):
    okta = draw(st.integers(0, 8))
    genera = draw(st.sets(st.sampled_from([CI, AC, SC, CU]), min_size=1)) if okta else set()
    low = genera & {SC, CU}
    base = NO_BASE if not okta else 5 if low else 9
    cloud = (5 if low else 0, 3 if AC in genera else 0, 1 if CI in genera else 0)
    levels = tuple(INVISIBLE if okta == 8 and place and low else code for place, code in enumerate(cloud))
    return answer(okta, sorted(genera), base, levels)


@settings(max_examples=50)
@given(st.lists(some_sky(), min_size=1, max_size=8))
def test_no_mixture_of_possible_skies_is_called_inconsistent(skies):
    mixed = SkyProbabilities(
        **{name: torch.stack([getattr(s, name) for s in skies]).double().mean(0) for name in vars(skies[0])}
    )
    assert all(float(value) < 1e-9 for value in violations(mixed).values())


def test_gradients_pull_both_sides():
    logits = torch.zeros(1, len(GENERA), requires_grad=True)
    p = answer(0, levels=(0, 0, 0))
    total = violations(SkyProbabilities(p.okta, p.obscured, logits.sigmoid(), p.base, p.levels))
    torch.stack(list(total.values())).sum().backward()
    assert (logits.grad >= 0).all()  # down with the genera of a clear sky
    assert logits.grad.max() > 0


def test_reported_over_answers_that_were_given():
    p = answer(5, [SC], base=5, levels=(0, 0, 0))
    values = {
        name: np.concatenate([v.numpy(), np.full_like(v.numpy(), np.nan)]) for name, v in vars(p).items()
    }
    told = inconsistency(SkyAnswers(**values, source=np.array([3, 0], np.int8)))
    assert set(told) == {*RULES, "total"}
    assert told["level_genera"] == pytest.approx(1 / 3)
    assert told["total"] == pytest.approx(1 / 3)


def test_nothing_reported_of_nothing():
    empty = answer()
    values = {name: v.numpy()[:0] for name, v in vars(empty).items()}
    assert math.isnan(inconsistency(SkyAnswers(**values, source=np.empty(0, np.int8)))["total"])
