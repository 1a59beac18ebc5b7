"""One page of reliability diagrams: whether what is said of the sky at 70 % happens in 70 % of the moments."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from models.contracts.cloud_labels import GENERA
from models.contracts.sky_answers import SkyAnswers
from models.contracts.sky_batch import SkyTargets
from models.learn.sky_calibration import SkyCalibration, calibrated, okta_answers
from models.learn.sky_reliability import (
    ReliabilityCurve,
    calibration_errors,
    head_reliability,
    okta_exceedance,
    reliability,
)
from models.learn.sky_truth import UNKNOWN, SkyCodes, target_codes
from models.science.okta_sets import set_coverage, set_scores, sets_within

_BEFORE, _AFTER, _FAINT = "#9a9a9a", "#1f5fa8", "#b9cfe6"
_LEVELS = np.linspace(0.05, 0.95, 19)
_LEAST_OF_GENUS = 30


def draw_sky_reliability(
    path: Path,
    answers: SkyAnswers,
    targets: SkyTargets,
    camera_ids: ArrayLike,
    calibration: SkyCalibration,
    *,
    title: str,
) -> Path:
    """Write a PNG of six panels: N, its sets, their size, genera, obscured sky and base; before and after calibration.

    Args:
        path: Of the PNG, written whole or not at all.
        answers: Of the network, not yet calibrated, on moments that the calibration was not fitted on.
        targets: Of the same moments.
        camera_ids: Id of each moment's camera ``(n,)``.
        calibration: Of `models.learn.sky_calibration.fit_sky_calibration`.
        title: Says whose answers, about which moments, and whether these are simulated.

    Returns:
        ``path``.
    """
    truth = target_codes(targets)
    warm = calibrated(answers, camera_ids, calibration)
    okta = okta_answers(warm, camera_ids, calibration)
    figure = Figure(figsize=(13, 8.6), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f"{title}\n{len(answers)} moments; grey before calibration, blue after", fontsize=11)
    panels: Any = figure.subplots(2, 3)
    before, after = calibration_errors(answers, truth), calibration_errors(warm, truth)
    _curves(panels[0, 0], okta_exceedance(answers, truth), okta_exceedance(warm, truth))
    panels[0, 0].set_title("N of at least 1, 2, ... 8 oktas", fontsize=10)
    _draw_sets(panels[0, 1], answers, warm, targets, (okta.low, okta.high), calibration.sets.level)
    _draw_sizes(panels[0, 2], okta.low, okta.high, calibration.too_wide)
    _draw_genera(panels[1, 0], warm, truth)
    for place, head, name in ((panels[1, 0], "genera", "genera"), (panels[1, 1], "obscured", "obscured sky")):
        _curves(place, head_reliability(head, answers, truth), head_reliability(head, warm, truth))
        _name(place, name, before[head], after[head])
    _curves(panels[1, 2], head_reliability("base", answers, truth), head_reliability("base", warm, truth))
    _name(panels[1, 2], "likeliest base", before["base"], after["base"])
    return _write(figure, path)


def _name(axes: Axes, what: str, before: float, after: float) -> None:
    axes.set_title(f"{what}: ECE {before:.3f} -> {after:.3f}", fontsize=10)


def _curves(axes: Axes, before: ReliabilityCurve, after: ReliabilityCurve) -> None:
    _square(axes, "stated probability", "share in which it happened")
    for curve, colour, name in ((before, _BEFORE, "before"), (after, _AFTER, "after")):
        # Two standard errors, as if moments were independent: a bin apart from the diagonal by less says nothing.
        spread = 2 * np.sqrt(curve.happened * (1 - curve.happened) / curve.moments)
        axes.errorbar(
            curve.stated,
            curve.happened,
            spread,
            color=colour,
            marker="o",
            markersize=3,
            linewidth=1.2,
            label=name,
        )
    if not after.moments.size:
        axes.text(0.5, 0.5, "nothing to compare with", ha="center", color=_BEFORE)


def _square(axes: Axes, along: str, up: str) -> None:
    axes.plot([0, 1], [0, 1], color="black", linewidth=0.7, linestyle=":")
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xlabel=along, ylabel=up)
    axes.grid(alpha=0.25)


def _draw_genera(axes: Axes, warm: SkyAnswers, truth: SkyCodes) -> None:
    """Each genus that is there often enough, faintly, under the curve of all."""
    for k in range(len(GENERA)):
        there = truth.genera[:, k]
        if (there == 1).sum() < _LEAST_OF_GENUS:
            continue
        curve = reliability(warm.genera[:, k], np.where(there == UNKNOWN, np.nan, there), bins=8)
        axes.plot(curve.stated, curve.happened, color=_FAINT, linewidth=0.8)
        axes.annotate(GENERA[k], (curve.stated[-1], curve.happened[-1]), fontsize=7, color=_AFTER)


def _draw_sets(
    axes: Axes,
    answers: SkyAnswers,
    warm: SkyAnswers,
    targets: SkyTargets,
    published: tuple[NDArray[np.int8], NDArray[np.int8]],
    level: float,
) -> None:
    """Sets grown until they hold a probability, hence more of it than stated, and the published ones at their level."""
    truth = targets.okta.numpy()
    _square(axes, "probability that sets were grown to", "share that holds the true N")
    for given, colour in ((answers, _BEFORE), (warm, _AFTER)):
        scores = set_scores(given.okta)
        inside = [set_coverage(*sets_within(scores, mass), truth)[0] for mass in _LEVELS]
        axes.plot(_LEVELS, inside, color=colour, linewidth=1.2)
    share, size = set_coverage(*published, truth)
    axes.plot([level], [share], marker="*", markersize=13, color="#c8102e", linestyle="none")
    axes.set_title(f"published sets (star): {share:.1%}, size {size:.2f}", fontsize=10)


def _draw_sizes(axes: Axes, low: NDArray[np.int8], high: NDArray[np.int8], too_wide: int) -> None:
    size = (high.astype(np.int64) - low + 1)[low >= 0]
    counts = np.bincount(size, minlength=10)[1:10]
    colours = [_BEFORE if number >= too_wide else _AFTER for number in range(1, 10)]
    axes.bar(range(1, 10), counts / max(size.size, 1), color=colours)
    axes.set(xlabel="oktas in the set", ylabel="share of the sets", xticks=range(1, 10))
    axes.set_title("size of the sets (grey: N withheld)", fontsize=10)
    axes.grid(alpha=0.25, axis="y")


def _write(figure: Figure, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    figure.savefig(unfinished, format="png")
    unfinished.replace(path)
    return path
