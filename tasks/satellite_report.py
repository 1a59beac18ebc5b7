"""The satellite side of a night's report: a picture of the month per grid."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tasks.night_plan import NightPlan
from tasks.satellite_month import headline, month_picture
from tasks.satellite_status import grid_month
from tasks.stores.repository import StoreNotFound
from tasks.stores.satellite_archive import SatelliteArchive


@dataclass(frozen=True)
class MonthSheet:
    """One grid's month.

    Attributes:
        grid: Its name.
        path: PNG, replaced every night of the month.
        headline: In one line.
    """

    grid: str
    path: Path
    headline: str


def write_months(plan: NightPlan) -> list[MonthSheet]:
    """Draw the night's month of every grid that has an archive, into ``nights/`` beside the series."""
    month = np.datetime64(plan.night, "M")
    folder = plan.published_root / "nights"
    sheets = []
    for grid in plan.settings.satellite:
        try:
            status = grid_month(SatelliteArchive(plan.archive_root, grid), plan.as_of, month)
        except StoreNotFound:
            continue
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"satellite-{grid}-{month}.png"
        unfinished = path.with_name(f".{path.name}")
        unfinished.write_bytes(month_picture(status))
        unfinished.replace(path)
        sheets.append(MonthSheet(grid, path, f"Satellite grid {grid}, {month}: {headline(status)}"))
    return sheets
