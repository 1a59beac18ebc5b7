"""Where satellite files come from: a folder or object store through fsspec, or the EUMETSAT Data Store."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

import numpy as np
from filelock import FileLock, Timeout

from models.contracts.downloads import EUMETSAT, DownloadSettings
from models.contracts.flags import Refusal, SlotStatus
from models.contracts.slots import SatelliteGridSettings
from tasks import image_sources
from tasks.errors import ConfigurationError, StoreError
from tasks.eumetsat_credentials import Credentials, credentials_of_environment
from tasks.eumetsat_staging import sweep
from tasks.image_sources import SourceUnavailable
from tasks.source_files import Fetched, Listing, SatelliteSource
from tasks.stores.repository import StoreNotFound
from tasks.stores.satellite_archive import SatelliteArchive
from tasks.stores.satellite_rows import SatelliteFile, SlotRefusal
from tasks.zip_members import DamagedFile, member_uri, opened, zip_members

_LISTED_TOGETHER = 16
_HELD = (int(SlotStatus.OK), int(SlotStatus.PARTIAL))


@contextmanager
def open_source(
    settings: SatelliteGridSettings, credentials: Credentials | None = None
) -> Iterator[SatelliteSource]:
    """The source of a grid.

    Args:
        settings: The grid.
        credentials: Of a web service; from the environment where absent.

    Raises:
        ConfigurationError: The source is a web service and has no credentials, or its library is not installed.
        SourceUnavailable: Another run is downloading into the staging folder.
        StoreError: The staging folder cannot be written.
    """
    if not settings.source.startswith(EUMETSAT):
        yield FolderSource(settings)
        return
    credentials = credentials or credentials_of_environment()
    staging = Path(settings.download.staging)
    try:
        from tasks.eumetsat_store import DataStoreSource
    except ModuleNotFoundError as error:
        problem = f"{settings.source} needs {error.name}"
        raise ConfigurationError(
            f"satellite.{settings.name}", None, problem, "pip install 'vigie[eumetsat]'"
        ) from error
    with _alone(staging), closing(DataStoreSource(settings, credentials)) as source:
        if not settings.download.keep:
            sweep(staging, settings.download.days)
        yield source


@contextmanager
def _alone(staging: Path) -> Iterator[None]:
    """Two runs in one staging folder would write into each other's unfinished files."""
    try:
        staging.mkdir(parents=True, exist_ok=True)
        lock = FileLock(staging / ".lock")
        lock.acquire(blocking=False)
    except Timeout:
        raise SourceUnavailable(f"another run is downloading into {staging}") from None
    except OSError as error:
        raise StoreError(f"{staging}: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.release()


class FolderSource:
    """A folder or object store, read in place.

    Where the grid has a ``member`` pattern, files are zip archives: each member that matches is a file named
    ``<archive>/<member>``.

    Args:
        settings: The grid.
    """

    def __init__(self, settings: SatelliteGridSettings) -> None:
        self._settings = settings

    def close(self) -> None:
        """Nothing is open."""

    def files(
        self, first: datetime, last: datetime, known: Collection[tuple[str, int]] = frozenset()
    ) -> Listing:
        """All files whose name matches; a folder knows no times.

        Archives whose member is ``known`` are not opened again; see `list_members`.

        Raises:
            SourceUnavailable: The folder is not there or does not answer.
        """
        files = list_files(self._settings.source, self._settings.pattern)
        member = self._settings.member
        return Listing(files) if member is None else list_members(files, member, known)

    def fetch(self, files: Sequence[SatelliteFile]) -> Fetched:
        """The same files."""
        return Fetched(list(files))

    def discard(self, files: Iterable[SatelliteFile]) -> None:
        """Nothing: the folder is not ours."""


def list_files(source: str, pattern: str) -> list[SatelliteFile]:
    """Files of a source and its sub-folders whose name matches, by name; hidden and unfinished files are left out.

    Args:
        source: Folder, or URI of an object store.
        pattern: Glob for file names.

    Raises:
        SourceUnavailable: The folder is not there or does not answer.
    """

    def wanted(name: str) -> bool:
        last = PurePosixPath(name).name
        return fnmatch(last, pattern) and not last.startswith(".")

    found = image_sources.list_files(source, wanted)
    files = (SatelliteFile(file.name, file.uri, file.version) for file in found)
    return sorted(files, key=lambda file: file.name)


def list_members(
    archives: Sequence[SatelliteFile], pattern: str, known: Collection[tuple[str, int]] = frozenset()
) -> Listing:
    """Members of zip archives whose name matches; only the archives' directories are read.

    Args:
        archives: The archives.
        pattern: Glob for the last part of a member's name.
        known: (name, version) of files that need not be read again. An archive that is named as its member is, but for
            the suffix, holds that one product: where it is known, the archive is listed with it and not opened. Others
            may hold more than what is known of them.

    Returns:
        Files named ``<archive>/<member>``, and why an archive has none.
    """
    held = _sole_members(archives, pattern, known)
    unopened = [archive for archive in archives if archive not in held]
    with ThreadPoolExecutor(_LISTED_TOGETHER) as pool:
        listings = list(pool.map(lambda file: _members(file, pattern), unopened))
    files = [*held.values(), *(file for listing in listings for file in listing.files)]
    return Listing(
        sorted(files, key=lambda file: file.name),
        [refusal for listing in listings for refusal in listing.refusals],
    )


def _sole_members(
    archives: Sequence[SatelliteFile], pattern: str, known: Collection[tuple[str, int]]
) -> dict[SatelliteFile, SatelliteFile]:
    """The known member of each archive that bears its name."""
    by_name = {(archive.name, archive.version): archive for archive in archives}
    found: dict[SatelliteFile, SatelliteFile] = {}
    for name, version in known:
        path = PurePosixPath(name)
        for place in path.parents:
            archive = by_name.get((str(place), version))
            if archive is not None and place.stem == path.stem and fnmatch(path.name, pattern):
                uri = member_uri(archive.uri, str(path.relative_to(place)))
                found[archive] = SatelliteFile(name, uri, version)
    return found


def _members(archive: SatelliteFile, pattern: str) -> Listing:
    try:
        names = zip_members(archive.uri, pattern)
    except DamagedFile as error:
        return Listing([], [SlotRefusal(archive, bytes(32), Refusal.FILE_CORRUPT, str(error))])
    except OSError as error:
        words = f"{type(error).__name__}: {error}"
        return Listing([], [SlotRefusal(archive, bytes(32), Refusal.UNREADABLE_SOURCE, words)])
    if not names:
        detail = f"no member matches {pattern}"
        return Listing([], [SlotRefusal(archive, bytes(32), Refusal.MISSING_VARIABLE, detail)])
    return Listing(
        [
            SatelliteFile(f"{archive.name}/{name}", member_uri(archive.uri, name), archive.version)
            for name in names
        ]
    )


def read_file(file: SatelliteFile) -> bytes:
    """Content of a file, in a zip archive or not.

    Raises:
        DamagedFile: The zip archive around it is damaged.
        OSError: It cannot be read at present.
    """
    with opened(file.uri) as stream:
        return stream.read()


def listing_range(
    archive: SatelliteArchive, as_of: datetime, download: DownloadSettings
) -> tuple[datetime, datetime]:
    """The time range to ask a web service for: from the newest slot of the archive less a margin, to the run.

    Args:
        archive: Of the grid.
        as_of: Instant of the run, UTC.
        download: ``margin_hours`` and ``days``, which bounds it.
    """
    last = as_of.replace(tzinfo=UTC) if as_of.tzinfo is None else as_of.astimezone(UTC)
    first = last - timedelta(days=download.days)
    newest = newest_slot(archive)
    if newest is not None:
        first = max(first, newest - timedelta(hours=download.margin_hours))
    return min(first, last), last


def newest_slot(archive: SatelliteArchive) -> datetime | None:
    """Nominal time, UTC, of the newest slot of which anything is held; ``None`` for an empty archive."""
    try:
        status = archive.status()
    except StoreNotFound:
        return None
    held = np.isin(status.to_numpy(), _HELD).any(axis=1)
    return None if not held.any() else status.index[held][-1].to_pydatetime().replace(tzinfo=UTC)
