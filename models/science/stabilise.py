"""Pictures seen from their camera's reference: what is fixed in the scene stays at its pixel.

Every pixel of the reference is looked up in the picture, where its pose puts it; between pixels, bilinearly. What the
picture does not show, or must not, is not *valid*: black, and never made up.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models.science.line_of_sight import Lens, Pose, Projection, displace, homography

Pixels = NDArray[np.uint8] | NDArray[np.uint16]

_COARSER = (
    1.2  # pixels of the picture per pixel of the reference from which it is reduced first, lest it flicker
)
_EDGE_PX = 1e-6  # rounding of coordinates that fall on the outermost pixel centres
_HIDDEN_SHARE = 1e-3  # weight of a hidden pixel from which what is interpolated counts as hidden


def stabilise(
    picture: Pixels, pose: Pose, lens: Lens, hidden: NDArray[np.bool_] | None = None, *, classes: bool = False
) -> tuple[Pixels, NDArray[np.bool_]]:
    """A picture as the reference would have shown it.

    Where the lens's field of view is not known, that of a usual webcam stands in: after a pan of p pixels the corners
    are then off by 0.2 p (a true field of 40 degrees) to 0.5 p (80 degrees), the centre by nothing.

    Args:
        picture: ``(y, x)`` or ``(y, x, c)``, uint8 or uint16, of any size.
        pose: Of the picture relative to the reference.
        lens: Of the reference.
        hidden: Pixels ``(y, x)`` of the picture that must not be shown.
        classes: The values are classes, as in a mask: the nearest pixel's is taken, nothing is mixed.

    Returns:
        The picture at the reference's size, 0 where it is not valid, and where it is valid ``(y, x)``.
    """
    height, width = picture.shape[:2]
    points = seen_at(pose, lens, (width, height))
    valid = shown(points, (width, height), hidden)
    seen = resample(picture, points, classes=classes)
    seen[~valid] = 0
    return seen, valid


def seen_at(pose: Pose, lens: Lens, size: tuple[int, int]) -> NDArray[np.float64]:
    """Where the reference's pixels lie in a picture, ``(y, x, 2)``, pixels of the picture; NaN: behind the camera.

    Args:
        pose: Of the picture, after it was scaled to the reference's width.
        lens: Of the reference.
        size: Width and height of the picture itself.
    """
    to_picture = np.linalg.inv(Lens(*size).to_normalised)
    if lens.projection is Projection.RECTILINEAR:
        return mapped_grid(
            to_picture @ lens.to_normalised @ homography(pose, lens), (lens.width, lens.height)
        )
    grid = torch.from_numpy(mapped_grid(lens.to_normalised, (lens.width, lens.height)))
    curvature = torch.full((lens.height,), lens.curvature, dtype=torch.float64)
    pose_of_rows = pose.normalised(lens).expand(lens.height, 4)
    moved = displace(grid, pose_of_rows, curvature, lens.projection).numpy()
    return np.asarray(moved * to_picture[[0, 1], [0, 1]] + to_picture[:2, 2])


def mapped_grid(matrix: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float64]:
    """Where a homography takes every pixel of a picture, ``(y, x, 2)``; NaN: behind the camera.

    Args:
        matrix: ``(3, 3)``, such as that of a registration: reference pixels to pixels of the image.
        size: Width and height of the picture whose pixels are mapped.
    """
    width, height = size
    x, y = np.arange(width, dtype=np.float64), np.arange(height, dtype=np.float64)[:, None]
    u, v, depth = (row[0] * x + row[1] * y + row[2] for row in matrix)
    depth = np.where(depth > 0, depth, np.nan)
    return np.stack([u / depth, v / depth], axis=-1)


def shown(
    points: NDArray[np.float64], size: tuple[int, int], hidden: NDArray[np.bool_] | None = None
) -> NDArray[np.bool_]:
    """Whether a picture shows its points: within the outermost pixel centres, and nothing hidden about them.

    Args:
        points: ``(y, x, 2)``, pixels of the picture.
        size: Width and height of the picture.
        hidden: Pixels ``(y, x)`` of the picture that must not be shown.
    """
    last = np.array(size) - 1
    within = ((points >= -_EDGE_PX) & (points <= last + _EDGE_PX)).all(axis=-1)
    if hidden is None or not hidden.any():
        return np.asarray(within)
    cover = _sampled(torch.from_numpy(hidden.astype(np.float64))[None, None], points, "bilinear")
    return np.asarray(within & (cover[0, 0].numpy() < _HIDDEN_SHARE))


def resample(picture: Pixels, points: NDArray[np.float64], *, classes: bool = False) -> Pixels:
    """A picture's values at points, in its own dtype; beyond its edge, those at the edge.

    Args:
        picture: ``(y, x)`` or ``(y, x, c)``, uint8 or uint16.
        points: ``(y', x', 2)``, pixels of the picture.
        classes: Take the nearest pixel's value.

    Returns:
        ``(y', x')`` or ``(y', x', c)``.
    """
    layers = picture[..., None] if picture.ndim == 2 else picture
    exact = torch.float64 if picture.dtype == np.uint16 else torch.float32
    values = torch.from_numpy(layers.astype(np.float64)).permute(2, 0, 1)[None].to(exact)
    near, at = (values, points) if classes else _reduced(values, points)
    seen = _sampled(near, at, "nearest" if classes else "bilinear")
    whole = seen[0].permute(1, 2, 0).round().numpy().astype(picture.dtype)
    return np.asarray(whole.reshape(*points.shape[:2], *picture.shape[2:]))


def _reduced(values: Tensor, points: NDArray[np.float64]) -> tuple[Tensor, NDArray[np.float64]]:
    """The picture no finer than the points, and the points in it."""
    steps = np.linalg.norm(np.diff(points[points.shape[0] // 2], axis=0), axis=-1)
    scale = float(np.nanmedian(steps)) if np.isfinite(steps).any() else 1.0
    if scale < _COARSER:
        return values, points
    height, width = values.shape[-2:]
    size = max(round(height / scale), 1), max(round(width / scale), 1)
    small = F.interpolate(values, size=size, mode="bilinear", antialias=True, align_corners=False)
    ratio = np.array([size[1] / width, size[0] / height])
    return small, (points + 0.5) * ratio - 0.5


def _sampled(values: Tensor, points: NDArray[np.float64], mode: str) -> Tensor:
    """Values ``(1, c, y, x)`` at points ``(y', x', 2)``: ``(1, c, y', x')``."""
    height, width = values.shape[-2:]
    at = np.nan_to_num((2 * points + 1) / np.array([width, height]) - 1, nan=-2.0, posinf=2.0, neginf=-2.0)
    grid = torch.from_numpy(at)[None].to(values.dtype)
    return F.grid_sample(values, grid, mode=mode, padding_mode="border", align_corners=False)
