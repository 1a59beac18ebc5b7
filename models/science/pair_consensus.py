"""The answers about a camera's images that agree with one another: what a network may learn from."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.contracts.labels import PairAnswer
from models.science.pair_order import PairTable, order_images

LEAST_RELIABILITY = 0.5
"""An annotator whose answers are by chance more often than that is not listened to."""

_UNDECIDED = 1e-6  # logits; answers that cancel leave no more than that


@dataclass(frozen=True)
class PairConsensus:
    """Which answers of a table are kept, and why the others are not.

    Attributes:
        kept: One place per answer of the table (n,).
        not_comparable: Answers that say nothing of the order.
        by_chance: Answers of the annotators who answer at random.
        contradicting: Answers against the order that all the others make, or against which as much is said as for them.
        random_annotators: Names, sorted.
    """

    kept: NDArray[np.bool_]
    not_comparable: int
    by_chance: int
    contradicting: int
    random_annotators: tuple[str, ...]


def find_consensus(table: PairTable) -> PairConsensus:
    """Leave out what contradicts the majority, and annotators who answer at random; ties are coarse, and stay.

    Args:
        table: Answers about one camera's images.
    """
    reliability = order_images(table).reliability
    random = tuple(name for name in table.annotators if reliability[name] < LEAST_RELIABILITY)
    chance = np.isin(table.annotator, [table.annotators.index(name) for name in random])
    chance &= table.informative
    heard = table.informative & ~chance
    score = order_images(_only(table, heard)).score
    left, right = PairAnswer.LEFT_HIGHER.code, PairAnswer.RIGHT_HIGHER.code
    sign = (table.answer == left).astype(float) - (table.answer == right)
    gap = sign * (score[table.left] - score[table.right])
    against = heard & (sign != 0) & ~(gap > _UNDECIDED)
    return PairConsensus(
        heard & ~against,
        int((~table.informative).sum()),
        int(chance.sum()),
        int(against.sum()),
        random,
    )


def _only(table: PairTable, which: NDArray[np.bool_]) -> PairTable:
    return replace(
        table,
        left=table.left[which],
        right=table.right[which],
        answer=table.answer[which],
        annotator=table.annotator[which],
    )
