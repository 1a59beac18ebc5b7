"""Train the network of camera and satellite together, calibrate its answers on later weeks, write weights and card."""

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.contracts.sky_answers import SkyAnswers, SkySource
from models.learn.loop import LoopState
from models.learn.sky_calibration import SkyCalibration, fit_sky_calibration
from models.learn.sky_recipe import SkyRecipe
from models.learn.sky_training import denoise_first, start_from, train_sky
from models.nets.sky_encoder import SkyEncoder
from models.sky import SkyModel, build_sky_model, predict_sky
from tasks.checkpoints import load_checkpoint, save_checkpoint
from tasks.errors import ConfigurationError
from tasks.sky_set import SkySet
from tasks.sky_sources import MomentSource, joined
from tasks.sky_weights import save_sky_model
from tasks.weights import load_cloud_model

Progress = Callable[[str, int, float], None]
"""Told the lesson, the steps done and the mean loss."""

RUNS: dict[str, tuple[bool, bool]] = {
    "camera only": (True, False),
    "satellite only": (False, True),
    "both": (True, True),
}
"""Which inputs each run may look at: camera, satellite."""
_SOURCE = dict(zip(RUNS, (SkySource.CAMERA, SkySource.SATELLITE, SkySource.BOTH), strict=True))


def encoder_of(weights: Path) -> tuple[SkyEncoder, str]:
    """The camera's encoder of trained cloud masks, and its digest.

    Raises:
        ConfigurationError: These weights are of another architecture.
    """
    model, digest = load_cloud_model(weights)
    if not isinstance(model.net, SkyEncoder):
        raise ConfigurationError(
            weights, None, "no weights of the architecture 'sky'", "give such, or train from nothing"
        )
    return model.net, digest


def train_sky_model(
    sources: Sequence[MomentSource],
    recipe: SkyRecipe,
    *,
    encoder: SkyEncoder | None = None,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
    device: torch.device | str | None = None,
) -> SkyModel:
    """Train; an interrupted training goes on from its checkpoint.

    Args:
        sources: What to learn from.
        recipe: Everything else.
        encoder: To begin with; one that starts from nothing has only ``recipe.finishing`` to learn in.
        checkpoint: File to resume from and to write at every report; removed at the end.
        progress: Called at every report.
        device: CUDA where there is one, by default.
    """
    torch.manual_seed(recipe.seed)
    model = build_sky_model(recipe.model)
    lessons = joined([source.lessons for source in sources])
    last = None if checkpoint is None else checkpoint.with_suffix(".finishing")
    finishing = load_checkpoint(last)
    if encoder is None and recipe.denoising is not None and finishing is None:
        observe = _observer("denoising", None, progress)
        denoise_first(model.net.encoder, lessons, recipe.denoising, observe=observe, device=device)
    if encoder is not None:
        start_from(model.net, encoder)
    if encoder is not None and finishing is None:
        train_sky(
            model.net,
            lessons,
            recipe.training,
            state=load_checkpoint(checkpoint),
            observe=_observer("training", checkpoint, progress),
            device=device,
        )
    train_sky(
        model.net,
        lessons,
        recipe.finishing,
        state=finishing,
        observe=_observer("finishing", last, progress),
        device=device,
    )
    for done in (checkpoint, last):
        if done is not None:
            done.unlink(missing_ok=True)
    model.net.cpu().eval()
    return model


def training_key(sources: Sequence[MomentSource], recipe: SkyRecipe, encoder: str | None) -> str:
    """What a checkpoint belongs to: another set, recipe or encoder begins anew.

    Args:
        sources: What is learned from.
        recipe: How.
        encoder: Digest of the weights to begin with.
    """
    pictures = [source.facts.get("sha256") for source in sources]
    return hashlib.sha256(repr((pictures, recipe, encoder)).encode()).hexdigest()[:12]


def _observer(lesson: str, checkpoint: Path | None, progress: Progress | None) -> Callable[[LoopState], None]:
    def observe(state: LoopState) -> None:
        save_checkpoint(checkpoint, state)
        if progress is not None:
            progress(lesson, state.step, state.losses[-1] if state.losses else float("nan"))

    return observe


def answers_of_runs(model: SkyModel, moments: SkySet) -> dict[str, SkyAnswers]:
    """What the model answers with each of `RUNS`' inputs, not yet calibrated."""
    inputs = dataclasses.replace(moments.seen, image=moments.pictures)
    return {
        name: predict_sky(model, inputs, use_camera=camera, use_satellite=satellite)
        for name, (camera, satellite) in RUNS.items()
    }


def calibrate_sky(model: SkyModel, held_out: SkySet) -> SkyCalibration:
    """Temperatures and okta sets, from moments that were not trained on, with either input and with both."""
    once, places = [], []
    for run, answers in answers_of_runs(model, held_out).items():
        mine = np.flatnonzero(
            answers.source == int(_SOURCE[run])
        )  # with one input "both" is that input's run
        once.append(answers.rows(mine))
        places.append(mine)
    together = SkyAnswers(
        *(np.concatenate([getattr(a, f.name) for a in once]) for f in dataclasses.fields(SkyAnswers))
    )
    rows = np.concatenate(places)
    return fit_sky_calibration(together, held_out.targets.rows(torch.from_numpy(rows)), held_out.camera[rows])


def save_trained_sky(
    path: Path,
    model: SkyModel,
    sources: Sequence[MomentSource],
    recipe: SkyRecipe,
    calibration: SkyCalibration,
    encoder: str | None = None,
) -> str:
    """Write weights and card; returns the digest.

    Args:
        path: ``*.safetensors``.
        model: Trained.
        sources: What it learned from.
        recipe: How.
        calibration: Of its answers.
        encoder: Digest of the weights that its encoder began with.
    """
    training: dict[str, Any] = {
        "shippable": all(source.shippable for source in sources),
        "sources": [source.facts for source in sources],
        "training": dataclasses.asdict(recipe.training) if encoder else None,
        "finishing": dataclasses.asdict(recipe.finishing),
        "denoising": None if recipe.denoising is None else dataclasses.asdict(recipe.denoising),
        "encoder": encoder,
    }
    facts = {"training": training, "calibration": calibration.to_card(), "metrics": {}}
    return save_sky_model(path, model, facts)
