"""Where a ray meets the height of a cloud."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.science.sightline import destination, sightline_distance_km

elevations = st.floats(0, 90)
heights = st.floats(0, 14000)


def test_a_horizon_camera_by_hand():
    # acos(6371 cos(2 deg) / 6381) = acos(0.997825) = 3.7795 deg; less 2 deg: 1.7795 deg x 111.195 km = 197.9 km
    distance = float(sightline_distance_km(2.0, 10_000.0))
    assert distance == pytest.approx(197.9, abs=0.1)
    assert 10 / np.tan(np.radians(2)) == pytest.approx(286, abs=1)  # what a flat Earth would say


def test_steep_rays_are_as_on_a_flat_earth():
    assert float(sightline_distance_km(45.0, 2000.0)) == pytest.approx(2.0, rel=1e-3)
    assert float(sightline_distance_km(90.0, 10_000.0)) == pytest.approx(0, abs=1e-6)


def test_a_level_ray_and_dipping_ones():
    # level: acos(6371 / 6373) = 1.4354 deg = 159.6 km
    assert float(sightline_distance_km(0.0, 2000.0)) == pytest.approx(159.6, abs=0.1)
    assert np.isnan(sightline_distance_km(-0.1, 2000.0))  # from sea level it runs into the ground
    # from 1000 m the horizon lies 1.015 deg below the level
    seen = sightline_distance_km([-1.0, -1.05], 2000.0, 1000.0)
    assert seen[0] > float(sightline_distance_km(0.0, 2000.0, 1000.0))
    assert np.isnan(seen[1])
    assert np.isnan(sightline_distance_km(5.0, [-1.0, np.nan])).all()


@given(elevations, elevations, heights, heights, st.floats(0, 5000))
def test_farther_when_higher_nearer_when_steeper(first, second, low, high, altitude):
    low, high = sorted((low, high))
    gentle, steep = sorted((first, second))
    rounding = 1e-3  # of acos near 1, kilometres
    near, far = sightline_distance_km(gentle, [low, high], altitude)
    assert 0 <= near <= far + rounding
    assert sightline_distance_km(steep, high, altitude) <= far + rounding


def test_a_great_circle_against_the_ellipsoid():
    geod = pytest.importorskip("pyproj").Geod(ellps="WGS84")
    for azimuth in (0.0, 77.0, 200.0, 300.0):
        latitude, longitude = destination(43.6, 1.44, azimuth, [0.0, 50.0, 300.0])
        assert (latitude[0], longitude[0]) == pytest.approx((43.6, 1.44))
        for reached, km in zip(zip(latitude[1:], longitude[1:], strict=True), (50.0, 300.0), strict=True):
            expected = geod.fwd(1.44, 43.6, azimuth, 1000 * km)
            aside = geod.inv(reached[1], reached[0], expected[0], expected[1])[2]
            assert aside < 0.005 * 1000 * km


def test_across_the_date_line():
    assert destination(0.0, 179.9, 90.0, 111.195)[1] == pytest.approx(-179.1, abs=1e-3)
