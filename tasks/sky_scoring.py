"""Score the network of camera and satellite together on simulated moments: later weeks, and cameras never seen."""

import dataclasses
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import numpy as np

from models.contracts.sky_answers import SkyAnswers, SkySource
from models.contracts.sky_batch import CONTEXT
from models.learn.sky_calibration import SkyCalibration
from models.learn.sky_controls import newest_slot_alone, usual_controls
from models.sky import SkyModel, predict_sky
from tasks.sky_evaluation import BOTH, CAMERA, SATELLITE, SWITCH, SkyRow, SkyTrial, evaluate_sky
from tasks.sky_set import SkySet, read_sky_set
from tasks.sky_training import answers_of_runs

_TRIALS = {"week": "camera-day", "camera": "camera"}


def sky_trial(name: str, model: SkyModel, moments: SkySet, training: SkySet) -> SkyTrial:
    """What the model and its controls answer about some moments.

    Args:
        name: Of the trial.
        model: To be scored.
        moments: That nothing was fitted on.
        training: What it was trained on, for the controls.
    """
    answers = answers_of_runs(model, moments)
    inputs = dataclasses.replace(moments.seen, image=moments.pictures)
    alone = predict_sky(model, newest_slot_alone(inputs))
    controls = usual_controls(
        training.targets,
        moments.seen,
        answers[BOTH],
        moments.camera,
        moments.time,
        moments.targets.visible_cover.numpy(),
    )
    return SkyTrial(
        name,
        moments.targets,
        moments.camera,
        moments.time,
        moments.seen.context[:, CONTEXT.index("sun_elevation_deg")].numpy(),
        answers | {SWITCH: switched(answers), f"{BOTH}, the newest slot alone": alone},
        controls,
        _kinds(moments),
    )


def switched(answers: Mapping[str, SkyAnswers]) -> SkyAnswers:
    """The camera's answer where there is one, else the satellite's: what both are worth without any fusion."""
    camera, satellite = answers[CAMERA], answers[SATELLITE]
    heard = camera.source != int(SkySource.NONE)

    def chosen(name: str) -> np.ndarray:
        first, second = getattr(camera, name), getattr(satellite, name)
        return np.where(heard.reshape(-1, *[1] * (first.ndim - 1)), first, second)

    return SkyAnswers(**{f.name: chosen(f.name) for f in fields(SkyAnswers)})


def _kinds(moments: SkySet) -> np.ndarray:
    """What is special about each moment, else where its camera looks ``(n,)``."""
    usual = np.where(np.char.find(moments.camera, "all_sky") >= 0, "all-sky", "horizon")
    return np.where(moments.note == "", usual, np.char.replace(moments.note, "_", " "))


def score_sky(
    model: SkyModel, calibration: SkyCalibration, folder: Path, resamples: int = 1000
) -> tuple[list[SkyRow], dict[str, SkyTrial]]:
    """Rows of both trials of a simulated set, and the trials.

    Args:
        model: To be scored.
        calibration: From its card.
        folder: Of the set; its training moments must be those of the card.
        resamples: Of the bootstrap.
    """
    training = read_sky_set(folder, ("train",))
    trials = {name: sky_trial(name, model, read_sky_set(folder, (name,)), training) for name in _TRIALS}
    rows = [
        row
        for name, trial in trials.items()
        for row in evaluate_sky(trial, calibration, block=_TRIALS[name], resamples=resamples)
    ]
    return rows, trials
