"""The sky model of a night: its weights, its calibration, and the digest by which answers are traced to both."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.learn.sky_calibration import SkyCalibration
from models.science.okta_sets import LEVEL, OktaSets
from models.sky import SkyModel
from tasks import sky_weights
from tasks.errors import ConfigurationError
from tasks.settings import Settings
from tasks.weights import read_card

CIVIL_TWILIGHT_DEG = -6.0
"""Sun elevation below which pictures show lamps, not clouds."""
UNCALIBRATED = SkyCalibration(sets=OktaSets(pooled={"ANY": LEVEL}))
"""Probabilities as they come, and sets that hold their share of them."""


@dataclass(frozen=True)
class NightSky:
    """The model of a night.

    Attributes:
        model: Network and configuration.
        digest: SHA-256, hexadecimal, of its weights, its configuration and its calibration.
        calibration: From its card.
    """

    model: SkyModel
    digest: str
    calibration: SkyCalibration


def sky_wanted(settings: Settings) -> bool:
    """Whether nights ask about the sky: it is not switched off, and there are weights."""
    return settings.cloud.sky and (
        settings.cloud.sky_weights is not None or sky_weights.SHIPPED_SKY_WEIGHTS.is_file()
    )


def sky_grids(settings: Settings) -> tuple[str, ...]:
    """Satellite grids that are looked at: the one that frames are aligned with, then others for their channels."""
    first = settings.aligned_grid
    return () if first is None else (first, *(grid for grid in settings.satellite if grid != first))


def load_sky(settings: Settings) -> NightSky | None:
    """The model with its calibration; ``None`` where the sky is not asked about.

    Raises:
        ConfigurationError: The weights that the configuration names cannot be used, or their card's calibration cannot.
    """
    if not sky_wanted(settings):
        return None
    named = settings.cloud.sky_weights
    return sky_of_weights(Path(settings.locate(named)) if named else None)


def sky_of_weights(path: Path | None = None) -> NightSky:
    """The model with its calibration.

    Args:
        path: safetensors file; the shipped weights by default.

    Raises:
        ConfigurationError: The weights, or their card's calibration, cannot be used.
    """
    path = path or sky_weights.SHIPPED_SKY_WEIGHTS
    model, digest = sky_weights.load_sky_model(path)
    card = read_card(path)
    stored = card.get("calibration")
    try:
        calibration = SkyCalibration.from_card(stored) if stored else UNCALIBRATED
    except ValueError as error:
        raise ConfigurationError(path, None, str(error), "calibrate the weights again") from None
    return NightSky(model, sky_digest(digest, card["config"], stored), calibration)


def sky_digest(weights: str, config: Mapping[str, Any], calibration: Mapping[str, Any] | None) -> str:
    """What answers are traced by: other temperatures, sets or thresholds give other answers of the same weights.

    Args:
        weights: Digest of the tensors.
        config: Of the card.
        calibration: Of the card, or ``None``.

    Returns:
        SHA-256, hexadecimal, of the three as canonical JSON: keys sorted, no blanks.
    """
    content = json.dumps([weights, config, calibration], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()
