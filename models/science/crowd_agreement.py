"""How far annotators agree, and which of them say nothing: Krippendorff's alpha, information, gold items."""

from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import krippendorff
import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.science.crowd_consensus import Consensus, expected_counts, log_likelihood
from models.science.crowd_temperature import temper
from models.science.crowd_votes import Values, Votes

LEAST_ANSWERS = 20
"""Nobody is called a spammer on fewer answers."""

LEAST_BITS = 0.01
"""Per answer: what tells less tells nothing."""

_HABIT_WEIGHT = 0.1  # pseudo-counts of an annotator's habits, in answers
_WEIGHT = 2.0  # pseudo-counts of an annotator without information, in answers per class
_ONE_SIDED = NormalDist().inv_cdf(0.95)


def alpha(votes: Votes, level: Literal["nominal", "ordinal"]) -> float:
    """Krippendorff's alpha: 1 full agreement, 0 as by chance, below 0 worse (Krippendorff 2011).

    Args:
        votes: An annotator who answers an item twice counts twice.
        level: ``nominal`` for kinds, ``ordinal`` for classes in order.

    Returns:
        NaN where no item has two answers, or all answers that can be compared are one class: nothing can disagree.
    """
    counts = votes.counts()
    pairable = counts[counts.sum(axis=1) >= 2]
    used = pairable.any(axis=0)
    if used.sum() < 2:
        return float("nan")
    return float(krippendorff.alpha(value_counts=pairable[:, used], level_of_measurement=level))


@dataclass(frozen=True)
class Information:
    """What the answers of each annotator tell about items.

    Attributes:
        bits: Sum over the answers, per annotator ``(annotators,)``.
        spread: One standard error of that sum.
        answers: How many there are.
    """

    bits: Values
    spread: Values
    answers: NDArray[np.int64]

    def __add__(self, other: "Information") -> "Information":
        """Of two questions together."""
        spread = np.hypot(self.spread, other.spread)
        return Information(self.bits + other.bits, spread, self.answers + other.answers)

    @property
    def spammers(self) -> NDArray[np.bool_]:
        """Who answered often enough, and tells nothing that could not be chance (one-sided, 5 %)."""
        chance = np.maximum(_ONE_SIDED * self.spread, LEAST_BITS * self.answers)
        return np.asarray((self.answers >= LEAST_ANSWERS) & (self.bits <= chance))


def information(votes: Votes, consensus: Consensus, gold: ArrayLike | None = None) -> Information:
    """How many bits better each answer is foretold by its item's class than by its annotator's habits.

    Both forecasts leave the answer itself out, and the class is that of the other annotators: nobody vouches for
    oneself. One who always errs in the same way does tell something; one who always says the same, or anything,
    does not.

    Args:
        votes: Answers to one question, at most one per annotator and item.
        consensus: Of these answers.
        gold: Known class of each item ``(items,)``, -1 where not known: then only these items are looked at.
    """
    if gold is not None:
        known = np.asarray(gold, dtype=np.int64)
        votes = votes.take(known[votes.item] >= 0)
        others = np.eye(votes.classes)[known[votes.item]]
    else:
        own = np.log(consensus.confusion)[votes.annotator, :, votes.answer]
        rest = log_likelihood(votes, consensus.confusion)[votes.item] - own
        others = temper(np.log(consensus.class_share) + rest, consensus.temperature)
        alone = votes.per_item()[votes.item] < 2
        votes, others = votes.take(~alone), others[~alone]
    return _sums(votes, _gain(votes, others))


def _gain(votes: Votes, others: Values) -> Values:
    """Bits per answer ``(answers,)``, of classes as the other annotators have them ``(answers, classes)``."""
    who, said = votes.annotator, votes.answer
    each = Votes(np.arange(who.size), who, said, who.size, votes.annotators, votes.classes)
    counts = expected_counts(each, others)
    given = np.bincount(who * votes.classes + said, minlength=votes.annotators * votes.classes)
    given = given.reshape(votes.annotators, votes.classes).astype(np.float64)
    others_given = given[who].sum(axis=1) - 1
    habit = (given[who, said] - 1 + _HABIT_WEIGHT / votes.classes) / (others_given + _HABIT_WEIGHT)
    seen = counts[who, :, said] - others
    asked = counts.sum(axis=2)[who] - others
    confusion = (seen + _WEIGHT * habit[:, None]) / (asked + _WEIGHT)
    return np.asarray(np.log2((others * confusion).sum(axis=1) / habit))


def _sums(votes: Votes, gain: Values) -> Information:
    size = votes.annotators
    answers = np.bincount(votes.annotator, minlength=size)
    bits = np.bincount(votes.annotator, gain, size).astype(np.float64)
    mean = bits / np.maximum(answers, 1)
    square = np.bincount(votes.annotator, (gain - mean[votes.annotator]) ** 2, size)
    return Information(bits, np.sqrt(square), answers)


@dataclass(frozen=True)
class GoldAccuracy:
    """How often each annotator meets the gold items.

    Attributes:
        right: Answers that do ``(annotators,)``.
        answers: To gold items ``(annotators,)``.
        low: Lower end of the 95 % interval; 0 without answers.
        high: Upper end; 1 without answers.
    """

    right: NDArray[np.int64]
    answers: NDArray[np.int64]
    low: Values
    high: Values


def gold_accuracy(votes: Votes, gold: ArrayLike) -> GoldAccuracy:
    """Accuracy on gold items, with Wilson intervals.

    Args:
        votes: Answers to one question.
        gold: Known class of each item ``(items,)``, -1 where it is none.
    """
    known = np.asarray(gold, dtype=np.int64)
    checked = votes.take(known[votes.item] >= 0)
    hit = checked.answer == known[checked.item]
    answers = np.bincount(checked.annotator, minlength=votes.annotators)
    right = np.bincount(checked.annotator[hit], minlength=votes.annotators)
    low, high = wilson_interval(right, answers)
    return GoldAccuracy(right, answers, low, high)


def wilson_interval(right: ArrayLike, answers: ArrayLike, share: float = 0.95) -> tuple[Values, Values]:
    """Interval of a proportion ``(n,)`` (Wilson 1927, JASA 22); 0 to 1 where there is no answer.

    Args:
        right: Successes ``(n,)``.
        answers: Trials ``(n,)``.
        share: Of the intervals that hold the proportion.
    """
    z = NormalDist().inv_cdf(0.5 + share / 2)
    trials, hits = np.asarray(answers, np.float64), np.asarray(right, np.float64)
    n = np.maximum(trials, 1e-9)
    centre = (hits + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * np.sqrt(hits * (n - hits).clip(0) / n + z * z / 4)
    low = np.where(hits == 0, 0.0, centre - half)  # exactly, not to within rounding
    return low.clip(0, 1), np.where(hits == trials, 1.0, centre + half).clip(0, 1)


def entropy_bits(posterior: Values) -> Values:
    """Entropy of each row ``(items,)``: 0 where it is certain; NaN stays NaN."""
    logs = np.log2(posterior, out=np.zeros_like(posterior), where=posterior > 0)
    return np.asarray(-(posterior * logs).sum(axis=1))
