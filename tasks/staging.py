"""Values on their way from inference to the record: one file per batch, whole or absent."""

import os
from pathlib import Path

import numpy as np
import pandas as pd


def write_table(path: Path, table: pd.DataFrame) -> Path:
    """Write a table of plain columns; text is stored as fixed-width Unicode, times as datetime64[ns]."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    with unfinished.open("wb") as file:
        np.savez(file, **{name: _plain(table[name]) for name in table})
    unfinished.replace(path)
    return path


def read_table(path: Path) -> pd.DataFrame:
    """Read what `write_table` wrote."""
    with np.load(path, allow_pickle=False) as stored:
        columns = {name: stored[name] for name in stored.files}
    return pd.DataFrame({k: v.astype(object) if v.dtype.kind == "U" else v for k, v in columns.items()})


def _plain(column: pd.Series) -> np.ndarray:
    values = column.to_numpy()
    if pd.api.types.is_datetime64_any_dtype(column):
        return values.astype("datetime64[ns]")
    return values.astype(np.str_) if values.dtype.kind not in "biuf" else values
