"""Light from the ground and the water, and the air before them."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from models.science.cover import CLOUD, OTHER, SKY
from models.simulation.canvas import ALPHA, BANK, DRY, FACING, HAZE, LAMP
from models.simulation.frame import Scene
from models.simulation.noise import FloatArray, fractal_tile, sample_tile
from models.simulation.seeds import generator
from models.simulation.weather import hours_since_epoch

_HAZE_KM = 20.0  # distance of haze 255
_SKY_KM = 1.5  # thickness of the fog that the sky is seen through
_FOG_KM = 2.0  # visibility below which the whole sky is fog, hence cloud
_SRGB_TO_LINEAR = (np.linspace(0, 1, 256) ** 2.2).astype(np.float32)


def ground_light(scene: Scene, layers: NDArray[np.uint8], air: FloatArray) -> FloatArray:
    """Light from everything that is not sky, ``(h, w, 3)``, linear."""
    light, weather = scene.light, scene.weather
    elevation = np.radians(light.sun_elevation_deg)
    face = np.radians(scene.view.azimuth_deg + 180) + (np.arange(256) / 255 - 0.5) * np.pi
    incidence = 0.4 * max(float(np.sin(elevation)), 0) + 0.75 * np.cos(elevation) * np.maximum(
        np.cos(face - np.radians(light.sun_azimuth_deg)), 0
    )
    ambient = 0.5 * light.ambient + 0.25 * air + light.city_glow * np.asarray(light.glow_colour)
    received = (ambient + incidence[:, None] * light.sun_share * light.sunlight * 1.2).astype(np.float32)
    if weather.rain:
        received *= 0.75
    linear: FloatArray = _SRGB_TO_LINEAR[layers[..., :3]] * received[layers[..., FACING]]
    if scene.water_level == scene.water_level:  # not NaN
        _flood(scene, linear, layers, air)
    dark = float(np.clip((2.0 - light.sun_elevation_deg) / 8, 0, 1))
    if dark:
        _light_lamps(scene, linear, layers, dark)
    clear_air = np.exp(-3.0 * (np.arange(256) / 255 * _HAZE_KM + 0.12) / weather.visibility_km).astype(
        np.float32
    )
    seen = clear_air[layers[..., HAZE]][..., None]
    linear *= seen
    linear += (1 - seen) * (air * 0.95)
    return linear


def flooded(layers: NDArray[np.uint8], level: float) -> NDArray[np.bool_]:
    """Where there is water ``(h, w)`` at a level of 0..1; nowhere at NaN."""
    return np.asarray(layers[..., BANK] < min(level * 254 + 0.5, DRY - 0.5), np.bool_)


def _flood(scene: Scene, linear: FloatArray, layers: NDArray[np.uint8], air: FloatArray) -> None:
    """Water up to the level: reflected sky, a body colour, ripples."""
    y, x = np.nonzero(flooded(layers, scene.water_level))
    if y.size == 0:
        return
    horizon = scene.view.horizon * scene.view.height
    depth = 1 / np.maximum((y - horizon) / scene.view.height, 0.01)
    phase = hours_since_epoch(scene.time) * 7.3 % 97
    ripple = sample_tile(
        fractal_tile(21, "ripples", 0.9),
        (x / scene.view.width - 0.5) * depth * 0.05 + phase,
        depth * 0.25 + phase * 0.7,
    )
    direct = scene.light.sun_share * float(scene.light.sunlight.mean())
    body = np.asarray([0.05, 0.075, 0.06], np.float32) * (
        2 * float(scene.light.ambient.mean()) + 0.3 * direct
    )
    mirror = (0.25 + 0.65 * ripple) * np.clip(0.35 + 0.09 * depth, 0.3, 1)
    linear[y, x] = body + mirror[:, None] * air * 0.8


def _light_lamps(scene: Scene, linear: FloatArray, layers: NDArray[np.uint8], dark: float) -> None:
    """Lamps, lit windows, and their glow on what stands around."""
    lamp = layers[..., LAMP].astype(np.float32) / 255
    colour = np.asarray(scene.character.lamp_colour, np.float32) * scene.character.night_lamps * dark
    small = lamp[::8, ::8]
    scale = scene.view.width / 640
    glow = gaussian_filter(small, 1.5 * scale) * 0.5 + gaussian_filter(small, 7 * scale) * 2.5
    height, width = lamp.shape
    wide = np.repeat(np.repeat(glow, 8, axis=0), 8, axis=1)[:height, :width]
    soft = gaussian_filter(small, 3 * scale) * 0.03
    soft = np.repeat(np.repeat(soft, 8, axis=0), 8, axis=1)[:height, :width]
    albedo = _SRGB_TO_LINEAR[layers[..., :3]]
    linear += (albedo * wide[..., None] + (lamp * 1.2 + soft)[..., None]) * colour


def veil(
    scene: Scene,
    linear: FloatArray,
    layers: NDArray[np.uint8],
    sky_light: FloatArray,
    mask: NDArray[np.uint8],
    cloud: NDArray[np.bool_],
    air: FloatArray,
    rng: np.random.Generator,
) -> None:
    """Fog over everything, and low cloud over the heights; in place.

    Ground that the air hides counts as the sky behind it, ground in fog or in low cloud as cloud.
    """
    weather, rows = scene.weather, sky_light.shape[0]
    if weather.visibility_km < 6 and rows:
        seen = float(np.exp(-3.0 * _SKY_KM / weather.visibility_km))
        sky_light *= seen
        sky_light += (1 - seen) * air
    foggy = weather.visibility_km < _FOG_KM
    if foggy:
        mask[:rows][mask[:rows] > OTHER] = CLOUD
    hidden = _clear_air(weather.visibility_km) < 0.06
    low_cloud = weather.cover > 0.93 and (weather.regime > 0.82 or 0.2 < weather.regime < 0.5)
    if rows and (low_cloud or hidden.any()):
        upper = layers[:rows, :, ALPHA] >= 128
        lost = upper & hidden[layers[:rows, :, HAZE]]
        mask[:rows][lost] = CLOUD if foggy else np.where(cloud, CLOUD, SKY)[lost]
    if rows and low_cloud:
        _cap_heights(scene, linear, layers, sky_light, mask, rng)


def _cap_heights(
    scene: Scene,
    linear: FloatArray,
    layers: NDArray[np.uint8],
    sky_light: FloatArray,
    mask: NDArray[np.uint8],
    rng: np.random.Generator,
) -> None:
    """A cloud base that cuts off the mountains; in place."""
    rows, width = sky_light.shape[:2]
    horizon = scene.view.horizon * scene.view.height
    day = int(hours_since_epoch(scene.time) // 3)
    base = horizon * generator(scene.seed, "base", scene.camera_id, day).uniform(0.2, 0.8)
    y, x = np.mgrid[:rows, :width].astype(np.float32)
    edges = fractal_tile(scene.seed, "edges", 1.6, 0.4)
    ragged = sample_tile(edges, x / width * 0.6 + float(rng.random()), y / width * 0.9) - 0.5
    shroud = np.clip((base - y) / (0.08 * scene.view.height) + 2.2 * ragged, 0, 1)
    shroud *= (layers[:rows, :, HAZE] > 12) & (layers[:rows, :, ALPHA] >= 128)
    linear[:rows] += (sky_light - linear[:rows]) * shroud[..., None]
    mask[:rows][shroud > 0.6] = CLOUD


def _clear_air(visibility_km: float) -> FloatArray:
    """Share of the light that comes through, by haze 0..255 (Koschmieder: 5 % at the visibility)."""
    return np.asarray(np.exp(-3.0 * (np.arange(256) / 255 * _HAZE_KM + 0.12) / visibility_km), np.float32)
