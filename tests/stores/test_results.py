"""The record: one commit a night, newest row counts."""

import numpy as np
import pandas as pd
import pytest

from models.contracts.record import as_published, latest
from tasks.stores.results import ResultsRecord
from tests.stores.nights import CONFIGURATION, MODEL, night, with_drift


@pytest.fixture
def record(tmp_path):
    return ResultsRecord(tmp_path / "results")


def test_a_night_reads_back(record):
    assert not record.exists
    assert record.progress() == {}
    assert record.record(night("2026-01-01")) == 0
    rows = record.observations()
    assert len(rows) == 48  # 2 cameras x 24 hours
    assert rows["time"].min() == pd.Timestamp("2026-01-01T00:01")
    assert rows["frame_sha256"][0] == f"{1:064x}"
    assert (rows["cloud_model"] == 0).all()
    assert record.models()["digest"].tolist() == [MODEL]
    assert record.runs()["configuration_digest"].tolist() == [CONFIGURATION]
    assert record.progress() == {"a": (1, 1), "b": (1, 1)}
    assert record.summaries(0)["camera"].tolist() == ["a", "b"]


def test_a_later_row_of_the_same_frame_counts_and_the_earlier_stays(record):
    record.record(night("2026-01-01", value=0.25))
    late = [np.datetime64("2026-01-01T05:01")]
    record.record(night("2026-01-02", cameras=("b",), times=late, value=0.75))
    rows = record.observations()
    assert len(rows) == 49
    newest = latest(rows).set_index(["camera_index", "time"])["visible_cloud_fraction"]
    assert newest[1, pd.Timestamp("2026-01-01T05:01")] == 0.75
    assert newest[0, pd.Timestamp("2026-01-01T05:01")] == 0.25
    assert (as_published(rows, 0)["visible_cloud_fraction"] == 0.25).all()


def test_only_the_asked_span_is_read(record):
    record.record(night("2026-01-01"))
    record.record(night("2026-01-02"))
    rows = record.observations(np.datetime64("2026-01-02T00:00"), np.datetime64("2026-01-02T02:00"))
    assert sorted(rows["time"].unique()) == [
        pd.Timestamp("2026-01-02T00:01"),
        pd.Timestamp("2026-01-02T01:01"),
    ]


def test_new_cameras_go_behind_and_an_empty_night_is_a_run(record):
    record.record(night("2026-01-01", cameras=("b",)))
    record.record(night("2026-01-02", cameras=("a", "b"), times=[]))
    assert record.cameras() == ["b", "a"]
    assert len(record.runs()) == 2
    assert len(record.observations()) == 24


def test_no_slot_and_no_value_stay_missing(record):
    one = night("2026-01-01", times=[np.datetime64("2026-01-01T05:01")])
    one.observations["slot_time"] = pd.NaT
    one.observations["visible_cloud_fraction"] = np.nan
    one.observations["cloud_model"] = ""
    record.record(one)
    rows = record.observations()
    assert (rows["slot_time"] == np.iinfo(np.int64).min).all()
    assert rows["visible_cloud_fraction"].isna().all()
    assert (rows["cloud_model"] == -1).all()


def test_keyframes_and_events_are_recorded_with_their_camera_model_and_run(record):
    assert record.keyframes().empty and record.drift_events().empty and record.drift_until() == {}
    record.record(night("2026-01-01"))
    assert record.keyframes().empty and record.drift_until() == {}
    record.record(with_drift(night("2026-01-02"), keyframes=["b", "b"], event="b"))
    keyframes, events = record.keyframes(), record.drift_events()
    assert keyframes["camera"].tolist() == ["b", "b"]
    assert keyframes["run"].tolist() == [1, 1]
    assert keyframes["frame_sha256"].tolist() == [f"{1:064x}", f"{2:064x}"]
    assert keyframes["pan_px"].tolist() == [0.5, 0.5]
    assert keyframes["time"].iloc[1] == pd.Timestamp("2026-01-02T01:00")
    models = record.models()
    assert models["name"][keyframes["drift_model"][0]] == "drift_model"
    assert (events["camera"][0], events["kind"][0], events["images"][0]) == ("b", "step", 3)
    assert events["confirmed_at"][0] == pd.Timestamp("2026-01-02T03:00")
    assert pd.isna(events["not_before"][0])
    assert set(record.observations()["drift_model"]) == {-1, keyframes["drift_model"][0]}


def test_the_newest_row_of_a_keyframe_counts(record):
    record.record(with_drift(night("2026-01-01"), keyframes=["a", "a"]))
    later = with_drift(night("2026-01-02", times=[]), keyframes=["a"])
    later.keyframes["in_use"] = 0
    record.record(later)
    assert record.keyframes()["frame_sha256"].tolist() == [f"{2:064x}"]


def test_what_was_followed_last_is_known_and_a_late_frame_does_not_go_back(record):
    record.record(with_drift(night("2026-01-02")))
    assert record.drift_until()["a"] == np.datetime64("2026-01-02T23:01")
    late = with_drift(night("2026-01-01", cameras=("a",)))
    record.record(late)
    assert record.drift_until() == dict.fromkeys("ab", np.datetime64("2026-01-02T23:01"))
