"""``drift_events.csv`` beside a series: what happened to the cameras' lines of sight, one row per event.

Rebuilt from the record whenever the series grows, and replaced whole. Its columns are described, for programs too, in
``drift_events.csv-metadata.json`` (W3C CSV on the Web).
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from models.contracts.record import DRIFT_EVENT_SIZES
from models.science.drift_events import DriftEvent
from tasks.described_csv import beside_series, number_texts, time_texts, write_described
from tasks.stores.results import ResultsRecord

_TIMES = ("time", "not_before", "confirmed_at")
_WORDS = {
    "pan_px": ("change of pan", "pixels of the reference frame, positive: the camera turned right"),
    "tilt_px": ("change of tilt", "pixels of the reference frame, positive: the camera turned up"),
    "roll_deg": ("change of roll", "degrees, positive: the camera turned counter-clockwise"),
    "zoom": ("change of zoom", "ratio of the magnification after to that before"),
    "drift_px": ("mean displacement of the four image corners", "pixels of the reference frame"),
}
COLUMNS: dict[str, tuple[str, str]] = {
    "camera": ("string", "id of the camera"),
    "kind": (
        "string",
        "step, zoom, crop, resolution (the level stays changed); outlier, unobservable (passing); thermal (sizes are "
        "the amplitudes of the daily wave)",
    ),
    "time": ("dateTime", "first image of the new state, UTC"),
    "not_before": (
        "dateTime",
        "last image of the old state: it happened between the two; empty where there is none",
    ),
    "confirmed_at": ("dateTime", "image that confirmed the event: it was not known earlier"),
    **{
        column: ("double", text)
        for name, (word, unit) in _WORDS.items()
        for column, text in (
            (name, f"{word}, {unit}; empty where not known"),
            (f"{name}_sigma", f"one standard error of {name}"),
        )
    },
    "images": ("integer", "number of images that agree"),
    "light_regimes": ("integer", "number of light regimes (day, dim, night) among them"),
    "method": (
        "string",
        "causal: found with past images only, never revised; retrospective: found in an edition",
    ),
    "frame_sha256": ("string", "SHA-256 of the confirming image; empty where retrospective"),
    "drift_model": ("string", "SHA-256 of the weights that registered the images; empty where retrospective"),
    "night": ("string", "night that recorded the event"),
    "code_version": ("string", "code that recorded the event"),
}
"""Data type (XML Schema) and description of each column, in order."""


def events_path(series: Path) -> Path:
    """Where the events of a series are: ``drift_events.csv``, ``drift_events-<edition>.csv``."""
    return beside_series(series, "drift_events")


def causal_events(record: ResultsRecord, run: int) -> pd.DataFrame:
    """Events as they stood when ``run`` was recorded, in the order of their confirmation; the columns of the file."""
    events = record.drift_events()
    events = events[events["run"] <= run]
    runs, models = record.runs(), record.models()["digest"].tolist()
    recorded = runs.loc[events["run"].to_numpy(np.int64)]
    return _in_order(
        events.assign(
            method="causal",
            night=recorded["night"].to_numpy(object),
            code_version=recorded["code_version"].to_numpy(object),
            drift_model=[models[code] if code >= 0 else "" for code in events["drift_model"]],
        )
    )


def retrospective_events(
    record: ResultsRecord, run: int, found: Iterable[tuple[str, DriftEvent]]
) -> pd.DataFrame:
    """Events that were found in whole series, by camera; the columns of the file."""
    newest = record.runs().loc[run]
    about = {"night": newest["night"], "code_version": newest["code_version"], "method": "retrospective"}
    rows = [
        {**event.as_row(), "camera": camera, "frame_sha256": "", "drift_model": "", **about}
        for camera, event in found
    ]
    return _in_order(pd.DataFrame(rows, columns=list(COLUMNS)))


def write_events(path: Path, events: pd.DataFrame) -> None:
    """Write the file and the description of its columns, each whole or not at all."""
    table = events.copy()
    for name in _TIMES:
        table[name] = time_texts(table[name])
    for name in DRIFT_EVENT_SIZES:
        for column, digits in ((name, 8), (f"{name}_sigma", 4)):
            table[column] = number_texts(table[column].astype(float), digits)
    write_described(path, table, COLUMNS)


def _in_order(events: pd.DataFrame) -> pd.DataFrame:
    ordered = events.sort_values(["confirmed_at", "camera", "time", "kind"], kind="stable")
    return ordered[list(COLUMNS)].reset_index(drop=True)
