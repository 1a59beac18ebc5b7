"""The same frame under other light: what must not move a water level.

None of these is an effect that networks are trained with: each is plain and fixed, so that two models are asked the
same. Light is changed in linear values, as the sun and the clouds change it; water, shore and shadows stay where they
are.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Light = NDArray[np.float32]
_GAMMA = 2.2  # of usual displays, near enough to sRGB
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
_NEAR_INFRARED = np.array([0.75, 0.45, -0.2], np.float32)  # foliage brighter, sky and water darker


def _uneven(light: Light) -> Light:
    """Low light from the left: 1.5 times as bright there, a third on the right."""
    across = np.linspace(1.5, 1 / 3, light.shape[1], dtype=np.float32)
    return np.asarray(light * across[None, :, None])


def _veiled(light: Light) -> Light:
    return np.asarray(0.75 * light + 0.25 * 0.45)


def _grey(weights: NDArray[np.float32]) -> Callable[[Light], Light]:
    return lambda light: np.repeat((light @ weights)[..., None], 3, axis=-1)


LIGHTS: dict[str, Callable[[Light], Light]] = {
    "darker": lambda light: np.asarray(light * np.float32(0.35)),
    "brighter": lambda light: np.asarray(light * np.float32(1.8)),
    "warm": lambda light: np.asarray(light * np.array([1.35, 1.0, 0.6], np.float32)),
    "cold": lambda light: np.asarray(light * np.array([0.7, 1.0, 1.4], np.float32)),
    "grey": _grey(_LUMA),
    "infrared": _grey(_NEAR_INFRARED),
    "uneven": _uneven,
    "veiled": _veiled,
}
"""Name -> what it does to linear light ``(y, x, 3)`` in [0, 1]."""


def relight(rgb: NDArray[np.uint8], light: str) -> NDArray[np.uint8]:
    """A frame under other light.

    Args:
        rgb: ``(y, x, 3)``.
        light: One of ``LIGHTS``.

    Raises:
        KeyError: There is no such light.
    """
    linear = ((np.arange(256) / 255) ** _GAMMA).astype(np.float32)
    changed = LIGHTS[light](linear[rgb]).clip(0, 1)
    return np.asarray(np.round(255 * changed ** (1 / _GAMMA)), np.uint8)
