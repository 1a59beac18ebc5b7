"""A plain training loop: seeded, resumable to the bit, on CUDA where there is one."""

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

Batch = Callable[[torch.Generator], tuple[Any, Any]]
"""Draws an input and a target: tensors, or anything that knows ``to(device)``."""

Loss = Callable[[Any, Any], Tensor]


@dataclass(frozen=True)
class LoopConfig:
    """Length and pace of a training.

    Attributes:
        steps: Optimiser steps.
        learning_rate: Peak, after the warm-up.
        warm_up: Steps of linear warm-up; a cosine follows.
        last_rate: Share of the peak that is left at the end.
        weight_decay: Of AdamW.
        gradient_norm: Gradients are clipped to this norm.
        seed: Of every batch; with the step's number it fixes the batch.
        report_every: Steps between calls of the observer.
        autocast: Forward passes in bfloat16 where that is safe; weights and losses stay as they are.
    """

    steps: int = 1000
    learning_rate: float = 2e-3
    warm_up: int = 50
    last_rate: float = 0.01
    weight_decay: float = 1e-2
    gradient_norm: float = 1.0
    seed: int = 0
    report_every: int = 100
    autocast: bool = False


@dataclass
class LoopState:
    """Where a training stands; give it back to ``train`` to go on.

    Attributes:
        step: Steps done.
        net: Weights.
        optimiser: State of the optimiser.
        losses: Mean loss of each reporting interval.
    """

    step: int = 0
    net: dict[str, Any] = field(default_factory=dict)
    optimiser: dict[str, Any] = field(default_factory=dict)
    losses: list[float] = field(default_factory=list)


def learning_rate_at(step: int, config: LoopConfig) -> float:
    """Linear warm-up, then a cosine to the last rate."""
    if step < config.warm_up:
        return config.learning_rate * (step + 1) / config.warm_up
    done = (step - config.warm_up) / max(1, config.steps - config.warm_up)
    falling = 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
    return config.learning_rate * (config.last_rate + (1 - config.last_rate) * falling)


def _generator(seed: int, step: int) -> torch.Generator:
    return torch.Generator().manual_seed((seed * 1_000_003 + step) % (2**63 - 1))


def train(
    net: nn.Module,
    batch: Batch,
    loss: Loss,
    config: LoopConfig,
    *,
    state: LoopState | None = None,
    observe: Callable[[LoopState], None] | None = None,
    until: int | None = None,
    device: torch.device | str | None = None,
) -> LoopState:
    """Train in place.

    Args:
        net: The network; its weights are replaced by those of ``state`` where one is given.
        batch: Draws a batch (input, target) from a generator that is seeded per step.
        loss: Of output and target.
        config: Length and pace.
        state: Of an earlier call, to go on from.
        observe: Called every ``report_every`` steps and at the end, for progress and checkpoints.
        until: Stop after this step, to be resumed; the schedule stays that of ``config.steps``.
        device: CUDA where there is one, by default.

    Returns:
        The state after the last step.

    Raises:
        FloatingPointError: The loss is not finite.
    """
    device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    net.to(device).train()
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # convolutions are faster so
    optimiser = torch.optim.AdamW(net.parameters(), config.learning_rate, weight_decay=config.weight_decay)
    first, losses = 0, []
    if state is not None:
        net.load_state_dict(state.net)
        optimiser.load_state_dict(state.optimiser)
        first, losses = state.step, list(state.losses)
    last = config.steps if until is None else min(until, config.steps)
    recent: list[float] = []
    for step, (x, target) in _drawn_ahead(batch, config.seed, first, last):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate_at(step, config)
        x = x.to(device)
        if isinstance(x, Tensor) and x.dim() == 4:
            x = x.contiguous(memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.bfloat16, enabled=config.autocast):
            answer = net(x)
        value = loss(answer, target.to(device))
        optimiser.zero_grad(set_to_none=True)
        value.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(net.parameters(), config.gradient_norm)
        optimiser.step()
        recent.append(float(value.detach()))
        if not math.isfinite(recent[-1]):
            raise FloatingPointError(f"loss {recent[-1]} at step {step}")
        if observe and (step + 1) % config.report_every == 0 and step + 1 < last:
            losses.append(sum(recent) / len(recent))
            recent = []
            observe(_state(step + 1, net, optimiser, losses))
    if recent:
        losses.append(sum(recent) / len(recent))
    final = _state(max(first, last), net, optimiser, losses)
    if observe:
        observe(final)
    return final


def _drawn_ahead(batch: Batch, seed: int, first: int, last: int) -> Iterator[tuple[int, tuple[Any, Any]]]:
    """Steps with their batches; the next one is drawn while the caller learns from this one."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(batch, _generator(seed, first))
        for step in range(first, last):
            drawn = coming.result()
            if step + 1 < last:
                coming = pool.submit(batch, _generator(seed, step + 1))
            yield step, drawn


def _state(step: int, net: nn.Module, optimiser: torch.optim.Optimizer, losses: list[float]) -> LoopState:
    weights = {k: v.detach().clone() for k, v in net.state_dict().items()}
    return LoopState(step, weights, optimiser.state_dict(), list(losses))
