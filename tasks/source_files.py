"""What a satellite source answers: files that it has, and files that it brought."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from tasks.stores.satellite_rows import SatelliteFile, SlotRefusal


@dataclass(frozen=True)
class Listing:
    """What a source has.

    Attributes:
        files: Sorted by name.
        refusals: What is there and cannot be listed, such as an archive without a directory.
    """

    files: list[SatelliteFile]
    refusals: list[SlotRefusal] = field(default_factory=list)


@dataclass(frozen=True)
class Fetched:
    """What was brought.

    Attributes:
        files: As listed, with URIs that are read without waiting for a service.
        refusals: Why others were not; without product and time, which their names tell.
    """

    files: list[SatelliteFile]
    refusals: list[SlotRefusal] = field(default_factory=list)


class SatelliteSource(Protocol):
    """Where a grid's files come from."""

    def files(
        self, first: datetime, last: datetime, known: Collection[tuple[str, int]] = frozenset()
    ) -> Listing:
        """Files that may hold slots of a time range, UTC; a source that has no times lists all.

        Those among ``known`` (source, source_version) are listed too, though nothing be opened for them.

        Raises:
            SourceUnavailable: It is not there or does not answer.
        """

    def fetch(self, files: Sequence[SatelliteFile]) -> Fetched:
        """Bring files to this machine, where they are not read in place."""

    def discard(self, files: Iterable[SatelliteFile]) -> None:
        """Remove what `fetch` brought of them."""

    def close(self) -> None:
        """End connections."""
