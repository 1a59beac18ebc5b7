"""Scene families: which elements stand where.

The families that shipped weights are trained on and the families that the demo shows are disjoint.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from models.simulation import elements
from models.simulation.all_sky import all_sky
from models.simulation.canvas import Canvas
from models.simulation.seeds import generator

MARGIN = 0.06  # of the width: painted around the picture, for cameras that move
Painter = Callable[[Canvas, np.random.Generator, float], None]


@dataclass(frozen=True)
class Family:
    """A kind of place.

    Attributes:
        name: Name of the family.
        paint: Paints it: canvas, randomness, row of the horizon.
        horizon: Range of the horizon's row as a fraction of the height.
        water: ``river``, ``shore`` or ``none``.
        hfov_deg: Range of the horizontal field of view.
        zenithal: The camera looks straight up; see `View`.
    """

    name: str
    paint: Painter
    horizon: tuple[float, float]
    water: str = "none"
    hfov_deg: tuple[float, float] = (45.0, 85.0)
    zenithal: bool = False


def _far(
    canvas: Canvas, rng: np.random.Generator, horizon: float, mountains: float, snowy: float = 0.5
) -> None:
    """Distant ridges, with probability ``mountains``."""
    for haze in (0.75, 0.45, 0.2):
        if rng.random() < mountains:
            height = canvas.height * rng.uniform(0.03, 0.3) * (1.2 - haze)
            snow = rng.uniform(0.2, 0.9) if rng.random() < snowy and haze > 0.3 else 0.0
            elements.ridge(canvas, rng, horizon - height * 1.1, height, haze, snow, float(rng.random()))


def _finish(canvas: Canvas, rng: np.random.Generator, horizon: float, masts: float = 0.5) -> None:
    """Poles, wires, lamps, a parapet: what stands in front of anything."""
    h, w = canvas.height, canvas.width
    for _ in range(int(rng.poisson(masts * 2))):
        tall = h * rng.uniform(0.1, 0.7)
        lamp = bool(rng.random() < 0.6)
        elements.mast(
            canvas, rng, rng.uniform(0, w), horizon + 0.1 * h, tall, w * rng.uniform(0.001, 0.008), lamp
        )
    if rng.random() < 0.2 * masts:  # a mast close to the lens, from edge to edge
        elements.mast(canvas, rng, rng.uniform(0, w), h, h * 1.1, w * rng.uniform(0.008, 0.02), False)
    if rng.random() < 0.3 * masts:
        elements.wires(canvas, rng, horizon - h * rng.uniform(0.1, 0.5), h * 0.08)
    elements.lamps(canvas, rng, horizon - 0.03 * h, horizon + 0.3 * h, int(rng.integers(3, 40)))
    if rng.random() < 0.25:
        elements.foreground(canvas, rng)


def _town_square(canvas: Canvas, rng: np.random.Generator, horizon: float) -> None:
    h, w = canvas.height, canvas.width
    _far(canvas, rng, horizon, 0.2)
    elements.houses(canvas, rng, horizon + 0.01 * h, w * 0.06, h * 0.16, 0.1, 0.1)
    elements.ground(canvas, rng, horizon + 0.02 * h)
    elements.houses(canvas, rng, horizon + 0.06 * h, w * 0.14, h * rng.uniform(0.15, 0.4), 0.02, 0.45)
    for _ in range(int(rng.integers(0, 4))):
        tall = h * rng.uniform(0.3, 0.85)
        elements.spire(canvas, rng, rng.uniform(0, w), horizon + 0.08 * h, w * rng.uniform(0.03, 0.14), tall)
    for _ in range(int(rng.integers(0, 3))):
        elements.side_wall(canvas, rng, horizon)
    elements.clutter(canvas, rng, horizon + 0.08 * h, int(rng.integers(5, 60)))
    _finish(canvas, rng, horizon)


def _high_rise(canvas: Canvas, rng: np.random.Generator, horizon: float) -> None:
    h, w = canvas.height, canvas.width
    _far(canvas, rng, horizon, 0.4)
    for haze in (0.4, 0.25, 0.12):
        elements.houses(
            canvas, rng, horizon + 0.03 * h * (0.5 - haze), w * rng.uniform(0.015, 0.05), h * 0.12, haze, 0.2
        )
    elements.ground(canvas, rng, horizon + 0.04 * h)
    elements.houses(canvas, rng, horizon + 0.1 * h, w * 0.07, h * rng.uniform(0.15, 0.6), 0.04, 0.6)
    for step in np.linspace(0.1, 0.5, 4):
        elements.houses(canvas, rng, horizon + step * h, w * 0.1 * (0.6 + step), h * 0.14, 0.0, 0.35)
    elements.trees(canvas, rng, horizon + 0.35 * h, h * 0.06, 0.3, 0.0)
    _finish(canvas, rng, horizon)


def _mountain_station(canvas: Canvas, rng: np.random.Generator, horizon: float) -> None:
    h, w = canvas.height, canvas.width
    elements.ridge(canvas, rng, horizon - h * rng.uniform(0.25, 0.5), h * 0.35, 0.3, rng.uniform(0.4, 1), 0.9)
    for _ in range(int(rng.integers(0, 3))):
        elements.ridge(canvas, rng, horizon - h * rng.uniform(0.1, 0.4), h * 0.4, 0.1, 0.0, 0.2)
    elements.ground(canvas, rng, horizon)
    elements.trees(canvas, rng, horizon + 0.05 * h, h * 0.12, 0.7, 0.02)
    elements.houses(canvas, rng, horizon + 0.12 * h, w * 0.16, h * 0.22, 0.0, 0.6)
    elements.clutter(canvas, rng, horizon + 0.15 * h, int(rng.integers(0, 30)))
    _finish(canvas, rng, horizon)


def _building_yard(canvas: Canvas, rng: np.random.Generator, horizon: float) -> None:
    h, w = canvas.height, canvas.width
    _far(canvas, rng, horizon, 0.3)
    elements.houses(canvas, rng, horizon + 0.02 * h, w * 0.03, h * rng.uniform(0.04, 0.2), 0.15, 0.3)
    elements.ground(canvas, rng, horizon + 0.02 * h)
    for _ in range(int(rng.integers(0, 6))):
        elements.crane(canvas, rng, rng.uniform(0, w), horizon + 0.1 * h, h * rng.uniform(0.1, 0.5))
    elements.clutter(canvas, rng, horizon + 0.06 * h, int(rng.integers(40, 160)))
    elements.lamps(canvas, rng, horizon - 0.04 * h, horizon + 0.2 * h, int(rng.integers(10, 60)))
    _finish(canvas, rng, horizon)


def _rooftop_panorama(canvas: Canvas, rng: np.random.Generator, horizon: float) -> None:
    h = canvas.height
    _far(canvas, rng, horizon, 0.6, 0.3)
    elements.trees(canvas, rng, horizon + 0.06 * h, h * 0.06, 0.6, 0.1)
    elements.houses(canvas, rng, horizon + 0.06 * h, h * 0.16, h * 0.1, 0.12, 0.3)
    elements.ground(canvas, rng, horizon + 0.07 * h)
    elements.houses(canvas, rng, horizon + 0.2 * h, h * 0.5, h * 0.15, 0.0, 0.5)
    elements.trees(canvas, rng, horizon + 0.25 * h, h * 0.13, 0.4, 0.0)
    if rng.random() < 0.8:
        elements.foreground(canvas, rng)
    _finish(canvas, rng, horizon, 1.0)


def _suburb_street(canvas: Canvas, rng: np.random.Generator, horizon: float) -> None:
    h, w = canvas.height, canvas.width
    _far(canvas, rng, horizon, 0.2)
    elements.trees(canvas, rng, horizon + 0.02 * h, h * 0.1, 0.9, 0.1)
    elements.ground(canvas, rng, horizon + 0.02 * h)
    elements.houses(canvas, rng, horizon + 0.08 * h, w * 0.12, h * 0.14, 0.03, 0.35)
    elements.trees(
        canvas, rng, horizon + 0.14 * h, h * rng.uniform(0.15, 0.5), 0.3, 0.0, bool(rng.random() < 0.4)
    )
    elements.clutter(canvas, rng, horizon + 0.1 * h, int(rng.integers(3, 25)))
    _finish(canvas, rng, horizon, 1.2)


def _forest_edge(canvas: Canvas, rng: np.random.Generator, horizon: float) -> None:
    h = canvas.height
    _far(canvas, rng, horizon, 0.5)
    elements.ground(canvas, rng, horizon)
    for depth in (0.3, 0.12, 0.0):
        tall = h * rng.uniform(0.08, 0.45) * (1 - depth)
        elements.trees(
            canvas, rng, horizon + (0.15 - depth * 0.3) * h, tall, 0.8, depth, bool(rng.random() < 0.3)
        )
    _finish(canvas, rng, horizon, 0.3)


def _snow_ridge(canvas: Canvas, rng: np.random.Generator, horizon: float) -> None:
    h = canvas.height
    for haze in (0.6, 0.35, 0.1):
        crest = horizon - h * rng.uniform(0.1, 0.4) * (1.2 - haze)
        elements.ridge(canvas, rng, crest, h * 0.3, haze, rng.uniform(0.5, 1.5), float(rng.uniform(0.5, 1)))
    if rng.random() < 0.5:
        elements.ground(canvas, rng, horizon + 0.1 * h)
    elements.trees(canvas, rng, horizon + 0.3 * h, h * 0.1, 0.5, 0.03)
    _finish(canvas, rng, horizon, 0.5)


def _harbour_quay(canvas: Canvas, rng: np.random.Generator, horizon: float) -> None:
    h, w = canvas.height, canvas.width
    _far(canvas, rng, horizon, 0.4)
    elements.houses(canvas, rng, horizon + 0.01 * h, w * 0.03, h * 0.08, 0.2, 0.4)
    elements.ground(canvas, rng, horizon + 0.01 * h)
    elements.water(canvas, rng, horizon + 0.02 * h, horizon + 0.2 * h, horizon + 0.32 * h)
    for _ in range(int(rng.integers(2, 20))):
        x, tall = rng.uniform(0, w), h * rng.uniform(0.1, 0.4)
        elements.mast(canvas, rng, x, horizon + 0.15 * h, tall, w * 0.002, False)
    elements.clutter(canvas, rng, horizon + 0.3 * h, int(rng.integers(5, 40)))
    _finish(canvas, rng, horizon)


def _open_fields(canvas: Canvas, rng: np.random.Generator, horizon: float) -> None:
    h, w = canvas.height, canvas.width
    _far(canvas, rng, horizon, 0.3)
    elements.ground(canvas, rng, horizon)
    elements.trees(canvas, rng, horizon + 0.015 * h, h * 0.04, 0.5, 0.2)
    if rng.random() < 0.5:
        elements.houses(canvas, rng, horizon + 0.05 * h, w * 0.08, h * 0.08, 0.05, 0.8)
    _finish(canvas, rng, horizon, 0.4)


def _river_bank(canvas: Canvas, rng: np.random.Generator, horizon: float) -> None:
    h, w = canvas.height, canvas.width
    elements.ridge(canvas, rng, horizon - 0.12 * h, h * 0.12, 0.35, 0.0, 0.2)
    elements.houses(canvas, rng, horizon + 0.02 * h, w * 0.07, h * 0.1, 0.08, 0.4)
    elements.trees(canvas, rng, horizon + 0.05 * h, h * 0.12, 0.7, 0.06)
    elements.ground(canvas, rng, horizon + 0.05 * h)
    elements.water(canvas, rng, horizon + 0.08 * h, horizon + 0.25 * h, horizon + 0.42 * h)
    if rng.random() < 0.6:
        elements.trees(canvas, rng, h * 1.05, h * 0.25, 0.2, 0.0)
    _finish(canvas, rng, horizon, 0.5)


def _sea_shore(canvas: Canvas, rng: np.random.Generator, horizon: float) -> None:
    h, w = canvas.height, canvas.width
    if rng.random() < 0.6:
        elements.ridge(canvas, rng, horizon - 0.06 * h, h * 0.12, 0.5, 0.0, 0.3)
    elements.ground(canvas, rng, horizon)
    canvas.layers[int(horizon + 0.3 * h) :, :, :3] = np.clip(
        canvas.layers[int(horizon + 0.3 * h) :, :, :3] * 0.4 + np.array([115, 103, 84]), 0, 255
    )
    elements.water(canvas, rng, horizon, horizon + 0.14 * h, horizon + 0.36 * h)
    elements.houses(canvas, rng, h * 0.98, w * 0.2, h * 0.18, 0.0, 0.75)
    _finish(canvas, rng, horizon, 0.6)


def _valley_village(canvas: Canvas, rng: np.random.Generator, horizon: float) -> None:
    h, w = canvas.height, canvas.width
    elements.ridge(canvas, rng, horizon - 0.33 * h, h * 0.3, 0.5, 0.6, 0.8)
    elements.ridge(canvas, rng, horizon - 0.14 * h, h * 0.2, 0.15, 0.0, 0.3)
    elements.ground(canvas, rng, horizon)
    elements.trees(canvas, rng, horizon + 0.04 * h, h * 0.07, 0.6, 0.05)
    elements.houses(canvas, rng, horizon + 0.1 * h, w * 0.08, h * 0.1, 0.02, 0.4)
    elements.spire(canvas, rng, rng.uniform(0.2, 0.8) * w, horizon + 0.1 * h, w * 0.03, h * 0.25)
    elements.houses(canvas, rng, horizon + 0.3 * h, w * 0.13, h * 0.16, 0.0, 0.5)
    _finish(canvas, rng, horizon)


def _castle_hill(canvas: Canvas, rng: np.random.Generator, horizon: float) -> None:
    h, w = canvas.height, canvas.width
    elements.ridge(canvas, rng, horizon - 0.25 * h, h * 0.25, 0.1, 0.0, 0.1)
    centre = rng.uniform(0.25, 0.75) * w
    elements.house(canvas, rng, centre - 0.12 * w, horizon - 0.1 * h, w * 0.24, h * 0.18, 0.06)
    for side in (-0.13, 0.13):
        elements.spire(canvas, rng, centre + side * w, horizon - 0.08 * h, w * 0.05, h * 0.3)
    elements.trees(canvas, rng, horizon + 0.03 * h, h * 0.15, 0.9, 0.04)
    elements.ground(canvas, rng, horizon + 0.02 * h)
    elements.houses(canvas, rng, horizon + 0.2 * h, w * 0.1, h * 0.12, 0.0, 0.3)
    _finish(canvas, rng, horizon)


_ALL = (
    Family("town_square", _town_square, (0.4, 0.7), hfov_deg=(50, 95)),
    Family("high_rise", _high_rise, (0.25, 0.55), hfov_deg=(40, 90)),
    Family("mountain_station", _mountain_station, (0.45, 0.7)),
    Family("building_yard", _building_yard, (0.3, 0.6), hfov_deg=(60, 110)),
    Family("rooftop_panorama", _rooftop_panorama, (0.4, 0.65), hfov_deg=(120.5, 300)),
    Family("suburb_street", _suburb_street, (0.4, 0.7)),
    Family("forest_edge", _forest_edge, (0.4, 0.7)),
    Family("snow_ridge", _snow_ridge, (0.5, 0.75)),
    Family("harbour_quay", _harbour_quay, (0.35, 0.6), "shore"),
    Family("open_fields", _open_fields, (0.4, 0.75)),
    Family("all_sky", all_sky, (0.5, 0.5), hfov_deg=(130, 165), zenithal=True),
    Family("river_bank", _river_bank, (0.35, 0.5), "river"),
    Family("sea_shore", _sea_shore, (0.35, 0.5), "shore"),
    Family("valley_village", _valley_village, (0.5, 0.62)),
    Family("castle_hill", _castle_hill, (0.5, 0.65)),
)
FAMILIES: dict[str, Family] = {family.name: family for family in _ALL}
TRAINING_FAMILIES: tuple[str, ...] = tuple(FAMILIES)[:11]
DEMO_FAMILIES: tuple[str, ...] = tuple(FAMILIES)[11:]


@lru_cache(maxsize=4)
def scene_layers(
    seed: int, camera_id: str, family: str, width: int, height: int, horizon: float
) -> NDArray[np.uint8]:
    """The ground of one camera, with a margin all around.

    Args:
        seed: Seed of the network.
        camera_id: Camera.
        family: Name of a family.
        width: Width of the picture without the margin.
        height: Height of the picture without the margin.
        horizon: Row of the horizon as a fraction of the height.

    Returns:
        ``(height + 2 m, width + 2 m, 8)`` uint8, see `Canvas`; ``m = margin_px(width)``.
    """
    margin = margin_px(width)
    # Painted from the same numbers at every size, so that an epoch change keeps the scene.
    canvas = Canvas.empty(width + 2 * margin, height + 2 * margin, seed, camera_id)
    FAMILIES[family].paint(canvas, generator(seed, "scene", camera_id), horizon * height + margin)
    canvas.layers.setflags(write=False)
    return canvas.layers


def margin_px(width: int) -> int:
    """Margin painted on each side."""
    return round(MARGIN * width)
