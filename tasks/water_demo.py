"""A demo network for water levels: shores and rivers of known level, under light, weather and motion of their own.

Level, weather, light and motion of a camera are drawn independently, and frames are taken at odd times of the day over
weeks: neither the hour nor the brightness tells the level. Written as a folder that ``read_water_series`` reads.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.science.sun import sun_position
from models.simulation.network import Network, NetworkSpec, SimulatedCamera
from models.simulation.seeds import EVALUATION_SEEDS
from tasks.demo_files import csv_text, jpeg_bytes, write_whole
from tasks.errors import ConfigurationError
from tasks.water_series import COLUMNS, MANIFEST

WATER_FAMILIES = ("river_bank", "sea_shore")
_LOWEST_SUN_DEG = -3.0  # frames of the night are another question: nobody could label them


@dataclass(frozen=True)
class WaterDemo:
    """A network, entirely given by these numbers.

    Attributes:
        cameras: Rivers and shores in turn.
        frames: Of each camera, by day and at twilight.
        days: Over which they are spread.
        scale: Of the pictures, relative to about 640 x 480.
        seed: One of ``EVALUATION_SEEDS``.
    """

    cameras: int = 6
    frames: int = 60
    days: int = 24
    scale: float = 0.5
    seed: int = EVALUATION_SEEDS.start + 40

    def spec(self) -> NetworkSpec:
        """As the simulation takes it."""
        return NetworkSpec(
            cameras=self.cameras, days=self.days, seed=self.seed, scale=self.scale, families=WATER_FAMILIES
        )


CALIBRATION_NETWORK = WaterDemo(cameras=30, frames=30, seed=EVALUATION_SEEDS.start + 41)
"""Other cameras than the demo has and than figures are scored on."""


def write_water_demo(
    folder: Path, demo: WaterDemo | None = None, progress: Callable[[int, int], None] = lambda done, of: None
) -> Path:
    """Write pictures and, last, the manifest; pictures that are there already are kept.

    Args:
        folder: Gets ``manifest.csv`` and ``<camera>/<time>.jpg``.
        demo: The network.
        progress: Told how many pictures are done, and of how many.

    Returns:
        The folder.

    Raises:
        ConfigurationError: The folder holds another network.
    """
    demo = demo or WaterDemo()
    mark = folder / "network"
    if mark.exists() and mark.read_text(encoding="utf-8") != f"{demo}\n":
        raise ConfigurationError(folder, None, "holds another demo network", "give an empty folder")
    if (folder / MANIFEST).is_file():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(mark, f"{demo}\n".encode())
    network, rows = Network(demo.spec()), []
    for camera in network.cameras:
        for time in frame_times(network, camera, demo.frames):
            path = folder / camera.id / f"{str(time).replace(':', '')}.jpg"
            rows.append(_row(network, camera, time, path))
            progress(len(rows), demo.cameras * demo.frames)
    table = [[row.get(column, "") for column in (*COLUMNS, "site")] for row in rows]
    write_whole(folder / MANIFEST, csv_text([(*COLUMNS, "site"), *table]).encode())
    return folder


def frame_times(network: Network, camera: SimulatedCamera, count: int) -> list[np.datetime64]:
    """Minutes drawn from those at which there is light, in order ``(count,)``."""
    minutes = network.start.astype("datetime64[m]") + np.arange(0, network.spec.days * 1440, 7)
    lit = minutes[_lit(minutes, camera)]
    rng = np.random.default_rng([network.spec.seed, network.cameras.index(camera)])
    return list(np.sort(rng.choice(lit, min(count, lit.size), replace=False)))


def _lit(minutes: NDArray[np.datetime64], camera: SimulatedCamera) -> NDArray[np.bool_]:
    sun = [
        float(sun_position(m.astype("datetime64[ns]"), camera.latitude, camera.longitude)[0]) for m in minutes
    ]
    return np.array(sun) > _LOWEST_SUN_DEG


def _row(network: Network, camera: SimulatedCamera, time: np.datetime64, path: Path) -> dict[str, object]:
    scene = network.scene(camera, time.astype("datetime64[ns]"))
    if not path.is_file():
        path.parent.mkdir(exist_ok=True)
        frame = network.render_frame(camera, time.astype("datetime64[ns]"))
        write_whole(path, jpeg_bytes(frame.rgb, camera.character.jpeg_quality))
    return {
        "file": f"{camera.id}/{path.name}",
        "camera": camera.id,
        "time": str(time),
        "level": round(scene.water_level, 5),
        "unit": "of the scene",
        "site": camera.id,
    }
