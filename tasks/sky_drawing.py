"""The clouds of one camera-day on one sheet: frames and what is seen in them, the satellite beside, N over the day."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from models.contracts.cloud_labels import OKTAS
from models.contracts.flags import ValueFlag
from models.contracts.sky_answers import SkySource
from models.science.cloud_codes import OKTA

MASK_COLOURS: dict[str, tuple[int, int, int]] = {
    "clear sky": (40, 120, 255),
    "thin cloud": (255, 210, 90),
    "thick cloud": (255, 110, 40),
    "glare": (230, 60, 220),
}
"""Mask values 1 onwards; 0 is what hides the sky, and is not painted."""
CT_NAMES: tuple[str, ...] = (
    "land", "sea", "snow", "sea ice", "very low", "low", "mid-level", "high opaque", "very high opaque",
    "fractional", "thin cirrus", "moderate cirrus", "thick cirrus", "cirrus above lower", "cirrus above snow",
)  # fmt: skip
_CT_COLOURS = (
    "#2e7d32", "#0d47a1", "#f8bbd0", "#ce93d8", "#ff9800", "#ffcc80", "#ffee58", "#e0e0e0", "#ffffff",
    "#b388ff", "#80deea", "#4dd0e1", "#26a69a", "#90a4ae", "#c5cae9",
)  # fmt: skip
_CMA_NAMES, _CMA_COLOURS = ("cloud-free", "cloudy"), ("#2e7d32", "#f5f5f5")
_SOURCE_COLOURS = {
    SkySource.CAMERA: ("#1f5fa8", "camera"),
    SkySource.SATELLITE: ("#7a7a7a", "satellite"),
    SkySource.BOTH: ("#1b8a3a", "both"),
}
_OPACITY = 0.45


@dataclass(frozen=True)
class SkyFrame:
    """One frame of the day.

    Attributes:
        title: Time.
        picture: ``(y, x, 3)`` uint8, privacy polygons black; ``None`` where it cannot be read.
        mask: Of `MASK_COLOURS` ``(y, x)``, 0 elsewhere; ``None`` where the picture was not looked at.
        types: NWC SAF CT codes ``(lines, columns)``, north up, or CMA (0, 1); NaN where not known; ``None``: no slot.
        by_mask: ``types`` are of CMA.
        tops_m: Cloud tops ``(lines, columns)``.
        slot: When it was scanned, in words.
        lines: The answer, in words.
    """

    title: str
    picture: NDArray[np.uint8] | None
    mask: NDArray[np.uint8] | None
    types: NDArray[np.float32] | None
    by_mask: bool
    tops_m: NDArray[np.float32] | None
    slot: str
    lines: Sequence[str]


def draw_sky_sheet(title: str, rows: pd.DataFrame, frames: Sequence[SkyFrame]) -> bytes:
    """A PNG, 1400 pixels wide.

    Args:
        title: Camera and day.
        rows: Of the record, of the day, in time order.
        frames: Of the same day.
    """
    figure = Figure(figsize=(14, 2.6 * len(frames) + 3.1), dpi=100)
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(
        len(frames) + 1, 4, height_ratios=[2.6] * len(frames) + [2.1], width_ratios=[1.25, 1.25, 1, 1.2],
        left=0.04, right=0.985, top=1 - 0.6 / figure.get_figheight(), bottom=0.5 / figure.get_figheight(),
        hspace=0.24, wspace=0.06,
    )  # fmt: skip
    for number, frame in enumerate(frames):
        _draw_frame([figure.add_subplot(grid[number, column]) for column in range(4)], frame)
    _draw_amounts(figure.add_subplot(grid[len(frames), :]), rows)
    figure.suptitle(title, fontsize=11, y=1 - 0.12 / figure.get_figheight())
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _draw_frame(axes: Sequence[Axes], frame: SkyFrame) -> None:
    for place in axes:
        place.set_axis_off()
    if frame.picture is not None:
        axes[0].imshow(frame.picture)
        axes[1].imshow(frame.picture if frame.mask is None else painted(frame.picture, frame.mask))
    axes[0].set_title(frame.title, fontsize=9)
    if frame.mask is None:
        axes[1].set_title("picture not looked at", fontsize=9)
    else:
        present = [
            (name, c) for n, (name, c) in enumerate(MASK_COLOURS.items(), 1) if (frame.mask == n).any()
        ]
        _legend(axes[1], [(name, tuple(v / 255 for v in colour)) for name, colour in present])
        axes[1].set_title("what is seen in it", fontsize=9)
    _draw_patch(axes[2], frame)
    axes[3].text(0.02, 0.97, "\n".join(frame.lines), fontsize=10.5, va="top", linespacing=1.55)


def painted(picture: NDArray[np.uint8], mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture under the colours of its mask."""
    seen = picture.astype(np.float32)
    for value, colour in enumerate(MASK_COLOURS.values(), 1):
        seen[mask == value] = (1 - _OPACITY) * seen[mask == value] + _OPACITY * np.array(colour)
    return seen.astype(np.uint8)


def _draw_patch(axes: Axes, frame: SkyFrame) -> None:
    """Cloud types around the camera, the height of their tops in km written into them."""
    if frame.types is None:
        axes.set_title("no satellite slot", fontsize=9)
        return
    names, colours = (_CMA_NAMES, _CMA_COLOURS) if frame.by_mask else (CT_NAMES, _CT_COLOURS)
    first = 0 if frame.by_mask else 1
    norm = BoundaryNorm(np.arange(first, first + len(names) + 1) - 0.5, len(names))
    axes.set_facecolor("#444444")
    axes.imshow(frame.types, cmap=ListedColormap(colours), norm=norm, interpolation="nearest")
    middle = frame.types.shape[0] // 2
    axes.plot(middle, middle, "s", markersize=17, markerfacecolor="none", markeredgecolor="#c8102e")
    if frame.tops_m is not None:
        for line, column in np.argwhere(np.isfinite(frame.tops_m)):
            height = f"{frame.tops_m[line, column] / 1000:.0f}"
            axes.text(column, line, height, fontsize=7, ha="center", va="center", color="#222222")
    codes = np.unique(frame.types[np.isfinite(frame.types)]).astype(int)
    _legend(axes, [(names[code - first], colours[code - first]) for code in codes])
    tops = ", tops in km" if frame.tops_m is not None and np.isfinite(frame.tops_m).any() else ""
    axes.set_title(f"satellite, {frame.slot}{tops}", fontsize=9)


def _legend(axes: Axes, entries: Sequence[tuple[str, Any]]) -> None:
    handles = [Patch(facecolor=colour, edgecolor="#555555", label=name) for name, colour in entries]
    if handles:
        axes.legend(
            handles=handles, fontsize=7.5, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=4, frameon=False,
            handlelength=1.2, columnspacing=1.0, borderaxespad=0.1,
        )  # fmt: skip


def _draw_amounts(axes: Axes, rows: pd.DataFrame) -> None:
    """N with its 90 % set; an obscured sky as crosses above, frames without an answer as marks at the foot."""
    times, flag = rows["time"].to_numpy("datetime64[ns]"), rows[OKTA.flag].to_numpy()
    low, high = rows["okta_set_low"].to_numpy(float), rows["okta_set_high"].to_numpy(float)
    okta, source = rows[OKTA.name].to_numpy(float), rows["cloud_source"].to_numpy()
    known = np.isfinite(low)
    axes.vlines(times[known], low[known] - 0.15, high[known] + 0.15, color="#9ec1e6", linewidth=4, zorder=1)
    for kind, (colour, name) in _SOURCE_COLOURS.items():
        mine = (source == kind) & np.isfinite(okta)
        if mine.any():
            axes.plot(
                times[mine],
                okta[mine],
                "o",
                color=colour,
                markersize=4.5,
                label=name,
                zorder=3,
                clip_on=False,
            )
    obscured = flag == int(ValueFlag.SKY_OBSCURED)
    if obscured.any():
        axes.plot(
            times[obscured], np.full(obscured.sum(), OKTAS + 0.9), "x", color="#c8102e", label="obscured"
        )
    silent = ~np.isfinite(okta) & ~obscured
    if silent.any():
        axes.plot(times[silent], np.full(silent.sum(), -0.7), "|", color="#888888", label="no answer")
    axes.set(ylim=(-1, OKTAS + 1.3), yticks=range(0, OKTAS + 1, 2))
    day = times[0].astype("datetime64[D]")
    axes.set_xlim(day, day + np.timedelta64(1, "D"))
    locator: Any = mdates.HourLocator(byhour=range(0, 24, 3))
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(mdates.DateFormatter("%H:%M"))
    axes.set_ylabel("N, oktas (bar: 90 % set)", fontsize=8)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.25)
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(0.0, -0.12), ncols=5, frameon=False)
