"""``vigie train sky`` from the command line to weights that nights and ``evaluate`` load."""

import json

import pytest
from typer.testing import CliRunner

from flows.cli import app
from tasks.sky_night import sky_of_weights
from tasks.sky_scenes import write_sky_set
from tasks.weights import read_card
from tests.tasks.test_sky_training import SMALL, TINY


@pytest.mark.flow
def test_moments_to_weights_that_are_scored(tmp_path, monkeypatch, prefect_server):
    monkeypatch.setattr("flows.train_models.SKY_RECIPE", TINY)
    monkeypatch.setattr("flows.train_models.SkySetSpec", lambda **_: SMALL)
    write_sky_set(tmp_path / "work" / "moments", SMALL)
    output = tmp_path / "out" / "sky.safetensors"
    arguments = ["train", "sky", str(output), "--work", str(tmp_path / "work"), "--steps", "4", "--seed", "3"]
    result = CliRunner().invoke(app, [*arguments, "--denoise-steps", "2"])
    assert result.exit_code == 0, result.output
    card = read_card(output)
    assert card["training"]["finishing"]["loop"]["seed"] == 3
    assert card["training"]["denoising"]["loop"]["steps"] == 2
    assert card["metrics"]["week"]["simulated"] and card["metrics"]["camera"]["moments"] == 8
    pages = ["sky.camera.png", "sky.card.json", "sky.safetensors", "sky.week.png"]
    assert [p.name for p in sorted(output.parent.iterdir())] == pages
    assert sky_of_weights(output).calibration.moments > 0
    moments = ["--moments", str(tmp_path / "work" / "moments"), "--sky-weights", str(output)]
    told = CliRunner().invoke(app, ["evaluate", "cloud", "--part", "sky", *moments, "--format", "json"])
    assert told.exit_code == 0, told.output
    assert {row["trial"] for row in json.loads(told.stdout)} == {"week", "camera"}
