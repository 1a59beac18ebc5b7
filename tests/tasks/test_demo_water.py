"""Published against rendered water levels, on series of nine frames."""

import numpy as np
import pytest
import xarray as xr

from tasks.demo_water import compare_water

HOURS = 9
TRUE = [0.1, 0.5, 0.3, 0.9, 0.7, 0.2, 0.6, 0.4, 0.8]


def write(folder, levels, sites=1, flags=0):
    """A camera per entry of ``levels``; the water of each was as in ``TRUE``."""
    cameras = list(levels)
    start = np.datetime64("2026-01-01T00", "ns")
    times = start + np.arange(HOURS) * np.timedelta64(1, "h")
    rows = [
        f"{c},{t}Z,{level}" for c in cameras for t, level in zip(times.astype("M8[s]"), TRUE, strict=True)
    ]
    (folder / "truth.csv").write_text(
        "\n".join(["camera,time,water_level", *rows, "sky,2026-01-01T00:00:00Z,"])
    )
    shape = (len(cameras), HOURS)
    fields = {
        "observation_time": np.broadcast_to(times + np.timedelta64(300, "ms"), shape),
        "water_level": np.array(list(levels.values()), np.float32),
        "water_level_quality_flag": np.broadcast_to(np.int8(flags), shape),
        "water_site": np.broadcast_to(np.uint64(sites), shape),
    }
    coordinates = {"camera": cameras, "time": times}
    dataset = xr.Dataset({k: (("camera", "time"), v.copy()) for k, v in fields.items()}, coordinates)
    dataset.to_zarr(folder / "series.zarr")
    return compare_water(folder / "series.zarr", folder / "truth.csv")


def test_levels_in_order_and_upside_down(tmp_path):
    found = write(tmp_path, {"good": TRUE, "upset": [1 - t for t in TRUE]})
    assert (found.cameras, found.without, found.frames, found.unanswered) == (2, 0, 18, 0)
    assert (found.worst, found.worst_camera) == (pytest.approx(-1), "upset")
    assert found.spearman == pytest.approx(0)
    # Ranks of TRUE 1 5 3 9 7 2 6 4 8 against 1..9: squares of the differences 0 9 0 25 4 16 1 16 1, sum 72;
    # 1 - 6 * 72 / (9 * 80) = 0.4
    assert found.time_spearman == pytest.approx(0.4)


def test_withheld_levels_are_counted(tmp_path):
    found = write(tmp_path, {"shy": [np.nan, *TRUE[1:]]}, flags=[0] * HOURS)
    assert (found.cameras, found.frames, found.unanswered) == (1, 9, 1)
    assert found.spearman == pytest.approx(1)


def test_a_camera_without_a_site_has_no_level(tmp_path):
    found = write(tmp_path, {"new": [np.nan] * HOURS}, sites=0, flags=9)
    assert (found.cameras, found.without) == (0, 1)
    assert np.isnan(found.spearman)


def test_frames_before_the_site_were_never_asked_about(tmp_path):
    sites = np.array([[0, 7, 7, 7, 7, 7, 7, 7, 7]], np.uint64)
    found = write(tmp_path, {"learner": [np.nan, *TRUE[1:]]}, sites=sites)
    assert (found.frames, found.unanswered) == (8, 0)
