"""Weights of the registration: there and back, and what is refused."""

import numpy as np
import pytest
import torch

from models.drift import DriftConfig, DriftModel, extract
from models.nets.drift import DriftNet, DriftNetConfig
from tasks.errors import ConfigurationError
from tasks.weights import SHIPPED_CLOUD_WEIGHTS, load_drift_model, read_card, save_drift_model

SMALL = DriftNetConfig(widths=(8, 8, 16), descriptors=(4, 4, 8), blocks=1, heads=2, head=(4, 4))


def small_model() -> DriftModel:
    torch.manual_seed(3)
    return DriftModel(DriftNet(SMALL).eval(), DriftConfig(SMALL, inflation=3.5, max_sigma_px=1.25))


def test_there_and_back(tmp_path):
    model = small_model()
    digest = save_drift_model(tmp_path / "drift.safetensors", model, {"training": {"shippable": True}})
    again, found = load_drift_model(tmp_path / "drift.safetensors")
    assert found == digest
    assert again.config == model.config  # tuples are tuples again
    picture = np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    a, b = extract(model, [picture], device="cpu")[0], extract(again, [picture], device="cpu")[0]
    assert all(torch.equal(a.maps[name], b.maps[name]) for name in a.maps)
    assert read_card(tmp_path / "drift.safetensors")["training"]["shippable"]


def test_absent_weights_name_the_file_and_the_mend(tmp_path):
    with pytest.raises(ConfigurationError, match="no such weights"):
        load_drift_model(tmp_path / "none.safetensors")


def test_weights_of_another_model_are_refused():
    with pytest.raises(ConfigurationError, match="not the weights of a registration"):
        load_drift_model(SHIPPED_CLOUD_WEIGHTS)


def test_touched_weights_are_refused(tmp_path):
    path = tmp_path / "drift.safetensors"
    save_drift_model(path, small_model(), {})
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(ConfigurationError, match="not those of the card"):
        load_drift_model(path)
