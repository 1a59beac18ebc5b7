"""Whether probabilities about the sky mean what they say, how they rank, and whether answers contradict themselves.

Reliability is of what was answered: moments without an answer are left out of it. They are misses of the ranking.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.contracts.cloud_labels import GENERA, LEVEL_GENERA
from models.contracts.sky_answers import SkyAnswers
from models.contracts.sky_batch import LEVELS, NO_BASE
from models.learn.sky_scores import presence
from models.learn.sky_truth import UNKNOWN, SkyCodes, answer_codes, base_errors_m

Values = NDArray[np.float64]
BINS = 15
_LEVEL_OF = np.array([[genus in LEVEL_GENERA[level] for genus in GENERA] for level in LEVELS])
_MID_BASE, _HIGH_BASE = 8, 9  # least codes of 1600 of As and Ac (2000 m), and of Ci, Cc and Cs


@dataclass(frozen=True, eq=False)
class ReliabilityCurve:
    """Probabilities in bins of about as many moments each.

    Attributes:
        stated: Mean probability of each bin ``(bins,)``.
        happened: Share in which it came true.
        moments: In each bin.
    """

    stated: Values
    happened: Values
    moments: NDArray[np.int64]

    @property
    def error(self) -> float:
        """Expected calibration error: mean gap, bins weighted by their moments; NaN of nothing.

        Source: Nixon et al. 2019, "Measuring Calibration in Deep Learning" (adaptive bins).
        """
        total = self.moments.sum()
        gap = np.abs(self.stated - self.happened)
        return float((gap * self.moments).sum() / total) if total else math.nan


def reliability(stated: ArrayLike, happened: ArrayLike, bins: int = BINS) -> ReliabilityCurve:
    """Reliability of probabilities of a yes; equal ones share a bin, and pairs with a NaN are left out.

    Args:
        stated: Any shape.
        happened: Same shape; 1, 0 or NaN.
        bins: At most.
    """
    p, y = np.asarray(stated, np.float64).ravel(), np.asarray(happened, np.float64).ravel()
    heard = np.isfinite(p) & np.isfinite(y)
    p, y = p[heard], y[heard]
    if not p.size:
        return ReliabilityCurve(np.empty(0), np.empty(0), np.empty(0, np.int64))
    edges = np.unique(np.quantile(p, np.arange(1, bins) / bins, method="inverted_cdf"))
    place = np.searchsorted(edges, p, side="left")
    count = np.bincount(place, minlength=len(edges) + 1)
    filled = count > 0
    sums = [np.bincount(place, v, len(edges) + 1)[filled] / count[filled] for v in (p, y)]
    return ReliabilityCurve(sums[0], sums[1], count[filled].astype(np.int64))


def head_reliability(head: str, answers: SkyAnswers, truth: SkyCodes, bins: int = BINS) -> ReliabilityCurve:
    """Of what a head says, pooled: presence of each genus, an obscured sky, or the likeliest class of the others."""
    p, true = np.asarray(getattr(answers, head), np.float64), getattr(truth, head)
    known = np.where(true == UNKNOWN, np.nan, true)
    if head in ("genera", "obscured"):
        return reliability(p, known, bins)
    heard = np.asarray(np.isfinite(p).all(axis=-1))
    filled = np.where(heard[..., None], p, 0.0)
    right = np.where(heard & (true != UNKNOWN), filled.argmax(axis=-1) == true, np.nan)
    return reliability(filled.max(axis=-1), right, bins)


def calibration_errors(answers: SkyAnswers, truth: SkyCodes, bins: int = BINS) -> dict[str, float]:
    """ECE of each head; of the genera, the mean over the ten, which many easy absences cannot make small."""
    heads = ("okta", "obscured", "base", "levels")
    found = {head: head_reliability(head, answers, truth, bins).error for head in heads}
    known = np.where(truth.genera == UNKNOWN, np.nan, truth.genera)
    each = [reliability(answers.genera[:, k], known[:, k], bins).error for k in range(len(GENERA))]
    return {**found, "genera": _mean(each)}


def okta_exceedance(answers: SkyAnswers, truth: SkyCodes, bins: int = BINS) -> ReliabilityCurve:
    """Reliability of the probability that N is at least 1, 2, ... 8, pooled: of the ordinal answer as a whole."""
    p = np.asarray(answers.okta, np.float64)
    at_least = np.cumsum(p[:, ::-1], axis=1)[:, -2::-1]
    true = np.where(truth.okta < 0, np.nan, truth.okta)[:, None]
    happened = np.where(np.isnan(true), np.nan, true >= np.arange(1, p.shape[1]))
    return reliability(at_least, happened, bins)


def average_precision(stated: ArrayLike, there: NDArray[np.int64]) -> float:
    """Area under precision over recall of one yes or no; what was not answered comes last.

    Args:
        stated: Probability ``(n,)``; equal ones come together.
        there: 1, 0 or ``UNKNOWN`` ``(n,)``.

    Returns:
        NaN where nothing is there.
    """
    known = there != UNKNOWN
    p = np.asarray(stated, np.float64)[known]
    p, y = np.where(np.isfinite(p), p, -1.0), there[known] == 1
    if not y.any():
        return math.nan
    order = np.argsort(-p, kind="stable")
    last = np.append(np.diff(p[order]) != 0, True)  # of equal ones
    hits, called = np.cumsum(y[order])[last], np.flatnonzero(last) + 1
    recall = hits / y.sum()
    answered = p[order][last] >= 0
    return float((np.diff(recall, prepend=0.0) * hits / called)[answered].sum())


def genera_average_precision(answers: SkyAnswers, truth: SkyCodes) -> float:
    """Mean over the genera that are there."""
    return _mean([average_precision(answers.genera[:, k], truth.genera[:, k]) for k in range(len(GENERA))])


def median_base_error_m(answers: SkyAnswers, truth: SkyCodes) -> float:
    """Median of `models.learn.sky_truth.base_errors_m`; NaN where no base is known."""
    errors = base_errors_m(truth.base, answer_codes(answers).base)
    errors = errors[np.isfinite(errors)]
    return float(np.median(errors)) if errors.size else math.nan


def contradictions(answers: SkyAnswers) -> dict[str, float]:
    """Share of answers whose parts cannot all be true, by kind and in all; NaN where nothing was answered.

    ``genus and level``: a genus of a level whose code says none, or a code of clouds without a genus of the level.
    ``genus and base``: no base with a genus, or a base below 2000 m with As, Ac or 2500 m with Ci, Cc, Cs the lowest.
    ``okta and cloud``: N = 0 with a genus, a base or a code of clouds, or N above 0 with none of the three.
    """
    codes = answer_codes(answers)
    whole = (codes.genera >= 0).all(axis=1) & (codes.base >= 0) & (codes.levels >= 0).all(axis=1)
    if not whole.any():
        return dict.fromkeys(("genus and level", "genus and base", "okta and cloud", "any"), math.nan)
    genera, base, okta = codes.genera[whole] == 1, codes.base[whole], codes.okta[whole]
    some, level = presence(codes.levels[whole]), (genera[:, None, :] & _LEVEL_OF).any(axis=2)
    by_level = (level & (some == 0)) | (~level & (some == 1))
    low_or_ns = level[:, 0] | genera[:, GENERA.index("Ns")]
    least = np.where(low_or_ns, 0, np.where(level[:, 1], _MID_BASE, _HIGH_BASE))
    any_genus = level.any(axis=1)
    signs = np.stack([any_genus, base != NO_BASE, (some == 1).any(axis=1)])
    kinds = {
        "genus and level": by_level.any(axis=1),
        "genus and base": any_genus & ((base == NO_BASE) | (base < least)),
        "okta and cloud": np.where(okta == 0, signs.any(axis=0), (okta > 0) & ~signs.any(axis=0)),
    }
    kinds["any"] = np.logical_or.reduce(list(kinds.values()))
    return {name: float(found.mean()) for name, found in kinds.items()}


def _mean(values: list[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return math.fsum(finite) / len(finite) if finite else math.nan
