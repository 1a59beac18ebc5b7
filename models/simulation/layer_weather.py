"""Which layers of cloud stand over a place: genera, heights and amounts of a day, and how they change within it."""

from dataclasses import dataclass, replace

import numpy as np

from models.contracts.cloud_labels import GENERA
from models.simulation.cloud_layers import CloudLayer, dome_threshold
from models.simulation.seeds import generator
from models.simulation.sky import CloudLook

_PATTERNS = 3  # tiles of each genus and seed: their making costs more than a picture
_FOG_KM = 0.9


@dataclass(frozen=True)
class GenusKind:
    """What clouds of one genus are like.

    Attributes:
        base_m: Lowest and highest base above ground.
        depth_m: Least and greatest distance from the base to the top.
        cover: Least and greatest cover of the dome where the layer is broken.
        overcast: Share of days on which it leaves no gap.
        look: At the middle of the base heights; periods and heights scale together.
        regime: Which clouds of the satellite's channels it is most like; see `LocalWeather.regime`.
    """

    base_m: tuple[float, float]
    depth_m: tuple[float, float]
    cover: tuple[float, float]
    overcast: float
    look: CloudLook
    regime: float


# height_km, period_km, softness, opacity, darkness, stretch, billow
KINDS: dict[str, GenusKind] = {
    "Ci": GenusKind((6500, 10500), (300, 1500), (0.03, 0.95), 0.05, CloudLook(8.5, 75, 0.5, 0.5, 0.05, 4.5, 0), 0.68),
    "Cc": GenusKind((6000, 9000), (200, 500), (0.05, 0.7), 0.0, CloudLook(7.5, 30, 0.3, 0.5, 0.05, 1.3, 0.2), 0.66),
    "Cs": GenusKind((6500, 9500), (500, 2000), (0.3, 0.99), 0.5, CloudLook(8.0, 120, 0.8, 0.5, 0.04, 2.5, 0), 0.74),
    "Ac": GenusKind((2200, 5000), (200, 800), (0.05, 0.95), 0.12, CloudLook(3.6, 22, 0.2, 0.9, 0.4, 1.4, 0.1), 0.52),
    "As": GenusKind((2200, 4500), (1000, 3000), (0.5, 0.99), 0.6, CloudLook(3.4, 60, 0.6, 0.85, 0.3, 3, 0), 0.80),
    "Ns": GenusKind((350, 1900), (3000, 6500), (0.9, 0.995), 0.9, CloudLook(1.1, 16, 0.35, 1, 0.8, 1.6, 0.05), 0.95),
    "Sc": GenusKind((500, 2000), (200, 700), (0.15, 0.99), 0.4, CloudLook(1.25, 14, 0.22, 1, 0.6, 1.4, 0.12), 0.32),
    "St": GenusKind((60, 550), (100, 400), (0.3, 0.99), 0.65, CloudLook(0.3, 5, 0.45, 1, 0.5, 1.4, 0), 0.42),
    "Cu": GenusKind((450, 2200), (200, 2500), (0.02, 0.75), 0.0, CloudLook(1.2, 10, 0.12, 1, 0.35, 1, 0.35), 0.10),
    "Cb": GenusKind((400, 1400), (6500, 10000), (0.15, 0.97), 0.25, CloudLook(0.9, 16, 0.14, 1, 0.75, 1.1, 0.4), 1.0),
}  # fmt: skip
_LEVEL_SHARES = {
    "low": (0.62, {"Cu": 0.38, "Sc": 0.35, "St": 0.16, "Cb": 0.11}),
    "mid": (0.40, {"Ac": 0.52, "As": 0.30, "Ns": 0.18}),
    "high": (0.45, {"Ci": 0.52, "Cs": 0.30, "Cc": 0.18}),
}
"""How often each level holds cloud, and which genus then; all three are empty on one day in eight."""


@dataclass(frozen=True)
class SkyState:
    """What stands over a place at one moment.

    Attributes:
        layers: From the highest base down, thresholds fixed on the dome.
        visibility_km: Below 1 in fog.
        rain: 0..1.
        turbidity: 0..1.
        wind_km_h: Eastward and northward, of the lowest layer.
    """

    layers: tuple[CloudLayer, ...]
    visibility_km: float
    rain: float
    turbidity: float
    wind_km_h: tuple[float, float]

    @property
    def foggy(self) -> bool:
        """Whether fog hides the sky."""
        return self.visibility_km < 1


def sky_state(seed: int, place: str, time: np.datetime64) -> SkyState:
    """The sky over a place at a moment: genera and bases of its half day, amounts and patterns of the moment.

    Args:
        seed: Seed of the weather.
        place: Name of the place.
        time: UTC.
    """
    half_day = int(time.astype("datetime64[h]").astype(np.int64) // 12)
    rng = generator(seed, "sky", place, half_day)
    layers = _draw_layers(rng, seed)
    turbidity, foggy = float(rng.beta(1.5, 2.5)), bool(rng.random() < 0.05)
    wind = _wind(rng, 25.0)
    rainy = any(GENERA[layer.genus] in ("Ns", "Cb") for layer in layers) and rng.random() < 0.6
    rng = generator(seed, "moment", place, str(time))
    now = [_changed(rng, layer) for layer in layers]
    fog_km, rain = float(rng.uniform(0.08, _FOG_KM)), float(rng.uniform(0.1, 1)) if rainy else 0.0
    clear_km = float((45 - 30 * turbidity) * (1 - 0.8 * rain))
    return SkyState(
        layers=fix_layers(now),
        visibility_km=fog_km if foggy else max(clear_km, 1.5),
        rain=rain,
        turbidity=turbidity,
        wind_km_h=wind,
    )


def fix_layers(layers: list[CloudLayer]) -> tuple[CloudLayer, ...]:
    """Layers from the highest base down, each with the threshold that its cover asks for on the dome."""
    ordered = sorted(layers, key=lambda layer: -layer.look.height_km)
    return tuple(replace(layer, threshold=dome_threshold(layer)) for layer in ordered)


def plain_layer(genus: str, cover: float, seed: int, base_m: float | None = None) -> CloudLayer:
    """A layer of a genus with nothing drawn at random but its pattern; its threshold is not fixed yet.

    Args:
        genus: Of `models.contracts.cloud_labels.GENERA`.
        cover: Of the dome, 0..1.
        seed: Of its pattern.
        base_m: Above ground; the middle of what the genus has by default.
    """
    kind = KINDS[genus]
    height = base_m if base_m is not None else sum(kind.base_m) / 2
    scale = height / 1000 / kind.look.height_km
    look = replace(kind.look, height_km=height / 1000, period_km=kind.look.period_km * scale)
    top = height + sum(kind.depth_m) / 2
    return CloudLayer(seed, f"{genus}0", GENERA.index(genus), look, top, cover, (0.0, 0.0), (20.0, 5.0))


def overcast_layers(seed: int, name: str) -> tuple[CloudLayer, ...]:
    """The layers of a sky drawn like any other, but without a gap; from the highest base down.

    Args:
        seed: Seed of the weather.
        name: Of the sky.
    """
    rng = generator(seed, "overcast", name)
    while True:
        layers = [_changed(rng, layer) for layer in _draw_layers(rng, seed)]
        if any(layer.cover == 1 for layer in layers):
            return fix_layers(layers)


def _draw_layers(rng: np.random.Generator, seed: int) -> list[CloudLayer]:
    drawn = [_draw_layer(rng, seed, level) for level in ("high", "mid", "low")]
    return [layer for layer in drawn if layer is not None]


def _draw_layer(rng: np.random.Generator, seed: int, level: str) -> CloudLayer | None:
    # Everything is drawn whether the level holds cloud or not, so that one level's luck is not the next one's.
    present, shares = _LEVEL_SHARES[level]
    there, choice = rng.random() < present, rng.random()
    pattern, height, depth = int(rng.integers(_PATTERNS)), rng.random(), rng.random()
    closed, amount = rng.random(), rng.random()
    period, soft, dark = np.exp(rng.normal(0, 0.25)), np.exp(rng.normal(0, 0.3)), rng.uniform(0.3, 1.35)
    wind = _wind(rng, {"low": 25.0, "mid": 45.0, "high": 80.0}[level])
    slant = rng.normal(0, 0.045, 2) if rng.random() < 0.6 else np.zeros(2)
    if not there:
        return None
    genus = list(shares)[int(np.searchsorted(np.cumsum(list(shares.values())), choice))]
    kind = KINDS[genus]
    base = kind.base_m[0] + height * (kind.base_m[1] - kind.base_m[0])
    layer = plain_layer(genus, 1.0, seed, float(base))
    cover = 1.0 if closed < kind.overcast else kind.cover[0] + amount * (kind.cover[1] - kind.cover[0])
    look = replace(
        layer.look,
        period_km=float(layer.look.period_km * period),
        softness=float(layer.look.softness * soft),
        darkness=float(np.clip(layer.look.darkness * dark, 0, 0.85)),
    )
    return replace(
        layer,
        name=f"{genus}{pattern}",
        look=look,
        top_m=float(base + kind.depth_m[0] + depth * (kind.depth_m[1] - kind.depth_m[0])),
        cover=float(cover),
        wind_km_h=wind,
        slant=(float(slant[0]), float(slant[1])),
    )


def _changed(rng: np.random.Generator, layer: CloudLayer) -> CloudLayer:
    """A layer of the half day as it is at one moment: another stretch of its pattern, more or less of it."""
    kind = KINDS[GENERA[layer.genus]]
    origin = rng.uniform(0, 40 * layer.look.period_km, 2)
    wandered = float(np.clip(layer.cover + rng.normal(0, 0.12), kind.cover[0], kind.cover[1]))
    return replace(
        layer,
        cover=1.0 if layer.cover == 1 and rng.random() < 0.85 else wandered,
        origin_km=(float(origin[0]), float(origin[1])),
    )


def _wind(rng: np.random.Generator, speed_km_h: float) -> tuple[float, float]:
    speed, heading = speed_km_h * rng.gamma(3, 1 / 3), np.radians(rng.normal(80, 45))
    return float(speed * np.sin(heading)), float(speed * np.cos(heading))
