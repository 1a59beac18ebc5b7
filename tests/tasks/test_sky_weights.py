import json

import pytest
import torch

from models.sky import SkyConfig, SkyModel, build_sky_model, predict_sky
from tasks.errors import ConfigurationError
from tasks.sky_weights import load_sky_model, picture_hashes, save_sky_model
from tasks.weights import card_path
from tests.cloud.sky_moments import SMALL, SMALL_NET, moments


def test_there_and_back(tmp_path):
    config = SkyConfig(
        SMALL_NET, temperatures={"okta": 1.5}, camera_temperatures={"roof": {"genera": 2.0}}, min_luma=0.1
    )
    model = SkyModel(build_sky_model(config).net, config)
    digest = save_sky_model(tmp_path / "sky.safetensors", model, {"training": {"sha256": ["ab"]}})
    again, found = load_sky_model(tmp_path / "sky.safetensors")
    assert found == digest
    assert again.config == config
    one, two = (predict_sky(m, moments(3), cameras=["roof", "a", "b"]) for m in (model, again))
    assert (one.okta == two.okta).all()
    assert (one.genera == two.genera).all()
    assert json.loads(card_path(tmp_path / "sky.safetensors").read_text())["training"]["sha256"] == ["ab"]


def test_weights_of_another_model_are_refused(tmp_path):
    path = tmp_path / "sky.safetensors"
    save_sky_model(path, build_sky_model(SMALL), {})
    card = json.loads(card_path(path).read_text())
    del card["config"]["net"]
    card_path(path).write_text(json.dumps(card))
    with pytest.raises(ConfigurationError, match="not the weights of a camera and a satellite"):
        load_sky_model(path)


def test_touched_weights_are_refused(tmp_path):
    path = tmp_path / "sky.safetensors"
    save_sky_model(path, build_sky_model(SMALL), {})
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(ConfigurationError, match="not those of the card"):
        load_sky_model(path)


def test_absent_weights_name_the_file(tmp_path):
    with pytest.raises(ConfigurationError, match="no such weights"):
        load_sky_model(tmp_path / "none.safetensors")


def test_hashes_are_of_the_pixels_and_each_once():
    black, white = torch.zeros((3, 2, 2), dtype=torch.uint8), torch.full((3, 2, 2), 255, dtype=torch.uint8)
    hashes = picture_hashes(torch.stack([black, white, black]))
    # sha256 of twelve zero bytes
    assert "15ec7bf0b50732b49f8228e07d24365338f9e3ab994b00af08e5a3bffe55fd8b" in hashes
    assert len(hashes) == 2
