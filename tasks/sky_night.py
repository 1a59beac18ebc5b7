"""Clouds in a night: the frames of a camera-day beside the last satellite slots, answered in one go.

The satellite is read first. What the model was given of it has a digest, which is recorded: a frame is answered again
only where a late or changed slot makes it another one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from models.contracts.flags import FrameFlag, ValueFlag
from models.contracts.sky_batch import SkyInputs
from models.learn.sky_calibration import SkyCalibration
from models.science.okta_sets import LEVEL, OktaSets
from models.sky import SkyModel, predict_sky
from tasks import sky_weights
from tasks.cloud_moments import resized
from tasks.errors import ConfigurationError
from tasks.frame_reading import frames_of
from tasks.registry import Camera
from tasks.settings import Settings
from tasks.sky_satellite import SatelliteSeen, satellite_seen
from tasks.sky_values import sky_columns
from tasks.stores.camera_archive import CameraArchive
from tasks.weights import read_card

CIVIL_TWILIGHT_DEG = -6.0
"""Sun elevation below which pictures show lamps, not clouds."""
UNCALIBRATED = SkyCalibration(sets=OktaSets(pooled={"ANY": LEVEL}))
"""Probabilities as they come, and sets that hold their share of them."""


@dataclass(frozen=True)
class NightSky:
    """The model of a night.

    Attributes:
        model: Network and configuration.
        digest: Of its weights, hexadecimal.
        calibration: From its card.
    """

    model: SkyModel
    digest: str
    calibration: SkyCalibration


def sky_wanted(settings: Settings) -> bool:
    """Whether nights ask about the sky: it is not switched off, and there are weights."""
    return settings.cloud.sky and (
        settings.cloud.sky_weights is not None or sky_weights.SHIPPED_SKY_WEIGHTS.is_file()
    )


def sky_grids(settings: Settings) -> tuple[str, ...]:
    """Satellite grids that are looked at: the one that frames are aligned with, then others for their channels."""
    first = settings.aligned_grid
    return () if first is None else (first, *(grid for grid in settings.satellite if grid != first))


def load_sky(settings: Settings) -> NightSky | None:
    """The model with its calibration; ``None`` where the sky is not asked about.

    Raises:
        ConfigurationError: The weights that the configuration names cannot be used, or their card's calibration cannot.
    """
    if not sky_wanted(settings):
        return None
    named = settings.cloud.sky_weights
    return sky_of_weights(Path(settings.locate(named)) if named else None)


def sky_of_weights(path: Path | None = None) -> NightSky:
    """The model with its calibration.

    Args:
        path: safetensors file; the shipped weights by default.

    Raises:
        ConfigurationError: The weights, or their card's calibration, cannot be used.
    """
    path = path or sky_weights.SHIPPED_SKY_WEIGHTS
    model, digest = sky_weights.load_sky_model(path)
    stored = read_card(path).get("calibration")
    try:
        calibration = SkyCalibration.from_card(stored) if stored else UNCALIBRATED
    except ValueError as error:
        raise ConfigurationError(path, None, str(error), "calibrate the weights again") from None
    return NightSky(model, digest, calibration)


class SkyDay:
    """Frames of one camera: the satellite at once, pictures as they are decoded, answers at the end.

    Args:
        sky: The model.
        camera: Which.
        seen: What the satellite showed at the frames.
    """

    def __init__(self, sky: NightSky, camera: Camera, seen: SatelliteSeen) -> None:
        self._sky, self._camera, self.seen = sky, camera, seen
        count = len(seen.digest)
        self._pictures = np.zeros((count, 3, *sky.model.config.picture_size), np.uint8)
        self._there = np.zeros(count, bool)
        self._unseen = np.full(count, int(ValueFlag.NOT_OBSERVED))
        self._next = 0

    def follow(self, pictures: Sequence[np.ndarray | None], qualities: Sequence[float]) -> None:
        """Take the next frames.

        Args:
            pictures: ``None`` where one cannot be read.
            qualities: Published flag of each picture's luminance.
        """
        for picture, quality in zip(pictures, qualities, strict=True):
            place, self._next = self._next, self._next + 1
            flag = self._why_unseen(place, picture, ValueFlag(int(quality)))
            self._unseen[place] = int(ValueFlag.ABSTAINED if flag is None else flag)
            if picture is not None and flag is None:
                smaller = resized(picture, self._pictures.shape[2:])
                self._pictures[place] = np.round(smaller * 255).astype(np.uint8)
                self._there[place] = True

    def _why_unseen(self, place: int, picture: np.ndarray | None, quality: ValueFlag) -> ValueFlag | None:
        """Why a picture shows nothing of the clouds, or ``None``."""
        if picture is None:
            return ValueFlag.FAILED
        if quality in (ValueFlag.DARK, ValueFlag.ABSTAINED):  # the latter: one flat tone
            return quality
        return ValueFlag.DARK if self.seen.sun_elevation_deg[place] < CIVIL_TWILIGHT_DEG else None

    def table(self, repeated: np.ndarray) -> pd.DataFrame:
        """A row per frame, in order.

        Args:
            repeated: Frames ``(n,)`` whose picture came more than once.
        """
        if self._next != len(self._there):
            raise ValueError(f"{self._next} of {len(self._there)} frames were followed")
        seen, sky = self.seen, self._sky
        inputs = SkyInputs(
            torch.from_numpy(self._pictures),
            torch.from_numpy(self._there),
            seen.planes,
            seen.present,
            seen.age_s,
            seen.context,
        )
        answers = predict_sky(sky.model, inputs, cameras=[self._camera.id] * len(inputs))
        altitude = self._camera.altitude_m
        table = sky_columns(
            answers,
            self._camera.id,
            float("nan") if altitude is None else altitude,
            sky.calibration,
            self._unseen,
            repeated,
        )
        return table.assign(
            sky_model=np.full(len(table), sky.digest, dtype=object), sky_slots=np.asarray(seen.digest)
        )


class BatchSky:
    """What the camera-days of one batch share.

    Args:
        sky: The model.
        archive_root: Folder or URI of the archives.
        settings: Of the night.
    """

    def __init__(self, sky: NightSky, archive_root: str, settings: Settings) -> None:
        self._sky, self._root = sky, archive_root
        self._grids, self._tolerance_s = sky_grids(settings), settings.alignment.tolerance_s

    def begin(self, camera: Camera, rows: pd.DataFrame) -> SkyDay:
        """Frames that are about to be decoded.

        Args:
            camera: Which.
            rows: Of its archive.
        """
        return SkyDay(self._sky, camera, self._seen(camera, rows))

    def again(
        self,
        archive: CameraArchive,
        camera: Camera,
        rows: pd.DataFrame,
        recorded: pd.DataFrame,
        repeated: set[str],
    ) -> tuple[np.ndarray, pd.DataFrame]:
        """Answers of recorded frames of which the satellite shows something else by now; others stay.

        Args:
            archive: Of the camera.
            camera: Which.
            rows: Of the archive.
            recorded: The record's row of each, in the same order.
            repeated: Digests of pictures that came more than once.

        Returns:
            Which of them ``(n,)``, and their columns.
        """
        seen = self._seen(camera, rows)
        stale = seen.digest != recorded["sky_slots"].to_numpy(np.uint64)
        day = SkyDay(self._sky, camera, seen.rows(np.flatnonzero(stale)))
        qualities = iter(recorded.loc[stale, "image_luminance_quality_flag"])
        for piece, pictures in frames_of(archive, rows[stale]):
            day.follow(pictures, [next(qualities) for _ in range(len(piece))])
        return stale, day.table(rows.loc[stale, "sha256"].isin(repeated).to_numpy())

    def _seen(self, camera: Camera, rows: pd.DataFrame) -> SatelliteSeen:
        undated = (rows["quality_flag"].to_numpy(np.int64) & int(FrameFlag.TIME_IS_ORDER)) != 0
        times = np.where(undated, np.datetime64("NaT", "ns"), rows["time"].to_numpy("datetime64[ns]"))
        return satellite_seen(self._root, camera, times, self._grids, self._tolerance_s)
