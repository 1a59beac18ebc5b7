"""What is published of a pose: values, standard errors, flags, and the way back."""

import math

import numpy as np
import pytest

from models.contracts.flags import ValueFlag
from models.contracts.record import OBSERVATIONS
from models.science.drift_events import LightRegime
from models.science.drift_values import (
    DRIFT_COLUMNS,
    frame_values,
    pose_of_values,
    reading_of,
    sigma_px,
    without_value,
)
from models.science.line_of_sight import Lens, Pose

COVARIANCE = np.diag([0.3, 0.4, 0.01, 0.001]) ** 2
PAN = ["pan_px", "pan_px_uncertainty", "pan_px_quality_flag"]


def test_the_columns_are_the_records():
    assert set(DRIFT_COLUMNS) <= set(OBSERVATIONS)
    assert list(frame_values(Pose(), COVARIANCE, Lens.of(640, 480))) == list(DRIFT_COLUMNS)
    assert list(without_value(ValueFlag.UNOBSERVABLE)) == list(DRIFT_COLUMNS)


def test_degrees_by_hand():
    # 90 degrees over 640 pixels: f = 320. Pan of 320 px is 45 degrees, and there one pixel is half of 1 / 320 rad.
    row = frame_values(Pose(320.0, 0.0), COVARIANCE, Lens.of(640, 480, 90.0))
    assert row["pan_deg"] == pytest.approx(45.0)
    assert row["pan_deg_uncertainty"] == pytest.approx(math.degrees(0.3 / 640))
    # At the centre it is the whole of it.
    assert row["tilt_deg_uncertainty"] == pytest.approx(math.degrees(0.4 / 320))
    assert (row["pan_deg_quality_flag"], row["zoom"]) == (ValueFlag.GOOD, 1.0)


def test_degrees_of_a_panorama_are_steps_of_azimuth():
    # 180 degrees over 2000 pixels: 100 px are 9 degrees of pan.
    row = frame_values(Pose(100.0), COVARIANCE, Lens.of(2000, 200, 180.0))
    assert row["pan_deg"] == pytest.approx(9.0)
    assert row["pan_deg_uncertainty"] == pytest.approx(0.3 * 0.09)


def test_without_a_field_of_view_there_are_pixels_only():
    row = frame_values(Pose(3.0, 4.0), COVARIANCE, Lens.of(640, 480), ValueFlag.OUTLIER)
    assert [row[name] for name in PAN] == [3.0, pytest.approx(0.3), ValueFlag.OUTLIER]
    assert math.isnan(row["pan_deg"]) and math.isnan(row["tilt_deg_uncertainty"])
    assert row["pan_deg_quality_flag"] == row["tilt_deg_quality_flag"] == ValueFlag.NOT_KNOWN


def test_the_drift_is_how_far_the_corners_move():
    # A long lens bends nothing: every corner moves by (-3, 4).
    shift = np.diag([0.3, 0.4, 0.0, 0.0]) ** 2
    row = frame_values(Pose(3.0, 4.0), shift, Lens.of(640, 480, 1.0))
    assert row["drift_px"] == pytest.approx(5.0, abs=1e-3)
    # Along (3, 4) / 5: sqrt(0.6^2 x 0.3^2 + 0.8^2 x 0.4^2) = 0.367
    assert row["drift_px_uncertainty"] == pytest.approx(0.367, abs=1e-3)


def test_the_reference_is_exact():
    row = frame_values(Pose(), np.zeros((4, 4)), Lens.of(640, 480))
    assert [row[name] for name in PAN] == [0.0, 0.0, ValueFlag.GOOD]
    assert row["drift_px"] == pytest.approx(0.0, abs=1e-9)
    assert (row["drift_px_uncertainty"], row["zoom"]) == (0.0, 1.0)


def test_what_is_published_leads_back_to_the_pose():
    pose = Pose(1.25, -2.5, 0.125, 1.0009765625)  # exact in single precision
    known = pose_of_values(frame_values(pose, COVARIANCE, Lens.of(640, 480)))
    assert known is not None and known[0] == pose
    np.testing.assert_allclose(known[1], COVARIANCE, rtol=1e-6)
    assert pose_of_values(without_value(ValueFlag.UNOBSERVABLE)) is None


def test_a_reading_is_told_from_what_is_published():
    time = np.datetime64("2026-01-01", "ns")
    row = frame_values(Pose(1.0), COVARIANCE, Lens.of(640, 480))
    reading = reading_of(row, time, (640, 480), 0.1)
    assert (reading.width, reading.height, reading.regime) == (640, 480, LightRegime.NIGHT)
    assert reading.is_observable and reading.pose == Pose(1.0)
    blind = reading_of(without_value(ValueFlag.UNOBSERVABLE), time, (640, 480), float("nan"))
    assert (blind.pose, blind.is_observable, blind.regime) == (None, False, LightRegime.DAY)


def test_sigma_refers_to_640_pixels():
    shift = np.diag([1.0, 1.0, 0.0, 0.0])
    assert sigma_px(Pose(), shift, Lens.of(1280, 960)) == pytest.approx(math.sqrt(2) / 2)
