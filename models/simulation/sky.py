"""The sky: clear-sky light by sun elevation, and clouds in perspective with a known mask.

Light is linear and relative: 1 is a white sheet in full sun.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from models.simulation.noise import FloatArray, fractal_tile, sample_tile
from models.simulation.seeds import generator
from models.simulation.weather import LocalWeather, hours_since_epoch, plane_km

_SUN_ELEVATION = [-18.0, -12.0, -6.0, 0.0, 5.0, 15.0, 60.0]
_ZENITH = (  # linear RGB at each of these elevations, as are the next two
    (0.0012, 0.0014, 0.002),
    (0.002, 0.003, 0.006),
    (0.012, 0.022, 0.06),
    (0.05, 0.10, 0.20),
    (0.09, 0.17, 0.34),
    (0.10, 0.20, 0.46),
    (0.10, 0.22, 0.55),
)
_HORIZON = (
    (0.002, 0.002, 0.0025),
    (0.006, 0.006, 0.008),
    (0.08, 0.065, 0.07),
    (0.42, 0.27, 0.19),
    (0.55, 0.47, 0.38),
    (0.50, 0.55, 0.60),
    (0.50, 0.60, 0.74),
)
_SUNLIGHT = (
    (0.0, 0.0, 0.0),
    (0.0, 0.0, 0.0),
    (0.03, 0.02, 0.03),
    (0.50, 0.24, 0.14),
    (0.80, 0.62, 0.42),
    (0.95, 0.90, 0.80),
    (1.0, 0.98, 0.94),
)

# Looks of clouds by regime, after the genera they stand for; values between are mixtures.
_REGIME = [0.0, 0.25, 0.42, 0.55, 0.68, 0.80, 1.0]  # Cu, Cu-Sc, Sc-St, Ac, Ci, Cs-As, Ns
_LOOKS = {
    "height_km": [1.0, 1.3, 1.6, 4.0, 8.5, 7.0, 1.5],
    "period_km": [9.0, 12.0, 16.0, 30.0, 90.0, 80.0, 18.0],
    "softness": [0.12, 0.16, 0.22, 0.20, 0.50, 0.55, 0.30],
    "opacity": [1.0, 1.0, 1.0, 0.95, 0.60, 0.75, 1.0],
    "darkness": [0.35, 0.55, 0.65, 0.45, 0.05, 0.30, 0.80],
    "stretch": [1.0, 1.0, 1.3, 1.4, 4.5, 3.0, 1.5],
    "billow": [0.35, 0.25, 0.10, 0.05, 0.0, 0.0, 0.05],
}
MASK_OPACITY = 0.3  # share of its full opacity at which a cloud's edge counts as cloud


@dataclass(frozen=True)
class CloudLook:
    """How a cloud layer looks; see ``_LOOKS`` for typical values."""

    height_km: float
    period_km: float
    softness: float
    opacity: float
    darkness: float
    stretch: float
    billow: float


@dataclass(frozen=True)
class SkyLight:
    """What lights a picture.

    Attributes:
        sun_elevation_deg: Elevation of the sun.
        sun_azimuth_deg: Its azimuth from north.
        sun_share: Share of the direct sunlight that comes through, 0..1.
        city_glow: Light of lamps on the sky at night, linear.
        glow_colour: Its colour, ``(3,)``.
        tint: Colour of the haze of the place, ``(3,)``.
    """

    sun_elevation_deg: float
    sun_azimuth_deg: float
    sun_share: float
    city_glow: float
    glow_colour: tuple[float, float, float]
    tint: tuple[float, float, float]

    @property
    def sunlight(self) -> FloatArray:
        """Colour and strength of the direct light, ``(3,)``."""
        return _by_elevation(_SUNLIGHT, self.sun_elevation_deg)

    @property
    def ambient(self) -> FloatArray:
        """Light of the whole sky on the ground, ``(3,)``."""
        zenith, horizon = self.clear_ends
        return np.asarray(0.6 * zenith + 0.4 * horizon, np.float32)

    @property
    def clear_ends(self) -> tuple[FloatArray, FloatArray]:
        """Clear-sky colour at the zenith and at the horizon."""
        return _by_elevation(_ZENITH, self.sun_elevation_deg), _by_elevation(_HORIZON, self.sun_elevation_deg)

    @property
    def name(self) -> str:
        """Day, twilight or night."""
        return "day" if self.sun_elevation_deg > 0 else "twilight" if self.sun_elevation_deg > -9 else "night"


def _by_elevation(table: Sequence[Sequence[float]], elevation_deg: float) -> FloatArray:
    return np.array(
        [np.interp(elevation_deg, _SUN_ELEVATION, channel) for channel in zip(*table, strict=True)],
        np.float32,
    )


def cloud_look(seed: int, weather: LocalWeather, day: int) -> CloudLook:
    """The look of the main cloud layer: that of its regime, varied from day to day."""
    rng = generator(seed, "look", day)
    values = {name: float(np.interp(weather.regime, _REGIME, row)) for name, row in _LOOKS.items()}
    values["period_km"] *= float(np.exp(rng.normal(0, 0.35)))
    values["softness"] *= float(np.exp(rng.normal(0, 0.4)))
    # An overcast may be a menacing deck or a featureless white sheet.
    values["darkness"] = float(np.clip(values["darkness"] * rng.uniform(0.1, 1.4), 0, 0.85))
    return CloudLook(**values)


def clear_sky(azimuth: FloatArray, elevation: FloatArray, light: SkyLight, turbidity: float) -> FloatArray:
    """Radiance of a cloudless sky.

    Args:
        azimuth: Radians from north, any shape.
        elevation: Radians, same shape.
        light: What lights it.
        turbidity: Haze, 0..1: whitens the sky and widens the bright horizon and the aureole.

    Returns:
        Shape of ``azimuth`` plus 3, linear.
    """
    zenith, horizon = light.clear_ends
    toward_sun = 0.5 + 0.5 * np.cos(azimuth - np.radians(light.sun_azimuth_deg))
    low_sun = float(np.clip(1 - abs(light.sun_elevation_deg) / 12, 0, 1))
    cold = np.asarray([horizon.mean() * 0.75, horizon.mean() * 0.9, horizon.mean() * 1.15], np.float32)
    tint = np.asarray(light.tint, np.float32)
    warm = (low_sun * (1 - toward_sun))[..., None]
    edge = (horizon * (1 - warm) + cold * warm) * tint
    depth = np.exp(-np.maximum(elevation, 0) / np.radians(5 + 16 * turbidity))[..., None]
    white = zenith.mean() * (1 + 0.9 * turbidity) * tint
    high = zenith * (1 - 0.55 * turbidity) + white * (0.55 * turbidity)
    sky = high * (1 - depth) + edge * depth
    apart = np.degrees(sun_distance(azimuth, elevation, light))
    aureole = (0.15 + 0.7 * turbidity) * np.exp(-apart / (6 + 12 * turbidity)) + 1.5 * np.exp(-apart / 1.8)
    aureole += 30.0 * (apart < 0.5)
    sky = sky + aureole[..., None] * light.sunlight * (0.2 + 0.8 * light.sun_share)
    glow = light.city_glow * (0.25 + 0.75 * np.exp(-np.maximum(elevation, 0) / 0.2))
    return np.asarray(sky + glow[..., None] * np.asarray(light.glow_colour) * 0.25, np.float32)


def sun_distance(azimuth: FloatArray, elevation: FloatArray, light: SkyLight) -> FloatArray:
    """Angle to the sun, radians."""
    sun = np.radians(light.sun_elevation_deg)
    cosine = np.sin(elevation) * np.sin(sun) + np.cos(elevation) * np.cos(sun) * np.cos(
        azimuth - np.radians(light.sun_azimuth_deg)
    )
    return np.asarray(np.arccos(np.clip(cosine, -1, 1)), np.float32)


def cloud_density(
    seed: int,
    name: str,
    look: CloudLook,
    azimuth: FloatArray,
    elevation: FloatArray,
    place: tuple[float, float],
    weather: LocalWeather,
    time: np.datetime64,
) -> FloatArray:
    """A field whose highest part is cloud, seen in perspective.

    The layer is a plane at ``look.height_km``, moving with the wind. Towards the horizon the plane is bent up so
    that distances stay finite, as the height of real clouds does.

    Args:
        seed: Seed of the network.
        name: Which layer.
        look: Its look.
        azimuth: Radians from north.
        elevation: Radians, same shape.
        place: Latitude and longitude of the camera.
        weather: Gives the wind.
        time: UTC.

    Returns:
        About 0..1, of the shape of ``azimuth``.
    """
    x0, y0 = plane_km(np.float64(place[0]), np.float64(place[1]))
    hours = hours_since_epoch(time) % 2400
    bent = 0.11 * np.minimum(
        (np.pi / 2 - elevation) / 0.4, 1
    )  # none at the zenith, where it would turn the sky over
    reach = look.height_km / np.tan(np.maximum(elevation, -0.02) + bent)
    east = x0 + reach * np.sin(azimuth) - weather.wind_km_h[0] * hours
    north = y0 + reach * np.cos(azimuth) - weather.wind_km_h[1] * hours
    heading = np.arctan2(weather.wind_km_h[1], weather.wind_km_h[0]) + generator(seed, name, "shear").normal(
        0, 0.5
    )
    along = (east * np.cos(heading) + north * np.sin(heading)) / look.period_km
    across = (north * np.cos(heading) - east * np.sin(heading)) / look.period_km
    bend = sample_tile(fractal_tile(seed, f"{name}/bend", 2.2), along * 0.3, across * 0.3) - 0.5
    u, v = (along + 0.12 * bend) / look.stretch, across + 0.18 * bend
    fine, coarse = sample_tile(cloud_tile(seed, name), u, v), sample_tile(cloud_tile(seed, name, 3.0), u, v)
    near = np.clip(elevation / 0.25, 0, 1)
    density = fine * near + coarse * (1 - near)
    if look.billow:
        folds = sample_tile(
            fractal_tile(seed, f"{name}/billow", 1.2, 0.3), azimuth * 0.8 + hours * 0.03, elevation * 1.3
        )
        density = density + look.billow * (0.5 - np.abs(2 * folds - 1)) * 0.5
    return np.asarray(density, np.float32)


@lru_cache(maxsize=16)
def cloud_tile(seed: int, name: str, blur_px: float = 0.0) -> FloatArray:
    """The tile that a layer's clouds are cut from, blurred for what lies far away."""
    tile = fractal_tile(seed, f"{name}/cloud", 1.45, 0.35)
    return np.asarray(gaussian_filter(tile, blur_px, mode="wrap"), np.float32) if blur_px else tile


def threshold_for_cover(density: FloatArray, counted: NDArray[np.bool_], cover: float) -> float:
    """The density above which a share ``cover`` of the counted pixels lies."""
    if cover <= 0 or not counted.any():
        return float("inf")
    if cover >= 1:
        return float("-inf")
    return float(np.quantile(density[counted], 1 - cover))


def cloud_opacity(density: FloatArray, threshold: float, look: CloudLook) -> FloatArray:
    """Opacity of a layer; it is ``MASK_OPACITY`` of its full value where the density meets the threshold."""
    if threshold == float("inf"):
        return np.zeros_like(density)
    if threshold == float("-inf"):
        return np.full_like(density, look.opacity)
    ramp = np.clip((density - threshold) / look.softness + MASK_OPACITY, 0, 1)
    return np.asarray(ramp * look.opacity, np.float32)


def cloud_radiance(
    density: FloatArray,
    threshold: float,
    look: CloudLook,
    cover: float,
    apart: FloatArray,
    elevation: FloatArray,
    light: SkyLight,
) -> FloatArray:
    """Light of the clouds themselves: bright edges, dark bases, silver lining, lamp light at night.

    Args:
        density: ``(h, w)``, row 0 uppermost.
        threshold: See `threshold_for_cover`.
        look: Look of the layer.
        cover: Its cover: a closed deck is darker than a broken one.
        apart: Angle to the sun, radians.
        elevation: Radians.
        light: What lights them.

    Returns:
        ``(h, w, 3)`` linear.
    """
    floor = threshold if np.isfinite(threshold) else 0.0
    thick = np.clip((density - floor) / max(1.15 - floor, 0.15), 0, 1)
    closed = np.clip((cover - 0.7) / 0.3, 0, 1)
    # Relief: what faces up is lit, what faces down is not.
    relief = np.zeros_like(density)
    relief[3:] = density[3:] - density[:-3]
    relief = np.clip(relief * 2.2, -0.35, 0.35) * (1 - 0.5 * closed)
    lit = np.clip(1 - look.darkness * (thick**0.8 + 0.25 * closed) + relief, 0.06, 1.3)
    lining = np.exp(-apart / 0.25) * (1 - thick) * 1.5
    direct = light.sunlight * (1 - 0.72 * closed * (0.4 + 0.6 * look.darkness))
    zenith, horizon = light.clear_ends
    sky = (0.35 * zenith + 0.65 * horizon) * (0.45 + 0.25 * (1 - closed))
    glow = (
        light.city_glow * (0.35 + 0.65 * np.exp(-np.maximum(elevation, 0) / 0.35)) * (0.6 + 0.6 * (1 - thick))
    )
    cloud = (0.95 * lit + lining)[..., None] * direct + (0.55 + 0.45 * lit)[..., None] * sky
    return np.asarray(cloud + glow[..., None] * np.asarray(light.glow_colour), np.float32)
