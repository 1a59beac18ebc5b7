"""A moved camera's picture, seen from its reference, and the part of a site that it shows."""

import numpy as np
import pytest
import torch

from models.science.line_of_sight import Lens, Pose
from models.water import WaterSite
from models.water_view import steady_view, visible_site


def test_a_picture_that_moved_by_four_pixels_is_put_back_at_half_the_size():
    reference = np.zeros((40, 60, 3), np.uint8)
    reference[20:, :] = 200
    moved = np.roll(reference, 4, axis=0)  # the scene moved down: tilt 4
    seen, hidden = steady_view(moved, Pose(0.0, 4.0, 0.0, 1.0), Lens(60, 40, 20.0), 30)
    assert seen.shape == (20, 30, 3) and hidden.shape == (20, 30)
    np.testing.assert_array_equal(seen[1:8], 0)
    np.testing.assert_array_equal(seen[12:17], 200)
    assert hidden[18:].all() and not hidden[:17].any()  # what has left the picture below


def test_what_privacy_hides_moves_with_the_picture():
    cover = np.zeros((40, 60), bool)
    cover[:, :20] = True
    _, hidden = steady_view(
        np.zeros((40, 60, 3), np.uint8), Pose(-8.0, 0, 0, 1), Lens(60, 40, 20.0), 60, cover
    )
    assert hidden[10:30, :11].all() and not hidden[10:30, 14:48].any()  # 8 pixels to the left of where it is


def test_the_share_of_a_site_that_is_shown():
    site = WaterSite(torch.tensor([[1.0, 0.5], [0.5, 0.0]]), 24)
    hidden = np.zeros((4, 4), bool)
    hidden[0, 3] = True  # one pixel hides its place
    seen, share = visible_site(site, hidden)
    assert share == pytest.approx(0.75) and seen.wettability.tolist() == [[1, 0], [0.5, 0]]
    assert visible_site(site, None) == (site, 1.0)
    assert visible_site(site, np.ones((2, 2), bool))[1] == 0
