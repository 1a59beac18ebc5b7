"""Estimated against true movement, on a series of four frames."""

import numpy as np
import pytest
import xarray as xr
from PIL import Image

from models.contracts.series import DRIFT_QUANTITIES
from tasks.demo_drift import StepComparison, compare_drift

TRUTH = """\
camera,time,pan_px,tilt_px,roll_deg,zoom,light
a,2026-01-01T10:00:00Z,1.0,0.0,90.0,2.0,day
a,2026-01-01T10:30:00Z,2.0,0.0,90.0,2.0,day
a,2026-01-01T11:00:00Z,4.0,0.0,90.0,2.0,day
a,2026-01-01T23:00:00Z,4.0,0.0,90.0,2.0,night
b,2026-01-01T10:00:00Z,0.0,0.0,0.0,1.0,day
"""
EVENTS = """\
camera,kind,time
a,step,2026-01-01T12:30:00Z
a,outlier,2026-01-01T10:00:00Z
a,zoom,2026-01-01T20:00:00Z
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "truth.csv").write_text(TRUTH)
    (tmp_path / "drift_events.csv").write_text(EVENTS)
    nat = np.datetime64("NaT", "ns")
    times = ["2026-01-01T10:00:00.4", "2026-01-01T10:30", "2026-01-01T11:00", "2026-01-01T23:00"]
    dims = ("camera", "time")
    fields = {
        "observation_time": np.array([times, ["2026-01-01T10:00", nat, nat, nat]], "datetime64[ns]"),
        "frame": np.array([[7, 8, 9, 10], [11, 0, 0, 0]], np.uint64),
        "drift_reference": np.array([[7, 7, 7, 7], [0, 0, 0, 0]], np.uint64),  # b was not followed
    }
    for quantity in DRIFT_QUANTITIES[:4]:
        fields[quantity.name] = np.zeros((2, 4), np.float32)
        fields[quantity.uncertainty] = np.full((2, 4), 0.5, np.float32)
        fields[quantity.flag] = np.zeros((2, 4), np.int8)
    # Since the reference the picture of `a` went 0, 1, 3, 3 px to the left, and that turned clockwise by 90 degrees and
    # magnified twice: upwards by 0, 2, 6, 6 px.
    fields["tilt_px"][0] = [0.0, -2.25, -7.5, np.nan]
    fields["tilt_px_uncertainty"][0, 0] = fields["pan_px_uncertainty"][0, 0] = 0.0
    fields["pan_px_quality_flag"][0] = [0, 0, 0, 7]
    coordinates = {
        "camera": ["a", "b"],
        "time": np.arange(4).astype("datetime64[h]").astype("datetime64[ns]"),
    }
    xr.Dataset({k: (dims, v) for k, v in fields.items()}, coordinates).to_zarr(tmp_path / "series.zarr")
    return tmp_path


def test_scores_by_hand(folder):
    (day, every), steps = compare_drift(folder / "series.zarr", folder / "truth.csv")
    # By day: distances 0, 0.25 and 1.5 px; without an answer: 0, 2 and 6 px.
    assert (day.frames, day.unanswered) == (3, 0)
    assert day.median_px == pytest.approx(0.25)
    assert day.within_1_px == pytest.approx(2 / 3)
    assert day.control_median_px == pytest.approx(2.0)
    # Of four pans and tilts (the reference itself is left out) one is further than its 0.5 px: 1.5.
    assert day.within_1_sigma == pytest.approx(3 / 4)
    assert (every.frames, every.unanswered, every.within_1_px) == (4, 1, 0.5)
    # Knocked at 11:00, by 2 px; confirmed from 12:30 on. The zoom at 20:00 was none.
    assert steps == StepComparison(knocks=1, found=1, false=1)


def test_a_camera_that_was_replaced_by_a_larger_one_is_scored_in_pixels_of_its_reference(folder):
    before, _ = compare_drift(folder / "series.zarr", folder / "truth.csv")
    header, *rows = TRUTH.splitlines()
    lines = [f"{header},image"]
    for i, row in enumerate(rows):
        factor = 2 if i == 3 else 1  # the last of `a` is twice as wide, and so is the movement in it
        Image.new("L", (8 * factor, 6 * factor)).save(folder / f"{i}.png")
        camera, time, pan, *others = row.split(",")
        lines.append(",".join([camera, time, str(float(pan) * factor), *others, f"{i}.png"]))
    (folder / "truth.csv").write_text("\n".join(lines))
    after, steps = compare_drift(folder / "series.zarr", folder / "truth.csv")
    assert after == before
    # The zoom at 20:00 is within three hours of the larger picture at 23:00: no false step.
    assert steps == StepComparison(knocks=1, found=1, false=0)


def test_a_demo_without_drift(folder):
    series = xr.open_zarr(folder / "series.zarr").load()
    series["drift_reference"][:] = 0
    series.to_zarr(folder / "none.zarr")
    scores, steps = compare_drift(folder / "none.zarr", folder / "truth.csv")
    assert scores == []
    assert steps == StepComparison(0, 0, 0)
