"""A sheet per camera whose water was looked at in the night: what a person looks at to believe it."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from models.contracts.flags import AlignmentReason, ValueFlag
from models.contracts.record import latest
from models.water import WaterModel, look
from tasks.camera_water import camera_water
from tasks.night_plan import NightPlan
from tasks.night_summary import NightSummary
from tasks.recorded_frames import recorded_frame
from tasks.stores.results import ResultsRecord
from tasks.water_drawing import MaskedFrame, draw_water_sheet
from tasks.water_gauge import gauge_readings
from tasks.water_night import load_water
from tasks.water_values import LEVEL, METRES, WATER_COLUMNS

HISTORY_DAYS = 60
"""Days of the series that a sheet shows."""

_COLUMNS = ("camera_index", "time", "run", "frame_sha256", "slot_reason", *WATER_COLUMNS)
_GOOD = int(ValueFlag.GOOD)


@dataclass(frozen=True)
class WaterSheet:
    """One camera's sheet.

    Attributes:
        camera: Id.
        path: JPEG, replaced every night that the water is looked at.
        frames: Looked at in this run.
        answered: Of them, with a good level.
        level: Of the newest good frame, in words.
        floods: In this run.
    """

    camera: str
    path: Path
    frames: int
    answered: int
    level: str
    floods: int

    @property
    def headline(self) -> str:
        """The sheet in one line."""
        floods = "; flood: see the report" if self.floods else ""
        return f"{self.camera}: water level {self.level}, {self.answered} of {self.frames} frames{floods}"


def write_water_sheets(plan: NightPlan, summary: NightSummary) -> list[WaterSheet]:
    """Draw the sheets of the cameras that have a water level, into ``water/`` beside the series.

    Returns:
        Sheets, those with floods first, then the worst answered.
    """
    loaded = load_water(plan.settings)
    if loaded is None:
        return []
    record = ResultsRecord(plan.results_uri)
    end = np.datetime64(summary.night, "ns") + np.timedelta64(1, "D")
    start = end - np.timedelta64(HISTORY_DAYS, "D")
    rows = latest(record.observations(start, end, _COLUMNS))
    rows = rows[rows["slot_reason"] != int(AlignmentReason.NO_TIME)]
    rows = rows[rows[LEVEL.flag] != int(ValueFlag.NOT_OBSERVED)]
    names, events = record.cameras(), record.water_events()
    folder = plan.published_root / "water"
    sheets = []
    for index, mine in rows.groupby("camera_index", sort=True):
        if (mine["run"] == summary.run).any() and (mine[LEVEL.flag] == _GOOD).any():
            folder.mkdir(parents=True, exist_ok=True)
            of_camera = events[events["camera"] == names[index]]
            path = folder / f"{names[index]}.jpg"
            model = camera_water(plan.archive_root, str(names[index]), *loaded).model
            sheets.append(_write(plan, model, path, mine, of_camera, summary.run))
    return sorted(sheets, key=lambda s: (not s.floods, s.answered / s.frames, s.camera))


def _write(
    plan: NightPlan, model: WaterModel, path: Path, rows: pd.DataFrame, events: pd.DataFrame, run: int
) -> WaterSheet:
    new, good = rows[rows["run"] == run], rows[rows[LEVEL.flag] == _GOOD]
    newest = good.iloc[-1]
    gauge = gauge_readings(plan.archive_root, plan.registry[path.stem])
    gauge = gauge[gauge["time"].between(rows["time"].min(), rows["time"].max())]
    shown = events.drop_duplicates("begin", keep="last")
    shown = shown[shown["end"].isna() | (shown["end"] >= rows["time"].min())]
    jpeg = draw_water_sheet(path.stem, rows, shown, gauge, _masked(plan, model, path.stem, newest))
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_bytes(jpeg)
    unfinished.replace(path)
    return WaterSheet(
        camera=path.stem,
        path=path,
        frames=len(new),
        answered=int((new[LEVEL.flag] == _GOOD).sum()),
        level=_words(newest),
        floods=int((events["run"] == run).sum()),
    )


def _masked(plan: NightPlan, model: WaterModel, camera: str, row: pd.Series) -> MaskedFrame | None:
    """The frame as it came, under the water that is seen in it."""
    found = recorded_frame(plan, camera, row["frame_sha256"])
    if found is None:
        return None
    picture, hidden = found
    if picture.dtype == np.uint16:
        picture = (picture >> 8).astype(np.uint8)
    (maps,) = look(model, [picture], hidden=[hidden])
    caption = f"{row['time']:%Y-%m-%d %H:%M} UTC, water level {_words(row)}; right: where water is seen"
    return MaskedFrame(picture, maps.mask(*picture.shape[:2]), caption)


def _words(row: pd.Series) -> str:
    metres = f" ({row[METRES.name]:.2f} m)" if row[METRES.flag] == _GOOD else ""
    return f"{row[LEVEL.name]:.2f} +- {row[LEVEL.uncertainty]:.2f}{metres}"
