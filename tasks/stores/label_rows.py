"""What a label store is given and what it keeps of it: records, stored columns, and which rows are new."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.contracts.cloud_labels import CLOUD_IDENTITY
from models.contracts.labels import IMPORTS
from models.contracts.stored import Column
from tasks.stores.record_tables import digests

IDENTITY = {
    "pairs": ("left_sha256", "right_sha256", "answer", "annotator", "duration_s", "asked_at"),
    "masks": ("image_sha256", "annotator", "mask_sha256"),
    "gauge": ("time", "level_m", "datum", "station"),
    "clouds": CLOUD_IDENTITY,
}
"""Rows that are equal in these are one: a file that is imported again, or has grown, brings only what is new."""


@dataclass(frozen=True)
class LabelSource:
    """Where an import comes from.

    Attributes:
        name: Of the file.
        sha256: Of its bytes, hexadecimal.
        settings: What it was read with (units, code table), JSON.
        code_version: Of the code that read it.
        imported_at: UTC.
        refused: How many of its rows were not taken.
    """

    name: str
    sha256: str
    settings: str
    code_version: str
    imported_at: np.datetime64
    refused: int = 0


@dataclass(frozen=True)
class NewMask:
    """A mask to import.

    Attributes:
        image_sha256: Of the image, hexadecimal.
        annotator: Who drew it.
        codes: ``MaskCode`` (y, x), uint8, at the image's own size.
        line: Of the import's table, or 0.
    """

    image_sha256: str
    annotator: str
    codes: np.ndarray
    line: int = 0


@dataclass(frozen=True)
class LabelCommit:
    """What an import did.

    Attributes:
        added: Rows that were new.
        repeated: Rows that were known.
        snapshot: Id of the version that holds them all.
    """

    added: int
    repeated: int
    snapshot: str


def stored(table: pd.DataFrame, columns: Mapping[str, Column]) -> dict[str, np.ndarray]:
    """Those columns that the table has, as they are stored."""
    values: dict[str, np.ndarray] = {}
    for name, (dtype, _) in columns.items():
        if name not in table:
            continue
        column = table[name]
        if dtype == "uint8[32]":
            values[name] = digests(column)
        elif dtype == "string":
            values[name] = column.to_numpy(object)
        elif pd.api.types.is_datetime64_any_dtype(column):
            values[name] = column.to_numpy().astype("datetime64[ms]").astype(np.int64)
        else:
            values[name] = column.to_numpy(str(dtype))
    return values


def with_times(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its times as datetime64[ns], NaT where there is none."""
    times = {
        name: table[name].to_numpy(np.int64).astype("datetime64[ms]").astype("datetime64[ns]")
        for name in ("time", "asked_at", "imported_at")
        if name in table
    }
    return table.assign(**times)


def new_rows(
    values: Mapping[str, np.ndarray], known: Mapping[str, np.ndarray] | None, identity: Sequence[str]
) -> np.ndarray:
    """Places of the rows that are not known, each once."""
    seen = set() if known is None else set(_keys(known, identity))
    new = []
    for place, key in enumerate(_keys(values, identity)):
        if key not in seen:
            seen.add(key)
            new.append(place)
    return np.array(new, dtype=np.int64)


def _keys(values: Mapping[str, np.ndarray], identity: Sequence[str]) -> Iterable[tuple[object, ...]]:
    columns = []
    for name in identity:
        array = values[name]
        if array.ndim == 2:
            columns.append([bytes(row) for row in array])
        elif array.dtype.kind == "f":  # NaN is not itself
            columns.append([None if np.isnan(value) else value for value in array.tolist()])
        else:
            columns.append(array.tolist())
    return zip(*columns, strict=True)


def import_row(kind: str, source: LabelSource, added: int) -> dict[str, np.ndarray]:
    """The row of the imports table."""
    row = pd.DataFrame(
        {
            "kind": [kind],
            "source": [source.name],
            "source_sha256": [source.sha256],
            "settings": [source.settings],
            "code_version": [source.code_version],
            "imported_at": [source.imported_at],
            "added": [added],
            "refused": [source.refused],
        }
    )
    return stored(row, IMPORTS)
