"""What a satellite may teach, and what it may not."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import tensor

from models.contracts.cloud_labels import BASE_CODES, GENERA
from models.contracts.sky_batch import BASE_STATES, NO_BASE, OKTA_STATES, nothing_known
from models.learn.partial_labels import (
    BASE_SLACK,
    MOST_TRUST,
    base_below_loss,
    satellite_okta_loss,
    some_genus_loss,
    weak_losses,
)

EXTREME = st.sampled_from([-1e4, -200.0, -3.0, 0.0, 2.5, 200.0, 1e4])
TEN = st.lists(EXTREME, min_size=10, max_size=10)


def logit(p):
    return math.log(p / (1 - p))


def of(*names):
    return tensor([[genus in names for genus in GENERA]])


def gradient(loss, *inputs):
    variable = inputs[0].clone().requires_grad_()
    loss(variable, *inputs[1:]).sum().backward()
    return variable.grad


def test_at_least_one_of_two():
    logits = torch.zeros(1, 10)
    logits[0, GENERA.index("St")], logits[0, GENERA.index("Sc")] = logit(0.2), logit(0.25)
    # none of both with .8 x .75 = .6; right with .9: 1 - .9 x .6 = .46
    loss = some_genus_loss(logits, of("St", "Sc"), tensor([0.9]))
    assert loss.item() == pytest.approx(-math.log(0.46), abs=1e-6)


def test_who_is_surely_wrong_pays_no_more_than_the_trust():
    loss = some_genus_loss(torch.full((1, 10), -1e4), of("Ci"), tensor([1.0]))
    assert loss.item() == pytest.approx(-math.log(1 - MOST_TRUST), abs=1e-4)
    assert some_genus_loss(torch.full((1, 10), 1e4), of("Ci"), tensor([1.0])).item() == 0


@settings(deadline=None)
@given(TEN, st.sets(st.integers(0, 9)), st.floats(0, 1))
def test_no_genus_is_ever_lowered_and_none_outside_is_touched(values, inside, trust):
    named = of(*(GENERA[k] for k in inside))
    slope = gradient(some_genus_loss, tensor([values]), named, tensor([trust]))
    assert torch.isfinite(slope).all()
    assert (slope <= 0).all()  # the loss falls where a logit rises
    assert (slope[~named] == 0).all()


def test_bases_above_a_top_of_900_m():
    logits = torch.zeros(1, BASE_STATES)
    # codes 6, 7, 8, 9 begin at 1000 m or more: 6 of 10 may be
    loss = base_below_loss(logits, tensor([900.0]))
    assert loss.item() == pytest.approx(-math.log(0.6) + math.log(1 - BASE_SLACK), abs=1e-6)
    # a base of 1000 m is below a top of 1000 m, and has code 6
    assert base_below_loss(logits, tensor([1000.0])).item() == pytest.approx(
        -math.log(0.7) + math.log(1 - BASE_SLACK), abs=1e-6
    )


def test_tops_that_leave_every_base_open():
    logits = torch.randn(3, BASE_STATES)
    assert base_below_loss(logits, tensor([2500.0, torch.inf, torch.nan])).tolist() == [0, 0, 0]
    low = torch.zeros(1, BASE_STATES)
    low[0, 2] = 20.0  # surely 100 to 200 m
    assert base_below_loss(low, tensor([900.0])).item() == 0
    assert base_below_loss(low, tensor([-50.0])).item() > 1  # only the lowest code is left


@settings(deadline=None)
@given(st.lists(EXTREME, min_size=BASE_STATES, max_size=BASE_STATES), st.floats(-500, 12_000))
def test_a_top_says_nothing_of_no_cloud(values, top):
    slope = gradient(base_below_loss, tensor([values]), tensor([top]))
    assert torch.isfinite(slope).all()
    assert slope[0, NO_BASE] == 0
    assert slope[0, 0] <= 0  # the lowest base is never above
    assert slope[0, BASE_CODES - 1] >= 0 or top >= 2500


def test_a_mask_through_its_noise():
    likelihood = torch.zeros(1, OKTA_STATES)
    likelihood[0, 0], likelihood[0, 8] = 0.1, 0.4
    # of 9 equal N: (1 + .25) / 9 of what would be best; others count as 1e-6
    loss = satellite_okta_loss(torch.zeros(1, OKTA_STATES), likelihood)
    assert loss.item() == pytest.approx(-math.log(1.25 / 9), abs=1e-4)
    assert satellite_okta_loss(torch.zeros(1, OKTA_STATES), 7 * likelihood).item() == pytest.approx(
        loss.item()
    )


@settings(deadline=None)
@given(
    st.lists(EXTREME, min_size=OKTA_STATES, max_size=OKTA_STATES),
    st.lists(st.floats(0, 1, width=32), min_size=OKTA_STATES, max_size=OKTA_STATES),
)
def test_a_mask_is_finite_and_costs_nothing_at_best(values, likelihood):
    held = tensor([likelihood], dtype=torch.float32)
    logits = tensor([values])
    assert satellite_okta_loss(logits, held).item() >= -1e-6
    assert torch.isfinite(gradient(satellite_okta_loss, logits, held)).all()


def test_rows_that_say_nothing_do_not_count():
    logits = torch.randn(2, 10), torch.randn(2, BASE_STATES), torch.randn(2, OKTA_STATES)
    for part in logits:
        part.requires_grad_()
    losses = weak_losses(*logits, nothing_known(2))
    (losses.some_genus + losses.base_below + losses.satellite_okta).backward()
    assert all((part.grad == 0).all() for part in logits)
    assert losses.some_genus.item() == losses.base_below.item() == losses.satellite_okta.item() == 0
    targets = nothing_known(2)
    targets.some_genus[0], targets.some_genus_trust[0] = of("Ns")[0], 0.9
    targets.base_below_m[0] = 400.0
    targets.satellite_okta[0] = torch.arange(1.0, 10.0)
    both, alone = (
        weak_losses(*logits, targets),
        weak_losses(*(p[:1] for p in logits), targets.rows(tensor([0]))),
    )
    for name in ("some_genus", "base_below", "satellite_okta"):
        assert getattr(both, name).item() == pytest.approx(getattr(alone, name).item())
    empty = weak_losses(torch.zeros(0, 10), torch.zeros(0, BASE_STATES), torch.zeros(0, 9), nothing_known(0))
    assert empty.some_genus.item() == 0
