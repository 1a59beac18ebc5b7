"""What every import of labels shares: rows that are taken or left out, where they come from, and what was done."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from tasks.image_times import to_datetime64
from tasks.label_tables import BadRow, Row
from tasks.provenance import code_version
from tasks.stores.labels import LabelCommit, LabelSource


@dataclass(frozen=True)
class ImportReport:
    """What an import did.

    Attributes:
        camera: Id; empty for rows that name no camera with an archive.
        kind: ``pairs``, ``masks``, ``gauge`` or ``clouds``.
        file: That was imported.
        added: Rows that were new.
        repeated: Rows that were known.
        refused: Rows that were not taken.
        snapshot: Id of the version that holds what was taken; empty where nothing was.
    """

    camera: str
    kind: str
    file: str
    added: int
    repeated: int
    refused: tuple[BadRow, ...]
    snapshot: str


def taken_rows(
    rows: list[tuple[int, Row]], bad: list[BadRow], read: Callable[[Row], dict[str, object]]
) -> list[dict[str, object]]:
    """Rows as read, each with its line; those that cannot be are added to ``bad``."""
    good = []
    for line, row in rows:
        try:
            good.append({**read(row), "line": line})
        except ValueError as error:
            bad.append(BadRow(line, str(error)))
    return good


def row_table(good: list[dict[str, object]], times: tuple[str, ...]) -> pd.DataFrame:
    """Rows as a store takes them; the columns of ``times`` in milliseconds."""
    table = pd.DataFrame(good)
    return table.assign(**{name: table[name].astype("datetime64[ms]") for name in times})


def import_source(path: Path, sha256: str, settings: Mapping[str, object], bad: list[BadRow]) -> LabelSource:
    """Where an import comes from, now; ``settings`` is what it was read with."""
    text = json.dumps(settings, sort_keys=True)
    return LabelSource(path.name, sha256, text, code_version(), to_datetime64(datetime.now(UTC)), len(bad))


def import_report(
    camera: str, kind: str, path: Path, done: LabelCommit | None, bad: list[BadRow]
) -> ImportReport:
    """What an import did, its refused rows in order; ``done`` is ``None`` where nothing was taken."""
    refused = tuple(sorted(bad, key=lambda row: (row.line, row.reason)))
    if done is None:
        return ImportReport(camera, kind, str(path), 0, 0, refused, "")
    return ImportReport(camera, kind, str(path), done.added, done.repeated, refused, done.snapshot)
