"""The sky of bare image files, with what satellite files show around their camera: genera, base, oktas of the dome."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.contracts.cloud_labels import BASE_CODES, GENERA, LEVEL_GENERA, OBSCURED_CODE
from models.contracts.flags import ValueFlag
from models.contracts.sky_answers import SkyAnswers, SkySource
from models.contracts.sky_batch import SkyInputs
from models.learn.sky_calibration import calibrated
from models.science.visible_scene import visible_scene
from models.sky import predict_sky
from tasks.cloud_moments import resized
from tasks.errors import ConfigurationError
from tasks.registry import Camera, read_registry
from tasks.settings import Settings, load_settings
from tasks.sky_night import CIVIL_TWILIGHT_DEG, sky_of_weights
from tasks.sky_satellite import SatelliteSeen, satellite_seen
from tasks.sky_values import sky_columns
from tasks.slot_files import archived_slots
from tasks.stores.privacy import hidden_pixels

_ANY_CAMERA = Camera(id="any", source=".")


@dataclass(frozen=True)
class SkyQuestion:
    """What is asked, and what is known beside the images.

    Attributes:
        satellite: Files of slots; of readers and variables of the configuration's satellite tables.
        camera: Id in the registry: site, view and calibration.
        time: Of all images, UTC, without a zone; sun and slots go by it.
        config: ``vigie.toml``, where there is a camera.
        weights: safetensors file; the shipped weights by default.
    """

    satellite: tuple[Path, ...] = ()
    camera: str | None = None
    time: datetime | None = None
    config: Path = Path("vigie.toml")
    weights: Path | None = None

    @classmethod
    def of_words(
        cls,
        satellite: Sequence[Path],
        camera: str | None,
        time: str | None,
        config: Path,
        weights: Path | None,
    ) -> "SkyQuestion":
        """As it is typed.

        Raises:
            ConfigurationError: The time is none, or what a slot needs is not given.
        """
        try:
            when = None if time is None else datetime.fromisoformat(time)
            if when is not None and when.tzinfo is not None:
                when = when.astimezone(UTC).replace(tzinfo=None)
        except (ValueError, OverflowError):
            raise ConfigurationError(
                "--time", None, f"{time!r} is no time", "write it as 2025-03-29T12:00Z"
            ) from None
        return cls(tuple(satellite), camera, when, config, weights)

    def __post_init__(self) -> None:
        """A slot belongs to a place and a time, and a time to a place."""
        for name, given in (("--camera", self.camera), ("--time", self.time)):
            if self.satellite and given is None:
                raise ConfigurationError("--satellite", None, f"there is no {name}", f"give {name} as well")
        if self.time is not None and self.camera is None:
            raise ConfigurationError(
                "--time", None, "there is no --camera, so no place for it", "give --camera as well"
            )


class SkyAnswerer:
    """Answers one question for many pictures.

    Args:
        question: See `SkyQuestion`.

    Attributes:
        camera: That is asked about; one of which nothing is known where none is named.

    Raises:
        ConfigurationError: Weights, configuration, camera or a satellite file cannot be used.
    """

    def __init__(self, question: SkyQuestion) -> None:
        self._question = question
        self._sky = sky_of_weights(question.weights)
        settings = None if question.camera is None else load_settings(question.config)
        self.camera = _ANY_CAMERA if settings is None else _camera_of(settings, question)
        self._seen, self._refused = _seen(question, self.camera, settings)

    def answers(self, pictures: Sequence[np.ndarray | None]) -> list[dict[str, Any]]:
        """As JSON values, one object per picture; ``None`` asks the satellite alone.

        Args:
            pictures: ``(y, x, 3)`` uint8 or uint16.
        """
        answers = predict_sky(
            self._sky.model, self._inputs(pictures), cameras=[self.camera.id] * len(pictures)
        )
        altitude = math.nan if self.camera.altitude_m is None else self.camera.altitude_m
        unseen = np.full(len(pictures), int(ValueFlag.ABSTAINED))
        once = np.zeros(len(pictures), bool)
        table = sky_columns(answers, self.camera.id, altitude, self._sky.calibration, unseen, once)
        beside: dict[str, Any] = {"sky_model": self._sky.digest[:16]}
        if self._refused:
            beside["satellite_refused"] = self._refused
        warm = calibrated(answers, [self.camera.id] * len(pictures), self._sky.calibration)
        return [_values(row, warm, n) | beside for n, row in enumerate(table.to_dict("records"))]

    def _scene(self, picture: np.ndarray) -> np.ndarray | None:
        """What of a picture may be looked at, without what the camera's privacy polygon hides."""
        return visible_scene(picture, hidden_pixels(picture, self.camera.privacy_polygon or ()))

    def _inputs(self, pictures: Sequence[np.ndarray | None]) -> SkyInputs:
        size, n = self._sky.model.config.picture_size, len(pictures)
        images = np.zeros((n, 3, *size), np.uint8)
        # Lamps are no clouds: by night a picture of a known place is left to the satellite, as in the nights.
        by_day = not self._seen.sun_elevation_deg[0] < CIVIL_TWILIGHT_DEG
        there = np.array([picture is not None and by_day for picture in pictures], bool)
        for place, picture in enumerate(pictures):
            scene = None if picture is None else self._scene(picture)
            there[place] &= scene is not None
            if scene is not None and there[place]:
                images[place] = np.round(resized(scene, size) * 255).astype(np.uint8)
        every = self._seen.rows(np.zeros(n, np.int64))
        return SkyInputs(
            torch.from_numpy(images),
            torch.from_numpy(there),
            every.planes,
            every.present,
            every.age_s,
            every.context,
        )


def _camera_of(settings: Settings, question: SkyQuestion) -> Camera:
    path = Path(settings.locate(settings.cameras.registry))
    try:
        return read_registry(path)[question.camera or ""]
    except KeyError:
        raise ConfigurationError(
            "--camera", None, f"{question.camera!r} is not in {path}", "give the id of a row"
        ) from None


def _seen(
    question: SkyQuestion, camera: Camera, settings: Settings | None
) -> tuple[SatelliteSeen, dict[str, int]]:
    """What the files show around the camera, and refusals per reason."""
    utc = question.time
    times = np.array([np.datetime64("NaT" if utc is None else utc, "ns")])
    if settings is None or utc is None or not question.satellite:
        return satellite_seen(".", camera, times, (), 0.0), {}
    with archived_slots(question.satellite, camera, settings, utc) as (root, grids, refused):
        return satellite_seen(root, camera, times, grids, settings.alignment.tolerance_s), refused


def _values(row: dict[str, Any], answers: SkyAnswers, place: int) -> dict[str, Any]:
    """A moment's published values, as JSON has them: what is withheld is null."""
    source = SkySource(int(answers.source[place]))
    seen = source is not SkySource.NONE
    # Told even where the night withholds them (no cloud, obscured): who asks by hand sees N beside them.
    genera = {genus: _number(p, 4) for genus, p in zip(GENERA, answers.genera[place], strict=True)}
    cloudy = row["total_cloud_okta"] >= 1  # False where N is withheld
    code = int(row["wmo_1600_base"])
    return {
        "total_okta": _number(row["total_cloud_okta"], 0),
        "total_okta_set": _pair(row["okta_set_low"], row["okta_set_high"]),
        "obscured": bool(row["wmo_2700_n"] == OBSCURED_CODE) if seen else None,
        "obscured_probability": _number(row["sky_obscured"], 4),
        "genera": genera if seen else None,
        "level": level_of(answers.genera[place]) if cloudy else None,
        "base_code": code if 0 <= code < BASE_CODES else None,
        "base_height_m": _number(row["cloud_base_height_above_ground"], 0),
        "source": source.name.lower(),
    }


def level_of(genera: np.ndarray) -> str:
    """Level of the most probable genus of ``(10,)``: low, mid or high."""
    likeliest = GENERA[int(np.argmax(genera))]
    return next(level for level, members in LEVEL_GENERA.items() if likeliest in members)


def _number(value: float, digits: int) -> float | int | None:
    if math.isnan(value):
        return None
    return round(float(value), digits) if digits else round(float(value))


def _pair(low: float, high: float) -> list[int] | None:
    return None if math.isnan(low) else [round(low), round(high)]
