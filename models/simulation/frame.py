"""What goes into a frame and what comes out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.simulation.camera_effects import CameraCharacter
from models.simulation.cloud_layers import CloudLayer
from models.simulation.motion import Motion
from models.simulation.sky import SkyLight
from models.simulation.view import View
from models.simulation.weather import LocalWeather

NO_SKY = -1  # okta of a picture without open sky


@dataclass(frozen=True)
class Scene:
    """Everything that a frame is made from.

    Attributes:
        seed: Seed of the network.
        camera_id: Camera.
        family: Scene family.
        view: Camera geometry at the size of this frame.
        place: Latitude and longitude.
        character: The camera's rendering.
        weather: Weather at the place and time.
        light: What lights it.
        motion: How far the camera has moved.
        water_level: 0..1, NaN without water.
        time: UTC.
        clock: Text of the overlay, or ``None``.
        layers: Clouds by layer, from the highest base down; ``None`` where the weather's cover and regime say it.
    """

    seed: int
    camera_id: str
    family: str
    view: View
    place: tuple[float, float]
    character: CameraCharacter
    weather: LocalWeather
    light: SkyLight
    motion: Motion
    water_level: float
    time: np.datetime64
    clock: str | None
    layers: tuple[CloudLayer, ...] | None = None


@dataclass(frozen=True)
class Truth:
    """What is known of a frame.

    Attributes:
        cover: Cloud pixels over sky pixels of the mask; NaN where no sky is open.
        okta: WMO 2700 code of it: 0..8, 9 in fog, -1 where no sky is open.
        water_level: 0..1, NaN without water.
        motion: Motion since the start of the run, pixels of this frame.
        weather: clear, cloudy, overcast, rain or fog.
        light: day, twilight or night.
    """

    cover: float
    okta: int
    water_level: float
    motion: Motion
    weather: str
    light: str


@dataclass(frozen=True)
class Frame:
    """A rendered frame.

    Attributes:
        rgb: ``(h, w, 3)`` uint8.
        mask: ``(h, w)`` uint8: 0 other, 1 sky, 2 cloud, without overlays and drops.
        truth: See `Truth`.
        water: ``MaskCode`` ``(h, w)`` uint8: dry, water, or not labelled where fog hides the ground.
        opacity: Of the clouds in front of the clear sky, ``(h, w)``; of scenes with layers alone.
    """

    rgb: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    truth: Truth
    water: NDArray[np.uint8]
    opacity: NDArray[np.float32] | None = None
