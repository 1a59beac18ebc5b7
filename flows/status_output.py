"""``vigie status``: the ledger, for a person."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.table import Column, Table

from flows.console import for_people
from tasks.errors import ConfigurationError
from tasks.ledger import CameraLedger, camera_ledger, grid_ledger, last_nights
from tasks.registry import read_registry
from tasks.settings import load_settings
from tasks.stores.results import ResultsRecord


def print_status(config: Path, layer: dict[str, Any], only: str | None) -> None:
    """Print the ledger of all cameras and grids, or of one camera with each of its refusals."""
    settings = load_settings(config, layer)
    registry = read_registry(Path(settings.locate(settings.cameras.registry)))
    root = settings.locate(settings.archive.root)
    nights = last_nights(ResultsRecord(settings.locate(settings.results.root)))
    ids = [camera.id for camera in registry.cameras]
    if only is not None and only not in ids:
        raise ConfigurationError("--camera", None, f"no camera {only!r}", f"one of: {', '.join(ids)}")
    chosen = [only] if only else ids
    ledgers = [camera_ledger(root, camera, nights.get(camera, "")) for camera in chosen]
    _print_cameras(ledgers)
    if only is not None:
        _print_refusals(ledgers[0])
        for loss in registry.lost[only]:
            print(f"{only}: {loss}")
        return
    for row in registry.refused_rows:
        print(f"cameras.csv line {row.line} ({row.camera or 'no id'}) left out: {row.reason}")
    for grid in settings.satellite:
        for line in grid_ledger(root, grid):
            print(line)


def _print_cameras(ledgers: Iterable[CameraLedger]) -> None:
    table = Table("camera", "frames", "first", "last", "refused", "last night")
    for ledger in ledgers:
        refused = ", ".join(f"{reason} {count}" for reason, count in sorted(ledger.refused.items()))
        table.add_row(
            ledger.camera, _frames(ledger), ledger.first, ledger.last, refused or "none", ledger.last_night
        )
    for_people().print(table)


def _frames(ledger: CameraLedger) -> str:
    same = len(ledger.shadowed)
    return f"{ledger.frames} ({same} not shown)" if same else str(ledger.frames)


def _print_refusals(ledger: CameraLedger) -> None:
    for row in ledger.shadowed.itertuples():
        print(f"{row.source}: kept, not shown: {row.shown} has the same time, {row.time} UTC")
    if ledger.refusals.empty:
        return
    table = Table(Column("refused", overflow="fold"), "reason", "detail", "as of")
    for row in ledger.refusals.itertuples():
        table.add_row(str(row.source), str(row.reason), str(row.detail), str(row.as_of))
    for_people().print(table)
