"""Edges of a picture as points between the pixels: to lay one picture's outlines over another."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_SMOOTHING = 1.5  # pixels: noise and JPEG blocks are not edges
_MARGIN = 4  # pixels: the filters' own edges
LUMA = np.array([0.299, 0.587, 0.114])


def grey_of(picture: NDArray[np.uint8] | NDArray[np.uint16]) -> NDArray[np.float64]:
    """Luma ``(y, x)`` in 0 to 1 of a picture ``(y, x, 3)``."""
    return np.asarray(picture @ LUMA / float(np.iinfo(picture.dtype).max))


def edge_points(
    grey: NDArray[np.float64], hidden: NDArray[np.bool_] | None = None, share: float = 0.025
) -> NDArray[np.float64]:
    """Ridges of the gradient's length, to a fraction of a pixel, the clearest first to come.

    Args:
        grey: ``(y, x)``.
        hidden: Pixels ``(y, x)`` that are blacked out: no edge lies on or beside them.
        share: Of the picture's pixels, at most so many points.

    Returns:
        ``(n, 2)``, x and y in pixels, the centre of the first at (0, 0). Empty where the picture is flat.
    """
    dy, dx = (ndimage.gaussian_filter(grey, _SMOOTHING, order=order) for order in ((1, 0), (0, 1)))
    length = np.hypot(dx, dy)
    allowed = np.zeros(grey.shape, dtype=bool)
    allowed[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN] = True
    if hidden is not None:
        allowed &= ~ndimage.binary_dilation(hidden, iterations=_MARGIN)
    y, x = np.nonzero(allowed & (length > 1e-4))
    unit = np.stack([dx[y, x], dy[y, x]]) / length[y, x]  # (2, n)
    before, here, after = (
        ndimage.map_coordinates(length, [y + s * unit[1], x + s * unit[0]], order=1) for s in (-1, 0, 1)
    )
    ridge = (here >= before) & (here > after)
    y, x, unit, before, here, after = (
        y[ridge],
        x[ridge],
        unit[:, ridge],
        *(v[ridge] for v in (before, here, after)),
    )
    offset = (
        0.5 * (before - after) / (before - 2 * here + after)
    )  # the summit of the parabola through the three
    points = np.column_stack([x + offset * unit[0], y + offset * unit[1]])
    clearest = np.argsort(-here, kind="stable")[: int(share * grey.size)]
    return np.asarray(points[clearest])


def share_met(
    points: NDArray[np.float64], edges: NDArray[np.float64], shape: tuple[int, int], within: float = 1.0
) -> float:
    """Share of points that have an edge of the picture near them.

    Args:
        points: ``(n, 2)``; those outside the picture are left out.
        edges: Of the picture, ``(m, 2)``.
        shape: Of the picture, y and x.
        within: Pixels, to the accuracy of a pixel.

    Returns:
        NaN where no point lies in the picture.
    """
    away = np.ones(shape, dtype=bool)
    column, row = np.rint(edges).astype(int).T
    away[row, column] = False
    x, y = np.rint(points).astype(int).T
    inside = (x >= 0) & (x < shape[1]) & (y >= 0) & (y < shape[0])
    if not inside.any():
        return float("nan")
    if not len(edges):
        return 0.0
    distance = ndimage.distance_transform_edt(away)[y[inside], x[inside]]
    return float((distance <= within).mean())
