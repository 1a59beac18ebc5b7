"""Four variables of one NWC SAF slot: the window beside satpy's load, crop and compute.

satpy is timed twice: the first load of a process' life for this kind of file, which a nightly job pays, and later ones.
The files are as large as real ones (928 x 2295 pixels), France is kept. Both give the same values.

Run: ``python -m tests.benchmarks.bench_satellite_window``.
"""

import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from satpy import Scene

from models.contracts.slots import SatelliteGridSettings, pack
from models.science.geometry import MSG_NORTH_REGION
from tasks.nwcsaf_writer import write_nwcsaf
from tasks.satellite_files import SlotReader
from tasks.satellite_sets import SlotFiles
from tasks.satellite_sources import list_files

NOMINAL = np.datetime64("2024-06-01T12:00", "ns")
VARIABLES = ("ct", "ctth_alti", "ctth_pres", "ctth_tempe")
REPEATS = 7


def write_slot(folder: Path) -> None:
    """CT and CTTH over the northern region."""
    y, x = np.indices(MSG_NORTH_REGION.shape)
    wave = np.sin(x / 17) + np.sin(y / 23)
    altitude = np.where(wave > 0.3, 2000 + 3000 * wave, np.nan)
    profile = {
        "ctth_alti": altitude,
        "ctth_tempe": 288.15 - 0.0065 * altitude,
        "ctth_pres": 101325 - 10 * altitude,
    }
    write_nwcsaf(folder, "CT", NOMINAL, {"ct": 1 + 6 * (wave > 0.3).astype("u1")}, MSG_NORTH_REGION)
    write_nwcsaf(folder, "CTTH", NOMINAL, profile, MSG_NORTH_REGION)


def by_satpy(paths: list[str], region: tuple[float, float, float, float]) -> dict[str, np.ndarray]:
    """Load, crop, compute."""
    scene = Scene(reader="nwcsaf-geo", filenames=paths)
    scene.load(list(VARIABLES))
    cropped = scene.crop(ll_bbox=region)
    return {name: cropped[name].values for name in VARIABLES}


def by_window(reader: SlotReader, sets: list[SlotFiles]) -> dict[str, np.ndarray]:
    """As ingestion does, with copies, hashes and packing."""
    return {name: values for one in sets for slot in reader.read(one) for name, values in slot.values.items()}


def main() -> None:
    """Write a slot, read it both ways, print processor seconds."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as place:
        write_slot(Path(place))
        settings = SatelliteGridSettings("msg", place, variables=VARIABLES)
        paths = sorted(str(path) for path in Path(place).glob("*.nc"))
        reader = SlotReader(settings)
        sets = reader.sets(list_files(place, "*.nc"), set())
        seconds: dict[str, list[float]] = {"satpy": [], "window": []}
        for _ in range(REPEATS):
            start = time.process_time()
            theirs = by_satpy(paths, settings.region)
            seconds["satpy"].append(time.process_time() - start)
        by_window(reader, sets)  # where the region lies is worked out once per grid
        for _ in range(REPEATS):
            start = time.process_time()
            ours = by_window(reader, sets)
            seconds["window"].append(time.process_time() - start)
        for name in VARIABLES:
            np.testing.assert_array_equal(ours[name], pack(settings.variable(name), theirs[name]))
        window = float(np.median(seconds["window"]))
        later = float(np.median(seconds["satpy"][1:]))
        print(f"satpy: first load {seconds['satpy'][0]:.2f} s cpu, later ones {1e3 * later:.0f} ms")
        print(
            f"window: {1e3 * window:.1f} ms cpu with copy, hash and packing: "
            f"1/{seconds['satpy'][0] / window:.0f} of the first load, 1/{later / window:.1f} of later ones"
        )


if __name__ == "__main__":
    main()
