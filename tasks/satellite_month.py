"""A month of a grid's slots as one picture: a row per day, a column per slot, a colour per state."""

import io

import matplotlib.patches as patches
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from models.contracts.flags import SlotStatus
from tasks.satellite_status import GridMonth

PANELS = 6
"""Products whose months differ each have a panel, up to so many."""

_NOT_DUE = 4
_COLOURS = {  # told apart in any colour vision, and by lightness alone: bad is the darkest, missing the lightest
    int(SlotStatus.MISSING): "#e4e4e4",
    int(SlotStatus.PARTIAL): "#e6c229",
    int(SlotStatus.OK): "#6aa9d8",
    int(SlotStatus.BAD): "#8c1515",
    _NOT_DUE: "#ffffff",
}
_LATE = "#10243c"


def month_picture(month: GridMonth) -> bytes:
    """PNG of a month.

    Products with the same state in every slot share a panel.

    Args:
        month: Of the grid.
    """
    panels = _panels(month.status)
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=((8.0, 13.4)[columns - 1], 4.4 * rows + 1.2), dpi=100)
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis, (name, codes) in zip(axes, panels, strict=False):
        _draw(axis, name, codes, month)
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    height = figure.get_figheight()
    figure.suptitle(
        f"Satellite grid {month.grid}, {month.month}: {headline(month)}", y=1 - 0.18 / height, va="top"
    )
    figure.legend(handles=_legend(), loc="lower center", ncol=6, frameon=False, fontsize=9)
    figure.subplots_adjust(
        left=0.62 / figure.get_figwidth(), right=1 - 0.25 / figure.get_figwidth(),
        top=1 - 0.85 / height, bottom=0.95 / height, hspace=0.32, wspace=0.14,
    )  # fmt: skip
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _panels(status: pd.DataFrame) -> list[tuple[str, np.ndarray]]:
    """Titles and codes, one per distinct column."""
    alike: dict[bytes, list[str]] = {}
    for name in status:
        alike.setdefault(status[name].to_numpy(np.uint8).tobytes(), []).append(str(name))
    panels = [(_title(names), status[names[0]].to_numpy(np.uint8)) for names in alike.values()]
    if len(panels) > PANELS:
        left_out = sum(len(names) for names in list(alike.values())[PANELS:])
        title, codes = panels[PANELS - 1]
        panels = [*panels[: PANELS - 1], (f"{title} ({left_out} more not shown)", codes)]
    return panels


def _title(names: list[str]) -> str:
    shown = ", ".join(names[:6])
    return shown if len(names) <= 6 else f"{shown} and {len(names) - 6} more"


def _draw(axis: Axes, name: str, codes: np.ndarray, month: GridMonth) -> None:
    days = int(
        (month.month + 1).astype("datetime64[D]").astype(int)
        - month.month.astype("datetime64[D]").astype(int)
    )
    per_day = 1440 // month.cadence_minutes
    since = month.status.index.to_numpy() - month.month.astype("datetime64[ns]")
    place = (since / np.timedelta64(month.cadence_minutes, "m")).astype(int)
    cells = np.full(days * per_day, _NOT_DUE, np.uint8)
    cells[place] = codes
    extent = (0.0, 24.0, days + 0.5, 0.5)
    colours = ListedColormap([_COLOURS[code] for code in sorted(_COLOURS)])
    axis.imshow(
        cells.reshape(days, per_day), cmap=colours, vmin=-0.5, vmax=len(_COLOURS) - 0.5,
        extent=extent, aspect="auto", interpolation="nearest",
    )  # fmt: skip
    came = np.isin(codes, [int(SlotStatus.OK), int(SlotStatus.PARTIAL)])
    late = place[month.late & came]
    hours = (late % per_day + 0.5) * month.cadence_minutes / 60
    axis.plot(hours, late // per_day + 1, ".", color=_LATE, markersize=2.5, linestyle="none")
    ok = int((codes == int(SlotStatus.OK)).sum())
    axis.set_title(f"{name}: {ok} of {len(codes)} ok", fontsize=9, loc="left")
    axis.set_xticks(range(0, 25, 3))
    axis.set_yticks([1, *range(5, days + 1, 5)])
    axis.tick_params(labelsize=8)
    axis.set_xlabel("nominal time, h UTC", fontsize=8)
    axis.set_ylabel("day", fontsize=8)


def headline(month: GridMonth) -> str:
    """The month in a few words."""
    if not month.status.size:
        return "nothing was due"
    share = float((month.status.to_numpy() == int(SlotStatus.OK)).mean())
    return f"{100 * share:.1f} % of what was due is ok"


def _legend() -> list[Artist]:
    names = {
        SlotStatus.OK: "ok",
        SlotStatus.PARTIAL: "partial",
        SlotStatus.BAD: "bad",
        SlotStatus.MISSING: "missing",
    }
    boxes = [
        patches.Patch(facecolor=_COLOURS[int(code)], edgecolor="#999999", label=name)
        for code, name in names.items()
    ]
    white = patches.Patch(facecolor=_COLOURS[_NOT_DUE], edgecolor="#999999", label="not due")
    dot = Line2D([], [], color=_LATE, marker=".", linestyle="none", label="came after a later slot")
    return [*boxes, white, dot]
