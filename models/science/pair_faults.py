"""What cannot all be true of the answers about a camera's images: contradictions, and circles in the order."""

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from models.contracts.labels import PairAnswer
from models.science.pair_order import PairTable


@dataclass(frozen=True)
class Contradiction:
    """Two images of which each was said to be the higher one.

    Attributes:
        left: SHA-256, the smaller of the two.
        right: The other.
        answers: (annotator, answer) as seen with these sides, in the order of the table.
    """

    left: str
    right: str
    answers: tuple[tuple[str, PairAnswer], ...]

    @property
    def with_oneself(self) -> tuple[str, ...]:
        """Annotators who said both."""
        said = defaultdict(set)
        for name, answer in self.answers:
            said[name].add(answer)
        both = {PairAnswer.LEFT_HIGHER, PairAnswer.RIGHT_HIGHER}
        return tuple(sorted(name for name, answers in said.items() if both <= answers))


def find_contradictions(table: PairTable) -> tuple[Contradiction, ...]:
    """Pairs with answers both ways, sorted by their images. A tie beside a strict answer is none: ties are coarse."""
    said: dict[tuple[str, str], list[tuple[str, PairAnswer]]] = defaultdict(list)
    for left, right, code, who in zip(table.left, table.right, table.answer, table.annotator, strict=True):
        sides, answer = (table.images[left], table.images[right]), list(PairAnswer)[code]
        if sides[0] > sides[1]:
            sides, answer = (sides[1], sides[0]), answer.mirrored
        said[sides].append((table.annotators[who], answer))
    both = {PairAnswer.LEFT_HIGHER, PairAnswer.RIGHT_HIGHER}
    return tuple(
        Contradiction(*sides, tuple(answers))
        for sides, answers in sorted(said.items())
        if both <= {answer for _, answer in answers}
    )


def majority_edges(table: PairTable) -> tuple[np.ndarray, np.ndarray]:
    """Higher and lower image of each pair by the majority of its strict answers; pairs that stand even are left out."""
    higher, lower = table.strict
    n = len(table.images)
    votes = coo_array((np.ones(higher.size), (higher, lower)), shape=(n, n)).tocsr()
    net = (votes - votes.T).tocoo()
    won = net.data > 0
    return net.row[won].astype(np.int64), net.col[won].astype(np.int64)


def find_cycles(table: PairTable) -> tuple[tuple[str, ...], ...]:
    """Circles of the order (a over b over c over a), a shortest one of each knot of images that are above one another.

    Pairs that contradict one another are voted on first: they are ``find_contradictions``'s.
    """
    higher, lower = majority_edges(table)
    n = len(table.images)
    _, knot = connected_components(
        coo_array((np.ones(higher.size), (higher, lower)), shape=(n, n)), directed=True, connection="strong"
    )
    below: dict[int, list[int]] = defaultdict(list)
    for a, b in sorted(zip(higher.tolist(), lower.tolist(), strict=True)):
        if knot[a] == knot[b]:
            below[a].append(b)
    shortest: dict[int, list[int]] = {}
    for start in sorted(below):
        cycle = _cycle_through(start, below)
        if len(cycle) < len(shortest.get(int(knot[start]), range(n + 1))):
            shortest[int(knot[start])] = cycle
    return tuple(tuple(table.images[i] for i in cycle) for cycle in shortest.values())


def _cycle_through(start: int, below: dict[int, list[int]]) -> list[int]:
    """A shortest way from an image down and back to itself; within a knot there is one."""
    came_from: dict[int, int] = {}
    waiting = deque([start])
    while waiting:
        here = waiting.popleft()
        for there in below[here]:
            if there == start:
                return _way(here, start, came_from)
            if there not in came_from:
                came_from[there] = here
                waiting.append(there)
    raise AssertionError("a knot without a circle")


def _way(last: int, start: int, came_from: dict[int, int]) -> list[int]:
    way: list[int] = [last]
    while way[-1] != start:
        way.append(came_from[way[-1]])
    return way[::-1]


def not_comparable_shares(table: PairTable) -> np.ndarray:
    """Of the answers about each image, the share of "not comparable" (n,); NaN where there is no answer.

    An image that can be compared with none is itself unobservable; see ``unobservable``.
    """
    n, mute = len(table.images), ~table.informative
    asked = _counts(n, (table.left, table.right))
    return np.asarray(_counts(n, (table.left[mute], table.right[mute])) / np.where(asked > 0, asked, np.nan))


def _counts(n: int, places: Iterable[np.ndarray]) -> np.ndarray:
    return np.bincount(np.concatenate(list(places)), minlength=n).astype(float)
