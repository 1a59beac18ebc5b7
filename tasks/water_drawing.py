"""The water of one camera on one sheet: levels and floods, metres and the gauge where known, and the newest mask."""

import io
from dataclasses import dataclass
from typing import Any

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from models.contracts.flags import ValueFlag
from tasks.water_values import LEVEL, METRES

_LINE, _GAUGE, _FLOOD, _WATER = "#1f5fa8", "#555555", "#c8102e", np.array([40, 120, 255])
_ANSWERED = (int(ValueFlag.GOOD), int(ValueFlag.DOUBTFUL))


@dataclass(frozen=True)
class MaskedFrame:
    """The newest frame that could be judged.

    Attributes:
        picture: ``(y, x, 3)`` uint8, privacy polygons black.
        mask: 1 where there is water ``(y, x)``.
        caption: Time and level.
    """

    picture: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    caption: str


def draw_water_sheet(
    camera: str, rows: pd.DataFrame, events: pd.DataFrame, gauge: pd.DataFrame, frame: MaskedFrame | None
) -> bytes:
    """A JPEG, 1280 pixels wide.

    Args:
        camera: Id.
        rows: Of the record, in time order: ``time``, the water's columns.
        events: Floods: ``begin``, ``end``, ``flood_level``, ``flood_level_m``.
        gauge: Readings in the time of the rows: ``time``, ``level_m``.
        frame: ``None`` where none could be judged.
    """
    in_metres = bool(rows[METRES.name].notna().any() or len(gauge))
    panels = 1 + in_metres
    figure = Figure(figsize=(12.8, 2.4 * panels + 0.8 + (5.2 if frame else 0)), dpi=100)
    FigureCanvasAgg(figure)
    ratios = [2.4] * panels + ([5.2] if frame else [])
    axes = figure.subplots(len(ratios), 1, height_ratios=ratios, squeeze=False)[:, 0]
    _draw_series(axes[0], rows, LEVEL.name, "water level, 0 to 1")
    _draw_floods(axes[0], events, rows, "flood_level")
    if in_metres:
        axes[1].plot(gauge["time"], gauge["level_m"], ".", color=_GAUGE, markersize=3, label="gauge")
        _draw_series(axes[1], rows, METRES.name, "m above the gauge's datum")
        _draw_floods(axes[1], events, rows, "flood_level_m")
        if len(gauge):
            axes[1].legend(fontsize=8, loc="upper left")
    for place in axes[:panels]:
        place.set_xlim(rows["time"].min() - pd.Timedelta("30min"), rows["time"].max() + pd.Timedelta("30min"))
        locator: Any = place.xaxis.get_major_locator()
        place.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    if frame is not None:
        _draw_frame(axes[-1], frame)
    figure.suptitle(f"{camera}: water, UTC. {_counts(rows)}", fontsize=10)
    figure.tight_layout()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="jpeg", pil_kwargs={"quality": 82})
    return buffer.getvalue()


def _draw_series(axes: Axes, rows: pd.DataFrame, name: str, label: str) -> None:
    """The answered values with a band of one standard error; frames without an answer as marks at the foot."""
    answered = rows[f"{name}_quality_flag"].isin(_ANSWERED) & rows[name].notna()
    times = rows["time"].to_numpy("datetime64[ns]")
    shown = rows[answered]
    value, error = shown[name].to_numpy(float), np.nan_to_num(shown[f"{name}_uncertainty"].to_numpy(float))
    axes.fill_between(times[answered], value - error, value + error, color=_LINE, alpha=0.25, linewidth=0)
    axes.plot(times[answered], value, ".", color=_LINE, markersize=4)
    dark = ~answered.to_numpy()
    transform = axes.get_xaxis_transform()
    axes.plot(times[dark], np.zeros(dark.sum()), "|", color="#888888", markersize=6, transform=transform)
    axes.set_ylabel(label, fontsize=8)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.25)


def _draw_floods(axes: Axes, events: pd.DataFrame, rows: pd.DataFrame, threshold: str) -> None:
    for event in events.itertuples():
        end = rows["time"].max() if pd.isna(event.end) else event.end
        axes.axvspan(event.begin, max(end, event.begin), color=_FLOOD, alpha=0.12, linewidth=0)
    if len(events) and np.isfinite(level := float(events[threshold].iloc[-1])):
        axes.axhline(level, color=_FLOOD, linewidth=0.8, linestyle="--")


def _draw_frame(axes: Axes, frame: MaskedFrame) -> None:
    water = frame.mask == 1
    painted = frame.picture.astype(np.float32)
    painted[water] = 0.6 * painted[water] + 0.4 * _WATER
    axes.imshow(np.concatenate([frame.picture, painted.astype(np.uint8)], axis=1))
    axes.set_title(frame.caption, fontsize=9)
    axes.set_axis_off()


def _counts(rows: pd.DataFrame) -> str:
    flags = rows[LEVEL.flag]
    words = [f"{int(flags.isin(_ANSWERED).sum())} of {len(rows)} frames answered (band: one standard error)"]
    for flag, word in ((ValueFlag.UNOBSERVABLE, "unobservable"), (ValueFlag.DARK, "dark")):
        if count := int((flags == int(flag)).sum()):
            words.append(f"{count} {word} (|)")
    if count := int((flags == int(ValueFlag.NOT_KNOWN)).sum()):
        words.append(f"{count} before it was known where water comes and goes (|)")
    return ", ".join(words)
