"""Seeds of the simulation, frozen before anything was trained on it.

Three disjoint ranges keep what is learned apart from what is shown and from what is scored. ``generator``
derives every random number of the simulation from a seed and names, never from the order of calls.
"""

import hashlib
from typing import Literal

import numpy as np

DEMO_SEEDS = range(0, 100_000)
TRAINING_SEEDS = range(500_000, 600_000)
EVALUATION_SEEDS = range(900_000, 901_000)

Purpose = Literal["demo", "training", "evaluation"]
_RANGES: dict[Purpose, range] = {
    "demo": DEMO_SEEDS,
    "training": TRAINING_SEEDS,
    "evaluation": EVALUATION_SEEDS,
}


def purpose_of(seed: int) -> Purpose:
    """What a seed may be used for.

    Raises:
        ValueError: The seed lies in none of the three ranges.
    """
    for purpose, seeds in _RANGES.items():
        if seed in seeds:
            return purpose
    ranges = ", ".join(f"{p} {s.start}..{s.stop - 1}" for p, s in _RANGES.items())
    raise ValueError(f"seed {seed} is in none of the ranges: {ranges}")


def check_purpose(seed: int, purpose: Purpose) -> None:
    """Refuse a seed that belongs to another purpose.

    Raises:
        ValueError: The seed is kept for something else, or for nothing.
    """
    kept_for = purpose_of(seed)
    if kept_for != purpose:
        raise ValueError(f"seed {seed} is kept for {kept_for}, not for {purpose}")


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """A random generator that depends on the seed and the names alone.

    Args:
        seed: Seed of the network.
        names: What is drawn, for instance ``("motion", "river01")``.
    """
    text = "/".join([str(seed), *map(str, names)])
    return np.random.default_rng(
        int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
    )
