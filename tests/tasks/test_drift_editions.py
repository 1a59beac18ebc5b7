"""Editions: drift smoothed with hindsight, events found looking both ways, and the nightly series untouched."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from models.contracts.flags import ValueFlag
from models.science import drift_smoothing
from models.science.drift_events import DriftEvent, EventKind, FrameClass
from models.science.drift_history import History
from models.science.pose_smoothing import SmoothedSeries
from tasks.drift_editions import SMOOTHED, smooth_drift
from tasks.publishing import publish_edition, publish_run
from tasks.stores.results import ResultsRecord
from tests.stores.nights import night, with_drift


def followed(date, pan, camera="a"):
    """A night of one camera whose frames, hourly, have these pans (NaN: unobservable)."""
    one = with_drift(night(date, cameras=(camera,)), (camera,))
    rows = one.observations.iloc[: len(pan)].reset_index(drop=True)
    seen = np.isfinite(pan)
    still = {"tilt_px": 0.0, "roll_deg": 0.0, "zoom": 1.0, "drift_px": np.abs(pan)}
    for name, value in {"pan_px": pan, **still}.items():
        rows[name] = np.where(seen, value, np.nan).astype(np.float32)
        rows[f"{name}_uncertainty"] = np.where(seen, 0.2 if name.endswith("px") else 0.01, np.nan).astype(
            np.float32
        )
        rows[f"{name}_quality_flag"] = np.where(seen, ValueFlag.GOOD, ValueFlag.UNOBSERVABLE).astype(np.int8)
    for name in ("pan_deg", "tilt_deg"):
        rows[[name, f"{name}_uncertainty"]] = np.float32(np.nan)
        rows[f"{name}_quality_flag"] = np.int8(ValueFlag.NOT_KNOWN)
    keyframes = one.keyframes.assign(is_reference=1, frame_sha256="ff" * 32)
    rows["drift_reference"] = np.uint64(0xFFFFFFFFFFFFFFFF)
    return dataclasses.replace(one, observations=rows, keyframes=keyframes)


@pytest.fixture
def halves(monkeypatch):
    """Doubles of the science: an outlier is what is beyond 100 px, a step lies at the third frame, poses are halved."""
    asked = {}

    def explain(readings, lens):
        step = DriftEvent(
            EventKind.STEP, readings[2].time, readings[1].time, readings[2].time, pan_px=1.0, images=3
        )
        classes = []
        for reading in readings:
            if not reading.is_observable:
                classes.append(FrameClass.UNOBSERVABLE)
            else:
                far = abs(reading.pose.pan_px) > 100
                classes.append(FrameClass.OUTLIER if far else FrameClass.CONTINUOUS)
        asked["sizes"] = {(reading.width, reading.height) for reading in readings}
        return History((step,), tuple(classes))

    def smooth(times, poses, covariances, step_times=(), *, width=640, common=None):
        asked["common"] = common
        asked["steps"], asked["measured"] = list(step_times), np.isfinite(poses).all(axis=1).tolist()
        filled = np.where(np.isfinite(poses), poses, [3.0, 0, 0, 1]) * [0.5, 1, 1, 1]
        wide = np.where(np.isfinite(covariances), covariances, np.eye(4))
        return SmoothedSeries(filled, wide, np.zeros(4), False)

    monkeypatch.setattr(drift_smoothing, "explain", explain)
    monkeypatch.setattr(drift_smoothing, "smooth", smooth)
    return asked


@pytest.fixture
def record(tmp_path):
    record = ResultsRecord(tmp_path / "results")
    record.record(followed("2026-01-01", np.array([2.0, np.nan, 4.0, 500.0])))
    return record


def test_values_flags_and_attributes_of_an_edition(record, halves, tmp_path):
    publish_run(record, tmp_path / "series.zarr", 30, 0, {})
    before = xr.open_zarr(tmp_path / "series.zarr").load()
    publish_edition(record, tmp_path / "series-b.zarr", 30, {}, {"a": 60.0})
    edition = xr.open_zarr(tmp_path / "series-b.zarr").load()
    assert edition.attrs["drift_processing"] == SMOOTHED
    assert before.attrs["drift_processing"].startswith("causal")
    hours = edition.sel(camera="a").isel(time=[0, 2, 4, 6])
    # Measured 2 and 4 halved; the unobservable frame and the outlier get what the neighbours imply (3), halved.
    assert hours["pan_px"].values.tolist() == [1.0, 1.5, 2.0, 1.5]
    assert hours["pan_px_quality_flag"].values.tolist() == [0, 7, 0, 8]
    assert hours["pan_px_uncertainty"].values == pytest.approx([0.2, 1.0, 0.2, 1.0])
    # A pan of 1 px with a focal length of 320 / tan 30 = 554.26 px is 0.10337 degrees.
    assert float(hours["pan_deg"][0]) == pytest.approx(0.103372, abs=1e-5)
    assert halves["measured"] == [True, False, True, False]
    assert halves["steps"] == [np.datetime64("2026-01-01T02:01")]
    assert halves["sizes"] == {(640, 480)}
    np.testing.assert_array_equal(halves["common"], 0)  # the reference is the only keyframe
    # What is no drift is as it was, and the nightly series too.
    np.testing.assert_array_equal(edition["image_luminance"], before["image_luminance"])
    xr.testing.assert_identical(xr.open_zarr(tmp_path / "series.zarr").load(), before)
    events = pd.read_csv(tmp_path / "drift_events-b.csv")
    assert events[["camera", "kind", "method", "pan_px"]].to_numpy().tolist() == [
        ["a", "step", "retrospective", 1.0]
    ]


def test_changes_of_the_pictures_size_come_from_the_record(record, halves):
    crop = with_drift(night("2026-01-02", cameras=("a",)), event="a")
    record.record(dataclasses.replace(crop, drift_events=crop.drift_events.assign(kind="crop")))
    drift = smooth_drift(record, {})
    assert [(camera, event.kind) for camera, event in drift.events] == [("a", "step"), ("a", "crop")]
    assert np.datetime64("2026-01-02T01:00") in halves["steps"]
    assert np.isnat(drift.events[1][1].not_before)
    flags = drift.values["pan_deg_quality_flag"]
    assert set(flags) == {int(ValueFlag.NOT_KNOWN)}  # no field of view, no degrees


def test_a_camera_that_was_never_measured_keeps_its_flags(tmp_path):
    record = ResultsRecord(tmp_path / "dark")
    record.record(followed("2026-01-01", np.full(3, np.nan)))
    values = smooth_drift(record, {}).values
    assert values["pan_px"].isna().all()
    assert set(values["pan_px_quality_flag"]) == {int(ValueFlag.UNOBSERVABLE)}


def test_nothing_followed_changes_nothing(tmp_path):
    record = ResultsRecord(tmp_path / "results")
    record.record(night("2026-01-01"))  # no reference, no model
    drift = smooth_drift(record, {})
    assert drift.values.empty
    rows = record.observations()
    pd.testing.assert_frame_equal(drift.applied(rows), rows)
