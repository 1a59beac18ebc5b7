"""Genera and level of pictures from each alone, by a network that learned them from photos."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.contracts.cloud_labels import GENERA, LEVEL_GENERA
from models.genus import predict_genera
from tasks.genus_weights import load_genus_model


class PhotoGenera:
    """Answers of the network of some weights.

    Args:
        weights: safetensors file of ``vigie train genera``.

    Raises:
        ConfigurationError: They cannot be used.
    """

    def __init__(self, weights: Path) -> None:
        self._model, card = load_genus_model(weights)
        self._digest = str(card["digest"])

    def answers(self, pictures: Sequence[np.ndarray]) -> list[dict[str, Any]]:
        """As JSON values, one object per picture: ``genera``, ``contrail``, ``level``, ``genus_model``.

        ``genera`` are chances that a photo would be filed under each: with ``contrail`` they sum to 1.

        Args:
            pictures: ``(y, x, 3)`` uint8 or uint16.
        """
        found = predict_genera(self._model, pictures)
        return [
            {
                "genera": dict(zip(GENERA, np.round(photo[:-1], 4).tolist(), strict=True)),
                "contrail": round(float(photo[-1]), 4),
                "level": tuple(LEVEL_GENERA)[int(np.argmax(level))],
                "genus_model": self._digest[:16],
            }
            for photo, level in zip(found.photo, found.level, strict=True)
        ]
