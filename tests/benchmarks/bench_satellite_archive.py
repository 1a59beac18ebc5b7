"""How an archive of 11 channels reads: a random patch, and a camera's day, beside one chunk per slot.

One chunk per slot is the layout of forecasting pipelines (openclimatefix/satellite-consumer): once for the same two
arrays as ours, K and % apart, and once for a single array of mixed units, which saves it one read. All hold the same
counts, compressed alike, in Icechunk repositories on the same disk, and are read through xarray in turn. Days are
written whole and again with a late slot, and the memory that this took is printed.

Run: ``python -m tests.benchmarks.bench_satellite_archive``.
"""

import resource
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import xarray as xr
import zarr
from scipy.ndimage import gaussian_filter
from zarr.codecs import BloscCodec, BloscShuffle

from models.contracts.channels import SEVIRI
from models.contracts.slots import SatelliteGridSettings, pack
from models.science.geometry import MSG_FRANCE
from tasks.stores.repository import open_repository, writer
from tasks.stores.satellite_archive import SatelliteArchive
from tasks.stores.satellite_rows import ProductSlot, SatelliteFile

DAY = np.datetime64("2024-06-01", "ns")
AS_OF = np.datetime64("2024-06-09", "ns")
SLOTS, PATCH, PATCHES, DAYS_READ = 96, 32, 100, 10
ARRAYS = ("reflectance", "brightness_temperature")
LATE = 40
CHANNELS = tuple(variable for variable in SEVIRI if variable.name != "HRV")
# Of one count: SEVIRI's 10 bits are about so far apart.
STEP = {"K": 0.15, "%": 0.1}


def scene(rng: np.random.Generator) -> np.ndarray:
    """Cloud fields of several sizes, larger than the grid, so that they can move over it; zero mean, unit spread."""
    lines, columns = MSG_FRANCE.shape
    field = sum(
        weight * gaussian_filter(rng.standard_normal((lines + 100, columns + 200)), size) * size
        for size, weight in ((40, 1.0), (12, 0.7), (4, 0.3), (1.5, 0.1))
    )
    return np.asarray((field - field.mean()) / field.std())


def slots_of(day: int, rng: np.random.Generator, numbers: range | list[int]) -> list[ProductSlot]:
    """Products of some slots of a day: clouds that move, with sensor noise, in steps of a count."""
    lines, columns = MSG_FRANCE.shape
    clouds, found = scene(rng), []
    for number in numbers:
        nominal = DAY + np.timedelta64(day, "D") + number * np.timedelta64(15, "m")
        view = clouds[number // 2 : number // 2 + lines, number : number + columns]
        for place, variable in enumerate(CHANNELS):
            mean, spread = (270.0 - 3 * place, 15.0) if variable.units == "K" else (30.0 + place, 18.0)
            noise = 0.1 * rng.standard_normal(view.shape)
            values = np.rint((mean + spread * view + noise) / STEP[variable.units]) * STEP[variable.units]
            found.append(
                ProductSlot(
                    nominal,
                    variable.name,
                    {variable.name: pack(variable, values)},
                    (),
                    np.linspace(691.0, 647.0, lines, dtype=np.float32),
                    "Meteosat-11",
                    MSG_FRANCE,
                    False,
                    SatelliteFile(f"{nominal}.nat", f"{nominal}.nat", 1),
                    np.full(32, number, "u1").tobytes(),
                )
            )
    return found


def write_peer(uri: str, arrays: Mapping[str, np.ndarray]) -> xr.Dataset:
    """One chunk per slot."""
    with writer(uri, "satellite", "peer") as session:
        root = zarr.open_group(session.store, mode="r+", zarr_format=3)
        for name, counts in arrays.items():
            array = root.create_array(
                name,
                shape=counts.shape,
                chunks=(1, *counts.shape[1:]),
                dtype="uint16",
                compressors=BloscCodec(cname="zstd", clevel=3, shuffle=BloscShuffle.shuffle),
                dimension_names=("time", "y", "x", f"{name}_channel"),
            )
            array.attrs.update({"scale_factor": 0.01, "_FillValue": 65535})
            array[:] = counts
    return opened(uri)


def opened(uri: str, decoded: bool = True) -> xr.Dataset:
    """A repository as it is, with or without its packing undone."""
    store = open_repository(uri, "satellite").readonly_session("main").store
    return xr.open_zarr(store, consolidated=False, zarr_format=3, chunks=None, mask_and_scale=decoded)


def values_of(data: xr.Dataset) -> list[np.ndarray]:
    """Decoded values of every variable; coordinates stay unread."""
    return [variable.values for variable in data.data_vars.values()]


def clocked(call: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def peak_mb() -> float:
    """Largest memory so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def size_of(folder: str) -> int:
    """Bytes on disk."""
    return sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())


def write_days(place: str, settings: SatelliteGridSettings, rng: np.random.Generator) -> None:
    """Three days with a slot that comes late; prints time and memory."""
    archive = SatelliteArchive(f"{place}/days", "msg")
    for day in range(3):
        early = slots_of(day, rng, [n for n in range(SLOTS) if n != LATE])
        took = clocked(lambda early=early: archive.write_day(settings, early, [], AS_OF))
        print(f"day {day}: 95 slots x 11 channels written in {took:.1f} s, peak {peak_mb():.0f} MB")
    late = slots_of(0, rng, [LATE])
    took = clocked(lambda: archive.write_day(settings, late, [], AS_OF))
    print(f"a late slot in {took:.1f} s, peak {peak_mb():.0f} MB")


def main() -> None:
    """Write, read, print."""
    rng = np.random.default_rng(5)
    with tempfile.TemporaryDirectory() as place:
        settings = SatelliteGridSettings(
            "msg", "", reader="seviri_l1b_native", variables=tuple(v.name for v in CHANNELS)
        )
        write_days(place, settings, rng)
        archive = SatelliteArchive(f"{place}/ours", "msg")
        slots = slots_of(0, rng, range(SLOTS))
        archive.write_day(settings, slots, [], AS_OF)
        pixels = SLOTS * MSG_FRANCE.lines * MSG_FRANCE.columns * len(CHANNELS)
        print(
            f"{size_of(archive.uri) / pixels:.2f} bytes per pixel and channel, all told; packing error 0.005"
        )
        raw = opened(archive.uri, decoded=False).isel(time=slice(-SLOTS, None))
        apart = {name: raw[name].values for name in ARRAYS}
        layouts = {
            "ours": archive.open()[list(ARRAYS)],
            "slot chunks": write_peer(f"{place}/apart", apart),
            "slot chunks, units mixed": write_peer(
                f"{place}/mixed", {"all": np.concatenate(list(apart.values()), axis=-1)}
            ),
        }
        for what, repeats in (("patch of 32 x 32 x 11", PATCHES), ("camera-day of 96 slots", DAYS_READ)):
            took: dict[str, list[float]] = {name: [] for name in layouts}
            for _ in range(repeats):
                y, x = (int(rng.integers(0, size - PATCH)) for size in MSG_FRANCE.shape)
                where: dict[str, slice | int] = {"y": slice(y, y + PATCH), "x": slice(x, x + PATCH)}
                if repeats == PATCHES:
                    where["time"] = int(rng.integers(SLOTS))
                for name, data in layouts.items():
                    took[name].append(clocked(lambda d=data, w=where: values_of(d.isel(w))))
            middle = {name: float(np.median(seconds)) for name, seconds in took.items()}
            print(
                f"{what}: "
                + "; ".join(
                    f"{name} {1e3 * one:.1f} ms ({one / middle['ours']:.1f} x)"
                    for name, one in middle.items()
                )
            )


if __name__ == "__main__":
    main()
