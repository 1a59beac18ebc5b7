"""Pictures of any size and kind as a registration looks at them: luma at a fixed scale, with what is hidden."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

WIDTH = 640
_PIXELS = 640 * 480
_WIDE = 2.0
_MULTIPLE = 16
_HIDDEN_MARGIN = 8  # working pixels about a hidden part: its edge does not move with the scene
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


def working_size(width: int, height: int) -> tuple[int, int]:
    """Width and height at which a picture is looked at.

    The long side is 640 px; pictures more than twice as wide as high, panoramas among them, have as many pixels as
    640 x 480 but are not enlarged for it.
    """
    scale = WIDTH / max(width, height)
    if width > _WIDE * height:
        scale = max(scale, min(1.0, (_PIXELS / (width * height)) ** 0.5))
    return max(round(width * scale), _MULTIPLE), max(round(height * scale), _MULTIPLE)


def luma_of(image: NDArray[np.uint8] | NDArray[np.uint16]) -> Tensor:
    """Luma ``(1, 1, y, x)`` in [0, 1] of a picture ``(y, x, 3)`` or ``(y, x)``.

    Raises:
        ValueError: Another shape or dtype.
    """
    if (
        image.dtype not in (np.uint8, np.uint16)
        or image.ndim not in (2, 3)
        or image.shape[2:] not in ((), (3,))
    ):
        raise ValueError(f"want (y, x, 3) or (y, x) of uint8 or uint16, got {image.shape} of {image.dtype}")
    largest = 255.0 if image.dtype == np.uint8 else 65535.0
    unit = torch.from_numpy(image.astype(np.float32) / largest)
    luma = unit if unit.ndim == 2 else unit @ torch.tensor(_LUMA)
    return luma[None, None]


def working_picture(
    image: NDArray[np.uint8] | NDArray[np.uint16], hidden: NDArray[np.bool_] | None = None
) -> tuple[Tensor, Tensor]:
    """Luma and validity at the working size, padded to multiples of 16 at the right and below.

    Args:
        image: ``(y, x, 3)`` or ``(y, x)``, uint8 or uint16.
        hidden: Pixels ``(y, x)`` that are blacked out.

    Returns:
        Two tensors ``(1, 1, y', x')``; validity is 0 in what is hidden, a margin about it, and the padding.

    Raises:
        ValueError: Another shape or dtype.
    """
    luma = luma_of(image)
    width, height = working_size(image.shape[1], image.shape[0])
    luma = _resized(luma, (height, width))
    valid = torch.ones_like(luma)
    if hidden is not None and hidden.any():
        cover = F.adaptive_max_pool2d(
            torch.from_numpy(hidden.astype(np.float32))[None, None], (height, width)
        )
        size = 2 * _HIDDEN_MARGIN + 1
        valid = 1 - F.max_pool2d(cover, size, 1, _HIDDEN_MARGIN)
    padding = (0, -width % _MULTIPLE, 0, -height % _MULTIPLE)
    return F.pad(luma, padding, mode="replicate"), F.pad(valid, padding)


def _resized(luma: Tensor, shape: tuple[int, int]) -> Tensor:
    if tuple(luma.shape[-2:]) == shape:
        return luma
    return F.interpolate(luma, size=shape, mode="bilinear", antialias=True, align_corners=False)
