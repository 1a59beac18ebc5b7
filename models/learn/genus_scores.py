"""How well genera and levels are told: macro-F1, level accuracy, calibration error, with intervals by group."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from models.nets.genus import CONTRAIL, PHOTO_CLASSES, level_of_classes, level_probabilities
from models.science.crowd_temperature import calibration_error

Labels = NDArray[np.int64]
Probabilities = NDArray[np.float64]


def f1_by_class(truth: Labels, answer: Labels, classes: int) -> NDArray[np.float64]:
    """F1 of each class ``(classes,)``; NaN where a class is neither true nor answered anywhere."""
    hits = np.bincount(truth[truth == answer], minlength=classes).astype(np.float64)
    named = np.bincount(truth, minlength=classes) + np.bincount(answer, minlength=classes)
    return np.asarray(np.divide(2 * hits, named, out=np.full(classes, np.nan), where=named > 0))


def macro_f1(truth: Labels, answer: Labels, classes: int) -> float:
    """Mean F1 over the classes that are true or answered somewhere."""
    return float(np.nanmean(f1_by_class(truth, answer, classes)))


def level_accuracy(truth: Labels, probability: Probabilities, *, contrails: bool = True) -> float:
    """Share of photos whose likeliest level is that of their class.

    Args:
        truth: Class of each photo ``(n,)``.
        probability: Of the classes ``(n, 11)``.
        contrails: Photos of contrails are of the high level; without them, only clouds of the ten genera count.
    """
    level = level_probabilities(torch.from_numpy(probability)).argmax(1).numpy()
    right = level == level_of_classes().numpy()[truth]
    counted = np.full(len(truth), True) if contrails else truth != PHOTO_CLASSES.index(CONTRAIL)
    return float(right[counted].mean()) if counted.any() else float("nan")


Statistic = Callable[[Labels, Probabilities], float]
STATISTICS: Mapping[str, Statistic] = {
    "macro_f1": lambda truth, p: macro_f1(truth, p.argmax(1), p.shape[1]),
    "accuracy": lambda truth, p: float((p.argmax(1) == truth).mean()),
    "level_accuracy": lambda truth, p: level_accuracy(truth, p),
    "level_accuracy_no_contrails": lambda truth, p: level_accuracy(truth, p, contrails=False),
    "ece": lambda truth, p: calibration_error(p, truth),
}


@dataclass(frozen=True)
class Measured:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


def photo_resamples(group: NDArray[np.int64], n: int, seed: int) -> list[Labels]:
    """Index sets: groups drawn with replacement, then as many photos within each drawn group as it has.

    As ``models.learn.metrics.grouped_resamples``, for thousands of groups of one or two.
    """
    rng = np.random.default_rng(seed)
    order = np.argsort(group, kind="stable")
    _, first, size = np.unique(group[order], return_index=True, return_counts=True)
    draws = []
    for _ in range(n):
        drawn = rng.integers(0, len(size), len(size))
        sizes = np.repeat(size[drawn], size[drawn])
        within = (rng.random(len(sizes)) * sizes).astype(np.int64)
        draws.append(order[np.repeat(first[drawn], size[drawn]) + within])
    return draws


def score_photos(
    truth: Labels,
    probability: Probabilities,
    group: NDArray[np.int64],
    *,
    against: Probabilities | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Measured]:
    """All figures, or those of one method minus those of another on the same photos.

    Args:
        truth: Class of each photo ``(n,)``.
        probability: Of the classes ``(n, 11)``.
        group: Duplicates share one; groups are resampled, then photos within.
        against: Of the method to subtract.
        resamples: Of the bootstrap.
        seed: Of the bootstrap.
    """
    draws = photo_resamples(group, resamples, seed)

    def value(name: str, rows: NDArray[np.int64]) -> float:
        own = STATISTICS[name](truth[rows], probability[rows])
        return own if against is None else own - STATISTICS[name](truth[rows], against[rows])

    measured = {}
    for name in STATISTICS:
        low, high = np.quantile([value(name, rows) for rows in draws], [0.025, 0.975])
        measured[name] = Measured(value(name, np.arange(len(truth))), float(low), float(high))
    return measured
