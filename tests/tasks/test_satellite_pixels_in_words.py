"""How a refusal tells which pixels a slot has, and which the archive."""

from dataclasses import replace

from models.science.degree_grid import DegreeGrid
from models.science.geometry import GeosGrid
from tasks.stores.satellite_grid_mapping import difference_in_words


def test_other_pixels_are_told_in_words():
    one = GeosGrid(0.0, 0.0, 3000.0, 206, 108)
    assert difference_in_words(one, replace(one, columns=200, lines=100)) == (
        "206 x 108 pixels of 3 km at 0.0 E, the archive has 200 x 100 pixels of 3 km at 0.0 E: "
        "was `region` changed, or did the sector move?"
    )
    assert "at 9.5 E: a satellite at another place" in difference_in_words(
        one, replace(one, longitude_0_deg=9.5)
    )
    assert "of 1 km at 0.0 E: channels on other" in difference_in_words(one, replace(one, step_m=1000.0))
    degrees = DegreeGrid(-5.0, 51.0, 0.05, 0.04, 10, 20)
    assert difference_in_words(degrees, one).startswith(
        "10 x 20 pixels of 0.05 x 0.04 deg, the archive has 206"
    )
    assert difference_in_words(replace(one, x_west_m=1500.0), one) == (
        "206 x 108 pixels of 3 km at 0.0 E as in the archive, but +1500 m to the east and +0 to the north: "
        "was `region` changed, or did the sector move?"
    )
