import json
from dataclasses import replace

import numpy as np
import pytest

from models.learn.sky_calibration import fit_sky_calibration
from models.learn.sky_controls import climatology
from tasks.sky_evaluation import BOTH, CAMERA, SATELLITE, SkyTrial, evaluate_sky
from tasks.sky_reliability import draw_sky_reliability
from tasks.sky_tables import sky_card_metrics, sky_table_json, sky_table_text
from tests.models.learn.sky_rows import answers_of, simulated_oktas, targets_of

N = 1200


def blurred(posterior, share):
    return (1 - share) * posterior + share / 9


def trial(seed=0, **changes) -> SkyTrial:
    """Both inputs know the posterior that the truth was drawn from; the camera a part of it; the satellite less."""
    posterior, truth, camera = simulated_oktas(N, seed)
    targets = targets_of(N, okta=truth)
    camera_only = answers_of(N, okta=np.roll(posterior, 1, axis=1), source=1)
    camera_only.okta[::10] = np.nan  # no picture
    made = SkyTrial(
        name="week",
        targets=targets,
        camera=camera,
        time=np.datetime64("2026-05-01", "ns") + np.arange(N) * np.timedelta64(20, "m"),
        sun_elevation_deg=np.where(np.arange(N) % 3 == 0, -20.0, 30.0),
        answers={
            CAMERA: camera_only,
            SATELLITE: answers_of(N, okta=np.roll(posterior, 3, axis=1), source=2),
            BOTH: answers_of(N, okta=posterior),
            "both, slots 30 min late": answers_of(N, okta=blurred(posterior, 0.5)),
        },
        controls={"climatology": climatology(targets, N)},
        group=np.where(np.isin(camera, ["cam0", "cam1"]), "horizon", "all-sky"),
    )
    return replace(made, **changes)


def calibration(seed=1):
    made = trial(seed)
    return fit_sky_calibration(made.answers[BOTH], made.targets, made.camera)


def test_both_beat_the_better_single_input_by_an_interval():
    rows = evaluate_sky(trial(), calibration(), resamples=200)
    by = {(row.part, row.method): row for row in rows}
    gap, low, high = by["all", BOTH].both_minus["mae_okta"]
    assert low < gap < high < 0
    assert by["all", CAMERA].values["answered"] == pytest.approx(0.9)  # a tenth had no picture: misses
    assert by["both inputs there", CAMERA].values["answered"] == 1.0
    assert by["all", "both, slots 30 min late"].both_minus["rps_okta"][2] < 0
    assert by["all", BOTH].sets["coverage"] == pytest.approx(0.9, abs=0.05)
    assert (
        by["all", BOTH].sets["coverage_low"]
        < by["all", BOTH].sets["coverage"]
        < by["all", BOTH].sets["coverage_high"]
    )
    assert by["all", "climatology"].sets is None
    assert {row.part for row in rows} == {"all", "day", "night", "horizon", "all-sky", "both inputs there"}
    assert by["night", BOTH].moments == N / 3 and by["all", BOTH].cameras == 8


def test_the_table_says_that_it_is_simulated():
    rows = evaluate_sky(trial(), calibration(), resamples=50)
    text = sky_table_text(rows)
    assert "week, all (SIMULATED): 1200 moments of 8 cameras" in text and "better single input" in text
    assert "(real)" in sky_table_text(evaluate_sky(trial(simulated=False), resamples=20))
    first = json.loads(sky_table_json(rows))[0]
    assert first["simulated"] is True and first["values"]["base_exact"] is None  # nothing is known of bases
    facts = sky_card_metrics(rows)["week"]
    assert facts["simulated"] and facts["okta_sets"]["level"] == 0.9 and json.dumps(facts)


def test_by_camera_the_interval_is_of_new_cameras():
    days, cameras = (
        evaluate_sky(trial(), resamples=100, block=block)[2] for block in ("camera-day", "camera")
    )
    assert days.values == pytest.approx(cameras.values, nan_ok=True) and days.intervals != cameras.intervals
    with pytest.raises(ValueError, match="camera-day, camera"):
        evaluate_sky(trial(), block="hour")


def test_answers_about_other_moments_are_refused():
    with pytest.raises(ValueError, match="week: 3 of both for 1200 moments"):
        trial(answers={BOTH: answers_of(3)})


def test_an_empty_trial_and_one_without_both_are_tables_too():
    nothing = SkyTrial(
        "camera",
        targets_of(0),
        np.array([], str),
        np.array([], "datetime64[ns]"),
        np.array([]),
        {BOTH: answers_of(0)},
    )
    assert "0 moments" in sky_table_text(evaluate_sky(nothing, calibration(), resamples=10))
    alone = trial(answers={CAMERA: trial().answers[CAMERA]})
    assert all(not row.both_minus for row in evaluate_sky(alone, resamples=10))


def test_the_page_is_a_png_even_of_nothing(tmp_path):
    made, known = trial(), calibration()
    page = draw_sky_reliability(
        tmp_path / "new" / "page.png", made.answers[BOTH], made.targets, made.camera, known, title="SIMULATED"
    )
    assert page.read_bytes()[:4] == b"\x89PNG" and [p.name for p in page.parent.iterdir()] == ["page.png"]
    draw_sky_reliability(page, answers_of(0), targets_of(0), [], known, title="nothing")
