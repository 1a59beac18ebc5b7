"""What the satellite teaches of moments whose patches are at hand, without an archive: simulated ones, or a batch."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from models.contracts.sky_batch import (
    CONTEXT,
    PATCH,
    SATELLITE_FEATURES,
    SkyInputs,
    SkyTargets,
    nothing_known,
)
from models.science.geometry import FloatArray, GeosGrid
from models.science.parallax import satellite_angles
from models.science.satellite_features import SkyView
from models.science.satellite_noise import okta_likelihood
from models.science.satellite_teacher import sector_statements, view_fan
from models.science.sightline_table import NO_PIXEL, IntArray, Viewpoint, overhead_table, pick_height

_CMA, _CT, _TOP = (SATELLITE_FEATURES.index(name) for name in ("cma", "ct", "ctth_alti"))
_VIEW = tuple(
    CONTEXT.index(name)
    for name in (
        "latitude", "longitude", "altitude_m", "satellite_azimuth_from_view_deg", "axis_elevation_deg", "hfov_deg",
    )
)  # fmt: skip
_HALF = PATCH // 2
_LEAST_KNOWN = 5
"""Of the 9 pixels of the mask above the camera: fewer say nothing."""


def weak_targets(inputs: SkyInputs, grid: GeosGrid) -> SkyTargets:
    """What the matched slot of each moment says, as `tasks.cloud_teaching` has it of an archive.

    Two things are less than there: rays end where the patch does, and N is spoken of by the 3 x 3 pixels that show the
    air above the camera at the height of its cloud (as the pairs that the noise was fitted on have it), not by a disc.

    Args:
        inputs: Patches around the camera's own pixel, no parallax corrected by their producer.
        grid: Whose pixels the patches are.

    Returns:
        Targets with the satellite's part alone; nothing for moments without the matched slot or a position.
    """
    targets = nothing_known(len(inputs))
    planes, context = inputs.satellite[:, -1].cpu().numpy(), inputs.context.cpu().numpy()
    present = inputs.slot_present[:, -1].cpu().numpy()
    for view, rows in _views(context.astype(np.float64), present, grid):
        pixel = grid.pixel_at(view.latitude, view.longitude)
        if pixel is None:
            continue
        fan = view_fan(grid, view)
        lines, columns = fan.pixels()
        types = np.nan_to_num(_at(planes[rows, _CT], lines, columns, pixel)).astype(np.int64)
        tops = _at(planes[rows, _TOP], lines, columns, pixel)
        said = sector_statements(fan, types, tops, view.altitude_m)
        place = torch.from_numpy(rows)
        targets.some_genus[place] = torch.from_numpy(said.some_genus)
        targets.some_genus_trust[place] = torch.from_numpy(said.trust).float()
        targets.base_below_m[place] = torch.from_numpy(said.base_below_m).float()
        cover = _cover_above(planes[rows, _CMA], planes[rows, _TOP], grid, view, pixel)
        targets.satellite_okta[place] = torch.from_numpy(okta_likelihood(cover)).float()
    return targets


def _views(
    context: FloatArray, present: NDArray[np.bool_], grid: GeosGrid
) -> Iterator[tuple[SkyView, NDArray[np.int64]]]:
    """Cameras with a position, each with the moments that have a matched slot."""
    columns = context[:, _VIEW]
    usable = np.flatnonzero(present & np.isfinite(columns[:, :2]).all(axis=1))
    if not usable.size:
        return
    _, first, which = np.unique(
        np.nan_to_num(columns[usable], nan=-1e9), axis=0, return_index=True, return_inverse=True
    )
    for number, row in enumerate(usable[first]):
        latitude, longitude, altitude, towards, elevation, width = columns[row].tolist()
        _, azimuth = satellite_angles(grid, latitude, longitude)
        axis = (float(azimuth) - towards) % 360.0
        yield (
            SkyView(latitude, longitude, altitude, axis, elevation, width),
            usable[which.ravel() == number],
        )


def _at(patches: FloatArray, lines: IntArray, columns: IntArray, pixel: tuple[int, int]) -> FloatArray:
    """Values of patches ``(n, PATCH, PATCH)`` at pixels of the grid: ``(n, *lines.shape)``, NaN outside."""
    line, column = lines - pixel[0] + _HALF, columns - pixel[1] + _HALF
    inside = (lines != NO_PIXEL) & (line >= 0) & (line < PATCH) & (column >= 0) & (column < PATCH)
    found = patches[:, np.where(inside, line, 0), np.where(inside, column, 0)]
    return np.where(inside, found, np.nan).astype(np.float64)


def _cover_above(
    mask: FloatArray, tops: FloatArray, grid: GeosGrid, view: SkyView, pixel: tuple[int, int]
) -> FloatArray:
    """Cloudy share of the 3 x 3 pixels that show what stands above the camera ``(n,)``; NaN where too few are known."""
    viewpoint = Viewpoint(view.latitude, view.longitude, float(np.nan_to_num(view.altitude_m)))
    table = overhead_table(grid, viewpoint)
    row = pick_height(table, lambda line, column: _at(tops, line, column, pixel), default_height_m=0.0)
    around = np.arange(-1, 2)
    line = (table.line[row] - pixel[0] + _HALF)[:, None, None] + around[:, None]
    column = (table.column[row] - pixel[1] + _HALF)[:, None, None] + around
    inside = (line >= 0) & (line < PATCH) & (column >= 0) & (column < PATCH)
    moment = np.arange(len(mask))[:, None, None]
    found = mask[moment, line.clip(0, PATCH - 1), column.clip(0, PATCH - 1)]
    known = inside & np.isfinite(found)
    count = known.sum(axis=(1, 2))
    share = np.where(known, found, 0.0).sum(axis=(1, 2)) / np.maximum(count, 1)
    return np.where(count >= _LEAST_KNOWN, share, np.nan)
