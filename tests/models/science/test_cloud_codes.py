"""What is published about the sky, from probabilities: worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.contracts.cloud_labels import BASE_BELOW_M, GENERA, LEVEL_GENERA
from models.contracts.flags import ValueFlag
from models.contracts.record import OBSERVATIONS
from models.contracts.sky_answers import SkyAnswers, SkySource
from models.contracts.sky_batch import BASE_STATES, LEVEL_STATES, NO_BASE
from models.contracts.sky_variables import GENUS_COLUMNS
from models.science.cloud_codes import LEVEL_CODES, base_quantile, sky_values


def spread(states, **parts):
    """Probabilities over ``states``, given by place: ``_3=0.5`` is half on the fourth."""
    values = np.zeros(states, np.float32)
    for name, value in parts.items():
        values[int(name[1:])] = value
    return values


def answer(okta, base=None, *, obscured=0.0, genera=None, levels=None, source=SkySource.BOTH):
    """One moment."""
    present = np.array([(genera or {}).get(name, 0.0) for name in GENERA], np.float32)
    codes = levels if levels is not None else (5, 0, 0)
    return SkyAnswers(
        okta=np.asarray(okta, np.float32)[None],
        obscured=np.array([obscured], np.float32),
        genera=present[None],
        base=(spread(BASE_STATES, _6=1) if base is None else base)[None],
        levels=np.stack([spread(LEVEL_STATES, **{f"_{code}": 1}) for code in codes])[None],
        source=np.array([source], np.int8),
    )


def of(columns, *names):
    return [pytest.approx(float(columns[name][0]), nan_ok=True) for name in names]


def test_an_ordinary_sky():
    # N: .2 on 5, .6 on 6, .2 on 7: median 6, mean 6, variance .4, deviation .632; over 8: .75 and .079.
    # Base: all between 1000 and 1500 m: median 1250; 68.27 % of 500 m is 341 m, half of it 171 m.
    columns = sky_values(
        answer(spread(9, _5=0.2, _6=0.6, _7=0.2), genera={"Sc": 0.8, "Cu": 0.6}), altitude_m=150.0
    )
    assert columns["total_cloud_okta"][0] == 6
    assert columns["total_cloud_okta_uncertainty"][0] == pytest.approx(0.632, abs=1e-3)
    assert columns["cloud_area_fraction"][0] == pytest.approx(0.75)
    assert columns["cloud_area_fraction_uncertainty"][0] == pytest.approx(0.079, abs=1e-3)
    assert columns["cloud_base_height_above_ground"][0] == pytest.approx(1250)
    assert columns["cloud_base_altitude"][0] == pytest.approx(1400)
    assert columns["cloud_base_altitude_uncertainty"][0] == pytest.approx(170.7, abs=0.1)
    assert (columns["okta_set_low"][0], columns["okta_set_high"][0]) == (5, 7)
    assert columns["wmo_2700_n"][0] == 6
    assert columns["wmo_0500_genus"][0] == GENERA.index("Sc")
    assert columns["wmo_1600_base"][0] == 6
    assert [int(columns[name][0]) for name in ("wmo_0513_cl", "wmo_0515_cm", "wmo_0509_ch")] == [5, 0, 0]
    assert columns["genus_probability_cu"][0] == pytest.approx(0.6)
    assert columns["cloud_source"][0] == SkySource.BOTH
    assert {int(v[0]) for k, v in columns.items() if k.endswith("_flag")} == {ValueFlag.GOOD}


def test_an_obscured_sky_has_no_amount_and_code_9():
    columns = sky_values(answer(spread(9, _8=1), obscured=0.9, genera={"St": 0.9}), altitude_m=150.0)
    for name in ("total_cloud_okta", "cloud_area_fraction", "cloud_base_altitude", "okta_set_low"):
        assert np.isnan(columns[name][0])
    for name in ("total_cloud_okta", "cloud_area_fraction", "cloud_base_height_above_ground"):
        assert columns[f"{name}_quality_flag"][0] == ValueFlag.SKY_OBSCURED
    assert columns["sky_obscured"][0] == pytest.approx(0.9)
    assert columns["sky_obscured_quality_flag"][0] == ValueFlag.GOOD
    assert columns["wmo_2700_n"][0] == 9
    assert columns["wmo_0500_genus"][0] == columns["wmo_1600_base"][0] == -1
    assert columns["wmo_0513_cl"][0] == columns["wmo_0509_ch"][0] == 10  # "/"
    assert np.isnan([columns[name][0] for name in GENUS_COLUMNS]).all()
    assert columns["genus_probability_quality_flag"][0] == ValueFlag.SKY_OBSCURED


def test_without_cloud_there_is_no_base_though_1600_says_9():
    columns = sky_values(
        answer(
            spread(9, _0=0.8, _1=0.2),
            spread(BASE_STATES, _4=0.3, _10=0.7),
            levels=(5, 0, 10),
            genera={"Cu": 0.9},
        ),
        altitude_m=0.0,
    )
    assert columns["total_cloud_okta"][0] == 0
    assert columns["cloud_area_fraction"][0] == pytest.approx(0.2 / 8)
    assert np.isnan(columns["cloud_base_height_above_ground"][0])
    assert columns["cloud_base_height_above_ground_quality_flag"][0] == ValueFlag.NO_CLOUD
    assert columns["wmo_1600_base"][0] == 9
    assert [int(columns[name][0]) for name in ("wmo_0513_cl", "wmo_0515_cm", "wmo_0509_ch")] == [0, 0, 0]
    assert columns["wmo_0500_genus"][0] == -1
    assert np.isnan([columns[name][0] for name in GENUS_COLUMNS]).all()
    assert columns["genus_probability_quality_flag"][0] == ValueFlag.NO_CLOUD


def test_a_high_base_is_code_9_too_and_no_height():
    columns = sky_values(answer(spread(9, _4=1), spread(BASE_STATES, _8=0.4, _9=0.6)), altitude_m=0.0)
    assert columns["wmo_1600_base"][0] == 9
    assert np.isnan(columns["cloud_base_altitude"][0])
    assert columns["cloud_base_altitude_quality_flag"][0] == ValueFlag.ABOVE_BOUNDS


def test_a_base_that_may_be_high_has_a_height_and_no_standard_error():
    # .6 within 2000 to 2500 m: the median is 5/6 of the way up, 2417 m; 84 % lies above 2500 m.
    columns = sky_values(answer(spread(9, _4=1), spread(BASE_STATES, _8=0.6, _9=0.4)), altitude_m=0.0)
    assert columns["cloud_base_altitude"][0] == pytest.approx(2416.7, abs=0.1)
    assert np.isnan(columns["cloud_base_altitude_uncertainty"][0])


def test_without_an_altitude_the_height_above_ground_stays():
    columns = sky_values(answer(spread(9, _4=1)))
    assert columns["cloud_base_height_above_ground"][0] == pytest.approx(1250)
    assert columns["cloud_base_height_above_ground_quality_flag"][0] == ValueFlag.GOOD
    assert np.isnan(columns["cloud_base_altitude"][0])
    assert np.isnan(columns["cloud_base_altitude_uncertainty"][0])
    assert columns["cloud_base_altitude_quality_flag"][0] == ValueFlag.NOT_KNOWN


def test_a_base_that_contradicts_n_is_withheld():
    columns = sky_values(answer(spread(9, _3=1), spread(BASE_STATES, _4=0.4, _10=0.6)), altitude_m=0.0)
    assert columns["cloud_base_altitude_quality_flag"][0] == ValueFlag.ABSTAINED
    assert columns["wmo_1600_base"][0] == -1


def test_cloud_at_no_level_is_no_answer():
    columns = sky_values(answer(spread(9, _3=1), levels=(0, 0, 0)))
    assert [int(columns[name][0]) for name in ("wmo_0513_cl", "wmo_0515_cm", "wmo_0509_ch")] == [-1] * 3


def test_a_genus_is_told_only_where_it_is_more_likely_than_not():
    columns = sky_values(answer(spread(9, _3=1), genera={"Ac": 0.49, "Cu": 0.3}))
    assert columns["wmo_0500_genus"][0] == -1
    assert columns["genus_probability_ac"][0] == pytest.approx(0.49)


@pytest.mark.parametrize(
    ("levels", "genus"),
    [
        ((1, 0, 0), "Cu"),
        ((0, 7, 0), None),  # CL = 0: no low cloud, so no cumulus
        ((10, 0, 1), "Cu"),  # not visible is no contradiction
    ],
)
def test_a_genus_never_contradicts_the_code_of_its_level(levels, genus):
    columns = sky_values(answer(spread(9, _3=1), genera={"Cu": 0.9, "Ci": 0.6}, levels=levels))
    assert columns["wmo_0500_genus"][0] == (-1 if genus is None else GENERA.index(genus))
    assert columns["genus_probability_cu"][0] == pytest.approx(0.9)


def test_an_n_that_is_withheld_leaves_its_set_and_the_genera():
    low, high = np.array([1], np.int8), np.array([8], np.int8)
    columns = sky_values(
        answer(spread(9, _1=0.5, _8=0.5), genera={"Cu": 0.9}), 0.0, (low, high), np.array([True])
    )
    assert [int(columns[name][0]) for name in ("wmo_0513_cl", "wmo_0515_cm", "wmo_0509_ch")] == [-1] * 3
    assert columns["wmo_0500_genus"][0] == -1
    assert columns["genus_probability_cu"][0] == pytest.approx(0.9)
    assert columns["genus_probability_quality_flag"][0] == ValueFlag.GOOD
    assert np.isnan(columns["total_cloud_okta"][0]) and np.isnan(columns["cloud_base_altitude"][0])
    assert columns["total_cloud_okta_quality_flag"][0] == ValueFlag.ABSTAINED
    assert columns["wmo_2700_n"][0] == -1
    assert (columns["okta_set_low"][0], columns["okta_set_high"][0]) == (1, 8)
    assert columns["sky_obscured_quality_flag"][0] == ValueFlag.GOOD


def nothing(n):
    nan = np.float32("nan")
    return SkyAnswers(
        okta=np.full((n, 9), nan),
        obscured=np.full(n, nan),
        genera=np.full((n, 10), nan),
        base=np.full((n, BASE_STATES), nan),
        levels=np.full((n, 3, LEVEL_STATES), nan),
        source=np.zeros(n, np.int8),
    )


@pytest.mark.parametrize("n", [0, 2])
def test_where_nothing_is_answered_nothing_is_told(n):
    columns = sky_values(nothing(n), altitude_m=10.0)
    for name, values in columns.items():
        assert len(values) == n
        expected = {"cloud_source": SkySource.NONE}.get(
            name, ValueFlag.NOT_OBSERVED if "flag" in name else -1
        )
        assert (np.isnan(values) if values.dtype.kind == "f" else values == expected).all(), name


def test_the_columns_are_those_of_the_record_with_its_types():
    columns = sky_values(nothing(1))
    assert {name: values.dtype.name for name, values in columns.items()} == {
        name: dtype for name, (dtype, _) in OBSERVATIONS.items() if name in columns
    }
    assert set(GENUS_COLUMNS) < set(columns)


def any_answers(n=5):
    """Answers of any probabilities from any source."""

    def shares(*shape):
        return arrays(np.float32, (n, *shape), elements=st.floats(0, 1, width=32)).map(
            lambda p: (p + np.float32(1e-3)) / (p + np.float32(1e-3)).sum(axis=-1, keepdims=True)
        )

    chances = arrays(np.float32, (n,), elements=st.floats(0, 1, width=32))
    genera = arrays(np.float32, (n, 10), elements=st.floats(0, 1, width=32))
    source = arrays(np.int8, (n,), elements=st.sampled_from([int(s) for s in SkySource if s]))
    return st.builds(
        SkyAnswers,
        okta=shares(9),
        obscured=chances,
        genera=genera,
        base=shares(BASE_STATES),
        levels=shares(3, LEVEL_STATES),
        source=source,
    )


@given(any_answers())
def test_nothing_that_is_published_contradicts_n(answers):
    columns = sky_values(answers, altitude_m=100.0)
    n, code = columns["total_cloud_okta"], columns["wmo_2700_n"]
    assert ((code == 9) == (answers.obscured >= 0.5)).all()
    assert (np.isnan(n) == (code == 9)).all() and (n[code != 9] == code[code != 9]).all()
    base, flag = (
        columns["cloud_base_height_above_ground"],
        columns["cloud_base_height_above_ground_quality_flag"],
    )
    assert (np.isfinite(base) == (flag == ValueFlag.GOOD)).all()
    assert (n[np.isfinite(base)] >= 1).all() and (base[np.isfinite(base)] <= 2500).all()
    assert ((flag == ValueFlag.NO_CLOUD) == (n == 0)).all()
    nine = columns["wmo_1600_base"] == 9
    assert (nine == np.isin(flag, [ValueFlag.NO_CLOUD, ValueFlag.ABOVE_BOUNDS])).all()
    genus = columns["wmo_0500_genus"]
    assert (n[genus >= 0] >= 1).all()
    levels = np.stack([columns[name] for name in LEVEL_CODES], axis=1)
    of_genus = [[name in members for members in LEVEL_GENERA.values()].index(True) for name in GENERA]
    assert all(levels[row, of_genus[code]] != 0 for row, code in enumerate(genus) if code >= 0)
    chances = np.stack([columns[name] for name in GENUS_COLUMNS], axis=1)
    assert (np.isnan(chances).all(axis=1) == ((code == 9) | (n == 0))).all()
    low, high = columns["okta_set_low"], columns["okta_set_high"]
    told = ~np.isnan(n)
    assert (low[told] <= n[told]).all() and (n[told] <= high[told]).all()
    assert np.isnan(low[~told]).all()


@given(any_answers(), st.permutations(range(5)))
def test_each_moment_is_answered_for_itself(answers, order):
    whole, turned = sky_values(answers, 100.0), sky_values(answers.rows(np.array(order)), 100.0)
    for name, values in whole.items():
        np.testing.assert_array_equal(turned[name], values[order], err_msg=name)


@given(
    arrays(np.float64, (3, BASE_STATES), elements=st.floats(0, 1)),
    st.floats(0.01, 0.98),
    st.floats(0.001, 0.01),
)
def test_heights_lie_in_their_code_and_rise_with_the_quantile(base, quantile, step):
    base[:, 3] += 1e-3
    base[:, NO_BASE] = 0
    height, code = base_quantile(base, quantile)
    higher, above = base_quantile(base, quantile + step)
    edges = np.array([0, *BASE_BELOW_M, np.inf])
    known = np.isfinite(height)
    assert (known == (code < 9)).all()
    assert (edges[code[known]] - 1e-6 <= height[known]).all()
    assert (height[known] <= edges[code[known] + 1] + 1e-6).all()
    both = known & np.isfinite(higher)
    assert (height[both] <= higher[both] + 1e-6).all() and (code <= above).all()
