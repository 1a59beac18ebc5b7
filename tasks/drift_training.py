"""Train the registration from pictures without labels, calibrate what it says of its errors, write weights and card."""

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.drift import DriftConfig, DriftModel
from models.learn.drift_calibration import CalibrationRow, fit, measure
from models.learn.drift_calibration_pairs import PictureBody, draw_pairs
from models.learn.drift_loss import DriftTraining
from models.learn.drift_recipe import DriftRecipe
from models.learn.loop import LoopState, train
from models.nets.drift import DriftNet
from tasks.checkpoints import load_checkpoint, save_checkpoint
from tasks.cloud_training import refuse_overlap
from tasks.drift_sources import DriftPicture, DriftSource, pair_source, read_training_picture
from tasks.pictures import UnreadableImage
from tasks.weights import save_drift_model

LossParts = dict[str, float]
Progress = Callable[[int, LossParts], None]
"""Told the steps done and the mean losses since it was last told, by name."""

_PICTURE_COLUMNS = (
    "file",
    "sha256",
    "repository",
    "path",
    "commit",
    "licence",
    "prepared",
    "camera",
    "share",
)
"""With ``crossed`` set to yes these make a ``manifest.csv`` of the same pictures."""


@dataclass(frozen=True)
class TrainedDrift:
    """What a training leaves.

    Attributes:
        net: On the CPU.
        losses: Mean loss of each reporting interval.
        motion_px: What cameras that are called fixed really did; see ``learned_motion_px``.
    """

    net: DriftNet
    losses: list[float]
    motion_px: float = math.nan


@dataclass(frozen=True)
class Calibration:
    """A configuration fitted to a network, and what it was fitted on.

    Attributes:
        config: Fitted.
        rows: A row for each kind of held-out pairs.
        sources: The held-out pictures.
    """

    config: DriftConfig
    rows: list[CalibrationRow]
    sources: Sequence[DriftSource] = field(default=())


def train_drift(
    sources: Sequence[DriftSource],
    recipe: DriftRecipe,
    *,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
    device: torch.device | str | None = None,
) -> TrainedDrift:
    """Train a network; an interrupted training goes on from its checkpoint and ends at the same bits.

    Args:
        sources: Training pictures.
        recipe: Everything else.
        checkpoint: File to resume from and to write at every report; to be removed when the weights are safe.
        progress: Called at every report.
        device: CUDA where there is one, by default.
    """
    torch.manual_seed(recipe.loop.seed)
    pairs = pair_source(sources, recipe.views)
    training = DriftTraining(DriftNet(recipe.net), len(pairs.pictures), recipe.loss)
    recent: list[LossParts] = []

    def batch(generator: torch.Generator) -> tuple[Any, Tensor]:
        return pairs.draw(recipe.batch_size, generator), torch.zeros(())

    def loss(parts: dict[str, Tensor], _: Tensor) -> Tensor:
        recent.append({name: float(value.detach()) for name, value in parts.items()})
        return parts["total"]

    def observe(state: LoopState) -> None:
        save_checkpoint(checkpoint, state)
        if progress is not None and recent:
            progress(state.step, {n: float(np.nanmean([r[n] for r in recent])) for n in recent[0]})
        recent.clear()

    state = train(
        training, batch, loss, recipe.loop, state=load_checkpoint(checkpoint), observe=observe, device=device
    )
    net = training.net.cpu().eval()
    return TrainedDrift(net, state.losses, learned_motion_px(training.frame.detach().cpu()))


def learned_motion_px(frame: Tensor) -> float:
    """Root mean square pan or tilt that was learned for pictures of fixed cameras, pixels at 640 px width.

    Args:
        frame: ``DriftTraining.frame``, ``(pictures, 4)``; zero for pictures that were never crossed.
    """
    moved = 20.0 * frame[(frame != 0).any(dim=1), :2]
    return float(moved.square().mean().sqrt()) if len(moved) else math.nan


def calibrate_drift(
    net: DriftNet, held_out: Sequence[DriftSource], pairs: int = 60, seed: int = 0
) -> Calibration:
    """Fit inflation, floor and thresholds on pictures that were not trained on.

    Args:
        net: The network.
        held_out: Sources; cameras of one picture are paired with themselves in painted weather.
        pairs: Of each source, and of two places.
        seed: Of everything that is drawn.

    Raises:
        ValueError: Nothing was answered well enough to calibrate on.
    """
    bodies = [body for source in held_out for body in _bodies(source)]
    model = DriftModel(net, DriftConfig(net.config))
    config, rows = fit(measure(model, draw_pairs(bodies, pairs, seed)), model.config)
    return Calibration(config, rows, held_out)


def _bodies(source: DriftSource) -> Iterator[PictureBody]:
    cameras: dict[str, list[DriftPicture]] = {}
    for picture in source.pictures:
        cameras.setdefault(picture.camera, []).append(picture)
    arrays = [[p.rgb.permute(1, 2, 0).numpy() for p in members] for members in cameras.values()]
    name, _, _ = source.name.partition(":")
    rendered = all(p.licence == "own rendering" for p in source.pictures)
    crossed, single = [a for a in arrays if len(a) > 1], [a for a in arrays if len(a) == 1]
    if crossed:
        yield PictureBody(f"{name}: other time", crossed, may_move=not rendered)
    if single:
        yield PictureBody(f"{name}: one picture", single, crossed=False)


def guarded_pictures(folders: Sequence[Path]) -> list[DriftPicture]:
    """Pictures that must not be trained on, for the guard; files that are no pictures are passed over."""
    found = []
    for folder in folders:
        for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png")):
            try:
                found.append(read_training_picture(path, 320, camera=path.parent.name, licence=""))
            except UnreadableImage:
                continue
    return found


def refuse_leaks(
    sources: Sequence[DriftSource], guarded: Sequence[DriftPicture], held_out: Sequence[DriftSource] = ()
) -> None:
    """Refuse to train on what is scored or calibrated on.

    Raises:
        SplitLeak: A guarded picture, or its near-duplicate, is among the sources, or a held-out one itself.
    """
    pictures = [p for source in sources for p in source.pictures]
    refuse_overlap([p for p in pictures if _tells(p)], [p for p in guarded if _tells(p)])
    known = {p.sha256 for p in pictures}
    refuse_overlap(pictures, [p for source in held_out for p in source.pictures if p.sha256 in known])


def save_trained_drift(
    path: Path,
    trained: TrainedDrift,
    recipe: DriftRecipe,
    sources: Sequence[DriftSource],
    calibration: Calibration,
    *,
    guarded: Sequence[DriftPicture] = (),
    remarks: Sequence[str] = (),
) -> str:
    """Refuse a leaking split, then write weights and card.

    Args:
        path: ``*.safetensors``.
        trained: Network and losses.
        recipe: It was trained by.
        sources: It was trained on.
        calibration: Its configuration.
        guarded: Pictures that it will be scored on.
        remarks: What else the card should say, in sentences.

    Returns:
        The digest.

    Raises:
        SplitLeak: A guarded or held-out picture, or its near-duplicate, was trained on.
    """
    refuse_leaks(sources, guarded, calibration.sources)
    facts = {
        "training": {
            "shippable": all(source.shippable for source in sources),
            "sources": [source_facts(source) for source in sources],
            "archive_snapshots": {k: v for source in sources for k, v in source.snapshots.items()},
            "recipe": dataclasses.asdict(recipe),
            "losses": [round(loss, 4) for loss in trained.losses],
            "learned_motion_px": _rounded(trained.motion_px),
            "guard": {"pictures": len(guarded), "identical": 0, "nearly_identical": 0},
            "remarks": list(remarks),
        },
        "calibration": {
            "pairs": [
                {name: _rounded(value) for name, value in dataclasses.asdict(row).items()}
                for row in calibration.rows
            ],
            "sources": [source_facts(source) for source in calibration.sources],
        },
        "metrics": {},
    }
    return save_drift_model(path, DriftModel(trained.net, calibration.config), facts)


def _tells(picture: DriftPicture) -> bool:
    """A hash of a black or blank picture is like that of any other."""
    return 16 <= int(picture.fingerprint.sum()) <= picture.fingerprint.size - 16


def source_facts(source: DriftSource) -> dict[str, Any]:
    """What a card says of a body of pictures: licences, and each picture's hash and where it is published."""
    pictures = sorted(source.pictures, key=lambda p: p.sha256)
    listed = any(p.repository for p in pictures)
    return {
        "name": source.name,
        "shippable": source.shippable,
        "licences": {
            licence: sum(p.licence == licence for p in pictures)
            for licence in sorted({p.licence for p in pictures})
        },
        "cameras": len({p.camera for p in pictures}),
        "columns": list(_PICTURE_COLUMNS) if listed else ["sha256"],
        "pictures": [_picture_facts(p, source.shares[p.camera]) for p in pictures]
        if listed
        else [p.sha256 for p in pictures],
    }


def _picture_facts(picture: DriftPicture, share: float) -> list[object]:
    values = {"file": picture.name, "share": round(share, 6)}
    return [values[c] if c in values else getattr(picture, c) for c in _PICTURE_COLUMNS]


def _rounded(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    return round(value, 4) if math.isfinite(value) else None


def from_state(
    net: Mapping[str, Tensor], frame: Tensor, losses: Sequence[float], recipe: DriftRecipe
) -> TrainedDrift:
    """A network that was trained by a recipe elsewhere.

    Args:
        net: State of its ``DriftNet``.
        frame: ``DriftTraining.frame``.
        losses: Mean loss of each reporting interval.
        recipe: It was trained by.
    """
    found = DriftNet(recipe.net)
    found.load_state_dict(net)
    return TrainedDrift(found.eval(), list(losses), learned_motion_px(frame))
