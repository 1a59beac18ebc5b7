import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.science.cover import UNLABELLED, cover_of_mask, okta_of_cover, visible_fraction


def test_cover_is_cloud_over_visible_sky():
    mask = np.array([[0, 1, 2], [0, 2, 2], [0, 0, 255]], np.uint8)
    # 3 cloud of 4 sky pixels; 4 sky pixels of 8 judged
    assert cover_of_mask(mask) == 0.75
    assert visible_fraction(mask) == 0.5


def test_no_sky_has_no_cover():
    assert math.isnan(cover_of_mask(np.zeros((3, 3), np.uint8)))
    assert math.isnan(cover_of_mask(np.zeros((0, 3), np.uint8)))
    assert math.isnan(visible_fraction(np.full((2, 2), UNLABELLED, np.uint8)))


@pytest.mark.parametrize(
    ("cover", "okta"),
    [
        (0.0, 0),
        (0.0005, 0),  # below a thousandth: no cloud
        (0.002, 1),  # a trace
        (0.06, 1),  # 0.48 okta
        (0.5, 4),
        (0.95, 7),  # 7.6 oktas, but there are gaps
        (0.998, 7),
        (0.9995, 8),
        (1.0, 8),
    ],
)
def test_okta_rule(cover, okta):
    assert okta_of_cover(cover) == okta


def test_okta_of_nothing_and_of_nonsense():
    assert okta_of_cover(math.nan) is None
    with pytest.raises(ValueError, match="within"):
        okta_of_cover(1.2)


@given(st.floats(0, 1), st.floats(0, 1))
def test_okta_never_falls_as_cover_grows(a, b):
    low, high = sorted((a, b))
    assert okta_of_cover(low) <= okta_of_cover(high)
    assert abs(okta_of_cover(low) - 8 * low) <= 1.0
