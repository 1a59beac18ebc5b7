import json
import math

import numpy as np
import pytest

from models.contracts.sky_answers import SkySource
from models.learn.sky_calibration import (
    NEVER,
    SkyCalibration,
    calibrated,
    fit_sky_calibration,
    okta_answers,
    widest_of_use,
    without_withheld,
)
from models.science.okta_sets import OktaSets, set_coverage
from tests.models.learn.sky_rows import answers_of, one_hot, simulated_oktas, targets_of


def fitted(n=6000, seed=0, **options):
    posterior, truth, camera = simulated_oktas(n, seed, sharpened=2.0)
    return fit_sky_calibration(answers_of(n, okta=posterior), targets_of(n, okta=truth), camera, **options)


def test_ninety_percent_of_new_sets_hold_the_true_n():
    known = fitted()
    posterior, truth, camera = simulated_oktas(6000, seed=1, sharpened=2.0)
    answers = calibrated(answers_of(6000, okta=posterior), camera, known)
    found = okta_answers(answers, camera, known)
    share, size = set_coverage(found.low, found.high, one_hot(truth, 9))
    assert share == pytest.approx(0.9, abs=0.03) and size < 4  # spreads of up to 1.6 oktas: 90 % are 5 wide
    assert known.moments == 6000 and known.cameras == 8
    assert ((found.low <= found.okta) & (found.okta <= found.high))[~found.withheld].all()


def test_a_card_is_json_and_comes_back():
    known = fitted(1500, own_moments=100)
    assert known.sets.own and known.temperatures.own["okta"]
    assert SkyCalibration.from_card(json.loads(json.dumps(known.to_card()))) == known
    assert SkyCalibration.from_card(SkyCalibration().to_card()) == SkyCalibration()


@pytest.mark.parametrize("lost", ["temperatures", "okta_sets", "too_wide", "moments"])
def test_a_card_that_lacks_something_says_so(lost):
    card = SkyCalibration().to_card()
    del card[lost]
    with pytest.raises(ValueError, match=f"no calibration.*{lost}"):
        SkyCalibration.from_card(card)


def test_a_card_of_an_unknown_source_is_refused():
    card = SkyCalibration(sets=OktaSets(pooled={"RADAR": 0.5})).to_card()
    with pytest.raises(ValueError, match="RADAR"):
        SkyCalibration.from_card(card)


def test_n_is_withheld_where_its_set_is_wide_or_the_sky_obscured():
    sharp, flat = one_hot([3], 9)[0], np.full(9, 1 / 9)
    answers = answers_of(
        5, okta=[sharp, flat, sharp, sharp, np.full(9, np.nan)], obscured=[0, 0, 0.5, np.nan, 0.9]
    )
    known = SkyCalibration(sets=OktaSets(pooled={"ANY": 0.85}), too_wide=6)
    found = okta_answers(answers, [""] * 5, known)
    # Flat: eight ninths are .889, so eight oktas score .85 or less (0 to .778): the set of 8 is too wide.
    assert found.withheld.tolist() == [False, True, True, False, False]
    assert found.okta.tolist() == [3, -1, -1, 3, -1]
    assert (found.high - found.low).tolist() == [0, 7, 0, 0, 0] and found.low[4] == -1
    scored = without_withheld(answers, found.withheld)
    assert np.isnan(scored.okta).all(axis=1).tolist() == [False, True, True, False, True]
    assert scored.obscured[2] == 0.5


def test_without_a_calibration_sets_promise_nothing_and_are_whole():
    found = okta_answers(answers_of(1, okta=[one_hot([3], 9)[0]]), ["a"], SkyCalibration())
    assert (found.low[0], found.high[0], found.okta[0]) == (0, 8, 3)


def test_answers_no_better_than_the_usual_n_are_too_wide():
    # 100 moments of N = 4, answered 4 in sets of 1; 40 more are answered 8 in sets of 5, and are 4 as well: the usual
    # N is 4, and off by nothing where the answer is off by 4. Sets of 2 to 5 or more are the same 40: the least is 2.
    okta = np.int8([4] * 100 + [8] * 40)
    low, high = np.int8([4] * 140), np.int8([4] * 100 + [8] * 40)
    assert widest_of_use(okta, low, high, one_hot([4] * 140, 9)) == 2
    # 60 are 8 indeed, in sets of 3: of these and the 40, the usual N (4 of 200) costs 240, the answers 160: of use.
    okta, low = np.append(okta, np.int8([8] * 60)), np.append(low, np.int8([6] * 60))
    high = np.append(high, np.int8([8] * 60))
    truth = one_hot([4] * 140 + [8] * 60, 9)
    assert widest_of_use(okta, low, high, truth) == 4
    assert widest_of_use(okta[:110], low[:110], high[:110], truth[:110]) == NEVER  # ten are too few to judge
    assert widest_of_use(okta[:0], low[:0], high[:0], truth[:0]) == NEVER


def test_nothing_known_calibrates_nothing():
    known = fit_sky_calibration(answers_of(4), targets_of(4), ["a", "b", "", "a"])
    assert known.moments == 0 and known.sets.pooled == {} and known.too_wide == NEVER
    none = calibrated(answers_of(0), [], known)
    assert len(none) == 0 and len(okta_answers(none, [], known).okta) == 0


def test_moments_of_no_source_stay_without_an_answer():
    answers = answers_of(2, source=[SkySource.NONE, SkySource.BOTH])
    answers.okta[1] = one_hot([7], 9)[0]
    found = okta_answers(calibrated(answers, ["a", "a"], fitted(1000)), ["a", "a"], fitted(1000))
    assert found.okta.tolist() == [-1, 7] and not found.withheld[0]
    assert math.isnan(calibrated(answers, ["a", "a"], SkyCalibration()).okta[0, 0])
