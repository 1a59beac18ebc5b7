"""What a geostationary satellite sees of layers of cloud: the highest first, in coarse pixels.

Patches are cut around the camera's own pixel and no parallax is corrected, as the nights have them: a cloud appears
north of its true place by 1.25 times the height of its top above the ground. Pixels are sampled at nine points; thin
high cloud above lower cloud is CT 14, pixels that are partly cloudy are CT 10. False cloud is that of another sky, an
overcast one, seen in the same way, so that nothing but the rest of the patch tells it from true cloud; missed cloud
shows the ground as a clear pixel does.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from models.contracts.cloud_labels import GENERA
from models.contracts.sky_batch import SATELLITE_FEATURES
from models.science.geometry import GeosGrid
from models.science.satellite_features import LEAST_SUN_DEG
from models.science.sun import sun_position
from models.simulation import sky
from models.simulation.cloud_layers import CloudLayer, layer_density
from models.simulation.imager import imager_channels
from models.simulation.layer_weather import KINDS, SkyState, overcast_layers
from models.simulation.noise import FloatArray
from models.simulation.satellite import CloudScene, cloud_products, land_mask
from models.simulation.satellite_error import SatelliteError
from models.simulation.seeds import generator
from models.simulation.weather import RegionalWeather, plane_km

CLOUDY_FRACTION, TOP_FRACTION, FULL_FRACTION = 0.25, 0.35, 0.6
"""Of a pixel: to be cloudy, to give it a layer's top, and not to be fractional."""
_FRACTIONAL, _ABOVE_LOWER = 10, 14
_OPAQUE_TOPS_M, _OPAQUE_TYPES = (1500.0, 3000.0, 6500.0, 9500.0), (5, 6, 7, 8, 9)  # above the sea
_THIN_OPACITY, _THIN_TYPES, _THIN_DEPTH = (0.25, 0.45), (11, 12, 13), (0.05, 0.2, 0.5)
_THIN_GENERA = frozenset({"Ci", "Cc", "Cs"})
_FOG_TOP_M, _FOG_TYPE = 200.0, 5
_PER_HEIGHT = 1.25  # parallax in metres per metre of top height, about that of 46 N
_HEIGHT_ERROR, _MOST_LAYERS = 0.12, 3
_CLEAR_REGIME = 0.3  # means nothing: no channel shows it


@dataclass(frozen=True)
class SatelliteView:
    """From where and with what errors the satellite looks at a place.

    Attributes:
        seed: Of the weather.
        name: Of the moment: its errors are drawn by it.
        place: Latitude and longitude.
        altitude_m: Of the ground.
        window: Pixels to fill.
        error: How wrong it is.
    """

    seed: int
    name: str
    place: tuple[float, float]
    altitude_m: float
    window: GeosGrid
    error: SatelliteError


def satellite_planes(
    view: SatelliteView, state: SkyState, time: np.datetime64, lag_h: float
) -> dict[str, FloatArray]:
    """Planes of ``SATELLITE_FEATURES`` at one scan, ``(lines, columns)``; quantities NaN where there is none.

    Args:
        view: The satellite's.
        state: What stands over the place at the moment.
        time: Of the scan, UTC.
        lag_h: The same in hours after the moment.
    """
    scene = layer_scene(view, state, time, lag_h)
    products = cloud_products(scene)
    planes: dict[str, FloatArray] = {
        "cma": products["CMA"]["cma"].astype(np.float32),
        "ct": products["CT"]["ct"].astype(np.float32),
        "ctth_alti": products["CTTH"]["ctth_alti"].astype(np.float32),
    }
    planes |= imager_channels(scene, ("IR_108", "IR_120", "VIS006"))
    moment = time - np.timedelta64(round(3600 * lag_h), "s")
    if (
        sun_position(moment, *view.place)[0] < LEAST_SUN_DEG
    ):  # the moment's sun, as `satellite_features` has it
        planes["VIS006"] = np.full(scene.cloudy.shape, np.nan, np.float32)
    return {name: planes[name] for name in SATELLITE_FEATURES}


def layer_scene(view: SatelliteView, state: SkyState, time: np.datetime64, lag_h: float) -> CloudScene:
    """What the satellite makes of the layers at one scan; see `satellite_planes`."""
    rng = generator(view.seed, "satellite", view.name)
    wrong = rng.normal(0, _HEIGHT_ERROR, _MOST_LAYERS)
    origin = float(rng.random()), float(rng.random())
    east, north = _points_km(view.window, view.place)
    like, cloudy = _tops(state.layers, view, east, north, wrong, lag_h)
    if state.foggy:
        like[~cloudy] = (_FOG_TYPE, view.altitude_m + _FOG_TOP_M, 0.5, _CLEAR_REGIME)
        cloudy = np.ones_like(cloudy)
    false, missed = view.error.fields(view.seed, origin, east.mean(-1), north.mean(-1), lag_h)
    false &= ~cloudy
    if false.any():
        rng = generator(view.seed, "phantom errors", view.name)
        phantom = overcast_layers(view.seed, view.name)
        wrong = rng.normal(0, _HEIGHT_ERROR, _MOST_LAYERS)
        like[false] = _tops(phantom, view, east, north, wrong, lag_h)[0][false]
    cloudy = (cloudy | false) & ~missed
    like[~cloudy] = (0, 0, 0, _CLEAR_REGIME)
    kind, (top, depth, regime) = like[..., 0].astype(np.uint8), np.moveaxis(like[..., 1:], -1, 0)
    kind = np.where(cloudy, kind, np.where(land_mask(view.window), 1, 2)).astype(np.uint8)
    weather = RegionalWeather(view.seed)
    return CloudScene(weather, time, view.window, cloudy, kind, top, regime, depth)


def _tops(
    layers: tuple[CloudLayer, ...],
    view: SatelliteView,
    east: FloatArray,
    north: FloatArray,
    wrong: NDArray[np.floating],
    lag_h: float,
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """What tops each pixel: type, top in m above the sea, depth and regime ``(lines, columns, 4)``, and where is cloud.

    Args:
        layers: From the highest base down.
        view: The satellite's.
        east: Of the points of the pixels, km ``(lines, columns, points)``.
        north: Same shape.
        wrong: Error of each layer's top height, as a share of it.
        lag_h: Of the scan after the moment.
    """
    kind, like = np.zeros(east.shape[:2], np.uint8), np.zeros((*east.shape[:2], 4), np.float32)
    like[..., 3] = _CLEAR_REGIME
    clouds = [
        _layer_in_pixels(layer, east, north - _PER_HEIGHT * layer.top_m / 1000, lag_h) for layer in layers
    ]
    any_cloud = np.any([cloud for cloud, _ in clouds], axis=0) if clouds else np.zeros(east.shape, np.bool_)
    fraction = any_cloud.mean(-1)
    cloudy = fraction >= CLOUDY_FRACTION
    by_top = sorted(range(len(clouds)), key=lambda place: -layers[place].top_m)
    for rank, place in enumerate(by_top):
        layer, (cloud, opacity) = layers[place], clouds[place]
        share = cloud.mean(-1)
        lower = [clouds[other][0] for other in by_top[rank + 1 :]]
        types, depths = _types(layer, view.altitude_m, share, opacity, lower)
        last = place == by_top[-1]
        fresh = (kind == 0) & cloudy & ((share >= TOP_FRACTION) | last)
        partly = fresh & (fraction < FULL_FRACTION) & (layer.top_m + view.altitude_m < 3000)
        kind[fresh] = np.where(partly, _FRACTIONAL, types)[fresh]
        like[fresh, 1] = view.altitude_m + layer.top_m * (1 + wrong[place])
        like[fresh, 2], like[fresh, 3] = depths[fresh], KINDS[GENERA[layer.genus]].regime
    like[..., 0] = kind
    return like, cloudy


def _layer_in_pixels(
    layer: CloudLayer, east: FloatArray, north: FloatArray, lag_h: float
) -> tuple[NDArray[np.bool_], FloatArray]:
    """Where a layer has cloud, ``(lines, columns, points)``, and its opacity there."""
    density = layer_density(layer, east, north, lag_h)
    return density > layer.threshold, sky.cloud_opacity(density, layer.threshold, layer.look)


def _types(
    layer: CloudLayer,
    altitude_m: float,
    share: FloatArray,
    opacity: FloatArray,
    lower: list[NDArray[np.bool_]],
) -> tuple[NDArray[np.uint8], FloatArray]:
    """CT of the pixels that a layer tops, and how deep the cloud is, 0..1."""
    if GENERA[layer.genus] not in _THIN_GENERA:
        code = _OPAQUE_TYPES[int(np.searchsorted(_OPAQUE_TOPS_M, layer.top_m + altitude_m, side="right"))]
        return np.full(share.shape, code, np.uint8), np.asarray(0.2 + 0.5 * share, np.float32)
    thickness = np.searchsorted(_THIN_OPACITY, opacity.mean(-1), side="right")
    types, depths = np.array(_THIN_TYPES, np.uint8)[thickness], np.array(_THIN_DEPTH, np.float32)[thickness]
    if lower:
        above = np.any(lower, axis=0).mean(-1) >= 0.5
        types, depths = np.where(above, _ABOVE_LOWER, types), np.where(above, np.float32(0.45), depths)
    return types.astype(np.uint8), depths


@lru_cache(maxsize=8)
def _points_km(window: GeosGrid, place: tuple[float, float]) -> tuple[FloatArray, FloatArray]:
    """Nine points of every pixel, kilometres east and north of a place, ``(lines, columns, 9)``."""
    latitude, longitude = window.pixel_positions()
    x, y = plane_km(latitude, longitude)
    x0, y0 = plane_km(np.float64(place[0]), np.float64(place[1]))
    east, north = np.asarray(x - x0), np.asarray(y - y0)
    wide, tall = np.gradient(east, axis=1), np.gradient(north, axis=0)
    across, along = np.meshgrid([-1 / 3, 0, 1 / 3], [-1 / 3, 0, 1 / 3])
    return (
        (east[..., None] + wide[..., None] * across.ravel()).astype(np.float32),
        (north[..., None] + tall[..., None] * along.ravel()).astype(np.float32),
    )


def patch_window(grid: GeosGrid, place: tuple[float, float], side: int) -> GeosGrid | None:
    """``side`` by ``side`` pixels with a place in the middle one; ``None`` where the grid does not hold them."""
    pixel = grid.pixel_at(*place)
    if pixel is None:
        return None
    reach = side // 2
    lines, columns = (slice(centre - reach, centre + reach + 1) for centre in pixel)
    held = (
        lines.start >= 0 and columns.start >= 0 and lines.stop <= grid.lines and columns.stop <= grid.columns
    )
    return grid.window(lines, columns) if held else None
