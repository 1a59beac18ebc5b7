"""Weather over France: a moving cloud field that the cameras and the satellite share.

Everything is a function of (seed, place, time). Distances are kilometres on a local plane.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.simulation.noise import FloatArray, fractal_tile, sample_tile
from models.simulation.seeds import generator

ORIGIN_LATITUDE, ORIGIN_LONGITUDE = 46.5, 2.5
_KM_PER_DEGREE = 111.32
_EPOCH = np.datetime64("2000-01-01", "ns")
_SYNOPTIC_KM = 1900.0  # period of the tile that decides clear from overcast
_MESO_KM = 900.0  # period of the tile that places single cloud masses
_LIFETIME_H = 16.0  # time in which one synoptic pattern gives way to the next

Array = NDArray[np.floating] | np.float64


@dataclass(frozen=True)
class LocalWeather:
    """Weather at one place and time.

    Attributes:
        cover: Cloud cover, 0..1, of the surroundings (about 25 km).
        regime: 0..1: which clouds: below 0.4 low heaps, to 0.6 sheets, to 0.8 cirrus, above rain clouds.
        top_height_m: Height of the cloud tops above the sea.
        visibility_km: Horizontal visibility.
        rain: Rain intensity, 0..1.
        turbidity: Haze of the day, 0 (polar air) .. 1.
        wind_km_h: Eastward and northward motion of the clouds.
    """

    cover: float
    regime: float
    top_height_m: float
    visibility_km: float
    rain: float
    turbidity: float
    wind_km_h: tuple[float, float]

    @property
    def name(self) -> str:
        """One of clear, cloudy, overcast, rain, fog."""
        if self.visibility_km < 1:
            return "fog"
        if self.rain > 0:
            return "rain"
        return "overcast" if self.cover > 0.9 else "clear" if self.cover < 0.1 else "cloudy"


class RegionalWeather:
    """The cloud field of one seed.

    Args:
        seed: Seed of the network.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        rng = generator(seed, "wind")
        speed, heading = rng.uniform(20, 55), np.radians(rng.uniform(20, 160))
        self.wind_km_h = (float(speed * np.sin(heading)), float(speed * np.cos(heading)))

    def _drifting(
        self, name: str, period_km: float, slope: float, x: Array, y: Array, hours: float
    ) -> FloatArray:
        """Sample a tile that moves with the wind, its pattern replaced every ``_LIFETIME_H``."""
        step = int(np.floor(hours / _LIFETIME_H))
        weight = hours / _LIFETIME_H - step
        u = (x - self.wind_km_h[0] * hours) / period_km
        v = (y - self.wind_km_h[1] * hours) / period_km
        now = sample_tile(fractal_tile(self.seed, f"{name}{step}", slope), u, v)
        then = sample_tile(fractal_tile(self.seed, f"{name}{step + 1}", slope), u, v)
        return _uniform_mix(now, then, weight)

    def cover(self, latitude: Array, longitude: Array, time: np.datetime64) -> FloatArray:
        """Cloud cover of the surroundings of each place, 0..1; a quarter of the region is clear, a quarter overcast."""
        x, y = plane_km(latitude, longitude)
        synoptic = self._drifting("synoptic", _SYNOPTIC_KM, 2.2, x, y, hours_since_epoch(time))
        return np.asarray(np.clip((synoptic - 0.25) / 0.5, 0, 1), np.float32)

    def regime(self, latitude: Array, longitude: Array, time: np.datetime64) -> FloatArray:
        """Which clouds stand at each place, 0..1; see `LocalWeather`."""
        x, y = plane_km(latitude, longitude)
        return np.clip(self._drifting("regime", _SYNOPTIC_KM, 2.6, x, y, hours_since_epoch(time)), 0, 1)

    def mesoscale(self, latitude: Array, longitude: Array, time: np.datetime64) -> FloatArray:
        """Noise of 2 to 50 km, spread over [0, 1], that places the single cloud masses."""
        x, y = plane_km(latitude, longitude)
        return np.clip(self._drifting("mesoscale", _MESO_KM, 1.5, x, y, hours_since_epoch(time)), 0, 1)

    def fog(self, latitude: Array, longitude: Array, time: np.datetime64) -> FloatArray:
        """Fog intensity, 0..1: patches of 100 km, at their thickest at 5 h and gone by 10 h local solar time."""
        x, y = plane_km(latitude, longitude)
        hours = hours_since_epoch(time)
        patch = sample_tile(fractal_tile(self.seed, f"fog{int(hours // 24)}", 2.0), x / 1500, y / 1500)
        solar_hour = (hours + longitude / 15) % 24
        daily = np.clip(1 - np.abs(solar_hour - 5) / 4.5, 0, 1)
        return np.asarray(np.clip((patch - 0.8) / 0.1, 0, 1) * daily, np.float32)

    def top_height_m(self, cover: Array, regime: Array, mesoscale: Array) -> FloatArray:
        """Cloud top height from what stands there: 1.2 km for low heaps to 11 km for rain clouds."""
        anchors = np.interp(regime, [0.0, 0.35, 0.55, 0.7, 0.85, 1.0], [1200, 2200, 5000, 9500, 9000, 11500])
        return np.asarray(anchors * (0.85 + 0.3 * (1 - mesoscale)) * (0.8 + 0.2 * cover), np.float32)

    def at(self, latitude: float, longitude: float, time: np.datetime64) -> LocalWeather:
        """The weather at one place."""
        place = np.array([latitude]), np.array([longitude])
        cover, regime = self.cover(*place, time), self.regime(*place, time)
        fog = float(self.fog(*place, time)[0])
        raining = np.clip((cover - 0.85) / 0.15, 0, 1) * np.clip((regime - 0.72) / 0.15, 0, 1)
        rain = float(raining[0])
        day = int(hours_since_epoch(time) // 24)
        turbidity = float(generator(self.seed, "turbidity", day).beta(1.5, 2.5))
        visibility = float((45 - 30 * turbidity) * (1 - 0.8 * rain) * np.exp(-5.2 * fog))
        top = self.top_height_m(cover, regime, self.mesoscale(*place, time))
        return LocalWeather(
            cover=max(float(cover[0]), 1.0 if fog > 0.6 else 0.0),
            regime=float(regime[0]),
            top_height_m=float(top[0]),
            visibility_km=visibility,
            rain=rain,
            turbidity=turbidity,
            wind_km_h=self.wind_km_h,
        )


def plane_km(latitude: Array, longitude: Array) -> tuple[Array, Array]:
    """Kilometres east and north of the origin, on a plane true to scale at 46.5 N."""
    shrink = np.cos(np.radians(ORIGIN_LATITUDE))
    return (
        (longitude - ORIGIN_LONGITUDE) * _KM_PER_DEGREE * shrink,
        (latitude - ORIGIN_LATITUDE) * _KM_PER_DEGREE,
    )


def hours_since_epoch(time: np.datetime64) -> float:
    """Hours since 2000-01-01."""
    return float((time.astype("datetime64[ns]") - _EPOCH) / np.timedelta64(1, "h"))


def _uniform_mix(first: FloatArray, second: FloatArray, weight: float) -> FloatArray:
    """Mix two fields spread evenly over [0, 1] into one that is spread evenly too.

    The weighted sum of two uniform variables has a trapezoidal density; its distribution function undoes that.
    """
    large, small = max(weight, 1 - weight), min(weight, 1 - weight)
    mixed = first * (1 - weight) + second * weight
    if small < 1e-6:
        return mixed
    rising = mixed**2 / (2 * large * small)
    falling = 1 - (1 - mixed) ** 2 / (2 * large * small)
    level = (mixed - small / 2) / large
    spread = np.where(mixed < small, rising, np.where(mixed > large, falling, level))
    return np.asarray(spread, np.float32)
