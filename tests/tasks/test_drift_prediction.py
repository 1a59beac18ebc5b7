import json
import math

import numpy as np
import pytest
from PIL import Image

from tasks.drift_prediction import predict_against
from tasks.errors import ConfigurationError
from tests.tasks import drift_double
from tests.tasks.drift_double import save, scene, view


@pytest.fixture(autouse=True)
def double(monkeypatch):
    drift_double.install(monkeypatch)


@pytest.fixture
def reference(tmp_path):
    return save(tmp_path / "ref.png", view(scene()))


def test_signs_units_and_order(tmp_path, reference):
    right = save(tmp_path / "b.jpg", view(scene(), dx=5))  # the scene moved right: the camera turned left
    down = save(tmp_path / "a.png", view(scene(), dy=3))  # the scene moved down: the camera turned up
    first, second = predict_against(reference, [right, down], hfov_deg=60).answers
    assert [first["image"], second["image"]] == [str(right), str(down)]
    assert first["pose"] == {"pan_px": -5, "tilt_px": 0, "roll_deg": 0, "zoom": 1}
    assert second["pose"]["tilt_px"] == 3
    assert first["confident"] and "reason" not in first
    # f = 80 px / tan 30 deg = 138.56 px; atan(-5 / 138.56) = -2.0666 deg
    assert first["pan_deg"] == pytest.approx(-2.0666, abs=1e-4)
    assert second["tilt_deg"] == pytest.approx(math.degrees(math.atan(3 / 138.564)), abs=1e-4)
    assert first["roll_deg"] == 0
    # the image centre (79.5, 59.5) is seen 5 px further right
    x, y, w = np.array(first["homography"]) @ [79.5, 59.5, 1]
    assert (x / w, y / w) == pytest.approx((84.5, 59.5))
    # corners are at u = .994, v = .744 half widths, k = 1/3: hypot(5 (1 + k u u), 5 k u v) = hypot(6.65, 1.23)
    assert first["drift_px"] == pytest.approx(6.76, abs=0.02)
    assert first["pose_uncertainty"]["pan_px"] == pytest.approx(0.1)


def test_degrees_only_where_the_field_of_view_is_known(tmp_path, reference):
    (answer,) = predict_against(reference, [reference]).answers
    assert "pan_deg" not in answer and answer["pose"]["pan_px"] == 0
    with pytest.raises(ConfigurationError, match="--hfov"):
        predict_against(reference, [reference], hfov_deg=0)


def test_never_confident_of_what_is_no_picture_of_the_scene(tmp_path, reference):
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(save(tmp_path / "whole.jpg", view(scene())).read_bytes()[:-800])
    paths = [
        save(tmp_path / "black.png", np.zeros((120, 160, 3), np.uint8)),
        save(tmp_path / "blank.png", np.full((120, 160, 3), 128, np.uint8)),
        save(tmp_path / "unrelated.png", view(scene(1))),
        save(tmp_path / "mirrored.png", view(scene())[:, ::-1]),
        cut,
        tmp_path / "none.png",
    ]
    answers = predict_against(reference, paths).answers
    assert not any(a.get("confident") for a in answers)
    assert ["error" in a for a in answers] == [False] * 4 + [True] * 2
    assert answers[0]["reason"].startswith("black") and answers[0]["homography"] is None
    assert answers[2]["reason"].startswith("not confident")
    json.dumps(answers, allow_nan=False)


def test_a_larger_picture_of_the_same_view_has_not_moved(tmp_path, reference):
    large = Image.open(reference).resize((320, 240), Image.Resampling.BICUBIC)
    (answer,) = predict_against(reference, [save(tmp_path / "l.png", np.asarray(large))]).answers
    assert answer["confident"] and answer["pose"]["pan_px"] == 0 and answer["drift_px"] < 0.1
    x, y, w = np.array(answer["homography"]) @ [0, 0, 1]  # the first pixel's centre is at 0.5 of two pixels
    assert (x / w, y / w) == pytest.approx((0.5, 0.5))


def test_a_reference_that_cannot_be_read_is_an_error_of_every_image(tmp_path, reference):
    found = predict_against(tmp_path / "none.png", [reference, tmp_path / "x.png"])
    assert found.reference_error is not None
    assert all("reference" in a["error"] for a in found.answers)
    assert [a["image"] for a in found.answers] == [str(reference), str(tmp_path / "x.png")]


def test_a_black_reference_places_nothing(tmp_path, reference):
    black = save(tmp_path / "black.png", np.zeros((120, 160, 3), np.uint8))
    found = predict_against(black, [reference])
    assert found.reference_error is None
    assert not found.answers[0]["confident"] and found.answers[0]["reason"].startswith("black")


def test_nothing_in_nothing_out(reference):
    assert predict_against(reference, []).answers == []


def test_progress_and_more_than_a_batch(reference):
    steps = []
    answers = predict_against(reference, [reference] * 10, progress=lambda d, n: steps.append((d, n))).answers
    assert len(answers) == 10 and steps == [(8, 10), (10, 10)]
