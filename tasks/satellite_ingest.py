"""From a folder of satellite files to the archive of one grid."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime

import numpy as np

from models.contracts.flags import Refusal
from models.contracts.slots import SatelliteGridSettings
from tasks.eumetsat_credentials import Credentials
from tasks.image_sources import SourceUnavailable
from tasks.satellite_files import SlotReader
from tasks.satellite_processes import FileReaders
from tasks.satellite_refused import NO_HEADER, incomplete
from tasks.satellite_sources import listing_range, open_source
from tasks.source_files import Listing, SatelliteSource
from tasks.stores.satellite_archive import SatelliteArchive
from tasks.stores.satellite_rows import ProductSlot, SatelliteFile, SlotRefusal, WriteResult


@dataclass(frozen=True)
class SatelliteSummary:
    """What one run brought to one grid.

    Attributes:
        grid: Its name.
        files: Files in the source that belong to the grid's products.
        listed: All files in the source whose names match the pattern, archives that cannot be opened included.
        outside: Of ``files``, segments that lie beside the region.
        slots_written: Products of slots stored or replaced.
        refused: Refusals per reason that were not recorded before.
        days: UTC days whose slots changed.
        touched_slots: Nominal times whose content changed, ns.
        error: Why the source could not be read, if so.
    """

    grid: str
    files: int = 0
    slots_written: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    days: tuple[date, ...] = ()
    touched_slots: tuple[np.datetime64, ...] = ()
    error: str | None = None
    listed: int = 0
    outside: int = 0


def ingest_satellite(
    settings: SatelliteGridSettings,
    archive_root: str,
    as_of: datetime,
    *,
    processes: int = 0,
    credentials: Credentials | None = None,
) -> SatelliteSummary:
    """Bring what is new in a source to the archive, one commit per day of slots.

    Args:
        settings: The grid.
        archive_root: Folder or URI of the archives.
        as_of: UTC; a slot after it is refused for now, and judged again by later runs.
        processes: Read files in so many processes; 0 in this one (see `tasks.satellite_processes`).
        credentials: Of a source that is a web service; from the environment where absent.

    Returns:
        The summary; a source that is not there is an error in it.

    Raises:
        ConfigurationError: satpy has no such reader, or the source has no credentials.
        StoreError: The archive was made for other settings.
    """
    reader, archive = SlotReader(settings), SatelliteArchive(archive_root, settings.name)
    archive.check(settings)
    now = np.datetime64(as_of.replace(tzinfo=None), "ns")
    try:
        with open_source(settings, credentials) as source:
            known = archive.known(settings)
            held = known if settings.member else frozenset()
            listing = source.files(*listing_range(archive, as_of, settings.download), held)
            return _Run(settings, reader, archive, source, now).take(listing, known, processes)
    except SourceUnavailable as error:
        return SatelliteSummary(settings.name, error=str(error))


@dataclass(frozen=True)
class _Run:
    """One run's ingest of one grid."""

    settings: SatelliteGridSettings
    reader: SlotReader
    archive: SatelliteArchive
    source: SatelliteSource
    now: np.datetime64

    def take(self, listing: Listing, known: set[tuple[str, int]], processes: int) -> SatelliteSummary:
        """Archive what is listed and not known."""
        ours = [file for file in listing.files if self.reader.identify(file.name) is not None]
        by_day: dict[str, dict[str, SatelliteFile]] = {}
        waiting: list[SlotRefusal] = []
        staged: set[str] = set()
        for one in self.reader.sets(ours, known):
            if len(one.headers) < one.headers_due:  # nothing of it is brought here for that
                waiting += incomplete(one, NO_HEADER)
                staged.update(f.name for f in (*one.headers, *one.files))
                continue
            by_day.setdefault(str(one.time)[:10], {}).update({f.name: f for f in (*one.headers, *one.files)})
        due = staged.union(*by_day.values())
        # A run that was killed between archiving and tidying up left them.
        self.source.discard([file for file in ours if file.name not in due])
        written = 0
        touched: list[np.datetime64] = []
        refused: Counter[str] = Counter()
        with FileReaders(self.settings, processes) as readers:
            unread = [r for r in listing.refusals if (r.file.name, r.file.version) not in known] + waiting
            if unread:
                refused.update(_names(self._write([], unread)))
            for day in sorted(by_day):
                fetched = self.source.fetch(list(by_day[day].values()))
                # Sets anew: what a set is known by names the files that did come.
                slots, refusals = _judge(readers.read(self.reader.sets(fetched.files, known)), self.now)
                result = self._write(slots, [*refusals, *map(self._identified, fetched.refusals)])
                written += result.written
                touched += result.touched_slots
                refused.update(_names(result))
                self.source.discard(fetched.files)
        days = tuple(sorted({time.astype("datetime64[D]").astype(date) for time in touched}))
        return SatelliteSummary(
            self.settings.name,
            len(ours),
            written,
            dict(refused),
            days,
            tuple(sorted(touched)),
            listed=len(listing.files) + len(listing.refusals),
            outside=sum(not self.reader.wanted(file.name) for file in ours),
        )

    def _write(self, slots: list[ProductSlot], refusals: list[SlotRefusal]) -> WriteResult:
        return self.archive.write_day(self.settings, slots, refusals, self.now)

    def _identified(self, refusal: SlotRefusal) -> SlotRefusal:
        stated = self.reader.identify(refusal.file.name)
        return (
            refusal
            if stated is None
            else replace(refusal, product=" ".join(stated.products), time=stated.time)
        )


def _names(result: WriteResult) -> list[str]:
    return [refusal.reason.name.lower() for refusal in result.recorded]


def _judge(
    reads: Iterable[ProductSlot | SlotRefusal], now: np.datetime64
) -> tuple[list[ProductSlot], list[SlotRefusal]]:
    slots: list[ProductSlot] = []
    refusals: list[SlotRefusal] = []
    future: dict[tuple[str, int, str], list[ProductSlot]] = {}
    for read in reads:
        if isinstance(read, SlotRefusal):
            refusals.append(read)
            continue
        if read.time > now:
            future.setdefault((read.file.name, read.file.version, read.product), []).append(read)
            continue
        slots.append(read)
        if read.absent:
            detail = f"lacks {', '.join(read.absent)}; the rest is kept"
            refusals.append(
                SlotRefusal(read.file, read.sha256, Refusal.MISSING_VARIABLE, detail, read.product)
            )
    return slots, [*refusals, *(_yet_to_come(reads, now) for reads in future.values())]


def _yet_to_come(slots: list[ProductSlot], now: np.datetime64) -> SlotRefusal:
    """One refusal of all slots of a file that are after the run, under the time of the last: it waits for that."""
    last = max(slots, key=lambda slot: slot.time)
    detail = f"slot of {last.time}, run of {now}"
    if len(slots) > 1:
        detail = f"{len(slots)} slots, the last of {last.time}, run of {now}"
    return SlotRefusal(last.file, last.sha256, Refusal.TIME_IN_FUTURE, detail, last.product, last.time)
