"""What the record holds of camera-days already, as a batch is staged."""

from datetime import date

import numpy as np
import pandas as pd

from models.contracts.record import latest
from models.contracts.series import MODEL_CODES
from tasks.stores.results import ResultsRecord


class RecordedDays:
    """Days of the record, each read once.

    Args:
        record: Of all nights before.
    """

    def __init__(self, record: ResultsRecord) -> None:
        self._record = record
        self._days: dict[date, pd.DataFrame] = {}

    def of(self, camera: str, day: date) -> pd.DataFrame:
        """The newest row of each frame of a camera-day: models by their digests, times as datetime64[ns]."""
        if day not in self._days:
            self._days[day] = self._read(np.datetime64(day, "ns"))
        table = self._days[day]
        return table[table["camera"] == camera].reset_index(drop=True)

    def _read(self, day: np.datetime64) -> pd.DataFrame:
        record = self._record
        if not record.exists:
            return pd.DataFrame(columns=["camera", "time", "frame_sha256"]).astype({"time": "datetime64[ns]"})
        table = latest(record.observations(day, day + np.timedelta64(1, "D")))
        cameras, models = np.array(record.cameras(), object), record.models()["digest"].tolist()
        slots = table["slot_time"].to_numpy(np.int64).astype("datetime64[ms]").astype("datetime64[ns]")
        table = table.assign(
            camera=cameras[table["camera_index"].to_numpy()],
            slot_time=slots,
            **{name: [models[code] if code >= 0 else "" for code in table[name]] for name in MODEL_CODES},
        )
        return table.drop(columns=["camera_index", "run"])


def equal_rows(left: pd.DataFrame, right: pd.DataFrame) -> np.ndarray:
    """Rows that hold the same in every column of ``left``, two missing values among them."""
    same = np.ones(len(left), dtype=bool)
    for name in left:
        a, b = left[name].to_numpy(), right[name].to_numpy()
        same &= (a == b) | (pd.isna(a) & pd.isna(b))
    return same
