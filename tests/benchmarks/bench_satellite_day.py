"""A day of SEVIRI native files (96 slots x 11 channels over France) into the archive, on two processes.

The files are cropped to France, as the Data Tailor cuts them; for a whole disk see ``bench_seviri_native``.
Memory is that of this process, which writes; the two that read hold a slot each.

Run: ``python -m tests.benchmarks.bench_satellite_day``.
"""

import resource
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from models.contracts.slots import SatelliteGridSettings
from models.science.geometry import MSG_FRANCE
from tasks.satellite_ingest import ingest_satellite
from tasks.seviri_native_format import CHANNELS, Rectangle
from tasks.seviri_native_writer import write_native
from tests.benchmarks.bench_satellite_archive import scene

DAY = np.datetime64("2024-06-01", "ns")
AS_OF = datetime(2024, 6, 9, tzinfo=UTC)
DAYS = 2


def write_slot(folder: Path, clouds: np.ndarray, number: int) -> None:
    """Clouds that move, in all channels but HRV."""
    rectangle = Rectangle.around(MSG_FRANCE, margin=4)
    nominal = DAY + number * np.timedelta64(15, "m")
    lines, columns = rectangle.lines, rectangle.columns
    step = number % 96
    view = clouds[step // 2 : step // 2 + lines, step : step + columns]
    fields = {
        name: (30 + 18 * view).clip(0) if name in ("VIS006", "VIS008", "IR_016") else 270 + 15 * view
        for name in CHANNELS
        if name != "HRV"
    }
    write_native(folder, nominal, fields, rectangle)


def main() -> None:
    """Write files, ingest them day by day, print time and memory."""
    clouds = scene(np.random.default_rng(5))
    with tempfile.TemporaryDirectory() as place:
        settings = SatelliteGridSettings(
            "msg",
            f"{place}/files",
            "*.nat",
            "seviri_l1b_native",
            variables=tuple(name for name in CHANNELS if name != "HRV"),
        )
        for day in range(DAYS):
            for number in range(96 * day, 96 * day + 96):
                write_slot(Path(settings.source), clouds, number)
            start = time.perf_counter()
            summary = ingest_satellite(settings, f"{place}/archive", AS_OF, processes=2)
            took = time.perf_counter() - start
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(
                f"day {day}: {summary.slots_written} products of 96 slots in {took:.0f} s, "
                f"peak {peak:.0f} MB; refused {summary.refused}"
            )


if __name__ == "__main__":
    main()
