"""Small folders of satellite files for tests: 19 x 30 pixels around Toulouse."""

from datetime import UTC, datetime

import numpy as np

from models.contracts.slots import SatelliteGridSettings
from models.science.geometry import MSG_FRANCE
from tasks.nwcsaf_writer import write_nwcsaf

REGION = (0.9, 43.2, 2.0, 44.0)
TOULOUSE = (43.6, 1.44)
GRID = MSG_FRANCE.window(slice(149, 168), slice(168, 198))
"""What satpy's crop leaves of `REGION`; Toulouse is its line 9, column 14."""
AS_OF = datetime(2024, 6, 10, tzinfo=UTC)
FIRST = np.datetime64("2024-06-01T12:00", "ns")


def settings(source, **changes):
    return SatelliteGridSettings(
        **{"name": "msg", "source": str(source), "region": REGION, "variables": ("cma", "ct"), **changes}
    )


def slot_time(number):
    return FIRST + number * np.timedelta64(15, "m")


def write_cma(folder, number, value=None, grid=GRID, **options):
    mask = np.full(grid.shape, number % 2 if value is None else value, dtype="u1")
    return write_nwcsaf(folder, "CMA", slot_time(number), {"cma": mask}, grid, **options)


def write_ct(folder, number, value=6, grid=GRID, **options):
    return write_nwcsaf(
        folder, "CT", slot_time(number), {"ct": np.full(grid.shape, value, "u1")}, grid, **options
    )
