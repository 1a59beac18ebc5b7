"""Parallax against satpy, against Earth-centred vectors of pyproj, and its own inverse."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.science.geometry import MSG_FRANCE, GeosGrid
from models.science.parallax import apparent_plane, apparent_position, satellite_angles, true_position
from models.science.satellite_cover import great_circle_km

PLACES = {"Toulouse": (43.6, 1.44, 1.20), "Brest": (48.39, -4.49, 1.46), "Lille": (50.63, 3.06, 1.60)}
GOES = GeosGrid(0, 0, 2000, 10, 10, -75.0, 35786023.0, 6378137.0, 6356752.31414, "x")


@pytest.mark.parametrize("place", PLACES)
def test_a_cloud_is_displaced_by_about_the_tangent_of_the_zenith_angle(place):
    # tan of the satellite's zenith angle: 1 / tan(39.7 deg) = 1.20 at Toulouse
    latitude, longitude, ratio = PLACES[place]
    height = np.array([1000.0, 5000.0, 10000.0])
    seen = apparent_position(MSG_FRANCE, latitude, longitude, height)
    shift_m = 1000 * great_circle_km(latitude, longitude, *seen)
    np.testing.assert_allclose(shift_m / height, ratio, atol=0.015)
    assert (seen[0] > latitude).all()  # away from the equator
    zenith, _ = satellite_angles(MSG_FRANCE, latitude, longitude)
    assert np.tan(np.radians(zenith)) == pytest.approx(ratio, abs=0.015)


@pytest.mark.parametrize("place", PLACES)
def test_equal_to_satpy(place):
    corrected = pytest.importorskip("satpy.modifiers.parallax").get_parallax_corrected_lonlats
    latitude, longitude, _ = PLACES[place]
    for height in (500.0, 3000.0, 12000.0):
        ours = true_position(MSG_FRANCE, latitude, longitude, height)
        theirs = corrected(
            0.0, 0.0, MSG_FRANCE.height_m, np.array([longitude]), np.array([latitude]), np.array([height])
        )
        # satpy takes the Earth for a sphere: its ratio differs by up to 1 %
        gap_m = 1000 * float(great_circle_km(*ours, theirs[1][0], theirs[0][0]))
        assert gap_m < 0.015 * height


@pytest.mark.parametrize(("grid", "places"), [(MSG_FRANCE, PLACES.values()), (GOES, [(36.2, -115.1, 0)])])
def test_equal_to_vectors_of_pyproj(grid, places):
    """The cloud, the apparent place and the satellite lie on one straight line."""
    pyproj = pytest.importorskip("pyproj")
    ellipsoid = f"+a={grid.semi_major_m} +b={grid.semi_minor_m}"
    to_vector = pyproj.Transformer.from_crs(
        f"+proj=longlat {ellipsoid} +type=crs", f"+proj=geocent {ellipsoid} +type=crs", always_xy=True
    )
    satellite = np.array(to_vector.transform(grid.longitude_0_deg, 0.0, grid.height_m))
    for latitude, longitude, _ in places:
        for height in (0.0, 2000.0, 14000.0):
            seen = apparent_position(grid, latitude, longitude, height)
            cloud = np.array(to_vector.transform(longitude, latitude, height))
            ground = np.array(to_vector.transform(float(seen[1]), float(seen[0]), 0.0))
            along = (satellite - ground) / np.linalg.norm(satellite - ground)
            aside = (cloud - ground) - along * ((cloud - ground) @ along)
            assert np.linalg.norm(aside) < 0.05  # metres
            # the zenith angle, by the ellipsoid's normal as the difference of two heights
            up = np.array(to_vector.transform(longitude, latitude, height + 1)) - cloud
            sight = satellite - cloud
            zenith, _ = satellite_angles(grid, latitude, longitude, height)
            cosine = up @ sight / np.linalg.norm(up) / np.linalg.norm(sight)
            assert float(zenith) == pytest.approx(np.degrees(np.arccos(cosine)), abs=1e-4)


@given(st.floats(-65, 65), st.floats(-60, 60), st.floats(-400, 18000), st.sampled_from([0.0, -75.0, 140.7]))
def test_there_and_back(latitude, east, height, below):
    grid = GeosGrid(0, 0, 3000, 10, 10, longitude_0_deg=below)
    longitude = (east + below + 180) % 360 - 180
    seen = apparent_position(grid, latitude, longitude, height)
    if np.isfinite(seen[0]):
        back = true_position(grid, *seen, height)
        np.testing.assert_allclose(great_circle_km(latitude, longitude, *back), 0, atol=1e-4)


def test_at_the_ground_and_below_the_satellite_nothing_moves():
    np.testing.assert_allclose(apparent_position(MSG_FRANCE, 43.6, 1.44, 0.0), (43.6, 1.44), atol=1e-9)
    np.testing.assert_allclose(apparent_position(MSG_FRANCE, 0.0, 0.0, 1e4), (0.0, 0.0), atol=1e-9)
    np.testing.assert_allclose(apparent_plane(MSG_FRANCE, 43.6, 1.44, 0.0), MSG_FRANCE.to_plane(43.6, 1.44))
    assert float(satellite_angles(MSG_FRANCE, 0.0, 0.0)[0]) == 0.0


def test_the_satellite_stands_in_the_south_of_toulouse():
    zenith, azimuth = satellite_angles(MSG_FRANCE, 43.6, 1.44)
    assert 90 - float(zenith) == pytest.approx(39.7, abs=0.1)
    # tan(azimuth from south) = tan(1.44) / sin(43.6): 2.09 degrees to the west of it
    assert float(azimuth) == pytest.approx(182.09, abs=0.05)


def test_unseen_unknown_and_empty():
    assert np.isnan(apparent_position(MSG_FRANCE, 36.2, -115.1, 1e4)).all()
    assert np.isnan(true_position(MSG_FRANCE, 36.2, -115.1, 1e4)).all()
    assert np.isnan(satellite_angles(MSG_FRANCE, 36.2, -115.1)).all()
    assert np.isnan(true_position(MSG_FRANCE, [43.6, np.nan], 1.44, [np.nan, 1e3])).all()
    assert apparent_position(MSG_FRANCE, [], [], [])[0].shape == (0,)
