"""Posteriors that mean what they say: tempering, the temperature that fits, and the error that is left."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar

from models.science.crowd_votes import Values

COLDEST, HOTTEST = 1.0, 10.0
"""Range of a temperature. A fit to the answers that it weighs is too sure, never too modest: nothing is sharpened."""


def temper(log_posterior: Values, temperature: float) -> Values:
    """Probabilities ``(items, classes)`` of unnormalised logarithms, to the power of ``1 / temperature``.

    A class of logarithm minus infinity stays at 0.
    """
    if not log_posterior.size:
        return np.zeros_like(log_posterior)
    scaled = (log_posterior - log_posterior.max(axis=1, keepdims=True)) / temperature
    weights = np.exp(scaled)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def fit_temperature(log_posterior: Values, likelihood: Values) -> float:
    """Temperature under which what was seen is likeliest.

    Args:
        log_posterior: Unnormalised, of the item of each observation ``(observations, classes)``.
        likelihood: Of the observation under each class ``(observations, classes)``: a row of the identity where the
            class itself is known, the annotator's column of the confusion where an answer is.

    Returns:
        Within ``COLDEST`` and ``HOTTEST``.
    """

    def surprise(log_temperature: float) -> float:
        seen = (temper(log_posterior, float(np.exp(log_temperature))) * likelihood).sum(axis=1)
        return -float(np.log(np.maximum(seen, 1e-12)).mean())

    found = minimize_scalar(
        surprise, bounds=(np.log(COLDEST), np.log(HOTTEST)), method="bounded", options={"xatol": 1e-3}
    )
    return float(np.exp(found.x))


def calibration_error(posterior: Values, truth: ArrayLike, bins: int = 10) -> float:
    """Expected calibration error of the likeliest class: mean gap of confidence and hit rate over equal bins.

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks".

    Args:
        posterior: ``(items, classes)``; rows of NaN are left out.
        truth: Class of each item ``(items,)``.
        bins: Of the confidence, 0 to 1.

    Returns:
        0 to 1; NaN of nothing.
    """
    heard = np.isfinite(posterior).all(axis=1)
    posterior, known = posterior[heard], np.asarray(truth)[heard]
    if not posterior.size:
        return float("nan")
    confidence, hit = posterior.max(axis=1), posterior.argmax(axis=1) == known
    place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    gap = np.bincount(place, confidence, bins) - np.bincount(place, hit, bins)
    return float(np.abs(gap).sum() / known.size)
