"""Time of a night's water levels: 500 cameras of 24 images on 2 cores, from a sample of decoded files.

Decoding, the ensemble, the site and the levels are timed on one core, image by image; a night works with one process
per core, so that two cores take half. Reading the disk, the drift and the store are not part of it.

Run: python -m tests.benchmarks.bench_water_speed [images] [folder of pictures]
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from models.simulation.network import Network, NetworkSpec
from models.water import WaterModel, learn_site, look, read_levels
from tasks.demo_files import jpeg_bytes
from tasks.pictures import read_picture
from tasks.water_demo import WATER_FAMILIES
from tasks.weights import SHIPPED_WATER_WEIGHTS, load_water_model

CAMERAS, IMAGES, CORES, LIMIT_MINUTES = 500, 24, 2, 30


def write_sample(folder: Path, count: int) -> list[Path]:
    """Pictures of 1280 x 960 of one camera."""
    network = Network(NetworkSpec(cameras=1, seed=900_041, scale=2.0, families=WATER_FAMILIES))
    camera, paths = network.cameras[0], []
    for k, at in enumerate(network.frame_times(camera)[18 : 18 + count]):
        paths.append(folder / f"{k:03d}.jpg")
        paths[-1].write_bytes(jpeg_bytes(network.render_frame(camera, at).rgb, 85))
    return paths


def measure(model: WaterModel, paths: list[Path]) -> dict[str, float]:
    """Seconds per image of each step, medians over the images; the last two are of the whole series, shared out."""
    look(model, [read_picture(paths[0])])  # the first one warms up
    decode, seen, maps = [], [], []
    for path in paths:
        start = time.perf_counter()
        pixels = read_picture(path)
        middle = time.perf_counter()
        maps += look(model, [pixels])
        decode.append(middle - start)
        seen.append(time.perf_counter() - middle)
    start = time.perf_counter()
    site = learn_site(maps)
    middle = time.perf_counter()
    read_levels(model, maps, site)
    ends = (middle - start) / len(paths), (time.perf_counter() - middle) / len(paths)
    return {
        "decode": float(np.median(decode)),
        "ensemble": float(np.median(seen)),
        "site": ends[0],
        "levels": ends[1],
    }


def main(count: int = 24, folder: Path | None = None) -> None:
    """Measure, extrapolate and print."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        paths = sorted(folder.rglob("*.jpg"))[:count] if folder else write_sample(Path(scratch), count)
        shape = read_picture(paths[0]).shape
        if not SHIPPED_WATER_WEIGHTS.is_file():
            raise SystemExit(f"no weights at {SHIPPED_WATER_WEIGHTS}")
        model = load_water_model()[0]
        took = measure(model, paths)
    for name, seconds in took.items():
        print(f"{name:10} {1e3 * seconds:8.1f} ms per image")
    night = sum(seconds for name, seconds in took.items() if name != "site")
    scale = CAMERAS * IMAGES / CORES / 60
    print(
        f"{CAMERAS} cameras x {IMAGES} images of {shape[1]} x {shape[0]} on {CORES} cores, {len(model.nets)} networks,"
        f" from {len(paths)} images: {night * scale:.1f} minutes, {sum(took.values()) * scale:.1f} in one in which"
        f" every site is learned (limit {LIMIT_MINUTES})"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 24, Path(sys.argv[2]) if len(sys.argv) > 2 else None)
