"""What a night has to do: new frames, and frames near new slots."""

from datetime import date

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from tasks.camera_days import CameraDay, batches, find_touched, touched_rows
from tasks.satellite_ingest import ingest_satellite
from tasks.stores.camera_archive import CameraArchive
from tests.stores.camera_frames import frame
from tests.tasks.satellite_folders import AS_OF, settings, slot_time, write_cma

HOUR = np.timedelta64(3600, "s").astype("timedelta64[ns]")
NO_SLOTS = np.empty(0, "datetime64[ns]")


def rows(*hours, arrival=1, shadowed=False):
    times = np.datetime64("2026-01-01", "ns") + np.array(hours, dtype=int) * HOUR
    return pd.DataFrame({"time": times, "arrival": arrival, "shadowed": shadowed})


def at(*hours):
    return np.datetime64("2026-01-01", "ns") + np.array(hours, dtype=int) * HOUR


def test_frames_of_later_batches_are_new():
    table = rows(0, 1, 2).assign(arrival=[1, 3, 2])
    assert touched_rows(table, 1, NO_SLOTS, HOUR).tolist() == [False, True, True]
    assert touched_rows(table, 3, NO_SLOTS, HOUR).tolist() == [False, False, False]


def test_shadowed_frames_are_never_touched():
    table = rows(0, 0).assign(shadowed=[False, True])
    assert touched_rows(table, 0, at(0), HOUR).tolist() == [True, False]


def test_old_frames_near_a_new_slot_are_touched_both_ends_included():
    table = rows(0, 1, 2, 3, 4, 5)
    # Slot of 03:00, reach one hour: 02:00, 03:00 and 04:00. Order of the slots does not matter.
    assert touched_rows(table, 1, at(3), HOUR).tolist() == [False, False, True, True, True, False]
    assert touched_rows(table, 1, at(9, -5, 3), HOUR).tolist() == [False, False, True, True, True, False]


def test_no_rows():
    assert touched_rows(rows(), 0, at(3), HOUR).tolist() == []


@given(
    frames=st.lists(st.integers(0, 200), max_size=20),
    slots=st.lists(st.integers(-20, 220), max_size=6),
    reach=st.integers(0, 10),
)
def test_touched_by_a_slot_is_what_the_plain_double_loop_says(frames, slots, reach):
    touched = touched_rows(rows(*frames), 1, at(*slots), reach * HOUR)
    assert touched.tolist() == [any(abs(f - s) <= reach for s in slots) for f in frames]


def test_batches_keep_order_and_lose_nothing():
    days = [CameraDay(f"c{i}", date(2026, 1, 1), 0, 0) for i in range(7)]
    cut = batches(days, 3)
    assert [len(batch) for batch in cut] == [3, 3, 1]
    assert [day for batch in cut for day in batch] == days
    assert batches([], 3) == []


def test_batches_keep_the_days_of_a_camera_together():
    days = [CameraDay(camera, date(2026, 1, day), 0, 0) for camera in "aabbbbbc" for day in (1,)]
    assert [[day.camera for day in batch] for batch in batches(days, 3)] == [["a"] * 2, ["b"] * 5, ["c"]]
    assert [day for batch in batches(days, 3) for day in batch] == days


def test_archives_are_compared_with_the_progress(tmp_path):
    root = str(tmp_path / "archive")
    CameraArchive(root, "a").append([frame("2024-06-01T12:10", 0), frame("2024-06-03T12:00", 1)])
    CameraArchive(root, "b").append([frame("2024-06-01T02:00", 2)])
    first = find_touched(root, ["a", "b", "never"], {}, "msg", HOUR)
    assert [(d.camera, str(d.day)) for d in first.camera_days] == [
        ("a", "2024-06-01"),
        ("a", "2024-06-03"),
        ("b", "2024-06-01"),
    ]
    assert first.arrivals == {
        "a": (1, 0),
        "b": (1, 0),
    }  # a camera without archive has nothing to be dealt with
    # A late slot near one frame of camera a touches that day only.
    write_cma(tmp_path / "files", 0)
    ingest_satellite(settings(tmp_path / "files"), root, AS_OF)
    assert slot_time(0) == np.datetime64("2024-06-01T12:00")
    second = find_touched(root, ["a", "b"], first.arrivals, "msg", HOUR)
    assert second.camera_days == (CameraDay("a", date(2024, 6, 1), 1, 0),)
    assert second.arrivals == {"a": (1, 1), "b": (1, 1)}
    assert find_touched(root, ["a", "b"], second.arrivals, "msg", HOUR).camera_days == ()
    # Without a grid, slots touch nothing, and what was dealt with stays so.
    assert find_touched(root, ["a"], second.arrivals, None, HOUR).arrivals == {"a": (1, 1)}


def test_an_archive_that_cannot_be_read_is_a_fault_of_that_camera(tmp_path):
    root = str(tmp_path)
    for camera in ("a", "b"):
        CameraArchive(root, camera).append([frame("2024-06-01T12:10", 0)])
    for path in (tmp_path / "cameras" / "a").rglob("*"):
        if path.is_file():
            path.write_bytes(b"damaged")
    touched = find_touched(root, ["a", "b"], {}, None, HOUR)
    assert [day.camera for day in touched.camera_days] == ["b"]
    assert list(touched.faults) == ["a"]
    assert "cannot be read" in touched.faults["a"] and "\n" not in touched.faults["a"]
    assert list(touched.arrivals) == ["b"]


def test_an_archive_made_anew_is_not_taken_for_dealt_with(tmp_path):
    """Its batches count from 1 again, below the progress of the one before."""
    root = str(tmp_path / "archive")
    CameraArchive(root, "a").append([frame("2024-06-01T12:10", 0)])
    write_cma(tmp_path / "files", 0)
    ingest_satellite(settings(tmp_path / "files"), root, AS_OF)
    touched = find_touched(root, ["a"], {"a": (37, 300)}, "msg", HOUR)
    assert touched.camera_days == (CameraDay("a", date(2024, 6, 1), 0, 0),)
    assert touched.arrivals == {"a": (1, 1)}
