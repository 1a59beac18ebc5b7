"""The record's tables in a Zarr group: a column per array, all of one length, appended and sometimes widened."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
import zarr

from models.contracts.record import empty_columns
from models.contracts.stored import Column


def ensure_table(
    root: zarr.Group, name: str, columns: Mapping[str, Column], row_dim: str, chunk_rows: int
) -> zarr.Group:
    """The table's group, with any column that it lacks; earlier rows read as the fill value."""
    group = root.require_group(name)
    rows = table_length(group)
    for column, (dtype, fill) in columns.items():
        if column in group:
            continue
        wide = dtype == "uint8[32]"
        group.create_array(
            column,
            shape=(rows, 32) if wide else (rows,),
            chunks=(chunk_rows, 32) if wide else (chunk_rows,),
            dtype="uint8" if wide else dtype,
            fill_value=fill,
            dimension_names=(row_dim, "digest") if wide else (row_dim,),
        )
    return group


def table_length(group: zarr.Group) -> int:
    """Rows of a table; 0 where it has no column yet."""
    return next((int(array.shape[0]) for _, array in group.arrays()), 0)


def append_rows(group: zarr.Group, columns: Mapping[str, Column], rows: Mapping[str, np.ndarray]) -> range:
    """Append rows; columns that are not given get their fill value.

    Returns:
        The row numbers written.
    """
    count = len(next(iter(rows.values())))
    filled = empty_columns(dict(columns), count)
    start = table_length(group)
    for column in columns:
        array = group[column]
        array.resize((start + count, *array.shape[1:]))
        if count:
            array[start:] = np.asarray(rows.get(column, filled[column]))
    return range(start, start + count)


def read_rows(
    group: zarr.Group,
    names: Iterable[str] | None = None,
    start: int = 0,
    stop: int | None = None,
    keep: np.ndarray | None = None,
    lacking: Mapping[str, Column] | None = None,
) -> pd.DataFrame:
    """Rows ``start:stop`` as a frame, of them those that ``keep`` marks; digests as hexadecimal text.

    Columns of ``lacking`` that a table of older code does not have yet read as their fill value.
    """
    chosen = list(names) if names is not None else sorted(name for name, _ in group.arrays())
    columns: dict[str, object] = {}
    for name in chosen:
        if name not in group and lacking is not None and name in lacking:
            values = empty_columns({name: lacking[name]}, len(range(table_length(group))[start:stop]))[name]
        else:
            values = np.asarray(group[name][start:stop])
        values = values if keep is None else values[keep]
        columns[name] = [bytes(row).hex() for row in values] if values.ndim == 2 else values
    return pd.DataFrame(columns)


def digests(hexadecimal: Iterable[str]) -> np.ndarray:
    """SHA-256 digests from hexadecimal text, uint8 ``(row, 32)``."""
    rows = [np.frombuffer(bytes.fromhex(text), dtype=np.uint8) for text in hexadecimal]
    return np.stack(rows) if rows else np.empty((0, 32), dtype=np.uint8)
