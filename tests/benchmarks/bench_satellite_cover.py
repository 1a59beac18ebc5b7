"""Satellite cover against the clouds that stand over the disc, with and without moving them; simulated weather.

Run: ``python -m tests.benchmarks.bench_satellite_cover``.
"""

import numpy as np

from models.science.geometry import MSG_FRANCE
from models.science.parallax import true_position
from models.science.satellite_cover import cloud_fraction, disc_around, moved_cloud_fraction
from models.science.true_cover import shift_window
from models.simulation.network import Network, NetworkSpec
from models.simulation.satellite import CADENCE, SCAN_DELAY, satellite_slot
from models.simulation.weather import RegionalWeather

RADIUS_KM = 25.0
LAYER_M = 500.0


def exact_slot(weather: RegionalWeather, time: np.datetime64) -> tuple[np.ndarray, np.ndarray]:
    """Cloud mask and top heights as each line of sight meets the first cloud top on its way down."""
    latitude, longitude = MSG_FRANCE.pixel_positions()
    fog = weather.fog(latitude, longitude, time) > 0.6
    cloudy, height = np.zeros(MSG_FRANCE.shape, bool), np.where(fog, 300.0, np.nan)
    for layer in np.arange(12_500.0, 0.0, -LAYER_M):
        place = true_position(MSG_FRANCE, latitude, longitude, layer)
        cover, mesoscale = weather.cover(*place, time), weather.mesoscale(*place, time)
        top = weather.top_height_m(cover, weather.regime(*place, time), mesoscale)
        hit = (mesoscale < cover) & (np.abs(top - layer) <= LAYER_M / 2) & ~cloudy
        height[hit] = top[hit]
        cloudy |= hit
    return (cloudy | fog).astype(np.uint8), height


def compare(seed: int, exact: bool) -> np.ndarray:
    """Plain cover, moved cover, clouds over the disc, and the demo's truth: ``(cases, 4)``."""
    network = Network(NetworkSpec(cameras=12, days=2, seed=seed))
    weather, cases = network.weather, []
    for number in range(0, 192, 8):
        nominal = network.start + number * CADENCE
        time = nominal + SCAN_DELAY
        if exact:
            cma, height = exact_slot(weather, time)
        else:
            products = satellite_slot(weather, nominal)
            cma, height = products["CMA"]["cma"], products["CTTH"]["ctth_alti"]
        for camera in network.cameras:
            disc = disc_around(MSG_FRANCE, camera.latitude, camera.longitude, RADIUS_KM)
            window = shift_window(MSG_FRANCE, disc.lines, disc.columns)
            around = np.s_[None, window.lines, window.columns]
            plain = cloud_fraction(cma[None, disc.lines, disc.columns], disc)[0][0]
            moved = moved_cloud_fraction(cma[around], height[around], disc, window)[0][0]
            place = MSG_FRANCE.window(disc.lines, disc.columns).pixel_positions()
            stands = weather.mesoscale(*place, time) < weather.cover(*place, time)
            stands |= weather.fog(*place, time) > 0.6
            regional = weather.at(camera.latitude, camera.longitude, time).cover
            cases.append((plain, moved, stands[disc.inside].mean(), regional))
    return np.array(cases)


def main() -> None:
    """Two seeds, the demo's own satellite and one of exact geometry."""
    for what, exact in (("the demo's satellite", False), ("exact geometry", True)):
        for seed in (1, 2):
            cases = 8 * compare(seed, exact)
            for name, truth in (("clouds over the disc", cases[:, 2]), ("truth.csv", cases[:, 3])):
                plain, moved = (np.abs(cases[:, k] - truth).mean() for k in (0, 1))
                print(f"{what}, seed {seed}: {name}: as it appears {plain:.3f}, moved {moved:.3f} okta")


if __name__ == "__main__":
    main()
