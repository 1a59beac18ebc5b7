"""Settings: one ``vigie.toml``, then the environment, then flow parameters, then the command line; later wins.

Environment variables are ``VIGIE_<SECTION>__<KEY>``, e.g. ``VIGIE_NIGHT__DEADLINE_UTC=05:30``. Relative paths
are relative to the folder of ``vigie.toml``. A wrong key or value stops at once with file, line and mend.
"""

import copy
import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from datetime import time
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from models.contracts.downloads import EUMETSAT
from models.contracts.downloads import DownloadSettings as Downloads
from models.contracts.slots import READER_PATTERNS, SatelliteGridSettings
from tasks.errors import ConfigurationError, WrongSetting
from tasks.satellite_catalogue import check_reader, described
from tasks.settings_faults import check_environment, explained, placed


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ArchiveSettings(_Section):
    """Where the system of record lives."""

    root: str = Field("archive", description="Folder or URI of the camera and satellite archives.")


class CameraSettings(_Section):
    """Cameras to ingest."""

    registry: str = Field("cameras.csv", description="The camera registry.")
    max_pixels: int = Field(100_000_000, gt=0, description="Larger images are refused before decoding.")
    batch_frames: int = Field(48, gt=0, description="Frames per archive commit.")


class DownloadSettings(_Section):
    """How files of a web service are brought here: ``[satellite.<grid>.download]``."""

    staging: str = Field("staging", description="Folder of what is downloaded and not yet archived.")
    days: int = Field(7, gt=0, description="Never list further back from the run than this.")
    margin_hours: float = Field(24.0, ge=0, description="List again from so long before the newest slot.")
    quality: tuple[str, ...] = Field(
        ("NOMINAL",), description="Quality states to take, of those that are given."
    )
    keep: bool = Field(False, description="Leave files in the staging folder once they are archived.")
    timeout_s: float = Field(60.0, gt=0, description="Longest silence of the service.")
    attempts: int = Field(5, gt=0, description="Times that one request, or one file, is tried.")
    first_wait_s: float = Field(1.0, ge=0, description="First wait between attempts; doubles, with jitter.")
    longest_wait_s: float = Field(120.0, ge=0, description="Between attempts, even where more is asked for.")
    longest_download_s: float = Field(1800.0, gt=0, description="For one file with all its attempts.")
    parallel: int = Field(2, gt=0, le=16, description="Downloads at a time.")
    api: str = Field("https://api.eumetsat.int", description="Address of the service.")
    secret_block: str | None = Field(None, description="Prefect secret block that holds the credentials.")


class SatelliteSettings(_Section):
    """One satellite grid; the key of its table, ``[satellite.<grid>]``, is its name."""

    source: str = Field(description="Folder or URI of the files, or eumetsat:<collection>.")
    reader: str = Field(
        "nwcsaf-geo", description="A reader of satpy, such as nwcsaf-geo or seviri_l1b_native; or meteonet."
    )
    pattern: str | None = Field(
        None, description="File name pattern within the source; by default that of the reader's files."
    )
    region: tuple[float, float, float, float] = Field(
        (-5.5, 41.0, 10.0, 51.5), description="lon_min, lat_min, lon_max, lat_max in degrees."
    )
    cadence_minutes: int = Field(15, gt=0, le=1440, description="Step of the nominal time axis.")
    variables: tuple[str, ...] = Field(
        ("cma", "ct", "ctth_alti", "ctth_tempe", "ctth_pres"),
        validate_default=True,
        description="Names of the reader's datasets, all on the same pixels.",
    )
    window: Literal["auto", "satpy"] = Field(
        "auto", description="auto reads only the region where the format allows it; satpy loads and crops."
    )
    member: str | None = Field(None, description="Pattern of the files inside, where files are zip archives.")
    download: DownloadSettings = DownloadSettings()

    @model_validator(mode="after")
    def _region_is_a_box(self) -> "SatelliteSettings":
        lon_min, lat_min, lon_max, lat_max = self.region
        if not (-180 <= lon_min < lon_max <= 180 and -90 <= lat_min < lat_max <= 90):
            raise WrongSetting(
                "region must be [lon_min, lat_min, lon_max, lat_max] in degrees, minima first",
                "such as [-5.5, 41.0, 10.0, 51.5]; not across the antimeridian",
                key="region",
            )
        return self

    @model_validator(mode="after")
    def _archives_have_members(self) -> "SatelliteSettings":
        zipped = (self.pattern or "").lower().endswith(".zip")
        if zipped and self.member is None and not self.source.startswith(EUMETSAT):
            raise WrongSetting(
                f"pattern {self.pattern!r} is of zip archives, and no member says which files in them to read",
                'add a member, such as member = "*.nat"',
                key="pattern",
            )
        return self

    @field_validator("cadence_minutes")
    @classmethod
    def _cadence_divides_a_day(cls, value: int) -> int:
        if 1440 % value:
            raise WrongSetting(
                "cadence_minutes must divide 1440", "minutes between slots, such as 5, 10 or 15"
            )
        return value

    @field_validator("reader")
    @classmethod
    def _reader_is_known(cls, value: str) -> str:
        check_reader(value)
        return value

    @field_validator("variables")
    @classmethod
    def _variables_are_the_readers(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if "reader" in info.data:  # else the reader itself is at fault
            described(info.data["reader"], value)
        return value


class AlignmentSettings(_Section):
    """How frames are matched to satellite slots."""

    grid: str | None = Field(None, description="Grid to align with; the only one where there is just one.")
    tolerance_s: float = Field(600.0, gt=0, description="Largest gap between image and scan of its line.")


class CloudSettings(_Section):
    """Visible cloud cover, satellite cover, and what both together say of the clouds."""

    weights: str | None = Field(None, description="safetensors file; the shipped weights where absent.")
    radius_km: float = Field(
        25.0, gt=0, description="Satellite cover is the cloudy share within this radius."
    )
    sky: bool = Field(
        True, description="Ask camera and satellite together about the clouds of the full dome."
    )
    sky_weights: str | None = Field(None, description="safetensors file; the shipped weights where absent.")


class DriftSettings(_Section):
    """How the line of sight is followed."""

    enabled: bool = Field(True, description="Follow every camera's line of sight.")
    weights: str | None = Field(None, description="safetensors file; the shipped weights where absent.")


class WaterSettings(_Section):
    """Water levels and flood alerts."""

    enabled: bool = Field(True, description="Look for water in every camera's view.")
    weights: str | None = Field(None, description="safetensors file; the shipped weights where absent.")
    flood_level: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Level above which there is a flood, for cameras whose registry gives none.",
    )
    flood_margin: float = Field(0.02, ge=0, le=1, description="A flood ends this far below its level.")
    flood_margin_m: float = Field(0.05, ge=0, description="The same where the flood level is in metres.")
    begin_probability: float = Field(
        0.8, gt=0.5, lt=1, description="Of being above, in two agreeing images: begins."
    )
    end_probability: float = Field(0.8, gt=0.5, lt=1, description="Of being below, likewise: ends.")
    agree_within_h: float = Field(24.0, gt=0, description="Hours between two images that may agree.")


class ResultsSettings(_Section):
    """The record of every night."""

    root: str = Field("results", description="Folder or URI of the results repository.")


class PublishSettings(_Section):
    """What scientists open."""

    root: str = Field("published", description="Folder that holds series.zarr.")
    step_minutes: int = Field(30, gt=0, description="Step of the published time axis; must divide a day.")

    @model_validator(mode="after")
    def _step_divides_a_day(self) -> "PublishSettings":
        if 1440 % self.step_minutes:
            raise WrongSetting("step_minutes must divide 1440", "such as 30", key="step_minutes")
        return self

    @field_validator("root")
    @classmethod
    def _root_is_a_folder(cls, value: str) -> str:
        if "://" in value:
            raise WrongSetting(
                "the series is published to a folder of this machine, not to a URI", "name a folder"
            )
        return value


class NightSettings(_Section):
    """When a night is late, degraded or failed."""

    deadline_utc: time = Field(time(6), description="On the day after; what is ready then is published.")
    degraded_share: float = Field(0.05, ge=0, le=1, description="Share of cameras without output: degraded.")
    failed_share: float = Field(0.5, ge=0, le=1, description="Share of cameras without output: failed.")
    batch_camera_days: int = Field(16, gt=0, description="Camera-days inferred together.")


class Settings(BaseSettings):
    """The effective configuration."""

    model_config = SettingsConfigDict(
        env_prefix="VIGIE_", env_nested_delimiter="__", extra="forbid", frozen=True
    )
    _folder: Path = PrivateAttr(default=Path())

    archive: ArchiveSettings = ArchiveSettings()
    cameras: CameraSettings = CameraSettings()
    satellite: dict[str, SatelliteSettings] = {}
    alignment: AlignmentSettings = AlignmentSettings()
    cloud: CloudSettings = CloudSettings()
    drift: DriftSettings = DriftSettings()
    water: WaterSettings = WaterSettings()
    results: ResultsSettings = ResultsSettings()
    publish: PublishSettings = PublishSettings()
    night: NightSettings = NightSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Parameters over environment over file (the file's source is added per call of `load_settings`)."""
        return (init_settings, env_settings)

    @property
    def digest(self) -> str:
        """SHA-256 of the effective values, in hexadecimal: the same wherever the folder lies."""
        return hashlib.sha256(self.canonical.encode()).hexdigest()

    @property
    def canonical(self) -> str:
        """The effective values as JSON, in one order: what the digest is of."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))

    @property
    def aligned_grid(self) -> str | None:
        """The grid that frames are matched with, or ``None`` where there is no satellite."""
        if self.alignment.grid is not None:
            return self.alignment.grid
        return next(iter(self.satellite), None) if len(self.satellite) == 1 else None

    def locate(self, value: str) -> str:
        """Absolute path (or untouched URI) of a configured location."""
        return (
            value if "://" in value or value.startswith(EUMETSAT) else str((self._folder / value).resolve())
        )

    def grid(self, name: str) -> SatelliteGridSettings:
        """One satellite grid with its source located."""
        table = self.satellite[name].model_dump()
        table["source"] = self.locate(table["source"])
        staging = f"{self.locate(table['download']['staging'])}/{name}"
        table["download"] = Downloads(**{**table["download"], "staging": staging})
        also = described(table["reader"], table["variables"])
        table["pattern"] = table["pattern"] or READER_PATTERNS.get(table["reader"], "*.nc")
        return SatelliteGridSettings(name=name, **table, described=also)


def load_settings(path: Path, *layers: Mapping[str, Any]) -> Settings:
    """Effective settings of a configuration file.

    Args:
        path: ``vigie.toml``.
        *layers: Dotted keys and values, each layer over the one before: flow parameters, command line.

    Raises:
        ConfigurationError: Naming file, line and mend.
    """
    text = _read(path)
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(
            r"\(at line (\d+)", str(error)
        )  # the exception itself has no line before Python 3.14
        line = int(place[1]) if place else text.count("\n") + 1
        problem = str(error).partition(" (at ")[0]
        raise ConfigurationError(path, line, problem, "write valid TOML") from error

    class _WithFile(Settings):
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], **sources: Any
        ) -> tuple[Any, ...]:
            return (sources["init_settings"], sources["env_settings"], lambda: tree)

    check_environment(Settings)
    overrides: dict[str, Any] = {}
    for layer in layers:
        _overlay(overrides, layer)
    try:
        settings = _WithFile(**overrides)
    except ValidationError as error:
        raise explained(error, Settings, path, text, layers) from error
    except SettingsError as error:
        place = "environment variable VIGIE_..."
        raise ConfigurationError(
            place, None, str(error).replace("\n", " "), "lists and tables are written as JSON"
        ) from error
    if (grid := settings.alignment.grid) is not None and grid not in settings.satellite:
        problem = f"alignment.grid = {grid!r} has no table [satellite.{grid}]"
        mend = f"one of: {', '.join(settings.satellite) or 'none yet, add one'}"
        raise placed(["alignment", "grid"], problem, mend, path, text, layers)
    settings._folder = path.resolve().parent
    weights = settings.cloud.sky_weights
    if settings.cloud.sky and weights is not None and not Path(settings.locate(weights)).is_file():
        problem = f"cloud.sky_weights = {weights!r}: no such file"
        mend = "name a .safetensors file with its card beside it, or leave it out for the shipped weights"
        raise placed(["cloud", "sky_weights"], problem, mend, path, text, layers)
    return settings


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            path, None, "cannot be read", "give --config, or run `vigie demo` for an example"
        ) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigurationError(path, line, "not UTF-8", "save the file as UTF-8") from error


def _overlay(tree: dict[str, Any], layer: Mapping[str, Any]) -> None:
    for dotted, value in layer.items():
        *sections, key = dotted.split(".")
        node: Any = tree
        for section in sections:
            node = node.setdefault(section, {})
            if not isinstance(node, dict):
                raise ConfigurationError(
                    "parameter or command line", None, f"{dotted}: {section} is no table", "write section.key"
                )
        node[key] = copy.deepcopy(value)  # the next layer may write into it
