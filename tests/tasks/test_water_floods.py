"""Metres and flood alerts in nights: one row per flood, the same however often a night is run, never from one image."""

import json

import numpy as np
import pandas as pd
import pytest

from models.contracts.flags import ValueFlag
from models.contracts.series import NO_CODE
from tasks.stores.labels import LabelSource, LabelStore
from tasks.stores.results import ResultsRecord
from tasks.water_events_file import COLUMNS, flood_words, floods, write_floods
from tests.tasks.nights import ingest, night, observations, publish
from tests.tasks.water_camera import days_of, install, plan_of, write_camera

DAY = "2026-03-01"
CALM = [0.3 + 0.1 * (i % 4) / 3 for i in range(24)]
FLOOD = [0.3] * 4 + [0.8, 0.3] + [0.75, 0.9, 0.8, None, 0.8] + [0.3] * 4
"""Hour 4 stands alone; the flood is from hour 6 until the water has fallen at hour 11, fog in its midst."""


def registry(folder, **columns):
    names, values = (
        ",".join(["id", "source", *columns]),
        ",".join(["quay", "images/quay", *map(str, columns.values())]),
    )
    (folder / "cameras.csv").write_text(f"{names}\n{values}\n")


def run(folder, day, **settings):
    plan = plan_of(folder, day, **{"drift__enabled": False, **settings})
    ingest(plan)
    night(plan)
    return plan


def hour(plan, day, n):
    table = observations(plan)
    return table[table["time"] == pd.Timestamp(f"{day}T00:00") + pd.Timedelta(hours=n)].iloc[-1]


def read_gauge(plan, levels, start=DAY, datum="NGF"):
    """Readings of 2 m per level, 100 m above the datum, five minutes after each image."""
    first = np.datetime64(f"{start}T00:05", "ns")
    rows = pd.DataFrame(
        {
            "time": [first + np.timedelta64(i, "h") for i in range(len(levels))],
            "level_m": [100 + 2 * level for level in levels],
            "source_unit": "m",
            "datum": datum,
            "station": "",
            "line": range(len(levels)),
        }
    )
    source = LabelSource("gauge.csv", "00" * 32, "{}", "0", np.datetime64("2026-03-05", "ms"))
    LabelStore(plan.archive_root, "quay").append_gauge(rows, source)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    install(monkeypatch)
    write_camera(tmp_path, "quay", days_of(f"{DAY}T00:00", CALM) | days_of("2026-03-02T00:00", FLOOD))
    return tmp_path


def test_a_camera_without_water_in_view_is_not_asked_for_it(folder):
    registry(folder, flood_level=0.6, water="none")
    rows = observations(run(folder, "2026-03-02"))
    assert len(rows) > 24
    assert (rows["water_level_quality_flag"] == int(ValueFlag.NOT_OBSERVED)).all()
    assert (rows["water_model"] == NO_CODE).all()


def test_a_flood_is_one_event_of_two_agreeing_images(folder):
    registry(folder, flood_level=0.6)
    plan = run(folder, "2026-03-02")
    record = ResultsRecord(plan.results_uri)
    (event,) = record.water_events().to_dict("records")
    day = pd.Timestamp("2026-03-02")
    hours = {
        name: (event[name] - day) / pd.Timedelta("1h")
        for name in ("begin", "confirmed_at", "end", "ended_at", "peak_at")
    }
    assert hours == {"begin": 6, "confirmed_at": 7, "end": 11, "ended_at": 12, "peak_at": 7}
    assert event["images"] == 4 and event["flood_level"] == 0.6 and np.isnan(event["peak_m"])
    # one high image alone alarms nobody; the alert is known from the second one on, and lasts over the fog
    alerts = [hour(plan, "2026-03-02", n)["flood_alert"] for n in range(13)]
    assert alerts == [0] * 7 + [1] * 5 + [0]
    assert hour(plan, "2026-03-02", 4)["flood_probability"] > 0.8
    fog = hour(plan, "2026-03-02", 9)
    assert fog["flood_alert_quality_flag"] == ValueFlag.DOUBTFUL
    assert fog["flood_probability_quality_flag"] == ValueFlag.UNOBSERVABLE and np.isnan(
        fog["flood_probability"]
    )
    (line,) = flood_words(record, 0)
    assert line.startswith("flood at quay from 2026-03-02 06:00 UTC, until 2026-03-02 11:00; peak 0.")


def test_a_flood_that_lasts_is_revised_by_the_next_night_and_late_frames_change_nothing(folder):
    write_camera(folder, "quay", days_of("2026-03-03T00:00", [0.75, 0.9, 0.8]))
    plan = run(folder, "2026-03-03", water__flood_level=0.6)
    record = ResultsRecord(plan.results_uri)
    lasting = floods(record, 0).iloc[-1]
    assert pd.isna(lasting["end"]) and lasting["images"] == 3
    write_camera(folder, "quay", days_of("2026-03-03T01:30", [0.1]) | days_of("2026-03-04T00:00", [0.2, 0.2]))
    run(folder, "2026-03-04", water__flood_level=0.6)
    table = floods(record, 1)
    assert len(table) == 2 and table["begin"].is_unique
    assert table["end"].iloc[-1] == pd.Timestamp("2026-03-04") and table["peak_at"].iloc[-1].hour == 1
    late = observations(plan).set_index("time").loc["2026-03-03T01:30"]
    assert late["flood_alert_quality_flag"] == ValueFlag.ABSTAINED and np.isnan(late["flood_alert"])
    assert late["water_level_quality_flag"] == ValueFlag.GOOD
    assert floods(record, 0).iloc[-1]["images"] == 3  # as it stood


def test_metres_come_from_the_gauge_and_never_beyond_it(folder):
    registry(folder, flood_level_m=101.1)  # level 0.55
    plan = plan_of(folder, "2026-03-02", drift__enabled=False)
    ingest(plan)
    read_gauge(plan, [*CALM, *(0.3 if level is None else level for level in FLOOD[:6])])  # up to level 0.8
    night(plan)
    six, seven = hour(plan, "2026-03-02", 6), hour(plan, "2026-03-02", 7)
    assert six["water_level_m"] == pytest.approx(
        101.5, abs=0.15
    )  # places weigh differently: no straight line
    assert 0 < six["water_level_m_uncertainty"] < 0.3 and six["water_gauge"] != 0
    assert seven["water_level_m_quality_flag"] == ValueFlag.OUTSIDE_READINGS and np.isnan(
        seven["water_level_m"]
    )
    assert seven["flood_alert"] == 1  # above all that was read is above the flood level, too
    (event,) = ResultsRecord(plan.results_uri).water_events().to_dict("records")
    assert event["flood_level_m"] == pytest.approx(101.1, abs=0.01) and np.isnan(event["peak_m"])


def test_a_flood_level_beyond_the_readings_gives_no_alert_rather_than_a_guess(folder):
    registry(folder, flood_level_m=105)
    plan = plan_of(folder, "2026-03-02", drift__enabled=False)
    ingest(plan)
    read_gauge(plan, CALM)
    night(plan)
    row = hour(plan, "2026-03-02", 7)
    assert row["flood_alert_quality_flag"] == ValueFlag.OUTSIDE_READINGS and np.isnan(row["flood_alert"])


def test_readings_above_two_datums_are_not_mixed_and_contradictions_give_no_metres(folder):
    plan = plan_of(folder, "2026-03-02", drift__enabled=False)
    ingest(plan)
    read_gauge(plan, [1 - level for level in CALM], datum="upside down")
    night(plan)
    assert hour(plan, DAY, 3)["water_level_m_quality_flag"] == ValueFlag.NOT_KNOWN
    read_gauge(plan, CALM, datum="NGF")
    write_camera(folder, "quay", days_of("2026-03-03T00:00", [0.35]))
    run(folder, "2026-03-03")
    assert hour(plan, "2026-03-03", 0)["water_level_m"] == pytest.approx(100.7, abs=0.06)


def test_the_file_has_a_row_per_flood_and_describes_every_column(folder):
    plan = run(folder, "2026-03-02", water__flood_level=0.6)
    path = publish(plan).with_name("water_events.csv")
    table = pd.read_csv(path)
    assert list(table.columns) == list(COLUMNS)
    (row,) = table.to_dict("records")
    assert (row["camera"], row["begin"], row["end"]) == (
        "quay",
        "2026-03-02T06:00:00Z",
        "2026-03-02T11:00:00Z",
    )
    assert len(row["water_model"]) == 64 and len(row["water_site"]) == 16 and row["night"] == "2026-03-02"
    described = json.loads(path.with_name("water_events.csv-metadata.json").read_text())
    assert [column["name"] for column in described["tableSchema"]["columns"]] == list(COLUMNS)
    text = path.read_text()
    publish(plan)
    assert path.read_text() == text


def test_a_record_without_floods_gives_a_header(folder):
    plan = run(folder, "2026-03-02")
    write_floods(folder / "w.csv", floods(ResultsRecord(plan.results_uri), 0))
    assert (folder / "w.csv").read_text() == ",".join(COLUMNS) + "\n"
