"""The published series: readable at any moment, its past never written again."""

import dataclasses
import multiprocessing
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from tasks.errors import StoreError
from tasks.publishing import publish_edition, publish_run, rebuild_series
from tasks.stores import published as published_module
from tasks.stores.results import ResultsRecord
from tests.stores.nights import night

POSITIONS = {"a": (43.6, 1.44, 150.0)}


@pytest.fixture
def record(tmp_path):
    return ResultsRecord(tmp_path / "results")


@pytest.fixture
def series(tmp_path):
    return tmp_path / "published" / "series.zarr"


def publish(record, series, **changes):
    run = record.record(night(**changes))
    return publish_run(record, series, 30, run, POSITIONS)


def test_a_night_opens_in_plain_xarray(record, series):
    done = publish(record, series, date="2026-01-01")
    assert done.steps == 48
    opened = xr.open_zarr(series)
    assert dict(opened.sizes)["time"] == 48
    assert list(opened.camera.values) == ["a", "b"]
    # A frame at 05:01 stands at 05:00; there is none within 15 minutes of 05:30.
    at = opened.sel(camera="a", time="2026-01-01T05:00")
    assert float(at.visible_cloud_fraction) == 0.5
    assert at.observation_time.values == np.datetime64("2026-01-01T05:01")
    assert at.slot_time.values == np.datetime64("2026-01-01T05:00")
    empty = opened.sel(camera="a", time="2026-01-01T05:30")
    assert np.isnan(float(empty.visible_cloud_fraction))
    assert int(empty.visible_cloud_fraction_quality_flag) == 1  # not observed
    assert np.isnat(empty.observation_time.values)
    assert float(opened.latitude.sel(camera="a")) == 43.6
    assert np.isnan(float(opened.latitude.sel(camera="b")))
    assert opened.run_night.values[int(at.run)] == "2026-01-01"


def test_publishing_twice_is_publishing_once(record, series):
    publish(record, series, date="2026-01-01")
    before = xr.open_zarr(series).load()
    assert publish_run(record, series, 30, 0, POSITIONS).steps == 0
    xr.testing.assert_identical(xr.open_zarr(series).load(), before)


def test_a_late_frame_goes_to_the_record_and_to_an_edition_never_to_the_past(record, series):
    publish(record, series, date="2026-01-01", value=0.25)
    late = np.datetime64("2026-01-01T05:29")
    publish(record, series, date="2026-01-02", times=[late], value=0.75)
    opened = xr.open_zarr(series)
    assert opened.sizes["time"] == 96
    assert np.isnan(opened.visible_cloud_fraction.sel(camera="a", time="2026-01-01T05:30"))
    edition = series.with_name("series-2026a.zarr")
    publish_edition(record, edition, 30, POSITIONS)
    assert (
        float(xr.open_zarr(edition).visible_cloud_fraction.sel(camera="a", time="2026-01-01T05:30")) == 0.75
    )
    with pytest.raises(StoreError, match="never written again"):
        publish_edition(record, edition, 30, POSITIONS)


def test_a_missed_night_is_published_with_the_next_one(record, series):
    publish(record, series, date="2026-01-01")
    done = publish(record, series, date="2026-01-03")
    assert done.steps == 96  # two days of 48


def test_a_rebuild_gives_the_same_series(record, series, tmp_path):
    publish(record, series, date="2026-01-01", value=0.25)
    late = [np.datetime64("2026-01-01T05:29"), np.datetime64("2026-01-02T07:00")]
    publish(record, series, date="2026-01-02", times=late, value=0.75)
    publish(record, series, date="2026-01-03", cameras=("c", "a"))
    again = tmp_path / "again.zarr"
    rebuild_series(record, again, 30, POSITIONS)
    xr.testing.assert_identical(xr.open_zarr(again).load(), xr.open_zarr(series).load())


def test_a_rebuild_leaves_a_failed_night_to_the_next_run_as_it_was(record, series, tmp_path):
    publish(record, series, date="2026-01-01")
    record.record(dataclasses.replace(night("2026-01-02", cameras=("a",)), published=False))
    publish(record, series, date="2026-01-02", cameras=("b",))
    assert int(xr.open_zarr(series).observation_time.notnull().sum()) == 96  # 2 days x 2 cameras x 24
    again = tmp_path / "again.zarr"
    rebuild_series(record, again, 30, POSITIONS)
    xr.testing.assert_identical(xr.open_zarr(again).load(), xr.open_zarr(series).load())


def test_a_camera_that_left_the_registry_keeps_its_published_position(record, series):
    publish(record, series, date="2026-01-01")
    run = record.record(night("2026-01-02", cameras=("b",)))
    publish_run(record, series, 30, run, {"b": (45.0, 2.0, float("nan"))})
    opened = xr.open_zarr(series)
    assert opened.latitude.values.tolist() == [43.6, 45.0]  # b had none: it gains one
    assert opened.altitude.values[0] == 150.0


def test_two_publications_at_once_take_turns(record, series):
    """Without the lock, that of the third day took the later days away again."""
    for day in range(1, 7):
        record.record(night(f"2026-01-{day:02d}"))
    publish_run(record, series, 30, 0, POSITIONS)
    with ThreadPoolExecutor(3) as pool:
        done = [pool.submit(publish_run, record, series, 30, run, POSITIONS) for run in (5, 2, 4)]
    assert sum(future.result().steps for future in done) == 5 * 48
    opened = xr.open_zarr(series)
    assert opened.sizes["time"] == 6 * 48
    assert int(opened.observation_time.notnull().sum()) == 6 * 2 * 24


def test_a_clock_that_was_years_behind_costs_empty_time_and_little_else(record, series):
    times = [np.datetime64("2019-12-31T12:00"), np.datetime64("2026-01-01T05:01")]
    appended = []
    append = published_module.PublishedSeries.append
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            published_module.PublishedSeries,
            "append",
            lambda self, update: appended.append(len(update.times)) or append(self, update),
        )
        publish(record, series, date="2026-01-01", times=times)
    assert len(appended) == 3  # a piece with a frame, six empty years at once, a piece with a frame
    opened = xr.open_zarr(series)
    assert opened.sizes["time"] == sum(appended)
    values = opened.visible_cloud_fraction.sel(camera="a", time=times[:1])
    assert (float(values[0]), int(opened.observation_time.notnull().sum())) == (0.5, 4)


def test_the_past_and_the_order_of_cameras_are_refused(record, series):
    publish(record, series, date="2026-01-01")
    store = published_module.PublishedSeries(series, 30)
    past = published_module.SeriesUpdate(store.published_times()[-1:], ["a", "b"], np.zeros((2, 3)), {}, {})
    with pytest.raises(StoreError, match="published already"):
        store.append(past)
    moved = published_module.SeriesUpdate(
        store.published_times()[-1:] + 1800, ["b", "a"], np.zeros((2, 3)), {}, {}
    )
    with pytest.raises(StoreError, match="keep their place"):
        store.append(moved)
    with pytest.raises(StoreError, match="step"):
        published_module.PublishedSeries(series, 60).append(past)


@pytest.mark.parametrize("kill_after", [0, 1, 5, 20, 40])
def test_a_publication_killed_anywhere_leaves_the_old_series_and_can_be_done_again(
    record, series, kill_after, monkeypatch, tmp_path
):
    publish(record, series, date="2026-01-01")
    before = xr.open_zarr(series).load()
    run = record.record(night("2026-01-02", cameras=("a", "b", "c")))
    writes = {"left": kill_after}
    store_set = published_module.LocalStore.set

    async def dies(self, key, value):
        if writes["left"] == 0:
            raise OSError("killed here")
        writes["left"] -= 1
        await store_set(self, key, value)

    with monkeypatch.context() as patch, pytest.raises(OSError, match="killed here"):
        patch.setattr(published_module.LocalStore, "set", dies)
        publish_run(record, series, 30, run, POSITIONS)
    xr.testing.assert_identical(xr.open_zarr(series).load(), before)
    publish_run(record, series, 30, run, POSITIONS)
    fresh = tmp_path / "fresh.zarr"
    rebuild_series(record, fresh, 30, POSITIONS)
    xr.testing.assert_identical(xr.open_zarr(series).load(), xr.open_zarr(fresh).load())


def poll(path: Path, stop, answers) -> None:
    """Open the series again and again; a night is whole if all its cameras have its value everywhere."""
    opens = failures = mixed = 0
    while not stop.is_set():
        try:
            opened = xr.open_zarr(path)
            values = opened.image_luminance.values[:, ::2]
            flags = opened.image_luminance_quality_flag.values[:, ::2]
        except Exception as error:  # noqa: BLE001 - any failure to open is what is counted
            failures += 1
            answers.put(repr(error))
            continue
        opens += 1
        mixed += bool(np.isnan(values).any() or flags.any() or opened.sizes["time"] % 48)
    answers.put((opens, failures, mixed))


def test_a_reader_that_polls_all_the_while_never_fails_and_never_sees_a_mixed_night(record, series):
    publish(record, series, date="2026-01-01")
    context = multiprocessing.get_context("spawn")
    stop, answers = context.Event(), context.Queue()
    reader = context.Process(target=poll, args=(series, stop, answers))
    reader.start()
    try:
        for day in range(2, 22):
            publish(record, series, date=f"2026-01-{day:02d}")
            time.sleep(0.05)
    finally:
        stop.set()
    opens, failures, mixed = answers.get(timeout=60)
    reader.join(timeout=60)
    assert opens > 5
    assert (failures, mixed) == (0, 0)
