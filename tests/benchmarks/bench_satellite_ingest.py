"""A day of satellite files (96 slots of CMA, CT and CTTH over France) into the archive, and back.

Run: ``python -m tests.benchmarks.bench_satellite_ingest``.
"""

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from models.contracts.slots import SatelliteGridSettings
from models.science.geometry import MSG_FRANCE
from tasks.nwcsaf_writer import write_nwcsaf
from tasks.satellite_ingest import ingest_satellite
from tasks.stores.satellite_archive import SatelliteArchive

LATE = 40
DAY = np.datetime64("2024-06-01", "ns")
AS_OF = datetime(2024, 6, 3, tzinfo=UTC)


def write_slot(folder: Path, number: int) -> None:
    """Bands of cloud that move with time."""
    y, x = np.indices(MSG_FRANCE.shape)
    wave = np.sin((x + 3 * number) / 17) + np.sin((y - number) / 23)
    nominal = DAY + number * np.timedelta64(15, "m")
    cloudy = (wave > 0.3).astype("u1")
    altitude = np.where(cloudy, 2000 + 3000 * wave, np.nan)
    profile = {
        "ctth_alti": altitude,
        "ctth_tempe": 288.15 - 0.0065 * altitude,
        "ctth_pres": 101325 - 10 * altitude,
    }
    write_nwcsaf(folder, "CMA", nominal, {"cma": cloudy}, MSG_FRANCE)
    write_nwcsaf(folder, "CT", nominal, {"ct": 1 + 6 * cloudy}, MSG_FRANCE)
    write_nwcsaf(folder, "CTTH", nominal, profile, MSG_FRANCE)


def timed(what: str, call: Callable[[], object]) -> object:
    """Print wall and processor seconds of a call."""
    wall, processor = time.perf_counter(), time.process_time()
    result = call()
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    print(f"{what:<45} {wall:7.2f} s wall {processor:7.2f} s cpu")
    return result


def main() -> None:
    """Write files, ingest them, deliver one late, read back."""
    with tempfile.TemporaryDirectory() as place:
        folder, root = Path(place) / "files", f"{place}/archive"
        settings = SatelliteGridSettings("msg", str(folder))
        for number in range(96):
            if number != LATE:
                write_slot(folder, number)
        timed("ingest 95 slots x 3 products", lambda: ingest_satellite(settings, root, AS_OF))
        timed("ingest again, nothing new", lambda: ingest_satellite(settings, root, AS_OF))
        write_slot(folder, LATE)
        timed("ingest one late slot", lambda: ingest_satellite(settings, root, AS_OF))
        data = timed("open", lambda: SatelliteArchive(root, "msg").open())
        timed("read a 33 x 33 patch of cma over the day", lambda: data.cma[:, 100:133, 100:133].values)
        source, archive = (
            sum(file.stat().st_size for file in Path(path).rglob("*") if file.is_file())
            for path in (folder, root)
        )
        print(f"bytes: files {source / 1e6:.1f} MB, archive {archive / 1e6:.1f} MB ({archive / source:.2f})")


if __name__ == "__main__":
    main()
