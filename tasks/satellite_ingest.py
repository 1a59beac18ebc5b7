"""From a folder of satellite files to the archive of one grid."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

import numpy as np

from models.contracts.flags import Refusal
from models.contracts.slots import SatelliteGridSettings
from tasks.image_sources import SourceUnavailable
from tasks.satellite_files import SlotReader, list_files
from tasks.satellite_processes import FileReaders
from tasks.satellite_sets import SlotFiles
from tasks.stores.satellite_archive import SatelliteArchive
from tasks.stores.satellite_rows import ProductSlot, SlotRefusal


@dataclass(frozen=True)
class SatelliteSummary:
    """What one run brought to one grid.

    Attributes:
        grid: Its name.
        files: Files in the source that belong to the grid's products.
        slots_written: Products of slots stored or replaced.
        refused: New refusals per reason.
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


def ingest_satellite(
    settings: SatelliteGridSettings, archive_root: str, as_of: datetime, *, processes: int = 0
) -> SatelliteSummary:
    """Bring what is new in a source to the archive, one commit per day of slots.

    Args:
        settings: The grid.
        archive_root: Folder or URI of the archives.
        as_of: UTC; a slot after it is refused for now, and judged again by later runs.
        processes: Read files in so many processes; 0 in this one (see `tasks.satellite_processes`).

    Returns:
        The summary; a source that is not there is an error in it.

    Raises:
        ConfigurationError: satpy has no such reader.
        StoreError: The archive was made for other settings.
    """
    reader, archive = SlotReader(settings), SatelliteArchive(archive_root, settings.name)
    try:
        files = list_files(settings.source, settings.pattern)
    except SourceUnavailable as error:
        return SatelliteSummary(settings.name, error=str(error))
    now = np.datetime64(as_of.replace(tzinfo=None), "ns")
    ours = [file for file in files if reader.identify(file.name) is not None]
    known = archive.known()
    by_day: dict[str, list[SlotFiles]] = {}
    for one in reader.sets(ours, known):
        by_day.setdefault(str(one.time)[:10], []).append(one)
    written = 0
    touched: list[np.datetime64] = []
    refused: Counter[str] = Counter()
    with FileReaders(settings, processes) as readers:
        for day in sorted(by_day):
            slots, refusals = _judge(readers.read(by_day[day]), now)
            result = archive.write_day(settings, slots, refusals, now)
            written += result.written
            touched += result.touched_slots
            refused.update(refusal.reason.name.lower() for refusal in (*refusals, *result.refusals))
    days = tuple(sorted({time.astype("datetime64[D]").astype(date) for time in touched}))
    return SatelliteSummary(settings.name, len(ours), written, dict(refused), days, tuple(sorted(touched)))


def _judge(
    reads: Iterable[ProductSlot | SlotRefusal], now: np.datetime64
) -> tuple[list[ProductSlot], list[SlotRefusal]]:
    slots: list[ProductSlot] = []
    refusals: list[SlotRefusal] = []
    for read in reads:
        if isinstance(read, SlotRefusal):
            refusals.append(read)
            continue
        if read.time > now:
            detail = f"slot of {read.time}, run of {now}"
            refusals.append(
                SlotRefusal(read.file, read.sha256, Refusal.TIME_IN_FUTURE, detail, read.product, read.time)
            )
            continue
        slots.append(read)
        if read.absent:
            detail = f"lacks {', '.join(read.absent)}; the rest is kept"
            refusals.append(
                SlotRefusal(read.file, read.sha256, Refusal.MISSING_VARIABLE, detail, read.product)
            )
    return slots, refusals
