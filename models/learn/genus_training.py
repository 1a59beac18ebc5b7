"""Fine-tune a pretrained trunk on filed photos: seeded, resumable to the bit.

The fixed blocks see each photo in a few views beforehand (`models.learn.genus_views`); a step then starts from their
maps, and mirrors and mixes these. That halves the time, and a run over many folds shares the maps.

Source: mixup, Zhang et al. 2018; CutMix, Yun et al. 2019; both on an inner map rather than on pixels, as in manifold
mixup, Verma et al. 2019.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from models.contracts.cloud_labels import GENERA
from models.learn.genus_views import ViewConfig
from models.learn.loop import LoopConfig, learning_rate_at
from models.nets.genus import GenusConfig, GenusLogits, GenusNet


@dataclass(frozen=True)
class GenusRecipe:
    """Everything that a training depends on, but for the photos and the published trunk.

    Attributes:
        net: Shape.
        views: Augmentation of the pixels.
        view_count: Views of each photo; every view is also seen mirrored.
        loop: Length and pace; the rate is that of the heads.
        batch_size: Photos of a step.
        trunk_rate: Rate of the last block, as a share of that of the heads.
        deeper_rate: Rate of a block, as a share of that of the block after it.
        smoothing: Share of a label that is spread over all classes.
        mixed: Share of the steps whose maps are mixed: half of them blended, half with a box of another photo.
        mixing: Parameter of the symmetric beta distribution of the shares.
        presence: Weight of the presence head's loss.
        disputed: How often a photo is drawn whose duplicates are filed differently, relative to others.
        average: Decay of the running average of the weights, which is what is kept.
    """

    net: GenusConfig = field(default_factory=GenusConfig)
    views: ViewConfig = field(default_factory=ViewConfig)
    view_count: int = 8
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            steps=320, learning_rate=2e-3, warm_up=40, weight_decay=2e-2, gradient_norm=2.0, report_every=20
        )
    )
    batch_size: int = 32
    trunk_rate: float = 0.2
    deeper_rate: float = 0.9
    smoothing: float = 0.05
    mixed: float = 0.5
    mixing: float = 0.4
    presence: float = 0.3
    disputed: float = 0.5
    average: float = 0.985


GENUS_RECIPE = GenusRecipe()
"""Of ``vigie train genera``."""


@dataclass(frozen=True, eq=False)
class GenusLessons:
    """What is learned from.

    Attributes:
        maps: Of the fixed blocks ``(views, n, channels, h, w)``, float16; may lie on disk.
        target: Share of each class ``(n, 11)``; several for photos that are filed under several.
        weight: How often each photo is drawn ``(n,)``; 0 for those that must not be seen.
    """

    maps: NDArray[np.float16]
    target: Tensor
    weight: Tensor


@dataclass
class GenusState:
    """Where a training stands; give it back to ``fine_tune`` to go on."""

    step: int = 0
    net: dict[str, Tensor] = field(default_factory=dict)
    average: dict[str, Tensor] = field(default_factory=dict)
    optimiser: dict[str, object] = field(default_factory=dict)
    losses: list[float] = field(default_factory=list)


def photo_targets(label: NDArray[np.int64], group: NDArray[np.int64], classes: int) -> Tensor:
    """Share of each class ``(n, classes)``: the mean of what a photo and its duplicates are filed under."""
    one_hot = np.eye(classes, dtype=np.float32)[label]
    names, place = np.unique(group, return_inverse=True)
    sums = np.zeros((len(names), classes), dtype=np.float32)
    np.add.at(sums, place, one_hot)
    return torch.from_numpy((sums / sums.sum(1, keepdims=True))[place])


def drawing_weights(
    label: NDArray[np.int64], seen: NDArray[np.bool_], disputed: NDArray[np.bool_], share: float
) -> Tensor:
    """How often each photo is drawn: by the square root of the rarity of its class, half way to balance."""
    count = np.bincount(label[seen], minlength=int(label.max()) + 1)
    weight = 1.0 / np.sqrt(np.maximum(count[label], 1))
    return torch.from_numpy(np.where(seen, np.where(disputed, share, 1.0) * weight, 0.0))


def genus_loss(logits: GenusLogits, target: Tensor, recipe: GenusRecipe) -> Tensor:
    """Cross-entropy of the class and, less, of the presence of each genus.

    That a photo is filed under one genus says little about the absence of the others, which the low weight respects.
    """
    classes = target.shape[1]
    smooth = target * (1 - recipe.smoothing) + recipe.smoothing / classes
    photo = F.cross_entropy(logits.photo, smooth)
    presence = F.binary_cross_entropy_with_logits(logits.presence, smooth[:, : len(GENERA)])
    return photo + recipe.presence * classes * presence


def fine_tune(
    net: GenusNet,
    lessons: GenusLessons,
    recipe: GenusRecipe,
    *,
    state: GenusState | None = None,
    observe: Callable[[GenusState], None] | None = None,
    until: int | None = None,
) -> GenusState:
    """Train on the CPU; ``net`` is left with the running average of its weights.

    Args:
        net: With the published trunk.
        lessons: What is learned from.
        recipe: How.
        state: Of an earlier call, to go on from.
        observe: Called every ``report_every`` steps and at the end.
        until: Stop after this step, to be resumed.

    Raises:
        FloatingPointError: The loss is not finite.
    """
    loop = recipe.loop
    net.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    _freeze(net)
    groups = _rates(net, recipe)
    optimiser = torch.optim.AdamW(groups, weight_decay=loop.weight_decay)
    now = state or GenusState(average={k: v.detach().clone() for k, v in net.state_dict().items()})
    if state is not None:
        net.load_state_dict(state.net)
        optimiser.load_state_dict(state.optimiser)
    average, losses, recent = now.average, list(now.losses), []
    last = loop.steps if until is None else min(until, loop.steps)
    for step in range(now.step, last):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate_at(step, loop) * group["share"]
        recent.append(_step(net, optimiser, lessons, recipe, step))
        _follow(average, net, min(recipe.average, (1 + step) / (10 + step)))
        if (step + 1) % loop.report_every == 0 or step + 1 == last:
            losses.append(sum(recent) / len(recent))
            recent = []
            now = GenusState(step + 1, _copied(net), average, optimiser.state_dict(), losses)
            if observe:
                observe(now)
    net.load_state_dict(average)
    net.eval()
    return now


def _freeze(net: GenusNet) -> None:
    fixed = [net.trunk.stem, *list(net.trunk.blocks)[: net.config.fixed_blocks]]
    for module in fixed:
        module.requires_grad_(False)


def _rates(net: GenusNet, recipe: GenusRecipe) -> list[dict[str, object]]:
    """Parameter groups of the heads, of the widening of the last map, and of every block that learns."""
    shares: dict[float, list[nn.Parameter]] = {}
    blocks = len(net.trunk.blocks)
    for name, parameter in net.named_parameters():
        if parameter.requires_grad:
            path = name.split(".")
            share = 1.0
            if path[0] == "trunk":
                behind = blocks - 1 - int(path[2]) if path[1] == "blocks" else 0
                share = recipe.trunk_rate * recipe.deeper_rate**behind
            shares.setdefault(share, []).append(parameter)
    return [{"params": params, "share": share} for share, params in shares.items()]


def _step(
    net: GenusNet, optimiser: torch.optim.Optimizer, lessons: GenusLessons, recipe: GenusRecipe, step: int
) -> float:
    seed = (recipe.loop.seed * 1_000_003 + step) % (2**63 - 1)
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)  # of the dropout
    maps, target = draw_maps(lessons, recipe, generator)
    loss = genus_loss(net.of_early(maps.contiguous(memory_format=torch.channels_last)), target, recipe)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(net.parameters(), recipe.loop.gradient_norm)
    optimiser.step()
    value = float(loss.detach())
    if not math.isfinite(value):
        raise FloatingPointError(f"loss {value} at step {step}")
    return value


def draw_maps(
    lessons: GenusLessons, recipe: GenusRecipe, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Maps ``(batch, channels, h, w)`` of photos in random views, mirrored and mixed, with their shares of classes."""
    rows = torch.multinomial(lessons.weight, recipe.batch_size, replacement=True, generator=generator)
    views = torch.randint(len(lessons.maps), (recipe.batch_size,), generator=generator)
    drawn = np.stack([lessons.maps[v, r] for v, r in zip(views.tolist(), rows.tolist(), strict=True)])
    maps, target = torch.from_numpy(drawn).float(), lessons.target[rows]
    mirrored = torch.rand(len(maps), generator=generator) < 0.5
    maps = torch.where(mirrored[:, None, None, None], maps.flip(-1), maps)
    if float(torch.rand((), generator=generator)) < recipe.mixed:
        return _mixed(maps, target, recipe.mixing, generator)
    return maps, target


def _mixed(maps: Tensor, target: Tensor, mixing: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    seed = int(torch.randint(2**31, (), generator=generator))
    share = float(np.random.default_rng(seed).beta(mixing, mixing))
    other = torch.randperm(len(maps), generator=generator)
    if float(torch.rand((), generator=generator)) < 0.5:
        return share * maps + (1 - share) * maps[other], share * target + (1 - share) * target[other]
    height, width = maps.shape[-2:]
    high, wide = (max(1, round(side * math.sqrt(1 - share))) for side in (height, width))
    top = int(torch.randint(height - high + 1, (), generator=generator))
    left = int(torch.randint(width - wide + 1, (), generator=generator))
    boxed = maps.clone()
    boxed[..., top : top + high, left : left + wide] = maps[other][..., top : top + high, left : left + wide]
    kept = 1 - high * wide / (height * width)
    return boxed, kept * target + (1 - kept) * target[other]


def _copied(net: nn.Module) -> dict[str, Tensor]:
    return {k: v.detach().clone() for k, v in net.state_dict().items()}


@torch.no_grad()
def _follow(average: dict[str, Tensor], net: nn.Module, decay: float) -> None:
    for name, value in net.state_dict().items():
        if value.is_floating_point():
            average[name].lerp_(value, 1 - decay)
