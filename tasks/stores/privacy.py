"""The privacy polygon: a part of the picture that never leaves the archive."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

Polygon = tuple[tuple[float, float], ...]
"""Corners (x, y) in fractions of the upright width and height: (0, 0) is the top left, (1, 1) the bottom right."""


def parse_polygon(text: str) -> Polygon:
    """Read a polygon written as ``"x y;x y;x y"``.

    Raises:
        ValueError: It is not one; the message says why.
    """
    corners = []
    for corner in text.split(";"):
        numbers = corner.split()
        if len(numbers) != 2:
            raise ValueError(f"corner {corner.strip()!r} is not two numbers 'x y'")
        corners.append((float(numbers[0]), float(numbers[1])))
    return check_polygon(corners)


def check_polygon(corners: Sequence[Sequence[float]]) -> Polygon:
    """The corners as a ``Polygon``; no corners at all is no polygon.

    Raises:
        ValueError: Fewer than three corners, or one outside [0, 1].
    """
    polygon = tuple((float(x), float(y)) for x, y in corners)
    if polygon and len(polygon) < 3:
        raise ValueError(f"a polygon needs three corners or more, not {len(polygon)}")
    outside = [corner for corner in polygon if not all(0.0 <= value <= 1.0 for value in corner)]
    if outside:
        raise ValueError(f"corner {outside[0]} is outside [0, 1]: write fractions of width and height")
    return polygon


@lru_cache(maxsize=64)
def _inside(polygon: Polygon, height: int, width: int) -> np.ndarray:
    canvas = Image.new("1", (width, height))
    ImageDraw.Draw(canvas).polygon([(x * width, y * height) for x, y in polygon], fill=1, outline=1)
    return np.asarray(canvas)


def hidden_pixels(frame: np.ndarray, polygon: Polygon) -> np.ndarray | None:
    """Which pixels (H, W) of a frame the polygon blacks out; ``None`` where there is none."""
    return _inside(polygon, *frame.shape[:2]) if polygon else None


def blacken(frame: np.ndarray, polygon: Polygon) -> np.ndarray:
    """Black out the polygon, outline included, in a frame (H, W, 3); the frame itself where there is none."""
    if not polygon:
        return frame
    if not frame.flags.writeable:
        frame = frame.copy()
    frame[_inside(polygon, *frame.shape[:2])] = 0
    return frame
