"""The regular axis of nominal slot times: index = (time - epoch) / cadence, so that a slot has one place for good."""

from dataclasses import dataclass
from math import gcd

import numpy as np
import numpy.typing as npt

EPOCH = np.datetime64("2000-01-01", "ns")
_MINUTES_PER_DAY = 1440


@dataclass(frozen=True)
class SlotAxis:
    """Slots every ``cadence_minutes`` from 2000-01-01.

    Args:
        cadence_minutes: Must divide a day.

    Raises:
        ValueError: It does not.
    """

    cadence_minutes: int

    def __post_init__(self) -> None:
        if self.cadence_minutes < 1 or _MINUTES_PER_DAY % self.cadence_minutes:
            raise ValueError(f"a cadence of {self.cadence_minutes} minutes does not divide a day")

    @property
    def slots_per_day(self) -> int:
        """Slots in a UTC day."""
        return _MINUTES_PER_DAY // self.cadence_minutes

    @property
    def chunk_slots(self) -> int:
        """Slots read together: 8 where that divides a day, else the largest part of 8 that does."""
        return gcd(8, self.slots_per_day)

    def index(self, time: np.datetime64) -> int | None:
        """Place of a nominal time, or ``None`` where it is off the axis or before its start."""
        since = time.astype("datetime64[ns]") - EPOCH
        step = np.timedelta64(self.cadence_minutes, "m")
        if np.isnat(since) or since < np.timedelta64(0, "ns") or since % step:
            return None
        return int(since // step)

    def floor(self, time: np.datetime64) -> int:
        """Place of the last slot at or before a time; negative before the start of the axis."""
        step = np.timedelta64(self.cadence_minutes, "m")
        return int((time.astype("datetime64[ns]") - EPOCH) // step)

    def times(self, start: int, stop: int) -> npt.NDArray[np.datetime64]:
        """Nominal times of places ``start`` to ``stop``, datetime64[ns]."""
        step = np.timedelta64(self.cadence_minutes, "m").astype("timedelta64[ns]")
        times: npt.NDArray[np.datetime64] = EPOCH + np.arange(start, stop) * step
        return times

    def day_of(self, index: int) -> int:
        """Days since the epoch."""
        return index // self.slots_per_day
