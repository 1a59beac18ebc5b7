"""Controls: each by hand, and what they reach on real shores."""

import csv
import math

import numpy as np
import pytest
from PIL import Image

from models.learn.level_controls import (
    brightness_only,
    first_principal_component,
    flooded_fraction,
    time_only,
    turned_by_pairs,
)
from models.science.rank_correlation import partial_spearman, spearman


def grey(*values):
    """Frames of one grey each."""
    return np.array([np.full((4, 5, 3), v) for v in values], np.uint8)


def test_time_in_any_order():
    times = np.array(["2026-01-01T04", "2026-01-01T00", "2026-01-01T01", "NaT"], "datetime64[ns]")
    np.testing.assert_allclose(time_only(times), [1, 0, 0.25, math.nan])
    assert time_only(times[:1]) == [0.5]
    assert time_only([]).size == 0


def test_brightness_by_hand():
    assert brightness_only(grey(0, 51, 255)) == pytest.approx([0, 0.2, 1])


def test_first_component_rises_with_brightness():
    assert first_principal_component(grey(10, 200, 105)) == pytest.approx([0, 1, 0.5])


def test_first_component_without_brightness_has_a_sign_too():
    frames = np.zeros((2, 2, 2, 3), np.uint8)
    frames[0, 0], frames[1, 1] = 100, 100  # as bright, differently
    assert first_principal_component(frames) == pytest.approx([0, 1])
    assert first_principal_component(frames[::-1].copy()) == pytest.approx([0, 1])


def test_first_component_of_frames_that_are_alike():
    assert first_principal_component(grey(7, 7, 7)) == pytest.approx([0.5] * 3)
    assert first_principal_component(grey(7)) == pytest.approx([0.5])
    assert first_principal_component(np.zeros((0, 4, 5, 3), np.uint8)).size == 0


def test_flooded_fraction_ignores_what_is_not_labelled():
    masks = np.array([[[0, 2], [1, 2]], [[0, 0], [0, 0]], [[1, 1], [0, 1]]], np.uint8)
    np.testing.assert_allclose(flooded_fraction(masks), [2 / 3, math.nan, 0])


def test_pairs_turn_a_control():
    levels = [0.1, 0.9]
    assert turned_by_pairs(levels, [0, 0], [1, 1], ["left_higher", "equal"]) == pytest.approx([0.9, 0.1])
    assert turned_by_pairs(levels, [0], [1], ["right_higher"]) == pytest.approx(levels)
    assert turned_by_pairs(levels, [], [], []) == pytest.approx(levels)


@pytest.mark.real
@pytest.mark.parametrize(("camera", "trend"), [("duck_c1", 0.9), ("nrmarsh", -0.9)])
def test_time_and_light_on_real_shores(real_data, camera, trend):
    with (real_data / "water" / "manifest.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["camera"] == camera]
    times = np.array([row["time"].split("+")[0] for row in rows], "datetime64[ns]")
    truth = np.array([float(row["level"]) for row in rows])
    frames = np.stack([small(real_data / "water" / row["file"]) for row in rows])
    assert (
        trend * spearman(time_only(times), truth) > trend**2
    )  # light trends through the day score well here
    for control in (brightness_only(frames), first_principal_component(frames)):
        assert abs(partial_spearman(control, truth, time_only(times))) < 0.95


def small(path):
    with Image.open(path) as image:
        image.draft("RGB", (320, 240))
        return np.asarray(image.convert("RGB").resize((80, 60)))
