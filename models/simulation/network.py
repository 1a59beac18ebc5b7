"""A network of simulated cameras: where they stand, what they look like, what they see and when."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property

import numpy as np

from models.science.sun import sun_position
from models.simulation.camera_effects import CameraCharacter
from models.simulation.frame import Frame, Scene
from models.simulation.motion import Motion, camera_motion
from models.simulation.render import render
from models.simulation.scenes import DEMO_FAMILIES, FAMILIES, TRAINING_FAMILIES
from models.simulation.seeds import check_purpose, generator, purpose_of
from models.simulation.sky import SkyLight
from models.simulation.view import View
from models.simulation.water import water_level
from models.simulation.weather import LocalWeather, RegionalWeather

# Latitude, longitude, altitude of the place (metres above the sea), by family of the demo.
_PLACES: dict[str, list[tuple[float, float, float]]] = {
    "river_bank": [
        (43.6000, 1.4390, 145.0),
        (47.2160, -1.5490, 12.0),
        (45.7580, 4.8330, 168.0),
        (44.8390, -0.5650, 6.0),
    ],
    "sea_shore": [
        (48.6490, -2.0260, 9.0),
        (43.4840, -1.5610, 14.0),
        (46.1470, -1.1680, 8.0),
        (50.8750, 1.5800, 11.0),
    ],
    "valley_village": [(45.9230, 6.8690, 1042.0), (42.8740, -0.0060, 923.0), (48.0400, 7.0150, 391.0)],
    "castle_hill": [(43.2060, 2.3640, 148.0), (47.3870, 0.6850, 60.0), (48.3850, -4.4860, 34.0)],
}
_SIZES = [(640, 480), (640, 480), (800, 450), (704, 528), (640, 360), (768, 576)]
_DAY = np.timedelta64(24, "h")
_RELIT_FROM = 1000  # scenes from this index on lend their weather and light to others


@dataclass(frozen=True)
class SimulatedCamera:
    """A camera of the network.

    Attributes:
        id: Matches ``[a-z0-9_-]+``.
        family: Scene family.
        latitude: Degrees north.
        longitude: Degrees east.
        altitude_m: Metres above the sea.
        views: Start of each epoch and the geometry from then on; the first starts before everything.
        character: How it renders light.
    """

    id: str
    family: str
    latitude: float
    longitude: float
    altitude_m: float
    views: tuple[tuple[np.datetime64, View], ...]
    character: CameraCharacter

    def view_at(self, time: np.datetime64) -> View:
        """Geometry at a time."""
        return [view for start, view in self.views if start <= time][-1]


@dataclass(frozen=True)
class NetworkSpec:
    """A network, entirely given by these numbers.

    Attributes:
        cameras: How many.
        days: How many days.
        seed: See `models.simulation.seeds`; the families must suit its purpose.
        start_date: First day (UTC).
        cadence_minutes: Time between frames.
        scale: Size of the pictures relative to about 640 x 480.
        families: Scene families, dealt out in turn.
    """

    cameras: int = 6
    days: int = 2
    seed: int = 1
    start_date: date = date(2025, 3, 29)
    cadence_minutes: int = 30
    scale: float = 1.0
    families: tuple[str, ...] = field(default=DEMO_FAMILIES)

    def __post_init__(self) -> None:
        purpose = purpose_of(self.seed)
        if purpose != "training" and set(self.families) & set(TRAINING_FAMILIES):
            raise ValueError(
                f"seed {self.seed} is kept for {purpose}: it cannot show families of the training"
            )
        if purpose == "training" and set(self.families) - set(TRAINING_FAMILIES):
            raise ValueError(f"seed {self.seed} is kept for training: it cannot show families of the demo")


class Network:
    """Cameras, frame times and frames of a spec.

    Args:
        spec: The network.
    """

    def __init__(self, spec: NetworkSpec) -> None:
        self.spec = spec
        self.weather = RegionalWeather(spec.seed)

    @property
    def start(self) -> np.datetime64:
        """First instant."""
        return np.datetime64(self.spec.start_date.isoformat(), "ns")

    @cached_property
    def cameras(self) -> tuple[SimulatedCamera, ...]:
        """All cameras, in order."""
        return tuple(self._camera(index) for index in range(self.spec.cameras))

    def _camera(self, index: int) -> SimulatedCamera:
        spec = self.spec
        family = FAMILIES[spec.families[index % len(spec.families)]]
        camera_id = f"{family.name.partition('_')[0]}{index + 1:03d}"
        rng = generator(spec.seed, "camera", camera_id)
        latitude, longitude, altitude = _place(family.name, index // len(spec.families), rng)
        width, height = _SIZES[index % len(_SIZES)]
        view = _view(rng, family.name, _scaled(width, spec.scale), _scaled(height, spec.scale))
        views: list[tuple[np.datetime64, View]] = [(np.datetime64("1970-01-01", "ns"), view)]
        if index == 1:  # the camera that is replaced by a larger one at noon of the middle of the run
            replaced = self.start + np.timedelta64(int(spec.days * 24) // 2, "h")
            larger = _scaled(round(width * 1.25), spec.scale), _scaled(round(height * 1.25), spec.scale)
            views.append((replaced, View(*larger, view.hfov_deg, view.azimuth_deg, view.horizon)))
        return SimulatedCamera(
            camera_id, family.name, latitude, longitude, altitude, tuple(views), CameraCharacter.draw(rng)
        )

    def frame_times(self, camera: SimulatedCamera) -> list[np.datetime64]:
        """When a camera takes its pictures: every cadence, with an offset of its own of a few minutes."""
        rng = generator(self.spec.seed, "offset", camera.id)
        offset = np.timedelta64(int(rng.integers(0, 300)), "s")
        step = np.timedelta64(self.spec.cadence_minutes, "m")
        count = int(self.spec.days * _DAY / step)
        return [self.start + offset + k * step for k in range(count)]

    def frames(self) -> Iterator[tuple[SimulatedCamera, np.datetime64, Frame]]:
        """Every frame of every camera."""
        for camera in self.cameras:
            for time in self.frame_times(camera):
                yield camera, time, self.render_frame(camera, time)

    def render_frame(self, camera: SimulatedCamera, time: np.datetime64) -> Frame:
        """One frame, determined by (spec's seed, camera, time)."""
        return render(self.scene(camera, time))

    def scene(self, camera: SimulatedCamera, time: np.datetime64) -> Scene:
        """What a camera sees at a time."""
        seed, place = self.spec.seed, (camera.latitude, camera.longitude)
        weather = self.weather.at(*place, time)
        shade = self.weather.mesoscale(np.array([place[0]]), np.array([place[1]]), time)
        elevation, azimuth = sun_position(time, *place)
        sun = float(elevation), float(azimuth)
        return Scene(
            seed=seed,
            camera_id=camera.id,
            family=camera.family,
            view=camera.view_at(time),
            place=place,
            character=camera.character,
            weather=weather,
            light=_light(sun, weather, float(shade[0]), camera.character),
            motion=camera_motion(seed, camera.id, self.start, self.spec.days, time),
            water_level=water_level(seed, camera.id, FAMILIES[camera.family].water, time),
            time=time,
            clock=_clock(time) if camera.character.has_clock else None,
        )


def training_scene(seed: int, index: int, width: int = 320) -> Scene:
    """A scene drawn at random from the training families: another place, camera, weather and hour every time.

    Args:
        seed: A training seed. Cloud patterns are shared by 25 indices, which saves most of the time.
        index: Which scene of this seed.
        width: Width of ordinary pictures; panoramas are wider.

    Raises:
        ValueError: The seed is not kept for training.
    """
    check_purpose(seed, "training")
    rng = generator(seed, "training", index)
    family = TRAINING_FAMILIES[int(rng.integers(len(TRAINING_FAMILIES)))]
    camera_id = f"t{index}"
    if FAMILIES[family].zenithal:
        size = width, int(width * rng.uniform(0.7, 1.0))
    elif FAMILIES[family].hfov_deg[0] > 120:
        size = 2 * width, int(2 * width * rng.uniform(0.1, 0.25))
    else:
        size = width, int(width * rng.uniform(0.56, 0.8))
    place = float(rng.uniform(42, 51)), float(rng.uniform(-4, 8))
    minute = int(rng.integers(0, 365 * 24 * 60))
    time = np.datetime64("2024-01-01", "ns") + np.timedelta64(minute, "m")
    if sun_position(time, *place)[0] < -5 and rng.random() < 0.75:  # fewer nights than nature has
        time = time + np.timedelta64(12, "h")
    elevation, azimuth = sun_position(time, *place)
    character, weather = _any_camera(rng), _any_weather(rng)
    view = _view(rng, family, *size)
    if elevation > 0 and rng.random() < 0.3:  # the sun in the picture, or near it
        view = replace(view, azimuth_deg=float(azimuth + rng.normal(0, 25)) % 360)
    return Scene(
        seed=seed + index // 25,
        camera_id=camera_id,
        family=family,
        view=view,
        place=place,
        character=character,
        weather=weather,
        light=_light((float(elevation), float(azimuth)), weather, float(rng.random()), character),
        motion=Motion(),
        water_level=float(rng.random()) if FAMILIES[family].water != "none" else float("nan"),
        time=time,
        clock=_clock(time) if rng.random() < 0.3 else None,
    )


def relit_scenes(seed: int, index: int, width: int = 640, count: int = 4) -> list[Scene]:
    """A training scene as its camera, which does not move, sees it at other times, in other weather and light.

    Args:
        seed: A training seed.
        index: Which scene of this seed.
        width: Width of the pictures.
        count: How many, the scene itself first.

    Returns:
        No scenes where the camera looks straight up or all around.

    Raises:
        ValueError: The seed is not kept for training.
    """
    scene = training_scene(seed, index, width)
    if scene.view.zenithal or scene.view.is_panorama:
        return []
    others = (training_scene(seed, _RELIT_FROM + count * index + k, width) for k in range(1, count))
    relit = [replace(scene, weather=o.weather, light=o.light, time=o.time, clock=o.clock) for o in others]
    return [scene, *relit]


def water_scenes(seed: int, index: int, width: int = 640, count: int = 4) -> list[Scene]:
    """Like ``relit_scenes``, each with a water level of its own, 0..1; no scenes where there is no water."""
    scenes = relit_scenes(seed, index, width, count)
    if not scenes or np.isnan(scenes[0].water_level):
        return []
    levels = generator(seed, "levels", index).random(len(scenes))
    return [replace(scene, water_level=float(level)) for scene, level in zip(scenes, levels, strict=True)]


def _any_camera(rng: np.random.Generator) -> CameraCharacter:
    """A camera at random; one in six burns the sky out."""
    character = CameraCharacter.draw(rng)
    if rng.random() < 1 / 6:
        return replace(character, exposure_bias_ev=float(rng.uniform(1.0, 1.9)))
    return character


def _any_weather(rng: np.random.Generator) -> LocalWeather:
    """Weather at random: skies that are hard to read, small heaps and thick haze, more often than nature has them."""
    kind, hard = rng.random(), rng.random()
    cover = 0.0 if kind < 0.18 else 1.0 if kind < 0.40 else float(rng.uniform(0.02, 0.98))
    regime, foggy = float(rng.random()), rng.random() < 0.04
    turbidity = float(rng.beta(1.3, 1.8))
    if hard < 0.2 and 0 < cover < 1:  # small heaps in a wide sky
        regime, cover = float(rng.uniform(0, 0.3)), float(rng.uniform(0.02, 0.45))
    elif hard > 0.75:
        turbidity = float(rng.uniform(0.6, 1.0))
    return LocalWeather(
        cover=1.0 if foggy else cover,
        regime=regime,
        top_height_m=3000.0,
        visibility_km=float(rng.uniform(0.3, 3)) if foggy else float(np.exp(rng.normal(3.3, 0.6))),
        rain=float(rng.random()) if cover == 1 and rng.random() < 0.25 else 0.0,
        turbidity=turbidity,
        wind_km_h=(float(rng.normal(20, 15)), float(rng.normal(0, 15))),
    )


def _light(
    sun: tuple[float, float], weather: LocalWeather, shade: float, character: CameraCharacter
) -> SkyLight:
    thin = 0.55 < weather.regime < 0.85
    hidden = weather.cover * (0.5 if thin else 0.95) if shade < weather.cover else 0.15 * weather.cover
    return SkyLight(*sun, 1 - hidden, *_glow(sun[0], weather, character), character.tint)


def _glow(
    elevation_deg: float, weather: LocalWeather, character: CameraCharacter
) -> tuple[float, tuple[float, float, float]]:
    dark = float(np.clip((2 - elevation_deg) / 10, 0, 1))
    colour = character.lamp_colour
    return dark * character.city_glow * (1 + weather.turbidity), (
        colour[0],
        0.5 * colour[1] + 0.3,
        0.6 * colour[2] + 0.25,
    )


def _view(rng: np.random.Generator, family: str, width: int, height: int) -> View:
    kind = FAMILIES[family]
    return View(
        width,
        height,
        float(rng.uniform(*kind.hfov_deg)),
        float(rng.uniform(0, 360)),
        float(rng.uniform(*kind.horizon)),
        kind.zenithal,
    )


def _place(family: str, turn: int, rng: np.random.Generator) -> tuple[float, float, float]:
    places = _PLACES.get(family, [(46.5, 2.5, 200.0)])
    latitude, longitude, altitude = places[turn % len(places)]
    if turn >= len(places):  # more cameras than places: they stand within 100 km
        latitude, longitude = latitude + rng.uniform(-0.6, 0.9), longitude + rng.uniform(-0.6, 0.9)
    return round(float(latitude), 4), round(float(longitude), 4), altitude


def _scaled(pixels: int, scale: float) -> int:
    return max(round(pixels * scale / 2) * 2, 16)


def _clock(time: np.datetime64) -> str:
    return str(time.astype("datetime64[s]")).replace("T", " ")
