"""Images of one camera without a reference: which pairs to compare."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

_ALL_PAIRS_UP_TO = 24
_NEIGHBOURS = 8
_BRIDGES = 3


def pairs_to_compare(
    appearance: NDArray[np.float32], all_up_to: int = _ALL_PAIRS_UP_TO, neighbours: int = _NEIGHBOURS
) -> list[tuple[int, int]]:
    """Pairs ``(i, j)`` with ``i < j``, ordered.

    A few images: all pairs. More: each with its nearest in appearance, and the links of the tree of least distance
    through all of them, so that a chain of pairs leads from every image to every other.

    Args:
        appearance: Unit vectors ``(n, d)``.
        all_up_to: Number of images up to which all pairs are compared.
        neighbours: Nearest images that each is compared with, beyond that.
    """
    n = len(appearance)
    if n <= all_up_to:
        return [(i, j) for i in range(n) for j in range(i + 1, n)]
    likeness = (appearance @ appearance.T).astype(np.float64)
    np.fill_diagonal(likeness, -np.inf)
    nearest = np.argsort(-likeness, axis=1, kind="stable")[:, :neighbours]
    pairs = {(min(i, int(j)), max(i, int(j))) for i in range(n) for j in nearest[i]}
    return sorted(pairs | _widest_tree(likeness))


def bridges(
    appearance: NDArray[np.float32], links: Sequence[tuple[int, int]], each: int = _BRIDGES
) -> list[tuple[int, int]]:
    """Pairs ``(i, j)`` with ``i < j`` that would join every smaller part of a group to its largest part.

    Args:
        appearance: Unit vectors ``(n, d)``.
        links: Pairs that are joined.
        each: Pairs per smaller part, the most alike first; no image of it twice.
    """
    n = len(appearance)
    graph = coo_array((np.ones(len(links)), tuple(np.reshape(links, (-1, 2)).T.astype(int))), (n, n))
    _, part = connected_components(graph, directed=False)
    main = np.bincount(part).argmax()
    likeness = appearance @ appearance.T
    found = []
    for other in sorted(set(part.tolist()) - {int(main)}):
        inside, outside = np.flatnonzero(part == other), np.flatnonzero(part == main)
        partner = {int(i): int(outside[likeness[i, outside].argmax()]) for i in inside}
        best = sorted(partner, key=lambda i: (-likeness[i, partner[i]], i))[:each]
        found += [(min(i, partner[i]), max(i, partner[i])) for i in best]
    return found


def _widest_tree(likeness: NDArray[np.float64]) -> set[tuple[int, int]]:
    """Links of the tree of greatest likeness (Prim)."""
    best, link = likeness[0].copy(), np.zeros(len(likeness), np.int64)
    best[0] = -np.inf
    outside = set(range(1, len(likeness)))
    tree = set()
    while outside:
        node = max(outside, key=lambda i: (best[i], -i))
        outside.remove(node)
        tree.add((min(node, int(link[node])), max(node, int(link[node]))))
        nearer = likeness[node] > best
        best[nearer], link[nearer] = likeness[node][nearer], node
    return tree
