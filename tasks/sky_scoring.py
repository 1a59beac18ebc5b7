"""Score the network of camera and satellite together on simulated moments: later weeks, and cameras never seen."""

import dataclasses
from pathlib import Path

import numpy as np

from models.contracts.sky_batch import CONTEXT
from models.learn.sky_calibration import SkyCalibration
from models.learn.sky_controls import slots_late, usual_controls
from models.sky import SkyModel, predict_sky
from tasks.sky_evaluation import BOTH, SkyRow, SkyTrial, evaluate_sky
from tasks.sky_set import SkySet, read_sky_set
from tasks.sky_training import answers_of_runs

LATE_MIN = 30
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
    late = predict_sky(model, slots_late(inputs, LATE_MIN * 60.0))
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
        answers | {f"{BOTH}, slots {LATE_MIN} min late": late},
        controls,
        _kinds(moments),
    )


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
