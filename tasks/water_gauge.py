"""Metres for a night's levels: the gauge readings of a camera's labels, met with the levels that were recorded."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from models.contracts.flags import ValueFlag
from models.contracts.labels import newest_gauge
from models.contracts.record import latest
from models.contracts.series import NO_CODE
from models.science.gauge_matching import WITHIN, nearest_frames
from models.science.level_metres import Metres, MetresFit, fit_metres
from tasks.registry import Camera
from tasks.stores.labels import LabelStore
from tasks.stores.results import ResultsRecord
from tasks.water_values import LEVEL

_COLUMNS = ["camera_index", "time", "run", "water_model", "water_site", LEVEL.name, LEVEL.flag]


@dataclass(frozen=True)
class NightMetres:
    """Levels of a day in metres.

    Attributes:
        fit: Of the camera's readings up to then.
        metres: Of the levels.
        code: First eight bytes of the SHA-256 of the readings and of the levels that they met; 0 without a conversion.
    """

    fit: MetresFit
    metres: Metres
    code: int


class WaterGauge:
    """What the cameras of a batch know of their gauges.

    Args:
        archive_root: Folder or URI of the archives; labels lie in it.
        record: Of all nights before.
        cameras: Those of the batch.
    """

    def __init__(self, archive_root: str, record: ResultsRecord, cameras: Sequence[Camera]) -> None:
        self._record = record
        self._readings = {camera.id: gauge_readings(archive_root, camera) for camera in cameras}
        self._new: dict[tuple[str, str, int], list[pd.DataFrame]] = {}

    def metres(
        self, camera: str, model: str, site: int, times: np.ndarray, levels: np.ndarray
    ) -> NightMetres:
        """The levels of a day in metres, by all readings up to the end of it.

        Args:
            camera: Id.
            model: Digest of the weights; levels of other ones are not met with readings.
            site: First eight bytes of the digest of the site that the levels are relative to.
            times: UTC, datetime64[ns] ``(n,)``; NaT where a frame is not dated.
            levels: NaN where there is none ``(n,)``.
        """
        readings = self._readings[camera]
        if readings.empty or np.isnat(times).all():
            fit = fit_metres([], [])
            return NightMetres(fit, fit.convert(levels), 0)
        self._new.setdefault((camera, model, site), []).append(pd.DataFrame({"time": times, "level": levels}))
        known = self._levels(camera, model, site)
        until = np.nanmax(times) + WITHIN
        readings = readings[readings["time"] <= until]
        place = nearest_frames(known["time"].to_numpy(), readings["time"].to_numpy())
        met = readings[place >= 0]
        at = known["level"].to_numpy(np.float64)[place[place >= 0]]
        days = met["time"].to_numpy("datetime64[D]").astype(str)
        fit = fit_metres(at, met["level_m"].to_numpy(np.float64), list(days))
        code = _code(met, at) if fit.method.is_fit else 0
        return NightMetres(fit, fit.convert(levels, half_width_m=fit.half_width_m()), code)

    def _levels(self, camera: str, model: str, site: int) -> pd.DataFrame:
        """Good levels of a camera by a model, relative to a site, each time once, in order."""
        recorded = self._recorded
        mine = recorded[(recorded["camera"] == camera) & (recorded["water_site"] == site)]
        mine = mine[mine["model"] == model]
        parts = [mine[["time", "level"]], *self._new[camera, model, site]]
        known = pd.concat([part for part in parts if len(part)]).dropna()
        return known.drop_duplicates("time", keep="last").sort_values("time", ignore_index=True)

    @cached_property
    def _recorded(self) -> pd.DataFrame:
        """Good levels of the batch's cameras around the readings, by whichever model."""
        nothing = pd.DataFrame({"camera": [], "time": [], "level": [], "water_site": [], "model": []})
        times = np.concatenate(
            [table["time"].to_numpy("datetime64[ns]") for table in self._readings.values() if len(table)]
        )
        if not self._record.exists:
            return nothing
        models = self._record.models()["digest"]
        rows = latest(self._record.observations(times.min() - WITHIN, times.max() + 2 * WITHIN, _COLUMNS))
        rows = rows[(rows["water_model"] != NO_CODE) & (rows[LEVEL.flag] == int(ValueFlag.GOOD))]
        rows = rows.assign(model=models.loc[rows["water_model"]].to_numpy(object))
        names = np.array(self._record.cameras(), dtype=object)
        rows = rows.assign(camera=names[rows["camera_index"].to_numpy(np.int64)], level=rows[LEVEL.name])
        return rows[rows["camera"].isin(list(self._readings))]


def gauge_readings(archive_root: str, camera: Camera) -> pd.DataFrame:
    """The readings of a camera's gauge: ``time`` and ``level_m``, in order of time; empty where none can be told.

    Of several stations that of the registry's ``gauge_id`` counts, of several datums that of the newest import:
    readings above different ones are not one series.
    """
    store = LabelStore(archive_root, camera.id)
    readings = newest_gauge(store.gauge()) if store.exists else pd.DataFrame()
    if readings.empty:
        return pd.DataFrame({"time": np.empty(0, "datetime64[ns]"), "level_m": np.empty(0)})
    stations = set(readings["station"])
    if camera.gauge_id in stations:
        readings = readings[readings["station"] == camera.gauge_id]
    elif len(stations) > 1:
        readings = readings.iloc[:0]
    newest = readings.sort_values("import_index", kind="stable")["datum"].tail(1)
    readings = readings[readings["datum"].isin(newest)]
    return readings[["time", "level_m"]].sort_values("time", ignore_index=True)


def _code(met: pd.DataFrame, levels: np.ndarray) -> int:
    times = met["time"].to_numpy("datetime64[ms]").astype("<i8")
    values = [array.astype("<f8").tobytes() for array in (met["level_m"].to_numpy(), levels)]
    return int.from_bytes(hashlib.sha256(b"".join([times.tobytes(), *values])).digest()[:8], "big")
