"""Ingest of a camera-day against the plain way: Pillow decode and ``Dataset.to_zarr`` with default codecs.

Both sides read the same 48 files, take their sha256, decode them in full, and write to an empty store (``first day``),
then do so with the next day's 48 (``next day``); the order of the two changes from round to round. Prints frames per
second, their ratio, and bytes in the store over bytes of source.

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
    if store.exists():
        dataset.to_zarr(store, append_dim="time", consolidated=False)
    else:
        dataset.to_zarr(store, mode="w", consolidated=False)
    return len(frames)


def measure(days: list[Path], rounds: int) -> dict[str, float]:
    """Median frames per second of each way and day, their ratios, and bytes."""
    source = sum(path.stat().st_size for folder in days for path in folder.iterdir())
    rates: dict[tuple[str, int], list[float]] = {}
    stored: dict[str, int] = {}
    ways = [("vigie", ingest), ("plain", plain)]
    for turn in range(rounds + 1):
        for name, way in ways if turn % 2 else ways[::-1]:
            with tempfile.TemporaryDirectory() as scratch:
                store = Path(scratch) / "store"
                for i, folder in enumerate(days):
                    start = time.perf_counter()
                    count = way(folder, store)
                    rates.setdefault((name, i), []).append(count / (time.perf_counter() - start))
                stored[name] = sum(p.stat().st_size for p in store.rglob("*") if p.is_file())
    figures: dict[str, float] = {}
    for i, day in enumerate(("first day", "next day")[: len(days)]):
        # the first round loads modules and starts threads
        vigie, naive = (statistics.median(rates[name, i][1:]) for name in ("vigie", "plain"))
        figures |= {
            f"{day}: vigie frames/s": vigie,
            f"{day}: plain frames/s": naive,
            f"{day}: ratio": vigie / naive,
        }
    figures |= {f"{name} bytes over source": size / source for name, size in stored.items()}
    return figures


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--images", type=Path, help="a folder of images instead of made ones; its first 96 are taken"
    )
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        days = [Path(scratch) / "day1", Path(scratch) / "day2"]
        if arguments.images:
            paths = sorted(arguments.images.iterdir())
            for i, folder in enumerate(days):
                folder.mkdir()
                for path in paths[i * FRAMES_A_DAY : (i + 1) * FRAMES_A_DAY]:
                    (folder / path.name).write_bytes(path.read_bytes())
        else:
            pictures = [camera_jpeg(i, "2026:01:01 00:00:00") for i in range(FRAMES_A_DAY)]
            for folder, day in zip(days, ("20260101", "20260102"), strict=True):
                write_day(folder, day, pictures)
        figures = measure(
            [folder for folder in days if len(list(folder.iterdir())) == FRAMES_A_DAY], arguments.rounds
        )
    for name, value in figures.items():
        print(f"{name:>28} {value:10.3f}")
    ratios = [value for name, value in figures.items() if name.endswith("ratio")]
    met = min(ratios) >= TARGET_RATIO and figures["vigie bytes over source"] <= TARGET_BYTES
    print(f"{'targets':>28} {'met' if met else 'NOT MET'}: ratio >= {TARGET_RATIO}, bytes <= {TARGET_BYTES}")


if __name__ == "__main__":
    main()
