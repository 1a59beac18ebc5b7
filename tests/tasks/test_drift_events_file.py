"""``drift_events.csv``: rebuilt from the record, replaced whole, described for programs."""

import json

import numpy as np
import pandas as pd
import pytest

from models.science.drift_events import DriftEvent, EventKind
from tasks.drift_events_file import COLUMNS, causal_events, events_path, retrospective_events, write_events
from tasks.publishing import publish_run
from tasks.stores.results import ResultsRecord
from tests.stores.nights import DRIFT_MODEL, night, with_drift


@pytest.fixture
def record(tmp_path):
    record = ResultsRecord(tmp_path / "results")
    record.record(with_drift(night("2026-01-01"), ("a",), event="a"))
    record.record(with_drift(night("2026-01-02"), event="b"))
    return record


def read(path):
    return pd.read_csv(path, parse_dates=["time", "confirmed_at"])


def test_the_file_lies_beside_its_series(tmp_path):
    assert events_path(tmp_path / "series.zarr") == tmp_path / "drift_events.csv"
    assert events_path(tmp_path / "series-2026a.zarr") == tmp_path / "drift_events-2026a.csv"
    assert events_path(tmp_path / "again.zarr") == tmp_path / "drift_events-again.csv"


def test_publishing_writes_what_the_record_knew_and_no_more(record, tmp_path):
    series = tmp_path / "published" / "series.zarr"
    publish_run(record, series, 30, 0, {})
    first = read(events_path(series))
    assert list(first.columns) == list(COLUMNS)
    assert first[["camera", "kind", "images", "pan_px", "method", "night"]].to_numpy().tolist() == [
        ["a", "step", 3, 2.0, "causal", "2026-01-01"]
    ]
    assert first["time"][0] == pd.Timestamp("2026-01-01T01:00Z")
    assert first["confirmed_at"][0] == pd.Timestamp("2026-01-01T03:00Z")
    assert first["drift_model"][0] == DRIFT_MODEL
    assert first[["not_before", "tilt_px", "pan_px_sigma"]].isna().all(axis=None)
    publish_run(record, series, 30, 1, {})
    text = events_path(series).read_text()
    assert read(events_path(series))["camera"].tolist() == ["a", "b"]
    publish_run(record, series, 30, 0, {})  # an older run takes nothing away
    assert events_path(series).read_text() == text
    assert [
        p.name for p in series.parent.iterdir() if "drift" in p.name and p.suffix not in (".csv", ".json")
    ] == []


def test_every_column_is_described(record, tmp_path):
    write_events(tmp_path / "e.csv", causal_events(record, 1))
    described = json.loads((tmp_path / "e.csv-metadata.json").read_text())
    assert described["url"] == "e.csv"
    assert [column["name"] for column in described["tableSchema"]["columns"]] == list(COLUMNS)
    assert all(column["dc:description"] for column in described["tableSchema"]["columns"])


def test_a_record_without_events_gives_a_header(tmp_path):
    record = ResultsRecord(tmp_path / "results")
    record.record(night("2026-01-01"))
    write_events(tmp_path / "e.csv", causal_events(record, 0))
    assert (tmp_path / "e.csv").read_text() == ",".join(COLUMNS) + "\n"


def test_a_file_that_cannot_be_written_leaves_the_old_one(record, tmp_path, monkeypatch):
    path = tmp_path / "e.csv"
    write_events(path, causal_events(record, 0))
    before = path.read_text()

    def full(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(type(path), "replace", full)
    with pytest.raises(OSError, match="disk full"):
        write_events(path, causal_events(record, 1))
    assert path.read_text() == before


def test_retrospective_events_in_the_order_of_their_confirmation(record):
    at = [np.datetime64(f"2026-01-0{day}", "ns") for day in (1, 2, 3)]
    step = DriftEvent(EventKind.STEP, at[1], at[0], at[2], pan_px=1.5, pan_px_sigma=0.25, images=4)
    zoom = DriftEvent(EventKind.ZOOM, at[0], np.datetime64("NaT", "ns"), at[1], zoom=1.02, images=3)
    table = retrospective_events(record, 1, [("b", step), ("a", zoom)])
    assert table[["camera", "kind", "method", "night"]].to_numpy().tolist() == [
        ["a", "zoom", "retrospective", "2026-01-02"],
        ["b", "step", "retrospective", "2026-01-02"],
    ]
    assert table["pan_px"][1] == 1.5
    assert retrospective_events(record, 1, []).empty
