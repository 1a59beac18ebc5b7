"""Layers of cloud above one place: fields in the horizontal, seen from below in perspective and from above.

The same field is sampled by the camera, by the full dome that the truth counts on, and by the satellite. A layer's
amount is fixed on the dome, so that a camera that sees a sector sees a share of its own.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from models.simulation import sky
from models.simulation.noise import FloatArray, fractal_tile, sample_tile

DOME_POINTS = 3000
"""Directions of the dome, evenly spread over the hemisphere: one of them is less than a trace (1/1000)."""
_BEND = 0.11  # keeps distances finite towards the horizon, as the height of real clouds does
_COARSE_PX = 3.0
_SLANT_REACH = 6.0  # in heights of the base: where a front's slant has said most of what it says


@dataclass(frozen=True)
class CloudLayer:
    """One layer, of one genus.

    Attributes:
        seed: Of its pattern.
        name: Pattern of this seed: layers of one name share tiles.
        genus: Code of WMO 0500.
        look: How it looks; its height is that of the base above ground.
        top_m: Of the cloud tops above ground.
        cover: Share of the dome, 0..1.
        origin_km: Where in its pattern the camera stands at the moment, eastward and northward.
        wind_km_h: How the pattern moves.
        slant: Growth of the density eastward and northward, per height of the base, towards a front; 0 for none.
        threshold: Density above which it is cloud; see `on_dome`.
    """

    seed: int
    name: str
    genus: int
    look: sky.CloudLook
    top_m: float
    cover: float
    origin_km: tuple[float, float]
    wind_km_h: tuple[float, float]
    slant: tuple[float, float] = (0.0, 0.0)
    threshold: float = float("inf")

    @property
    def base_m(self) -> float:
        """Of the base above ground."""
        return 1000 * self.look.height_km


def ground_reach(
    layer: CloudLayer, azimuth: FloatArray, elevation: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Where a line of sight meets a layer: kilometres east and north of the camera."""
    bent = _BEND * np.minimum((np.pi / 2 - elevation) / 0.4, 1)
    reach = layer.look.height_km / np.tan(np.maximum(elevation, -0.02) + bent)
    return (
        np.asarray(reach * np.sin(azimuth), np.float32),
        np.asarray(reach * np.cos(azimuth), np.float32),
    )


def seen_density(layer: CloudLayer, azimuth: FloatArray, elevation: FloatArray) -> FloatArray:
    """Density of a layer along lines of sight, radians; what lies far away is smoothed."""
    return layer_density(layer, *ground_reach(layer, azimuth, elevation), near=elevation / 0.25)


def layer_density(
    layer: CloudLayer,
    east_km: FloatArray,
    north_km: FloatArray,
    lag_h: float = 0.0,
    near: FloatArray | float = 1.0,
) -> FloatArray:
    """A field whose highest part is cloud, about 0..1.

    Args:
        layer: Which.
        east_km: Of the camera, any shape.
        north_km: Same shape.
        lag_h: Hours after the moment.
        near: Share of the fine structure, 0..1; the rest is a smoothed pattern.
    """
    look = layer.look
    east = layer.origin_km[0] + east_km - layer.wind_km_h[0] * lag_h
    north = layer.origin_km[1] + north_km - layer.wind_km_h[1] * lag_h
    heading = float(np.arctan2(layer.wind_km_h[1], layer.wind_km_h[0]))
    along = (east * np.cos(heading) + north * np.sin(heading)) / look.period_km
    across = (north * np.cos(heading) - east * np.sin(heading)) / look.period_km
    bend = sample_tile(fractal_tile(layer.seed, "layers/bend", 2.2), along * 0.3, across * 0.3) - 0.5
    u, v = (along + 0.12 * bend) / look.stretch, across + 0.18 * bend
    density: NDArray[np.floating] = sample_tile(_tile(layer.seed, layer.name, 0.0), u, v)
    share = np.clip(near, 0, 1)
    if np.min(share) < 1:
        coarse = sample_tile(_tile(layer.seed, layer.name, _COARSE_PX), u, v)
        density = density * share + coarse * (1 - share)
    if look.billow:
        folds = sample_tile(
            fractal_tile(layer.seed, "layers/billow", 1.2, 0.3),
            0.8 * east / look.height_km,
            0.8 * north / look.height_km,
        )
        density = density + look.billow * (0.5 - np.abs(2 * folds - 1)) * 0.5
    if any(layer.slant):
        steep = float(np.hypot(*layer.slant))
        towards = (layer.slant[0] * east_km + layer.slant[1] * north_km) / steep / look.height_km
        density = density + steep * _SLANT_REACH * np.tanh(towards / _SLANT_REACH)
    return np.asarray(density, np.float32)


@lru_cache(maxsize=64)
def _tile(seed: int, name: str, blur_px: float) -> FloatArray:
    tile = fractal_tile(seed, f"{name}/cloud", 1.45, 0.35)
    return np.asarray(gaussian_filter(tile, blur_px, mode="wrap"), np.float32) if blur_px else tile


@lru_cache(maxsize=2)
def dome_directions(points: int = DOME_POINTS) -> tuple[FloatArray, FloatArray]:
    """Azimuth and elevation, radians, spread evenly over the hemisphere by solid angle (Fibonacci lattice)."""
    order = np.arange(points)
    elevation = np.arcsin((order + 0.5) / points)
    azimuth = (order * np.pi * (3 - np.sqrt(5))) % (2 * np.pi)
    return np.asarray(azimuth, np.float32), np.asarray(elevation, np.float32)


def dome_threshold(layer: CloudLayer) -> float:
    """The threshold at which a layer has its cover on the full dome."""
    density = seen_density(layer, *dome_directions())
    return sky.threshold_for_cover(density, np.ones(density.shape, np.bool_), layer.cover)


def dome_clouds(layers: tuple[CloudLayer, ...]) -> NDArray[np.bool_]:
    """Where on the dome each layer has cloud, hidden or not, ``(layers, points)``."""
    azimuth, elevation = dome_directions()
    found = [seen_density(layer, azimuth, elevation) > layer.threshold for layer in layers]
    return np.array(found, np.bool_).reshape(len(layers), azimuth.size)


def sight_opacity(layers: tuple[CloudLayer, ...], azimuth: float, elevation: float) -> float:
    """Opacity of all layers together along one line of sight, radians."""
    clear = 1.0
    for layer in layers:
        density = seen_density(layer, np.array([azimuth], np.float32), np.array([elevation], np.float32))
        clear *= 1 - float(sky.cloud_opacity(density, layer.threshold, layer.look)[0])
    return 1 - clear


def lay_clouds(
    layers: tuple[CloudLayer, ...],
    radiance: FloatArray,
    azimuth: FloatArray,
    elevation: FloatArray,
    apart: FloatArray,
    light: sky.SkyLight,
) -> tuple[FloatArray, FloatArray]:
    """Lay the layers over a clear sky, the highest first, so that low cloud hides high cloud; in place.

    Args:
        layers: From the highest base down.
        radiance: ``(h, w, 3)`` of the clear sky, row 0 uppermost; changed.
        azimuth: Radians ``(h, w)``.
        elevation: Radians.
        apart: Angle to the sun, radians.
        light: What lights them.

    Returns:
        Above zero in cloud, linear at its edge, and the opacity of all layers together, each ``(h, w)``.
    """
    signed, clear = np.full_like(apart, -1), np.ones_like(apart)
    for layer in layers:
        density = seen_density(layer, azimuth, elevation)
        opacity = sky.cloud_opacity(density, layer.threshold, layer.look)
        shining = sky.cloud_radiance(
            density, layer.threshold, layer.look, layer.cover, apart, elevation, light
        )
        radiance += (shining - radiance) * opacity[..., None]
        signed = np.maximum(signed, np.clip(density - layer.threshold, -1, 1))
        clear *= 1 - opacity
    return signed, 1 - clear
