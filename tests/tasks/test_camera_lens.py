"""What the registry says of a lens, as solid angles."""

import numpy as np
import pytest

from models.contracts.flags import ValueFlag
from tasks.camera_lens import solid_angles
from tasks.inference import frame_columns, frame_values
from tasks.registry import Camera
from tasks.weights import load_cloud_model


def camera(**known):
    return Camera(id="a", source=".", **known)


def test_without_a_field_of_view_nothing_is_known():
    assert solid_angles(camera(elevation_deg=10), 30, 40) is None


def test_a_window_of_90_degrees_is_a_sixth_of_the_sphere():
    assert solid_angles(camera(hfov_deg=90), 400, 400).sum() == pytest.approx(4 * np.pi / 6, rel=1e-3)


def test_a_lens_that_looks_up_sees_the_dome_and_a_wide_one_is_a_panorama():
    up = solid_angles(camera(hfov_deg=180, elevation_deg=90), 400, 400)
    assert up.sum() == pytest.approx(2 * np.pi, rel=1e-2)
    around = solid_angles(camera(hfov_deg=360, elevation_deg=0), 200, 400)
    assert (around[100:] == 0).all() and around[:100].min() > 0  # nothing is sky below the horizon


def test_the_share_of_the_dome_is_published_where_the_lens_is_known():
    model, _ = load_cloud_model()
    blue = np.full((60, 80, 3), (90, 140, 220), np.uint8)
    column = frame_columns().index("visible_sky_fraction")
    (known,) = frame_values(model, [blue], camera=camera(hfov_deg=90, elevation_deg=45))
    (unknown,) = frame_values(model, [blue])
    assert len(known) == len(unknown) == len(frame_columns())
    assert np.isnan(unknown[column]) and unknown[column + 2] == ValueFlag.NOT_KNOWN
    # 90 by 73.7 degrees: a bit less than a sixth of the sphere, a third of the dome, if all of it is taken for sky
    assert known[column + 2] != ValueFlag.NOT_KNOWN
    assert np.isnan(known[column]) or known[column] < 1 / 3
