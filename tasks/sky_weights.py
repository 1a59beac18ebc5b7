"""Weights and card of the network that fuses camera and satellite; see `tasks.weights`."""

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from models.nets.cloud import CloudFusion, CloudFusionConfig
from models.nets.sky_encoder import SkyEncoderConfig
from models.sky import SkyConfig, SkyModel
from tasks.errors import ConfigurationError
from tasks.weights import SHIPPED_CLOUD_WEIGHTS, load_weights, save_weights

SHIPPED_SKY_WEIGHTS = SHIPPED_CLOUD_WEIGHTS.with_name("sky.safetensors")


def save_sky_model(path: Path, model: SkyModel, facts: Mapping[str, Any]) -> str:
    """Write weights and card.

    Args:
        path: ``*.safetensors``.
        model: Network and configuration.
        facts: What the card says besides: ``training`` (sources, licence, ``sha256`` of the pictures), ``metrics``,
            ``calibration``.

    Returns:
        The digest.
    """
    return save_weights(path, model.net, dataclasses.asdict(model.config), dict(facts))


def load_sky_model(path: Path | None = None) -> tuple[SkyModel, str]:
    """Load a model.

    Args:
        path: ``*.safetensors`` with its card; the shipped weights by default.

    Returns:
        The model and its digest.

    Raises:
        ConfigurationError: No such weights, they are not those that the card describes, or of another model.
    """
    path = path or SHIPPED_SKY_WEIGHTS
    card, tensors = load_weights(path)
    try:
        config = _config(card["config"])
        net = CloudFusion(config.net)
        net.load_state_dict(tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        why = str(error).splitlines()[0]
        raise ConfigurationError(
            path,
            None,
            f"not the weights of a camera and a satellite together: {why}",
            "give those that sky training wrote",
        ) from None
    return SkyModel(net.eval(), config), card["digest"]


def _config(stored: Mapping[str, Any]) -> SkyConfig:
    settings = dict(stored)
    net = dict(settings.pop("net"))
    encoder = {name: tuple(v) if isinstance(v, list) else v for name, v in net.pop("encoder").items()}
    size = tuple(settings.pop("picture_size"))
    return SkyConfig(CloudFusionConfig(SkyEncoderConfig(**encoder), **net), picture_size=size, **settings)


def picture_hashes(images: Tensor) -> list[str]:
    """Sorted sha256 of the pixels of pictures ``(n, 3, y, x)`` uint8, each once: for the card."""
    return sorted(
        {hashlib.sha256(image.contiguous().numpy().tobytes()).hexdigest() for image in images.cpu()}
    )
