"""What cloud types and tops along a camera's rays say of its sky."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.contracts.cloud_labels import GENERA
from models.science.geometry import MSG_FRANCE
from models.science.satellite_features import SkyView
from models.science.satellite_teacher import (
    GENERA_OF_TYPE,
    PLACELESS_TRUST,
    TRUST_OF_TYPE,
    meet_clouds,
    sector_statements,
    view_fan,
)
from models.science.sightline_table import NO_PIXEL

VIEW = SkyView(43.6, 1.44, 150.0, azimuth_deg=180.0, elevation_deg=10.0, hfov_deg=60.0)
FAN = view_fan(MSG_FRANCE, VIEW)
SHAPE = FAN.pixels()[0].shape


def sky(code, top=np.nan, n=1):
    return np.full((n, *SHAPE), code, np.uint8), np.full((n, *SHAPE), top)


def names(some_genus):
    return {genus for genus, inside in zip(GENERA, some_genus, strict=True) if inside}


def test_rays_of_a_picture():
    # 10 degrees and .7 x 60 x (-.4 .. .4) = -6.8, 1.6, 10, 18.4, 26.8; what is below 3 is 3
    assert SHAPE == (5 * 4, 29)
    lines, columns = FAN.pixels()
    row, column = MSG_FRANCE.pixel_at(43.6, 1.44)
    lowest, highest = lines[8:12][0], lines[8:12][3]  # along the axis
    # 2 km: 38 km away at 3 degrees, shown 2.4 km to the north, in lines of 5 km; 4 km: 7.9 less 4.8 km at 26.8 degrees
    assert lowest[4] - row == 7 and highest[8] - row in (0, 1)
    assert (np.abs(columns[8:12][:, :8] - column) <= 1)[lines[8:12][:, :8] != NO_PIXEL].all()
    assert (lowest[8:] == NO_PIXEL).all()  # 4 km: 74 km away
    assert FAN.trust == 1


def test_who_sees_all_round_and_who_may():
    zenith = view_fan(MSG_FRANCE, SkyView(43.6, 1.44, elevation_deg=90.0, hfov_deg=180.0))
    placeless = view_fan(MSG_FRANCE, SkyView(43.6, 1.44))
    assert len(zenith.rays) == len(placeless.rays) == 8 * 3 + 1
    assert (zenith.trust, placeless.trust) == (1.0, PLACELESS_TRUST)
    assert (zenith.rays[-1].distance_km < 1e-6).all()


def test_low_cloud_everywhere():
    said = sector_statements(FAN, *sky(6, 2150.0), VIEW.altitude_m)
    assert names(said.some_genus[0]) == {"St", "Sc", "Cu"}
    assert said.trust[0] == pytest.approx(TRUST_OF_TYPE[6])
    # 2150 - 150 = 2000 m above the camera, and 500 m + 10 %
    assert said.base_below_m[0] == pytest.approx(2700.0)


def test_high_cloud_is_met_by_the_steeper_rays_alone():
    met, tops = meet_clouds(FAN, *sky(12, 8150.0))
    # 8 km is 142 km away at 3 degrees, 43 km at 10 and less above
    assert met.reshape(5, 4).tolist() == [[0, 12, 12, 12]] * 5
    assert np.isnan(tops[0, 0]) and tops[0, 1] == 8150
    said = sector_statements(FAN, *sky(12, 8150.0), VIEW.altitude_m)
    assert names(said.some_genus[0]) == {"Ci", "Cs", "Cc"}
    assert np.isinf(said.base_below_m[0])  # a top seen through is no bound


def test_the_commonest_set_with_less_trust_for_a_mixture():
    types, tops = sky(5, 1150.0)
    types[:, 15:] = 7  # 5 of 20 rays
    tops[:, 15:] = 4150.0
    met, _ = meet_clouds(FAN, types, tops)
    assert (met[0, :15] == 5).all() and (met[0, 15:] != 5).all()
    medium = int((met[0, 15:] == 7).sum())
    assert medium == 4  # not the one of 10 rays that at 3 degrees meets 4 km after 74 km
    said = sector_statements(FAN, types, tops, VIEW.altitude_m)
    assert names(said.some_genus[0]) == {"St", "Sc", "Cu"}
    assert said.trust[0] == pytest.approx(0.9 * (1 - 0.5 * 4 / 19))


def test_codes_of_one_set_count_together():
    types, tops = sky(11, 8150.0)
    types[:, 8:], types[:, 16:] = 13, 9
    tops[:, 16:] = 10_150.0
    said = sector_statements(FAN, types, tops, VIEW.altitude_m)
    assert names(said.some_genus[0]) == {"Ci", "Cs", "Cc"}
    assert said.base_below_m[0] == pytest.approx(10_000 * 1.1 + 500)


def test_one_misplaced_low_top_is_not_the_bound():
    types, tops = sky(6, 2150.0)
    tops[:, 0] = 150.0  # ground fog, or an error
    said = sector_statements(FAN, types, tops, VIEW.altitude_m)
    assert said.base_below_m[0] == pytest.approx(2700.0)


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 16, 255])
def test_cloud_free_and_no_data_say_nothing(code):
    said = sector_statements(FAN, *sky(code), VIEW.altitude_m)
    assert not said.some_genus.any() and said.trust[0] == 0 and np.isinf(said.base_below_m[0])
    assert meet_clouds(FAN, *sky(code))[0][0, 0] == (0 if 1 <= code <= 4 else -1)


def test_without_tops_types_are_looked_for_at_a_usual_height():
    said = sector_statements(FAN, *sky(6), VIEW.altitude_m)
    assert names(said.some_genus[0]) == {"St", "Sc", "Cu"}
    assert np.isinf(said.base_below_m[0])  # a usual height is no bound


def test_a_few_cloudy_rays_may_be_an_edge():
    types, tops = sky(1)
    types[:, 7], tops[:, 7] = 6, 2150.0  # 1 of 20
    assert not sector_statements(FAN, types, tops, 150.0).some_genus.any()
    types[:, 11], tops[:, 11] = 6, 2150.0
    assert names(sector_statements(FAN, types, tops, 150.0).some_genus[0]) == {"St", "Sc", "Cu"}


def test_a_cloud_below_the_camera_is_not_met():
    summit = SkyView(45.9, 6.9, 3800.0, azimuth_deg=0.0, elevation_deg=5.0, hfov_deg=60.0)
    fan = view_fan(MSG_FRANCE, summit)
    types = np.full((1, *fan.pixels()[0].shape), 6, np.uint8)
    said = sector_statements(fan, types, np.full(types.shape, 1500.0), 3800.0)
    assert not said.some_genus.any() and np.isinf(said.base_below_m[0])


def test_no_slot_at_all():
    said = sector_statements(FAN, *sky(6, n=0), 150.0)
    assert said.some_genus.shape == (0, 10) and said.trust.shape == said.base_below_m.shape == (0,)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_what_is_said_is_a_set_of_the_table_and_of_a_code_that_is_there(seed):
    rng = np.random.default_rng(seed)
    types = rng.choice([1, 6, 7, 8, 9, 10, 12, 14, 255], size=(3, *SHAPE), p=rng.dirichlet(np.ones(9)))
    tops = np.where(rng.random(types.shape) < 0.3, np.nan, rng.uniform(0, 12_000, types.shape))
    said = sector_statements(FAN, types, tops, 150.0)
    for moment in range(3):
        stated = names(said.some_genus[moment])
        there = [set(GENERA_OF_TYPE[c]) for c in np.unique(types[moment]) if c in GENERA_OF_TYPE]
        assert (stated in there) if stated else said.trust[moment] == 0
    assert ((said.trust >= 0) & (said.trust <= 0.9)).all()
    assert (said.base_below_m > 0).all()
