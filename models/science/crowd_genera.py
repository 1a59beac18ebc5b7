"""Which of several things are in an image, from annotators who tick those they see: a yes or no for each.

A binary consensus per genus, every annotator with a sensitivity and a specificity of their own. What was not ticked was
said not to be there, but that is weak: genera are overlooked more often than invented.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.science.crowd_consensus import Consensus, ErrorPrior, find_consensus
from models.science.crowd_votes import Values, Votes, make_votes

SENSITIVITY, SPECIFICITY = 0.7, 0.95
"""Of an annotator of whom nothing is known."""


def tick_prior(weight: float = 4.0) -> ErrorPrior:
    """Of annotators who overlook more than they invent: absent and present, not ticked and ticked."""
    rates = np.array([[SPECIFICITY, 1 - SPECIFICITY], [1 - SENSITIVITY, SENSITIVITY]])
    return ErrorPrior(weight * rates)


def tick_votes(
    item: ArrayLike, annotator: ArrayLike, ticked: NDArray[np.bool_], items: int, annotators: int
) -> tuple[Votes, ...]:
    """One question per genus: 0 not ticked, 1 ticked.

    Args:
        item: Of each answer ``(answers,)``.
        annotator: Likewise.
        ticked: ``(answers, genera)``.
        items: How many items there are.
        annotators: How many annotators.
    """
    return tuple(make_votes(item, annotator, column, items, annotators, 2) for column in ticked.T)


def find_genera(
    votes: tuple[Votes, ...], gold: NDArray[np.int64] | None = None, calibrate: bool = True
) -> tuple[Consensus, ...]:
    """Consensus of each genus; ``posterior[:, 1]`` is that it is there.

    Args:
        votes: Of ``tick_votes``.
        gold: ``(items, genera)``: 1 is there, 0 is not, -1 not known.
        calibrate: Temper the posteriors.
    """
    known = [None] * len(votes) if gold is None else list(gold.T)
    return tuple(
        find_consensus(each, tick_prior(), truth, calibrate) for each, truth in zip(votes, known, strict=True)
    )


def sensitivity(consensus: Consensus) -> Values:
    """Of each annotator: how often what is there is ticked ``(annotators,)``."""
    return np.asarray(consensus.confusion[:, 1, 1])


def specificity(consensus: Consensus) -> Values:
    """Of each annotator: how often what is not there is not ticked ``(annotators,)``."""
    return np.asarray(consensus.confusion[:, 0, 0])
