"""How a night is told: a row per camera, what is dealt with, the verdict."""

from datetime import date

import numpy as np
import pytest

from models.contracts.record import CameraNight
from tasks.camera_days import Touched
from tasks.inference import CameraDayOutcome
from tasks.ingest import IngestSummary
from tasks.night_summary import camera_rows, judge, progress_rows, worst_first
from tasks.settings import NightSettings

CAMERAS = ["good", "idle", "gone", "empty", "slow", "bug", "damaged", "slow_and_gone"]


@pytest.fixture
def touched():
    arrivals = {camera: (3, 7) for camera in CAMERAS if camera not in ("empty", "damaged")}
    return Touched((), arrivals, {"damaged": "StoreError: unreadable"})


@pytest.fixture
def rows(touched):
    ingests = [
        IngestSummary("good", listed=50, accepted=48, refused={"truncated": 1, "empty_file": 1}),
        IngestSummary("gone", error="no such folder"),
        IngestSummary("slow_and_gone", error="no such folder"),
        *(IngestSummary(camera, listed=5) for camera in ("idle", "empty", "slow", "bug", "damaged")),
    ]
    outcomes = [
        CameraDayOutcome("good", inferred=40, matched=38),
        CameraDayOutcome("good", inferred=8, matched=0),
        CameraDayOutcome("slow", inferred=5),
        CameraDayOutcome("slow", late=True),
        CameraDayOutcome("bug", inferred=5),
        CameraDayOutcome("bug", error="2026-01-01: ValueError: odd"),
        CameraDayOutcome("bug", error="2026-01-02: ValueError: odd"),
        CameraDayOutcome("slow_and_gone", late=True),
    ]
    return camera_rows(CAMERAS, ingests, touched, outcomes)


def test_each_camera_has_its_status_and_its_reason(rows):
    assert rows["camera"].tolist() == CAMERAS
    table = rows.set_index("camera")
    assert {c: CameraNight(s).name for c, s in table["status"].items()} == {
        "good": "OK",
        "idle": "NOTHING_NEW",
        "gone": "NOT_INGESTED",
        "empty": "NO_FRAMES",
        "slow": "LATE",
        "bug": "FAILED",
        "damaged": "FAILED",
        "slow_and_gone": "LATE",
    }
    good = table.loc["good"]
    assert (good.listed, good.accepted, good.refused, good.inferred, good.matched) == (50, 48, 2, 48, 38)
    assert table.loc["bug", "detail"] == "2026-01-01: ValueError: odd; 2026-01-02: ValueError: odd"
    assert table.loc["slow", "detail"] == "1 of 2 days wait for the next run"
    assert table.loc["slow_and_gone", "detail"] == "1 of 1 days wait for the next run; no such folder"
    assert table.loc["damaged", "detail"] == "StoreError: unreadable"


def test_only_cameras_whose_work_is_done_move_on(rows, touched):
    progress = progress_rows(rows, touched)
    assert progress["camera"].tolist() == ["good", "idle", "gone"]
    assert progress["frames_arrival"].tolist() == [3, 3, 3]
    assert progress["slots_arrival"].tolist() == [7, 7, 7]


def test_no_camera_at_all():
    touched = Touched((), {}, {})
    rows = camera_rows([], [], touched, [])
    assert len(rows) == len(progress_rows(rows, touched)) == len(worst_first(rows, [])) == 0


@pytest.mark.parametrize(
    ("cameras", "without", "faults", "verdict"),
    [
        (100, 0, 0, "ok"),
        (100, 5, 0, "ok"),  # 5 % is not above 5 %
        (100, 6, 0, "degraded"),
        (100, 0, 1, "degraded"),  # a satellite grid without its source
        (100, 50, 0, "degraded"),
        (100, 51, 0, "failed"),
        (100, 51, 1, "failed"),
        (1, 1, 0, "failed"),
        (0, 0, 0, "failed"),
    ],
)
def test_the_verdict_changes_just_above_its_thresholds(cameras, without, faults, verdict):
    assert judge(cameras, without, faults, NightSettings()) == verdict


def test_thresholds_are_settings():
    assert judge(10, 1, 0, NightSettings(degraded_share=0)) == "degraded"
    assert judge(10, 10, 0, NightSettings(degraded_share=1, failed_share=1)) == "ok"


def test_five_hundred_cameras_worst_first():
    cameras = [f"c{i:03d}" for i in range(500)]
    random = np.random.default_rng(1)
    touched = Touched((), dict.fromkeys(cameras, (1, 1)), {})
    ingests = [
        IngestSummary(
            c, refused={"truncated": int(random.integers(0, 3))}, error="gone" if i % 50 == 0 else None
        )
        for i, c in enumerate(cameras)
    ]
    outcomes = [CameraDayOutcome(c, 48, 48) for c in cameras[1::3]]
    outcomes += [CameraDayOutcome(c, error=f"{date(2026, 1, 1)}: odd") for c in cameras[7::100]]
    rows = camera_rows(cameras, ingests, touched, outcomes)
    without = cameras[2::40]
    table = worst_first(rows.sample(frac=1, random_state=1), without)
    assert sorted(table["camera"]) == cameras
    assert table["status"].iloc[:5].tolist() == ["failed"] * 5
    assert table["status"].iloc[5:15].tolist() == ["not_ingested"] * 10
    assert table["status"].iloc[-1] == "ok"
    # Within one status those without output come first, then those with more refusals, then by name.
    key = [
        (not row.output, row.refused, row.camera) for row in table.itertuples() if row.status == "nothing_new"
    ]
    assert key == sorted(key, key=lambda k: (not k[0], -k[1], k[2]))
    assert (~table["output"]).sum() == len(without)
