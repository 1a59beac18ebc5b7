"""Pictures of a series seen from one of them, as a night sees them: a camera that moved looks like a moved shore."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PIL import Image

from models.drift import DriftModel, extract, register
from models.science.stabilise import mapped_grid, resample, shown
from tasks.water_series import WaterPicture


def steady_pictures(model: DriftModel, pictures: Sequence[WaterPicture]) -> list[WaterPicture]:
    """Every picture as the first one that is not dull would have shown it.

    Args:
        model: The registration.
        pictures: Of one camera, in the order of time; those of another size are scaled to the reference's.

    Returns:
        Pictures of one size; what they do not show is hidden. One that cannot be placed is hidden altogether.
    """
    if not pictures:
        return []
    contrast = np.array([p.rgb.std() for p in pictures])
    reference = pictures[int(np.argmax(contrast >= np.median(contrast)))]
    scaled = [_scaled(p, reference.rgb.shape[1], reference.rgb.shape[0]) for p in pictures]
    seen = extract(model, [reference.rgb, *(p.rgb for p in scaled)])
    found = register(model, seen[0], seen[1:])
    return [_moved(p, f.homography, f.confident) for p, f in zip(scaled, found, strict=True)]


def _scaled(picture: WaterPicture, width: int, height: int) -> WaterPicture:
    if picture.rgb.shape[:2] == (height, width):
        return picture
    rgb = np.asarray(Image.fromarray(picture.rgb).resize((width, height), Image.Resampling.BILINEAR))
    hidden = np.asarray(Image.fromarray(picture.hidden).resize((width, height), Image.Resampling.NEAREST))
    return WaterPicture(rgb, hidden, picture.sha256)


def _moved(picture: WaterPicture, homography: np.ndarray, placed: bool) -> WaterPicture:
    height, width = picture.rgb.shape[:2]
    if not placed:
        return replace(picture, hidden=np.ones((height, width), bool))
    points = mapped_grid(homography, (width, height))
    valid = shown(points, (width, height), picture.hidden)
    rgb = np.array(resample(picture.rgb, np.nan_to_num(points)))
    rgb[~valid] = 0
    return WaterPicture(rgb, ~valid, picture.sha256)
