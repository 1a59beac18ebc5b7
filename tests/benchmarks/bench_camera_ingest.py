"""Ingest of a camera-day against the plain way: Pillow decode and ``Dataset.to_zarr`` with default codecs.

Both sides read the same 48 files, take their sha256, decode them in full, and write to an empty store; the order of
the two changes from round to round. Prints frames per second, their ratio, and bytes in the store over bytes of source.

    python -m tests.benchmarks.bench_camera_ingest [--images FOLDER] [--rounds 7]
"""

import argparse
import hashlib
import statistics
import tempfile
import time
from io import BytesIO
from pathlib import Path

import numpy as np
import xarray as xr
from PIL import Image

from tasks.ingest import ingest_camera
from tasks.registry import Camera
from tests.benchmarks.camera_days import FRAMES_A_DAY, camera_jpeg, write_day

AS_OF = np.datetime64("2030-01-01", "ms")
TARGET_RATIO, TARGET_BYTES = 8.0, 1.02


def ingest(folder: Path, store: Path) -> int:
    """Vigie's way; returns the number of frames."""
    summary = ingest_camera(Camera(id="bench", source=str(folder)), store, AS_OF)
    assert summary.error is None and not summary.refused, summary
    return summary.accepted


def plain(folder: Path, store: Path) -> int:
    """The plain way; returns the number of frames."""
    frames, digests = [], []
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        digests.append(np.frombuffer(hashlib.sha256(data).digest(), np.uint8))
        frames.append(np.asarray(Image.open(BytesIO(data)).convert("RGB")))
    dataset = xr.Dataset(
        {
            "frames": (("time", "y", "x", "rgb"), np.stack(frames)),
            "sha256": (("time", "byte"), np.stack(digests)),
        }
    )
    dataset.to_zarr(store, mode="w", consolidated=False)
    return len(frames)


def measure(folder: Path, rounds: int) -> dict[str, float]:
    """Median seconds and bytes of both ways."""
    source = sum(path.stat().st_size for path in folder.iterdir())
    seconds: dict[str, list[float]] = {"vigie": [], "plain": []}
    stored: dict[str, int] = {}
    ways = [("vigie", ingest), ("plain", plain)]
    count = 0
    for turn in range(rounds + 1):
        for name, way in ways if turn % 2 else ways[::-1]:
            with tempfile.TemporaryDirectory() as scratch:
                store = Path(scratch) / "store"
                start = time.perf_counter()
                count = way(folder, store)
                seconds[name].append(time.perf_counter() - start)
                stored[name] = sum(p.stat().st_size for p in store.rglob("*") if p.is_file())
    # the first round loads modules and starts threads
    rate = {name: count / statistics.median(taken[1:]) for name, taken in seconds.items()}
    return {
        "frames": count,
        "source_kb_per_frame": source / count / 1000,
        "vigie_frames_per_s": rate["vigie"],
        "plain_frames_per_s": rate["plain"],
        "ratio": rate["vigie"] / rate["plain"],
        "vigie_bytes_over_source": stored["vigie"] / source,
        "plain_bytes_over_source": stored["plain"] / source,
    }


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--images", type=Path, help="a folder of images instead of made ones; its first 48 are taken"
    )
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "images"
        if arguments.images:
            folder.mkdir()
            for path in sorted(arguments.images.iterdir())[:FRAMES_A_DAY]:
                (folder / path.name).write_bytes(path.read_bytes())
        else:
            write_day(
                folder, "20260101", [camera_jpeg(i, "2026:01:01 00:00:00") for i in range(FRAMES_A_DAY)]
            )
        figures = measure(folder, arguments.rounds)
    for name, value in figures.items():
        print(f"{name:>26} {value:10.3f}")
    met = figures["ratio"] >= TARGET_RATIO and figures["vigie_bytes_over_source"] <= TARGET_BYTES
    print(f"{'targets':>26} {'met' if met else 'NOT MET'}: ratio >= {TARGET_RATIO}, bytes <= {TARGET_BYTES}")


if __name__ == "__main__":
    main()
