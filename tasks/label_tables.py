"""Tables of labels as people write them: rows with their lines, and those that cannot be read, each with its reason."""

import csv
import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from models.science.time_names import TimeUnreadable, read_text
from tasks.errors import ConfigurationError
from tasks.image_times import possible_instants, to_datetime64

Row = dict[str, str]


@dataclass(frozen=True)
class BadRow:
    """A row that was not taken: its line (1-based; 0 where there is none), and why."""

    line: int
    reason: str


def read_file(path: Path) -> bytes:
    """A file's bytes.

    Raises:
        ConfigurationError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(path, None, error.strerror or str(error), "give a file to import") from error


def read_rows(
    path: Path, content: bytes, required: Sequence[str]
) -> tuple[list[tuple[int, Row]], list[BadRow]]:
    """Rows of a CSV file with a header, by column; empty cells are left out, columns of no use are let pass.

    Args:
        path: For messages.
        content: Of the file, UTF-8.
        required: Columns that must be there.

    Returns:
        (line, row) each, and the lines that are no row.

    Raises:
        ConfigurationError: The file as a whole is no such table.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigurationError(path, line, "not UTF-8", "save the file as UTF-8") from error
    header: list[str] | None = None
    rows: list[tuple[int, Row]] = []
    bad: list[BadRow] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip(" \t\r,") or line.lstrip().startswith("#"):
            continue
        try:  # line by line: a quote left open must not swallow the rows below it
            (cells,) = csv.reader([line], skipinitialspace=True, strict=True)
        except csv.Error as error:
            bad.append(BadRow(number, f"not a row of CSV: {error}"))
            continue
        stripped = [cell.strip() for cell in cells]
        if header is None:
            header = [name.lower() for name in stripped]
            _check_header(path, number, header, required)
        elif len(stripped) > len(header):
            bad.append(BadRow(number, f"{len(stripped)} cells under {len(header)} columns"))
        else:
            rows.append((number, {name: cell for name, cell in zip(header, stripped, strict=False) if cell}))
    if header is None:
        raise ConfigurationError(path, 1, "the file is empty", f"begin with the line {','.join(required)}")
    return rows, bad


def _check_header(path: Path, line: int, header: list[str], required: Sequence[str]) -> None:
    if len(header) == 1 and (";" in header[0] or "\t" in header[0]):
        raise ConfigurationError(path, line, "columns are not separated by commas", "save it with commas")
    for column in required:
        if column not in header:
            near = difflib.get_close_matches(column, header, n=1)
            mend = f"rename {near[0]!r}" if near else f"add it; {', '.join(required)} are required"
            raise ConfigurationError(path, line, f"column {column!r} is missing", mend)
        if header.count(column) > 1:
            raise ConfigurationError(path, line, f"column {column!r} comes twice", "keep one of them")


def check_time_zone(name: str) -> None:
    """Refuses what is no IANA time zone.

    Raises:
        ConfigurationError: Naming the option.
    """
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        mend = "give an IANA name such as Europe/Paris, or Etc/GMT+5"
        raise ConfigurationError("--time-zone", None, f"no time zone {name!r}", mend) from error


def read_time(text: str, time_zone: str = "UTC") -> np.datetime64:
    """UTC time of a cell: ISO 8601 with an offset, or in ``time_zone`` without one.

    Raises:
        ValueError: It is no time, or one that the clocks skipped or passed twice.
    """
    try:
        stated = read_text(text)
    except TimeUnreadable as error:
        raise ValueError(str(error)) from error
    if not stated.is_local:
        return to_datetime64(stated.stated.astimezone(UTC))
    first, second = possible_instants(stated.stated, time_zone)
    if first != second:
        raise ValueError(
            f"{text!r} comes twice in {time_zone}: the clocks went back; write it with its offset"
        )
    return to_datetime64(first)


def read_number(text: str) -> float:
    """A finite number of a cell.

    Raises:
        ValueError: It is none.
    """
    try:
        number = float(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no number") from error
    if not np.isfinite(number):
        raise ValueError(f"{text!r} is no number")
    return number
