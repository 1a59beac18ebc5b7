"""Geostationary geometry against pyproj, its own inverse, and hand-computed points."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.science.geometry import MSG_FRANCE, MSG_NORTH_REGION, GeosGrid


def test_below_the_satellite_is_the_origin():
    x, y = MSG_NORTH_REGION.to_plane(0.0, 0.0)
    assert (float(x), float(y)) == (0.0, 0.0)


def test_a_point_on_the_equator_by_hand():
    # 30 E: east = 6378137 sin 30 = 3189068.5; depth = 42164000 - 6378137 cos 30 = 36640371.3
    # angle = atan(3189068.5 / 36640371.3) = 0.0868182 rad, x 35785863 m = 3106865 m
    x, y = MSG_NORTH_REGION.to_plane(0.0, 30.0)
    assert float(x) == pytest.approx(3106865, abs=10)
    assert float(y) == 0.0


@pytest.mark.parametrize("sweep", ["x", "y"])
def test_equal_to_pyproj(sweep):
    pyproj = pytest.importorskip("pyproj")
    grid = GeosGrid(0, 0, 3000, 10, 10, longitude_0_deg=-75.0, sweep=sweep)
    lat, lon = np.meshgrid(np.linspace(-60, 60, 9), np.linspace(-120, -30, 9))
    expected = pyproj.Proj(grid.proj4)(lon, lat)
    for ours, theirs in zip(grid.to_plane(lat, lon), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-3)


@given(st.floats(-70, 70), st.floats(-60, 60), st.sampled_from("xy"))
def test_there_and_back(latitude, longitude, sweep):
    grid = GeosGrid(0, 0, 3000, 10, 10, sweep=sweep)
    x, y = grid.to_plane(latitude, longitude)
    if np.isfinite(x):
        back = grid.to_position(x, y)
        np.testing.assert_allclose(back, (latitude, longitude), atol=1e-6)


def test_what_is_not_seen_is_nan():
    assert np.isnan(MSG_NORTH_REGION.to_plane(0.0, 179.0)).all()  # behind the Earth
    assert np.isnan(MSG_NORTH_REGION.to_plane(89.9, 0.0)).all()  # over the pole
    assert np.isnan(MSG_NORTH_REGION.to_position(5.6e6, 5.6e6)).all()  # space
    assert MSG_FRANCE.pixel_at(0.0, 179.0) is None
    assert MSG_FRANCE.pixel_at(-33.9, 18.4) is None  # Cape Town: seen, outside the window
    assert MSG_FRANCE.pixel_at(float("nan"), 0.0) is None


def test_a_pixel_centre_lies_in_its_pixel():
    latitude, longitude = MSG_FRANCE.pixel_positions()
    assert latitude.shape == (221, 411)
    for pixel in ((0, 0), (158, 182), (220, 410)):
        assert MSG_FRANCE.pixel_at(latitude[pixel], longitude[pixel]) == pixel


def test_a_window_keeps_its_pixels():
    window = MSG_FRANCE.window(slice(10, 30), slice(5, 9))
    assert window.shape == (20, 4)
    np.testing.assert_allclose(window.x, MSG_FRANCE.x[5:9])
    np.testing.assert_allclose(window.y, MSG_FRANCE.y[10:30])
    assert window.same_pixels(window)
    assert not window.same_pixels(MSG_FRANCE.window(slice(11, 31), slice(5, 9)))
