"""What SEVIRI's channels show of the simulated weather: the clouds of `cloud_scene`, over a warm or cold ground.

Plausible, not radiative transfer. Thermal channels mix the temperatures of ground and cloud top by the cloud's
emissivity; a channel that sees little of the ground adds the temperature of the layer that it sees instead. Solar
channels: two-stream albedo of a cloud over its ground (Coakley and Chylek 1975), as level 1.5 gives it: not divided
by the cosine of the sun's zenith angle, so that night is 0 %.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from models.science.geometry import MSG_FRANCE, GeosGrid
from models.science.sun import sun_position
from models.simulation.noise import FloatArray, fractal_tile, sample_tile
from models.simulation.satellite import CloudScene, cloud_scene, land_mask, pixel_positions
from models.simulation.weather import RegionalWeather, plane_km

THERMAL_CHANNELS = ("IR_039", "WV_062", "WV_073", "IR_087", "IR_097", "IR_108", "IR_120", "IR_134")
SOLAR_CHANNELS = ("VIS006", "VIS008", "IR_016")
CHANNELS = (*SOLAR_CHANNELS, *THERMAL_CHANNELS)

_ASYMMETRY = 0.85  # of scattering in clouds
_ICE_BELOW_K = 250.0
# Albedo of land and of sea, and how much of a thick water cloud's and ice cloud's albedo the channel keeps.
_SURFACE = {"VIS006": (0.08, 0.04), "VIS008": (0.26, 0.025), "IR_016": (0.22, 0.01)}
_CLOUD = {"VIS006": (1.0, 1.0), "VIS008": (0.97, 0.96), "IR_016": (0.8, 0.35)}
_RAYLEIGH = {"VIS006": 0.03, "VIS008": 0.01, "IR_016": 0.0}
# Temperature of the air that the channel sees instead of the ground, and its share.
_OZONE, _CARBON_DIOXIDE = (232.0, 0.45), (238.0, 0.38)
# Clear-sky temperature of water vapour, and the height above which a cloud shows through it.
_VAPOUR = {"WV_062": (238.0, 7000.0), "WV_073": (256.0, 4200.0)}
_TEXTURE_KM = 900.0


def imager_slot(
    weather: RegionalWeather,
    nominal_time: np.datetime64,
    grid: GeosGrid = MSG_FRANCE,
    channels: Iterable[str] = CHANNELS,
) -> dict[str, FloatArray]:
    """Channels of one slot; see `imager_channels`.

    Args:
        weather: The weather that the cameras stand in.
        nominal_time: Nominal UTC time.
        grid: Window to fill; HRV wants its own, three times as fine.
        channels: Of `CHANNELS`, and HRV.
    """
    return imager_channels(cloud_scene(weather, nominal_time, grid), channels)


def imager_channels(scene: CloudScene, channels: Iterable[str] = CHANNELS) -> dict[str, FloatArray]:
    """Channels of a scene, in step with its cloud products: the same clouds in the same pixels.

    Args:
        scene: Clouds as the satellite sees them.
        channels: Of `CHANNELS`, and HRV.

    Returns:
        Per channel float32 ``(lines, columns)``: brightness temperature, K, or reflectance, %.

    Raises:
        ValueError: A channel is unknown.
    """
    wanted = tuple(channels)
    if unknown := set(wanted) - {*CHANNELS, "HRV"}:
        raise ValueError(f"{', '.join(sorted(unknown))}: not a channel of SEVIRI")
    sun = np.maximum(_sine_of_sun(scene), 0).astype(np.float32)
    values: dict[str, FloatArray] = {}
    if set(wanted) & set(THERMAL_CHANNELS):
        values = _thermal(scene, sun)
    solar = {*wanted} & {*SOLAR_CHANNELS} | ({"VIS006", "VIS008"} if "HRV" in wanted else set())
    if solar:
        albedo = _cloud_albedo(scene)
        values |= {channel: _reflectance(scene, channel, albedo, sun) for channel in solar}
    if "HRV" in wanted:
        values["HRV"] = 0.55 * values["VIS006"] + 0.45 * values["VIS008"]
    return {channel: np.asarray(values[channel], np.float32) for channel in wanted}


def _sine_of_sun(scene: CloudScene) -> NDArray[np.float64]:
    latitude, longitude = pixel_positions(scene.grid)
    elevation, _ = sun_position(scene.time, latitude, longitude)
    return np.asarray(np.sin(np.radians(elevation)))


def surface_temperature_k(scene: CloudScene) -> FloatArray:
    """Skin temperature below the clouds: land follows the season and the hour, the sea hardly.

    Returns:
        K, ``(lines, columns)``.
    """
    latitude, longitude = (a.astype(np.float32) for a in pixel_positions(scene.grid))
    time = scene.time.astype("datetime64[ns]")
    day = float((time - time.astype("datetime64[Y]")) / np.timedelta64(1, "D"))
    hour = (time - time.astype("datetime64[D]")) / np.timedelta64(1, "h")
    x, y = plane_km(latitude, longitude)
    tile = fractal_tile(scene.weather.seed, "surface", 1.5)
    texture = sample_tile(tile, x / _TEXTURE_KM, y / _TEXTURE_KM) - 0.5
    solar_hour = np.float32(hour) + longitude / 15
    # Clouds damp the daily wave: half of it is left below an overcast sky.
    wave = (8 - 4 * np.clip(scene.depth + 0.5, 0, 1)) * np.cos(2 * np.pi * (solar_hour - 14) / 24)
    north = latitude - 46
    land = 284.5 + 8 * np.cos(2 * np.pi * (day - 200) / 365.25) - 0.7 * north + wave + 4 * texture
    sea = 287.0 + 3 * np.cos(2 * np.pi * (day - 235) / 365.25) - 0.6 * north + texture
    return np.asarray(np.where(land_mask(scene.grid), land, sea), np.float32)


def _emissivity(scene: CloudScene) -> FloatArray:
    """1 for opaque clouds, 0 for none, in between for cirrus (by thickness) and broken clouds."""
    cirrus = np.interp(scene.depth, [0.0, 0.1, 0.35, 0.6], [0.3, 0.5, 0.8, 0.95])
    kind = scene.cloud_type
    partly = np.where(kind == 10, 0.5, np.where(kind >= 11, cirrus, 1.0))
    return np.asarray(np.where(scene.cloudy, partly, 0.0), np.float32)


def _thermal(scene: CloudScene, sun: FloatArray) -> dict[str, FloatArray]:
    emissivity = _emissivity(scene)
    clear, thin = 1 - emissivity, 4 * emissivity * (1 - emissivity)
    top = scene.top_k.astype(np.float32)
    ground = surface_temperature_k(scene)
    window = emissivity * top + clear * (ground - 1)
    ice = scene.cloudy & (top < _ICE_BELOW_K)
    values = {
        "IR_108": window,
        "IR_120": window - 0.8 * clear - 2.5 * thin,
        "IR_087": window - 1.5 * clear + np.where(ice, 1.0, -1.0) * thin,
        "IR_097": _seen_through(window, *_OZONE),
        "IR_134": _seen_through(window, *_CARBON_DIOXIDE),
        "IR_039": window + _short_wave_k(scene, emissivity, ice, sun),
    }
    for channel, (vapour_k, height_m) in _VAPOUR.items():
        shown = emissivity / (1 + np.exp((height_m - scene.top_m.astype(np.float32)) / 1200))
        air = vapour_k + 8 * (0.5 - scene.regime)  # moister, so higher and colder, where rain clouds are
        values[channel] = (1 - shown) * air + shown * (top + 1)
    return values


def _seen_through(window: FloatArray, air_k: float, share: float) -> FloatArray:
    return (1 - share) * window + share * air_k


def _short_wave_k(
    scene: CloudScene, emissivity: FloatArray, ice: NDArray[np.bool_], sun: FloatArray
) -> FloatArray:
    """What 3.9 um shows beyond 10.8 um: sunlight by day; water clouds a little colder by night."""
    land = land_mask(scene.grid)
    ground = np.where(land, 6.0, 1.5) * sun
    cloud = np.where(ice, 9.0, 24.0) * sun - np.where(ice | (sun > 0), 0.0, 3.0)
    return np.asarray(emissivity * cloud + (1 - emissivity) * ground, np.float32)


def _cloud_albedo(scene: CloudScene) -> FloatArray:
    """Two-stream albedo from an optical thickness: thin cirrus below 1, rain clouds about 60."""
    opaque = np.interp(scene.regime, [0.0, 0.35, 0.55, 0.7, 0.85, 1.0], [10, 16, 20, 12, 45, 70])
    cirrus = np.interp(scene.depth, [0.0, 0.1, 0.35, 0.6], [0.5, 1.5, 5.0, 9.0])
    thick = np.where(scene.cloud_type >= 11, cirrus, opaque * np.clip(0.35 + 1.3 * scene.depth, 0.35, 1.3))
    thick = np.where(scene.cloud_type == 10, 2.0, thick)
    thick = np.where(scene.top_m < 400, 15.0, thick)  # fog
    back = (1 - _ASYMMETRY) * np.where(scene.cloudy, thick, 0.0)
    return np.asarray(back / (2 + back), np.float32)


def _reflectance(scene: CloudScene, channel: str, albedo: FloatArray, sun: FloatArray) -> FloatArray:
    ground = np.where(land_mask(scene.grid), *map(np.float32, _SURFACE[channel]))
    water, frozen = _CLOUD[channel]
    cloud = albedo * np.where(scene.top_k < _ICE_BELOW_K, np.float32(frozen), np.float32(water))
    both = cloud + (1 - cloud) ** 2 * ground / (1 - cloud * ground)
    return np.asarray(100 * (both + _RAYLEIGH[channel]) * sun, np.float32)
