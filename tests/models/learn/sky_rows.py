"""Small skies for the tests of calibration and scores: answers and targets in a line each."""

import numpy as np
import torch

from models.contracts.sky_answers import SkyAnswers, SkySource
from models.contracts.sky_batch import BASE_STATES, LEVEL_STATES, OKTA_STATES, SkyTargets, nothing_known
from models.learn.sky_controls import no_answers


def one_hot(codes, states):
    """Rows of certainty; NaN rows of negative codes."""
    codes = np.asarray(codes)
    rows = np.eye(states, dtype=np.float32)[np.maximum(codes, 0)]
    rows[codes < 0] = np.nan
    return rows


def targets_of(n, *, okta=None, obscured=None, genera=None, base=None, levels=None) -> SkyTargets:
    """Targets of codes; what is not given is not known."""
    targets = nothing_known(n)
    given = {
        "okta": None if okta is None else one_hot(okta, OKTA_STATES),
        "obscured": obscured,
        "genera": genera,
        "base": None if base is None else one_hot(base, BASE_STATES),
        "levels": None if levels is None else one_hot(levels, LEVEL_STATES),
    }
    for head, values in given.items():
        if values is not None:
            getattr(targets, head)[:] = torch.as_tensor(np.asarray(values, np.float32))
    return targets


def answers_of(n, *, source=SkySource.BOTH, **heads) -> SkyAnswers:
    """Answers of probabilities; what is not given is not answered."""
    answers = no_answers(n)
    for head, values in heads.items():
        getattr(answers, head)[:] = np.asarray(values, np.float32)
    answers.source[:] = source
    return answers


def simulated_oktas(n, seed, *, cameras=8, sharpened=1.0):
    """Posteriors of N whose true N is drawn from them, then sharpened: posterior ``(n, 9)``, truth, camera."""
    rng = np.random.default_rng(seed)
    middle, spread = rng.uniform(-1, 9, (n, 1)), rng.uniform(0.3, 1.6, (n, 1))
    p = np.exp(-((np.arange(9) - middle) ** 2) / (2 * spread**2)) + 1e-6
    p /= p.sum(axis=1, keepdims=True)
    truth = (p.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    p = p**sharpened
    camera = np.array([f"cam{k}" for k in rng.integers(0, cameras, n)])
    return p / p.sum(axis=1, keepdims=True), truth, camera
