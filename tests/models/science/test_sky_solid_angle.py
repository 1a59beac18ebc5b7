"""Solid angles: whole fields against their closed forms, and covers by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.science.cover import cover_of_mask
from models.science.sky_solid_angle import (
    all_sky_weights,
    cylindrical_weights,
    rectilinear_weights,
    visible_dome_fraction,
    weighted_cover,
)


def test_a_fisheye_of_180_degrees_sees_the_whole_sky() -> None:
    assert all_sky_weights(301, 301).sum() == pytest.approx(2 * math.pi, rel=2e-3)


def test_a_fisheye_of_60_degrees_sees_a_cap() -> None:
    # 2 pi (1 - cos 30) = 0.8418 sr
    assert all_sky_weights(301, 401, 60).sum() == pytest.approx(0.8418, rel=5e-3)


def test_what_a_fisheye_sees_below_the_horizon_weighs_nothing() -> None:
    assert all_sky_weights(301, 301, 220).sum() == pytest.approx(2 * math.pi, rel=3e-3)


@given(st.floats(10, 140), st.integers(8, 60), st.integers(8, 60))
def test_a_rectilinear_field_is_that_of_its_rectangle(hfov: float, height: int, width: int) -> None:
    weights = rectilinear_weights(height * 4, width * 4, hfov)
    a = math.tan(math.radians(hfov / 2))
    b = a * height / width
    rectangle = 4 * math.asin(a * b / math.sqrt((1 + a * a) * (1 + b * b)))
    assert weights.sum() == pytest.approx(rectangle, rel=0.02)


def test_a_panorama_is_a_zone_of_the_sphere() -> None:
    # 360 columns of a degree; rows to tan(e) = +-0.5: 2 pi * 2 sin(26.57) = 2 pi * 0.8944
    weights = cylindrical_weights(round(360 / (2 * math.pi)), 360, 360)
    half = weights.shape[0] / 2 / (360 / (2 * math.pi))
    assert weights.sum() == pytest.approx(4 * math.pi * math.sin(math.atan(half)), rel=1e-3)


def test_below_the_horizon_weighs_nothing() -> None:
    level = rectilinear_weights(40, 60, 60, axis_elevation_deg=0)
    assert (level[20:] == 0).all()
    assert (level[:20] > 0).all()
    panorama = cylindrical_weights(40, 400, 180, axis_elevation_deg=0)
    assert (panorama[20:] == 0).all()
    assert (rectilinear_weights(40, 60, 60, axis_elevation_deg=80) > 0).all()


def test_cloud_at_the_rim_of_a_fisheye_counts_less_than_its_pixels() -> None:
    weights = all_sky_weights(200, 200)
    mask = np.full((200, 200), 1, np.uint8)
    y, x = np.mgrid[:200, :200]
    mask[np.hypot(x - 99.5, y - 99.5) > 50] = 2  # below 45 degrees of elevation
    # above it lies 1 - cos 45 = .293 of the sky, hence cover .707; by pixels of the disc .75
    assert weighted_cover(mask, weights) == pytest.approx(0.707, abs=0.005)
    mask[weights == 0] = 0
    assert cover_of_mask(mask) == pytest.approx(0.75, abs=0.005)
    assert visible_dome_fraction(mask, weights) == pytest.approx(1.0, abs=0.01)


def test_no_sky_no_cover() -> None:
    nothing = np.zeros((4, 4), np.uint8)
    assert math.isnan(weighted_cover(nothing, np.ones((4, 4))))
    assert visible_dome_fraction(nothing, np.ones((4, 4))) == 0
    assert math.isnan(visible_dome_fraction(np.full((4, 4), 255, np.uint8), np.ones((4, 4))))


@pytest.mark.parametrize("hfov", [0, 180, -3])
def test_no_such_lens(hfov: float) -> None:
    with pytest.raises(ValueError, match="rectilinear"):
        rectilinear_weights(4, 4, hfov)
    with pytest.raises(ValueError, match="fisheye"):
        all_sky_weights(4, 4, 400)
    with pytest.raises(ValueError, match="panorama"):
        cylindrical_weights(4, 4, 361)
