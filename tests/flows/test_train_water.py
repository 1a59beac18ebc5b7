"""``vigie train water`` from the command line to weights that load."""

from dataclasses import replace

import pytest
from typer.testing import CliRunner

from flows.cli import app
from tasks.weights import load_water_model, read_card
from tests.tasks.test_water_training import TINY, write_photos

RECIPE = replace(TINY, scenes=0, loop=replace(TINY.loop, steps=2))


@pytest.mark.flow
def test_photos_to_weights_member_by_member(tmp_path, monkeypatch, prefect_server):
    photos = write_photos(tmp_path / "photos")
    monkeypatch.setattr("flows.train_models.WATER_RECIPE", RECIPE)
    output = tmp_path / "out" / "water.safetensors"
    arguments = ["train", "water", str(output), "--work", str(tmp_path / "work"), "--photos", str(photos)]
    arguments += ["--seed", "3", "--denoise-steps", "1"]

    alone = CliRunner().invoke(app, [*arguments, "--member", "1"])
    assert alone.exit_code == 0, alone.output
    assert output.with_suffix(".member1.checkpoint").is_file() and not output.exists()
    refused = CliRunner().invoke(app, [*arguments, "--member", "2"])
    assert "there is no member 2" in refused.output + str(refused.exception)
    result = CliRunner().invoke(app, [*arguments, "--guard", str(tmp_path / "work")])
    assert result.exit_code == 0, result.output

    model, _ = load_water_model(output)
    assert model.config == TINY.config
    training = read_card(output)["training"]
    assert (training["recipe"]["loop"]["seed"], training["recipe"]["denoise_steps"]) == (3, 1)
    assert [p.name for p in sorted(output.parent.iterdir())] == ["water.card.json", "water.safetensors"]
