"""Scores of cloud masks and covers, with intervals that respect the grouping of frames by camera.

An abstention is a miss: it is right nowhere and charged the worst error that was possible.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.science.cover import CLOUD, SKY, UNLABELLED, cover_of_mask, okta_of_cover


@dataclass(frozen=True)
class FrameScore:
    """One frame, one method.

    Attributes:
        group: What is resampled as a whole: the camera, or a block of neighbouring frames.
        error_okta: ``8 * |cover - true cover|``; the worst possible where the method abstained.
        code_error: ``|N - true N|`` of the okta codes; the worst possible where it abstained.
        accuracy: Share of truly clear or cloudy sky pixels given their class; 0 where it abstained.
        hits: Cloud pixels called cloud.
        false_alarms: Other labelled pixels called cloud.
        misses: Cloud pixels not called cloud.
        abstained: The method gave no cover.
        bias_okta: ``8 * (cover - true cover)``; NaN where it abstained.
    """

    group: str
    error_okta: float
    code_error: int
    accuracy: float
    hits: int
    false_alarms: int
    misses: int
    abstained: bool
    bias_okta: float


def score_frame(
    group: str,
    truth: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    *,
    true_okta: int | None = None,
    cover: float | None = None,
) -> FrameScore:
    """Score a mask against a labelled one.

    Args:
        group: See ``FrameScore``.
        truth: Labelled classes ``(y, x)``, ``UNLABELLED`` where not judged; holds some sky.
        mask: Predicted classes, same shape.
        true_okta: The labeller's own N; that of the labelled mask where not given.
        cover: The method's cover, NaN where it abstains; that of ``mask`` over the labelled pixels where not given.

    Raises:
        ValueError: Shapes differ, or no sky is labelled.
    """
    if truth.shape != mask.shape:
        raise ValueError(f"mask {mask.shape} against labels {truth.shape}")
    true_cover = cover_of_mask(truth)
    if math.isnan(true_cover):
        raise ValueError("no sky is labelled: there is no cover to compare with")
    judged = truth != UNLABELLED
    if cover is None:
        cover = cover_of_mask(np.where(judged, mask, UNLABELLED).astype(np.uint8))
    n_true = okta_of_cover(true_cover) if true_okta is None else true_okta
    assert n_true is not None
    abstained = math.isnan(cover)
    called = (mask == CLOUD) & judged & (not abstained)
    cloudy, sky = truth == CLOUD, (truth == SKY) | (truth == CLOUD)
    n = okta_of_cover(cover)
    return FrameScore(
        group=group,
        error_okta=8 * (max(true_cover, 1 - true_cover) if abstained else abs(cover - true_cover)),
        code_error=max(n_true, 8 - n_true) if n is None else abs(n - n_true),
        accuracy=0.0 if abstained else float(np.mean(mask[sky] == truth[sky])),
        hits=int(np.count_nonzero(called & cloudy)),
        false_alarms=int(np.count_nonzero(called & ~cloudy)),
        misses=int(np.count_nonzero(cloudy & ~called)),
        abstained=abstained,
        bias_okta=8 * (cover - true_cover),
    )


Statistic = Callable[[Sequence[FrameScore]], float]


def mae_okta(scores: Sequence[FrameScore]) -> float:
    """Mean absolute error of the cover, in oktas."""
    return float(np.mean([s.error_okta for s in scores])) if scores else math.nan


def within_one_okta(scores: Sequence[FrameScore]) -> float:
    """Share of frames whose code N is within 1 of the true one."""
    return float(np.mean([s.code_error <= 1 for s in scores])) if scores else math.nan


def pixel_accuracy(scores: Sequence[FrameScore]) -> float:
    """Mean over frames of the share of sky pixels (clear or cloudy) given their class."""
    return float(np.mean([s.accuracy for s in scores])) if scores else math.nan


def cloud_f1(scores: Sequence[FrameScore]) -> float:
    """F1 of cloud pixels over all frames together; NaN where there is no cloud at all, true or called."""
    hits = sum(s.hits for s in scores)
    wrong = sum(s.false_alarms + s.misses for s in scores)
    return 2 * hits / (2 * hits + wrong) if hits + wrong else math.nan


def bias_okta(scores: Sequence[FrameScore]) -> float:
    """Mean signed error of the cover over the frames answered, in oktas."""
    answered = [s.bias_okta for s in scores if not s.abstained]
    return float(np.mean(answered)) if answered else math.nan


STATISTICS: dict[str, Statistic] = {
    "mae_okta": mae_okta,
    "within_one_okta": within_one_okta,
    "pixel_accuracy": pixel_accuracy,
    "cloud_f1": cloud_f1,
    "bias_okta": bias_okta,
}


def grouped_resamples(groups: Sequence[str], n: int, seed: int) -> list[NDArray[np.int64]]:
    """Index sets: groups drawn with replacement, then frames within each drawn group."""
    rng = np.random.default_rng(seed)
    names = np.asarray(groups)
    members = [np.flatnonzero(names == name) for name in sorted(set(groups))]
    drawn = rng.integers(0, len(members), (n, len(members)))
    return [np.concatenate([rng.choice(members[g], len(members[g])) for g in row]) for row in drawn]


def bootstrap_interval(
    scores: Sequence[FrameScore],
    statistic: Statistic,
    *,
    against: Sequence[FrameScore] | None = None,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Bootstrap interval of a statistic, or of its paired difference to another method on the same frames.

    Groups (cameras, blocks) are resampled with replacement, then frames within each: with three cameras the interval is
    honest about how little three cameras say, though not exact.

    Args:
        scores: Scores of one method.
        statistic: One of ``STATISTICS``.
        against: Scores of the method to subtract, frame by frame in the same order.
        resamples: Number of resamples.
        level: Coverage.
        seed: Of the resampling.

    Returns:
        Lower and upper end; NaN where there are no scores.
    """
    if not scores:
        return math.nan, math.nan
    if against is not None and [s.group for s in against] != [s.group for s in scores]:
        raise ValueError("paired scores must cover the same frames in the same order")
    values = []
    for rows in grouped_resamples([s.group for s in scores], resamples, seed):
        value = statistic([scores[i] for i in rows])
        if against is not None:
            value -= statistic([against[i] for i in rows])
        values.append(value)
    low, high = np.nanquantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
