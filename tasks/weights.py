"""Weights as safetensors with a card beside them: what they are, what they learned from, how they scored.

A file is addressed by its digest, the sha256 of its bytes; the card is checked against it on loading.
"""

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load, save
from torch import Tensor, nn

import models
from models.cloud import CloudConfig, CloudModel, build_cloud_net
from models.drift import DriftConfig, DriftModel
from models.nets.drift import DriftNet, DriftNetConfig
from models.nets.water import WaterNetConfig
from models.science.level_interval import LevelCalibration
from models.water import WaterConfig, WaterModel, build_water_nets
from tasks.errors import ConfigurationError
from tasks.provenance import code_version

SHIPPED_CLOUD_WEIGHTS = Path(models.__file__).parent / "weights" / "cloud.safetensors"
SHIPPED_CLOUD_FCN = SHIPPED_CLOUD_WEIGHTS.with_name("cloud_fcn.safetensors")
SHIPPED_CLOUD_UNET = SHIPPED_CLOUD_WEIGHTS.with_name("cloud_unet.safetensors")
"""Earlier networks, from rendered pictures alone, that the default is scored beside."""
SHIPPED_DRIFT_WEIGHTS = SHIPPED_CLOUD_WEIGHTS.with_name("drift.safetensors")
SHIPPED_WATER_WEIGHTS = SHIPPED_CLOUD_WEIGHTS.with_name("water.safetensors")
CARD_VERSION = 1


def card_path(weights: Path) -> Path:
    """The card of a weights file: ``cloud.safetensors`` -> ``cloud.card.json``."""
    return weights.with_suffix(".card.json")


def card_text(card: dict[str, Any]) -> str:
    """A card as JSON, an innermost list on one line: cards hold thousands of hashes."""
    text = json.dumps(card, indent=1)
    return re.sub(r"\[[^\[\]{}]*\]", lambda found: re.sub(r"\n\s*", "", found[0]), text) + "\n"


def digest_of(path: Path) -> str:
    """Hex sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def save_cloud_model(path: Path, model: CloudModel, facts: dict[str, Any]) -> str:
    """Write weights and card.

    Args:
        path: ``*.safetensors``.
        model: Network and configuration.
        facts: What the card says besides: ``training`` (sources, licence, image hashes, archive snapshots),
            ``metrics``, ``calibration``.

    Returns:
        The digest.
    """
    return save_weights(path, model.net, dataclasses.asdict(model.config), facts)


def save_drift_model(path: Path, model: DriftModel, facts: dict[str, Any]) -> str:
    """Write weights and card of a registration; see ``save_cloud_model``."""
    return save_weights(path, model.net, dataclasses.asdict(model.config), facts)


def save_water_model(path: Path, model: WaterModel, facts: dict[str, Any]) -> str:
    """Write weights and card of an ensemble for water levels; see ``save_cloud_model``."""
    return save_weights(path, model.nets, dataclasses.asdict(model.config), facts)


def save_weights(path: Path, net: nn.Module, config: dict[str, Any], facts: dict[str, Any]) -> str:
    """Write weights and card of any network; see ``save_cloud_model``.

    The card last, so that a card never describes other weights than those beside it.
    """
    tensors = {k: v.detach().cpu().contiguous() for k, v in net.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(save(tensors))
    digest = digest_of(path)
    card = {
        "card_version": CARD_VERSION,
        "digest": digest,
        "bytes": path.stat().st_size,
        "parameters": sum(t.numel() for t in tensors.values()),
        "config": config,
        "code_version": code_version(),
        **facts,
    }
    card_path(path).write_text(card_text(card))
    return digest


def read_card(weights: Path) -> dict[str, Any]:
    """The card of a weights file.

    Raises:
        ConfigurationError: There is no card, or it is not of this version.
    """
    path = card_path(weights)
    try:
        card: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        raise ConfigurationError(
            path, None, "weights without a card", "keep the .card.json beside them"
        ) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(path, None, f"the card is not JSON: {error}", "restore it") from None
    if card.get("card_version") != CARD_VERSION:
        found = card.get("card_version")
        raise ConfigurationError(
            path, None, f"card version {found}", f"retrain, or use version {CARD_VERSION}"
        )
    return card


def record_metrics(weights: Path, metrics: dict[str, Any]) -> None:
    """Write measured figures into the card of a weights file, in place of those there.

    Args:
        weights: ``*.safetensors`` with its card.
        metrics: JSON values, by data set.

    Raises:
        ConfigurationError: There is no card.
    """
    card = read_card(weights) | {"metrics": metrics}
    card_path(weights).write_text(card_text(card))


def record_calibration(weights: Path, calibration: LevelCalibration, facts: dict[str, Any]) -> None:
    """Write what makes intervals of water levels into the card of their weights, in place of what is there.

    Args:
        weights: ``*.safetensors`` of a water level, with its card.
        calibration: As measured.
        facts: What it was measured on, JSON values.

    Raises:
        ConfigurationError: There is no card.
    """
    card = read_card(weights)
    card["config"]["calibration"] = dataclasses.asdict(calibration)
    card_path(weights).write_text(card_text(card | {"calibration": facts}))


def load_cloud_model(path: Path | None = None) -> tuple[CloudModel, str]:
    """Load a cloud model.

    Args:
        path: ``*.safetensors`` with its card; the shipped weights by default.

    Returns:
        The model and its digest.

    Raises:
        ConfigurationError: No such weights, or they are not those that the card describes.
    """
    card, tensors = load_weights(path or SHIPPED_CLOUD_WEIGHTS)
    try:
        settings = dict(card["config"])
        settings["widths"] = tuple(settings["widths"])
        config = CloudConfig(**settings)
        net = build_cloud_net(config)
        net.load_state_dict(tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        why = f"not the weights of cloud masks: {str(error).splitlines()[0]}"
        raise ConfigurationError(
            path or SHIPPED_CLOUD_WEIGHTS, None, why, "give those that vigie train cloud wrote"
        ) from None
    return CloudModel(net.eval(), config), card["digest"]


def load_drift_model(path: Path | None = None) -> tuple[DriftModel, str]:
    """Load a registration model.

    Args:
        path: ``*.safetensors`` with its card; the shipped weights by default.

    Returns:
        The model and its digest.

    Raises:
        ConfigurationError: No such weights, they are not those that the card describes, or of another model.
    """
    path = path or SHIPPED_DRIFT_WEIGHTS
    card, tensors = load_weights(path)
    settings = dict(card["config"])
    if "net" not in settings:
        raise ConfigurationError(
            path, None, "not the weights of a registration", "give those of vigie train drift"
        )
    shape = {name: tuple(v) if isinstance(v, list) else v for name, v in settings.pop("net").items()}
    config = DriftConfig(net=DriftNetConfig(**shape), **settings)
    net = DriftNet(config.net)
    net.load_state_dict(tensors)
    return DriftModel(net.eval(), config), card["digest"]


def load_water_model(path: Path | None = None) -> tuple[WaterModel, str]:
    """Load an ensemble for water levels.

    Args:
        path: ``*.safetensors`` with its card; the shipped weights by default.

    Returns:
        The model and its digest.

    Raises:
        ConfigurationError: No such weights, they are not those that the card describes, or of another model.
    """
    path = path or SHIPPED_WATER_WEIGHTS
    card, tensors = load_weights(path)
    settings = dict(card["config"])
    if "members" not in settings:
        raise ConfigurationError(
            path, None, "not the weights of a water level", "give those of vigie train water"
        )
    return water_model_of(settings, tensors), card["digest"]


def water_model_of(config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> WaterModel:
    """The ensemble of a stored configuration (that of a card, as ``dataclasses.asdict`` gives it) and its tensors.

    Raises:
        KeyError, TypeError, RuntimeError: They are not those of an ensemble.
    """
    settings = dict(config)
    members = tuple(
        WaterNetConfig(**{name: tuple(v) if isinstance(v, list) else v for name, v in member.items()})
        for member in settings.pop("members")
    )
    known = settings.pop("calibration")
    calibration = None if known is None else LevelCalibration(**known)
    built = WaterConfig(members=members, calibration=calibration, **settings)
    nets = build_water_nets(built)
    nets.load_state_dict(dict(tensors))
    return WaterModel(nets.eval(), built)


def load_weights(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The card and the tensors of a weights file.

    Raises:
        ConfigurationError: No such weights, or they are not those that the card describes.
    """
    if not path.is_file():
        raise ConfigurationError(
            path, None, "no such weights", "give a .safetensors file written by training"
        )
    card = read_card(path)
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != card["digest"]:
        raise ConfigurationError(path, None, "the weights are not those of the card", "restore both together")
    return card, load(data)
