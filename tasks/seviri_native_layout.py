"""What a SEVIRI level 1.5 native file holds and where, from its header's text; files of another size are refused."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from satpy.readers.core.eum import recarray2dict
from satpy.readers.seviri_l1b_native import has_archive_header
from satpy.readers.seviri_l1b_native_hdr import (
    DEFAULT_15_SECONDARY_PRODUCT_HEADER,
    get_native_header,
    native_trailer,
)

from models.contracts.flags import Refusal
from tasks.seviri_native_format import CHANNELS, DISK_COLUMNS, GROUP_PIXELS, row_record

# What satpy and its libraries raise on a header of rubbish; anything else is a fault of ours.
DAMAGE = (ValueError, TypeError, KeyError, IndexError, OverflowError, NotImplementedError)


class NativeFileRefused(ValueError):
    """A file that cannot be read as asked.

    Args:
        reason: For the ledger.
        detail: In words.
    """

    def __init__(self, reason: Refusal, detail: str) -> None:
        self.reason, self.detail = reason, detail
        super().__init__(detail)


@dataclass(frozen=True)
class NativeLayout:
    """Where things are in a file.

    Attributes:
        channels: Those it holds, in the order of `CHANNELS`.
        header_bytes: Before the first line.
        row: What it holds of one VIS/IR line.
        lines: VIS/IR lines.
        full_width: Whether a line crosses the disk; HRV lines are then half as wide as their grid.
    """

    channels: tuple[str, ...]
    header_bytes: int
    row: np.dtype[np.void]
    lines: int
    full_width: bool


def layout_of(path: Path) -> NativeLayout:
    """Read the header's text, and compare the size of the file with what it announces.

    Raises:
        NativeFileRefused: ``EMPTY_FILE``, or ``FILE_CORRUPT``: not a native file, or of another size.
        OSError: It cannot be opened.
    """
    size = path.stat().st_size
    if size == 0:
        raise NativeFileRefused(Refusal.EMPTY_FILE, "0 bytes")
    try:
        selected, header_bytes = _selection(path)
        channels = tuple(
            c for c, held in zip(CHANNELS, selected["SelectedBandIDs"], strict=False) if held == "X"
        )
        width = (
            int(selected["WestColumnSelectedRectangle"]) - int(selected["EastColumnSelectedRectangle"]) + 1
        )
        lines, hrv_columns = int(selected["NumberLinesVISIR"]), int(selected["NumberColumnsHRV"])
        # The HRV of a full line is half a line wide; the header has the width of the grid.
        hrv = (hrv_columns // 2 if width == DISK_COLUMNS else hrv_columns) if "HRV" in channels else 0
        padded = width + -width % GROUP_PIXELS
        row = row_record(len(channels) - ("HRV" in channels), padded, hrv)
    except DAMAGE as error:
        raise NativeFileRefused(Refusal.FILE_CORRUPT, f"no native header: {error}"[:300]) from error
    expected = header_bytes + lines * row.itemsize + native_trailer.itemsize
    if size != expected:
        raise NativeFileRefused(Refusal.FILE_CORRUPT, f"{size} bytes, where its header announces {expected}")
    return NativeLayout(channels, header_bytes, row, lines, width == DISK_COLUMNS)


def _selection(path: Path) -> tuple[dict[str, str], int]:
    archived = has_archive_header(path)
    record = get_native_header(archived)
    fields: dict[str, Any] = DEFAULT_15_SECONDARY_PRODUCT_HEADER
    if archived:
        text = record.fields["15_SECONDARY_PRODUCT_HEADER"]
        read = np.fromfile(path, text[0], 1, offset=text[1])
        if not len(read):
            raise ValueError("it ends within the header")
        fields = recarray2dict(read)
    return {name: str(field["Value"]) for name, field in fields.items()}, record.itemsize
