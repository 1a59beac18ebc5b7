"""Rows of `tasks.sky_evaluation` as text and as JSON."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from tasks.sky_evaluation import BOTH, SkyRow

_COLUMNS = (
    ("within_one_okta", "+-1", "{:5.0%}"),
    ("rmse_okta", "RMSE", "{:5.2f}"),
    ("bias_okta", "bias", "{:5.2f}"),
    ("rps_okta", "RPS", "{:5.2f}"),
    ("answered", "answ.", "{:5.0%}"),
    ("obscured_f1", "obsF1", "{:5.2f}"),
    ("genera_macro_f1", "genF1", "{:5.2f}"),
    ("level_presence", "level", "{:5.0%}"),
    ("base_exact", "base", "{:5.0%}"),
    ("base_within_one", "base1", "{:5.0%}"),
)
_HEAD = f"{'method':32} {'MAE oktas [95 %]':>20} " + " ".join(f"{title:>5}" for _, title, _ in _COLUMNS)
_FURTHER = (
    ("genera_average_precision", "mAP", "{:.2f}"),
    ("level_code", "CL/CM/CH", "{:.0%}"),
    ("base_median_error_m", "base off by", "{:.0f} m"),
    ("ece_okta", "ECE N", "{:.3f}"),
    ("ece_obscured", "obscured", "{:.3f}"),
    ("ece_genera", "genera", "{:.3f}"),
    ("ece_levels", "levels", "{:.3f}"),
    ("ece_base", "base", "{:.3f}"),
    ("contradiction, any", "contradicts itself", "{:.0%}"),
)


def sky_table_text(rows: Sequence[SkyRow]) -> str:
    """The rows as plain tables, one per set and part, the smallest error first.

    Differences are of ``both`` minus the method; those of ``both`` itself are to the better single input.
    """
    lines = []
    for trial, part in dict.fromkeys((row.trial, row.part) for row in rows):
        here = [row for row in rows if (row.trial, row.part) == (trial, part)]
        here.sort(key=lambda row: (math.isnan(row.values["mae_okta"]), row.values["mae_okta"]))
        first = here[0]
        kind = "SIMULATED" if first.simulated else "real"
        lines.append(
            f"{trial}, {part} ({kind}): {first.moments} moments of {first.cameras} cameras,"
            f" intervals by {first.block}; an answer withheld is a miss"
        )
        lines.append(_HEAD + f" {'sets':>12} {'MAE: both - this':>25}")
        lines += [_line(row) for row in here]
        if part == "all":
            lines += [f"  {row.method}: {_further(row)}" for row in here]
        lines.append("")
    return "\n".join(lines)


def _line(row: SkyRow) -> str:
    low, high = row.intervals["mae_okta"]
    cells = [_cell(form, row.values[key], 5) for key, _, form in _COLUMNS]
    sets = "-" if row.sets is None else f"{row.sets['coverage']:.1%} of {row.sets['mean_size']:.1f}"
    found = row.both_minus.get("mae_okta")
    gap = "" if found is None else f"{found[0]:6.2f} [{found[1]:5.2f},{found[2]:5.2f}]"
    star = "  (to the better single input)" if row.method == BOTH and found is not None else ""
    error = f"{_cell('{:5.2f}', row.values['mae_okta'], 5)} [{low:5.2f},{high:5.2f}]"
    return f"{row.method[:32]:32} {error:>20} {' '.join(cells)} {sets:>12} {gap:>25}{star}".rstrip()


def _further(row: SkyRow) -> str:
    found = ", ".join(
        f"{title} {_cell(form, row.values[key], 1)}" for key, title, form in _FURTHER if key in row.values
    )
    if row.sets is None:
        return found
    low, high = row.sets["coverage_low"], row.sets["coverage_high"]
    return f"{found}, sets of {row.sets['level']:.0%} hold N in [{low:.1%}, {high:.1%}]"


def _cell(form: str, value: float, width: int) -> str:
    return f"{'-' if math.isnan(value) else form.format(value):>{width}}"


def sky_table_json(rows: Sequence[SkyRow]) -> str:
    """The rows as JSON; what is undefined is null."""
    return json.dumps([_plain(vars(row)) for row in rows], indent=1)


def sky_card_metrics(rows: Sequence[SkyRow]) -> dict[str, Any]:
    """Figures of ``both`` for the card of its weights: of all moments, and of those where both inputs are there."""
    return {
        row.trial if row.part == "all" else f"{row.trial}, {row.part}": _plain(
            {
                "simulated": row.simulated,
                "moments": row.moments,
                "cameras": row.cameras,
                **{
                    key: round(value, 4) if math.isfinite(value) else None
                    for key, value in row.values.items()
                },
                "mae_okta_interval_95": row.intervals["mae_okta"],
                "minus_better_single_input": row.both_minus,
                "okta_sets": row.sets,
            }
        )
        for row in rows
        if row.method == BOTH and row.part in ("all", "both inputs there")
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
