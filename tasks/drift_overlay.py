"""A frame under the outlines of its camera's reference: as it came, and where its pose says that they are."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure
from numpy.typing import NDArray
from PIL import Image

from models.science.edge_points import edge_points, grey_of, share_met
from models.science.line_of_sight import Lens, Pose, map_points

COLOUR = "#ff2d95"
_WIDEST = 1280
_WINDOW = 8  # widths of a close-up in that of the picture
_OUTER = 0.4  # of the width, on either side: where roll and zoom show
_GRID = {"left": 0.02, "right": 0.98, "bottom": 0.02, "top": 0.89, "wspace": 0.04, "hspace": 0.12}


@dataclass(frozen=True)
class Overlay:
    """A frame beside its reference.

    Attributes:
        frame: Luma ``(y, x)``, at the width of ``lens``.
        outlines: Edges of the reference ``(n, 2)``, pixels.
        registered: The same where the pose sees them in the frame.
        met: Share of the outlines that meet an edge of the frame within a pixel: as it came, and registered.
        caption: Which frame.
    """

    frame: NDArray[np.float64]
    outlines: NDArray[np.float64]
    registered: NDArray[np.float64]
    met: tuple[float, float]
    caption: str


def overlay_of(
    reference: NDArray[np.uint8] | NDArray[np.uint16],
    frame: NDArray[np.uint8] | NDArray[np.uint16],
    pose: Pose,
    *,
    hfov_deg: float | None = None,
    hidden: NDArray[np.bool_] | None = None,
    caption: str = "",
) -> Overlay:
    """Lay the reference's edges over a frame.

    Args:
        reference: ``(y, x, 3)``.
        frame: ``(y, x, 3)`` of any size; it is scaled to the reference's width first, as for its pose.
        pose: Of the frame, in pixels of the reference.
        hfov_deg: Of the camera, where known.
        hidden: What is blacked out in the reference.
        caption: Which frame.
    """
    width = min(reference.shape[1], _WIDEST)
    ratio = width / reference.shape[1]
    first, second = _scaled(grey_of(reference), width), _scaled(grey_of(frame), width)
    if hidden is not None:
        hidden = _scaled(hidden.astype(np.float64), width) > 0
    lens = Lens.of(width, first.shape[0], hfov_deg)
    outlines = edge_points(first, hidden)
    small = Pose(pose.pan_px * ratio, pose.tilt_px * ratio, pose.roll_deg, pose.zoom)
    registered = map_points(outlines, small, lens) if len(outlines) else outlines
    edges, shape = edge_points(second), (second.shape[0], second.shape[1])
    met = share_met(outlines, edges, shape), share_met(registered, edges, shape)
    return Overlay(second, outlines, registered, met, caption)


def draw_overlay(panel: SubFigure, overlay: Overlay) -> None:
    """Two rows, as it came and registered; the whole picture and two close-ups each."""
    axes = panel.subplots(2, 3, squeeze=False, gridspec_kw=_GRID)
    windows = [None, *_windows(overlay)]
    rows = (("as it came", overlay.outlines), ("registered", overlay.registered))
    for row, (words, points), met in zip(axes, rows, overlay.met, strict=True):
        for place, window in zip(row, windows, strict=True):
            _draw(place, overlay.frame, points, window)
        row[0].set_title(f"{words}: {_percent(met)} of the outlines meet an edge", fontsize=9, loc="left")
        row[1].set_title("close-up on the left", fontsize=9, loc="left")
        row[2].set_title("close-up on the right", fontsize=9, loc="left")
    panel.suptitle(f"{overlay.caption}, under the outlines of the reference", fontsize=10)


def _draw(
    axes: Axes,
    frame: NDArray[np.float64],
    points: NDArray[np.float64],
    window: tuple[float, float, float, float] | None,
) -> None:
    axes.imshow(frame, cmap="gray", interpolation="nearest")
    size = 0.4 if window is None else 3.5
    axes.scatter(points[:, 0], points[:, 1], s=size, c=COLOUR, linewidths=0)
    left, right, top, bottom = window or (-0.5, frame.shape[1] - 0.5, -0.5, frame.shape[0] - 0.5)
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    axes.set_xticks([])
    axes.set_yticks([])


def _windows(overlay: Overlay) -> list[tuple[float, float, float, float]]:
    """Left, right, top, bottom of the two close-ups: where most outlines are, on either side of the picture."""
    height, width = overlay.frame.shape
    across = width / _WINDOW
    down = min(across * height / width, height / 2)
    windows = []
    for side in (0, 1):
        x, y = overlay.registered.T
        first = side * (1 - _OUTER) * width
        mine = (x >= first) & (x < first + _OUTER * width) & (y >= 0) & (y < height)
        columns = np.arange(first, first + _OUTER * width + 1, across)
        rows = np.arange(0, height + 1, down)
        counts, _, _ = np.histogram2d(x[mine], y[mine], bins=[columns, rows])
        i, j = np.unravel_index(int(counts.argmax()), counts.shape)
        windows.append((columns[i], columns[i] + across, rows[j], rows[j] + down))
    return windows


def _scaled(grey: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    if grey.shape[1] == width:
        return grey
    height = max(1, round(grey.shape[0] * width / grey.shape[1]))
    method = Image.Resampling.BOX if width < grey.shape[1] else Image.Resampling.BILINEAR
    picture = Image.fromarray(grey.astype(np.float32)).resize((width, height), method)
    return np.asarray(picture, np.float64)


def _percent(share: float) -> str:
    return "none" if np.isnan(share) else f"{100 * share:.0f} %"
