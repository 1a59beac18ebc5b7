"""Clouds in a night: the frames of a camera-day beside the last satellite slots, answered in pieces.

The satellite is read first. What the model was given of it has a digest, which is recorded: a frame is answered again
only where a late or changed slot makes it another one.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd
import torch

from models.contracts.flags import FrameFlag, ValueFlag
from models.contracts.sky_batch import SkyInputs
from models.science.visible_scene import visible_scene
from models.sky import predict_sky
from tasks.cloud_moments import resized
from tasks.frame_reading import frames_of
from tasks.registry import Camera
from tasks.settings import Settings
from tasks.sky_night import CIVIL_TWILIGHT_DEG, NightSky, sky_grids
from tasks.sky_satellite import SatelliteSeen, satellite_seen
from tasks.sky_values import no_sky, sky_columns
from tasks.stores.camera_archive import CameraArchive
from tasks.stores.privacy import Polygon, hidden_pixels

ROWS_AT_ONCE = 500
"""Frames whose pictures and satellite patches are in memory together: 45 MB; an undated group may have thousands."""


class SkyPiece:
    """Frames of one camera that are answered together: the satellite first, pictures as they are decoded.

    Args:
        sky: The model.
        camera: Which.
        seen: What the satellite showed at the frames.
        polygon: What is blacked out in the pictures.
    """

    def __init__(self, sky: NightSky, camera: Camera, seen: SatelliteSeen, polygon: Polygon = ()) -> None:
        self._sky, self._camera, self._seen, self._polygon = sky, camera, seen, polygon
        count = len(seen.digest)
        self._pictures = np.zeros((count, 3, *sky.model.config.picture_size), np.uint8)
        self._there = np.zeros(count, bool)
        self._unseen = np.full(count, int(ValueFlag.NOT_OBSERVED))
        self._next = 0

    @property
    def full(self) -> bool:
        """Whether all its frames came."""
        return self._next == len(self._there)

    def follow(self, picture: np.ndarray | None, quality: ValueFlag) -> None:
        """Take the next frame, as `SkyDay.follow` does."""
        place, self._next = self._next, self._next + 1
        flag = self._why_unseen(place, picture, quality)
        scene = None
        if picture is not None and flag is None:
            scene = visible_scene(picture, hidden_pixels(picture, self._polygon))
        self._unseen[place] = int(ValueFlag.ABSTAINED if flag is None else flag)
        if scene is not None:
            smaller = resized(scene, self._pictures.shape[2:])
            self._pictures[place] = np.round(smaller * 255).astype(np.uint8)
            self._there[place] = True

    def _why_unseen(self, place: int, picture: np.ndarray | None, quality: ValueFlag) -> ValueFlag | None:
        """Why a picture shows nothing of the clouds, or ``None``."""
        if picture is None:
            return ValueFlag.FAILED
        if quality in (ValueFlag.DARK, ValueFlag.ABSTAINED):  # the latter: one flat tone
            return quality
        return ValueFlag.DARK if self._seen.sun_elevation_deg[place] < CIVIL_TWILIGHT_DEG else None

    def table(self, repeated: np.ndarray) -> pd.DataFrame:
        """A row per frame, in order.

        Args:
            repeated: Frames ``(n,)`` whose picture came more than once.
        """
        if not self.full:
            raise ValueError(f"{self._next} of {len(self._there)} frames were followed")
        seen, sky = self._seen, self._sky
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


class SkyDay:
    """Frames of one camera, however many: each piece is begun with its first frame, and answered with its last.

    Args:
        repeated: Frames ``(n,)`` whose picture came more than once.
        begin: Begins the piece of some places.
    """

    def __init__(self, repeated: np.ndarray, begin: Callable[[slice], SkyPiece]) -> None:
        self._repeated, self._begin = repeated, begin
        self._piece: SkyPiece | None = None
        self._places = iter(_cut(len(repeated)))
        self._of_piece = slice(0, 0)
        self._tables: list[pd.DataFrame] = []

    def follow(self, pictures: Sequence[np.ndarray | None], qualities: Sequence[float]) -> None:
        """Take the next frames.

        Args:
            pictures: ``None`` where one cannot be read.
            qualities: Published flag of each picture's luminance.
        """
        for picture, quality in zip(pictures, qualities, strict=True):
            if self._piece is None:
                self._of_piece = next(self._places)
                self._piece = self._begin(self._of_piece)
            self._piece.follow(picture, ValueFlag(int(quality)))
            if self._piece.full:
                self._tables.append(self._piece.table(self._repeated[self._of_piece]))
                self._piece = None

    def table(self) -> pd.DataFrame:
        """A row per frame, in order."""
        table = pd.concat(self._tables, ignore_index=True) if self._tables else no_sky(0)
        if len(table) != len(self._repeated):
            raise ValueError(f"of {len(self._repeated)} frames {len(table)} were answered")
        return table


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

    def begin(self, camera: Camera, rows: pd.DataFrame, repeated: set[str], polygon: Polygon = ()) -> SkyDay:
        """Frames that are about to be decoded.

        Args:
            camera: Which.
            rows: Of its archive.
            repeated: Digests of pictures that came more than once.
            polygon: What its archive blacks out.
        """
        frozen = rows["sha256"].isin(repeated).to_numpy()
        return SkyDay(frozen, lambda of: SkyPiece(self._sky, camera, self._seen(camera, rows[of]), polygon))

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
        stale, tables, polygon = np.zeros(len(rows), bool), [no_sky(0)], archive.privacy()
        for of in _cut(len(rows)):
            seen = self._seen(camera, rows[of])
            here = stale[of] = seen.digest != recorded["sky_slots"].to_numpy(np.uint64)[of]
            piece = SkyPiece(self._sky, camera, seen.rows(np.flatnonzero(here)), polygon)
            qualities = iter(recorded[of].loc[here, "image_luminance_quality_flag"])
            for _, pictures in frames_of(archive, rows[of][here]):
                for picture in pictures:
                    piece.follow(picture, ValueFlag(int(next(qualities))))
            if here.any():
                tables.append(piece.table(rows[of].loc[here, "sha256"].isin(repeated).to_numpy()))
        return stale, pd.concat(tables[1:] or tables, ignore_index=True)

    def _seen(self, camera: Camera, rows: pd.DataFrame) -> SatelliteSeen:
        undated = (rows["quality_flag"].to_numpy(np.int64) & int(FrameFlag.TIME_IS_ORDER)) != 0
        times = np.where(undated, np.datetime64("NaT", "ns"), rows["time"].to_numpy("datetime64[ns]"))
        return satellite_seen(self._root, camera, times, self._grids, self._tolerance_s)


def _cut(count: int) -> Iterator[slice]:
    """Places of frames that are answered together."""
    return (slice(start, min(start + ROWS_AT_ONCE, count)) for start in range(0, count, ROWS_AT_ONCE))
