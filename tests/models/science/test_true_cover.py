"""Clouds moved from where they appear to where they are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.contracts.flags import ValueFlag
from models.science.geometry import MSG_FRANCE, GeosGrid
from models.science.parallax import true_position
from models.science.satellite_cover import Disc, cloud_fraction, disc_around, moved_cloud_fraction
from models.science.true_cover import ShiftWindow, move_clouds, shift_window

TOULOUSE = (43.6, 1.44)


def _window(lines_per_m=0.0, columns_per_m=0.0, shape=(6, 4)):
    rates = np.full(shape, lines_per_m), np.full(shape, columns_per_m)
    return ShiftWindow(slice(0, 6), slice(0, 4), slice(0, 6), slice(0, 4), *rates, whole=True)


def test_a_cloud_moves_south_by_hand():
    cloudy = np.zeros((1, 6, 4), bool)
    cloudy[0, 1, 2] = True
    # 10 km x 0.00025 lines per metre = 2.5 lines: half of it on line 3, half on line 4
    covered = move_clouds(cloudy, np.where(cloudy, 10_000.0, np.nan), _window(0.00025))
    expected = np.zeros((1, 6, 4))
    expected[0, 3:5, 2] = 0.5
    np.testing.assert_allclose(covered, expected)


def test_low_and_high_cloud_over_one_place_are_one_cover():
    cloudy = np.zeros((1, 6, 4), bool)
    cloudy[0, [1, 3], 0] = True
    heights = np.zeros((1, 6, 4))
    heights[0, 1, 0] = 10_000.0  # to line 3, where there is a low one
    covered = move_clouds(cloudy, heights, _window(0.0002))
    assert covered[0, :, 0].tolist() == [0, 0, 0, 1, 0, 0]


def test_an_unknown_height_is_the_median_of_the_others():
    cloudy = np.ones((2, 6, 4), bool)
    heights = np.full((2, 6, 4), np.nan)
    heights[0, 3] = 5000.0
    covered = move_clouds(cloudy, heights, _window(0.0002))
    assert (covered[0, 0] == 0).all() and (covered[0, 1:] == 1).all()  # one line down
    assert (covered[1] == 1).all()  # nothing known: they stay


@given(st.integers(0, 2**32 - 1), st.floats(0, 12_000))
def test_clouds_of_one_height_keep_their_area(seed, height):
    disc = disc_around(MSG_FRANCE, *TOULOUSE, 25.0)
    window = shift_window(MSG_FRANCE, disc.lines, disc.columns)
    shape = (1, *window.lines_per_m.shape)
    cloudy = np.zeros(shape, bool)
    middle = window.inner_lines.start + 6
    cloudy[0, middle : middle + 3, 8:11] = np.random.default_rng(seed).random((3, 3)) < 0.5
    moved = move_clouds(cloudy, np.full(shape, height), window)
    assert moved.min() >= 0 and moved.max() <= 1
    assert moved.sum() == pytest.approx(cloudy.sum(), rel=0.02)  # rates vary a little over the window


def test_over_france_the_window_reaches_north():
    disc = disc_around(MSG_FRANCE, *TOULOUSE, 25.0)
    window = shift_window(MSG_FRANCE, disc.lines, disc.columns)
    # 16 km x 1.2 = 19 km, a line covers 4.6 km there: some 4 to 5 lines
    assert disc.lines.start - window.lines.start in (4, 5)
    assert window.lines.stop == disc.lines.stop
    assert window.whole
    at = window.inner_lines.start + 9, 9
    latitude, longitude = (p[window.lines, window.columns][at] for p in MSG_FRANCE.pixel_positions())
    _, y = MSG_FRANCE.to_plane(*true_position(MSG_FRANCE, latitude, longitude, 16_000.0))
    exact = (MSG_FRANCE.y[window.lines][at[0]] - y) / MSG_FRANCE.step_m
    assert 16_000 * window.lines_per_m[at] == pytest.approx(float(exact), rel=0.01)


def _deck(south_of, height_m):
    """What the satellite shows of a thin deck over everything south of a latitude: exact geometry."""
    latitude, longitude = MSG_FRANCE.pixel_positions()
    there, _ = true_position(MSG_FRANCE, latitude, longitude, height_m)
    cloudy = there < south_of
    return cloudy.astype("u1"), np.where(cloudy, height_m, np.nan)


@pytest.mark.parametrize("south_of", [43.4, 43.5, 43.6])
@pytest.mark.parametrize("height_m", [3000.0, 11_000.0])
def test_the_edge_of_a_deck_comes_to_its_place(south_of, height_m):
    disc = disc_around(MSG_FRANCE, *TOULOUSE, 25.0)
    window = shift_window(MSG_FRANCE, disc.lines, disc.columns)
    cma, heights = _deck(south_of, height_m)
    latitude, _ = MSG_FRANCE.pixel_positions()
    truth = (latitude < south_of)[disc.lines, disc.columns][disc.inside].mean()
    outer = np.s_[None, window.lines, window.columns]
    moved = moved_cloud_fraction(cma[outer], heights[outer], disc, window)
    plain = cloud_fraction(cma[None, disc.lines, disc.columns], disc)
    # The strip behind the deck's northern edge, 1.2 times its height, was not seen: half of it counts as cloudy.
    strip = (latitude >= south_of) & (latitude < south_of + 1.2 * height_m / 111_000)
    hidden = strip[disc.lines, disc.columns][disc.inside].mean()
    assert (
        abs(moved[0][0] - truth - hidden / 2) < 0.06
    )  # half a line is 2.3 km of 50, with a chord of the disc
    if height_m == 11_000:
        assert abs(moved[0][0] - truth) < abs(plain[0][0] - truth)
    assert moved[2].tolist() == [ValueFlag.GOOD]


def test_what_nobody_saw_is_half_cloudy_and_uncertain():
    disc = Disc(slice(0, 2), slice(0, 2), np.ones((2, 2), bool), 10.0, True)
    all_of_it = slice(0, 2), slice(0, 2)
    window = ShiftWindow(*all_of_it, *all_of_it, np.full((2, 2), 1e-4), np.zeros((2, 2)), whole=True)
    cma = np.array([[[1, 1], [0, 0]]], "u1")  # a cloud at 10 km, one line south of where it appears
    cover, sigma, _ = moved_cloud_fraction(cma, np.full((1, 2, 2), 10_000.0), disc, window)
    # line 1 is cloudy, line 0 was hidden: (2 + 2 / 2) / 4. n = 1: q = (0.75 + 0.5) / 2 = 0.625;
    # sqrt(0.625 x 0.375 + 0.5^2 / 12) = 0.505
    assert cover[0] == pytest.approx(0.75)
    assert sigma[0] == pytest.approx(0.505, abs=1e-3)


def test_full_empty_and_unknown():
    disc = disc_around(MSG_FRANCE, *TOULOUSE, 25.0)
    window = shift_window(MSG_FRANCE, disc.lines, disc.columns)
    shape = window.lines_per_m.shape
    masks = np.stack([np.ones(shape), np.zeros(shape), np.full(shape, 255)]).astype("u1")
    cover, sigma, flag = moved_cloud_fraction(masks, np.full(masks.shape, 9000.0), disc, window)
    np.testing.assert_allclose(cover, [1, 0, np.nan], atol=1e-6)
    assert flag.tolist() == [ValueFlag.GOOD, ValueFlag.GOOD, ValueFlag.NOT_OBSERVED]
    assert (sigma[:2] > 0).all()
    assert moved_cloud_fraction(masks[:0], np.zeros((0, *shape)), disc, window)[0].shape == (0,)


def test_where_clouds_would_appear_beyond_the_grid_it_is_doubtful():
    small: GeosGrid = MSG_FRANCE.window(slice(145, 175), slice(170, 200))
    disc = disc_around(small, *TOULOUSE, 25.0)
    assert disc.whole
    window = shift_window(small, disc.lines, disc.columns)
    assert not window.whole
    clear = np.zeros((1, *window.lines_per_m.shape), "u1")
    assert moved_cloud_fraction(clear, clear.astype(float), disc, window)[2].tolist() == [ValueFlag.DOUBTFUL]
