"""The parts of an evaluation as text and as JSON."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from models.learn.drift_scores import Summary


@dataclass(frozen=True)
class Section:
    """One part.

    Attributes:
        title: What it shows.
        rows: All with the same keys, or the summaries of pairs.
    """

    title: str
    rows: Sequence[dict[str, object]] | Sequence[Summary]


def sections_text(sections: Sequence[Section]) -> str:
    """Plain tables."""
    return "\n".join(f"{section.title}\n{_table(section.rows)}\n" for section in sections)


def sections_json(sections: Sequence[Section]) -> str:
    """One object, title -> rows; what is undefined is null."""
    whole = {s.title: [asdict(row) if isinstance(row, Summary) else row for row in s.rows] for s in sections}
    return json.dumps(_clean(whole), indent=1)


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _clean(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _table(rows: Sequence[Any]) -> str:
    if not rows:
        return "(nothing)"
    if isinstance(rows[0], Summary):
        return pairs_text(rows)
    cells = [list(rows[0]), *[[_cell(row[key]) for key in rows[0]] for row in rows]]
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) for line in cells)


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def pairs_text(summaries: Sequence[Summary]) -> str:
    """Figures of pairs, a table per condition and size of warp, the largest share under 1 px first."""
    lines = []
    for condition, size in dict.fromkeys((s.condition, s.size) for s in summaries):
        part = [s for s in summaries if (s.condition, s.size) == (condition, size)]
        part.sort(key=lambda s: -s.figures["below_1_px"])
        lines.append(f"{condition}, {size} warps: {part[0].pairs} pairs, 95 % bootstrap by camera")
        lines.append(
            f"{'method':30} {'median px':>19} {'<1 px':>17} {'<3 px':>17} {'answered':>8} {'>10 px':>6}"
            f" {'plain: med <1':>13} {'peer: med <1':>13} {'sigma':>6} {'in 1s':>5} {'2s':>4} {'plain 1s':>8}"
            f" {'natural':>7}"
        )
        lines += [_line(s) for s in part]
        lines.append("")
    return "\n".join(lines)


def _line(s: Summary) -> str:
    f = s.figures
    plain, peer = (
        f"{_number(f.get(kind + 'median_px'))} {_share(f.get(kind + 'below_1_px')):>5}"
        for kind in ("plain_", "peer_")
    )
    low, high = s.intervals["median_px"]
    shares = " ".join(
        f"{f[k]:5.0%} [{s.intervals[k][0]:4.0%},{s.intervals[k][1]:4.0%}]"
        for k in ("below_1_px", "below_3_px")
    )
    return (
        f"{s.method:30} {f['median_px']:6.2f} [{low:5.2f},{high:5.2f}] {shares} {f['answered']:8.1%}"
        f" {f['confident_far_wrong']:6.1%} {plain:>13} {peer:>13} {_number(s.median_sigma_px)}"
        f" {_share(s.within_one_sigma):>5} {_share(s.within_two_sigma):>4} {_share(s.plain_within_one_sigma):>8}"
        f" {_number(s.natural_px):>7}"
    )


def _number(value: float | None) -> str:
    return f"{'-':>6}" if value is None or math.isnan(value) else f"{value:6.2f}"


def _share(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.0%}"
