"""``vigie train genera`` and ``vigie evaluate cloud --part genera`` from the command line."""

import json

import pytest
from typer.testing import CliRunner

from flows.cli import app
from tasks.errors import ConfigurationError
from tasks.genus_weights import load_genus_model
from tests.nets.genus_trunk import random_published
from tests.tasks.test_genus_training import RECIPE, write_photos


@pytest.mark.parametrize(
    ("arguments", "said"), [(["--part", "genera"], "no photos"), (["--part", "rain"], "cover, genera or sky")]
)
def test_what_evaluate_cannot_do_is_said(arguments, said):
    result = CliRunner().invoke(app, ["evaluate", "cloud", *arguments])
    assert isinstance(result.exception, ConfigurationError) or result.exit_code
    assert said in result.output + str(result.exception)


@pytest.mark.flow
def test_photos_to_weights_to_figures(tmp_path, monkeypatch, prefect_server):
    for module in ("genus_training", "genus_evaluation"):
        monkeypatch.setattr(f"tasks.{module}.published_trunk", lambda: (random_published(), "ab" * 32))
    monkeypatch.setattr("flows.train_models.GENUS_RECIPE", RECIPE)
    photos = write_photos(tmp_path / "cloud", ["Ci", "Cu", "Sc", "Cu", "Ci", "Ct", "Ci", "Sc", "Ct", "Cu"])
    output = tmp_path / "genus.safetensors"
    folders = ["--photos", str(photos), "--work", str(tmp_path / "work")]
    result = CliRunner().invoke(app, ["train", "genera", str(output), *folders, "--fold", "1", "--fold", "0"])
    assert result.exit_code == 0, result.output
    assert load_genus_model(output)[0].config.held_out == (0, 1)

    asked = ["--part", "genera", "--cloud", str(photos), "--genus-weights", str(output), "--format", "json"]
    result = CliRunner().invoke(app, ["evaluate", "cloud", *asked])
    assert result.exit_code == 0, result.output
    sections = json.loads(result.stdout)
    assert sections["F1 by class"][0]["method"] == "network"
