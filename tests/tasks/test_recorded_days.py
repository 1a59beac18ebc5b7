"""Camera-days of the record: read once per day, of a batch's cameras alone, and let go of once handed out."""

from datetime import date

import numpy as np
import pytest

from tasks.recorded_days import RecordedDays
from tasks.stores.results import ResultsRecord
from tests.tasks.drift_camera import plan_of, write_camera
from tests.tasks.nights import ingest, night
from tests.tasks.sky_camera import DAY, picture

TODAY = date.fromisoformat(DAY)
OFF = {"cloud__sky": False, "drift__enabled": False, "water__enabled": False}


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    """Two frames of one camera, one of another."""
    folder = tmp_path_factory.mktemp("recorded")
    write_camera(folder, "east", {f"{DAY}T12:10": picture(), f"{DAY}T13:10": picture()})
    write_camera(folder, "west", {f"{DAY}T12:10": picture()})
    one = plan_of(folder, DAY, **OFF)
    ingest(one)
    night(one)
    return ResultsRecord(one.results_uri)


def test_rows_of_one_camera_alone_are_read(record):
    day = np.datetime64(DAY, "ns")
    whole = record.observations(day, day + np.timedelta64(1, "D"))
    of = {name: record.observations(day, cameras=[name]) for name in ("east", "west", "never")}
    assert [len(whole), *map(len, of.values())] == [3, 2, 1, 0]
    assert of["west"]["camera_index"].tolist() == [record.cameras().index("west")]
    assert len(record.observations(day, cameras=[])) == 0


def test_a_day_is_read_once_for_its_cameras_and_handed_out_once(record, monkeypatch):
    reads = []
    read = RecordedDays._read
    monkeypatch.setattr(RecordedDays, "_read", lambda self, day: reads.append(day) or read(self, day))
    days = RecordedDays(record, ["east", "west"])
    assert (len(days.of("east", TODAY)), len(days.of("west", TODAY)), len(reads)) == (2, 1, 1)
    assert days._waiting == {TODAY: {}}
    assert (len(days.of("west", TODAY)), len(reads)) == (1, 2)  # asked again it is read again


def test_only_the_cameras_of_the_batch_are_kept(record):
    days = RecordedDays(record, ["east"])
    table = days.of("east", TODAY)
    assert table["camera"].tolist() == ["east"] * 2 and "run" not in table
    assert table["cloud_model"].str.len().tolist() == [64, 64]


def test_without_a_record_a_day_is_empty(tmp_path):
    table = RecordedDays(ResultsRecord(tmp_path / "none"), ["east"]).of("east", TODAY)
    assert len(table) == 0 and table["time"].dtype == "datetime64[ns]"
