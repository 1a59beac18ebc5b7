"""What the satellite sees of the weather: CMA, CT and CTTH on the France window of SEVIRI."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from models.science.geometry import MSG_FRANCE, GeosGrid
from models.simulation.noise import FloatArray
from models.simulation.weather import RegionalWeather

CADENCE = np.timedelta64(15, "m")
SCAN_DELAY = np.timedelta64(665, "s")  # France is scanned 11 minutes after the nominal time; within 30 s
_TOWARDS_SATELLITE = 1.25  # metres of northward displacement per metre of cloud top, about that of 46 N
_KM_PER_DEGREE = 111.32
_SEA_LEVEL_K, _LAPSE_K_PER_M, _TROPOPAUSE_K = 286.0, 0.0065, 216.0

# Coarse outlines, (longitude, latitude); enough to tell land from sea pixel by pixel at demo accuracy.
_MAINLAND = [
    (-9.0, 43.3), (-1.8, 43.4), (-1.2, 44.6), (-1.2, 46.1), (-2.5, 47.3), (-4.7, 48.0), (-4.7, 48.5), (-1.6, 48.7),
    (-1.9, 49.7), (-1.2, 49.4), (0.2, 49.6), (1.6, 50.2), (1.7, 50.9), (4.0, 51.5), (5.0, 53.5), (12.0, 53.5),
    (12.0, 44.0), (10.2, 43.8), (8.7, 44.4), (7.5, 43.8), (6.2, 43.1), (4.8, 43.4), (3.1, 43.1), (3.2, 41.9),
    (0.5, 40.5), (-9.0, 40.5),
]  # fmt: skip
_BRITAIN = [
    (-5.8, 50.1),
    (-3.5, 50.3),
    (-1.0, 50.7),
    (1.4, 51.2),
    (1.7, 52.8),
    (-3.0, 53.5),
    (-5.2, 51.7),
    (-2.9, 51.3),
]
_CORSICA = [(8.6, 42.4), (9.4, 43.0), (9.5, 42.0), (9.2, 41.4), (8.7, 41.8)]
_SARDINIA = [(8.2, 40.9), (9.2, 41.25), (9.7, 40.5), (8.3, 40.4)]


@dataclass(frozen=True, eq=False)
class CloudScene:
    """The clouds of one slot where the satellite sees them: displaced northwards by their height.

    Attributes:
        weather: The weather that the cameras stand in.
        time: When the scene is scanned, UTC.
        grid: Where the pixels lie.
        cloudy: Cloud mask ``(lines, columns)``.
        cloud_type: NWC SAF codes, 1..15; 1 and 2 are cloud-free land and sea.
        top_m: Height of the cloud top; means nothing where there is no cloud.
        regime: Which clouds; see `models.simulation.weather.LocalWeather`.
        depth: How far inside a cloud mass a pixel lies, about 0..1.
    """

    weather: RegionalWeather
    time: np.datetime64
    grid: GeosGrid
    cloudy: NDArray[np.bool_]
    cloud_type: NDArray[np.uint8]
    top_m: FloatArray
    regime: FloatArray
    depth: FloatArray

    @property
    def top_k(self) -> FloatArray:
        """Temperature of the cloud top, K."""
        return np.asarray(np.maximum(_SEA_LEVEL_K - _LAPSE_K_PER_M * self.top_m, _TROPOPAUSE_K))

    def window(self, lines: slice, columns: slice) -> "CloudScene":
        """The part of this scene inside two slices."""
        cut = (lines, columns)
        return replace(
            self,
            grid=self.grid.window(lines, columns),
            cloudy=self.cloudy[cut],
            cloud_type=self.cloud_type[cut],
            top_m=self.top_m[cut],
            regime=self.regime[cut],
            depth=self.depth[cut],
        )


def satellite_slot(
    weather: RegionalWeather, nominal_time: np.datetime64, grid: GeosGrid = MSG_FRANCE
) -> dict[str, dict[str, NDArray[np.generic]]]:
    """The three products of one slot; see `cloud_products`.

    Args:
        weather: The weather that the cameras stand in.
        nominal_time: Nominal UTC time.
        grid: Window to fill.
    """
    return cloud_products(cloud_scene(weather, nominal_time, grid))


def cloud_scene(
    weather: RegionalWeather, nominal_time: np.datetime64, grid: GeosGrid = MSG_FRANCE
) -> CloudScene:
    """What stands where in one slot, no parallax corrected.

    Args:
        weather: The weather that the cameras stand in.
        nominal_time: Nominal UTC time.
        grid: Window to fill.
    """
    time = nominal_time.astype("datetime64[ns]") + SCAN_DELAY
    latitude, longitude = pixel_positions(grid)
    above = weather.cover(latitude, longitude, time), weather.regime(latitude, longitude, time)
    top = weather.top_height_m(*above, weather.mesoscale(latitude, longitude, time))
    below = latitude - _TOWARDS_SATELLITE * top / 1000 / _KM_PER_DEGREE
    cover, regime = weather.cover(below, longitude, time), weather.regime(below, longitude, time)
    mesoscale = weather.mesoscale(below, longitude, time)
    top = weather.top_height_m(cover, regime, mesoscale)
    fog = weather.fog(latitude, longitude, time) > 0.6
    cloudy = (mesoscale < cover) | fog
    top = np.where(fog & ~(mesoscale < cover), 300.0, top)
    depth = cover - mesoscale
    kind = _cloud_type(cloudy, top, regime, depth, land_mask(grid))
    return CloudScene(weather, time, grid, cloudy, kind, top, regime, depth)


def cloud_products(scene: CloudScene) -> dict[str, dict[str, NDArray[np.generic]]]:
    """What the cloud products make of a scene.

    Returns:
        Variables by product: CMA ``cma`` (0, 1), CT ``ct`` (1..15), CTTH ``ctth_alti`` (m), ``ctth_tempe`` (K),
        ``ctth_pres`` (Pa); all ``(lines, columns)``, quantities NaN where there is no cloud.
    """
    height = np.where(scene.cloudy, scene.top_m, np.nan)
    return {
        "CMA": {"cma": scene.cloudy.astype(np.uint8)},
        "CT": {"ct": scene.cloud_type},
        "CTTH": {
            "ctth_alti": height,
            "ctth_tempe": np.where(scene.cloudy, scene.top_k, np.nan),
            "ctth_pres": 101325.0 * (1 - 2.25577e-5 * height) ** 5.25588,
        },
    }


def _cloud_type(
    cloudy: NDArray[np.bool_],
    top_m: FloatArray,
    regime: FloatArray,
    depth: FloatArray,
    land: NDArray[np.bool_],
) -> NDArray[np.uint8]:
    """CT codes: 1, 2 free; 5..9 opaque by height; 10 fractional; 11..13 semi-transparent by thickness."""
    opaque = np.select([top_m < 1500, top_m < 3000, top_m < 6500, top_m < 9500], [5, 6, 7, 8], 9)
    thin = np.select([depth < 0.1, depth < 0.35], [11, 12], 13)
    cirrus = (regime > 0.6) & (regime < 0.82) & (top_m > 6500)
    kind = np.where(cirrus, thin, np.where((depth < 0.02) & (top_m < 3000), 10, opaque))
    return np.where(cloudy, kind, np.where(land, 1, 2)).astype(np.uint8)


@lru_cache(maxsize=4)
def pixel_positions(grid: GeosGrid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Latitude and longitude of the pixels, degrees; worked out once per grid."""
    return grid.pixel_positions()


@lru_cache(maxsize=4)
def land_mask(grid: GeosGrid) -> NDArray[np.bool_]:
    """Which pixels are land, from coarse outlines."""
    latitude, longitude = pixel_positions(grid)
    return np.asarray(
        np.logical_or.reduce(
            [_inside(o, longitude, latitude) for o in (_MAINLAND, _BRITAIN, _CORSICA, _SARDINIA)]
        )
    )


def _inside(
    outline: list[tuple[float, float]], x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Even-odd rule: a point is inside where a ray to the east crosses the outline an odd number of times."""
    inside = np.zeros(x.shape, np.bool_)
    for (x0, y0), (x1, y1) in zip(outline, outline[1:] + outline[:1], strict=True):
        if y0 != y1:
            crossed = ((y0 > y) != (y1 > y)) & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
            inside ^= crossed
    return inside
