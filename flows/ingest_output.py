"""``vigie ingest``: the archives alone, without orchestration."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from flows.console import for_people
from models.contracts.slots import SatelliteGridSettings
from tasks.errors import ConfigurationError, StoreError
from tasks.eumetsat_credentials import censored
from tasks.ingest import IngestSummary, ingest_camera
from tasks.night_plan import plan_night
from tasks.satellite_counts import counted
from tasks.satellite_ingest import SatelliteSummary, ingest_satellite


def ingest_all(
    config: Path, layer: dict[str, Any], only: list[str] | None, as_of: datetime, rescan: bool
) -> int:
    """Ingest cameras and, where no camera is named, satellite grids; print a table.

    Returns:
        How many sources could not be read.
    """
    plan = plan_night(as_of.date(), config, layer, as_of=as_of)
    known = {camera.id for camera in plan.registry.cameras}
    if unknown := sorted(set(only or []) - known):
        raise ConfigurationError("--camera", None, f"no such camera: {', '.join(unknown)}", "see cameras.csv")
    instant = np.datetime64(as_of.replace(tzinfo=None), "ms")
    settings = plan.settings.cameras
    summaries = [
        ingest_camera(
            camera,
            plan.archive_root,
            instant,
            rescan=rescan,
            max_pixels=settings.max_pixels,
            batch=settings.batch_frames,
        )
        for camera in plan.registry.cameras
        if not only or camera.id in only
    ]
    _print(summaries)
    for row in plan.registry.refused_rows:
        print(f"cameras.csv line {row.line} ({row.camera or 'no id'}) left out: {row.reason}")
    errors = sum(summary.error is not None for summary in summaries)
    for grid in plan.settings.satellite if not only else ():
        errors += not _ingest_grid(plan.settings.grid(grid), plan.archive_root, as_of)
    return errors


def _ingest_grid(settings: SatelliteGridSettings, archive_root: str, as_of: datetime) -> bool:
    """Ingest one grid and print a line; whether its source could be read."""
    try:
        summary = ingest_satellite(settings, archive_root, as_of)
    except StoreError as error:  # of this grid alone
        summary = SatelliteSummary(settings.name, error=censored(str(error), None))
    if summary.error is not None:
        print(f"satellite {settings.name}: {summary.error}")
        return False
    refused = _told(summary.refused) or "none"
    told = f"{summary.slots_written} new product slots, refused {refused}; {counted(summary, settings)}"
    print(f"satellite {settings.name}: {told}")
    return True


def _print(summaries: list[IngestSummary]) -> None:
    table = Table("camera", "listed", "new", "refused", "error")
    for s in summaries:
        table.add_row(s.camera, str(s.listed), str(s.accepted), _told(s.refused), s.error or "")
    for_people().print(table)


def _told(refused: Mapping[str, int]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in sorted(refused.items()))
