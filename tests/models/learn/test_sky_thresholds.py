"""Thresholds for open sky, on pictures whose split is known."""

import numpy as np
import pytest

from models.learn.sky_thresholds import SKY_THRESHOLDS, intermeans, otsu
from models.science.cover import OTHER, SKY


def test_two_levels_are_split_between_them() -> None:
    values = np.r_[np.full(60, 40), np.full(40, 200)].astype(np.uint8)
    assert 40 <= otsu(values) < 200
    assert intermeans(values) == pytest.approx(120)  # (40 + 200) / 2


def test_one_level_is_no_error_and_nothing_is_one() -> None:
    assert intermeans(np.full(9, 7, np.uint8)) == 7
    assert 0 <= otsu(np.full(9, 7, np.uint8)) <= 255
    for split in (otsu, intermeans):
        with pytest.raises(ValueError, match="no values"):
            split(np.empty(0, np.uint8))


@pytest.mark.parametrize("name", SKY_THRESHOLDS)
def test_bright_sky_over_dark_ground(name: str) -> None:
    rgb = np.zeros((20, 30, 3), np.uint8)
    rgb[:], rgb[:10] = (90, 80, 60), (120, 160, 230)
    mask = SKY_THRESHOLDS[name](rgb, np.ones((20, 30), bool))
    assert (mask[:10] == SKY).all()
    assert (mask[10:] == OTHER).all()
