"""Sets of oktas that hold the true N with a promised chance: adaptive prediction sets, made honest by split conformal.

A set starts at the median of the posterior and takes in, again and again, the likelier of its two neighbours: it is
contiguous, never empty, and holds the published N. An okta's score is the probability already in the set when its turn
comes; a set is all oktas that score at most a threshold, and the threshold is the score that the true oktas of held-out
moments stayed below. The promise needs new moments to be like those: same source and, where there are enough of them,
same camera (Mondrian groups), else all cameras of the source together. It is one of the average moment, not of each.

Source: Romano, Sesia & Candes 2020, "Classification with Valid and Adaptive Coverage" (without randomising: two runs
agree to the bit); Vovk, Gammerman & Shafer 2005, "Algorithmic Learning in a Random World" (split, Mondrian).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.contracts.cloud_labels import OKTAS
from models.contracts.sky_answers import SkySource

Values = NDArray[np.float64]
Oktas = NDArray[np.int8]

LEVEL = 0.9
OWN_MOMENTS = 200
"""Fewest calibration moments for a threshold of a camera's own: its coverage then varies by 2 % by chance."""
NO_SET = -1
_ROUNDING = 1e-9


def median_oktas(posterior: ArrayLike) -> Oktas:
    """Median N of each posterior ``(n, 9)``: the answer of least expected error; ``NO_SET`` of rows with NaN."""
    p = np.asarray(posterior, np.float64)
    half = p.sum(axis=1, keepdims=True) / 2
    median = (np.cumsum(p, axis=1) >= half - _ROUNDING).argmax(axis=1)
    return np.where(np.isfinite(p).all(axis=1), median, NO_SET).astype(np.int8)


def set_scores(posterior: ArrayLike) -> Values:
    """Score of every okta ``(n, 9)``: the probability in the set before it; rows with NaN are NaN.

    Of neighbours that are as likely, the one with more probability beyond it comes first, then the lower one.

    Args:
        posterior: Probability of N = 0 to 8, ``(n, 9)``.
    """
    p = np.asarray(posterior, np.float64)
    heard = np.isfinite(p).all(axis=1)
    scores = np.full(p.shape, np.nan)
    if heard.any():
        scores[heard] = _grown(p[heard] / p[heard].sum(axis=1, keepdims=True))
    return scores


def _grown(p: Values) -> Values:
    n, states = p.shape
    each = np.arange(n)
    low = median_oktas(p).astype(np.int64)
    high = low.copy()
    walled = np.pad(p, ((0, 0), (1, 1)), constant_values=-1.0)  # no set grows beyond 0 or 8
    below = np.pad(np.cumsum(p, axis=1), ((0, 0), (1, 0)))
    scores = np.zeros_like(p)
    inside = p[each, low]
    for _ in range(states - 1):
        down, up = walled[each, low], walled[each, high + 2]
        rest_down, rest_up = below[each, low], below[:, -1] - below[each, high + 1]
        lower = (down > up) | ((down == up) & (rest_down >= rest_up))
        low, high = low - lower, high + ~lower
        taken = np.where(lower, low, high)
        scores[each, taken] = inside
        inside = np.minimum(inside + p[each, taken], 1.0)
    return scores


def conformal_threshold(scores: ArrayLike, votes: ArrayLike, level: float = LEVEL) -> float:
    """The score that the true okta of the next moment does not exceed with this chance.

    Args:
        scores: Of oktas ``(n, 9)``; rows with NaN are left out.
        votes: Probability that each is the true one ``(n, 9)``: one-hot where N is known, a crowd's posterior where
            people differ. A moment has one vote in all; rows with NaN are left out.
        level: Chance.

    Returns:
        The ``ceil((n + 1) level)``-th smallest score; infinite where there are too few (nine are needed for 90 %).

    Raises:
        ValueError: The level is not within (0, 1).
    """
    if not 0 < level < 1:
        raise ValueError(f"level {level} is not within (0, 1)")
    score, vote = np.asarray(scores, np.float64), np.asarray(votes, np.float64)
    heard = np.isfinite(score).all(axis=1) & np.isfinite(vote).all(axis=1)
    score, vote = score[heard].ravel(), vote[heard].ravel()
    order = np.argsort(score, kind="stable")
    # The moment that is asked about has a vote too, and may score anything: it stands at infinity.
    reached = np.cumsum(vote[order]) >= level * (np.count_nonzero(heard) + 1) - _ROUNDING
    return float(score[order][reached.argmax()]) if reached.any() else math.inf


@dataclass(frozen=True)
class OktaSets:
    """Thresholds that turn posteriors into sets.

    Attributes:
        level: Promised share of sets that hold the true N.
        pooled: By `SkySource` name, over all cameras; ``"ANY"`` is that of all sources.
        own: Camera -> `SkySource` name -> threshold; only where the camera has moments enough.
    """

    level: float = LEVEL
    pooled: Mapping[str, float] = field(default_factory=dict)
    own: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def thresholds(self, source: NDArray[np.int8], cameras: ArrayLike) -> Values:
        """Of each moment ``(n,)``: of its camera and source, else its source, else any; infinite where unknown."""
        found = np.full(len(source), self.pooled.get("ANY", math.inf))
        for kind in SkySource:
            found[source == kind] = self.pooled.get(kind.name, self.pooled.get("ANY", math.inf))
        names, place = np.unique(np.asarray(cameras, np.str_), return_inverse=True)
        own = np.full((len(names), len(SkySource)), np.nan)
        for number, name in enumerate(names):
            for of_kind, threshold in self.own.get(str(name), {}).items():
                own[number, SkySource[of_kind]] = threshold
        mine = own[place, np.clip(source, 0, len(SkySource) - 1)]
        return np.where(np.isnan(mine), found, mine)


def fit_okta_sets(
    posterior: ArrayLike,
    truth: ArrayLike,
    source: NDArray[np.int8],
    cameras: ArrayLike,
    *,
    level: float = LEVEL,
    own_moments: int = OWN_MOMENTS,
) -> OktaSets:
    """Thresholds from held-out moments.

    A pooled threshold keeps its promise for cameras like those that it was fitted on, moment by moment; of a new camera
    it does so only as far as cameras differ little once each moment's posterior is known.

    Args:
        posterior: Probability of N, ``(n, 9)``; calibrated first, where temperatures are used.
        truth: Probability of the true N ``(n, 9)``, NaN where not known.
        source: `SkySource` ``(n,)``.
        cameras: Id of each moment's camera ``(n,)``; empty where it has none.
        level: Share of sets that shall hold the true N.
        own_moments: Fewest moments for a threshold of a camera's own.
    """
    scores, votes, names = set_scores(posterior), np.asarray(truth, np.float64), np.asarray(cameras, np.str_)
    known = np.isfinite(scores).all(axis=1) & np.isfinite(votes).all(axis=1)
    pooled = {"ANY": conformal_threshold(scores, votes, level)}
    own: dict[str, dict[str, float]] = {}
    for kind in SkySource:
        of_kind = known & (source == kind)
        pooled[kind.name] = conformal_threshold(scores[of_kind], votes[of_kind], level)
        found, counts = np.unique(names[of_kind], return_counts=True)
        for name in found[(counts >= own_moments) & (found != "")]:
            rows = of_kind & (names == name)
            own.setdefault(str(name), {})[kind.name] = conformal_threshold(scores[rows], votes[rows], level)
    finite = {kind: threshold for kind, threshold in pooled.items() if math.isfinite(threshold)}
    return OktaSets(level, finite, own)


def okta_sets(posterior: ArrayLike, thresholds: ArrayLike) -> tuple[Oktas, Oktas]:
    """Lowest and highest okta of each set ``(n,)``; ``NO_SET`` both where the posterior is NaN.

    Args:
        posterior: Probability of N, ``(n, 9)``.
        thresholds: Of `OktaSets.thresholds`, ``(n,)`` or one; infinite gives 0 to 8.
    """
    return sets_within(set_scores(posterior), thresholds)


def sets_within(scores: Values, thresholds: ArrayLike) -> tuple[Oktas, Oktas]:
    """`okta_sets` of scores of `set_scores`, for more than one threshold each."""
    limit = np.broadcast_to(np.asarray(thresholds, np.float64), scores.shape[:1])
    heard = np.isfinite(scores).all(axis=1)
    inside = scores <= np.maximum(limit, 0.0)[:, None]  # the median scores 0: no set is empty
    low = np.where(heard, inside.argmax(axis=1), NO_SET)
    high = np.where(heard, OKTAS - inside[:, ::-1].argmax(axis=1), NO_SET)
    return low.astype(np.int8), high.astype(np.int8)


def held(low: Oktas, high: Oktas, truth: ArrayLike) -> Values:
    """Probability that each set holds the true N ``(n,)``; NaN where there is no set or N is not known.

    Args:
        low: ``(n,)``; ``NO_SET`` where there is none.
        high: Likewise.
        truth: Probability of the true N ``(n, 9)``; NaN where not known.
    """
    votes = np.asarray(truth, np.float64)
    oktas = np.arange(votes.shape[1])
    inside = (oktas >= low[:, None]) & (oktas <= high[:, None])
    known = (low >= 0) & np.isfinite(votes).all(axis=1)
    return np.where(known, np.where(inside, votes, 0.0).sum(axis=1), np.nan)


def set_coverage(low: Oktas, high: Oktas, truth: ArrayLike) -> tuple[float, float]:
    """Share of sets that hold the true N, and their mean number of oktas, of moments that `held` knows; else NaN."""
    inside = held(low, high, truth)
    known = np.isfinite(inside)
    if not known.any():
        return math.nan, math.nan
    size = high[known].astype(np.int64) - low[known] + 1
    return float(inside[known].mean()), float(size.mean())
