"""Water levels of real cameras that no network was trained on: a tide and a marsh, against their gauges."""

import pytest

from tasks.water_evaluation_run import Part, Split, WaterEvaluation, evaluate_water

pytestmark = [pytest.mark.real, pytest.mark.slow]


def test_with_an_unlabelled_archive_no_new_camera_is_read_upside_down(real_data):
    wanted = WaterEvaluation(water=real_data / "water", resamples=20)
    guard, levels, by_camera = list(evaluate_water(wanted, Split.NEW, [Part.LEVELS]))
    assert guard.rows[0]["trained_pictures_listed"] > 100
    archive = next(row for row in levels.rows if row["method"].startswith("(b)"))
    assert archive["spearman"] >= 0.85
    assert archive["worst"] >= 0.5
    assert archive["wrong_sign"] == 0
    assert archive["answered"] >= 0.95
    assert {row["camera"] for row in by_camera.rows} == {
        "duck_c1",
        "duck_c2",
        "duck_c4",
        "duck_c6",
        "nrmarsh",
    }
