"""Thresholds that tell open sky from what stands before it: the baselines of a learned sky view.

Hemispherical photography cuts the blue channel, in which leaves are darkest and sky is brightest (Jonckheere et al.
2005, "Assessment of automatic gap fraction estimation of forests from digital hemispherical photography"). All answer
``OTHER`` or ``SKY``.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from models.learn.thresholds import minimum_cross_entropy, normalised_blue_red
from models.science.cover import OTHER, SKY

BLUE_FIXED = 160
"""Of 255: a fixed cut of the blue channel."""

SkyThreshold = Callable[[NDArray[np.uint8], NDArray[np.bool_]], NDArray[np.uint8]]


def otsu(values: NDArray[np.uint8]) -> int:
    """Level that splits values into two classes of least spread; the upper class is above it.

    Source: Otsu 1979, "A threshold selection method from gray-level histograms".

    Raises:
        ValueError: No values.
    """
    if values.size == 0:
        raise ValueError("no values to threshold")
    count = np.bincount(values.ravel(), minlength=256).astype(np.float64)
    weight, moment = np.cumsum(count), np.cumsum(count * np.arange(256))
    between = (moment[-1] * weight - moment * weight[-1]) ** 2
    between /= np.maximum(weight * (weight[-1] - weight), 1)
    best = np.flatnonzero(between >= between.max() * (1 - 1e-9))
    return int(best.mean())  # the middle of an empty valley


def intermeans(values: NDArray[np.uint8]) -> float:
    """Level halfway between the means of the two classes that it makes.

    Source: Ridler and Calvard 1978, "Picture thresholding using an iterative selection method".

    Raises:
        ValueError: No values.
    """
    if values.size == 0:
        raise ValueError("no values to threshold")
    level = float(values.mean())
    for _ in range(64):
        above = values > level
        if above.all() or not above.any():
            break
        moved = float(values[above].mean() + values[~above].mean()) / 2
        if abs(moved - level) < 0.5:
            break
        level = moved
    return level


def _sky(open_sky: NDArray[np.bool_]) -> NDArray[np.uint8]:
    return np.where(open_sky, SKY, OTHER).astype(np.uint8)


def fixed_blue(rgb: NDArray[np.uint8], region: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Sky where blue exceeds ``BLUE_FIXED``; ``rgb`` is ``(y, x, 3)``, ``region`` (not used here) ``(y, x)``."""
    return _sky(rgb[..., 2] > BLUE_FIXED)


def otsu_blue(rgb: NDArray[np.uint8], region: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Sky where blue exceeds Otsu's level of the blue within ``region`` ``(y, x)``."""
    return _sky(rgb[..., 2] > otsu(rgb[..., 2][region]))


def intermeans_blue(rgb: NDArray[np.uint8], region: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Sky where blue exceeds the intermeans level of the blue within ``region`` ``(y, x)``."""
    return _sky(rgb[..., 2] > intermeans(rgb[..., 2][region]))


def hybrid_sky(rgb: NDArray[np.uint8], region: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Sky where a pixel is bluer than its picture's minimum cross entropy, or as bright as a cloud."""
    ratio = normalised_blue_red(rgb)
    bright = rgb.min(-1) > otsu(rgb.min(-1)[region])
    return _sky(((ratio > minimum_cross_entropy(ratio[region])) & (rgb[..., 2] > 80)) | bright)


SKY_THRESHOLDS: dict[str, SkyThreshold] = {
    f"blue > {BLUE_FIXED}": fixed_blue,
    "Otsu of blue": otsu_blue,
    "intermeans of blue": intermeans_blue,
    "blue-red or bright": hybrid_sky,
}
