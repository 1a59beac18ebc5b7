"""``water_events.csv`` beside a series: the floods that the cameras saw, one row per flood.

Rebuilt from the record whenever the series grows, and replaced whole: the row of a flood that lasts is revised, and
``camera`` and ``begin`` are its key.
"""

from pathlib import Path

import pandas as pd

from tasks.described_csv import beside_series, number_texts, time_texts, write_described
from tasks.stores.results import ResultsRecord

_KEY = ["camera", "begin"]
_TIMES = ("begin", "confirmed_at", "end", "ended_at", "peak_at")
_NUMBERS = ("peak", "peak_m", "flood_level", "flood_level_m")
COLUMNS: dict[str, tuple[str, str]] = {
    "camera": ("string", "id of the camera; with begin the key of the row"),
    "begin": ("dateTime", "first of the two images that began the flood, UTC"),
    "confirmed_at": ("dateTime", "second of them: the flood was not known earlier"),
    "end": ("dateTime", "first of the two images that ended it; empty while it lasts"),
    "ended_at": ("dateTime", "second of them; empty while it lasts"),
    "peak": ("double", "highest water level so far, 0 to 1"),
    "peak_m": ("double", "the same in metres; empty without gauge readings or beyond them"),
    "peak_at": ("dateTime", "image of the peak"),
    "flood_level": ("double", "water level above which there is a flood, 0 to 1"),
    "flood_level_m": ("double", "the same in metres; empty without gauge readings or beyond them"),
    "images": ("integer", "images of the flood in which the water could be judged"),
    "water_site": ("string", "first eight bytes of the SHA-256 of the site that the levels are relative to"),
    "water_model": ("string", "SHA-256 of the weights that saw the water"),
    "night": ("string", "night that revised the row last"),
    "code_version": ("string", "code that revised it"),
}
"""Data type (XML Schema) and description of each column, in order."""


def water_events_path(series: Path) -> Path:
    """Where the floods of a series are: ``water_events.csv``, ``water_events-<edition>.csv``."""
    return beside_series(series, "water_events")


def floods(record: ResultsRecord, run: int) -> pd.DataFrame:
    """Floods as they stood when ``run`` was recorded, in the order of their beginnings; the columns of the file."""
    rows = record.water_events()
    rows = rows[rows["run"] <= run].drop_duplicates(_KEY, keep="last")
    runs, models = record.runs(), record.models()["digest"].tolist()
    revised = runs.loc[rows["run"].to_numpy()]
    rows = rows.assign(
        water_site=[f"{int(code):016x}" for code in rows["water_site"]],
        water_model=[models[code] if code >= 0 else "" for code in rows["water_model"]],
        night=revised["night"].to_numpy(object),
        code_version=revised["code_version"].to_numpy(object),
    )
    return rows.sort_values(["begin", "camera"], kind="stable")[list(COLUMNS)].reset_index(drop=True)


def write_floods(path: Path, events: pd.DataFrame) -> None:
    """Write the file and the description of its columns, each whole or not at all."""
    times = {name: time_texts(events[name]) for name in _TIMES}
    numbers = {name: number_texts(events[name].astype(float), 4) for name in _NUMBERS}
    write_described(path, events.assign(**times, **numbers), COLUMNS)


def flood_words(record: ResultsRecord, run: int) -> list[str]:
    """One line per flood that began, lasted or ended in a run."""
    rows = record.water_events()
    return [_words(row) for row in rows[rows["run"] == run].sort_values(_KEY).to_dict("records")]


def _words(row: dict[str, object]) -> str:
    begin, peak_at = pd.Timestamp(row["begin"]), pd.Timestamp(row["peak_at"])  # type: ignore[arg-type]
    ended = pd.Timestamp(row["end"])  # type: ignore[arg-type]
    span = f"until {ended:%Y-%m-%d %H:%M}" if not pd.isna(ended) else "lasts"
    peak = f"{row['peak']:.2f}" + ("" if pd.isna(row["peak_m"]) else f" ({row['peak_m']:.2f} m)")
    return (
        f"flood at {row['camera']} from {begin:%Y-%m-%d %H:%M} UTC, {span}; "
        f"peak {peak} at {peak_at:%Y-%m-%d %H:%M}, flood level {row['flood_level']:.2f}"
    )
