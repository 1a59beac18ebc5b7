"""A picture of a camera that may have moved, as water is to be looked for in it: seen from the camera's reference.

A moved camera looks like a moved shore. What its picture no longer shows is left out of the level, and where too much
of the shore is left out there is no level.
"""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from models.science.line_of_sight import Lens, Pose
from models.science.stabilise import Pixels, stabilise
from models.water import WaterSite, working_size

LEAST_IN_VIEW = 0.9
"""Least share of a site's weights that a picture must show for a level."""


def steady_view(
    picture: Pixels, pose: Pose, lens: Lens, long_side: int, hidden: NDArray[np.bool_] | None = None
) -> tuple[Pixels, NDArray[np.bool_]]:
    """A picture as the reference would have shown it, at the size at which water is looked for.

    Args:
        picture: ``(y, x, 3)``, of any size.
        pose: Of the picture relative to the reference, in pixels of the reference.
        lens: Of the reference.
        long_side: Pixels of the result's long side.
        hidden: Pixels ``(y, x)`` of the picture that must not be seen.

    Returns:
        The picture ``(y', x', 3)``, black where it shows nothing of the reference, and where that is ``(y', x')``.
    """
    height, width = working_size(lens.height, lens.width, long_side)
    scale = width / lens.width
    small = Pose(pose.pan_px * scale, pose.tilt_px * scale, pose.roll_deg, pose.zoom)
    # A picture of many pixels is thinned by whole pixels first, as where it is looked at unmoved.
    step = max(1, min(picture.shape[0] // (2 * height), picture.shape[1] // (2 * width)))
    covered = None if hidden is None else hidden[::step, ::step]
    working = replace(lens, width=width, height=height)
    seen, valid = stabilise(picture[::step, ::step], small, working, covered)
    return seen, ~valid


def visible_site(site: WaterSite, hidden: NDArray[np.bool_] | None) -> tuple[WaterSite, float]:
    """The part of a site that a picture shows.

    Args:
        site: Of the camera.
        hidden: Pixels ``(y, x)`` of the picture that show nothing of the reference, at any size.

    Returns:
        The site without the rest, and the share of its weights that is left.
    """
    if hidden is None or not hidden.any():
        return site, 1.0
    cover = torch.from_numpy(hidden.astype(np.float32))[None, None]
    seen = site.wettability * (F.adaptive_max_pool2d(cover, site.wettability.shape)[0, 0] == 0)
    share = float(seen.sum() / site.wettability.sum())
    return replace(site, wettability=seen), share
