"""Scores of answers about the sky, as sums over moments, so that thousands of resamples cost a product of matrices.

An answer withheld is a miss: it is right nowhere, finds nothing, and is charged the worst error that was possible.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.contracts.cloud_labels import INVISIBLE, OKTAS
from models.contracts.sky_answers import SkyAnswers
from models.contracts.sky_batch import NO_BASE
from models.learn.sky_truth import UNKNOWN, SkyCodes, answer_codes

Values = NDArray[np.float64]
Parts = Callable[[SkyAnswers, SkyCodes, SkyCodes], Values]


@dataclass(frozen=True)
class SkyStatistic:
    """A score that is a function of sums over moments.

    Attributes:
        parts: Of answers, their codes and the true ones: what each moment adds, ``(n, k)``.
        value: Of sums ``(..., k)``: the score ``(...)``; NaN where there is nothing to score.
        better: 1 where more is better, -1 where less is, 0 where neither.
    """

    parts: Parts
    value: Callable[[Values], Values]
    better: int


def score_parts(answers: SkyAnswers, truth: SkyCodes) -> dict[str, Values]:
    """What each moment adds to the sums of each of ``STATISTICS``, ``(n, k)``.

    Raises:
        ValueError: Answers and truth are not about the same number of moments.
    """
    if len(answers) != len(truth):
        raise ValueError(f"{len(answers)} answers against {len(truth)} moments")
    codes = answer_codes(answers)
    return {name: statistic.parts(answers, codes, truth) for name, statistic in STATISTICS.items()}


def score(parts: Mapping[str, Values]) -> dict[str, float]:
    """Each of ``STATISTICS`` over all moments of `score_parts`; NaN where there is nothing to score."""
    return {name: float(STATISTICS[name].value(part.sum(axis=0))) for name, part in parts.items()}


def _ratio(sums: Values) -> Values:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(sums[..., 0] / sums[..., 1])


def _root(sums: Values) -> Values:
    return np.asarray(np.sqrt(_ratio(sums)))


def _f1(sums: Values) -> Values:
    """Mean F1 over the classes that are there or called, of hits, false alarms and misses ``(..., classes * 3)``."""
    hits, wrong, missed = np.moveaxis(sums.reshape(*sums.shape[:-1], -1, 3), -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        each = 2 * hits / (2 * hits + wrong + missed)
        scored = np.isfinite(each)
        return np.asarray(np.where(scored, each, 0.0).sum(axis=-1) / scored.sum(axis=-1))


def _counted(value: NDArray[np.generic], counts: NDArray[np.bool_]) -> Values:
    """Numerator and denominator of each moment; a moment that does not count adds nothing."""
    return np.stack([np.where(counts, value, 0), counts], axis=-1).astype(np.float64)


def okta_errors(answer: SkyCodes, truth: SkyCodes) -> NDArray[np.int64]:
    """``|N - true N|`` ``(n,)``; the worst possible where none is answered; meaningless where none is known."""
    worst = np.maximum(truth.okta, OKTAS - truth.okta)
    return np.where(answer.okta < 0, worst, np.abs(answer.okta - truth.okta))


def _okta_error(power: int) -> Parts:
    return lambda given, answer, truth: _counted(okta_errors(answer, truth) ** power, truth.okta >= 0)


def _within_one(given: SkyAnswers, answer: SkyCodes, truth: SkyCodes) -> Values:
    return _counted((okta_errors(answer, truth) <= 1) & (answer.okta >= 0), truth.okta >= 0)


def _bias(given: SkyAnswers, answer: SkyCodes, truth: SkyCodes) -> Values:
    return _counted(answer.okta - truth.okta, (truth.okta >= 0) & (answer.okta >= 0))


def ranked_probability(okta: NDArray[np.floating], truth: SkyCodes) -> Values:
    """Ranked probability score in oktas ``(n,)``: the discrete CRPS, the absolute error of an answer without doubt.

    Source: Epstein 1969, J. Appl. Meteor. 8; not divided by the number of thresholds.
    """
    p = np.asarray(okta, np.float64)
    thresholds = np.arange(OKTAS)
    below = np.cumsum(p, axis=1)[:, :OKTAS] - (truth.okta[:, None] <= thresholds)
    worst = np.maximum(truth.okta, OKTAS - truth.okta)
    heard = np.isfinite(p).all(axis=1)
    return np.where(heard, (below**2).sum(axis=1), worst)


def _rps(given: SkyAnswers, answer: SkyCodes, truth: SkyCodes) -> Values:
    return _counted(ranked_probability(given.okta, truth), truth.okta >= 0)


def _hits(answer: NDArray[np.int64], truth: NDArray[np.int64]) -> Values:
    """Hits, false alarms and misses ``(n, classes * 3)``."""
    called, there, known = answer == 1, truth == 1, truth != UNKNOWN
    counts = np.stack([called & there, called & ~there & known, there & ~called], axis=-1)
    return counts.reshape(len(truth), math.prod(counts.shape[1:])).astype(np.float64)


def _levels_right(given: SkyAnswers, answer: SkyCodes, truth: SkyCodes) -> Values:
    known = truth.levels != UNKNOWN
    return np.stack([((answer.levels == truth.levels) & known).sum(axis=1), known.sum(axis=1)], 1).astype(
        float
    )


def _levels_present(given: SkyAnswers, answer: SkyCodes, truth: SkyCodes) -> Values:
    """Of each level: none, some, or invisible."""
    known = truth.levels != UNKNOWN
    same = (presence(answer.levels) == presence(truth.levels)) & known
    return np.stack([same.sum(axis=1), known.sum(axis=1)], 1).astype(float)


def presence(levels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Whether a code of CL, CM or CH says none (0), some (1) or cannot be seen (``INVISIBLE``)."""
    return np.where((levels > 0) & (levels < INVISIBLE), 1, levels)


def _base_exact(given: SkyAnswers, answer: SkyCodes, truth: SkyCodes) -> Values:
    return _counted(answer.base == truth.base, truth.base != UNKNOWN)


def _base_within_one(given: SkyAnswers, answer: SkyCodes, truth: SkyCodes) -> Values:
    """No cloud is next to no base."""
    both = (answer.base >= 0) & (answer.base < NO_BASE) & (truth.base < NO_BASE)
    near = (answer.base == truth.base) | (both & (np.abs(answer.base - truth.base) <= 1))
    return _counted(near, truth.base != UNKNOWN)


def _answered(given: SkyAnswers, answer: SkyCodes, truth: SkyCodes) -> Values:
    return _counted(answer.okta >= 0, truth.okta >= 0)


STATISTICS: dict[str, SkyStatistic] = {
    "mae_okta": SkyStatistic(_okta_error(1), _ratio, -1),
    "within_one_okta": SkyStatistic(_within_one, _ratio, 1),
    "rmse_okta": SkyStatistic(_okta_error(2), _root, -1),
    "bias_okta": SkyStatistic(_bias, _ratio, 0),
    "rps_okta": SkyStatistic(_rps, _ratio, -1),
    "answered": SkyStatistic(_answered, _ratio, 1),
    "obscured_f1": SkyStatistic(lambda given, a, t: _hits(a.obscured, t.obscured), _f1, 1),
    "genera_macro_f1": SkyStatistic(lambda given, a, t: _hits(a.genera, t.genera), _f1, 1),
    "level_code": SkyStatistic(_levels_right, _ratio, 1),
    "level_presence": SkyStatistic(_levels_present, _ratio, 1),
    "base_exact": SkyStatistic(_base_exact, _ratio, 1),
    "base_within_one": SkyStatistic(_base_within_one, _ratio, 1),
}
"""N: error, RMSE and RPS in oktas, over moments with a true N; answered: share of these with an N."""
