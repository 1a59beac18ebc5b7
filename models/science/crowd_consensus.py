"""What an item is, from the answers of annotators who err each in their own way: Dawid-Skene, calibrated.

Every annotator has a confusion matrix, every item an unknown class; expectation maximisation finds both (Dawid and
Skene 1979, Applied Statistics 28). Few answers per annotator leave a matrix open, so each is drawn towards
pseudo-counts: heavy on the diagonal, in a band for ordered classes, and towards what all annotators confuse. The
matrices are fitted to the very answers that they then weigh, hence the posterior is overconfident. It is tempered
(posterior ** 1/T) by what the fit has not seen: gold items, or a quarter of the answers at a time, foretold from the
others through their annotators' matrices. The latter needs no truth.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from models.science.crowd_temperature import fit_temperature, temper
from models.science.crowd_votes import Indices, Values, Votes

LEAST_GOLD = 40
"""From so many on, gold items fit the temperature, fewer being too coarse: unlike held-out answers they see errors that
annotators share."""

LEAST_HELD_OUT = 40
"""With fewer answers to hold out as well, nothing is tempered."""

SHARED_WEIGHT = 8.0
"""How many answers per class the confusion of all annotators together is worth to each of them."""

MISS_WEIGHT = 10.0
"""How many answers the misses of all annotators together are worth to each of them, of ordered classes."""

_FOLDS = 4
_STEPS = 200
_SETTLED = 1e-6  # largest change of a posterior


@dataclass(frozen=True)
class Consensus:
    """What the answers amount to.

    Attributes:
        posterior: Calibrated probability of each class ``(items, classes)``; NaN for an item without an answer.
        untempered: The same before calibration.
        confusion: How each annotator answers a class ``(annotators, classes true, classes answered)``.
        class_share: Of all items ``(classes,)``.
        temperature: By which the posterior was tempered; 1 leaves it as it is, more flattens it.
        calibrated_on: ``gold``, ``answers`` (held out), or ``nothing`` (too little to tell).
    """

    posterior: Values
    untempered: Values
    confusion: Values
    class_share: Values
    temperature: float
    calibrated_on: str


@dataclass(frozen=True)
class ErrorPrior:
    """How annotators err before anything is known of them.

    Attributes:
        counts: Pseudo-counts ``(classes true, classes answered)``.
        ordered: Classes have an order: how far an annotator misses is learned over all classes at once.
    """

    counts: Values
    ordered: bool = False


def diagonal_prior(classes: int, right: float = 0.7, weight: float = 4.0) -> ErrorPrior:
    """Of annotators who are right so often, and else say anything.

    Args:
        classes: How many.
        right: Share of right answers, in (0, 1); 1 where there is a single class.
        weight: How many answers per class the prior is worth.
    """
    if classes == 1:
        return ErrorPrior(np.full((1, 1), weight))
    wrong = (1 - right) / (classes - 1)
    return ErrorPrior(weight * (wrong + (right - wrong) * np.eye(classes)))


def banded_prior(classes: int, reach: float = 0.8, weight: float = 4.0) -> ErrorPrior:
    """Of annotators who miss by a class or two, of ordered classes.

    Args:
        classes: How many.
        reach: Scale of a miss, in classes: a miss by d is ``exp(-d / reach)`` as likely as a hit.
        weight: How many answers per class the prior is worth.
    """
    miss = np.abs(np.subtract.outer(np.arange(classes), np.arange(classes)))
    band = np.exp(-miss / reach) + 1e-3
    return ErrorPrior(weight * _shares(band), ordered=True)


def find_consensus(
    votes: Votes, prior: ErrorPrior | None = None, gold: ArrayLike | None = None, calibrate: bool = True
) -> Consensus:
    """The posterior of every item.

    Args:
        votes: Answers to one question.
        prior: How annotators err; ``diagonal_prior`` where absent.
        gold: Known class of each item ``(items,)``, -1 where it is not; the posterior of a gold item is that class.
        calibrate: Temper the posterior.
    """
    prior = diagonal_prior(votes.classes) if prior is None else prior
    known = np.full(votes.items, -1) if gold is None else np.asarray(gold, dtype=np.int64)
    fit = _fit(votes, prior, known)
    temperature, source = _temperature(votes, prior, known) if calibrate else (1.0, "nothing")
    silent = (votes.per_item() == 0) & (known < 0)
    posteriors = [_with_gold(temper(fit.log_posterior, t), known) for t in (temperature, 1.0)]
    for posterior in posteriors:
        posterior[silent] = np.nan
    return Consensus(posteriors[0], posteriors[1], fit.confusion, fit.class_share, temperature, source)


@dataclass(frozen=True)
class _Fit:
    log_posterior: Values  # unnormalised (items, classes)
    confusion: Values
    class_share: Values


def log_likelihood(votes: Votes, confusion: Values) -> Values:
    """Logarithm of the likelihood of all answers about each item under each class ``(items, classes)``."""
    each = np.log(confusion)[votes.annotator, :, votes.answer]
    columns = [np.bincount(votes.item, each[:, k], votes.items) for k in range(votes.classes)]
    return np.stack(columns, axis=1)


def expected_counts(votes: Votes, posterior: Values) -> Values:
    """How often each annotator gave each answer to each class ``(annotators, classes true, classes answered)``."""
    cell = votes.annotator * votes.classes + votes.answer
    cells = votes.annotators * votes.classes
    of_class = [np.bincount(cell, posterior[votes.item, k], cells) for k in range(votes.classes)]
    counts = np.stack(of_class).reshape(votes.classes, votes.annotators, votes.classes)
    return counts.transpose(1, 0, 2).astype(np.float64)


def _fit(votes: Votes, prior: ErrorPrior, gold: Indices) -> _Fit:
    """Expectation maximisation from the shares of votes; deterministic."""
    posterior = _with_gold(_shares(votes.counts() + 1.0 / votes.classes), gold)
    for _ in range(_STEPS):
        fit = _maximise(votes, prior, posterior)
        before, posterior = posterior, _with_gold(temper(fit.log_posterior, 1.0), gold)
        if not posterior.size or float(np.abs(posterior - before).max()) < _SETTLED:
            break
    return _maximise(votes, prior, posterior)


def _maximise(votes: Votes, prior: ErrorPrior, posterior: Values) -> _Fit:
    counts = expected_counts(votes, posterior)
    shared = _shares(prior.counts + counts.sum(axis=0))
    if prior.ordered:
        shared = _by_miss(counts, shared)
    confusion = _shares(counts + prior.counts + SHARED_WEIGHT * shared)
    heard = votes.per_item() > 0
    share = _shares(posterior[heard].sum(axis=0) + 1.0)
    return _Fit(np.log(share) + log_likelihood(votes, confusion), confusion, share)


def _by_miss(counts: Values, shared: Values) -> Values:
    """Confusion of each annotator if a miss is as likely at every class ``(annotators, classes, classes)``.

    Misses that nobody or few were seen to make are drawn towards those of all annotators together.
    """
    classes = shared.shape[0]
    miss = (
        np.subtract.outer(np.arange(classes), np.arange(classes)).T + classes - 1
    )  # answered - true, from 0
    everybody = np.bincount(miss.ravel(), (shared + counts.sum(axis=0)).ravel(), 2 * classes - 1)
    misses = np.tile(MISS_WEIGHT * _shares(everybody.astype(np.float64)), (len(counts), 1))
    for own, its_counts in zip(misses, counts, strict=True):
        own += np.bincount(miss.ravel(), its_counts.ravel(), 2 * classes - 1)
    return _shares(misses[:, miss])


def _temperature(votes: Votes, prior: ErrorPrior, gold: Indices) -> tuple[float, str]:
    checked = (gold >= 0) & (votes.per_item() > 0)
    if np.unique(votes.answer).size < 2:  # nobody disagrees: nothing says how sure that is
        return 1.0, "nothing"
    if int(checked.sum()) >= LEAST_GOLD:
        unaware = _fit(votes, prior, np.full(votes.items, -1))
        truth = np.eye(votes.classes)[gold[checked]]
        return fit_temperature(unaware.log_posterior[checked], truth), "gold"
    log_posterior, likelihood = _held_out(votes, prior)
    if len(likelihood) < LEAST_HELD_OUT:
        return 1.0, "nothing"
    return fit_temperature(log_posterior, likelihood), "answers"


def _held_out(votes: Votes, prior: ErrorPrior) -> tuple[Values, Values]:
    """Of each answer whose item has another: log posterior without it, and how likely each class makes it.

    Folds deal the answers of one item to different folds, so that none loses more than it must.
    """
    first = np.concatenate([[0], np.cumsum(votes.per_item())])[:-1]
    fold = (np.arange(votes.item.size) - first[votes.item] + votes.item) % _FOLDS
    log_posterior, likelihood = [], []
    for number in range(_FOLDS):
        kept, out = votes.take(fold != number), votes.take(fold == number)
        fit = _fit(kept, prior, np.full(votes.items, -1))
        judged = kept.per_item()[out.item] > 0
        log_posterior.append(fit.log_posterior[out.item[judged]])
        likelihood.append(fit.confusion[out.annotator[judged], :, out.answer[judged]])
    return np.concatenate(log_posterior), np.concatenate(likelihood)


def _with_gold(posterior: Values, gold: Indices) -> Values:
    known = gold >= 0
    posterior[known] = np.eye(posterior.shape[1])[gold[known]]
    return posterior


def _shares(weights: Values) -> Values:
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))
