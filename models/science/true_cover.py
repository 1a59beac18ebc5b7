"""Clouds of a cloud mask moved from where they appear to where they are.

Every cloudy pixel is moved by its own cloud top height; what it covers there is shared out between the pixels that it
then overlaps. A place that the satellite saw cloud-free is cloudy where a cloud came to stand over it; one that was
hidden behind a cloud, and over which none came to stand, was not seen.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.science.geometry import FloatArray, GeosGrid
from models.science.parallax import true_position

HIGHEST_M = 16_000.0
"""No cloud top over Europe is higher."""
_REFERENCE_M = 10_000.0  # the shift is proportional to height: within 0.5 % up to 16 km


@dataclass(frozen=True)
class ShiftWindow:
    """Pixels whose clouds may stand over a part of a grid.

    Attributes:
        lines: Slice of the grid in which they appear.
        columns: Likewise.
        inner_lines: The part itself, counted within ``lines``.
        inner_columns: Likewise.
        lines_per_m: How far south a cloud is from where it appears, per metre of height, ``(lines, columns)``.
        columns_per_m: How far east.
        whole: Whether the grid holds all of them.
    """

    lines: slice
    columns: slice
    inner_lines: slice
    inner_columns: slice
    lines_per_m: FloatArray
    columns_per_m: FloatArray
    whole: bool


def shift_window(grid: GeosGrid, lines: slice, columns: slice) -> ShiftWindow:
    """The window in which clouds up to `HIGHEST_M` over a part of a grid appear.

    Args:
        grid: The satellite grid.
        lines: Of the part.
        columns: Of the part.
    """
    down, right = _shift_per_m(grid.window(lines, columns))
    wanted = _widened(lines, HIGHEST_M * down), _widened(columns, HIGHEST_M * right)
    outer_lines, outer_columns = (_clipped(span, size) for span, size in zip(wanted, grid.shape, strict=True))
    down, right = _shift_per_m(grid.window(outer_lines, outer_columns))
    return ShiftWindow(
        outer_lines,
        outer_columns,
        slice(lines.start - outer_lines.start, lines.stop - outer_lines.start),
        slice(columns.start - outer_columns.start, columns.stop - outer_columns.start),
        down,
        right,
        whole=(outer_lines, outer_columns) == wanted,
    )


def move_clouds(
    cloudy: npt.NDArray[np.bool_], height_m: FloatArray, window: ShiftWindow
) -> npt.NDArray[np.float32]:
    """Share of each pixel over which cloud stands, after every cloud was moved to its place.

    Args:
        cloudy: ``(slots, lines, columns)`` of the window.
        height_m: Cloud top heights above the sea, same shape; where NaN the median of the slot's others, without any 0.
        window: From `shift_window`.

    Returns:
        ``(slots, lines, columns)`` of the window's inner part, 0 to 1.
    """
    _, lines, columns = cloudy.shape
    slot, line, column = np.nonzero(cloudy)
    height = _known_heights(cloudy, height_m)[slot, line, column]
    to_line = line + height * window.lines_per_m[line, column]
    to_column = column + height * window.columns_per_m[line, column]
    above, left = np.floor(to_line).astype(np.int64), np.floor(to_column).astype(np.int64)
    covered: FloatArray = np.zeros(cloudy.size)
    for down in (0, 1):
        for right in (0, 1):
            share = np.abs(1 - down - (to_line - above)) * np.abs(1 - right - (to_column - left))
            at_line, at_column = above + down, left + right
            inside = (at_line >= 0) & (at_line < lines) & (at_column >= 0) & (at_column < columns)
            place = (slot * lines + at_line) * columns + at_column
            covered += np.bincount(place[inside], share[inside], minlength=cloudy.size)
    whole = np.minimum(covered, 1.0).reshape(cloudy.shape)
    return np.asarray(whole[:, window.inner_lines, window.inner_columns], np.float32)


def _known_heights(cloudy: npt.NDArray[np.bool_], height_m: FloatArray) -> FloatArray:
    heights: FloatArray = np.where(cloudy, height_m, np.nan).astype(np.float64)
    for slot in range(len(heights)):
        known = np.isfinite(heights[slot])
        heights[slot, ~known] = np.median(heights[slot, known]) if known.any() else 0.0
    return np.clip(heights, 0.0, HIGHEST_M)


def _shift_per_m(window: GeosGrid) -> tuple[FloatArray, FloatArray]:
    """Lines down and columns right, per metre of height, from where a cloud appears to where it is."""
    latitude, longitude = window.pixel_positions()
    x, y = window.to_plane(*true_position(window, latitude, longitude, _REFERENCE_M))
    per_m = 1.0 / window.step_m / _REFERENCE_M
    down, right = (window.y[:, None] - y) * per_m, (x - window.x[None, :]) * per_m
    return np.nan_to_num(down), np.nan_to_num(right)


def _widened(span: slice, shift: FloatArray) -> slice:
    """A span, and the pixels from which something shifted may arrive in it."""
    return slice(
        span.start - int(np.ceil(max(0.0, float(shift.max())))),
        span.stop + int(np.ceil(max(0.0, float(-shift.min())))),
    )


def _clipped(span: slice, size: int) -> slice:
    return slice(max(0, span.start), min(size, span.stop))
