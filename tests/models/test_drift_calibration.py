"""Calibration of the registration: what is put in is found again."""

from dataclasses import replace

import numpy as np
import pytest

from models.drift import DriftConfig
from models.learn.drift_calibration import Measured, fit, fit_sigma, stated_sigma_px, table, whitened
from models.learn.drift_calibration_pairs import REVERSED, UNRELATED, PictureBody, draw_pairs

FLOOR = np.diag([1.0, 1.0, 0.18**2, 0.003**2])


def answers(n: int, inflation: float, floor_px: float, seed: int = 0) -> list[Measured]:
    """Related pairs whose errors are as large as the two numbers say."""
    rng = np.random.default_rng(seed)
    out = []
    for _ in range(n):
        size = float(np.exp(rng.uniform(np.log(0.003), np.log(0.3))))  # px, from sharp to vague
        matches = size**2 * FLOOR
        error = np.linalg.cholesky(inflation**2 * matches + floor_px**2 * FLOOR) @ rng.normal(size=4)
        error_px = float(np.hypot(*error[:2]))
        out.append(Measured("clean", True, error, error_px, matches, FLOOR, 2 * size, 2.0, 0.3))
    return out


def strangers(n: int, support: float) -> list[Measured]:
    nan = np.full(4, np.nan)
    return [Measured(UNRELATED, False, nan, np.inf, 0.01 * FLOOR, FLOOR, 0.05, 2.0, support)] * n


def test_inflation_and_floor_are_found_again():
    inflation, floor_px = fit_sigma(answers(1500, 3.0, 0.1))
    assert inflation == pytest.approx(3.0, rel=0.1)
    assert floor_px == pytest.approx(0.1, abs=0.03)


def test_components_are_within_their_errors_as_often_as_they_should():
    config, rows = fit(answers(600, 2.0, 0.05), DriftConfig())
    (row,) = [r for r in rows if r.kind == "clean"]
    assert row.within_one_sigma == pytest.approx(0.683, abs=0.05)
    assert row.within_two_sigma == pytest.approx(0.954, abs=0.03)
    assert config.min_spread == DriftConfig().min_spread


def test_strangers_are_kept_out_by_their_support():
    config, rows = fit([*answers(200, 1.0, 0.02), *strangers(50, 0.02)], DriftConfig())
    assert 0.02 < config.min_support <= 0.3
    by_kind = {row.kind: row for row in rows}
    assert by_kind[UNRELATED].answered == 0
    assert by_kind["clean"].answered > 0.97


def test_strangers_found_on_lines_have_a_threshold_of_their_own():
    by_lines = [replace(m, by_lines=True) for m in strangers(60, 0.29)]
    config, rows = fit([*answers(200, 1.0, 0.02), *by_lines, *strangers(50, 0.02)], DriftConfig())
    assert config.min_lines_support == 0.32  # a tenth above 0.29
    assert config.min_support < 0.3
    assert {row.kind: row for row in rows}[UNRELATED].answered == 0
    few, _ = fit([*answers(200, 1.0, 0.02), *by_lines[:5]], DriftConfig())
    assert few.min_lines_support == DriftConfig().min_lines_support


def test_vague_answers_are_withheld_when_they_are_wrong():
    vague = [replace(m, error_px=15.0, sigma_px=3.0) for m in answers(60, 1.0, 0.02)]
    config, _ = fit([*answers(300, 1.0, 0.02, seed=1), *vague], DriftConfig())
    assert config.max_sigma_px < 3.0


def test_whitened_by_hand():
    one = answers(1, 1.0, 0.0)[0]
    given = replace(one, matches=0.04 * FLOOR, error=np.array([0.4, -0.2, 0.0, 0.0]))
    np.testing.assert_allclose(whitened(given, 1.0, 0.0), [2, -1, 0, 0])  # sigma 0.2 px
    np.testing.assert_allclose(whitened(given, 2.0, 0.3), [0.8, -0.4, 0, 0])  # sqrt(4 * 0.04 + 0.09) = 0.5 px
    assert stated_sigma_px(replace(one, sigma_px=0.3), 2.0, 0.4) == pytest.approx(1.0)  # 0.6 and 0.8


def test_nothing_answered_is_said():
    with pytest.raises(ValueError, match="nothing to calibrate"):
        fit(strangers(5, 0.1), DriftConfig())


def test_an_empty_kind_of_answers_is_nan():
    (row, *_) = table(strangers(3, 0.0), replace(DriftConfig(), min_support=0.5))
    assert row.answered == 0
    assert np.isnan(row.median_sigma_px)


def bodies() -> list[PictureBody]:
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 255, (96, 128, 3)).astype(np.uint8) for _ in range(5)]
    return [
        PictureBody("series", [pictures[:2], pictures[2:4]], may_move=True),
        PictureBody("photos", [[pictures[4]]], crossed=False),
    ]


def test_pairs_are_fixed_by_the_seed_and_say_what_they_are():
    pairs, again = list(draw_pairs(bodies(), 4, 7)), list(draw_pairs(bodies(), 4, 7))
    kinds = (
        ["series"] * 2
        + ["series, weather painted"] * 2
        + ["photos, weather painted"] * 4
        + [UNRELATED] * 4
        + [REVERSED] * 4
    )
    assert [p.kind for p in pairs] == kinds
    assert all(np.array_equal(a.image, b.image) for a, b in zip(pairs, again, strict=True))
    assert not np.array_equal(pairs[0].image, next(draw_pairs(bodies(), 4, 8)).image)
    assert pairs[0].unwarped is not None
    assert pairs[4].unwarped is None
    assert pairs[4].reference.ndim == 2  # painted pictures are luma
    assert pairs[-1].truth is None
    assert all(p.truth is None or p.truth.shown.width == p.image.shape[1] for p in pairs)
