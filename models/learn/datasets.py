"""Labelled pictures in memory, and the guard against one picture standing on both sides of a split."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models.cloud import resize, tile_bounds, to_unit_rgb

HASH_SIDE = 16
"""Side of the difference hash: 16 x 16 comparisons, 256 bits."""


class Fingerprinted(Protocol):
    """A picture that can be told from others: its file's sha256, and its ``difference_hash``."""

    @property
    def sha256(self) -> str: ...  # noqa: D102

    @property
    def fingerprint(self) -> NDArray[np.bool_]: ...  # noqa: D102


@dataclass(frozen=True)
class Sample:
    """A labelled picture at training scale.

    Attributes:
        group: Camera, or block of neighbouring frames: what must stay on one side of a split.
        sha256: Of the source image file, hex.
        rgb: ``(3, y, x)`` uint8.
        mask: ``(y, x)`` uint8 of ``models.science.cover`` classes, ``UNLABELLED`` included.
        fingerprint: ``difference_hash`` of the whole picture.
    """

    group: str
    sha256: str
    rgb: Tensor
    mask: Tensor
    fingerprint: NDArray[np.bool_]


def difference_hash(rgb: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Perceptual hash: is each cell of a 16 x 17 grid of grey means darker than its right neighbour.

    Args:
        rgb: Picture ``(y, x, 3)``.

    Returns:
        256 bits, as booleans.
    """
    grey = to_unit_rgb(rgb).mean(1, keepdim=True)
    cells = resize(grey, (HASH_SIDE, HASH_SIDE + 1))[0, 0]
    bits: NDArray[np.bool_] = (cells[:, 1:] > cells[:, :-1]).flatten().numpy()
    return bits


def make_samples(
    group: str,
    sha256: str,
    rgb: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    *,
    long_side: int,
    max_aspect: float,
) -> list[Sample]:
    """Scale a labelled picture for training; a panorama gives several samples.

    Labels are scaled to the nearest pixel, so that no class is invented at a border.
    """
    if rgb.shape[:2] != mask.shape:
        raise ValueError(f"picture {rgb.shape[:2]} and mask {mask.shape} differ in size")
    fingerprint, samples = difference_hash(rgb), []
    unit, labels = to_unit_rgb(rgb), torch.from_numpy(mask.astype(np.float32))[None, None]
    for top, bottom, left, right in tile_bounds(mask.shape[0], mask.shape[1], max_aspect):
        scale = min(1.0, long_side / max(bottom - top, right - left))
        size = max(1, round((bottom - top) * scale)), max(1, round((right - left) * scale))
        small = (resize(unit[..., top:bottom, left:right], size)[0] * 255).round().clamp(0, 255)
        nearest = F.interpolate(labels[..., top:bottom, left:right], size=size, mode="nearest-exact")
        samples.append(
            Sample(group, sha256, small.to(torch.uint8), nearest[0, 0].to(torch.uint8), fingerprint)
        )
    return samples


@dataclass(frozen=True)
class Overlap:
    """Pictures that stand, or all but stand, on both sides of a split.

    Attributes:
        identical: sha256 found on both sides.
        near: Pairs (train sha256, test sha256) whose hashes differ in few bits.
    """

    identical: list[str]
    near: list[tuple[str, str]]

    def __bool__(self) -> bool:
        return bool(self.identical or self.near)


def overlap(train: Sequence[Fingerprinted], test: Sequence[Fingerprinted], max_bits: int = 12) -> Overlap:
    """Find test pictures that were trained on, exactly or nearly.

    Args:
        train: One side.
        test: Other side.
        max_bits: Hashes that differ in at most this many of 256 bits are near-duplicates.
    """
    ours = {s.sha256: s.fingerprint for s in train}
    theirs = {s.sha256: s.fingerprint for s in test}
    identical = sorted(ours.keys() & theirs.keys())
    if not ours or not theirs:
        return Overlap(identical, [])
    a, b = np.stack(list(ours.values())).astype(np.int32), np.stack(list(theirs.values())).astype(np.int32)
    distance = a @ (1 - b).T + (1 - a) @ b.T
    names_a, names_b = list(ours), list(theirs)
    near = [(names_a[i], names_b[j]) for i, j in np.argwhere(distance <= max_bits)]
    return Overlap(identical, sorted(pair for pair in near if pair[0] != pair[1]))
