"""How the constants of `models.simulation.satellite_error` were fitted to real pairs, and what they reach.

Run: ``python -m tests.benchmarks.fit_satellite_error [modis_cam.csv] [--search]``; without the file the frozen figures
of the real pairs stand in for it. The file's columns: date, two times, share of a 3 x 3 neighbourhood that MODIS calls
cloud, share of a fisheye camera's sky that is cloud. A simulated pair is the cloudy share of the pixels within 25 km,
as the nights have it, and the cover of the dome, which is what a fisheye camera sees. Skies are weighted until the
camera's covers are distributed as in the file.
"""

import csv
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.science.geometry import MSG_FRANCE
from models.science.satellite_cover import cloud_fraction, disc_around
from models.simulation.cloud_layers import dome_clouds
from models.simulation.layer_satellite import SatelliteView, satellite_planes
from models.simulation.layer_weather import sky_state
from models.simulation.satellite_error import (
    NO_ERROR,
    REAL_BIAS_OKTAS,
    REAL_CAMERA_TENTHS,
    REAL_CORRELATION,
    REAL_PAIRS,
    REAL_SATELLITE_SPREAD_OKTAS,
    REAL_WHOLLY_CLOUDY,
    SatelliteError,
)
from models.simulation.seeds import TRAINING_SEEDS
from models.simulation.sky_moments import sky_camera

RADIUS_KM = 25.0
_SEED = TRAINING_SEEDS.start + 990


@dataclass(frozen=True)
class Agreement:
    """How satellite and camera agree.

    Attributes:
        correlation: Of the covers.
        bias_oktas: Satellite minus camera.
        wholly_cloudy: Share of pairs in which the satellite sees no gap.
        spread_oktas: Standard deviation of the satellite's covers.
    """

    correlation: float
    bias_oktas: float
    wholly_cloudy: float
    spread_oktas: float


REAL = Agreement(REAL_CORRELATION, REAL_BIAS_OKTAS, REAL_WHOLLY_CLOUDY, REAL_SATELLITE_SPREAD_OKTAS)


def agreement(satellite: np.ndarray, camera: np.ndarray, weight: np.ndarray) -> Agreement:
    """Of pairs with weights."""
    share = weight / weight.sum()
    s, c = satellite - (share * satellite).sum(), camera - (share * camera).sum()
    spread = np.sqrt((share * s**2).sum())
    r = (share * s * c).sum() / (spread * np.sqrt((share * c**2).sum()))
    bias = 8 * (share * (satellite - camera)).sum()
    return Agreement(float(r), float(bias), float((share * (satellite > 0.999)).sum()), float(8 * spread))


def like_the_camera(camera: np.ndarray) -> np.ndarray:
    """Weights under which covers are distributed over the tenths as the real camera's."""
    tenth = np.minimum((10 * camera).astype(int), 9)
    here = np.bincount(tenth, minlength=10)
    return (np.array(REAL_CAMERA_TENTHS) / np.maximum(here, 1))[tenth]


def simulated_pairs(error: SatelliteError, count: int, seed: int = _SEED) -> tuple[np.ndarray, np.ndarray]:
    """Covers of satellite and camera at moments of daylight over many places; skies without a gap left out.

    The file has no picture of more than 0.972: such skies, which are most of the simulated ones, weigh nothing.
    """
    satellite, seen = [], []
    start = np.datetime64("2024-01-01T11:55:00", "ns")
    index = 0
    while len(seen) < count:
        camera = sky_camera(seed, index % 25, 192, 144)
        time = start + np.timedelta64(24 * (index // 25) + index % 3, "h")
        index += 1
        state = sky_state(seed, camera.id, time)
        cover = float(dome_clouds(state.layers).any(0).mean()) if state.layers else 0.0
        if state.foggy or cover > 0.98:
            continue
        disc = disc_around(MSG_FRANCE, *camera.place, RADIUS_KM)
        if disc is None:
            continue
        window = MSG_FRANCE.window(disc.lines, disc.columns)
        view = SatelliteView(seed, f"{camera.id} {time}", camera.place, camera.altitude_m, window, error)
        cma = satellite_planes(view, state, time, 0.0)["cma"].astype(np.uint8)
        satellite.append(float(cloud_fraction(cma, disc)[0]))
        seen.append(cover)
    return np.array(satellite), np.array(seen)


def real_pairs(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Covers of MODIS and of the camera."""
    with path.open(newline="") as lines:
        rows = list(csv.reader(lines))[1:]
    values = np.array([[float(row[3]), float(row[4])] for row in rows])
    return values[:, 0], values[:, 1]


def sampling_error(agreed: Agreement, pairs: int = REAL_PAIRS) -> Agreement:
    """Standard errors of the real figures: Fisher's of r, of a mean, of a share and of a standard deviation."""
    difference = np.sqrt(
        agreed.spread_oktas**2 + 1.59**2 - 2 * agreed.correlation * agreed.spread_oktas * 1.59
    )
    share = agreed.wholly_cloudy
    return Agreement(
        float((1 - agreed.correlation**2) / np.sqrt(pairs - 3)),
        float(difference / np.sqrt(pairs)),
        float(np.sqrt(share * (1 - share) / pairs)),
        float(agreed.spread_oktas / np.sqrt(2 * pairs)),
    )


def _search(count: int) -> None:
    for period in (600.0, 1500.0, 3000.0):
        for false in (0.4, 0.55, 0.7, 0.77, 0.8, 0.9):
            for missed in (0.0, 0.03, 0.04, 0.05, 0.1):
                satellite, camera = simulated_pairs(SatelliteError(false, missed, period), count)
                print(period, false, missed, agreement(satellite, camera, like_the_camera(camera)))


def main(arguments: list[str]) -> None:
    """Print real and simulated figures."""
    paths = [Path(a) for a in arguments if not a.startswith("--")]
    if paths and paths[0].is_file():
        satellite, camera = real_pairs(paths[0])
        print("real", len(camera), agreement(satellite, camera, np.ones(len(camera))))
    print("real, frozen", REAL, "+-", sampling_error(REAL))
    for name, error in (("no error", NO_ERROR), ("frozen", SatelliteError())):
        satellite, camera = simulated_pairs(error, 1500)
        print(name, error, agreement(satellite, camera, like_the_camera(camera)))
    if "--search" in arguments:
        _search(400)


if __name__ == "__main__":
    main(sys.argv[1:])
