"""Index tables: which pixels show what stands above a camera and along its view."""

from dataclasses import replace

import numpy as np
import pytest

from models.science.degree_grid import DegreeGrid
from models.science.geometry import MSG_FRANCE
from models.science.parallax import true_position
from models.science.sightline_table import (
    HEIGHTS_M,
    NO_PIXEL,
    Viewpoint,
    overhead_table,
    pick_height,
    sightline_table,
)

TOULOUSE = Viewpoint(43.6, 1.44, 145.0, azimuth_deg=180.0, elevation_deg=10.0)


def _field(shape=MSG_FRANCE.shape, value=np.nan):
    return np.full(shape, value)


def _pick(table, field, **options):
    options = {"default_height_m": 2000.0, **options}
    row = pick_height(table, lambda line, column: field[..., line, column], **options)
    return table.height_m[row]


def test_the_column_above_a_camera_leans_north():
    table = overhead_table(MSG_FRANCE, TOULOUSE)
    assert (table.line[0], table.column[0]) == MSG_FRANCE.pixel_at(43.6, 1.44)
    # 10 km of cloud: 12 km north; a line covers some 4.6 km of ground there: 2 to 3 lines
    at_10_km = list(HEIGHTS_M).index(10_000)
    assert table.line[0] - table.line[at_10_km] in (2, 3)
    assert (np.diff(table.line) <= 0).all()
    assert (table.true_line == table.true_line[0]).all() and (table.true_column == table.true_column[0]).all()
    assert (table.distance_km == 0).all() and table.visible.all()
    assert table.altitude_m[0] == 145.0
    np.testing.assert_allclose(90 - table.satellite_zenith_deg, 39.7, atol=0.1)


def test_apparent_pixels_lead_back_to_the_points():
    for table in (overhead_table(MSG_FRANCE, TOULOUSE), sightline_table(MSG_FRANCE, TOULOUSE)):
        latitude, longitude = MSG_FRANCE.pixel_positions()
        back = true_position(
            MSG_FRANCE,
            latitude[table.line, table.column],
            longitude[table.line, table.column],
            table.altitude_m,
        )
        # half a pixel: 1.5 km east to west, 2.4 km north to south
        np.testing.assert_allclose(back[0], table.latitude, atol=2.5 / 111)
        np.testing.assert_allclose(back[1], table.longitude, atol=1.7 / 80)


def test_along_the_ray_distances_grow():
    table = sightline_table(MSG_FRANCE, TOULOUSE)
    assert table.distance_km[0] == pytest.approx(0, abs=1e-6) and (np.diff(table.distance_km) > 0).all()
    # 2 km at 10 degrees: about 2 / tan(10 deg) = 11.3 km, looking south
    at_2_km = list(HEIGHTS_M).index(2000)
    assert table.distance_km[at_2_km] == pytest.approx(11.3, abs=0.1)
    assert table.latitude[at_2_km] == pytest.approx(43.6 - 11.3 / 111.2, abs=0.01)
    # a horizon camera sees beyond the grid at some height
    far = sightline_table(MSG_FRANCE, replace(TOULOUSE, elevation_deg=0.0, azimuth_deg=180.0))
    assert not far.visible[-1] and far.line[-1] == NO_PIXEL
    with pytest.raises(ValueError, match="azimuth"):
        sightline_table(MSG_FRANCE, replace(TOULOUSE, azimuth_deg=None))


@pytest.mark.parametrize("elevation", [2.0, 20.0, 60.0])
@pytest.mark.parametrize("top_m", [1200.0, 4000.0, 9000.0])
def test_an_even_deck_is_found_at_its_height(elevation, top_m):
    camera = replace(TOULOUSE, elevation_deg=elevation)
    field = _field(value=top_m + camera.altitude_m)
    for table in (sightline_table(MSG_FRANCE, camera), overhead_table(MSG_FRANCE, camera)):
        assert abs(_pick(table, field) - top_m) <= 250  # half a step


def test_of_two_clouds_the_nearer_and_without_one_the_default():
    table = sightline_table(MSG_FRANCE, TOULOUSE)
    field = _field()
    assert _pick(table, field) == 2000.0
    assert _pick(table, field, default_height_m=4900.0) == 5000.0
    rows = [list(HEIGHTS_M).index(height) for height in (3000.0, 9000.0)]
    for row in reversed(rows):
        field[table.line[row], table.column[row]] = table.altitude_m[row]
        assert _pick(table, field) == table.height_m[row]
    # a cloud in the pixel of 3000 m that is really at 9000 m stands elsewhere: not on the ray
    field[table.line[rows[0]], table.column[rows[0]]] = 9145.0
    assert _pick(table, field) == 9000.0


def test_corrected_products_are_not_corrected_again():
    table = overhead_table(MSG_FRANCE, TOULOUSE)
    field = _field()
    field[table.true_line[0], table.true_column[0]] = 10_145.0  # a _PLAX field: the cloud is above the camera
    assert _pick(table, field, parallax_corrected=True) == 10_000.0
    assert _pick(table, field) == 2000.0  # taken as it appears, it would stand south of the camera
    assert table.pixels(parallax_corrected=True)[0] is table.true_line


def test_many_slots_at_once_and_none():
    table = overhead_table(MSG_FRANCE, TOULOUSE)
    fields = np.stack([_field(), _field(value=3145.0)])
    assert _pick(table, fields).tolist() == [2000.0, 3000.0]
    assert _pick(table, fields[:0]).shape == (0,)


def test_a_camera_outside_sees_nothing():
    table = overhead_table(MSG_FRANCE, Viewpoint(36.2, -115.1))
    assert not table.visible.any() and np.isnan(table.satellite_zenith_deg).all()
    assert _pick(table, _field(value=2000.0)) == 2000.0


def test_on_latitude_and_longitude_the_producer_decided_where_clouds_are():
    # 0.1 degree a pixel from 45.05 N 0 E: 43.6 N is line 14, 1.44 E column 14, at any height.
    grid = DegreeGrid(0.0, 45.05, 0.1, 0.1, columns=30, lines=30)
    table = overhead_table(grid, TOULOUSE)
    assert set(zip(table.line, table.column, strict=True)) == {(14, 14)}
    assert (table.true_line == table.line).all() and np.isnan(table.satellite_zenith_deg).all()
    # Southwards at 10 degrees a cloud at 14 km is some 75 km away: 0.67 degrees, 6 or 7 lines.
    ray = sightline_table(grid, TOULOUSE)
    assert ray.line[-1] - ray.line[0] in (6, 7) and ray.visible.all()
    away = sightline_table(grid, replace(TOULOUSE, elevation_deg=1.0))
    assert away.line[-1] == NO_PIXEL and not away.visible[-1]
