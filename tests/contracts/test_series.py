"""The published grid: which frame stands at which time."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from models.contracts.series import nearest_rows, steps_of_day


def observations(*times, camera=0):
    return pd.DataFrame(
        {
            "camera_index": np.full(len(times), camera),
            "time": np.array(times, dtype="datetime64[ns]"),
            "name": [f"f{i}" for i in range(len(times))],
        }
    )


def test_a_day_has_48_half_hours():
    times = steps_of_day(np.datetime64("2026-01-02"), 30)
    assert len(times) == 48
    assert times[-1] == np.datetime64("2026-01-02T23:30")


def test_the_nearest_frame_within_half_a_step_is_taken():
    times = steps_of_day(np.datetime64("2026-01-02"), 30)
    # 00:10 is 10 min from 00:00; 00:20 is 10 min from 00:30; 00:44 is 14 min from 00:30 (and 16 from 01:00).
    rows = nearest_rows(observations("2026-01-02T00:10", "2026-01-02T00:20", "2026-01-02T00:44"), times, 30)
    assert list(rows["name"]) == ["f0", "f1"]
    assert list(rows["step"]) == [0, 1]


def test_of_two_equally_near_frames_the_earlier_is_taken_in_any_order():
    times = steps_of_day(np.datetime64("2026-01-02"), 30)
    near = ["2026-01-02T00:25", "2026-01-02T00:35"]  # both 5 min from 00:30
    for order in (near, near[::-1]):
        rows = nearest_rows(observations(*order), times, 30)
        assert list(rows["time"]) == [np.datetime64("2026-01-02T00:25")]


def test_the_half_step_belongs_to_the_later_grid_time():
    times = steps_of_day(np.datetime64("2026-01-02"), 30)
    rows = nearest_rows(observations("2026-01-02T00:15"), times, 30)
    assert list(rows["step"]) == [1]
    # 23:45 is nearest to midnight of the next day: it is not of this night.
    assert nearest_rows(observations("2026-01-02T23:45"), times, 30).empty


def test_nothing_gives_nothing():
    times = steps_of_day(np.datetime64("2026-01-02"), 30)
    assert nearest_rows(observations(), times, 30).empty
    assert nearest_rows(observations("2026-01-02T00:00"), times[:0], 30).empty


@given(st.lists(st.integers(0, 86_399), unique=True, max_size=40), st.randoms())
def test_no_frame_is_further_than_half_a_step_and_order_does_not_matter(seconds, random):
    day = np.datetime64("2026-01-02", "s")
    times = steps_of_day(np.datetime64("2026-01-02"), 30)
    table = observations(*[day + np.timedelta64(s, "s") for s in seconds])
    rows = nearest_rows(table, times, 30)
    gaps = np.abs(rows["time"].to_numpy() - times[rows["step"].to_numpy()])
    assert (gaps <= np.timedelta64(15, "m")).all()
    assert rows["step"].is_unique
    shuffled = table.sample(frac=1, random_state=random.randint(0, 2**31))
    pd.testing.assert_frame_equal(nearest_rows(shuffled, times, 30), rows)
