"""Readings and frames that were taken together, and levels that stand for metres."""

import numpy as np
import pytest

from models.science.gauge_matching import level_of_metres, levels_per_metre, nearest_frames
from models.science.level_metres import fit_metres


def at(*minutes):
    return np.datetime64("2026-03-01", "ns") + np.array(minutes, "timedelta64[m]")


def test_the_nearest_frame_within_a_quarter_of_an_hour_the_earlier_of_two():
    frames = at(60, 0, 30)  # not in order: places 1, 2, 0 by time
    assert nearest_frames(frames, at(15, 44, 46, 75, 76, -16)).tolist() == [1, 2, 0, 0, -1, -1]
    assert nearest_frames([], at(1)).tolist() == [-1]
    assert nearest_frames(frames, []).tolist() == []


def test_the_level_of_a_number_of_metres_within_the_readings_only():
    fit = fit_metres([0.2, 0.6], [1.0, 3.0])  # a line: 5 m per level
    assert level_of_metres(fit, 2.0) == pytest.approx(0.4)
    assert [level_of_metres(fit, m) for m in (1.0, 3.0)] == pytest.approx([0.2, 0.6])
    assert np.isnan([level_of_metres(fit, m) for m in (0.9, 3.1)]).all()
    assert levels_per_metre(fit) == pytest.approx(0.2)


def test_without_readings_there_is_no_level():
    fit = fit_metres([], [])
    assert np.isnan(level_of_metres(fit, 2.0)) and np.isnan(levels_per_metre(fit))
    flat = fit_metres([0.2, 0.6], [1.0, 1.0])
    assert level_of_metres(flat, 1.0) == pytest.approx(0.2) and np.isnan(levels_per_metre(flat))
