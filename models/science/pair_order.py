"""The order of a camera's images by water level, from answers about pairs of them.

Ordering by pairs with ties: Davidson, R. R. (1970), On extending the Bradley-Terry model to accommodate ties, JASA 65.
Annotators: each answer comes either from that model or, with a probability of its annotator's own, from chance (the
mixture of Raykar et al. 2010, fitted by EM), so that one who answers at random is found out and counts for little.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from models.contracts.labels import PairAnswer

_LEFT, _RIGHT, _EQUAL, _NEITHER = (answer.code for answer in PairAnswer)
_SPREAD = 3.0  # of the scores before any answer, in logits
_TIE_PRIOR = (np.log(0.5), 1.0)  # mean and deviation of the logarithm of the tie parameter
_TRUST_PRIOR = (5.0, 1.5)  # beta: an annotator is taken to be careful until shown otherwise
_CHANCE = 1 / 3  # of each of the three answers that say something about the order
_ROUNDS, _STEPS, _LARGEST_STEP = 25, 3, 2.0


@dataclass(frozen=True)
class PairTable:
    """Answers about n images of one camera by their places.

    Attributes:
        images: SHA-256 of the images, n.
        annotators: Names.
        left: Place of the left image of each answer.
        right: Of the right image.
        answer: ``PairAnswer.code`` of each.
        annotator: Place of each answer's annotator.
    """

    images: tuple[str, ...]
    annotators: tuple[str, ...]
    left: np.ndarray
    right: np.ndarray
    answer: np.ndarray
    annotator: np.ndarray

    @property
    def informative(self) -> np.ndarray:
        """Which answers say something about the order: all but "not comparable"."""
        return np.asarray(self.answer != _NEITHER)

    @property
    def strict(self) -> tuple[np.ndarray, np.ndarray]:
        """Places of the higher and of the lower image of each answer that is not a tie."""
        swap = self.answer == _RIGHT
        keep = swap | (self.answer == _LEFT)
        higher, lower = np.where(swap, self.right, self.left), np.where(swap, self.left, self.right)
        return higher[keep], lower[keep]


def pair_table(pairs: pd.DataFrame, images: Sequence[str] = ()) -> PairTable:
    """Answers by the places of their images.

    Args:
        pairs: ``left_sha256``, ``right_sha256``, ``answer`` (``PairAnswer``) and ``annotator``.
        images: The images and their order; those of the pairs, sorted, where absent. Answers about others are left out.
    """
    known = tuple(images) or tuple(sorted({*pairs["left_sha256"], *pairs["right_sha256"]}))
    place = {digest: i for i, digest in enumerate(known)}
    pairs = pairs[pairs["left_sha256"].isin(place) & pairs["right_sha256"].isin(place)]
    annotators = tuple(sorted(set(pairs["annotator"])))
    return PairTable(
        known,
        annotators,
        np.array([place[digest] for digest in pairs["left_sha256"]], np.int64),
        np.array([place[digest] for digest in pairs["right_sha256"]], np.int64),
        np.array([PairAnswer(answer).code for answer in pairs["answer"]], np.int64),
        np.array([annotators.index(name) for name in pairs["annotator"]], np.int64),
    )


@dataclass(frozen=True)
class ImageOrder:
    """Scores of n images, higher where there is more water.

    Attributes:
        score: Logits (n,), comparable within a component; NaN for an image that no answer places.
        covariance: Of the scores (n, n), the prior's where no answer places an image.
        component: (n,) Images of one number are linked by answers; -1 for an image that no answer places.
        tie: Davidson's parameter: the odds of a tie between two equal images are tie to 2.
        reliability: Probability that an answer of each annotator is not by chance; NaN where one never placed anything.
    """

    score: np.ndarray
    covariance: np.ndarray
    component: np.ndarray
    tie: float
    reliability: Mapping[str, float]

    @property
    def sigma(self) -> np.ndarray:
        """Standard error of each score (n,); NaN for an image that no answer places."""
        return np.where(np.isnan(self.score), np.nan, np.sqrt(np.diag(self.covariance)))


def order_images(table: PairTable) -> ImageOrder:
    """Scores from all answers, however few or contradictory; an image or a camera without answers has none."""
    n, use = len(table.images), table.informative
    left, right, answer, who = (v[use] for v in (table.left, table.right, table.answer, table.annotator))
    score, log_tie = np.zeros(n), _TIE_PRIOR[0]
    trust = np.full(len(table.annotators), _TRUST_PRIOR[0] / sum(_TRUST_PRIOR))
    count = np.bincount(who, minlength=trust.size)
    for _ in range(_ROUNDS if use.any() else 0):
        probability = outcome_probabilities(score[left] - score[right], np.exp(log_tie))
        meant = trust[who] * probability[answer, np.arange(answer.size)]
        weight = meant / (meant + (1 - trust[who]) * _CHANCE)
        given = np.bincount(who, weight, minlength=trust.size)
        before, trust = trust, (given + _TRUST_PRIOR[0] - 1) / (count + sum(_TRUST_PRIOR) - 2)
        trust = np.clip(trust, 1e-3, 1 - 1e-3)
        moved = 0.0
        for _ in range(_STEPS):
            step = _score_step(score, log_tie, left, right, answer, weight)
            score += step
            log_tie += _tie_step(score[left] - score[right], log_tie, answer == _EQUAL, weight)
            moved = max(moved, float(np.abs(step).max()))
        if moved < 1e-4 and np.abs(trust - before).max() < 1e-4:
            break
    weight = trust[who]
    covariance = np.linalg.inv(
        _precision(score[left] - score[right], np.exp(log_tie), left, right, weight, n)
    )
    component, placed = _components(n, left, right)
    names = zip(table.annotators, np.where(count > 0, trust, np.nan).tolist(), strict=True)
    return ImageOrder(
        np.where(placed, score, np.nan), covariance, component, float(np.exp(log_tie)), dict(names)
    )


def outcome_probabilities(difference: np.ndarray, tie: float) -> np.ndarray:
    """Davidson's probabilities that left is higher, right is higher, neither: (3, pairs).

    Args:
        difference: Score of left less score of right.
        tie: His parameter.
    """
    up, down = np.exp(difference / 2), np.exp(-difference / 2)
    return np.asarray(np.stack([up, down, np.full_like(up, tie)]) / (up + down + tie))


def information(difference: np.ndarray, tie: float) -> np.ndarray:
    """Fisher information of an answer about the difference of two scores."""
    up, down, _ = outcome_probabilities(difference, tie)
    return np.asarray((up + down - (up - down) ** 2) / 4)


def _precision(
    difference: np.ndarray, tie: float, left: np.ndarray, right: np.ndarray, weight: np.ndarray, n: int
) -> np.ndarray:
    """Of the scores given the answers: prior plus information (n, n)."""
    held = weight * information(difference, tie)
    matrix = np.eye(n) / _SPREAD**2
    np.add.at(matrix, (left, left), held)
    np.add.at(matrix, (right, right), held)
    np.add.at(matrix, (left, right), -held)
    np.add.at(matrix, (right, left), -held)
    return matrix


def _score_step(
    score: np.ndarray,
    log_tie: float,
    left: np.ndarray,
    right: np.ndarray,
    answer: np.ndarray,
    weight: np.ndarray,
) -> np.ndarray:
    """Newton's, held back where it would overshoot."""
    difference, tie = score[left] - score[right], float(np.exp(log_tie))
    up, down, _ = outcome_probabilities(difference, tie)
    slope = weight * ((answer == _LEFT).astype(float) - (answer == _RIGHT) - (up - down)) / 2
    gradient = -score / _SPREAD**2
    np.add.at(gradient, left, slope)
    np.add.at(gradient, right, -slope)
    step = np.linalg.solve(_precision(difference, tie, left, right, weight, score.size), gradient)
    return np.asarray(step * min(1.0, _LARGEST_STEP / max(np.abs(step).max(), 1e-12)))


def _tie_step(difference: np.ndarray, log_tie: float, tied: np.ndarray, weight: np.ndarray) -> float:
    expected = outcome_probabilities(difference, float(np.exp(log_tie)))[_EQUAL]
    mean, spread = _TIE_PRIOR
    gradient = float(weight @ (tied - expected)) - (log_tie - mean) / spread**2
    curvature = float(weight @ (expected * (1 - expected))) + 1 / spread**2
    return float(np.clip(gradient / curvature, -1, 1))


def _components(n: int, left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number of each image's component, and whether any answer places it."""
    placed = np.isin(np.arange(n), np.concatenate([left, right]))
    _, label = connected_components(
        coo_array((np.ones(left.size), (left, right)), shape=(n, n)), directed=False
    )
    return np.where(placed, label, -1), placed
