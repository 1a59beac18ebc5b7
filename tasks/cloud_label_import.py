"""Answers of a crowd campaign about clouds from a table, whatever codes it uses, into the labels of each camera."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from models.contracts.cloud_labels import (
    LAYERS,
    NOT_ANSWERED,
    OBSCURED_CODE,
    CloudAnswer,
    Layer,
    cloud_fault,
    genera_bits,
)
from tasks.cloud_code_tables import NO_GENUS, cloud_codes, split_genera
from tasks.errors import ConfigurationError
from tasks.label_frames import FrameNames, camera_rows
from tasks.label_reports import ImportReport, import_report, import_source, row_table, taken_rows
from tasks.label_tables import BadRow, Row, read_file, read_number, read_rows, read_time
from tasks.stores.labels import LabelStore

_NAT = np.datetime64("NaT", "ms")
_SAME_TIME = np.timedelta64(60, "s")
_ALIASES = {"cl": "low", "cm": "mid", "ch": "high", "duration": "duration_s", "okta": "n"} | {
    name: f"layer1_{name}" for name in ("genera", "amount", "base")
}
"""Other names of columns; a question without layers is about the lowest."""

ReadCode = Callable[[int, str, str], int]
"""Line, field and cell to a WMO code."""


def import_clouds(archive_root: str, path: Path, codes: str, camera: str = "") -> list[ImportReport]:
    """Import a campaign table, one commit per camera.

    Columns: ``image`` (SHA-256, file name or UTC time of an archived frame), ``annotator``, ``camera`` unless given; as
    far as asked ``time`` (of the image, UTC), ``expertise``, ``sky_visible``, ``obscured``, ``n``, ``layer1_genera``
    (``Cu+Sc``), ``layer1_amount``, ``layer1_base`` and so on to layer 4, ``low``, ``mid``, ``high``, ``confidence``
    (0 to 1), ``cannot_tell``, ``duration_s``, ``tutorial``, ``gold`` (``item``, ``reference``), ``asked_at``.

    Args:
        archive_root: Folder or URI of the archives.
        path: The table, CSV.
        codes: Table of codes, see ``cloud_code_tables.cloud_codes``.
        camera: Of all rows, where no column says it.

    Returns:
        A report per camera, sorted; one with an empty id has the rows that name no camera with an archive.

    Raises:
        ConfigurationError: The file as a whole, the table of codes, or a code that is not in it. Nothing is imported.
    """
    table, content = cloud_codes(codes), read_file(path)
    required = ("image", "annotator") if camera else ("image", "annotator", "camera")
    rows, bad = read_rows(path, content, required)
    if camera:
        camera_rows(archive_root, camera)  # a camera without archive is a slip of the pen
    of_camera: dict[str, list[tuple[int, Row]]] = {}
    for line, row in rows:
        named = {_ALIASES.get(name, name): cell for name, cell in row.items()}
        of_camera.setdefault(named.get("camera", camera), []).append((line, named))
    read = table.reader(path)
    taken = {}
    for name, its_rows in sorted(of_camera.items()):
        taken[name] = _read_camera(archive_root, name, its_rows, read)
    stray = [*bad, *(row for good, its_bad in taken.values() if good is None for row in its_bad)]
    digest, settings = hashlib.sha256(content).hexdigest(), {"codes": table.name, "fields": table.fields}
    reports = [import_report("", "clouds", path, None, stray)] if stray else []
    for name, (good, its_bad) in taken.items():
        if good is None:
            continue
        done = None
        if good:
            source = import_source(path, digest, settings, its_bad)
            answers = row_table(good, ("time", "asked_at"))
            done = LabelStore(archive_root, name).append_clouds(answers, source)
        reports.append(import_report(name, "clouds", path, done, its_bad))
    return reports


def _read_camera(
    archive_root: str, camera: str, rows: list[tuple[int, Row]], read: ReadCode
) -> tuple[list[dict[str, object]] | None, list[BadRow]]:
    """Good and bad rows of a camera; ``None`` where the camera is not known."""
    try:
        frames = camera_rows(archive_root, camera)
    except ConfigurationError as error:
        reason = error.problem if camera else "no camera"
        return None, [BadRow(line, reason) for line, _ in rows]
    names, times, bad = FrameNames(frames), _frame_times(frames), list[BadRow]()
    lines = [(line, {**row, "line": str(line)}) for line, row in rows]
    return taken_rows(lines, bad, lambda row: _answer(row, names, times, read)), bad


def _frame_times(frames: pd.DataFrame) -> dict[str, np.ndarray]:
    times = frames.assign(ms=frames["time"].to_numpy("datetime64[ms]"))
    return {str(sha): group["ms"].to_numpy() for sha, group in times.groupby("sha256")}


def _answer(row: Row, names: FrameNames, times: dict[str, np.ndarray], read: ReadCode) -> dict[str, object]:
    line = int(row["line"])

    def code(column: str, field: str = "") -> int:
        return read(line, field or column, row[column]) if column in row else NOT_ANSWERED

    # codes first: one that nobody explained stops the import, whatever else is wrong with its row
    layers = [
        _layer(row, number, code, lambda text: read(line, "genera", text)) for number in range(1, LAYERS + 1)
    ]
    answer = _sky(code, tuple(layers))
    expertise, gold = code("expertise"), code("gold")
    if not row.get("annotator", "").strip():
        raise ValueError("no annotator")
    if (fault := cloud_fault(answer)) is not None:
        raise ValueError(fault)
    image = names.find(row.get("image", ""))
    return {
        "image_sha256": image,
        "time": _time(row, times[image]),
        "annotator": row["annotator"],
        "expertise": max(expertise, 0),
        **{name: getattr(answer, name) for name in ("sky_visible", "obscured", "okta", "low", "mid", "high")},
        **_layer_columns(layers),
        "confidence": _number(row, "confidence", 1.0),
        "cannot_tell": int(answer.cannot_tell),
        "duration_s": _number(row, "duration_s", float("inf")),
        "tutorial": row.get("tutorial", ""),
        "gold": max(gold, 0),
        "asked_at": read_time(row["asked_at"]) if "asked_at" in row else _NAT,
    }


def _sky(code: Callable[..., int], layers: tuple[Layer, ...]) -> CloudAnswer:
    """N = 9 is the answer "obscured", not an amount."""
    okta, obscured = code("n"), code("obscured")
    if okta == OBSCURED_CODE:
        if obscured == 0:
            raise ValueError("N says obscured, the question of its own says not")
        okta, obscured = NOT_ANSWERED, 1
    passes = code("cannot_tell") == 1
    sky = code("sky_visible")
    return CloudAnswer(sky, obscured, okta, layers, code("low"), code("mid"), code("high"), passes)


def _layer(row: Row, number: int, code: Callable[..., int], genus: Callable[[str], int]) -> Layer:
    cell = row.get(f"layer{number}_genera", "")
    codes = [genus(part) for part in split_genera(cell)]
    if NO_GENUS in codes and len(set(codes)) > 1:
        raise ValueError(f"layer {number}: none and a genus")
    named = frozenset(part for part in codes if 0 <= part < NO_GENUS)
    genera = None if not codes or (NOT_ANSWERED in codes and not named) else named
    return Layer(genera, code(f"layer{number}_amount", "amount"), code(f"layer{number}_base", "base"))


def _layer_columns(layers: list[Layer]) -> dict[str, int]:
    columns = {}
    for number, layer in enumerate(layers, start=1):
        columns[f"layer{number}_genera"] = genera_bits(layer.genera)
        columns[f"layer{number}_okta"], columns[f"layer{number}_base"] = layer.okta, layer.base
    return columns


def _time(row: Row, frame_times: np.ndarray) -> np.datetime64:
    """Of the frame; what the table states must agree with it."""
    if "time" not in row:
        return frame_times[0]
    stated = read_time(row["time"])
    gaps = np.abs(frame_times - stated)
    if gaps.min() > _SAME_TIME:
        raise ValueError(f"the frame is of {frame_times[0]} UTC, not of {row['time']}")
    return frame_times[int(gaps.argmin())]


def _number(row: Row, column: str, highest: float) -> float:
    if column not in row:
        return float("nan")
    number = read_number(row[column])
    if not 0 <= number <= highest:
        raise ValueError(f"{column} {number:g} is not within 0 and {highest:g}")
    return number
