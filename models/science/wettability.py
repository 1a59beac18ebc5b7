"""Where water comes and goes in a fixed view, from maps of the probability of water alone.

Water that rises covers more and more of the same places, all over the view: those places' probabilities rise and fall
together. Errors of a network (glare, shadow, wet ground) do so less. The weights are the non-negative vector along
which the maps vary most: as water is what is weighted, more water can only mean a higher level, and no sign is to be
guessed.

Source: non-negative principal component by power iteration, Montanari and Richard 2016.
"""

from torch import Tensor

_ITERATIONS = 30
_LEAST_VARIATION = 0.02  # of a probability, standard deviation: below, nothing comes and goes


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
    flat = water.flatten(1)
    varying = flat - flat.mean(0)
    weights = varying.std(0)
    if float(weights.max()) < _LEAST_VARIATION:
        return None
    for _ in range(_ITERATIONS):
        levels = varying @ weights
        weights = (levels @ varying).clamp_min(0)
        if not float(weights.max()) > 0:
            return None
        weights = weights / weights.norm()
    return (weights / weights.max()).view(water.shape[1:])
