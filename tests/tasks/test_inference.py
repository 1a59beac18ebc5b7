"""The inference of a night on a tiny network: what is done, what is not done again, and what a fault costs."""

import hashlib
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from PIL import Image

from models.contracts.flags import AlignmentReason, ValueFlag
from models.contracts.record import CameraNight
from tasks import frame_reading, inference
from tasks.inference import BatchInference
from tasks.ingest import ingest_camera
from tasks.night_record import cameras_with_output
from tasks.satellite_ingest import ingest_satellite
from tasks.sky_night import load_sky
from tasks.sky_values import SKY_COLUMNS
from tasks.stores.camera_archive import CameraArchive
from tasks.stores.results import ResultsRecord
from tasks.weights import load_drift_model, load_water_model
from tests.tasks.nights import infer, ingest, night, observations, plan_of, publish, touched_of

pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")

HELD_SLOT = "20250329T114500Z"
HELD_IMAGE = "20250329_140100.jpg"
SATELLITE = list(inference._SATELLITE_COLUMNS)


@pytest.fixture(scope="module")
def archived(written_network, tmp_path_factory):
    """The network, ingested, without one slot and one image, with a camera of no position and an undated group."""
    folder = shutil.copytree(written_network, tmp_path_factory.mktemp("archived") / "network")
    (folder / "held").mkdir()
    for path in (
        next(folder.glob(f"satellite/*{HELD_SLOT}.nc")),
        folder / "images" / "river001" / HELD_IMAGE,
    ):
        path.rename(folder / "held" / path.name)
    images = sorted((folder / "images" / "river001").iterdir())
    for camera in ("nowhere", "group"):
        (folder / "images" / camera).mkdir()
    for image in images[4:7]:
        shutil.copy(image, folder / "images" / "nowhere")
    for letter, image in zip("abc", images, strict=False):
        Image.open(image).save(folder / "images" / "group" / f"view-{letter}.jpg", exif=b"")
    with (folder / "cameras.csv").open("a") as file:
        for camera in ("nowhere", "group"):
            file.write(f"{camera},images/{camera}" + "," * 9 + "\n")
    taken = ingest(plan_of(folder))
    assert [(s.accepted, s.error) for s in taken] == [(11, None), (12, None), (3, None), (3, None)]
    return folder


@pytest.fixture
def folder(archived, tmp_path):
    return shutil.copytree(archived, tmp_path / "network")


@pytest.fixture
def plan(folder):
    return plan_of(folder)


@pytest.fixture(scope="module")
def done(archived, tmp_path_factory):
    """The network with its night recorded."""
    folder = shutil.copytree(archived, tmp_path_factory.mktemp("done") / "network")
    night(plan_of(folder))
    return folder


@pytest.fixture
def after(done, tmp_path):
    return plan_of(shutil.copytree(done, tmp_path / "network"))


def deliver(plan, name, to):
    shutil.move(plan.config.parent / "held" / name, plan.config.parent / to / name)


def forbid_inference(monkeypatch):
    def called(*args, **kwargs):
        raise AssertionError("inferred again")

    monkeypatch.setattr(inference, "predict_cover", called)


def test_values_lead_back_to_frame_slot_and_model(after):
    table = observations(after)
    assert table["camera"].value_counts().to_dict() == {
        "sea002": 12,
        "river001": 11,
        "nowhere": 3,
        "group": 3,
    }
    for camera in ("river001", "sea002"):
        rows = CameraArchive(after.archive_root, camera).rows()
        mine = table[table["camera"] == camera].sort_values("time")
        assert mine["frame_sha256"].tolist() == rows["sha256"].tolist()
        source = after.config.parent / "images" / camera / rows["source"].iloc[0]
        assert mine["frame_sha256"].iloc[0] == hashlib.sha256(source.read_bytes()).hexdigest()
    noon = table[(table["camera"] == "river001") & (table["time"] == np.datetime64("2025-03-29T12:01"))].iloc[
        0
    ]
    # Slot 11:45 is held back; that of 12:00 scans the line some nine minutes after the frame.
    assert noon["slot_time"] == np.datetime64("2025-03-29T12:00", "ms").astype(int)
    assert 400 < noon["slot_offset_s"] < 600
    assert noon["slot_reason"] == AlignmentReason.MATCHED
    assert 0 <= noon["satellite_cloud_area_fraction"] <= 1
    models = ResultsRecord(after.results_uri).models()
    assert set(table["cloud_model"]) == {0}
    assert models["digest"].tolist() == [
        BatchInference(after).digest,
        load_drift_model()[1],
        load_water_model()[1],
        *([sky.digest] if (sky := load_sky(after.settings)) else []),
    ]
    good = table[table["visible_cloud_fraction_quality_flag"] == ValueFlag.GOOD]
    assert len(good) > 5
    assert good["visible_cloud_fraction"].between(0, 1).all()
    assert good["visible_cloud_fraction_uncertainty"].gt(0).all()


def test_without_a_position_and_without_a_time(after):
    table = observations(after).set_index("camera")
    assert set(table.loc["nowhere", "slot_reason"]) == {AlignmentReason.NO_POSITION}
    assert table.loc["nowhere", "image_luminance"].notna().all()
    group = table.loc["group"]
    assert set(group["slot_reason"]) == {AlignmentReason.NO_TIME}
    assert group["time"].dt.year.unique().tolist() == [1970]
    for camera in ("nowhere", "group"):
        assert set(table.loc[camera, "satellite_cloud_area_fraction_quality_flag"]) == {
            ValueFlag.NOT_OBSERVED
        }
    opened = xr.open_zarr(publish(after))
    assert str(opened.time.values[0]) == "2025-03-29T00:00:00.000000000"
    assert opened.sizes["time"] == 48
    assert np.isnat(opened.observation_time.sel(camera="group")).all()
    assert int(opened.image_luminance.sel(camera="nowhere").notnull().sum()) == 3


def test_an_undated_group_is_missing_from_no_night(after):
    none_new = observations(after).iloc[:0]
    assert "group" in cameras_with_output(ResultsRecord(after.results_uri), after, none_new)


def test_again_appends_nothing(after, monkeypatch):
    before = observations(after)
    forbid_inference(monkeypatch)
    rows = night(after)
    assert touched_of(after).camera_days == ()
    assert set(rows["status"]) == {CameraNight.NOTHING_NEW}
    pd.testing.assert_frame_equal(observations(after), before)


def test_a_late_slot_changes_the_satellite_values_of_its_frames_only(after, monkeypatch):
    before = observations(after)
    deliver(after, next((after.config.parent / "held").glob("*.nc")).name, "satellite")
    ingest_satellite(after.settings.grid("msg"), after.archive_root, after.as_of)
    forbid_inference(monkeypatch)
    night(after)
    table = observations(after)
    new = table[table["run"] == 1]
    assert len(table) == len(before) + 2
    assert sorted(new["camera"]) == ["river001", "sea002"]
    assert set(new["time"].dt.hour) == {12}
    assert set(new["slot_time"]) == {np.datetime64("2025-03-29T11:45", "ms").astype(int)}
    assert (new["slot_offset_s"].abs() < 400).all()
    old = before[(before["time"].dt.hour == 12) & before["camera"].isin(["river001", "sea002"])]
    kept = [c for c in before if c not in (*SATELLITE, *SKY_COLUMNS, "run")]
    pd.testing.assert_frame_equal(
        new.sort_values("camera")[kept].reset_index(drop=True),
        old.sort_values("camera")[kept].reset_index(drop=True),
    )
    assert touched_of(after).camera_days == ()


def test_a_late_image_is_inferred_alone(after, monkeypatch):
    before = observations(after)
    deliver(after, HELD_IMAGE, "images/river001")
    ingest_camera(after.registry["river001"], after.archive_root, after.instant)
    seen = []
    predict = inference.predict_cover

    def counted(model, frames, **options):
        seen.append(len(frames))
        return predict(model, frames, **options)

    monkeypatch.setattr(inference, "predict_cover", counted)
    rows = night(after)
    assert seen == [1]
    assert (rows.loc["river001", "inferred"], rows.loc["river001", "status"]) == (1, CameraNight.OK)
    new = observations(after).iloc[len(before) :]
    assert new["camera"].tolist() == ["river001"]
    assert new["time"].tolist() == [pd.Timestamp("2025-03-29T14:01")]


def test_what_privacy_blacks_out_is_kept_from_the_cover(plan, monkeypatch):
    left_half = ((0, 0), (0.5, 0), (0.5, 1), (0, 1))
    CameraArchive(plan.archive_root, "river001").set_privacy(left_half)
    shares = []
    predict = inference.predict_cover

    def watched(model, frames, hidden, solid_angles):
        answers = predict(model, frames, hidden=hidden, solid_angles=solid_angles)
        shares.extend(
            answer.mask[pixels].any()
            for answer, pixels in zip(answers, hidden, strict=True)
            if pixels is not None
        )
        return answers

    monkeypatch.setattr(inference, "predict_cover", watched)
    night(plan)
    assert len(shares) == 11 and not any(shares)


def test_after_the_deadline_work_waits_for_the_next_run(plan):
    late = replace(plan, deadline=datetime.now(UTC) - timedelta(seconds=1))
    rows = night(late)
    assert set(rows["status"]) == {CameraNight.LATE}
    assert len(observations(plan)) == 0
    assert set(ResultsRecord(plan.results_uri).progress().values()) == {(0, 0)}
    rows = night(plan)
    assert set(rows["status"]) == {CameraNight.OK}
    assert len(observations(plan)) == 29


def test_an_error_in_one_camera_day_is_its_row_and_is_taken_up_again(plan, monkeypatch):
    align = inference.align_times

    def odd(satellite, camera, *rest):
        if camera.id == "sea002":
            raise ZeroDivisionError("odd")
        return align(satellite, camera, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(inference, "align_times", odd)
        rows = night(plan)
    assert rows.loc["sea002", "status"] == CameraNight.FAILED
    assert rows.loc["sea002", "detail"] == "2025-03-29: ZeroDivisionError: odd"
    assert set(rows.drop("sea002")["status"]) == {CameraNight.OK}
    assert "sea002" not in set(observations(plan)["camera"])
    assert night(plan).loc["sea002", ["status", "inferred"]].tolist() == [CameraNight.OK, 12]
    assert len(observations(plan)) == 29


def test_days_recorded_before_a_fault_are_not_inferred_again(plan, monkeypatch):
    """A camera with a fault on one day keeps its progress; its other days are known by their frames."""
    shutil.copy(
        plan.config.parent / "images" / "river001" / "20250329_120100.jpg",
        plan.config.parent / "images" / "river001" / "20250328_120100.jpg",
    )
    ingest_camera(plan.registry["river001"], plan.archive_root, plan.instant)
    run = BatchInference._camera_day

    def odd(self, unit):
        if str(unit.day) == "2025-03-28":
            raise ZeroDivisionError("odd")
        return run(self, unit)

    with monkeypatch.context() as patch:
        patch.setattr(BatchInference, "_camera_day", odd)
        rows = night(plan)
    assert rows.loc["river001", ["status", "inferred"]].tolist() == [CameraNight.FAILED, 11]
    rows = night(plan)
    assert rows.loc["river001", ["status", "inferred"]].tolist() == [CameraNight.OK, 1]
    assert len(observations(plan)) == 30


@pytest.mark.parametrize("damage", ["overwritten", "cut", "gone"])
def test_a_damaged_frame_fails_alone(plan, damage):
    archive = CameraArchive(plan.archive_root, "river001")
    victim = archive.rows().iloc[5]
    payload = (plan.config.parent / "images" / "river001" / victim["source"]).read_bytes()
    chunks = (plan.config.parent / "archive" / "cameras" / "river001" / "chunks").iterdir()
    chunk = next(path for path in chunks if payload[:2000] in path.read_bytes())
    if damage == "gone":
        chunk.unlink()
    else:
        chunk.write_bytes(
            b"\0" * chunk.stat().st_size if damage == "overwritten" else payload[: len(payload) // 2]
        )
    rows = night(plan)
    assert rows.loc["river001", ["status", "inferred"]].tolist() == [CameraNight.OK, 11]
    table = observations(plan)
    mine = table[table["camera"] == "river001"].set_index("frame_sha256")
    for name in ("image_luminance", "image_sharpness", "visible_cloud_fraction", "visible_cloud_okta"):
        failed = mine.index[mine[f"{name}_quality_flag"] == ValueFlag.FAILED].tolist()
        assert failed == [victim["sha256"]]
        assert np.isnan(mine.loc[victim["sha256"], name])
    # The satellite saw the place all the same.
    assert mine.loc[victim["sha256"], "slot_reason"] == AlignmentReason.MATCHED


def test_a_camera_that_froze_is_doubtful(plan):
    images = plan.config.parent / "images" / "river001"
    for hour in (11, 13):
        shutil.copy(images / "20250329_100100.jpg", images / f"20250329_{hour}0100.jpg")
    ingest_camera(plan.registry["river001"], plan.archive_root, plan.instant)
    night(plan)
    table = observations(plan)
    mine = table[table["camera"] == "river001"].set_index(
        table["time"].dt.hour[table["camera"] == "river001"]
    )
    flags = mine["image_luminance_quality_flag"]
    assert flags[[10, 11, 13]].tolist() == [ValueFlag.DOUBTFUL] * 3
    assert ValueFlag.DOUBTFUL not in flags.drop([10, 11, 13]).tolist()
    assert mine.loc[10, "image_luminance"] == mine.loc[13, "image_luminance"]


def test_without_any_satellite(plan, folder):
    config = folder / "vigie.toml"
    text = config.read_text()
    config.write_text(text[: text.index("[satellite.msg]")] + text[text.index("[publish]") :])
    plan = plan_of(folder)
    _, staged = infer(plan)
    assert [outcome.error for outcome in staged.outcomes] == [None] * 4
    night(plan)
    table = observations(plan).set_index("camera")
    assert set(table.loc["river001", "slot_reason"]) == {AlignmentReason.NO_SLOT}


def test_frames_are_taken_in_pieces_that_fit_into_memory():
    groups = ["jpeg_480x640"] * 70 + ["png_8000x8000"] * 2 + ["jpeg_480x640"]
    pieces = [len(piece) for piece in frame_reading.pieces(pd.DataFrame({"group": groups}))]
    assert pieces == [32, 32, 6, 1, 1, 1]  # 64 million pixels fill a piece
    assert list(frame_reading.pieces(pd.DataFrame({"group": []}))) == []
