"""How far levels may be off, into the card of their weights."""

import json

import pytest

from tasks import water_evaluation, water_evaluation_run, water_steady
from tasks.errors import ConfigurationError
from tasks.water_calibration import calibrate_water
from tasks.water_evaluation import look_at
from tasks.water_evaluation_new import score_intervals
from tasks.water_series import read_water_series
from tasks.weights import card_path, load_water_model
from tests.tasks.water_scene import sees_blue, write_shores, write_tiny_weights

TEN = tuple(f"shore{number:02d}" for number in range(10))


@pytest.fixture(autouse=True)
def sighted(monkeypatch):
    """The model sees the water, and nothing has moved."""
    monkeypatch.setattr(water_evaluation, "look", sees_blue)
    monkeypatch.setattr(water_steady, "steady_pictures", lambda drift, pictures: list(pictures))
    monkeypatch.setattr(water_evaluation_run, "load_drift_model", lambda: (None, ""))


def test_the_card_gets_intervals_that_cover_other_cameras(tmp_path):
    weights = write_tiny_weights(tmp_path / "water.safetensors")
    digest = load_water_model(weights)[1]
    known = calibrate_water(weights, write_shores(tmp_path / "rendered", TEN, masks=False))
    assert (known.cameras, known.frames) == (10, 90)
    assert 0 < known.quantile < 100
    model, same = load_water_model(weights)
    assert model.config.calibration == known
    assert same == digest  # the networks are the same
    assert json.loads(card_path(weights).read_text())["calibration"]["simulated"] is True
    series = read_water_series(write_shores(tmp_path / "others", ("east", "west"), frames=12))
    level, _ = score_intervals(model, [look_at(model, s) for s in series], "painted")
    everyone = level.rows[-1]
    assert everyone["frames"] == 24
    assert everyone["within"] >= 0.85
    assert everyone["mean_width"] < everyone["range_of_level"]


def test_fewer_than_nine_cameras_promise_nothing(tmp_path):
    weights = write_tiny_weights(tmp_path / "water.safetensors")
    before = card_path(weights).read_text()
    with pytest.raises(ConfigurationError, match="3 cameras have levels, an interval needs nine"):
        calibrate_water(weights, write_shores(tmp_path / "rendered", masks=False))
    assert card_path(weights).read_text() == before


def test_weights_that_are_not_there(tmp_path):
    with pytest.raises(ConfigurationError, match="no such weights"):
        calibrate_water(tmp_path / "none.safetensors", write_shores(tmp_path / "rendered", masks=False))
