"""The line of sight in nights: causal, the same however the nights are cut, and never worse than silent."""

import shutil

import numpy as np
import pandas as pd
import pytest

from models.contracts.flags import ValueFlag
from models.contracts.record import CameraNight
from models.contracts.series import DRIFT_QUANTITIES
from models.science.drift_values import DRIFT_COLUMNS
from tasks import drift_night
from tasks.inference import BatchInference
from tasks.stores.camera_archive import CameraArchive
from tasks.stores.results import ResultsRecord
from tests.tasks.drift_camera import DIGEST, install, picture, plan_of, write_camera
from tests.tasks.nights import infer, ingest, night, observations

FLAGS = [quantity.flag for quantity in DRIFT_QUANTITIES[:5]]
DAY = "2026-03-02"
STILL = {f"{DAY}T{hour:02d}:00:00": (0, 0) for hour in range(6, 12)}


def moved(moves, light=1.0):
    return {time: picture(dx, dy, light) for time, (dx, dy) in moves.items()}


def drift(plan, camera="quay"):
    table = observations(plan)
    return table[table["camera"] == camera].sort_values("time", ignore_index=True)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    install(monkeypatch)
    write_camera(tmp_path, "quay", moved(STILL), hfov_deg=60.0)
    return tmp_path


@pytest.fixture
def plan(folder):
    plan = plan_of(folder)
    ingest(plan)
    return plan


def test_every_frame_is_placed_relative_to_the_first(plan):
    assert night(plan).loc["quay", "status"] == CameraNight.OK
    table = drift(plan)
    np.testing.assert_allclose(table[["pan_px", "tilt_px"]], 0, atol=0.3)
    assert (table[FLAGS] == ValueFlag.GOOD).all(axis=None)
    assert table["pan_px_uncertainty"].iloc[0] == 0.0 and (table["pan_px_uncertainty"][1:] > 0.05).all()
    archived = CameraArchive(plan.archive_root, "quay").rows()
    assert set(table["drift_reference"]) == {int(archived["sha256"].iloc[0][:16], 16)}
    record = ResultsRecord(plan.results_uri)
    (code,) = set(table["drift_model"])
    assert record.models().loc[code, ["name", "digest"]].tolist() == ["drift_model", DIGEST]
    keyframes = record.keyframes()
    assert keyframes["frame_sha256"].tolist() == archived["sha256"].tolist()[:1]
    reference = keyframes[["is_reference", "width", "height", "pan_px", "zoom"]].iloc[0]
    assert reference.tolist() == [1, 160, 120, 0, 1]
    assert record.drift_until() == {"quay": np.datetime64(f"{DAY}T11:00")}


def test_signs_and_degrees_of_a_camera_that_moves(folder):
    moves = {time: (hour % 3, -(hour % 2)) for hour, time in enumerate(STILL)}
    write_camera(folder, "mast", moved(moves), hfov_deg=60.0)
    plan = plan_of(folder)
    ingest(plan)
    night(plan)
    table = drift(plan, "mast")
    np.testing.assert_allclose(
        table[["pan_px", "tilt_px"]], [(-dx, dy) for dx, dy in moves.values()], atol=0.3
    )
    # 160 pixels are 60 degrees: f = 80 / tan(30) = 138.6 px, and a pixel at the centre is 0.4135 degrees.
    np.testing.assert_allclose(table["pan_deg"], table["pan_px"] * 0.4135, atol=1e-3)
    # A mast that sways by several times its error from hour to hour is answered, and said to be at odds.
    assert set(table["pan_px_quality_flag"]) <= {ValueFlag.GOOD, ValueFlag.OUTLIER}


def test_without_a_field_of_view_there_are_no_degrees(folder):
    write_camera(folder, "pier", moved(STILL))
    plan = plan_of(folder)
    ingest(plan)
    night(plan)
    table = drift(plan, "pier")
    assert table["pan_deg"].isna().all()
    assert set(table["pan_deg_quality_flag"]) == {ValueFlag.NOT_KNOWN}
    assert (table[FLAGS] == ValueFlag.GOOD).all(axis=None)


@pytest.mark.parametrize("setting", [{"drift__enabled": False}, None])
def test_switched_off_or_without_weights_nothing_is_observed(folder, monkeypatch, setting):
    if setting is None:
        monkeypatch.setattr("tasks.weights.SHIPPED_DRIFT_WEIGHTS", folder / "none.safetensors")
    plan = plan_of(folder, **(setting or {}))
    ingest(plan)
    night(plan)
    table = drift(plan)
    assert len(table) == 6 and table["image_luminance"].notna().all()
    assert (table[FLAGS] == ValueFlag.NOT_OBSERVED).all(axis=None)
    assert set(table["drift_model"]) == {-1} and set(table["drift_reference"]) == {0}
    record = ResultsRecord(plan.results_uri)
    assert record.keyframes().empty and record.drift_until() == {}


def test_dark_frames_have_no_reference_and_later_are_unobservable(folder):
    dark = {f"{DAY}T{hour:02d}:00:00": picture(light=0.01) for hour in (3, 4, 14)}
    write_camera(folder, "quay", dark)
    plan = plan_of(folder)
    ingest(plan)
    night(plan)
    table = drift(plan).set_index(drift(plan)["time"].dt.hour)
    assert table.loc[[3, 4], "pan_px_quality_flag"].tolist() == [ValueFlag.NO_REFERENCE] * 2
    assert table.loc[14, "pan_px_quality_flag"] == ValueFlag.UNOBSERVABLE
    assert table.loc[[3, 4, 14], ["pan_px", "drift_px", "zoom_uncertainty"]].isna().all(axis=None)
    assert set(table.loc[[3, 4], "drift_reference"]) == {0}
    assert (table.loc[6:11, FLAGS] == ValueFlag.GOOD).all(axis=None)


def test_other_light_makes_a_keyframe_and_its_cache(folder):
    write_camera(folder, "quay", {f"{DAY}T12:00:00": picture(light=0.5)})
    plan = plan_of(folder)
    ingest(plan)
    night(plan)
    keyframes = ResultsRecord(plan.results_uri).keyframes()
    assert keyframes["time"].dt.hour.tolist() == [6, 12]
    assert keyframes["pan_px"].iloc[1] == pytest.approx(0, abs=0.3)
    assert keyframes["covariance_pan_px_pan_px"].iloc[1] > 0
    files = {path.stem for path in (folder / "archive" / "cache" / "drift" / DIGEST / "quay").iterdir()}
    assert files == set(keyframes["frame_sha256"])  # the last good frame is the second keyframe


def test_nights_cut_anywhere_give_the_same_values(folder, tmp_path):
    second = {time.replace(DAY, "2026-03-03"): pixels for time, pixels in moved(STILL, light=0.5).items()}
    at_once = shutil.copytree(folder, tmp_path / "at_once")
    write_camera(at_once, "quay", second)
    plan = plan_of(at_once, "2026-03-03")
    ingest(plan)
    night(plan)
    early = plan_of(folder)
    ingest(early)
    night(early)
    shutil.rmtree(folder / "archive" / "cache")  # what is kept can be made again
    write_camera(folder, "quay", second)
    late = plan_of(folder, "2026-03-03")
    ingest(late)
    night(late)
    pd.testing.assert_frame_equal(
        drift(plan)[["time", *DRIFT_COLUMNS]], drift(late)[["time", *DRIFT_COLUMNS]], check_exact=True
    )
    columns = ["frame_sha256", "pan_px", "covariance_pan_px_zoom"]
    one, other = (ResultsRecord(p.results_uri).keyframes()[columns] for p in (plan, late))
    assert len(one) == 2  # the second day's light is another
    pd.testing.assert_frame_equal(one, other, check_exact=True)


def test_killed_before_the_record_and_run_again_is_run_once(plan):
    _, first = infer(plan)  # killed here: staged, not recorded; the cache of features is written
    night(plan)
    table, keyframes = drift(plan), ResultsRecord(plan.results_uri).keyframes()
    assert len(table) == 6 and len(keyframes) == 1
    assert first.tables["keyframes"].is_file()
    night(plan)
    pd.testing.assert_frame_equal(drift(plan), table)
    pd.testing.assert_frame_equal(ResultsRecord(plan.results_uri).keyframes(), keyframes)


def test_a_late_frame_is_placed_and_changes_nothing(plan, folder):
    night(plan)
    before = ResultsRecord(plan.results_uri)
    keyframes, until = before.keyframes(), before.drift_until()
    write_camera(
        folder, "quay", {f"{DAY}T07:30:00": picture(4, 2, light=0.5), f"{DAY}T05:00:00": picture(1, 0)}
    )
    ingest(plan)
    night(plan)
    after = ResultsRecord(plan.results_uri)
    late = drift(plan)[drift(plan)["run"] == 1]
    np.testing.assert_allclose(late["pan_px"], [-1, -4], atol=0.3)
    assert (late[FLAGS] == ValueFlag.GOOD).all(axis=None)
    pd.testing.assert_frame_equal(after.keyframes(), keyframes)
    assert after.drift_until() == until


def test_a_step_is_an_event_with_its_frame(folder):
    days = [f"2026-03-{day:02d}" for day in range(2, 6)]
    steady = {f"{day}T{hour:02d}:30:00": (0, 0) for day in days for hour in range(6, 18, 2)}
    moves = {time: (8, 0) if time > "2026-03-04T11" else (0, 0) for time in steady}
    write_camera(folder, "mast", moved(moves))
    plan = plan_of(folder, "2026-03-05")
    ingest(plan)
    night(plan)
    events = ResultsRecord(plan.results_uri).drift_events()
    (step,) = events[(events["camera"] == "mast") & (events["kind"] == "step")].to_dict("records")
    assert step["time"] == pd.Timestamp("2026-03-04T12:30")
    assert step["pan_px"] == pytest.approx(-8, abs=1)
    assert step["confirmed_at"] > step["time"] and step["images"] >= 3
    confirming = drift(plan, "mast").set_index("time").loc[step["confirmed_at"]]
    assert step["frame_sha256"] == confirming["frame_sha256"]
    night(plan)  # nothing new: nothing confirmed again
    assert len(ResultsRecord(plan.results_uri).drift_events()) == len(events)


def test_what_privacy_blacks_out_is_hidden(folder, monkeypatch):
    hidden = []
    install(monkeypatch, hidden)
    plan = plan_of(folder)
    ingest(plan)
    CameraArchive(plan.archive_root, "quay").set_privacy(((0, 0), (0.25, 0), (0.25, 1), (0, 1)))
    night(plan)
    assert len(hidden) == 6
    assert all(pixels[:, :40].all() and not pixels[:, 42:].any() for pixels in hidden)


def test_a_frame_that_cannot_be_read_fails_alone(plan, monkeypatch):
    victim = CameraArchive(plan.archive_root, "quay").rows()["row"].iloc[2]
    read = CameraArchive.read_frames

    def odd(self, rows):
        if victim in rows["row"].tolist():
            raise OSError(5, "Input/output error")
        return read(self, rows)

    monkeypatch.setattr(CameraArchive, "read_frames", odd)
    night(plan)
    flags = drift(plan)["pan_px_quality_flag"].tolist()
    assert flags == [ValueFlag.GOOD] * 2 + [ValueFlag.FAILED] + [ValueFlag.GOOD] * 3


def test_a_day_that_fails_leaves_no_keyframe_behind(plan, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(BatchInference, "_satellite_values", lambda *_: 1 / 0)
        rows = night(plan)
    assert rows.loc["quay", "status"] == CameraNight.FAILED
    record = ResultsRecord(plan.results_uri)
    assert record.keyframes().empty and record.drift_until() == {}
    assert night(plan).loc["quay", "status"] == CameraNight.OK
    assert len(record.keyframes()) == 1


def test_a_keyframe_that_is_gone_is_done_without(plan, folder, monkeypatch, caplog):
    night(plan)
    shutil.rmtree(folder / "archive" / "cache")
    write_camera(folder, "quay", {f"{DAY}T13:00:00": picture(5, 0)})
    ingest(plan)
    monkeypatch.setattr(drift_night, "read_by_digest", lambda *_: None)
    night(plan)
    assert drift(plan)["pan_px_quality_flag"].iloc[-1] == ValueFlag.UNOBSERVABLE
    assert "cannot be seen any more" in caplog.text


def test_an_undated_group_is_placed_without_events(folder):
    from PIL import Image

    group = folder / "images" / "group"
    group.mkdir()
    for i, letter in enumerate("abcd"):
        Image.fromarray(picture(2 * i, 0)).save(group / f"view-{letter}.png")
    with (folder / "cameras.csv").open("a") as file:
        file.write("group,images/group,\n")
    plan = plan_of(folder)
    ingest(plan)
    night(plan)
    np.testing.assert_allclose(drift(plan, "group")["pan_px"], [0, -2, -4, -6], atol=0.3)
    assert "group" not in set(ResultsRecord(plan.results_uri).drift_events()["camera"])


def test_weights_that_are_not_there_stop_the_night_at_once(folder):
    from tasks import weights
    from tasks.errors import ConfigurationError
    from tasks.night_plan import check_stores

    def refuse(path=None):
        raise ConfigurationError(path, None, "no such weights", "give others")

    plan = plan_of(folder, drift__weights="none.safetensors")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weights, "load_drift_model", refuse, raising=False)
        with pytest.raises(ConfigurationError, match="none"):
            check_stores(plan)
