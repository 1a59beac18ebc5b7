import numpy as np
import pytest
import torch

from models.contracts.sky_batch import CONTEXT, PATCH, SATELLITE_FEATURES, SLOTS, SkyInputs
from models.learn.sky_controls import (
    climatology,
    cover_as_okta,
    newest_slot_alone,
    persistence,
    satellite_cover,
    usual_controls,
)
from tests.models.learn.sky_rows import answers_of, one_hot, targets_of


def inputs_of(n, *, cma=0.0, present=True, age_s=(2400.0, 1500.0, 600.0)) -> SkyInputs:
    satellite = torch.full((n, SLOTS, len(SATELLITE_FEATURES), PATCH, PATCH), float("nan"))
    satellite[:, :, 0] = cma
    return SkyInputs(
        image=torch.zeros(n, 3, 4, 4),
        camera_present=torch.ones(n, dtype=torch.bool),
        satellite=satellite,
        slot_present=torch.full((n, SLOTS), present),
        slot_age_s=torch.tensor([age_s] * n),
        context=torch.zeros(n, len(CONTEXT)),
    )


def test_the_climatology_is_the_mean_of_what_is_known():
    training = targets_of(3, okta=[0, 8, -1], obscured=[1, 0, 0])
    found = climatology(training, 2)
    assert found.okta[1, [0, 4, 8]].tolist() == [0.5, 0, 0.5]
    assert found.obscured.tolist() == pytest.approx([1 / 3] * 2)
    assert np.isnan(found.base).all() and len(climatology(training, 0)) == 0


def test_the_last_answer_is_of_the_same_camera_and_old_enough():
    time = np.datetime64("2026-05-01T12:00", "ns") + np.array([60, 0, 30, 60, 90]) * np.timedelta64(1, "m")
    camera = np.array(["a", "a", "a", "b", "a"])
    answers = answers_of(5, okta=one_hot([6, 0, 3, 8, 1], 9))
    found = persistence(answers, camera, time, np.timedelta64(60, "m"))
    # At 13:00 that of 12:00; at 13:30 that of 12:30; b has no other, and neither have 12:00 and 12:30.
    assert np.isnan(found.okta).all(axis=1).tolist() == [False, True, True, True, False]
    assert found.okta[0].argmax() == 0 and found.okta[4].argmax() == 3
    with pytest.raises(ValueError, match="not the last but this"):
        persistence(answers, camera, time, np.timedelta64(0, "m"))
    nothing = persistence(answers_of(0), [], np.array([], "datetime64[ns]"), np.timedelta64(1, "h"))
    assert len(nothing) == 0


def test_a_cover_is_taken_for_n():
    found = cover_as_okta([0.3, np.nan])
    assert found.okta[0].argmax() == 2 and np.isnan(found.okta[1]).all()  # 8 * .3 = 2.4
    assert np.isnan(found.obscured).all()


def test_the_satellites_cover_is_of_the_newest_slot_that_is_there():
    inputs = inputs_of(3, present=True)
    inputs.satellite[:, -1, 0, :, :3] = 1.0  # a third is cloudy
    inputs.satellite[1, -1, 0] = float("nan")
    inputs.satellite[1, -2, 0] = 1.0
    inputs.slot_present[2] = False
    assert satellite_cover(inputs) == pytest.approx([1 / 3, 1.0, np.nan], nan_ok=True)


def test_what_is_not_there_is_said_in_the_masks_alone():
    inputs = inputs_of(2)
    assert newest_slot_alone(inputs).slot_present[0].tolist() == [False, False, True]
    assert newest_slot_alone(inputs).satellite is inputs.satellite


def test_all_controls_of_some_moments_by_name():
    inputs, time = inputs_of(2, cma=1.0), np.array(["2026-05-01T10", "2026-05-01T11"], "datetime64[ns]")
    answers = answers_of(2, okta=one_hot([3, 5], 9))
    found = usual_controls(targets_of(1, okta=[2]), inputs, answers, ["a", "a"], time, [0.5, np.nan])
    said = {
        name: [int(row.argmax()) if np.isfinite(row).all() else None for row in a.okta]
        for name, a in found.items()
    }
    assert said == {
        "climatology": [2, 2],
        "last answer, 1 h old or more": [None, 3],
        "satellite mask through its errors": [2, 2],  # no other N was ever taught
        "satellite mask taken for N": [8, 8],
        "true visible cover taken for N": [4, None],
    }
