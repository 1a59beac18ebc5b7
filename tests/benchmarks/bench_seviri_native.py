"""France, 11 channels, out of one full-disk SEVIRI native file: our window beside satpy's load, crop and compute.

Each in a process of its own: processor seconds of the work (imports apart) and the peak memory of the whole process.
satpy computes all channels in one call, which reads the file once; chunk by chunk, as a reader of the file would.

Run: ``python -m tests.benchmarks.bench_seviri_native``. Writes 193 MB to a temporary folder.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

FRANCE = (-5.5, 41.0, 10.0, 51.5)
REPEATS = 3
WAYS = ("window", "satpy", "satpy, one thread", "imports of satpy", "imports of window")


def write_disk(folder: Path) -> Path:
    """A full disk of noise."""
    from tasks.seviri_native_format import CHANNELS, FULL_DISK, REFLECTANCE_CHANNELS
    from tasks.seviri_native_writer import write_native

    rng = np.random.default_rng(0)
    warm, bright = (rng.uniform(*span, (3712, 3712)).astype("f4") for span in ((225, 260), (0, 80)))
    values = {channel: bright if channel in REFLECTANCE_CHANNELS else warm for channel in CHANNELS[:11]}
    return write_native(folder, np.datetime64("2024-06-01T12:00", "ns"), values, FULL_DISK)


def by_window(path: Path, channels: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Our way; scan times come along."""
    from tasks.seviri_native import read_native_window

    return read_native_window(path, channels, FRANCE).values


def by_satpy(path: Path, channels: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The peer's; scan times come along."""
    from satpy import Scene

    scene = Scene(reader="seviri_l1b_native", filenames=[str(path)])
    scene.load(list(channels))
    cropped = scene.crop(ll_bbox=FRANCE).compute()
    return {channel: cropped[channel].values[::-1, ::-1] for channel in channels}


def child(way: str, path: Path) -> None:
    """One measurement, printed as JSON."""
    from tasks.seviri_native_format import CHANNELS

    warnings.simplefilter("ignore")
    if "window" in way:
        import tasks.seviri_native  # noqa: F401 - imports are not what is measured
    else:
        import dask
        import satpy.readers.seviri_l1b_native  # noqa: F401
        from satpy import Scene  # noqa: F401

        dask.config.set(scheduler="synchronous" if "one thread" in way else None)
    wall, processor = time.perf_counter(), time.process_time()
    values = {}
    if "imports" not in way:
        values = (by_window if way == "window" else by_satpy)(path, CHANNELS[:11])
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    checksum = [int(np.ascontiguousarray(v).view("u4").sum(dtype="u8")) for v in values.values()]
    print(json.dumps({"cpu_s": processor, "wall_s": wall, "peak_mib": peak, "checksum": checksum}))


def main() -> None:
    """Write the file, measure each way several times, print medians and ratios."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("way", nargs="?", choices=("write", *WAYS))
    arguments.add_argument("path", nargs="?", type=Path)
    chosen = arguments.parse_args()
    if chosen.way == "write":
        write_disk(chosen.path)
        return
    if chosen.way:
        child(chosen.way, chosen.path)
        return
    with tempfile.TemporaryDirectory() as folder:
        run("write", Path(folder))  # in a process of its own: children inherit their parent's peak
        (path,) = Path(folder).glob("*.nat")
        print(f"{path.name}: {path.stat().st_size / 1e6:.0f} MB, 11 channels, France")
        found: dict[str, dict[str, float]] = {}
        checksums = set()
        for way in WAYS:
            runs = [json.loads(run(way, path)) for _ in range(REPEATS)]
            found[way] = {k: statistics.median(r[k] for r in runs) for k in ("cpu_s", "wall_s", "peak_mib")}
            checksums |= {tuple(r["checksum"]) for r in runs if r["checksum"]}
            print(
                f"{way:<20} {found[way]['cpu_s']:6.2f} s cpu {found[way]['wall_s']:6.2f} s wall"
                f" {found[way]['peak_mib']:6.0f} MiB peak"
            )
    ours = found["window"]
    for way in WAYS[1:3]:
        cpu, memory = (ours[k] / found[way][k] for k in ("cpu_s", "peak_mib"))
        print(f"window / {way}: {cpu:.3f} of the cpu, {memory:.2f} of the memory")
    print("the same bits every way:", len(checksums) == 1)


def run(way: str, path: Path) -> str:
    """One child process; what it prints."""
    command = [sys.executable, "-m", "tests.benchmarks.bench_seviri_native", way, str(path)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
