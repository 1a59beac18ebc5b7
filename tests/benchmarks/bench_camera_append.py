"""One camera-day into an archive of 365 days, beside the same day into an empty one: bytes, objects, median time.

The day is ingested whole (listing, sha256, full decode, one commit). The history is appended beforehand, 48 frames a
day, of small files: what a day costs does not depend on the size of old files, only on their number.

    python -m tests.benchmarks.bench_camera_append [--days 365] [--rounds 7]
"""

import argparse
import hashlib
import statistics
import tempfile
import time
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from models.contracts.flags import FrameFlag
from tasks.ingest import ingest_camera
from tasks.registry import Camera
from tasks.stores.camera_archive import CameraArchive, NewFrame
from tests.benchmarks.camera_days import FRAMES_A_DAY, HEIGHT, WIDTH, camera_jpeg, write_day

AS_OF = np.datetime64("2030-01-01", "ms")
FIRST_DAY = np.datetime64("2025-01-01", "ms")


def write_history(root: Path, days: int) -> None:
    """An archive of ``days`` days, one commit a day."""
    file = BytesIO()
    Image.new("RGB", (WIDTH, HEIGHT), (90, 120, 150)).save(file, "JPEG")
    archive = CameraArchive(root, "bench")
    archive.append([])
    for day in range(days):
        frames = []
        for i in range(FRAMES_A_DAY):
            time_ = FIRST_DAY + np.timedelta64(day, "D") + np.timedelta64(30 * i, "m")
            name = (
                f"{np.datetime_as_string(time_, 's').replace('-', '').replace(':', '').replace('T', '_')}.jpg"
            )
            payload = file.getvalue() + name.encode()
            digest = hashlib.sha256(payload).digest()
            frames.append(NewFrame(time_, name, i + 1, digest, "jpeg", HEIGHT, WIDTH, payload, FrameFlag(0)))
        archive.append(frames)


def add_day(root: Path, folder: Path) -> tuple[float, int, int]:
    """Seconds, bytes and objects that one day takes."""
    before = set(root.rglob("*"))
    start = time.perf_counter()
    summary = ingest_camera(Camera(id="bench", source=str(folder)), root, AS_OF)
    seconds = time.perf_counter() - start
    assert summary.accepted == FRAMES_A_DAY, summary
    written = [path for path in set(root.rglob("*")) - before if path.is_file()]
    return seconds, sum(path.stat().st_size for path in written), len(written)


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    pictures = [camera_jpeg(i, "2026:01:01 00:00:00") for i in range(FRAMES_A_DAY)]
    results: dict[str, list[tuple[float, int, int]]] = {"full": [], "empty": []}
    with tempfile.TemporaryDirectory() as scratch:
        full = Path(scratch) / "full"
        write_history(full, arguments.days)
        for turn in range(arguments.rounds + 1):
            folder = Path(scratch) / f"day{turn}"
            write_day(folder, f"202603{turn + 1:02d}", pictures)
            empty = Path(scratch) / f"empty{turn}"
            CameraArchive(empty, "bench").append([])
            archives = [("full", full), ("empty", empty)]
            for name, root in archives if turn % 2 else archives[::-1]:  # neither is always the first
                results[name].append(add_day(root, folder))
    # the first round loads modules and starts threads
    medians = {
        name: [statistics.median(column) for column in zip(*rounds[1:], strict=True)]
        for name, rounds in results.items()
    }
    print(f"{'one day into':>20} {'seconds':>9} {'bytes':>12} {'objects':>8}")
    for name, (seconds, size, objects) in medians.items():
        label = f"{arguments.days} days" if name == "full" else "nothing"
        print(f"{label:>20} {seconds:9.3f} {size:12.0f} {objects:8.0f}")
    ratios = [f / e for f, e in zip(medians["full"], medians["empty"], strict=True)]
    print(f"{'ratio':>20} {ratios[0]:9.3f} {ratios[1]:12.3f} {ratios[2]:8.3f}")
    met = ratios[0] <= 1.25 and ratios[1] <= 1.10 and ratios[2] <= 1.10
    print(f"{'targets':>20} {'met' if met else 'NOT MET'}: time <= 1.25, bytes and objects <= 1.10")


if __name__ == "__main__":
    main()
