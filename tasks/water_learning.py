"""Where water comes and goes in a camera's view: learned once, from the first frames of it that can be judged.

Frames that wait for the site are in the record (``water_level`` is NOT_KNOWN) and in the batch. There must be
enough of them, from two days at least: one light teaches too little. Where no water is found in them, twice as many are
waited for, and so on; after that the camera is taken to have none in view.
"""

import math
from collections.abc import Sequence
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import pandas as pd

from models.contracts.flags import AlignmentReason, ValueFlag
from models.contracts.record import latest
from models.contracts.series import NO_CODE
from models.science.drift_values import READING_COLUMNS
from models.water import WaterMaps, WaterSite, learn_site
from tasks.drift_night import read_by_digest
from tasks.stores.camera_archive import CameraArchive
from tasks.stores.locks import local_path
from tasks.stores.results import ResultsRecord
from tasks.stores.water_sites import SiteOrigin, save_site
from tasks.water_values import LEVEL
from tasks.water_view import ShoreFrame, WaterView

FEWEST_FRAMES = 24
FEWEST_DAYS = 2
MOST_FRAMES = 96
"""A site is learned from no more, evenly chosen from those that wait."""
HISTORY_DAYS = 60
"""Frames of the record older than that do not teach any more."""
_STAGES = 6  # 24, 48, ... 768 frames
_COLUMNS = (
    *("camera_index", "time", "run", "frame_sha256", "slot_reason", "water_model", "drift_model", LEVEL.flag),
    *READING_COLUMNS,
)


class SiteSchool:
    """What the cameras of a batch have to learn their sites from.

    Args:
        archive_root: Folder or URI of the archives; sites lie in it.
        record: Of all nights before.
        since: First day of the batch.
        digest: Of the water model, hexadecimal.
    """

    def __init__(self, archive_root: str, record: ResultsRecord, since: date, digest: str) -> None:
        self._root, self._record, self._digest = archive_root, record, digest
        self._start = np.datetime64((since - timedelta(days=HISTORY_DAYS)).isoformat(), "ns")

    def learn(
        self, archive: CameraArchive, view: WaterView, waiting: Sequence[ShoreFrame], newest: int
    ) -> tuple[WaterSite | None, int]:
        """The site, once there are enough frames; it is stored.

        Args:
            archive: Of the camera.
            view: How its frames are looked at.
            waiting: Frames of the batch that wait for a site.
            newest: How many of them came with the last camera-day.

        Returns:
            The site and the first eight bytes of its digest; ``None`` and 0 where none is learned yet.
        """
        if local_path(self._root) is None:
            return None, 0  # sites are kept in folders: an archive in an object store has none
        before = self._waiting(archive.camera_id)
        frames = [*before, *waiting]
        if _stage(frames) <= _stage(frames[: len(frames) - newest]):
            return None, 0
        once = {frame.sha256: frame for frame in sorted(frames, key=lambda f: (f.time, f.sha256))}
        chosen = list(once.values())
        places = np.linspace(0, len(chosen) - 1, min(MOST_FRAMES, len(chosen))).round().astype(int)
        taught = [chosen[i] for i in places]
        maps = _maps(archive, view, taught)
        site = learn_site(list(maps.values()))
        if site is None:
            return None, 0
        kept = save_site(
            self._root, archive.camera_id, site, SiteOrigin(tuple(maps), self._digest, archive.snapshot_id())
        )
        return kept.site, int(kept.code)

    def _waiting(self, camera: str) -> list[ShoreFrame]:
        """Frames of earlier nights that wait."""
        rows = self._recorded
        return [_shore_frame(row) for row in rows[rows["camera"] == camera].to_dict("records")]

    @cached_property
    def _recorded(self) -> pd.DataFrame:
        if not self._record.exists:
            return pd.DataFrame({"camera": []})
        rows = latest(self._record.observations(self._start, columns=_COLUMNS))
        waits = (rows[LEVEL.flag] == int(ValueFlag.NOT_KNOWN)) & (rows["water_model"] != NO_CODE)
        names = np.array(self._record.cameras(), dtype=object)
        return rows[waits].assign(camera=names[rows.loc[waits, "camera_index"].to_numpy(np.int64)])


def _shore_frame(row: dict[str, object]) -> ShoreFrame:
    drift = None if row["drift_model"] == NO_CODE else pd.Series({n: row[n] for n in READING_COLUMNS})
    undated = row["slot_reason"] == int(AlignmentReason.NO_TIME)
    return ShoreFrame(str(row["frame_sha256"]), np.datetime64(row["time"], "ns"), drift, undated)


def _stage(frames: Sequence[ShoreFrame]) -> int:
    """How often it has been time to learn, with these frames; each time takes twice as many."""
    count = len({frame.sha256 for frame in frames})
    days = {frame.time.astype("datetime64[D]") for frame in frames if not frame.is_undated}
    if count < FEWEST_FRAMES or 0 < len(days) < FEWEST_DAYS:  # an undated group has no days
        return 0
    return min(_STAGES, 1 + int(math.log2(count / FEWEST_FRAMES)))


def _maps(archive: CameraArchive, view: WaterView, frames: Sequence[ShoreFrame]) -> dict[str, WaterMaps]:
    """What is seen in those of the frames that can still be read, by their digest."""
    rows, maps = archive.rows(), {}
    for frame in frames:
        picture = read_by_digest(archive, rows, frame.sha256)
        seen = None if picture is None else view.maps(picture, frame.drift)
        if seen is not None and seen[0].flag is ValueFlag.GOOD:
            maps[frame.sha256] = seen[0]
    return maps
