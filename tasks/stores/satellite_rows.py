"""What goes into a satellite archive: products of slots, and refusals."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.contracts.flags import Refusal
from models.science.degree_grid import DegreeGrid
from models.science.geometry import GeosGrid

SlotGrid = GeosGrid | DegreeGrid
"""Where pixels lie: seen from the satellite, or put on latitude and longitude before they were delivered."""


@dataclass(frozen=True)
class SatelliteFile:
    """A file as listed.

    Attributes:
        name: Path relative to the source, posix.
        uri: What fsspec opens.
        version: 64-bit digest of size and modification time or ETag.
    """

    name: str
    uri: str
    version: int


def without(file: SatelliteFile, unread: Sequence[str]) -> SatelliteFile:
    """The same source in another version: of its files, those of these names were not read."""
    if not unread:
        return file
    words = "\n".join([str(file.version), *sorted(unread)])
    return replace(
        file, version=int.from_bytes(hashlib.blake2b(words.encode(), digest_size=8).digest(), "big")
    )


@dataclass(frozen=True)
class ProductSlot:
    """One product of one slot, cropped to the region.

    Attributes:
        time: Nominal UTC time, ns.
        product: ``CMA``, ``CT`` ...
        values: Packed counts per variable, ``(lines, columns)``, dtype and packing of `SLOT_VARIABLES`.
        absent: Variables asked for that the file does not hold.
        scan_offset_s: Scan time minus the nominal time, s: of every line ``(lines,)``, or of every pixel
            ``(lines, columns)``; NaN for lines that are lacking.
        platform: Such as ``Meteosat-11``.
        grid: Where the pixels lie.
        parallax_corrected: The producer moved the clouds already (``_PLAX`` files).
        file: Where it came from: the file, or for segments their glob and a digest of their versions.
        sha256: Of the file, 32 bytes; of several, the sum of theirs; of the packed values where it was read in place.
        lines_share: Share of the region's lines that came.
    """

    time: np.datetime64
    product: str
    values: Mapping[str, np.ndarray]
    absent: tuple[str, ...]
    scan_offset_s: np.ndarray
    platform: str
    grid: SlotGrid
    parallax_corrected: bool
    file: SatelliteFile
    sha256: bytes
    lines_share: float = 1.0

    @property
    def whole(self) -> bool:
        """Nothing of what was asked for is lacking."""
        return not self.absent and self.lines_share == 1.0


def combined_digest(digests: Sequence[bytes]) -> bytes:
    """One digest of several files, whatever their order and however they are put together: the sum of theirs."""
    return (sum(int.from_bytes(digest, "big") for digest in digests) % (1 << 256)).to_bytes(32, "big")


@dataclass(frozen=True)
class SlotRefusal:
    """Why a file, or a part of it, was not accepted.

    Attributes:
        file: The file.
        sha256: 32 bytes; zeros where it could not be read at all.
        reason: Code.
        detail: In words.
        product: Where the name tells; several with spaces between, for a file that brings several.
        time: Nominal time, where the name tells.
    """

    file: SatelliteFile
    sha256: bytes
    reason: Refusal
    detail: str
    product: str = ""
    time: np.datetime64 | None = None


Outcome = ProductSlot | SlotRefusal
"""What a file, or a part of it, has become."""


@dataclass(frozen=True)
class WriteResult:
    """What a write did.

    Attributes:
        written: Products of slots that are new or replaced another.
        duplicates: Products that were there already, from the same file.
        refusals: Refused by the archive itself: off the time axis, another grid, a second file for one product.
        touched_slots: Nominal times whose content changed, sorted, ns.
        arrival: Number of this batch; the last one's where nothing changed.
        recorded: Of all refusals, those that were not recorded before.
    """

    written: int
    duplicates: int
    refusals: tuple[SlotRefusal, ...]
    touched_slots: tuple[np.datetime64, ...]
    arrival: int
    recorded: tuple[SlotRefusal, ...] = ()


JUDGED_AGAIN = frozenset({Refusal.TIME_IN_FUTURE, Refusal.UNREADABLE_SOURCE, Refusal.INCOMPLETE_SLOT})
"""Reasons that a later run may find gone: such files are read again."""
