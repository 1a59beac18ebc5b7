"""Many groups of images, one table: what ``vigie predict drift --groups`` writes.

The table is its own memory: a group whose images, weights, code and field of view are those of its rows is not done
again, so that a run that was killed is taken up where it stood.
"""

import csv
import hashlib
import io
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models.drift import POSE_COMPONENTS, DriftModel
from tasks import weights as weight_files
from tasks.drift_groups import group_answers, list_group, relate_group
from tasks.drift_prediction import Progress, check_hfov, no_progress
from tasks.errors import ConfigurationError
from tasks.image_sources import SourceUnavailable
from tasks.provenance import code_version

_POSE = (*POSE_COMPONENTS, "drift_px")
_STEP = (*_POSE, *(f"{name}_sigma" for name in _POSE))
COLUMNS = (
    *("group", "image", "time", "reference", *_POSE, "pan_deg", "tilt_deg"),
    *(*(f"{name}_uncertainty" for name in POSE_COMPONENTS), "sigma_px", "confident", "reason", "error"),
    *("step_after", "step_p_value", *(f"step_{name}" for name in _STEP)),
    *("hfov_deg", "sha256", "model", "code_version"),
)
_SAVE_EVERY_S = 10.0
Row = dict[str, str]


@dataclass
class DriftTable:
    """The table as a file; a group's rows stand together, groups in the order of their names.

    Attributes:
        path: The CSV file.
        groups: Rows by group.
    """

    path: Path
    groups: dict[str, list[Row]] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path) -> "DriftTable":
        """The table that is there, or an empty one.

        Raises:
            ConfigurationError: The file is no table of ours, or there is no writing beside it.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            text = path.read_text() if path.exists() else ""
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError("--table", None, f"{path}: {error}", "give another file") from None
        rows = csv.DictReader(io.StringIO(text, newline=""))
        if text and tuple(rows.fieldnames or ()) != COLUMNS:
            raise ConfigurationError(
                path, 1, "these are not the columns of a table of drift", "give another file"
            )
        groups = defaultdict(list)
        for row in rows:
            groups[row["group"]].append(row)
        return cls(path, dict(groups))

    def write(self) -> None:
        """Replace the file, whole."""
        partial = self.path.with_name(f".{self.path.name}.partial")
        with partial.open("w", newline="") as file:
            out = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            out.writeheader()
            for name in sorted(self.groups):
                out.writerows(self.groups[name])
        partial.replace(self.path)


@dataclass(frozen=True)
class TableSummary:
    """What is in the table.

    Attributes:
        groups: All groups.
        kept: Of those, done by an earlier run.
        images: All images.
        confident: Of those, with a pose that may be used.
        steps: Groups with a step.
    """

    groups: int
    kept: int
    images: int
    confident: int
    steps: int


def tabulate_groups(
    folder: Path,
    table: Path,
    *,
    hfov_deg: float | None = None,
    hfov_by_group: Mapping[str, float | None] | None = None,
    weights: Path | None = None,
    progress: Progress = no_progress,
) -> TableSummary:
    """Place the images of each sub-folder relative to one among them, and write all to one table.

    A folder without images and a file that cannot be read are rows with an error.

    Args:
        folder: A sub-folder per group.
        table: CSV file of ``COLUMNS``; what it holds already is kept.
        hfov_deg: Horizontal field of view of all cameras, where known.
        hfov_by_group: The same by sub-folder; goes before.
        weights: Weights file; the shipped ones by default.
        progress: Called after each group.

    Raises:
        ConfigurationError: The folder, the table, the weights or a field of view cannot be used.
    """
    try:
        names = sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    except OSError as error:
        raise ConfigurationError("--groups", None, f"{folder}: {error.strerror}", "give a folder") from None
    if not names:
        raise ConfigurationError("--groups", None, f"{folder} has no sub-folder", "give a folder of groups")
    check_hfov(hfov_deg)
    known = DriftTable.open(table)
    model, digest = weight_files.load_drift_model(weights)
    known.groups = {name: rows for name, rows in known.groups.items() if name in names}
    saved, kept = time.monotonic(), 0
    try:
        for done, name in enumerate(names, start=1):
            hfov = (hfov_by_group or {}).get(name) or hfov_deg
            rows = _rows_of(folder / name, model, digest, hfov, known.groups.get(name, []))
            kept += rows is known.groups.get(name)
            known.groups[name] = rows
            if time.monotonic() - saved > _SAVE_EVERY_S:
                known.write()
                saved = time.monotonic()
            progress(done, len(names))
    finally:
        known.write()
    return _summary(known, kept)


def _rows_of(
    folder: Path, model: DriftModel, digest: str, hfov_deg: float | None, old: list[Row]
) -> list[Row]:
    """Rows of a group; the old ones themselves where nothing has changed since."""
    provenance = {"hfov_deg": _cell(hfov_deg), "model": digest[:16], "code_version": code_version()}
    try:
        paths = list_group(folder)
    except SourceUnavailable as error:
        return [_row(folder, {"error": str(error)}, provenance)]
    if not paths:
        return [_row(folder, {"error": "no image files"}, provenance)]
    if old and _unchanged(folder, paths, provenance, old):
        return old
    group = relate_group(model, paths, hfov_deg=hfov_deg)
    return [
        _row(folder, answer, provenance | {"sha256": frame.sha256})
        for answer, frame in zip(group_answers(group, digest), group.frames, strict=True)
    ]


def _unchanged(folder: Path, paths: list[Path], provenance: Row, old: list[Row]) -> bool:
    if any(row[key] != value for row in old for key, value in provenance.items()):
        return False
    if [row["image"] for row in old] != [path.relative_to(folder).as_posix() for path in paths]:
        return False
    return all(row["sha256"] == _sha256(path) for row, path in zip(old, paths, strict=True))


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def _row(folder: Path, answer: dict[str, Any], provenance: Row) -> Row:
    """One line of the table from the answer of an image; images are named relative to their group."""
    names = {
        k: Path(answer[k]).relative_to(folder).as_posix() for k in ("image", "reference") if answer.get(k)
    }
    errors = {f"{k}_uncertainty": v for k, v in (answer.get("pose_uncertainty") or {}).items()}
    step = {f"step_{k}": v for k, v in (answer.get("step") or {}).items()}
    values = {**answer, **(answer.get("pose") or {}), **errors, **step, **names, "group": folder.name}
    return {column: _cell(values.get(column)) for column in COLUMNS} | provenance


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.9g}" if isinstance(value, float) else str(value)


def _summary(table: DriftTable, kept: int) -> TableSummary:
    groups = table.groups.values()
    images = [row for rows in groups for row in rows if row["image"]]
    return TableSummary(
        len(groups),
        kept,
        len(images),
        sum(row["confident"] == "true" for row in images),
        sum(any(row["step_after"] for row in rows) for rows in groups),
    )
