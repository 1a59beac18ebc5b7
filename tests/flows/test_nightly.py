"""The night as a flow, on a tiny network: what it does with faults, with repetition, and what it calls itself."""

import shutil
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from models.contracts.flags import AlignmentReason
from tasks.errors import ConfigurationError
from tasks.stores.camera_archive import CameraArchive
from tasks.stores.results import ResultsRecord
from tests.tasks.nights import NIGHT, observations, plan_of

pytestmark = [pytest.mark.flow, pytest.mark.filterwarnings("ignore")]


def opened(folder, name="series.zarr"):
    return xr.open_zarr(folder / "published" / name).load()


def last_rows(folder):
    record = ResultsRecord(folder / "results")
    return record.summaries(len(record.runs()) - 1).set_index("camera")


def test_a_night_publishes_and_a_second_one_does_nothing_twice(network, run_night):
    state, summary = run_night(network)
    assert (state.name, summary.verdict, summary.frames, summary.matched) == ("Completed", "ok", 24, 24)
    series = opened(network)
    assert dict(series.sizes) | {"time": 48, "camera": 2} == dict(series.sizes)
    assert int(series.observation_time.notnull().sum()) == 24
    assert set(series.slot_reason.values[series.observation_time.notnull()]) == {AlignmentReason.MATCHED}
    report = (network / "published" / "nights" / "2025-03-29.html").read_text()
    assert "Night 2025-03-29: ok" in report and "river001" in report
    assert (network / "published" / "nights" / "2025-03-29.jpg").stat().st_size > 10_000
    table = pd.read_csv(network / "published" / "nights" / "2025-03-29.csv")
    assert table["status"].tolist() == ["ok", "ok"]
    assert not (network / "published" / ".staging" / "2025-03-29").exists()
    month = network / "published" / "nights" / "satellite-msg-2025-03.png"
    assert month.read_bytes().startswith(b"\x89PNG") and month.name in report

    before = observations(plan_of(network))
    state, summary = run_night(network)
    assert (state.name, summary.frames, summary.steps_published) == ("Completed", 0, 0)
    pd.testing.assert_frame_equal(observations(plan_of(network)), before)
    xr.testing.assert_identical(opened(network), series)


def test_what_is_broken_is_a_row_and_the_rest_is_done(network, run_night):
    """A vanished folder, an image cut short, one of tomorrow, a satellite file cut short; a bad row of the registry."""
    images = network / "images"
    with (network / "cameras.csv").open("a") as file:
        file.write("gone,images/gone" + "," * 9 + "\n")
        file.write("Bad Id,images/gone" + "," * 9 + "\n")
    whole = (images / "river001" / "20250329_120100.jpg").read_bytes()
    (images / "river001" / "20250329_123000.jpg").write_bytes(whole[: len(whole) // 2])
    (images / "river001" / "20250401_123000.jpg").write_bytes(whole)
    (images / "river001" / "20250329_124000.jpg").write_bytes(b"")
    cut = next(network.glob("satellite/*T060000Z.nc"))
    cut.write_bytes(cut.read_bytes()[:5000])
    state, summary = run_night(network)
    # One of three cameras has no output: above 5 %, below 50 %.
    assert (state.name, summary.verdict, summary.without_output) == ("Degraded", "degraded", ("gone",))
    assert summary.refused == {"truncated": 1, "time_in_future": 1, "empty_file": 1, "file_corrupt": 1}
    assert (summary.frames, summary.registry_rows_refused) == (24, 1)
    table = pd.read_csv(network / "published" / "nights" / "2025-03-29.csv")
    assert table["camera"].tolist() == ["gone", "river001", "sea002"]  # worst first
    assert table["status"].tolist() == ["not_ingested", "ok", "ok"]
    assert table["output"].tolist() == [False, True, True]
    assert int(opened(network).observation_time.notnull().sum()) == 24
    assert sorted(CameraArchive(network / "archive", "river001").refusals()["reason"]) == [
        "empty_file",
        "time_in_future",
        "truncated",
    ]


def test_the_verdict_is_the_name_of_the_state_and_a_failed_night_is_published_by_the_next(network, run_night):
    shutil.move(network / "images" / "sea002", network / "elsewhere")
    # One of two cameras without output is 50 %: above 40 % failed, and recorded all the same.
    state, summary = run_night(network, command_line={"night.failed_share": 0.4})
    assert (state.name, summary.verdict, summary.frames) == ("Failed", "failed", 12)
    assert state.is_failed()
    assert not (network / "published" / "series.zarr").exists()
    assert len(observations(plan_of(network))) == 12
    shutil.move(network / "elsewhere", network / "images" / "sea002")
    state, summary = run_night(network, command_line={"night.failed_share": 0.4})
    assert (state.name, summary.frames) == ("Completed", 12)
    assert int(opened(network).observation_time.notnull().sum()) == 24


def test_a_late_slot_goes_to_the_record_and_the_published_night_stays(network, run_night):
    held = next(network.glob("satellite/*T114500Z.nc"))
    held = held.rename(network / held.name)
    run_night(network)
    before = opened(network)
    held.rename(network / "satellite" / held.name)
    state, summary = run_night(network, NIGHT + timedelta(days=1))
    assert (summary.matched, summary.refused) == (2, {})
    # The next day has no image at all: every camera is without output, the night failed and is not published.
    assert state.name == "Failed"
    xr.testing.assert_identical(opened(network), before)
    table = observations(plan_of(network))
    assert table[table["run"] == 1]["slot_time"].unique().tolist() == [
        np.datetime64("2025-03-29T11:45", "ms").astype(int)
    ]
    from tasks.editions import publish_named_edition

    publish_named_edition(network / "vigie.toml", {}, "2025a")
    noon = opened(network, "series-2025a.zarr").slot_time.sel(time="2025-03-29T12:00").values
    assert set(noon) == {np.datetime64("2025-03-29T11:45", "ns")}


def test_an_archive_that_is_damaged_is_a_row(network, run_night):
    run_night(network)
    for path in (network / "archive" / "cameras" / "sea002" / "manifests").iterdir():
        path.write_bytes(b"damaged")
    state, summary = run_night(network)
    assert (state.name, summary.verdict) == ("Completed", "ok")  # its values of the first run stand
    rows = last_rows(network)
    assert rows["status"].to_dict() == {"river001": 1, "sea002": 5}
    assert "cannot be read" in rows.loc["sea002", "detail"]


def test_a_full_disk_while_archiving_costs_that_camera_only(network, run_night, monkeypatch):
    from tasks.errors import StoreError

    append = CameraArchive.append

    def full(self, *rows):
        if self.camera_id == "sea002":
            raise StoreError(f"{self.uri}: No space left on device. Nothing of this transaction is kept")
        return append(self, *rows)

    with monkeypatch.context() as patch:
        patch.setattr(CameraArchive, "append", full)
        state, summary = run_night(network)
    assert (state.name, summary.without_output) == ("Degraded", ("sea002",))
    assert "No space left" in last_rows(network).loc["sea002", "detail"]
    state, summary = run_night(network)
    assert (state.name, summary.frames) == ("Completed", 12)


def test_a_fault_of_the_configuration_stops_before_anything_is_done(network, run_night):
    with (network / "vigie.toml").open("a") as file:
        file.write("\n[night]\ndeadlin_utc = 06:00:00\n")
    with pytest.raises(ConfigurationError, match=r"vigie\.toml:\d+: unknown key night\.deadlin_utc"):
        run_night(network)
    assert not (network / "archive").exists()
