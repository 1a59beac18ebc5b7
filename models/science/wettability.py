"""Where water comes and goes in a fixed view, from maps of the probability of water alone.

Water that rises covers more and more of the same places, all over the view: those places' probabilities rise and fall
together. The weights are the non-negative vector along which the maps vary most: as water is what is weighted, more
water can only mean a higher level, and no sign is to be guessed.

What varies most need not be water: in a new light a whole meadow may look a little more like it. But where water comes
and goes its edge passes by, and a meadow in a new light has no edge that moves. So every place counts by how much the
steepness of the maps varies there. Edges that stay (a pier, a wall) do not count either.

Source: non-negative principal component by power iteration, Montanari and Richard 2016.
"""

from torch import Tensor
from torch.nn import functional as F

_ITERATIONS = 30
_LEAST_VARIATION = 0.02  # of a probability, standard deviation: below, nothing comes and goes
_SMOOTH = 7  # of the maps before their edges are sought, pixels at 320 of the long side
_REACH = 21  # about a place within which an edge must move
_SHARE_OF_STEEPEST = 0.99
_POWER = 2
_BEYOND = 0.1  # weight of what lies beyond the range that was seen
_BEYOND_REACH = 121


def wettability_of(water: Tensor) -> Tensor | None:
    """Weights of the places of a view.

    Args:
        water: Probability of water ``(frames, y, x)``, in any order; two frames at least.

    Returns:
        ``(y, x)``, not negative, the largest 1; ``None`` where the water does not vary.

    Raises:
        ValueError: Fewer than two frames.
    """
    if len(water) < 2:
        raise ValueError("one frame does not show where water comes and goes")
    varying = (water - water.mean(0)).flatten(1)
    spread = varying.std(0)
    moving = moving_edges(water).flatten()
    if float(spread.max()) < _LEAST_VARIATION or not float(moving.max()) > 0:
        return None
    weights = spread * moving
    for _ in range(_ITERATIONS):
        levels = varying @ weights
        weights = (levels @ varying).clamp_min(0) * moving
        if not float(weights.max()) > 0:
            return None
        weights = weights / weights.norm()
    return _extended((weights / weights.max()).view(water.shape[1:]))


def _extended(weights: Tensor) -> Tensor:
    """Water may rise and fall farther than the maps show: what lies about counts a little."""
    size = min(_BEYOND_REACH, *_odd_sides(weights[None]))
    about = _mean(_mean(weights[None], size), size)[0]
    extended = weights + _BEYOND * about / about.max().clamp_min(1e-12)
    return extended / extended.max()


def moving_edges(water: Tensor) -> Tensor:
    """How much the edges of the water move about each place ``(y, x)``, in [0, 1]; see ``wettability_of``."""
    smooth = _mean(water, min(_SMOOTH, *_odd_sides(water)))
    down = F.pad(smooth[:, 2:] - smooth[:, :-2], (0, 0, 1, 1))
    right = F.pad(smooth[:, :, 2:] - smooth[:, :, :-2], (1, 1))
    steepness = (down.square() + right.square()).sqrt()
    # Fog and dusk flatten all edges of a frame alike: that moves none.
    steepest = steepness.flatten(1).quantile(_SHARE_OF_STEEPEST, dim=1)
    steepness = steepness / steepest.clamp_min(1e-3)[:, None, None]
    moving = _mean(steepness.std(0)[None], min(_REACH, *_odd_sides(water)))[0].pow(_POWER)
    return moving / moving.max().clamp_min(1e-12)


def _odd_sides(water: Tensor) -> tuple[int, ...]:
    return tuple(max(1, side - 1 + side % 2) for side in water.shape[-2:])


def _mean(maps: Tensor, size: int) -> Tensor:
    """Mean over squares about each place; the border is continued."""
    padded = F.pad(maps[:, None], (size // 2,) * 4, mode="replicate")
    return F.avg_pool2d(padded, size, 1)[:, 0]
