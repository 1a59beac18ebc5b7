"""Cover from a cloud mask around a camera."""

import numpy as np
import pytest

from models.contracts.flags import ValueFlag
from models.science.geometry import MSG_FRANCE
from models.science.satellite_cover import Disc, cloud_fraction, disc_around, great_circle_km


def _disc(shape=(4, 5), radius_km=10.0):
    return Disc(slice(0, shape[0]), slice(0, shape[1]), np.ones(shape, bool), radius_km, True)


def test_a_quarter_cloudy_by_hand():
    mask = np.zeros((4, 5), "u1")
    mask[0] = 1
    cover, sigma, flag = cloud_fraction(mask, _disc())
    assert float(cover) == 0.25
    # radius = decorrelation length: n = 1; q = (0.25 + 0.5) / 2 = 0.375; sqrt(0.375 x 0.625) = 0.484
    assert float(sigma) == pytest.approx(0.484, abs=1e-3)
    assert flag == ValueFlag.GOOD


def test_all_clear_is_not_certain():
    # radius 20 km: n = 4; q = 0.5 / 5 = 0.1; sqrt(0.1 x 0.9 / 4) = 0.15
    cover, sigma, _ = cloud_fraction(np.zeros((4, 5), "u1"), _disc(radius_km=20.0))
    assert (float(cover), float(sigma)) == (0.0, pytest.approx(0.15))


def test_missing_pixels_and_many_slots():
    mask = np.zeros((4, 4, 5), "u1")
    mask[1, 0] = 255  # a quarter unknown: doubtful
    mask[2] = 255  # nothing
    mask[3, :, :2] = 1
    cover, sigma, flag = cloud_fraction(mask, _disc())
    assert flag.tolist() == [ValueFlag.GOOD, ValueFlag.DOUBTFUL, ValueFlag.NOT_OBSERVED, ValueFlag.GOOD]
    assert np.isnan(cover[2]) and np.isnan(sigma[2])
    assert cover[3] == pytest.approx(0.4)


def test_pixels_outside_the_disc_do_not_count():
    inside = np.zeros((4, 5), bool)
    inside[0, 0] = True
    disc = Disc(slice(0, 4), slice(0, 5), inside, 10.0, True)
    assert float(cloud_fraction(np.eye(4, 5, dtype="u1"), disc)[0]) == 1.0


def test_a_disc_over_toulouse():
    disc = disc_around(MSG_FRANCE, 43.6, 1.44, 25.0)
    # pi 25^2 = 1963 km2; a pixel there is about 3.1 km x 4.5 km = 14 km2: some 140 pixels
    assert 120 < disc.inside.sum() < 165
    assert disc.whole
    latitude, longitude = MSG_FRANCE.window(disc.lines, disc.columns).pixel_positions()
    distance = great_circle_km(43.6, 1.44, latitude, longitude)
    assert (disc.inside == (distance <= 25.0)).all()


def test_at_the_edge_outside_and_tiny():
    latitude, longitude = MSG_FRANCE.pixel_positions()
    edge = disc_around(MSG_FRANCE, latitude[0, 200], longitude[0, 200], 25.0)
    assert not edge.whole
    empty = np.zeros(edge.inside.shape, "u1")
    assert cloud_fraction(empty, edge)[2] == ValueFlag.DOUBTFUL
    assert disc_around(MSG_FRANCE, 36.2, -115.1, 25.0) is None
    assert disc_around(MSG_FRANCE, 43.6, 1.44, 0.1).inside.sum() == 1


def test_a_known_distance():
    # one degree of latitude on a sphere of 6371 km: 2 pi 6371 / 360 = 111.19 km
    assert float(great_circle_km(43.0, 1.0, 44.0, 1.0)) == pytest.approx(111.19, abs=0.01)
