"""Patches, ages and angles as the cloud network is given them."""

import numpy as np
import pytest

from models.contracts.flags import AlignmentReason as Reason
from models.contracts.sky_batch import CONTEXT, PATCH, SATELLITE_FEATURES, SLOTS
from models.science.satellite_features import (
    SkyView,
    from_view_deg,
    present_slots,
    satellite_planes,
    sky_context,
    slot_ages,
)

CMA, CT, TOP, IR108, IR120, VIS = range(len(SATELLITE_FEATURES))
QUARTER = 900.0


def patches(value, moments=1, slots=SLOTS, side=PATCH, dtype=np.float32):
    return np.full((moments, slots, side, side), value, dtype)


def all_present(moments=1):
    return np.ones((moments, SLOTS), bool)


def test_slots_that_came_in_time():
    matched, missing = Reason.MATCHED, Reason.SLOT_MISSING
    reason = np.array(
        [[matched, matched, matched], [matched, missing, matched], [matched] * 3, [missing] * 3]
    )
    # the third was matched 11 minutes off; its older slots are no better for being near 15 and 30 minutes back
    offset = np.array([[-1740.0, -840, 60], [-2040, np.nan, -240], [-1800, -900, 660], [np.nan] * 3])
    present = present_slots(reason, offset, 600.0, QUARTER)
    assert present.tolist() == [[True] * 3, [True, False, True], [False] * 3, [False] * 3]
    np.testing.assert_array_equal(slot_ages(offset, present)[:2], [[1740, 840, -60], [2040, np.nan, 240]])
    assert np.isnan(slot_ages(offset, present)[2:]).all()


def test_one_slot_asked_for_is_the_newest():
    present = present_slots(np.array([[Reason.MATCHED]]), np.array([[30.0]]), 600.0, QUARTER)
    assert present.tolist() == [[False, False, True]]
    planes, _ = satellite_planes({"cma": patches(1, slots=1)}, present, np.array([30.0]))
    assert np.isnan(planes[0, :2]).all() and (planes[0, 2, CMA] == 1).all()
    assert present_slots(np.zeros((0, 3), int), np.zeros((0, 3)), 600.0, QUARTER).shape == (0, SLOTS)


def test_flags_of_no_data_and_absent_channels_are_nan():
    cma, ct = patches(1, dtype=np.uint8), patches(6, dtype=np.uint8)
    cma[..., 0, 0], ct[..., 0, 0], ct[..., 0, 1] = 255, 255, 0
    planes, known = satellite_planes(
        {"cma": cma, "ct": ct, "ctth_alti": patches(1850.0)}, all_present(), np.array([30.0])
    )
    assert planes.dtype == np.float32 and planes.shape == (1, SLOTS, len(SATELLITE_FEATURES), PATCH, PATCH)
    assert np.isnan(planes[0, 0, CMA, 0, 0]) and planes[0, 0, CMA, 4, 4] == 1
    assert np.isnan(planes[0, 0, CT, 0, :2]).all() and planes[0, 0, CT, 4, 4] == 6
    assert planes[0, 0, TOP, 4, 4] == 1850
    assert np.isnan(planes[:, :, IR108:]).all()
    assert known.all()


def test_the_middle_of_a_larger_patch_and_channels_of_other_imagers():
    wide = patches(0.0, side=PATCH + 4)
    wide[..., 6, 6] = 250.0
    planes, _ = satellite_planes({"ir_105": wide, "C15": wide + 1}, all_present(), np.array([0.0]))
    assert planes[0, 1, IR108, 4, 4] == 250 and planes[0, 1, IR108].sum() == 250
    assert planes[0, 1, IR120, 4, 4] == 251
    for side in (PATCH - 2, PATCH + 1):
        with pytest.raises(ValueError, match="odd"):
            satellite_planes({"cma": patches(0, side=side)}, all_present(), np.array([0.0]))


def test_reflected_light_needs_the_sun():
    variables = {"VIS006": patches(40.0, moments=3), "IR_108": patches(280.0, moments=3)}
    planes, _ = satellite_planes(variables, all_present(3), np.array([5.0, 4.9, np.nan]))
    assert (planes[0, :, VIS] == 40).all() and np.isnan(planes[1:, :, VIS]).all()
    assert (planes[:, :, IR108] == 280).all()


def test_nothing_of_an_absent_slot_is_left():
    present = np.array([[True, False, True]])
    planes, known = satellite_planes({"cma": patches(1)}, present, np.array([30.0]))
    assert np.isnan(planes[0, 1]).all()
    assert known.tolist() == [[True, False, True]]
    # slots that came, but hold nothing around this camera
    _, empty = satellite_planes({"cma": patches(255)}, all_present(), np.array([30.0]))
    assert not empty.any()


def test_angles_are_from_the_axis():
    view = SkyView(43.6, 1.44, 150.0, azimuth_deg=350.0, elevation_deg=10.0, hfov_deg=60.0)
    times = np.array(["2024-02-29T12:00", "NaT"], "datetime64[ns]")
    context = sky_context(
        times, view, sun_elevation_deg=[40, 41], sun_azimuth_deg=[10, 160], satellite_zenith_deg=50.3,
        satellite_azimuth_deg=182.0,
    )  # fmt: skip
    row = dict(zip(CONTEXT, context[0].tolist(), strict=True))
    assert row["sun_azimuth_from_view_deg"] == 20  # 10 - 350 = -340
    assert row["satellite_azimuth_from_view_deg"] == -168  # 182 - 350
    assert row["day_of_year"] == 60  # 31 + 29
    assert context[1, CONTEXT.index("sun_azimuth_from_view_deg")] == 170
    assert np.isnan(context[1, CONTEXT.index("day_of_year")])
    unknown = sky_context(times, SkyView(), sun_azimuth_deg=[10, 160])
    assert np.isnan(unknown[:, :-1]).all()
    assert from_view_deg(170.0, 350.0) == -180
