"""Flood alerts in a night: each camera's rule, what the alert remembers from night to night, and its events as rows."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from models.contracts.flags import ValueFlag
from models.science.gauge_matching import level_of_metres, levels_per_metre
from models.science.level_alert import AlertRule, AlertState, FloodEvent, NightAlerts, as_rows, follow_levels
from tasks.registry import Camera
from tasks.settings import WaterSettings
from tasks.stores.results import ResultsRecord
from tasks.water_gauge import NightMetres
from tasks.water_values import ALERT, LEVEL, PROBABILITY, fill

_TIMES = ("begin", "confirmed_at", "end", "ended_at", "peak_at", "last", "asking_since")


class FloodWatch:
    """What the alerts of a batch's cameras remember, and what they say.

    Args:
        record: Of all nights before.
        settings: Probabilities, margins and the network's flood level.
    """

    def __init__(self, record: ResultsRecord, settings: WaterSettings) -> None:
        self._record, self._settings = record, settings
        self._states: dict[str, AlertState] = {}
        self._events: dict[tuple[str, np.datetime64], dict[str, Any]] = {}

    def judge(
        self,
        camera: Camera,
        table: pd.DataFrame,
        times: np.ndarray,
        doubtful: np.ndarray,
        gauge: NightMetres,
    ) -> None:
        """Fill in probability and alert of a day's frames.

        A picture that came more than once is one picture: it does not agree with itself.

        Args:
            camera: Which.
            table: Columns of the day's frames, with their levels.
            times: UTC, datetime64[ns] ``(n,)``; NaT where a frame is not dated.
            doubtful: Frames that nobody is to be alarmed by ``(n,)``.
            gauge: Of the camera.
        """
        rule = self._rule(camera, gauge)
        if rule is None:
            if camera.flood_level_m is not None and gauge.fit.method.is_fit:
                _refuse(table, ValueFlag.OUTSIDE_READINGS)
            return
        level = np.where(doubtful | np.isnat(times), np.nan, table[LEVEL.name].to_numpy(np.float64))
        sigma = self._errors(table[LEVEL.uncertainty].to_numpy(np.float64), gauge)
        state, said = follow_levels(self._state(camera.id), rule, times, level, sigma)
        self._states[camera.id] = state
        provenance = {name: table[name].iloc[0] for name in ("water_model", "water_site")}
        for event in said.events:
            self._events[camera.id, event.begin] = self._row(camera, event, rule, gauge) | provenance
        _fill(table, said)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Rows to record, by table; none of the tables is empty."""
        states = [{"camera": camera, **state.to_columns()} for camera, state in self._states.items()]
        tables = {"water_states": states, "water_events": list(self._events.values())}
        return {name: _with_times(rows) for name, rows in tables.items() if rows}

    def _rule(self, camera: Camera, gauge: NightMetres) -> AlertRule | None:
        """In levels, whichever way the flood level is given: a level beyond the readings is still above one of them."""
        threshold, margin = float("nan"), self._settings.flood_margin
        if camera.flood_level_m is not None:
            threshold = level_of_metres(gauge.fit, camera.flood_level_m)
            margin = self._settings.flood_margin_m * levels_per_metre(gauge.fit)
        if np.isnan(threshold) or np.isnan(margin):
            margin = self._settings.flood_margin
            known = camera.flood_level if camera.flood_level is not None else self._settings.flood_level
            threshold = float("nan") if known is None else known
        if np.isnan(threshold):
            return None
        return AlertRule(
            threshold,
            margin,
            self._settings.begin_probability,
            self._settings.end_probability,
            self._settings.agree_within_h,
        )

    @staticmethod
    def _errors(sigma: np.ndarray, gauge: NightMetres) -> np.ndarray:
        """Standard errors of the levels; what the gauge says of them where that is more."""
        of_gauge = gauge.metres.interval.sigma * levels_per_metre(gauge.fit)
        return np.fmax(sigma, np.nanmax(of_gauge)) if np.isfinite(of_gauge).any() else sigma

    def _state(self, camera: str) -> AlertState:
        if camera not in self._states:
            known = self._recorded.get(camera)
            self._states[camera] = AlertState() if known is None else AlertState.from_columns(known)
        return self._states[camera]

    @cached_property
    def _recorded(self) -> Mapping[str, dict[str, Any]]:
        return {str(row["camera"]): row for row in self._record.water_states().to_dict("records")}

    @staticmethod
    def _row(camera: Camera, event: FloodEvent, rule: AlertRule, gauge: NightMetres) -> dict[str, Any]:
        (row,) = as_rows([event])
        return {
            **row,
            "camera": camera.id,
            "peak_m": float(gauge.fit.convert([event.peak]).value[0]),
            "flood_level": rule.threshold,
            "flood_level_m": float(gauge.fit.convert([rule.threshold]).value[0]),
        }


def _with_times(rows: list[dict[str, Any]]) -> pd.DataFrame:
    table = pd.DataFrame(rows)
    return table.astype({name: "datetime64[ns]" for name in _TIMES if name in table})


def _refuse(table: pd.DataFrame, flag: ValueFlag) -> None:
    """Say why there is no alert for frames that have a level."""
    answered = (table[LEVEL.flag] == int(ValueFlag.GOOD)).to_numpy()
    for quantity in (PROBABILITY, ALERT):
        table.loc[answered, quantity.flag] = float(flag)


def _fill(table: pd.DataFrame, said: NightAlerts) -> None:
    """What was said, frame by frame.

    A frame that shows nothing carries the alert on, in doubt; of one that comes late nothing is said.
    """
    chance = said.probability
    known, level_flag = np.isfinite(chance), table[LEVEL.flag].to_numpy(np.float64)
    withheld = np.where(level_flag == int(ValueFlag.GOOD), float(ValueFlag.DOUBTFUL), level_flag)
    fill(table, PROBABILITY.name, value=chance, flag=np.where(known, float(ValueFlag.GOOD), withheld))
    flag = np.where(known, float(ValueFlag.GOOD), float(ValueFlag.DOUBTFUL))
    flag = np.where(said.judged, flag, float(ValueFlag.ABSTAINED))
    failed = level_flag == int(ValueFlag.FAILED)
    value = np.where(said.judged & ~failed, said.flood, np.nan)
    fill(table, ALERT.name, value=value, flag=np.where(failed, level_flag, flag))
