"""Which photos must stay on one side of a split: duplicates as listed, and those that are found here."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.cloud import resize
from models.learn.datasets import difference_hash

_MOST_BITS, _MOST_DIFFERENCE = 40, 0.05
"""Of 256 bits, and of the mean absolute difference of thumbnails. Each alone joins flat skies that have nothing to do
with each other; both together found five pairs in CCSN that its list of duplicates lacks, and nothing else."""
_THUMBNAIL = 16


@dataclass(frozen=True)
class PhotoGroups:
    """Groups of photos.

    Attributes:
        group: Of each photo, ``(n,)`` int64, numbered from 0.
        conflict: Bool ``(n,)``: of a group that is filed under several classes.
        found: Pairs of photos that are duplicates, though not listed as such.
    """

    group: NDArray[np.int64]
    conflict: NDArray[np.bool_]
    found: list[tuple[int, int]]


def group_photos(
    rgb: Tensor, listed: Sequence[object], label: NDArray[np.int64], conflict: NDArray[np.bool_]
) -> PhotoGroups:
    """Join listed groups wherever near-duplicates, mirrored ones too, are found across them.

    Args:
        rgb: Photos ``(n, 3, y, x)``, uint8.
        listed: Group of each photo, as listed.
        label: Class of each.
        conflict: What the list says of conflicting labels.
    """
    known = np.unique(np.asarray(listed).astype(str), return_inverse=True)[1].astype(np.int64)
    pairs = [(int(i), int(j)) for i, j in near_duplicates(rgb) if known[i] != known[j]]
    group = known.copy()
    for i, j in pairs:
        group[group == group[j]] = group[i]
    group = np.unique(group, return_inverse=True)[1].astype(np.int64)
    return PhotoGroups(group, _in_conflict(group, label, conflict), pairs)


def _in_conflict(
    group: NDArray[np.int64], label: NDArray[np.int64], listed: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Every photo of a group that holds several labels, or a photo of which the list says so."""
    contradicted = np.zeros(int(group.max(initial=-1)) + 1, dtype=bool)
    groups_of_labels = np.unique(np.stack([group, label], axis=1), axis=0)[:, 0]
    contradicted[groups_of_labels[1:][groups_of_labels[1:] == groups_of_labels[:-1]]] = True
    contradicted[group[listed]] = True
    return np.asarray(contradicted[group])


def near_duplicates(rgb: Tensor) -> NDArray[np.int64]:
    """Pairs ``(pairs, 2)`` of photos ``(n, 3, y, x)`` that show the same, mirrored or not."""
    upright = [photo.permute(1, 2, 0).numpy() for photo in rgb]
    bits = np.stack([difference_hash(photo) for photo in upright]).astype(np.float32)
    mirrored = np.stack([difference_hash(photo[:, ::-1].copy()) for photo in upright]).astype(np.float32)
    small = torch.cat(
        [resize(part.float() / 255, (_THUMBNAIL, _THUMBNAIL)) for part in torch.split(rgb, 256)]
    )
    apart = np.minimum(_bits_apart(bits, bits), _bits_apart(bits, mirrored)) <= _MOST_BITS
    rows, columns = np.nonzero(np.triu(apart, 1))
    left, right = small[rows], small[columns]
    straight, turned = (left - right).abs().mean((1, 2, 3)), (left - right.flip(-1)).abs().mean((1, 2, 3))
    alike = torch.minimum(straight, turned).numpy() < _MOST_DIFFERENCE
    return np.stack([rows[alike], columns[alike]], axis=1).astype(np.int64)


def _bits_apart(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(a @ (1 - b).T + (1 - a) @ b.T)


def grouped_folds(
    group: NDArray[np.int64], label: NDArray[np.int64], count: int, seed: int = 0
) -> NDArray[np.int64]:
    """Fold of each photo ``(n,)``: groups whole, the classes spread evenly, the same for the same seed.

    A group counts for the class of its first photo.
    """
    rng = np.random.default_rng(seed)
    names, first = np.unique(group, return_index=True)
    fold_of = np.empty(len(names), dtype=np.int64)
    start = 0
    for value in np.unique(label[first]):
        mine = rng.permutation(np.flatnonzero(label[first] == value))
        fold_of[mine] = (start + np.arange(len(mine))) % count
        start += len(mine)
    return fold_of[np.searchsorted(names, group)]


def straddling(
    group: NDArray[np.int64], one: NDArray[np.bool_], other: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Groups with photos on both sides, ``one`` and ``other`` being masks of the photos."""
    return np.intersect1d(group[one], group[other])
