"""The camera registry, ``cameras.csv``: one row per camera, only ``id`` and ``source`` required."""

import csv
import difflib
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from models.science.time_names import check_pattern
from tasks.errors import ConfigurationError

Polygon = tuple[tuple[float, float], ...]


class Camera(BaseModel):
    """A fixed camera.

    Attributes:
        id: Lower-case letters, digits, ``_`` and ``-``; names its archive.
        source: Folder, URL of a directory index, or any fsspec URI.
        latitude: Degrees north.
        longitude: Degrees east.
        altitude_m: Above mean sea level.
        azimuth_deg: Where it looks, clockwise from north.
        elevation_deg: Where it looks, above the horizon.
        hfov_deg: Horizontal field of view.
        cadence_minutes: Expected time between images.
        time_zone: IANA zone of times that state no offset.
        gauge_id: Water gauge that it is compared with.
        water: ``none`` where no water is in view: the networks cannot be relied on to see that by themselves.
        flood_level: Water level in [0, 1] above which there is a flood.
        flood_level_m: The same in metres above the gauge's datum; comes first where readings reach that far.
        privacy_polygon: Corners (x, y) in fractions of width and height, blacked out in all that leaves the archive.
        time_from: Where the time of an image is read; ``auto`` is ``times.csv``, then name, then EXIF. ``order`` is an
            undated group.
        time_pattern: How the name states the time, where the known patterns do not read it; see
            ``models.science.time_names.read_name``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    id: Annotated[str, Field(pattern=r"^[a-z0-9_-]+$")]
    source: Annotated[str, Field(min_length=1)]
    latitude: Annotated[float | None, Field(ge=-90, le=90)] = None
    longitude: Annotated[float | None, Field(ge=-180, le=180)] = None
    altitude_m: Annotated[float | None, Field(ge=-500, le=9000)] = None
    azimuth_deg: Annotated[float | None, Field(ge=0, le=360)] = None
    elevation_deg: Annotated[float | None, Field(ge=-90, le=90)] = None
    hfov_deg: Annotated[float | None, Field(gt=0, le=360)] = None
    cadence_minutes: Annotated[float | None, Field(gt=0)] = None
    time_zone: str = "UTC"
    gauge_id: str | None = None
    water: Literal["auto", "none"] = "auto"
    flood_level: Annotated[float | None, Field(ge=0, le=1)] = None
    flood_level_m: Annotated[float | None, Field(ge=-500, le=9000)] = None
    privacy_polygon: Polygon | None = None
    time_from: Literal["auto", "name", "exif", "sidecar", "mtime", "order"] = "auto"
    time_pattern: str | None = None

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"{value!r} is not an IANA time zone such as Europe/Paris") from error
        return value

    @field_validator("time_pattern")
    @classmethod
    def _pattern_reads(cls, value: str | None) -> str | None:
        if value is not None:
            check_pattern(value)
        return value

    @field_validator("privacy_polygon", mode="before")
    @classmethod
    def _polygon(cls, value: object) -> object:
        return parse_polygon(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _whole_position(self) -> "Camera":
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("latitude and longitude come together or not at all")
        return self

    @property
    def has_position(self) -> bool:
        """Whether latitude and longitude are known."""
        return self.latitude is not None

    def losses(self) -> tuple[str, ...]:
        """What this camera goes without, in words, for each optional field that is not given."""
        return tuple(words for names, words in _LOSSES if any(getattr(self, n) is None for n in names))


_LOSSES: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("latitude", "longitude"),
        "no position: no satellite, no sun elevation, so no alignment or satellite cover",
    ),
    (("altitude_m",), "no altitude_m: the line of sight to clouds starts at sea level"),
    (("azimuth_deg",), "no azimuth_deg: the satellite is read around the camera, not where it looks"),
    (("elevation_deg",), "no elevation_deg: the camera is taken to look at the horizon"),
    (("hfov_deg",), "no hfov_deg: drift in pixels only, no degrees"),
    (("cadence_minutes",), "no cadence_minutes: missing images cannot be counted"),
    (("gauge_id",), "no gauge_id: water level is relative, not compared with a gauge"),
)
_REQUIRED = ("id", "source")
_COLUMNS = tuple(Camera.model_fields)


@dataclass(frozen=True)
class RefusedRow:
    """A row of the registry that describes no usable camera.

    Attributes:
        line: 1-based, in the file.
        camera: Its id, as far as it states one.
        reason: In words.
    """

    line: int
    camera: str
    reason: str


@dataclass(frozen=True)
class Registry:
    """Cameras of a network.

    Attributes:
        cameras: In the order of the file.
        refused_rows: Rows left out, each with its reason; the other rows stand.
        lost: Per camera id, what it goes without.
    """

    cameras: tuple[Camera, ...]
    refused_rows: tuple[RefusedRow, ...] = ()
    lost: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def loss_counts(self) -> dict[str, int]:
        """Number of cameras per loss, for a summary of hundreds."""
        return dict(Counter(words for losses in self.lost.values() for words in losses).most_common())

    def __getitem__(self, camera_id: str) -> Camera:
        """The camera of that id; ``KeyError`` where there is none."""
        return next((c for c in self.cameras if c.id == camera_id), None) or _no_camera(camera_id)


def read_registry(path: Path) -> Registry:
    """Reads ``cameras.csv``; relative sources are relative to its folder.

    Blank lines and lines that begin with ``#`` are skipped.

    Raises:
        ConfigurationError: The file is missing, is not UTF-8, or its columns are wrong. A wrong row is no error: it is
            listed in ``refused_rows``.
    """
    header: list[str] | None = None
    cameras: dict[str, Camera] = {}
    lines: dict[str, int] = {}
    refused: list[RefusedRow] = []
    for number, line in enumerate(_read_text(path).split("\n"), start=1):
        if not line.strip(" \t\r,") or line.lstrip().startswith("#"):
            continue
        try:  # line by line: a quote left open must not swallow the cameras below it
            (cells,) = csv.reader([line], skipinitialspace=True, strict=True)
        except csv.Error as error:
            refused.append(RefusedRow(number, line.split(",")[0].strip(), f"not a row of CSV: {error}"))
            continue
        stripped = [cell.strip() for cell in cells]
        if header is None:
            header = stripped
            _check_header(path, number, header)
            continue
        camera = _camera(stripped, header, path.parent, number)
        if isinstance(camera, Camera) and camera.id in cameras:
            camera = RefusedRow(number, camera.id, f"id is already used on line {lines[camera.id]}")
        if isinstance(camera, RefusedRow):
            refused.append(camera)
        else:
            cameras[camera.id], lines[camera.id] = camera, number
    if header is None:
        raise ConfigurationError(path, 1, "the file is empty", f"begin with the line {','.join(_REQUIRED)}")
    lost = {c.id: c.losses() for c in cameras.values()}
    return Registry(tuple(cameras.values()), tuple(refused), lost)


def parse_polygon(text: str) -> Polygon:
    """Reads ``x y;x y;x y``, fractions of width and height from the upper left corner.

    Raises:
        ValueError: Fewer than three corners, or a corner outside [0, 1].
    """
    corners = []
    for corner in filter(None, (part.strip() for part in text.split(";"))):
        try:
            x, y = (float(number) for number in corner.split())
        except ValueError as error:
            raise ValueError(f"corner {corner!r} is not two numbers 'x y'") from error
        if not (0 <= x <= 1 and 0 <= y <= 1):
            raise ValueError(f"corner {corner!r} is not in fractions of width and height, 0 to 1")
        corners.append((x, y))
    if len(corners) < 3:
        raise ValueError("a polygon needs three corners or more, 'x y;x y;x y'")
    return tuple(corners)


def _camera(cells: list[str], header: list[str], folder: Path, line: int) -> Camera | RefusedRow:
    values = {column: cell for column, cell in zip(header, cells, strict=False) if cell}
    name = values.get("id", "")
    if len(cells) > len(header):
        return RefusedRow(
            line, name, f"{len(cells)} cells under {len(header)} columns; quote cells that hold a comma"
        )
    if "source" in values:
        values["source"] = _absolute(values["source"], folder)
    try:
        return Camera.model_validate(values)
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, e['loc'])) or 'row'}: {_words(e['msg'])}" for e in error.errors())
        return RefusedRow(line, name, "; ".join(problems))


def _words(message: str) -> str:
    plain = {
        "Field required": "is required",
        "String should match pattern '^[a-z0-9_-]+$'": "only a-z, 0-9, _ and - are allowed",
    }
    return plain.get(message, message).removeprefix("Value error, ").replace("Input should", "should")


def _absolute(source: str, folder: Path) -> str:
    if re.match(r"^[a-z][a-z0-9+.-]*:", source) and not re.match(r"^[a-z]:[\\/]", source):
        return source
    return str((folder / source).resolve())


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        mend = "write a cameras.csv with at least the columns id and source, or set the path in vigie.toml"
        raise ConfigurationError(path, None, "no such file", mend) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigurationError(path, line, "not UTF-8", "save the file as UTF-8") from error


def _check_header(path: Path, line: int, header: list[str]) -> None:
    if len(header) == 1 and re.search(r"[;\t]", header[0]):
        raise ConfigurationError(path, line, "columns are not separated by commas", "save it with commas")
    for column in header:
        if column not in _COLUMNS:
            near = difflib.get_close_matches(column, _COLUMNS, n=1)
            mend = f"did you mean {near[0]!r}?" if near else f"use only {', '.join(_COLUMNS)}"
            raise ConfigurationError(path, line, f"unknown column {column!r}", mend)
        if header.count(column) > 1:
            raise ConfigurationError(path, line, f"column {column!r} comes twice", "keep one of them")
    for column in _REQUIRED:
        if column not in header:
            raise ConfigurationError(
                path, line, f"column {column!r} is missing", f"add it; {_REQUIRED} are required"
            )


def _no_camera(camera_id: str) -> Camera:
    raise KeyError(camera_id)
