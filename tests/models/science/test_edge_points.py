"""Outlines of pictures as points between the pixels."""

import numpy as np
import pytest

from models.science.edge_points import edge_points, grey_of, share_met


def step(at, shape=(40, 60)):
    """Black to the left of ``at``, white to the right; the pixel at the step is as grey as the step covers it."""
    x = np.arange(shape[1])
    return np.broadcast_to(np.clip(x - at + 0.5, 0, 1), shape).copy()


@pytest.mark.parametrize("at", [30.0, 30.25, 30.5, 31.75])
def test_an_edge_is_found_to_a_tenth_of_a_pixel(at):
    points = edge_points(step(at))
    assert len(points) == 32  # one per row, without margins of 4
    np.testing.assert_allclose(points[:, 0], at, atol=0.1)
    assert sorted(points[:, 1]) == list(range(4, 36))


def test_nothing_in_a_flat_picture_nor_beside_what_is_blacked_out():
    assert edge_points(np.full((40, 60), 0.5)).shape == (0, 2)
    hidden = np.zeros((40, 60), dtype=bool)
    hidden[:, 30:] = True  # the polygon's own outline is no edge of the scene
    assert edge_points(step(30.0), hidden).shape == (0, 2)


def test_the_clearest_come_first():
    grey = step(20.0) * 0.2 + step(45.0) * 0.8
    points = edge_points(grey, share=32 / grey.size)
    np.testing.assert_allclose(points[:, 0], 45.0, atol=0.1)


def test_share_met_by_hand():
    edges = np.array([[10.0, 10.0], [10.0, 11.0]])
    # Distances 0, 1, sqrt(2), and one point outside the picture: 2 of 3.
    points = np.array([[10.0, 10.0], [11.0, 11.0], [11.0, 12.0], [-5.0, 0.0]])
    assert share_met(points, edges, (40, 60)) == pytest.approx(2 / 3)
    assert share_met(points, edges[:0], (40, 60)) == 0.0
    assert np.isnan(share_met(points[3:], edges, (40, 60)))


def test_grey_of_8_and_16_bits():
    white = np.full((2, 2, 3), 255, np.uint8)
    np.testing.assert_allclose(grey_of(white), 1.0)
    np.testing.assert_allclose(grey_of(np.full((2, 2, 3), 65535, np.uint16)), 1.0)
    # Pure green: 0.587.
    np.testing.assert_allclose(grey_of(white * np.array([0, 1, 0], np.uint8)), 0.587)
