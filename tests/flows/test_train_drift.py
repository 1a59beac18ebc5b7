"""``vigie train drift`` from the command line to weights that load."""

from dataclasses import replace

import pytest
from typer.testing import CliRunner

from flows.cli import app
from models.drift import DriftConfig
from models.learn.drift_calibration import CalibrationRow
from tasks.drift_training import Calibration
from tasks.weights import load_drift_model, read_card
from tests.tasks.test_drift_training import TINY, write_photos

RECIPE = replace(TINY, scenes=0, held_out=0, loop=replace(TINY.loop, steps=2))


@pytest.mark.flow
def test_photos_to_weights(tmp_path, monkeypatch, prefect_server):
    photos = write_photos(tmp_path / "photos", ["MIT", "CC0-1.0", "MIT"], {2: "hold out"})
    held = []

    def calibrate(net, sources):
        held.extend(p.name for source in sources for p in source.pictures)
        nan = float("nan")
        return Calibration(
            DriftConfig(net.config, inflation=2.0), [CalibrationRow("x", 1, 1, 1, 1, 0, 1, 1, nan)]
        )

    monkeypatch.setattr("flows.train_models.DRIFT_RECIPE", RECIPE)
    monkeypatch.setattr("tasks.training_steps.calibrate_drift", calibrate)
    output = tmp_path / "out" / "drift.safetensors"
    arguments = ["train", "drift", str(output), "--work", str(tmp_path / "work"), "--photos", str(photos)]
    result = CliRunner().invoke(app, [*arguments, "--seed", "3", "--guard", str(tmp_path / "work")])
    assert result.exit_code == 0, result.output
    assert load_drift_model(output)[0].config.inflation == 2.0
    training = read_card(output)["training"]
    assert (training["recipe"]["loop"]["seed"], training["recipe"]["loop"]["steps"]) == (3, 2)
    assert len(training["sources"][0]["pictures"]) == 2
    assert held == ["p2.png"]
    assert not output.with_suffix(".checkpoint").exists()
