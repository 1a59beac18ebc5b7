"""The naive ranking network, which a water level must beat: a convolutional network straight from frame to rank.

Nothing keeps it from reading the light or the hour instead of the water.

Source: Burges et al. 2005, "Learning to Rank using Gradient Descent" (RankNet); the form is that of Gupta et al. 2022
and of USGS's Flow Photo Explorer, with a small network in place of a pretrained ResNet.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models.contracts.labels import PairAnswer
from models.nets.fcn import FCN, FCNConfig

_SHARES = {PairAnswer.LEFT_HIGHER: 1.0, PairAnswer.RIGHT_HIGHER: 0.0, PairAnswer.EQUAL: 0.5}
_STEPS, _BATCH, _RATE, _WIDTH = 200, 8, 3e-3, 16


@dataclass(frozen=True)
class RankedFrames:
    """Frames of one camera and answers about pairs of them.

    Attributes:
        frames: ``(n, y, x, 3)`` uint8, small.
        left: Rows of the left frames ``(pairs,)``.
        right: Of the right ones.
        answers: ``PairAnswer`` of each; those that are not comparable are left out.
    """

    frames: NDArray[np.uint8]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    answers: Sequence[str]


def train_ranknet(cameras: Sequence[RankedFrames], *, steps: int = _STEPS, seed: int = 0) -> FCN:
    """Train on pairs; each step sees pairs of one camera.

    Args:
        cameras: Of any sizes; those without an answer that says something are left out.
        steps: Of Adam.
        seed: Of the network and of the draws.

    Returns:
        The untrained network where there are no pairs at all.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = FCN(FCNConfig(out_channels=1, width=_WIDTH))
    generator = torch.Generator().manual_seed(seed)
    usable = [told for told in map(_told, cameras) if len(told[1])]
    optimiser = torch.optim.Adam(net.parameters(), lr=_RATE)
    for step in range(steps if usable else 0):
        frames, pairs, share = usable[step % len(usable)]
        drawn = torch.randint(len(pairs), (_BATCH,), generator=generator)
        score = _scores(net, frames[pairs[drawn].flatten()]).view(-1, 2)
        loss = F.binary_cross_entropy_with_logits(score[:, 0] - score[:, 1], share[drawn])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return net.eval()


@torch.inference_mode()
def ranknet_levels(net: FCN, frames: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Ranks of frames ``(n, y, x, 3)`` in [0, 1], ``(n,)``."""
    if not len(frames):
        return np.empty(0)
    return np.asarray(torch.sigmoid(_scores(net, _unit(frames))).numpy(), np.float64)


def _scores(net: FCN, pictures: Tensor) -> Tensor:
    scores: Tensor = net(pictures).mean((1, 2, 3))
    return scores


def _unit(frames: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255 - 0.5


def _told(camera: RankedFrames) -> tuple[Tensor, Tensor, Tensor]:
    """Frames, pairs ``(n, 2)`` and the share by which the left is higher."""
    given = [PairAnswer(a) for a in camera.answers]
    rows = [k for k, answer in enumerate(given) if answer in _SHARES]
    pairs = np.stack([camera.left[rows], camera.right[rows]], 1).astype(np.int64)
    share = torch.tensor([_SHARES[given[k]] for k in rows], dtype=torch.float32)
    return _unit(camera.frames), torch.from_numpy(pairs), share
