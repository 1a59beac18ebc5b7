"""Satellite files that are named one by one, archived for a moment: nothing is kept."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tasks.errors import ConfigurationError
from tasks.registry import Camera
from tasks.satellite_files import SlotReader
from tasks.satellite_ingest import ingest_satellite
from tasks.settings import Settings
from tasks.sky_night import sky_grids

_AROUND_DEG = 1.5  # of the region that is read: a patch, and clouds that are seen beside their place


@contextmanager
def archived_slots(
    files: Sequence[Path], camera: Camera, settings: Settings, time: datetime
) -> Iterator[tuple[str, tuple[str, ...], dict[str, int]]]:
    """Satellite files around a camera in an archive of their own, for as long as it is looked at.

    Args:
        files: Of the configuration's satellite tables.
        camera: Which; it has a position.
        settings: Readers and variables.
        time: UTC; slots a day after it are refused.

    Yields:
        Root of the archive, its grids, that which moments are aligned with first, and refusals per reason.

    Raises:
        ConfigurationError: The camera has no position, or a file is not there or no configured grid's.
    """
    if camera.latitude is None or camera.longitude is None:
        raise ConfigurationError(
            settings.locate(settings.cameras.registry),
            None,
            f"camera {camera.id} has no position, so no satellite",
            "give latitude and longitude",
        )
    as_of = time.replace(tzinfo=UTC) + timedelta(days=1)
    refused: dict[str, int] = {}
    with tempfile.TemporaryDirectory(prefix="vigie-") as folder:
        sorted_files = _by_grid(files, settings)
        for grid, of_grid in sorted_files.items():
            source = Path(folder) / "files" / grid
            source.mkdir(parents=True)
            for file in of_grid:
                _place(file, source / file.name)
            narrowed = settings.satellite[grid].model_copy(
                update={
                    "source": str(source),
                    "region": _around(camera.latitude, camera.longitude, settings.satellite[grid].region),
                    "pattern": "*",
                }
            )
            wanted = settings.model_copy(update={"satellite": {grid: narrowed}}).grid(grid)
            summary = ingest_satellite(wanted, folder, as_of)
            for reason, count in summary.refused.items():
                refused[reason] = refused.get(reason, 0) + count
        first = settings.aligned_grid
        grids = sky_grids(settings) if first in sorted_files else tuple(sorted_files)
        yield folder, grids, refused


def _around(
    latitude: float, longitude: float, region: tuple[float, float, float, float]
) -> tuple[float, float, float, float]:
    """The part of a region about a place; all of it where the place lies outside."""
    west, south, east, north = region
    if not (west < longitude < east and south < latitude < north):
        return region
    return (
        max(west, longitude - _AROUND_DEG),
        max(south, latitude - _AROUND_DEG),
        min(east, longitude + _AROUND_DEG),
        min(north, latitude + _AROUND_DEG),
    )


def _by_grid(files: Sequence[Path], settings: Settings) -> dict[str, list[Path]]:
    """Files by the grid whose reader knows their name.

    Raises:
        ConfigurationError: None does.
    """
    readers = {name: SlotReader(settings.grid(name)) for name in settings.satellite}
    found: dict[str, list[Path]] = {}
    for file in files:
        if not file.is_file():
            raise ConfigurationError("--satellite", None, f"{file}: no such file", "give files of slots")
        grid = next((name for name, reader in readers.items() if reader.identify(file.name)), None)
        if grid is None:
            known = ", ".join(f"[satellite.{n}] {t.reader}" for n, t in settings.satellite.items()) or "none"
            raise ConfigurationError(
                "--satellite",
                None,
                f"{file.name} is no file of the configured grids ({known})",
                "add a table [satellite.<grid>] with its reader",
            )
        found.setdefault(grid, []).append(file)
    return found


def _place(file: Path, target: Path) -> None:
    try:
        target.symlink_to(file.resolve())
    except OSError:  # a file system without links
        shutil.copyfile(file, target)
