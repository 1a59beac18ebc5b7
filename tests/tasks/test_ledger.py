"""What ``vigie status`` tells: accepted, refused and why, per camera and per grid."""

from dataclasses import replace

import numpy as np
import pytest

from models.contracts.flags import FrameFlag, Refusal
from tasks.ledger import camera_ledger, grid_ledger, last_nights
from tasks.satellite_ingest import ingest_satellite
from tasks.stores.camera_archive import CameraArchive
from tasks.stores.results import ResultsRecord
from tests.stores.camera_frames import frame, refusal
from tests.stores.nights import night
from tests.tasks.satellite_folders import AS_OF, settings, write_cma

pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")


def test_a_camera(tmp_path):
    frames = [frame("2026-01-02T00:00", 1), frame("2026-01-01T00:00", 0)]
    CameraArchive(tmp_path, "a").append(
        frames, [refusal("x.jpg"), refusal("y.jpg", Refusal.EMPTY_FILE, content=b"")]
    )
    ledger = camera_ledger(str(tmp_path), "a", "2026-01-02: ok")
    assert (ledger.frames, ledger.first[:10], ledger.last[:10]) == (2, "2026-01-01", "2026-01-02")
    assert ledger.refused == {"truncated": 1, "empty_file": 1}
    assert ledger.refusals["source"].tolist() == ["x.jpg", "y.jpg"]
    assert ledger.last_night == "2026-01-02: ok"


def test_two_frames_of_one_time_and_an_undated_group(tmp_path):
    same = [frame("2026-01-01T00:00", 0, source="x.jpg"), frame("2026-01-01T00:00", 1, source="y.jpg")]
    CameraArchive(tmp_path, "a").append(same, [])
    (row,) = camera_ledger(str(tmp_path), "a").shadowed.itertuples()
    assert {row.source, row.shown} == {"x.jpg", "y.jpg"}
    undated = replace(frame("1970-01-01T00:00", 0), flags=FrameFlag.TIME_IS_ORDER)
    CameraArchive(tmp_path, "u").append([undated], [])
    ledger = camera_ledger(str(tmp_path), "u")
    assert (ledger.first, ledger.last, len(ledger.shadowed)) == ("undated", "undated", 0)


def test_no_archive_and_a_damaged_one(tmp_path):
    assert camera_ledger(str(tmp_path), "a").last_night == "no archive yet"
    CameraArchive(tmp_path, "a").append([frame("2026-01-01T00:00", 0)])
    for path in (tmp_path / "cameras" / "a" / "snapshots").iterdir():
        path.write_bytes(b"damaged")
    assert "cannot be read" in camera_ledger(str(tmp_path), "a").last_night


def test_the_last_night_of_each_camera(tmp_path):
    record = ResultsRecord(tmp_path / "results")
    assert last_nights(record) == {}
    record.record(night("2026-01-01", cameras=("a", "b")))
    second = night("2026-01-02", cameras=("b",))
    second.summaries["status"], second.summaries["detail"] = 3, "no such folder"
    record.record(second)
    assert last_nights(record) == {
        "a": "2026-01-01: ok",
        "b": "2026-01-02: not_ingested no such folder",
    }


def test_a_grid(tmp_path):
    root = str(tmp_path / "archive")
    assert grid_ledger(root, "msg") == ["satellite msg: no slot yet"]
    path = write_cma(tmp_path / "files", 0)
    whole = path.read_bytes()
    path.write_bytes(whole[:1000])
    ingest_satellite(settings(tmp_path / "files"), root, AS_OF)
    # Refusals are told before any slot is in.
    first, refused = grid_ledger(root, "msg")
    assert first == "satellite msg: no slot yet"
    assert path.name in refused and "file_corrupt" in refused
    write_cma(tmp_path / "files", 1)
    ingest_satellite(settings(tmp_path / "files"), root, AS_OF)
    due, *lines = grid_ledger(root, "msg")
    # A day of 15 minutes has 96 slots, of which one is in.
    assert due.startswith("satellite msg: 96 slots due, 2024-06-01 00:00:00 to 2024-06-01 23:45:00")
    assert lines[0].strip().startswith("CMA: ") and "ok 1" in lines[0]
    assert np.sum([path.name in line for line in lines]) == 1
