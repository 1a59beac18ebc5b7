"""What ``vigie labels`` prints."""

import csv
import json
import sys
from collections.abc import Mapping, Sequence

from rich.table import Table

from flows.console import for_people
from flows.options import Form
from tasks.label_status import LabelStatus, label_statuses
from tasks.label_suggestions import SuggestedPair

_TO_FILL_IN = ("answer", "annotator", "duration_s")


def print_suggestions(pairs: Sequence[SuggestedPair], form: Form) -> None:
    """Print pairs to ask about: one JSON array, or a CSV with the columns of an answer left empty."""
    if form is Form.JSON:
        print(json.dumps([vars(pair) for pair in pairs], indent=1))
        return
    names = list(SuggestedPair.__dataclass_fields__)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([*names[:2], *_TO_FILL_IN, *names[2:]])
    for pair in pairs:
        left, right, *others = vars(pair).values()
        writer.writerow([left, right, *("" for _ in _TO_FILL_IN), *others])


def print_label_status(archive_root: str, camera: str | None) -> None:
    """Print a row per camera with labels; of one camera each import too."""
    statuses = label_statuses(archive_root, camera)
    if not statuses:
        print("no labels yet: vigie labels import pairs|masks|gauge|clouds FILE --camera ID")
        return
    table = Table(
        "camera", "pairs", "images", "contradictions", "cycles", "annotators", "masks", "gauge", "version"
    )
    for status in statuses:
        numbers = (status.pairs, status.compared, status.contradictions, status.cycles)
        table.add_row(
            status.camera,
            *map(str, numbers),
            _annotators(status.reliability),
            str(status.masks),
            str(status.readings),
            status.snapshot,
        )
    for_people().print(table)
    if camera is not None:
        _print_imports(statuses[0])


def _annotators(reliability: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {share:.2f}" for name, share in sorted(reliability.items())) or "none"


def _print_imports(status: LabelStatus) -> None:
    table = Table("imported", "kind", "file", "SHA-256", "added", "left out", "code")
    for row in status.imports.itertuples():
        table.add_row(
            f"{row.imported_at:%Y-%m-%d %H:%M}",
            str(row.kind),
            str(row.source),
            str(row.source_sha256)[:12],
            str(row.added),
            str(row.refused),
            str(row.code_version),
        )
    for_people().print(table)
