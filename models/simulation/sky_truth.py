"""What an observer at the camera who sees the full dome would report of the layers that stand there.

Cover by `models.science.cover.okta_of_cover`; a layer of which a lower deck leaves nothing to be seen is not reported,
and levels above a deck without a gap are "/" (WMO 0509, 0515).
"""

from dataclasses import dataclass

import numpy as np

from models.contracts.cloud_labels import GENERA, INVISIBLE, LEVEL_GENERA
from models.contracts.sky_batch import LEVELS
from models.science.cover import TRACE, okta_of_cover
from models.simulation.cloud_layers import CloudLayer, dome_clouds

_CODES = {
    "Cu": 1, "Cb": 9, "Sc": 5, "St": 6, "Ac": 3, "As": 1, "Ns": 2, "Ci": 1, "Cs": 8, "Cc": 9,
}  # fmt: skip
_CONGESTUS_DEPTH_M, _CONGESTUS = 1000.0, 2
_WHOLE_SKY = 7  # CH of a Cs that leaves no gap


@dataclass(frozen=True)
class SkyTruth:
    """The observer's report.

    Attributes:
        cover: Of the dome, 0..1, all layers together.
        okta: N, 0..8; ``None`` in fog.
        obscured: Fog hides the sky.
        genera: Codes of the genera in view.
        base_m: Of the lowest layer in view, above ground; ``None`` without cloud and in fog.
        levels: Codes of CL, CM, CH, or ``INVISIBLE``.
    """

    cover: float
    okta: int | None
    obscured: bool
    genera: frozenset[int]
    base_m: float | None
    levels: tuple[int, int, int]


def sky_truth(layers: tuple[CloudLayer, ...], foggy: bool) -> SkyTruth:
    """The report of the layers over a place, from the highest base down."""
    clouds = dome_clouds(layers)
    cover = float(clouds.any(0).mean()) if layers else 0.0
    if foggy:
        return SkyTruth(cover, None, True, frozenset(), None, (INVISIBLE, INVISIBLE, INVISIBLE))
    seen, hidden = _in_view(layers, clouds)
    reported = [layer for layer, share in zip(layers, seen, strict=True) if share >= TRACE]
    codes = tuple(
        INVISIBLE if level in hidden else _level_code([c for c in reported if level_of(c) == level])
        for level in LEVELS
    )
    base = min((layer.base_m for layer in reported), default=None)
    genera = frozenset(layer.genus for layer in reported)
    return SkyTruth(cover, okta_of_cover(cover), False, genera, base, (codes[0], codes[1], codes[2]))


def level_of(layer: CloudLayer) -> str:
    """Low, mid or high, by its genus."""
    name = GENERA[layer.genus]
    return next(level for level in LEVELS if name in LEVEL_GENERA[level])


def _in_view(layers: tuple[CloudLayer, ...], clouds: np.ndarray) -> tuple[list[float], set[str]]:
    """Share of the dome on which each layer is seen from below, and the levels that a closed deck hides."""
    open_sky = np.ones(clouds.shape[-1], np.bool_)
    seen, hidden = [0.0] * len(layers), set[str]()
    for place in reversed(range(len(layers))):  # from the lowest base up
        seen[place] = float((clouds[place] & open_sky).mean())
        open_sky &= ~clouds[place]
        if open_sky.mean() < TRACE:
            hidden = set(LEVELS[LEVELS.index(level_of(layers[place])) + 1 :])
            break
    return seen, hidden


def _level_code(layers: list[CloudLayer]) -> int:
    if not layers:
        return 0
    layer = layers[-1]
    name = GENERA[layer.genus]
    if name == "Cu" and layer.top_m - layer.base_m > _CONGESTUS_DEPTH_M:
        return _CONGESTUS
    if name == "Cs" and layer.cover > 1 - TRACE:
        return _WHOLE_SKY
    return _CODES[name]
