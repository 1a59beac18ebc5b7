"""Where to look for the level: a site's weights moved by answered pairs, the networks left as they are.

A few dozen pairs in one light cannot teach a network water; what it unlearns for them shows in the next light. They can
tell which of the places where water comes and goes are to be believed. The weights change smoothly over the view, stay
positive, and every picture counts in several lights.

Source: Burges et al. 2005 (RankNet).
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from models.nets.water import level

_GRID = (12, 16)  # cells over the view: coarser than any error of a map that a pair could be fitted to
_STEPS = 150
_RATE = 0.05
_NEVER = 20.0  # temperatures beyond which a tie's error counts no further


def weights_from_pairs(
    maps: Tensor,
    pairs: Sequence[tuple[int, int, float]],
    start: Tensor,
    *,
    temperature: float,
    log_gain_sd: float,
    seed: int,
) -> Tensor:
    """Weights of a site after answered pairs.

    Args:
        maps: Probability of water ``(lights, pictures, y, x)``.
        pairs: Left, right, and 1 where the left is higher, -1 the right, 0 neither.
        start: Weights learned without a label ``(y, x)``.
        temperature: Difference of two levels that makes an order e : 1 likely.
        log_gain_sd: How far the logarithm of a weight is believed to lie from that of ``start``, before any answer.
        seed: Of the lights that are drawn.

    Returns:
        ``(y, x)``, not negative, the largest 1.
    """
    left, right = (torch.tensor([p[k] for p in pairs]) for k in (0, 1))
    sign = torch.tensor([p[2] for p in pairs])
    generator = torch.Generator().manual_seed(seed)
    pull = _GRID[0] * _GRID[1] / (2 * log_gain_sd**2 * max(1, len(pairs)))  # of a normal prior, per answer
    gain = torch.zeros(1, 1, *_GRID, requires_grad=True)
    optimiser = torch.optim.Adam([gain], _RATE)
    for _ in range(_STEPS):
        lights = torch.randint(len(maps), (2, len(pairs)), generator=generator)
        weights = _weighted(start, gain)
        levels = torch.stack([level(light, weights) for light in maps])
        gap = (levels[lights[0], left] - levels[lights[1], right]) / temperature
        order = F.softplus(-sign * gap)
        tie = 0.25 * gap.abs().clamp(max=_NEVER)
        loss = torch.where(sign == 0, tie, order).mean() + pull * gain.square().mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    final = _weighted(start, gain).detach()
    return final / final.max()


def _weighted(start: Tensor, gain: Tensor) -> Tensor:
    over = F.interpolate(gain, size=start.shape, mode="bicubic", align_corners=False)[0, 0]
    return start * over.clamp(-4, 4).exp()
