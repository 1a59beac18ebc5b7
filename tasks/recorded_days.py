"""What the record holds of camera-days already, as a batch is staged."""

from collections.abc import Collection
from datetime import date

import numpy as np
import pandas as pd

from models.contracts.record import latest
from models.contracts.series import MODEL_CODES
from tasks.stores.results import ResultsRecord


class RecordedDays:
    """Days of the record, each read once, of the cameras of a batch alone.

    Args:
        record: Of all nights before.
        cameras: Ids.
    """

    def __init__(self, record: ResultsRecord, cameras: Collection[str]) -> None:
        self._record, self._cameras = record, frozenset(cameras)
        self._waiting: dict[date, dict[str, pd.DataFrame]] = {}

    def of(self, camera: str, day: date) -> pd.DataFrame:
        """The newest row of each frame of a camera-day: models by their digests, times as datetime64[ns].

        What was handed out is not kept: a camera-day is asked for once.
        """
        waiting = self._waiting.setdefault(day, {})
        if camera not in waiting:
            waiting |= self._read(np.datetime64(day, "ns"))
        return waiting.pop(camera)

    def _read(self, day: np.datetime64) -> dict[str, pd.DataFrame]:
        """By camera, of those of the batch all."""
        record = self._record
        if not record.exists:
            nothing = {"time": np.empty(0, "datetime64[ns]"), "camera": [], "frame_sha256": []}
            return {camera: pd.DataFrame(nothing) for camera in self._cameras}
        table = latest(record.observations(day, day + np.timedelta64(1, "D"), cameras=self._cameras))
        cameras, models = np.array(record.cameras(), object), record.models()["digest"].tolist()
        slots = table["slot_time"].to_numpy(np.int64).astype("datetime64[ms]").astype("datetime64[ns]")
        table = table.assign(
            camera=cameras[table["camera_index"].to_numpy()],
            slot_time=slots,
            **{name: [models[code] if code >= 0 else "" for code in table[name]] for name in MODEL_CODES},
        ).drop(columns=["camera_index", "run"])
        return {
            camera: table[table["camera"] == camera].reset_index(drop=True).copy() for camera in self._cameras
        }


def equal_rows(left: pd.DataFrame, right: pd.DataFrame) -> np.ndarray:
    """Rows that hold the same in every column of ``left``, two missing values among them."""
    same = np.ones(len(left), dtype=bool)
    for name in left:
        a, b = left[name].to_numpy(), right[name].to_numpy()
        same &= (a == b) | (pd.isna(a) & pd.isna(b))
    return same
