"""Water level, independent of light and of clouds."""

import numpy as np

from models.simulation.seeds import generator
from models.simulation.weather import hours_since_epoch

TIDE_HOURS = 12.42


def water_level(seed: int, camera_id: str, kind: str, time: np.datetime64) -> float:
    """Level between the lowest (0) and the highest (1) waterline of a scene.

    Args:
        seed: Seed of the network.
        camera_id: Camera whose water it is.
        kind: ``shore`` (semi-diurnal tide with a spring-neap cycle) or ``river`` (slow waves and a flood).
        time: UTC.

    Returns:
        0..1; NaN for a scene without water (any other kind).
    """
    if kind not in ("shore", "river"):
        return float("nan")
    rng = generator(seed, "water", camera_id)
    phase, slow, slower = rng.uniform(0, 2 * np.pi, 3)
    hours = hours_since_epoch(time)
    if kind == "shore":
        spring = 0.75 + 0.25 * np.sin(2 * np.pi * hours / (14.77 * 24) + slow)
        level = 0.5 + 0.42 * spring * np.sin(2 * np.pi * hours / TIDE_HOURS + phase)
    else:
        level = (
            0.4
            + 0.17 * np.sin(2 * np.pi * hours / 61 + slow)
            + 0.17 * np.sin(2 * np.pi * hours / 173 + slower)
        )
        crest = rng.uniform(0, 20 * 24)
        since = (hours - crest) % (20 * 24)
        level += 0.3 * (since / 9) * np.exp(1 - since / 9)  # a flood rises in 9 hours and recedes in two days
    return float(np.clip(level, 0, 1))
