"""Rows of the table of cloud covers: figures, intervals, and the best threshold of the same run."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from models.learn.metrics import STATISTICS, FrameScore, bootstrap_interval

COMPARED = ("mae_okta", "within_one_okta", "pixel_accuracy", "cloud_f1")
"""Statistics whose differences, paired by frame, get an interval."""


@dataclass
class EvaluationRow:
    """One method on one set of frames.

    Attributes:
        dataset: Name of the set.
        method: Name of the method.
        frames: Frames scored, abstentions included.
        abstained: Of these, frames without an answer.
        values: Statistic -> value, by ``models.learn.metrics.STATISTICS``.
        intervals: Statistic -> 95 % bootstrap interval over groups.
        difference: Statistic -> 95 % interval of (first network - this method), paired by frame.
        by_group: Group -> (frames, mean absolute error in oktas).
        threshold: It is a colour threshold: one of what the first network has to beat.
        within_sigma: Share of answers whose error is within one stated standard error; ``None`` where none is stated.
    """

    dataset: str
    method: str
    frames: int
    abstained: int
    values: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    difference: dict[str, tuple[float, float]] = field(default_factory=dict)
    by_group: dict[str, tuple[int, float]] = field(default_factory=dict)
    threshold: bool = False
    within_sigma: float | None = None


def evaluation_row(
    dataset: str,
    name: str,
    scores: list[FrameScore],
    reference: list[FrameScore] | None,
    resamples: int,
    *,
    threshold: bool = False,
) -> EvaluationRow:
    """One row of the table.

    Args:
        dataset: Name of the set.
        name: Name of the method.
        scores: Its frames.
        reference: The same frames by the first network, to compare with.
        resamples: Of the bootstrap.
        threshold: It is a colour threshold.
    """
    groups = sorted({s.group for s in scores})
    errors = {g: [s.error_okta for s in scores if s.group == g] for g in groups}
    against = {}
    if reference is not None and reference is not scores:
        against = {
            key: bootstrap_interval(reference, STATISTICS[key], against=scores, resamples=resamples)
            for key in COMPARED
        }
    return EvaluationRow(
        dataset,
        name,
        len(scores),
        sum(s.abstained for s in scores),
        {key: statistic(scores) for key, statistic in STATISTICS.items()},
        {
            key: bootstrap_interval(scores, statistic, resamples=resamples)
            for key, statistic in STATISTICS.items()
            if key != "bias_okta"
        },
        against,
        {g: (len(e), float(np.mean(e))) for g, e in errors.items()},
        threshold,
    )


def best_thresholds(rows: Sequence[EvaluationRow], dataset: str) -> dict[str, EvaluationRow]:
    """Statistic of ``COMPARED`` -> the threshold that does best in it on these very frames."""
    cuts = [row for row in rows if row.dataset == dataset and row.threshold]
    return {
        key: (min if key == "mae_okta" else max)(cuts, key=lambda row: row.values[key])
        for key in COMPARED
        if cuts
    }


def _against_best(rows: Sequence[EvaluationRow], dataset: str) -> list[str]:
    first = next(row for row in rows if row.dataset == dataset)
    return [
        f"{key}: {first.method} {first.values[key]:.3f}, best threshold {best.values[key]:.3f} ({best.method}), "
        f"difference [{best.difference[key][0]:+.3f},{best.difference[key][1]:+.3f}]"
        for key, best in best_thresholds(rows, dataset).items()
        if key in best.difference
    ]


def table_text(rows: Sequence[EvaluationRow]) -> str:
    """The rows as a plain table, one section per set, the smallest error first."""
    lines = []
    for dataset in dict.fromkeys(r.dataset for r in rows):
        part = sorted((r for r in rows if r.dataset == dataset), key=lambda r: r.values["mae_okta"])
        groups = ", ".join(f"{g} {n}" for g, (n, _) in part[0].by_group.items())
        if len(part[0].by_group) > 12:
            groups = f"{len(part[0].by_group)} groups"
        lines += [f"{dataset}: {part[0].frames} frames ({groups})"]
        lines += [
            f"{'method':34} {'MAE oktas [95 %]':>20} {'+-1 okta [95 %]':>20} {'acc':>5} {'F1':>5} {'bias':>6}"
            f" {'none':>4} {'MAE: first - this':>18}"
        ]
        for r in part:
            v, i = r.values, r.intervals
            paired = r.difference.get("mae_okta")
            lines.append(
                f"{r.method:34} {v['mae_okta']:5.2f} [{i['mae_okta'][0]:5.2f},{i['mae_okta'][1]:5.2f}]"
                f"  {v['within_one_okta']:5.0%} [{i['within_one_okta'][0]:5.0%},{i['within_one_okta'][1]:5.0%}]"
                f" {v['pixel_accuracy']:5.2f} {v['cloud_f1']:5.2f} {v['bias_okta']:6.2f} {r.abstained:4d}"
                + (f"   [{paired[0]:5.2f},{paired[1]:5.2f}]" if paired else "")
                + (f"   within sigma {r.within_sigma:.0%}" if r.within_sigma is not None else "")
            )
        lines += [*_against_best(rows, dataset), ""]
    return "\n".join(lines)


def table_json(rows: Sequence[EvaluationRow]) -> str:
    """The rows as JSON; what is undefined is null."""

    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: clean(v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [clean(v) for v in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return json.dumps([clean(vars(row)) for row in rows], indent=1)


def card_metrics(rows: Sequence[EvaluationRow], method: str) -> dict[str, Any]:
    """One method's figures by data set, for the card of its weights."""
    return {
        row.dataset: {
            "frames": row.frames,
            "abstained": row.abstained,
            **{k: round(v, 3) for k, v in row.values.items() if math.isfinite(v)},
            "mae_okta_interval_95": [round(v, 3) for v in row.intervals["mae_okta"]],
            "within_one_okta_interval_95": [round(v, 3) for v in row.intervals["within_one_okta"]],
            "within_sigma": None if row.within_sigma is None else round(row.within_sigma, 3),
            "mae_okta_by_group": {g: round(v, 3) for g, (_, v) in row.by_group.items()},
        }
        for row in rows
        if row.method == method
    }
