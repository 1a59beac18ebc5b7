"""Tables for people and programs: a CSV file, and its columns described beside it (W3C CSV on the Web)."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

Columns = Mapping[str, tuple[str, str]]
"""Data type (XML Schema) and description of each column, in order."""


def write_described(path: Path, table: pd.DataFrame, columns: Columns) -> None:
    """Write a table of texts and ``<name>-metadata.json`` beside it, each whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _replace(path.with_name(f"{path.name}-metadata.json"), _metadata(path, columns))
    _replace(path, table.to_csv(index=False, lineterminator="\n"))


def beside_series(series: Path, name: str) -> Path:
    """Where a table of a series is: ``<name>.csv``, of an edition ``<name>-<edition>.csv``."""
    edition = series.stem.removeprefix("series").removeprefix("-")
    return series.with_name(f"{name}-{edition}.csv" if edition else f"{name}.csv")


def time_texts(times: pd.Series) -> list[str]:
    """ISO 8601, UTC, to the second; empty where there is none."""
    text = np.datetime_as_string(times.to_numpy("datetime64[s]"))
    return [f"{time}Z" if time != "NaT" else "" for time in text]


def number_texts(values: Iterable[float], digits: int) -> list[str]:
    """Numbers of so many significant digits; empty where there is none."""
    return [f"{value:.{digits}g}" if np.isfinite(value) else "" for value in values]


def _metadata(path: Path, columns: Columns) -> str:
    described = [
        {"name": name, "titles": name, "datatype": kind, "dc:description": text}
        for name, (kind, text) in columns.items()
    ]
    context = "http://www.w3.org/ns/csvw"
    about = {"@context": context, "url": path.name, "tableSchema": {"columns": described}}
    return json.dumps(about, indent=1) + "\n"


def _replace(path: Path, text: str) -> None:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
