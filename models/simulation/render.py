"""One frame: ground, water and sky put together, with the mask and the truth."""

import numpy as np
from numpy.typing import NDArray

from models.contracts.labels import MaskCode
from models.science.cover import CLOUD, OBSCURED, OTHER, SKY, cover_of_mask, okta_of_cover
from models.simulation import camera_effects, sky
from models.simulation.canvas import ALPHA
from models.simulation.cloud_layers import lay_clouds
from models.simulation.frame import NO_SKY, Frame, Scene, Truth
from models.simulation.ground import flooded, ground_light, veil
from models.simulation.motion import Motion
from models.simulation.noise import FloatArray
from models.simulation.scenes import margin_px, scene_layers
from models.simulation.seeds import generator
from models.simulation.view import View, source_coordinates
from models.simulation.weather import hours_since_epoch

_LANES, _BYTE = np.uint64(0x00FF00FF00FF00FF), np.uint64(8)


def render(scene: Scene) -> Frame:
    """Render one frame; a function of its argument alone."""
    view, rng = scene.view, generator(scene.seed, "frame", scene.camera_id, str(scene.time))
    layers = _moved_layers(scene)
    open_sky = layers[..., ALPHA] < 128
    rows = int(np.flatnonzero((layers[..., ALPHA] < 255).any(1)).max(initial=-1)) + 1
    sky_light, cloud, opacity = _sky(scene, rows, open_sky)
    air = sky_light[-max(rows // 12, 1) :, ::8].mean((0, 1)) if rows else scene.light.ambient
    linear = ground_light(scene, layers, air)
    mask = np.zeros(open_sky.shape, np.uint8)
    mask[:rows][open_sky[:rows]] = np.where(cloud, CLOUD, SKY)[open_sky[:rows]]
    veil(scene, linear, layers, sky_light, mask, cloud, air, rng)
    clear = (1 - layers[:rows, :, ALPHA].astype(np.float32) / 255)[..., None]
    linear[:rows] += (sky_light - linear[:rows]) * clear
    rgb = _photograph(scene, linear, mask, rng)
    water = np.where(flooded(layers, scene.water_level), MaskCode.WATER, MaskCode.DRY).astype(np.uint8)
    water[(mask != OTHER) & ~open_sky] = MaskCode.NOT_LABELLED  # lost in the fog
    return Frame(rgb, mask, _truth(scene, mask, view), water, opacity)


def _truth(scene: Scene, mask: NDArray[np.uint8], view: View) -> Truth:
    cover = cover_of_mask(mask)
    obscured = scene.weather.visibility_km < 1
    scale = view.width / 640
    motion = Motion(
        scene.motion.pan_px * scale, scene.motion.tilt_px * scale, scene.motion.roll_deg, scene.motion.zoom
    )
    okta = OBSCURED if obscured else okta_of_cover(cover)
    okta = NO_SKY if okta is None else okta
    return Truth(cover, okta, scene.water_level, motion, scene.weather.name, scene.light.name)


def _moved_layers(scene: Scene) -> NDArray[np.uint8]:
    """The ground as the moved camera sees it, ``(h, w, 8)``, bilinear to a sixteenth of a pixel."""
    view = scene.view
    layers = scene_layers(scene.seed, scene.camera_id, scene.family, view.width, view.height, view.horizon)
    x, y = source_coordinates(
        scene.motion, view, np.arange(view.width)[None], np.arange(view.height)[:, None]
    )
    height, width = layers.shape[:2]
    x16 = np.clip(np.round((x + margin_px(view.width)) * 16), 0, (width - 2) * 16).astype(np.int32)
    y16 = np.clip(np.round((y + margin_px(view.width)) * 16), 0, (height - 2) * 16).astype(np.int32)
    corner = (y16 >> 4) * width + (x16 >> 4)
    right, down = (x16 & 15).astype(np.uint64), (y16 & 15).astype(np.uint64)
    pixels = layers.view(np.uint64).ravel()
    # Four channels at a time in the 16-bit lanes of one number: the weights add up to 256, so no lane overflows.
    even, odd = np.zeros(corner.shape, np.uint64), np.zeros(corner.shape, np.uint64)
    for step, weight in (
        (0, (16 - right) * (16 - down)),
        (1, right * (16 - down)),
        (width, (16 - right) * down),
        (width + 1, right * down),
    ):
        pixel = pixels.take(corner + step)
        even += (pixel & _LANES) * weight
        odd += ((pixel >> _BYTE) & _LANES) * weight
    mixed = ((even >> _BYTE) & _LANES) | (odd & ~_LANES)
    return mixed[..., None].view(np.uint8)


def _sky(
    scene: Scene, rows: int, open_sky: NDArray[np.bool_]
) -> tuple[FloatArray, NDArray[np.bool_], FloatArray | None]:
    """Sky light ``(rows, w, 3)``, where it is cloud ``(rows, w)``, and of layers the opacity ``(h, w)``.

    Made at half size in large pictures.
    """
    view = scene.view
    opacity = None if scene.layers is None else np.zeros((view.height, view.width), np.float32)
    if rows == 0:
        return np.zeros((0, view.width, 3), np.float32), np.zeros((0, view.width), np.bool_), opacity
    step = 2 if view.width > 320 else 1
    x, y = np.arange(0, view.width + step, step)[None], np.arange(0, rows + step, step)[:, None]
    azimuth, elevation = view.directions(*source_coordinates(scene.motion, view, x, y))
    radiance = sky.clear_sky(azimuth, elevation, scene.light, scene.weather.turbidity)
    apart = sky.sun_distance(azimuth, elevation, scene.light)
    if scene.layers is None or opacity is None:
        counted = np.pad(open_sky[:rows:step, ::step], ((0, y.size), (0, x.size)))[: y.size, : x.size]
        signed = _weather_clouds(scene, radiance, azimuth, elevation, apart, counted)
    else:
        signed, covered = lay_clouds(scene.layers, radiance, azimuth, elevation, apart, scene.light)
        opacity[:rows] = _enlarged(covered, rows, view.width, step)
    cloud = _enlarged(signed, rows, view.width, step) > 0
    return _enlarged(radiance, rows, view.width, step), cloud, opacity


def _weather_clouds(
    scene: Scene,
    radiance: FloatArray,
    azimuth: FloatArray,
    elevation: FloatArray,
    apart: FloatArray,
    counted: NDArray[np.bool_],
) -> FloatArray:
    """Clouds of the weather's cover, laid over the clear sky in place; above zero in cloud, linear at its edge."""
    look = sky.cloud_look(scene.seed, scene.weather, int(hours_since_epoch(scene.time) // 24))
    signed = np.full_like(apart, -1)
    for name, layer, cover in _cloud_layers(scene, look):
        density = sky.cloud_density(
            scene.seed, name, layer, azimuth, elevation, scene.place, scene.weather, scene.time
        )
        threshold = sky.threshold_for_cover(density, counted & (signed < 0), cover)
        opacity = sky.cloud_opacity(density, threshold, layer)[..., None]
        light = sky.cloud_radiance(density, threshold, layer, cover, apart, elevation, scene.light)
        radiance += (light - radiance) * opacity
        signed = np.maximum(signed, np.clip(density - threshold, -1, 1))
    return signed


def _cloud_layers(scene: Scene, look: sky.CloudLook) -> list[tuple[str, sky.CloudLook, float]]:
    """Layers from the highest down, each with the cover of what the higher ones leave open."""
    cover = scene.weather.cover
    veiled = generator(scene.seed, "veil", int(hours_since_epoch(scene.time) // 24)).random() < 0.35
    if not veiled or scene.weather.regime > 0.45 or not 0.1 < cover < 0.9:
        return [("main", look, cover)]
    cirrus = sky.CloudLook(8.5, 90.0, 0.45, 0.5, 0.05, 4.0, 0.0)
    high = 0.4 * cover
    return [("high", cirrus, high), ("main", look, (cover - high) / (1 - high))]


def _enlarged(field: FloatArray, rows: int, width: int, step: int) -> FloatArray:
    """Linear enlargement by 1 or 2 of a field that has a row and a column to spare."""
    if step == 1:
        return field[:rows, :width]
    tall = np.empty((2 * (field.shape[0] - 1), *field.shape[1:]), np.float32)
    tall[::2], tall[1::2] = field[:-1], (field[:-1] + field[1:]) * 0.5
    wide = np.empty((tall.shape[0], 2 * (field.shape[1] - 1), *field.shape[2:]), np.float32)
    wide[:, ::2], wide[:, 1::2] = tall[:, :-1], (tall[:, :-1] + tall[:, 1:]) * 0.5
    return wide[:rows, :width]


def _illuminant(light: sky.SkyLight) -> FloatArray:
    """Colour of the light on the ground, ``(3,)``: what the camera's white balance looks for."""
    lamps = 0.3 * light.city_glow * np.asarray(light.glow_colour, np.float32)
    return np.asarray(0.6 * light.ambient + 0.7 * light.sun_share * light.sunlight + lamps, np.float32)


def _photograph(
    scene: Scene, linear: FloatArray, mask: NDArray[np.uint8], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Through the lens and into 8 bits."""
    character, view = scene.character, scene.view
    if character.vignette:
        linear *= camera_effects.vignette(view.width, view.height, character.vignette)
    camera_effects.blur(linear, character.blur_px if view.width > 320 else 0)
    gain = camera_effects.exposure_gain(linear, mask == OTHER, character, float(rng.normal(0, 0.15)))
    rgb = camera_effects.develop(linear, gain, character, _illuminant(scene.light))
    noise = character.noise * (1 + 0.5 * np.log2(max(gain, 1.0)))
    camera_effects.add_noise(rgb, rng, float(min(noise, 14)))
    if scene.weather.rain > 0.3:
        camera_effects.add_drops(rgb, rng, int(rng.poisson(12 * scene.weather.rain)))
    if scene.clock:
        camera_effects.add_clock(rgb, scene.clock, bool(view.width % 4))
    return rgb
