"""The drift of one camera on one sheet: its series, its events, and a frame under the outlines of the reference."""

import io
from collections.abc import Sequence
from typing import Any

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from models.contracts.flags import ValueFlag
from models.science.drift_events import DriftEvent, EventKind
from models.science.line_of_sight import Lens, Pose
from tasks.drift_overlay import Overlay, draw_overlay

_COMPONENTS = (
    ("pan_px", "pan, px\n(+ turned right)"),
    ("tilt_px", "tilt, px\n(+ turned up)"),
    ("roll_deg", "roll, deg\n(+ anticlockwise)"),
    ("zoom", "zoom - 1, %"),
)
_LINE, _EVENT = "#1f5fa8", "#c8102e"
_LEAST_SPAN = {"pan_px": 1.0, "tilt_px": 1.0, "roll_deg": 0.05, "zoom": 0.1}
_ANSWERED = (int(ValueFlag.GOOD), int(ValueFlag.DOUBTFUL))


def draw_sheet(
    camera: str, rows: pd.DataFrame, events: Sequence[DriftEvent], lens: Lens | None, overlay: Overlay | None
) -> bytes:
    """A JPEG, 1280 pixels wide.

    Args:
        camera: Id.
        rows: Of the record, in time order: ``time``, the drift's columns.
        events: Of the time of the rows.
        lens: Of the reference; ``None`` where there is none yet.
        overlay: ``None`` where no frame could be registered.
    """
    figure = Figure(figsize=(12.8, 11.4 if overlay else 5.6), dpi=100)
    FigureCanvasAgg(figure)
    heights = [5.2, 6.2] if overlay else [1.0]
    parts: Any = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    _draw_series(parts[0], camera, rows, events, lens)
    if overlay is not None:
        draw_overlay(parts[1], overlay)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="jpeg", pil_kwargs={"quality": 82})
    return buffer.getvalue()


def _draw_series(
    panel: SubFigure, camera: str, rows: pd.DataFrame, events: Sequence[DriftEvent], lens: Lens | None
) -> None:
    axes = panel.subplots(
        4, 1, sharex=True, gridspec_kw={"hspace": 0.12, "left": 0.07, "right": 0.94, "top": 0.87}
    )
    for place, (name, label) in zip(axes, _COMPONENTS, strict=True):
        _draw_component(place, rows, name)
        place.set_ylabel(label, fontsize=8)
        place.tick_params(labelsize=8)
        place.grid(alpha=0.25)
        _draw_degrees(place, name, lens)
        for event in events:
            if event.kind.is_level_change:
                place.axvline(event.time, color=_EVENT, linewidth=1)
    _name_events(axes[0], events)
    locator: Any = axes[-1].xaxis.get_major_locator()
    axes[-1].xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    panel.suptitle(
        f"{camera}: line of sight relative to its reference, UTC. {_counts(rows, events)}", fontsize=10
    )


def _draw_component(axes: Axes, rows: pd.DataFrame, name: str) -> None:
    """The answered values with a band of one standard error; outliers and frames without an answer as marks."""
    flags, times = rows[f"{name}_quality_flag"].to_numpy(), rows["time"].to_numpy("datetime64[ns]")
    values, errors = (
        _shown(rows[column].to_numpy(float), name, column) for column in (name, f"{name}_uncertainty")
    )
    answered = np.isin(flags, _ANSWERED) & np.isfinite(values)
    at, mid, error = _broken(times[answered], values[answered], errors[answered])
    axes.fill_between(at, mid - error, mid + error, color=_LINE, alpha=0.25, linewidth=0)
    axes.plot(at, mid, ".-", color=_LINE, markersize=3, linewidth=0.7)
    low, high = _limits(values[answered], errors[answered], _LEAST_SPAN[name])
    axes.set_ylim(low, high)
    outlier = (flags == int(ValueFlag.OUTLIER)) & np.isfinite(values)
    axes.plot(
        times[outlier], np.clip(values[outlier], low, high), "x", color="#e08a00", markersize=5, clip_on=False
    )
    dark = flags == int(ValueFlag.UNOBSERVABLE)
    axes.plot(times[dark], np.full(dark.sum(), low), "|", color="#888888", markersize=6)


def _shown(values: NDArray[np.float64], name: str, column: str) -> NDArray[np.float64]:
    """Zoom as per cent of change."""
    if name != "zoom":
        return values
    return 100 * (values - 1) if column == name else 100 * values


def _broken(
    times: NDArray[np.datetime64], values: NDArray[np.float64], errors: NDArray[np.float64]
) -> tuple[NDArray[np.datetime64], NDArray[np.float64], NDArray[np.float64]]:
    """The line with a break in every gap of more than three usual steps."""
    if len(times) < 3:
        return times, values, errors
    steps = np.diff(times)
    after = np.nonzero(steps > 3 * np.median(steps))[0] + 1
    nothing = np.full(len(after), np.nan)
    return (
        np.insert(times, after, times[after - 1]),
        np.insert(values, after, nothing),
        np.insert(errors, after, nothing),
    )


def _limits(values: NDArray[np.float64], errors: NDArray[np.float64], least: float) -> tuple[float, float]:
    if not len(values):
        return -least / 2, least / 2
    low, high = np.nanpercentile(values - errors, 0.5), np.nanpercentile(values + errors, 99.5)
    margin = max(0.12 * (high - low), (least - (high - low)) / 2)
    return float(low - margin), float(high + margin)


def _draw_degrees(axes: Axes, name: str, lens: Lens | None) -> None:
    """A second scale in degrees, where the field of view is known; nearly linear over a drift's range."""
    if lens is None or lens.focal_px is None or name not in ("pan_px", "tilt_px"):
        return
    place = 0 if name == "pan_px" else 1
    per_px = (Pose(1.0, 1.0).angles_deg(lens) or (1.0, 1.0))[place]
    scales: Any = (lambda px: px * per_px, lambda deg: deg / per_px)
    second = axes.secondary_yaxis("right", functions=scales)
    second.set_ylabel("deg", fontsize=8)
    second.tick_params(labelsize=8)


def _name_events(axes: Axes, events: Sequence[DriftEvent]) -> None:
    for event in events:
        if event.kind.is_level_change:
            words = f" {event.kind} {event.drift_px:.1f} +- {event.drift_px_sigma:.1f} px"
            place = (mdates.date2num(event.time), 1.0)
            axes.annotate(
                words, place, xycoords=("data", "axes fraction"), color=_EVENT, fontsize=8, va="bottom"
            )


def _counts(rows: pd.DataFrame, events: Sequence[DriftEvent]) -> str:
    flags = rows["pan_px_quality_flag"]
    answered = int(flags.isin(_ANSWERED).sum())
    words = [f"{answered} of {len(rows)} frames answered (band: one standard error)"]
    for flag, word in ((ValueFlag.OUTLIER, "outliers (x)"), (ValueFlag.UNOBSERVABLE, "unobservable (|)")):
        if count := int((flags == int(flag)).sum()):
            words.append(f"{count} {word}")
    waves = [event for event in events if event.kind is EventKind.THERMAL]
    if waves:
        words.append(f"daily wave {waves[-1].drift_px:.1f} px")
    return ", ".join(words)
