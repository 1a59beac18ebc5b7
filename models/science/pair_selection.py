"""Which pairs of a camera's images to ask about next: those whose answers teach most.

Four kinds take turns. *Sorting*: as in an insertion sort that puts up with images that cannot be compared (Lepetit,
thesis, 2021), an image is asked about where its place among the others is most open; here by the expected information
of the answer under the scores so far (D-optimal, in batches), which needs fewer answers than halving strictly does,
because a wrong answer can still be outvoted. *Disagreement*: where the members of an ensemble vote most evenly.
*Across light*: the most informative pair of those under very different light. *Near ties* under very different light:
pairs that a network which reads the light gets wrong. Nothing here is drawn at random: what is otherwise equal is
settled by the images' digests, so that neighbours in time, which show nearly the same level, are not asked first.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from models.science.pair_order import ImageOrder, PairTable, information, order_images

_DIFFERENT_LIGHT = 0.75
"""Quantile of the distances in light beyond which two images are under very different light."""
_SURE_OF_COMPARABLE = 1.15
_EVENNESS = 1e-6  # of the tie-break, against gains of order 1


class PairReason(StrEnum):
    """Why a pair is suggested."""

    SORTING = "sorting"
    DISAGREEMENT = "disagreement"
    ACROSS_LIGHT = "across_light"
    NEAR_TIE = "near_tie"


_S, _D, _A, _N = PairReason
TURNS: tuple[PairReason, ...] = (_S, _A, _S, _D, _S, _N, _S, _D)
"""Kinds in the order of their turns; one that has nothing to offer gives its turn to sorting."""


@dataclass(frozen=True)
class Suggestion:
    """A pair to ask about.

    Attributes:
        left: SHA-256.
        right: SHA-256. Sides are by digest, so that neither is the likelier answer.
        reason: Which kind it is of.
        gain: Expected information of the answer about the order, nats.
    """

    left: str
    right: str
    reason: PairReason
    gain: float


def suggest_pairs(
    table: PairTable,
    count: int,
    light: np.ndarray | None = None,
    levels: np.ndarray | None = None,
    turns: Sequence[PairReason] = TURNS,
) -> list[Suggestion]:
    """The pairs to ask about next, best mixture first.

    Args:
        table: The images to choose among and all answers so far, ``not comparable`` among them.
        count: How many; fewer come where no more are left. No pair is asked twice.
        light: What describes each image's light and weather (n, features), NaN where not known; distances are taken
            in units of each feature's spread.
        levels: Of an ensemble (members, n), NaN where one abstains.
        turns: Kinds, in the order of their turns.
    """
    batch = _Batch(table, order_images(table))
    far = _very_different(light, len(table.images))
    choose: dict[PairReason, Callable[[], np.ndarray | None]] = {
        _S: batch.gains,
        _D: lambda: None if levels is None else _disagreement(levels),
        _A: lambda: None if far is None else np.where(far, batch.gains(), 0.0),
        _N: lambda: None if far is None else np.where(far, batch.nearness(), 0.0),
    }
    found: list[Suggestion] = []
    while len(found) < count and batch.free.any():
        reason = turns[len(found) % len(turns)]
        value = choose[reason]()
        place = None if value is None else batch.best(value)
        if place is None:
            reason, place = _S, batch.best(batch.gains())
        if place is None:
            break
        found.append(batch.take(*place, reason))
    return found


class _Batch:
    """Scores as they would stand after the pairs chosen so far.

    Attributes:
        free: (n, n) Pairs that may still be asked about; above the diagonal.
    """

    def __init__(self, table: PairTable, order: ImageOrder) -> None:
        n = len(table.images)
        self._images = table.images
        self._placed = ~np.isnan(order.score)
        score = np.where(self._placed, order.score, 0.0)
        self._difference = score[:, None] - score[None]
        self._covariance = order.covariance.copy()
        self._information = information(self._difference, order.tie)
        comparable = _comparable(table)
        self._weight = np.outer(comparable, comparable)
        self._turn = np.array([int(_digest(image)[:8], 16) / 2**32 for image in table.images])
        self._used = np.zeros(n)
        self.free = np.triu(np.ones((n, n), bool), 1)
        self.free[np.minimum(table.left, table.right), np.maximum(table.left, table.right)] = False

    def _variance(self) -> np.ndarray:
        own = np.diag(self._covariance)
        return np.asarray(own[:, None] + own[None] - 2 * self._covariance)

    def gains(self) -> np.ndarray:
        """Expected information about the scores of an answer about each pair (n, n), nats."""
        return np.asarray(self._weight * np.log1p(self._information * self._variance()) / 2)

    def nearness(self) -> np.ndarray:
        """How near a tie each pair of images that have a score is (n, n): 1 for equal scores, 0 without."""
        spread = np.sqrt(np.maximum(self._variance(), 1e-12))
        both = np.outer(self._placed, self._placed)
        return np.where(both, self._weight * np.exp(-np.abs(self._difference) / (1 + spread)), 0.0)

    def best(self, value: np.ndarray) -> tuple[int, int] | None:
        """The free pair of highest value above 0, of images that this batch has used least."""
        allowed = self.free & (value > 0)
        if not allowed.any():
            return None
        used = self._used[:, None] + self._used[None]
        settled = value / (1 + used) * (1 + _EVENNESS * (self._turn[:, None] + self._turn[None]))
        left, right = divmod(int(np.argmax(np.where(allowed, settled, -np.inf))), len(self._images))
        return left, right

    def take(self, left: int, right: int, reason: PairReason) -> Suggestion:
        """Count a pair as answered, as far as that can be foreseen: the scores' covariance shrinks."""
        gain = float(self.gains()[left, right])
        shift = self._covariance[:, left] - self._covariance[:, right]
        held = self._information[left, right]
        self._covariance -= np.outer(shift, shift) * held / (1 + held * (shift[left] - shift[right]))
        self.free[left, right] = False
        self._used[[left, right]] += 1
        sides = sorted((self._images[left], self._images[right]))
        if int(_digest("".join(sides))[-1], 16) % 2:
            sides.reverse()
        return Suggestion(sides[0], sides[1], reason, gain)


def _comparable(table: PairTable) -> np.ndarray:
    """Probability that an image can be compared at all (n,), from its answers; near 1 before any."""
    n, use = len(table.images), table.informative
    asked = np.bincount(np.concatenate([table.left, table.right]), minlength=n)
    placed = np.bincount(np.concatenate([table.left[use], table.right[use]]), minlength=n)
    return np.asarray((placed + 1) / (asked + _SURE_OF_COMPARABLE))


def _very_different(light: np.ndarray | None, n: int) -> np.ndarray | None:
    """Pairs under very different light (n, n), or ``None`` where nothing tells the light of two images apart."""
    if light is None or n < 2:
        return None
    known = np.asarray(light, float).reshape(n, -1)
    known = known[:, np.isfinite(known).sum(axis=0) > 1]
    centre, spread = np.nanmedian(known, axis=0), np.nanstd(known, axis=0)
    known, centre, spread = known[:, spread > 0], centre[spread > 0], spread[spread > 0]
    if not spread.size:
        return None
    scaled = np.where(np.isfinite(known), (known - centre) / spread, 0.0)
    distance = np.sqrt(((scaled[:, None] - scaled[None]) ** 2).sum(axis=2))
    limit = np.quantile(distance[np.triu_indices(n, 1)], _DIFFERENT_LIGHT)
    return np.asarray((distance >= limit) & (distance > 0))


def _disagreement(levels: np.ndarray) -> np.ndarray:
    """How evenly the members vote on each pair (n, n), from 0 to 1; 0 where fewer than two of them answer."""
    answered = np.isfinite(levels)
    both = (answered[:, :, None] & answered[:, None, :]).sum(axis=0)
    difference = levels[:, :, None] - levels[:, None, :]
    share = np.nansum(difference > 0, axis=0) + np.nansum(difference == 0, axis=0) / 2
    share = share / np.maximum(both, 1)
    return np.where(both > 1, 4 * share * (1 - share), 0.0)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
