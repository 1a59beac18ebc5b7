"""What the satellite teaches of moments whose patches are at hand."""

import numpy as np
import pytest
import torch

from models.contracts.cloud_labels import GENERA
from models.contracts.sky_batch import CONTEXT, PATCH, SATELLITE_FEATURES, SLOTS, SkyInputs
from models.learn.weak_targets import weak_targets
from models.science.geometry import MSG_FRANCE
from models.science.parallax import satellite_angles
from models.science.satellite_features import SkyView, from_view_deg, sky_context
from models.science.satellite_noise import SATELLITE_GIVEN_OKTA

CMA, CT, TOP = range(3)


def moments(*skies, view):
    """One moment per ``(cma, ct, top)``, the same in all pixels and slots."""
    n = len(skies)
    planes = torch.full((n, SLOTS, len(SATELLITE_FEATURES), PATCH, PATCH), float("nan"))
    for row, values in enumerate(skies):
        planes[row, :, :3] = torch.tensor(values, dtype=torch.float32)[:, None, None]
    zenith, azimuth = satellite_angles(MSG_FRANCE, view.latitude, view.longitude)
    times = np.full(n, np.datetime64("2024-06-01T12:00", "ns"))
    context = sky_context(times, view, satellite_zenith_deg=zenith, satellite_azimuth_deg=azimuth)
    return SkyInputs(
        torch.zeros(n, 3, 4, 4),
        torch.ones(n, dtype=torch.bool),
        planes,
        torch.ones(n, SLOTS, dtype=torch.bool),
        torch.zeros(n, SLOTS),
        torch.from_numpy(context),
    )


def names(some_genus):
    return {genus for genus, inside in zip(GENERA, some_genus.tolist(), strict=True) if inside}


VIEW = SkyView(43.6, 1.44, 150.0, azimuth_deg=90.0, elevation_deg=15.0, hfov_deg=60.0)


def test_patches_say_what_an_archive_says():
    seen = moments((1, 6, 2150.0), (0, 1, np.nan), (1, 12, 8150.0), view=VIEW)
    targets = weak_targets(seen, MSG_FRANCE)
    assert [names(row) for row in targets.some_genus] == [{"St", "Sc", "Cu"}, set(), {"Ci", "Cs", "Cc"}]
    np.testing.assert_allclose(targets.some_genus_trust, [0.9, 0, 0.85])
    np.testing.assert_allclose(targets.base_below_m, [2700, np.inf, np.inf])  # 2150 - 150, 500 and 10 % more
    for row, okta in enumerate((8, 0, 8)):
        np.testing.assert_allclose(targets.satellite_okta[row], SATELLITE_GIVEN_OKTA[:, okta], rtol=1e-6)


def test_a_camera_looks_where_it_looks():
    """Low cloud in the east alone: 4 columns of 3 km."""
    seen = moments((0, 1, np.nan), view=VIEW)
    seen.satellite[0, :, CT, :, 5:], seen.satellite[0, :, TOP, :, 5:] = 6, 2150.0
    assert names(weak_targets(seen, MSG_FRANCE).some_genus[0]) == {"St", "Sc", "Cu"}
    west = moments((0, 1, np.nan), view=SkyView(43.6, 1.44, 150.0, 270.0, 15.0, 60.0))
    west.satellite[:] = seen.satellite
    assert names(weak_targets(west, MSG_FRANCE).some_genus[0]) == set()


def test_high_cloud_appears_north_of_the_camera():
    """At 10 km it is shown 12 km, 2.4 lines of 5 km, to the north: those lines are cloudy, and N is not 0."""
    seen = moments((0, 1, np.nan), view=VIEW)
    seen.satellite[0, :, CMA, :4], seen.satellite[0, :, TOP, :4] = 1, 10_150.0
    targets = weak_targets(seen, MSG_FRANCE)
    np.testing.assert_allclose(targets.satellite_okta[0], SATELLITE_GIVEN_OKTA[:, 8], rtol=1e-6)


def test_moments_without_slot_or_position_say_nothing():
    seen = moments((1, 6, 2150.0), (1, 6, 2150.0), (1, 6, 2150.0), view=VIEW)
    seen.slot_present[0, -1] = False
    seen.context[1, CONTEXT.index("latitude")] = float("nan")
    targets = weak_targets(seen, MSG_FRANCE)
    assert targets.some_genus.any(dim=1).tolist() == [False, False, True]
    assert torch.isinf(targets.base_below_m[:2]).all() and (targets.satellite_okta[:2] == 1).all()
    assert len(weak_targets(seen.rows(torch.tensor([], dtype=torch.long)), MSG_FRANCE)) == 0
    seen.context[:, CONTEXT.index("satellite_azimuth_from_view_deg")] = float("nan")  # no azimuth: all round
    assert weak_targets(seen, MSG_FRANCE).some_genus_trust[2] == pytest.approx(0.8 * 0.9)
    assert from_view_deg(0.0, 90.0) == -90
