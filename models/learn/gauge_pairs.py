"""Answers of an annotator who reads a gauge: pairs of frames whose true order is known.

They stand for those of a careful person in an evaluation: a person sees less than a gauge, so that levels that differ
by little are answered "equal".
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.contracts.labels import PairAnswer

SAME_M = 0.007
"""Levels that differ by no more, metres, are equal to the eye."""


@dataclass(frozen=True)
class GaugePairs:
    """Answers about pairs of frames of one camera.

    Attributes:
        left: Rows of the left frames ``(pairs,)``.
        right: Of the right ones.
        answers: Of each.
    """

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    answers: tuple[PairAnswer, ...]

    def rows(self) -> set[int]:
        """The frames that were asked about."""
        return {int(row) for row in np.concatenate([self.left, self.right])}

    def among(self, rows: NDArray[np.int64]) -> "GaugePairs":
        """The same answers by the frames' places in ``rows``, which holds all of them."""
        place = {int(row): k for k, row in enumerate(rows)}
        left, right = (np.array([place[int(r)] for r in side], np.int64) for side in (self.left, self.right))
        return GaugePairs(left, right, self.answers)


def ask_gauge(
    truth: ArrayLike,
    among: Sequence[int] | NDArray[np.int64],
    count: int,
    *,
    same: float = SAME_M,
    seed: int = 0,
) -> GaugePairs:
    """Draw pairs without repetition and answer them.

    Args:
        truth: Levels of all frames ``(n,)``, NaN where not known.
        among: Rows that may be asked about; those without a truth never are.
        count: Pairs; all there are where that is fewer.
        same: Levels that differ by no more are equal, in the unit of the truth.
        seed: Of the draw. A smaller count is the beginning of a larger.
    """
    level = np.asarray(truth, np.float64)
    rows = np.array(sorted({int(r) for r in among if np.isfinite(level[int(r)])}), np.int64)
    i, j = np.triu_indices(rows.size, 1)
    rng = np.random.default_rng(seed)
    order = rng.permutation(i.size)
    turned = rng.random(i.size) < 0.5  # neither side is the likelier answer
    drawn, turned = order[:count], turned[:count]
    left = rows[np.where(turned, j[drawn], i[drawn])]
    right = rows[np.where(turned, i[drawn], j[drawn])]
    return GaugePairs(left, right, tuple(_answer(d, same) for d in level[left] - level[right]))


def _answer(difference: float, same: float) -> PairAnswer:
    if abs(difference) <= same:
        return PairAnswer.EQUAL
    return PairAnswer.LEFT_HIGHER if difference > 0 else PairAnswer.RIGHT_HIGHER
