"""Train the ensemble of the water level, member by member, and write weights with their card."""

import copy
import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from models.contracts.labels import MaskCode
from models.learn.loop import LoopConfig, LoopState, train
from models.learn.water_batches import WaterPictures
from models.learn.water_denoising import denoising_loss, noisy_batch, without_head
from models.learn.water_loss import water_loss
from models.learn.water_recipe import WaterRecipe
from models.learn.water_targets import WaterTargets
from models.nets.water import WaterNet
from models.water import WaterModel
from tasks.checkpoints import load_checkpoint, save_checkpoint
from tasks.drift_sources import DriftPicture
from tasks.drift_training import refuse_leaks, source_facts
from tasks.water_sources import WaterSource, water_pictures
from tasks.weights import save_water_model

Progress = Callable[[str, int, int, dict[str, float]], None]
"""Told the lesson, the steps done, all of its steps, and the mean losses since it was last told, by name."""


@dataclass(frozen=True)
class TrainedMember:
    """What the training of one member leaves.

    Attributes:
        net: On the CPU.
        losses: Mean loss of each reporting interval.
    """

    net: WaterNet
    losses: list[float]


def member_checkpoint(output: Path, member: int) -> Path:
    """Where a member's training goes on from: ``water.safetensors`` -> ``water.member0.checkpoint``."""
    return output.with_suffix(f".member{member}.checkpoint")


def denoising_checkpoint(output: Path, member: int) -> Path:
    """The same of its first lesson."""
    return output.with_suffix(f".member{member}.denoising.checkpoint")


def train_water(
    sources: Sequence[WaterSource],
    recipe: WaterRecipe,
    *,
    output: Path | None = None,
    members: Sequence[int] | None = None,
    progress: Progress | None = None,
    device: torch.device | str | None = None,
) -> list[TrainedMember]:
    """Train members of the ensemble; an interrupted training goes on and ends at the same bits.

    Args:
        sources: Training pictures.
        recipe: Everything else.
        output: Of the weights; checkpoints are kept beside it, to be removed when the weights are safe.
        members: Which; all by default. Members may be trained apart, at the same time.
        progress: Called at every report.
        device: CUDA where there is one, by default.

    Raises:
        ConfigurationError: No picture says where water is or is not.
    """
    pictures = water_pictures(sources, recipe.views)
    chosen = range(len(recipe.config.members)) if members is None else members
    return [_train_member(pictures, recipe, k, output, progress, device) for k in chosen]


def _train_member(
    pictures: WaterPictures,
    recipe: WaterRecipe,
    member: int,
    output: Path | None,
    progress: Progress | None,
    device: torch.device | str | None,
) -> TrainedMember:
    loop = replace(recipe.loop, seed=recipe.member_seed(member))
    torch.manual_seed(loop.seed)
    net = WaterNet(recipe.config.members[member])
    checkpoint = member_checkpoint(output, member) if output else None
    if recipe.denoise_steps and load_checkpoint(checkpoint) is None:
        first = denoising_checkpoint(output, member) if output else None
        lesson = _Lesson(f"member {member} denoising", recipe.denoise_steps, first, progress)
        _denoise(net, pictures, recipe, loop, lesson, device)
    lesson = _Lesson(f"member {member}", loop.steps, checkpoint, progress)

    def loss(answer: tuple[Tensor, Tensor], targets: WaterTargets) -> Tensor:
        return lesson.noted(water_loss(answer, targets, recipe.loss))

    state = load_checkpoint(checkpoint)
    done = train(net, pictures.draw, loss, loop, state=state, observe=lesson.observe, device=device)
    return TrainedMember(net.cpu().eval(), done.losses)


def _denoise(
    net: WaterNet,
    pictures: WaterPictures,
    recipe: WaterRecipe,
    loop: LoopConfig,
    lesson: "_Lesson",
    device: torch.device | str | None,
) -> None:
    """Leave in the network what denoising taught it, and its own last layer."""

    def batch(generator: torch.Generator) -> tuple[Tensor, Tensor]:
        clean = pictures.plain(recipe.denoise_batch, generator)
        return noisy_batch(clean, recipe.denoise_noise, generator)

    def loss(answer: tuple[Tensor, Tensor], luma: Tensor) -> Tensor:
        return lesson.noted({"total": denoising_loss(answer, luma)})

    pupil = copy.deepcopy(net)
    steps = replace(loop, steps=recipe.denoise_steps)
    state = load_checkpoint(lesson.checkpoint)
    done = train(pupil, batch, loss, steps, state=state, observe=lesson.observe, device=device)
    net.load_state_dict(net.state_dict() | without_head(done.net))


@dataclass
class _Lesson:
    """Keeps the checkpoints of a loop and tells how it goes."""

    name: str
    steps: int
    checkpoint: Path | None
    progress: Progress | None
    recent: list[dict[str, float]] = field(default_factory=list)

    def noted(self, parts: dict[str, Tensor]) -> Tensor:
        """The loss that is to be made smaller."""
        self.recent.append({name: float(value.detach()) for name, value in parts.items()})
        return parts["total"]

    def observe(self, state: LoopState) -> None:
        """At every report of the loop."""
        save_checkpoint(self.checkpoint, state)
        if self.progress is not None and self.recent:
            mean = {name: float(np.mean([r[name] for r in self.recent])) for name in self.recent[0]}
            self.progress(self.name, state.step, self.steps, mean)
        self.recent.clear()


def save_trained_water(
    path: Path,
    trained: Sequence[TrainedMember],
    recipe: WaterRecipe,
    sources: Sequence[WaterSource],
    *,
    guarded: Sequence[DriftPicture] = (),
    remarks: Sequence[str] = (),
) -> str:
    """Refuse a leaking split, then write weights and card.

    Args:
        path: ``*.safetensors``.
        trained: All members, in order.
        recipe: They were trained by.
        sources: They were trained on.
        guarded: Pictures that they will be scored on.
        remarks: What else the card should say, in sentences.

    Returns:
        The digest.

    Raises:
        SplitLeak: A guarded picture, or its near-duplicate, was trained on.
    """
    bodies = [source.body for source in sources]
    refuse_leaks(bodies, guarded)
    facts = {
        "training": {
            "shippable": all(body.shippable for body in bodies),
            "sources": [_facts(source) for source in sources],
            "archive_snapshots": {k: v for body in bodies for k, v in body.snapshots.items()},
            "recipe": dataclasses.asdict(recipe),
            "losses": [[round(loss, 4) for loss in member.losses] for member in trained],
            "guard": {"pictures": len(guarded), "identical": 0, "nearly_identical": 0},
            "remarks": list(remarks),
        },
        "metrics": {},
    }
    nets = nn.ModuleList(member.net for member in trained)
    return save_water_model(path, WaterModel(nets, recipe.config), facts)


def _facts(source: WaterSource) -> dict[str, object]:
    known = [mask for mask in source.masks if mask is not None]
    wet = sum(bool((mask == MaskCode.WATER).any()) for mask in known)
    counts = {"masks": len(known), "masks_with_water": wet, "pairs": len(source.orders)}
    return source_facts(source.body) | counts
