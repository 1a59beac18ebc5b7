"""Estimate against truth, on a series of four frames."""

import numpy as np
import pytest
import xarray as xr

from tasks.demo_truth import compare_with_truth

TRUTH = """\
camera,time,cover,okta,light,regional_cover
a,2026-01-01T10:00:00Z,0.5,4,day,0.25
a,2026-01-01T10:30:00Z,1.0,8,day,0.25
a,2026-01-01T23:00:00Z,0.0,0,night,0.25
b,2026-01-01T10:00:00Z,0.5,4,day,
b,2026-01-01T11:00:00Z,0.9,7,day,0.5
"""


def series(path, visible):
    nat = np.datetime64("NaT", "ns")
    taken = np.array(
        [
            ["2026-01-01T10:00:00.4", "2026-01-01T10:30", "2026-01-01T23:00"],
            ["2026-01-01T10:00", nat, nat],
        ],
        "datetime64[ns]",
    )
    satellite = np.float32([[0.25, 0.5, np.nan], [0.0, np.nan, np.nan]])
    dims = ("camera", "time")
    xr.Dataset(
        {
            "observation_time": (dims, taken),
            "visible_cloud_fraction": (dims, np.float32(visible)),
            "satellite_cloud_area_fraction": (dims, satellite),
        },
        coords={
            "camera": ["a", "b"],
            "time": np.array([10, 20, 30], "datetime64[m]").astype("datetime64[ns]"),
        },
    ).to_zarr(path)


def test_scores_by_hand(tmp_path):
    (tmp_path / "truth.csv").write_text(TRUTH)
    series(tmp_path / "s.zarr", [[0.5, 0.75, np.nan], [0.375, np.nan, np.nan]])
    day, every, satellite = compare_with_truth(tmp_path / "s.zarr", tmp_path / "truth.csv")
    # Day: truths 0.5, 1, 0.5 (b at 11:00 has no frame in the series): errors 0, 2 and 1 okta.
    assert (day.frames, day.unanswered) == (3, 0)
    assert day.mae_okta == pytest.approx(1.0)
    assert day.within_1_okta == pytest.approx(2 / 3)
    # Mean truth 2/3: errors 1/6, 1/3, 1/6, so 8 x 2/9.
    assert day.control_mae_okta == pytest.approx(8 * 2 / 9)
    # Deviations of truth -1, 2, -1 and of the estimate (0.5, 0.75, 0.375; mean 13/24) -1, 5, -4 (of 24ths):
    # 15 / sqrt(6 x 42) = 0.945.
    assert day.correlation == pytest.approx(15 / np.sqrt(6 * 42))
    # With the night frame, not answered: of four frames two are within an okta.
    assert (every.frames, every.unanswered, every.within_1_okta) == (4, 1, 0.5)
    assert every.mae_okta == pytest.approx(1.0)
    # Satellite: b at 10:00 has no truth; the night frame no answer; errors 0 and 2 okta; the truth does not vary.
    assert (satellite.frames, satellite.unanswered) == (3, 1)
    assert satellite.mae_okta == pytest.approx(1.0)
    assert np.isnan(satellite.correlation)


def test_nothing_answered(tmp_path):
    (tmp_path / "truth.csv").write_text(TRUTH)
    series(tmp_path / "s.zarr", np.full((2, 3), np.nan))
    day, *_ = compare_with_truth(tmp_path / "s.zarr", tmp_path / "truth.csv")
    assert (day.frames, day.unanswered, day.within_1_okta) == (3, 3, 0.0)
    assert np.isnan(day.mae_okta)
