"""Labels of one camera from files: good rows are imported in one commit, bad ones are listed with line and reason."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.contracts.labels import METRES, gauge_fault, mask_fault, pair_fault
from tasks.errors import ConfigurationError
from tasks.label_frames import FrameNames, camera_rows
from tasks.label_masks import CodeTable, code_table, read_mask
from tasks.label_reports import ImportReport, import_report, import_source, row_table, taken_rows
from tasks.label_tables import BadRow, Row, check_time_zone, read_file, read_number, read_rows, read_time
from tasks.stores.labels import LabelStore, NewMask

_NAT = np.datetime64("NaT", "ms")
_MISSING = {-999.0, -9999.0, -99999.0, -999999.0, 9999.0, 99999.0, 999999.0}
"""What data loggers write where they measured nothing."""
_MASK_SUFFIXES = {".png", ".tif", ".tiff", ".bmp", ".gif"}


@dataclass(frozen=True)
class GaugeColumns:
    """What a gauge file does not say in columns of its own.

    Attributes:
        unit: Of its levels: one of ``METRES``.
        datum: What they are above.
        station: Which gauge.
        time_zone: IANA zone of times without an offset.
    """

    unit: str = ""
    datum: str = ""
    station: str = ""
    time_zone: str = "UTC"


def import_pairs(archive_root: str, camera: str, path: Path) -> ImportReport:
    """Import answers: CSV with ``left``, ``right``, ``answer``, ``annotator``; ``duration_s``, ``asked_at`` if known.

    Left and right are SHA-256, file names or UTC times of the camera's archived frames.

    Raises:
        ConfigurationError: The file as a whole, or the camera, is wrong.
    """
    content = read_file(path)
    rows, bad = read_rows(path, content, ("left", "right", "answer", "annotator"))
    names = FrameNames(camera_rows(archive_root, camera))
    good = taken_rows(rows, bad, lambda row: _pair(row, names))
    store = LabelStore(archive_root, camera)
    source = import_source(path, hashlib.sha256(content).hexdigest(), {}, bad)
    done = store.append_pairs(row_table(good, ("asked_at",)), source) if good else None
    return import_report(camera, "pairs", path, done, bad)


def _pair(row: Row, names: FrameNames) -> dict[str, object]:
    if not {"left", "right"} <= row.keys():
        raise ValueError("left or right is empty")
    left, right, annotator = names.find(row["left"]), names.find(row["right"]), row.get("annotator", "")
    answer = row.get("answer", "").lower().replace(" ", "_").replace("-", "_")
    duration = row.get("duration_s", row.get("duration"))
    duration_s = read_number(duration) if duration is not None else float("nan")
    if (fault := pair_fault(left, right, answer, annotator, duration_s)) is not None:
        raise ValueError(fault)
    return {
        "left_sha256": left,
        "right_sha256": right,
        "answer": answer,
        "annotator": annotator,
        "duration_s": duration_s,
        "asked_at": read_time(row["asked_at"]) if "asked_at" in row else _NAT,
    }


def import_gauge(
    archive_root: str, camera: str, path: Path, columns: GaugeColumns | None = None
) -> ImportReport:
    """Import readings: CSV with ``time`` and ``level``, and ``unit``, ``datum``, ``station`` where they are not given.

    A unit may name its datum: ``m NAVD88``. Levels are kept in metres.

    Raises:
        ConfigurationError: The file as a whole, or an option, is wrong.
    """
    columns = columns or GaugeColumns()
    check_time_zone(columns.time_zone)
    if columns.unit and columns.unit.split()[0] not in METRES:
        raise ConfigurationError("--unit", None, f"no unit {columns.unit!r}", f"one of {', '.join(METRES)}")
    content = read_file(path)
    rows, bad = read_rows(path, content, ("time", "level"))
    good = taken_rows(rows, bad, lambda row: _reading(row, columns))
    good = _without_disagreements(good, bad)
    camera_rows(archive_root, camera)  # a camera without archive is a slip of the pen
    source = import_source(path, hashlib.sha256(content).hexdigest(), vars(columns), bad)
    store = LabelStore(archive_root, camera)
    done = store.append_gauge(row_table(good, ("time",)), source) if good else None
    return import_report(camera, "gauge", path, done, bad)


def _reading(row: Row, columns: GaugeColumns) -> dict[str, object]:
    if "level" not in row or "time" not in row:
        raise ValueError("no time" if "time" not in row else "no level")
    unit, _, stated_datum = row.get("unit", columns.unit).partition(" ")
    if unit not in METRES:
        raise ValueError(
            f"unit {unit!r} is none of {', '.join(METRES)}" if unit else "no unit; give it by --unit"
        )
    level = read_number(row["level"])
    if level in _MISSING:
        raise ValueError(f"{row['level']} stands for no level")
    time, level_m = read_time(row["time"], columns.time_zone), level * METRES[unit]
    if (fault := gauge_fault(time, level_m)) is not None:
        raise ValueError(fault)
    return {
        "time": time,
        "level_m": level_m,
        "source_unit": unit,
        "datum": row.get("datum", columns.datum or stated_datum.strip()),
        "station": row.get("station", columns.station),
    }


def _without_disagreements(good: list[dict[str, object]], bad: list[BadRow]) -> list[dict[str, object]]:
    """Of readings of one time, station and datum that differ, none can be told to be the right one."""
    levels: dict[tuple[object, ...], set[object]] = {}
    for row in good:
        levels.setdefault((row["time"], row["station"], row["datum"]), set()).add(row["level_m"])
    kept = []
    for row in good:
        if len(levels[row["time"], row["station"], row["datum"]]) == 1:
            kept.append(row)
        else:
            bad.append(BadRow(int(str(row["line"])), f"several levels for {row['time']} UTC"))
    return kept


def import_masks(
    archive_root: str, camera: str, path: Path, codes: str = "codes", annotator: str = ""
) -> ImportReport:
    """Import masks: a picture, a folder of pictures that are called like their frames, or a CSV table.

    Args:
        archive_root: Folder or URI of the archives.
        camera: Whose frames they are.
        path: Picture, folder, or CSV with ``image``, ``mask`` (relative to the table) and, if known, ``annotator``.
        codes: Table of colours, see ``label_masks.code_table``.
        annotator: Who drew those that no table says.

    Raises:
        ConfigurationError: The file as a whole, or an option, is wrong.
    """
    table, bad = code_table(codes), []
    if path.suffix.lower() == ".csv":
        rows, bad = read_rows(path, read_file(path), ("image", "mask"))
    else:
        rows = [(0, {"image": file.stem, "mask": str(file)}) for file in _pictures(path)]
    names, contents = FrameNames(camera_rows(archive_root, camera)), hashlib.sha256()

    def mask(row: Row) -> dict[str, object]:
        file = path.parent / row.get("mask", "")
        try:
            content = file.read_bytes()
        except OSError as error:
            raise ValueError(f"mask {row.get('mask', '')!r}: {error.strerror or error}") from error
        contents.update(hashlib.sha256(content).digest())
        try:
            return _mask(row, content, names, table, annotator)
        except ValueError as error:
            raise ValueError(f"{file.name}: {error}") from error

    good = taken_rows(rows, bad, mask)
    masks = [
        NewMask(str(row["image"]), str(row["annotator"]), np.asarray(row["codes"]), int(str(row["line"])))
        for row in good
    ]
    settings = {"codes": {",".join(map(str, colour)): code.value for colour, code in table.items()}}
    source = import_source(path, contents.hexdigest(), settings, bad)
    done = LabelStore(archive_root, camera).append_masks(masks, source) if masks else None
    return import_report(camera, "masks", path, done, bad)


def _mask(row: Row, content: bytes, names: FrameNames, table: CodeTable, annotator: str) -> dict[str, object]:
    image = names.find(row.get("image", ""))
    codes = read_mask(content, table)
    if codes.shape != names.size(image):
        height, width = names.size(image)
        raise ValueError(f"is {codes.shape[1]} x {codes.shape[0]}, its frame {width} x {height}")
    if (fault := mask_fault(codes)) is not None:
        raise ValueError(fault)
    return {"image": image, "annotator": row.get("annotator", annotator), "codes": codes}


def _pictures(path: Path) -> list[Path]:
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    found = [file for file in files if file.suffix.lower() in _MASK_SUFFIXES]
    if not found:
        mend = f"give a CSV, a folder, or a picture of {', '.join(sorted(_MASK_SUFFIXES))}"
        raise ConfigurationError(path, None, "no mask here", mend)
    return found
