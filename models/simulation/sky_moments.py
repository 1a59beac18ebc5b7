"""Moments of simulated cameras for the cloud network: a picture, what the satellite saw, and what an observer reports.

Cameras of the training families have training seeds; cameras never trained on have the families of the demo and
evaluation seeds. The sky of whatever is scored comes from an evaluation seed, whoever's camera it stands over.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.contracts.cloud_labels import GENERA
from models.contracts.sky_masks import NOT_LABELLED, CloudClass, SurfaceClass
from models.science.cover import CLOUD, OTHER, SKY, cover_of_mask
from models.science.sun import sun_position
from models.simulation.camera_effects import CameraCharacter
from models.simulation.cloud_layers import sight_opacity
from models.simulation.frame import Frame, Scene
from models.simulation.layer_weather import KINDS, SkyState, sky_state
from models.simulation.motion import Motion
from models.simulation.network import NetworkSpec
from models.simulation.noise import fractal_tile
from models.simulation.render import render
from models.simulation.scenes import DEMO_FAMILIES, FAMILIES, TRAINING_FAMILIES
from models.simulation.seeds import generator, purpose_of
from models.simulation.sky import SkyLight
from models.simulation.sky_truth import SkyTruth, sky_truth
from models.simulation.view import View
from models.simulation.weather import LocalWeather

NO_PICTURE, SNOW, WHITE, SUN = "no_picture", "snow_on_lens", "white", "sun_in_view"
"""Notes of moments that are not like the others."""
_SPECIAL = ((NO_PICTURE, 0.04), (SNOW, 0.015), (WHITE, 0.01))
_THICK = 0.65  # opacity from which the sky no longer shines through
_BURNT, _GLARE_RAD, _AUREOLE_RAD = 250, 0.26, 0.05
_ALL_SKY_EVERY = 5


@dataclass(frozen=True)
class SkyCamera:
    """A simulated camera that watches the sky.

    Attributes:
        id: Matches ``[a-z0-9_-]+``.
        seed: Of what it looks at.
        family: Scene family.
        place: Latitude and longitude.
        altitude_m: Of the ground, above the sea.
        view: Geometry.
        character: How it renders light.
    """

    id: str
    seed: int
    family: str
    place: tuple[float, float]
    altitude_m: float
    view: View
    character: CameraCharacter


@dataclass(frozen=True)
class SkyPicture:
    """What a camera shows at a moment, and what is known of it.

    Attributes:
        rgb: ``(h, w, 3)`` uint8; zeros without a picture.
        surface: ``SurfaceClass`` ``(h, w)`` uint8, or ``NOT_LABELLED``.
        cloud: ``CloudClass`` ``(h, w)`` uint8, or ``NOT_LABELLED``.
        visible_cover: Cloud over visible sky; NaN where the picture shows no sky.
        note: ``""``, or why it is not like the others.
    """

    rgb: NDArray[np.uint8]
    surface: NDArray[np.uint8]
    cloud: NDArray[np.uint8]
    visible_cover: float
    note: str


def sky_camera(seed: int, number: int, width: int, height: int) -> SkyCamera:
    """A camera of a seed; one in five of the training's looks at the zenith.

    Args:
        seed: Its purpose says which families it may show.
        number: Which.
        width: Of its pictures, px.
        height: Of its pictures, px.
    """
    training = purpose_of(seed) == "training"
    horizon = [family for family in TRAINING_FAMILIES if not FAMILIES[family].zenithal]
    families = horizon if training else list(DEMO_FAMILIES)
    zenithal = training and number % _ALL_SKY_EVERY == _ALL_SKY_EVERY - 1
    family = "all_sky" if zenithal else families[number % len(families)]
    NetworkSpec(seed=seed, families=(family,))  # refuses a family of another purpose
    camera_id = f"{family}{number:03d}"
    rng = generator(seed, "sky camera", camera_id)
    kind = FAMILIES[family]
    field = float(rng.uniform(*kind.hfov_deg))
    view = View(
        width, height, field, float(rng.uniform(0, 360)), float(rng.uniform(*kind.horizon)), kind.zenithal
    )
    place = float(rng.uniform(42.5, 50.5)), float(rng.uniform(-3.5, 7.5))
    altitude = float(rng.gamma(1.2, 250.0))
    return SkyCamera(camera_id, seed, family, place, altitude, view, CameraCharacter.draw(rng))


def moment_scene(camera: SkyCamera, sky_seed: int, time: np.datetime64) -> tuple[Scene, SkyState]:
    """What a camera looks at, and what stands over its place.

    Args:
        camera: Which.
        sky_seed: Seed of the weather.
        time: UTC.
    """
    state = sky_state(sky_seed, camera.id, time)
    elevation, azimuth = (float(a) for a in sun_position(time, *camera.place))
    lowest = state.layers[-1] if state.layers else None
    weather = LocalWeather(
        cover=1.0 if state.foggy else lowest.cover if lowest else 0.0,
        regime=KINDS[GENERA[lowest.genus]].regime if lowest else 0.0,
        top_height_m=lowest.top_m if lowest else 0.0,
        visibility_km=state.visibility_km,
        rain=state.rain,
        turbidity=state.turbidity,
        wind_km_h=state.wind_km_h,
    )
    through = 1 - sight_opacity(state.layers, float(np.radians(azimuth)), float(np.radians(elevation)))
    scene = Scene(
        seed=camera.seed,
        camera_id=camera.id,
        family=camera.family,
        view=camera.view,
        place=camera.place,
        character=camera.character,
        weather=weather,
        light=_light(elevation, azimuth, through, state, camera.character),
        motion=Motion(),
        water_level=0.5 if FAMILIES[camera.family].water != "none" else float("nan"),
        time=time,
        clock=None,
        layers=state.layers,
    )
    return scene, state


def observed(state: SkyState) -> SkyTruth:
    """What an observer reports of it."""
    return sky_truth(state.layers, state.foggy)


def special_note(scene: Scene) -> str:
    """Whether the camera fails at this moment, and how; nothing for most."""
    draw = float(generator(scene.seed, "special", scene.camera_id, str(scene.time)).random())
    for name, share in _SPECIAL:
        if 0 <= draw < share:
            return name
        draw -= share
    return ""


def photograph(scene: Scene) -> SkyPicture:
    """The picture of a scene, its masks and its note; a function of the scene alone."""
    note = special_note(scene)
    rng = generator(scene.seed, "special picture", scene.camera_id, str(scene.time))
    shape = (scene.view.height, scene.view.width, 3)
    if note == NO_PICTURE:
        return _unseen(np.zeros(shape, np.uint8), NOT_LABELLED, note)
    if note == WHITE:
        return _unseen(np.full(shape, 255 - int(rng.integers(0, 3)), np.uint8), NOT_LABELLED, note)
    frame = render(scene)
    if note == SNOW:
        return _unseen(_snowed_over(scene, frame.rgb, rng), int(SurfaceClass.OCCLUDER), note)
    surface, cloud, sun = _masks(scene, frame)
    visible = float("nan") if scene.weather.visibility_km < 1 else cover_of_mask(frame.mask)
    return SkyPicture(frame.rgb, surface, cloud, visible, SUN if sun else "")


def _unseen(rgb: NDArray[np.uint8], surface: int, note: str) -> SkyPicture:
    shape = rgb.shape[:2]
    unknown = np.full(shape, NOT_LABELLED, np.uint8)
    return SkyPicture(rgb, np.full(shape, surface, np.uint8), unknown, float("nan"), note)


def _snowed_over(scene: Scene, rgb: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Snow on the lens: a bright grey sheet through which the picture's light comes, but not its shapes."""
    height, width = rgb.shape[:2]
    rows, columns = np.ogrid[:height, :width]
    tile = fractal_tile(scene.seed, "snow on lens", 2.0, 0.5)
    top, left = (int(a) for a in rng.integers(0, 512, 2))
    clumps = tile[(rows + top) % 512, (columns + left) % 512]
    light = float(rgb.mean()) / 255
    sheet = 255 * np.clip(light**0.6 * (0.75 + 0.3 * clumps), 0, 1)[..., None] * np.array([0.96, 0.98, 1.0])
    noisy = sheet + rng.normal(0, 2.0, rgb.shape)
    return np.asarray(np.clip(noisy, 0, 255), np.uint8)


def _masks(scene: Scene, frame: Frame) -> tuple[NDArray[np.uint8], NDArray[np.uint8], bool]:
    """Surface and cloud of every pixel, and whether the sun shines into the picture."""
    view, mask = scene.view, frame.mask
    surface = np.where(mask == OTHER, SurfaceClass.OCCLUDER, SurfaceClass.SKY).astype(np.uint8)
    opacity = np.zeros(mask.shape, np.float32) if frame.opacity is None else frame.opacity
    thick = (
        (opacity >= _THICK) | (opacity == 0) | (scene.weather.visibility_km < 1)
    )  # 0: cloud in front of ground
    cloud = np.full(mask.shape, NOT_LABELLED, np.uint8)
    cloud[mask == SKY] = CloudClass.CLEAR
    cloud[mask == CLOUD] = np.where(thick, CloudClass.THICK, CloudClass.THIN)[mask == CLOUD]
    if scene.light.sun_elevation_deg <= 0 or scene.light.sun_share < 0.3 or scene.weather.visibility_km < 1:
        return surface, cloud, False
    azimuth, elevation = view.directions(np.arange(view.width)[None], np.arange(view.height)[:, None])
    sun = np.radians(scene.light.sun_elevation_deg)
    cosine = np.sin(elevation) * np.sin(sun) + np.cos(elevation) * np.cos(sun) * np.cos(
        azimuth - np.radians(scene.light.sun_azimuth_deg)
    )
    apart = np.arccos(np.clip(cosine, -1, 1))
    drowned = (apart < _AUREOLE_RAD) | ((frame.rgb.min(-1) >= _BURNT) & (apart < _GLARE_RAD))
    drowned &= surface == SurfaceClass.SKY
    surface[drowned], cloud[drowned] = SurfaceClass.GLARE, NOT_LABELLED
    return surface, cloud, bool(((apart < 0.02) & (mask != OTHER)).any())


def _light(
    elevation_deg: float, azimuth_deg: float, through: float, state: SkyState, character: CameraCharacter
) -> SkyLight:
    """Light of the sun as it comes through the layers in its direction; of lamps by night."""
    share = 0.03 if state.foggy else max(through, 0.03)
    dark = float(np.clip((2 - elevation_deg) / 10, 0, 1))
    lamp = character.lamp_colour
    colour = lamp[0], 0.5 * lamp[1] + 0.3, 0.6 * lamp[2] + 0.25
    glow = dark * character.city_glow * (1 + state.turbidity)
    return SkyLight(elevation_deg, azimuth_deg, share, glow, colour, character.tint)
