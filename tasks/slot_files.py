"""Satellite files that are named one by one, archived for a moment: nothing is kept."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatch
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
        sorted_files = _by_grid(files, camera, settings)
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
            if summary.error is not None:
                refused[summary.error] = len(of_grid)
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


def _by_grid(files: Sequence[Path], camera: Camera, settings: Settings) -> dict[str, list[Path]]:
    """Files by the grid that is about the camera, whose reader knows their name and, best of all, whose pattern does.

    Raises:
        ConfigurationError: None does, a file is not there, or two have one name.
    """
    found: dict[str, list[Path]] = {}
    for file in files:
        if not file.is_file():
            raise ConfigurationError("--satellite", None, f"{file}: no such file", "give files of slots")
        if any(file.name == other.name for others in found.values() for other in others):
            raise ConfigurationError(
                "--satellite", None, f"{file.name} is given twice", "give each slot once"
            )
        found.setdefault(_grid_of(file, camera, settings), []).append(file)
    return found


def _grid_of(file: Path, camera: Camera, settings: Settings) -> str:
    aligned_first = [*sky_grids(settings), *settings.satellite]
    grids = {name: settings.grid(name) for name in dict.fromkeys(aligned_first)}
    mine = [name for name, grid in grids.items() if SlotReader(grid).identify(file.name) is not None]
    if not mine:
        known = ", ".join(f"[satellite.{n}] {t.reader}" for n, t in settings.satellite.items()) or "none"
        raise ConfigurationError(
            "--satellite",
            None,
            f"{file.name} is no file of the configured grids ({known})",
            "add a table [satellite.<grid>] with its reader",
        )
    mine.sort(
        key=lambda name: (not _holds(grids[name].region, camera), not fnmatch(file.name, grids[name].pattern))
    )
    return mine[0]


def _holds(region: tuple[float, float, float, float], camera: Camera) -> bool:
    west, south, east, north = region
    assert camera.latitude is not None and camera.longitude is not None
    return west < camera.longitude < east and south < camera.latitude < north


def _place(file: Path, target: Path) -> None:
    """Link a file there, or copy it; never through a link that is there already."""
    if target.exists() or target.is_symlink():
        raise FileExistsError(target)
    try:
        target.symlink_to(file.resolve())
    except OSError:  # a file system without links
        shutil.copyfile(file, target)
