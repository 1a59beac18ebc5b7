"""Image quality: how bright and how sharp a frame is, each with its standard error over the picture."""

from dataclasses import dataclass

import numpy as np

from models.contracts.flags import ValueFlag

DARK_LUMINANCE = 0.06
"""Mean luminance below which a frame is dark: real night frames lie under it, overcast dusk above."""

_BLOCKS = 8


@dataclass(frozen=True)
class ImageQuality:
    """Quality of one frame.

    Attributes:
        luminance: Mean relative luminance (Rec. 709 weights on the encoded values), 0 to 1.
        luminance_se: Standard error of it over 8 x 8 blocks.
        sharpness: Mean absolute Laplacian of the luminance, 0 to 1.
        sharpness_se: Standard error of it over 8 x 8 blocks.
        flag: GOOD, DARK, or ABSTAINED where the picture is one flat tone.
    """

    luminance: float
    luminance_se: float
    sharpness: float
    sharpness_se: float
    flag: ValueFlag


def assess_frame(frame: np.ndarray) -> ImageQuality:
    """Quality of an upright RGB frame.

    Args:
        frame: ``(y, x, 3)``, uint8 or uint16, at least 24 x 24 pixels for an answer.
    """
    height, width = frame.shape[:2]
    if min(height, width) < 3 * _BLOCKS:
        return ImageQuality(float("nan"), float("nan"), float("nan"), float("nan"), ValueFlag.ABSTAINED)
    full_scale = np.float32(np.iinfo(frame.dtype).max)
    grey = frame.astype(np.float32) @ np.array([0.2126, 0.7152, 0.0722], dtype=np.float32) / full_scale
    centre = grey[1:-1, 1:-1]
    laplacian = np.abs(4 * centre - grey[:-2, 1:-1] - grey[2:, 1:-1] - grey[1:-1, :-2] - grey[1:-1, 2:]) / 4
    luminance, luminance_se = _mean_over_blocks(grey)
    sharpness, sharpness_se = _mean_over_blocks(laplacian)
    return ImageQuality(luminance, luminance_se, sharpness, sharpness_se, _flag(luminance, grey))


def _flag(luminance: float, grey: np.ndarray) -> ValueFlag:
    if float(np.ptp(grey)) < 1 / 255:
        return ValueFlag.ABSTAINED
    return ValueFlag.DARK if luminance < DARK_LUMINANCE else ValueFlag.GOOD


def _mean_over_blocks(values: np.ndarray) -> tuple[float, float]:
    """Mean and its standard error, with 8 x 8 blocks as the independent samples."""
    rows, columns = values.shape[0] // _BLOCKS, values.shape[1] // _BLOCKS
    trimmed = values[: rows * _BLOCKS, : columns * _BLOCKS]
    blocks = trimmed.reshape(_BLOCKS, rows, _BLOCKS, columns).mean(axis=(1, 3), dtype=np.float64)
    return float(blocks.mean()), float(blocks.std(ddof=1) / _BLOCKS)
