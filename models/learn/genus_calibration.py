"""Temperatures under which the probabilities of genera mean what they say."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from torch import Tensor
from torch.nn import functional as F

_COLDEST, _HOTTEST = 0.2, 10.0
"""Smoothed labels, mixed photos and the mean over members make a network too modest: sharpening must be possible."""


def mean_probabilities(logits: Tensor, temperature: float) -> NDArray[np.float64]:
    """Of the classes ``(n, classes)``: mean over the members of logits ``(n, members, classes)``."""
    return np.asarray((logits.double() / temperature).softmax(-1).mean(1).numpy())


def fit_photo_temperature(logits: Tensor, label: NDArray[np.int64]) -> float:
    """Temperature that makes the labels likeliest, the mean over the members taken after it.

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks".

    Args:
        logits: Of photos that were not trained on ``(n, members, classes)``.
        label: Their classes ``(n,)``.

    Returns:
        1 of nothing.
    """
    if not len(label):
        return 1.0

    def surprise(log_temperature: float) -> float:
        p = mean_probabilities(logits, float(np.exp(log_temperature)))[np.arange(len(label)), label]
        return -float(np.log(np.maximum(p, 1e-12)).mean())

    return _least(surprise)


def fit_presence_temperature(logits: Tensor, label: NDArray[np.int64], weight_absent: float = 1.0) -> float:
    """The same of the presence of genera ``(n, members, genera)``, a photo holding the genus that it is filed under.

    Args:
        logits: Of photos that were not trained on.
        label: Their classes; those beyond the genera (contrails) hold none.
        weight_absent: How much it counts that a genus is not the one that the photo is filed under.
    """
    if not len(label):
        return 1.0
    genera = logits.shape[-1]
    present = F.one_hot(torch.from_numpy(label), int(max(label.max() + 1, genera)))[:, :genera].double()
    weight = torch.where(present > 0, 1.0, weight_absent)

    def surprise(log_temperature: float) -> float:
        p = (logits.double() / float(np.exp(log_temperature))).sigmoid().mean(1).clamp(1e-12, 1 - 1e-12)
        return float(F.binary_cross_entropy(p, present, weight=weight))

    return _least(surprise)


def _least(surprise: object) -> float:
    found = minimize_scalar(
        surprise, bounds=(np.log(_COLDEST), np.log(_HOTTEST)), method="bounded", options={"xatol": 1e-3}
    )
    return float(np.exp(found.x))


def calibration_parts(fold: NDArray[np.int64], group: NDArray[np.int64]) -> NDArray[np.int64]:
    """Parts whose temperatures are fitted on each other: the folds, or the halves of the groups of a single fold."""
    return fold if len(np.unique(fold)) > 1 else group % 2


def cross_fitted(
    logits: Tensor, label: NDArray[np.int64], part: NDArray[np.int64]
) -> tuple[NDArray[np.float64], dict[int, float]]:
    """Probabilities of held-out photos, those of each part at the temperature that all other parts ask for.

    So no label of a part has a say in how sure its answers are.

    Args:
        logits: Each photo's, of what did not see its fold ``(n, members, classes)``.
        label: ``(n,)``.
        part: See ``calibration_parts`` ``(n,)``.

    Returns:
        Probabilities ``(n, classes)`` and the temperature of each part; 1 where there is one only.
    """
    answers = np.empty((len(label), logits.shape[-1]))
    temperatures = {}
    for k in np.unique(part):
        here = part == k
        others = torch.from_numpy(~here)
        temperatures[int(k)] = fit_photo_temperature(logits[others], label[~here])
        answers[here] = mean_probabilities(logits[torch.from_numpy(here)], temperatures[int(k)])
    return answers, temperatures
