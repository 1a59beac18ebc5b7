"""How far a water level may be off: spread of a small ensemble, made to mean something by split conformal prediction.

A conformal interval at 90 % holds the truth in at least 90 % of new frames whatever the errors' distribution, provided
that the frames it was calibrated on are like the new ones. Two ways to be like them:

- *own*: labelled frames of this very camera. Nine are the fewest that can carry 90 %, and neighbours in time count for
  less than they seem to: choose them days apart.
- *pooled*: labelled frames of other cameras, each camera with one vote however many frames it has. What is exchanged is
  the camera, so that nine **cameras** are the fewest for 90 %; frames of one camera pooled as if they were
  independent promise too much for a new one.

Source: Vovk, Gammerman & Shafer 2005, "Algorithmic Learning in a Random World"; Angelopoulos & Bates 2023, "Conformal
Prediction: A Gentle Introduction" (split conformal, normalised residuals); Lee, Barber & Willett 2023,
"Distribution-free inference with hierarchical data" (a vote per group).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

Values = NDArray[np.float64]

COVERAGE = 0.9
_LEAST_SCALE = 0.005  # of the level: one model, or models that agree to the last digit, still err


@dataclass(frozen=True)
class Interval:
    """An interval per frame and the standard error that a Gaussian of that width would have.

    Attributes:
        low: ``(n,)``; NaN where there is no level, or too little was known to say.
        high: Likewise.
        sigma: One standard error, in the unit of the values; NaN likewise.
    """

    low: Values
    high: Values
    sigma: Values


@dataclass(frozen=True)
class LevelCalibration:
    """What turns an ensemble's level and spread into an interval.

    Attributes:
        quantile: Of ``|level - truth| / (spread + offset)``; infinite where there was too little to calibrate on.
        offset: Added to every spread, in levels: a small spread by chance is no certainty.
        coverage: Promised share.
        frames: Calibrated on so many.
        cameras: Of so many cameras.
    """

    quantile: float
    offset: float
    coverage: float
    frames: int
    cameras: int

    @property
    def too_few(self) -> bool:
        """There was too little to calibrate on: there are no intervals."""
        return not math.isfinite(self.quantile)

    def interval(self, levels: ArrayLike, spreads: ArrayLike) -> Interval:
        """Intervals of new frames, within [0, 1].

        Args:
            levels: Of the ensemble ``(n,)``, NaN where not observable.
            spreads: Of the ensemble ``(n,)``.
        """
        level, spread = np.asarray(levels, np.float64), np.asarray(spreads, np.float64)
        return interval_around(
            level, self.quantile * (spread + self.offset), coverage=self.coverage, bounds=(0.0, 1.0)
        )


def ensemble_level(predictions: ArrayLike) -> tuple[Values, Values]:
    """Level and spread of an ensemble.

    Args:
        predictions: Levels ``(n_models, n_frames)``, NaN where a model finds a frame unobservable.

    Returns:
        Mean and standard deviation over the models that answered, ``(n_frames,)``. NaN both where half of the models or
        more did not answer; the spread of a single answer is 0.
    """
    table = np.atleast_2d(np.asarray(predictions, np.float64))
    answered = np.isfinite(table)
    count = answered.sum(0)
    known = 2 * count > len(table)
    mean = np.where(answered, table, 0.0).sum(0) / count.clip(1)
    squares = (np.where(answered, table - mean, 0.0) ** 2).sum(0)
    spread = np.sqrt(squares / (count - 1).clip(1))
    return np.where(known, mean, np.nan), np.where(known, spread, np.nan)


def calibrate(
    levels: ArrayLike,
    spreads: ArrayLike,
    truths: ArrayLike,
    cameras: Sequence[str] | None = None,
    *,
    coverage: float = COVERAGE,
) -> LevelCalibration:
    """Calibrate on frames whose true level is known and that the models were not trained on.

    Args:
        levels: Of the ensemble ``(n,)``; frames without a level or a truth are left out.
        spreads: Of the ensemble ``(n,)``.
        truths: On the scale of the levels ``(n,)``.
        cameras: Of each frame, for intervals on *other* cameras; ``None`` where all frames are of the very camera.
        coverage: Share of new frames whose truth the interval shall hold.
    """
    level, spread, truth = (np.asarray(v, np.float64) for v in (levels, spreads, truths))
    known = np.isfinite(level) & np.isfinite(spread) & np.isfinite(truth)
    offset = max(float(np.median(spread[known])), _LEAST_SCALE) if known.any() else _LEAST_SCALE
    scores = np.abs(level - truth)[known] / (spread[known] + offset)
    if cameras is None:
        return LevelCalibration(
            own_quantile(scores, coverage), offset, coverage, len(scores), min(len(scores), 1)
        )
    groups = by_group(scores, np.asarray(cameras)[known])
    return LevelCalibration(pooled_quantile(groups, coverage), offset, coverage, len(scores), len(groups))


def own_quantile(scores: ArrayLike, coverage: float = COVERAGE) -> float:
    """The score that the next one of the same kind does not exceed with this chance: the ``ceil((n+1) c)``-th smallest.

    Returns:
        Infinite where there are too few: fewer than nine at 90 %.
    """
    finite = np.asarray(scores, np.float64)
    finite = finite[np.isfinite(finite)]
    return _quantile(finite, np.ones(finite.size), coverage)


def pooled_quantile(groups: Sequence[ArrayLike], coverage: float = COVERAGE) -> float:
    """The score that one of a *new* group does not exceed with this chance, each group having one vote.

    Args:
        groups: Scores of each group; those that are not finite, and groups without any, are left out.
        coverage: Chance.

    Returns:
        Infinite where there are too few groups: fewer than nine at 90 %.

    Raises:
        ValueError: The coverage is not within (0, 1).
    """
    finite = [g[np.isfinite(g)] for g in (np.asarray(group, np.float64) for group in groups)]
    finite = [g for g in finite if g.size]
    votes = [np.full(g.size, 1 / g.size) for g in finite]
    return _quantile(np.concatenate([*finite, []]), np.concatenate([*votes, []]), coverage)


def _quantile(scores: Values, votes: Values, coverage: float) -> float:
    if not 0 < coverage < 1:
        raise ValueError(f"coverage {coverage} is not within (0, 1)")
    order = np.argsort(scores, kind="stable")
    # What is asked about has a vote too, and may score anything: it stands at infinity.
    reached = np.cumsum(votes[order]) >= coverage * (votes.sum() + 1) - 1e-9
    return float(scores[order][np.argmax(reached)]) if reached.any() else math.inf


def by_group(scores: Values, groups: NDArray[np.str_]) -> list[Values]:
    """Scores ``(n,)`` of each group, groups in sorted order."""
    return [scores[groups == name] for name in np.unique(groups)]


def interval_around(
    values: Values,
    half_width: Values | float,
    *,
    coverage: float,
    bounds: tuple[float, float] = (-math.inf, math.inf),
) -> Interval:
    """Symmetric intervals, cut off at the bounds; NaN where the half width is not finite."""
    width = np.broadcast_to(np.asarray(half_width, np.float64), values.shape)
    width = np.where(np.isfinite(width) & np.isfinite(values), width, np.nan)
    sigma = width / NormalDist().inv_cdf(0.5 + coverage / 2)
    return Interval(np.clip(values - width, *bounds), np.clip(values + width, *bounds), sigma)
