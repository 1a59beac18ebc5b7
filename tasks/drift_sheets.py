"""A sheet per camera whose line of sight was followed in the night: what a person looks at to believe it."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from models.contracts.flags import AlignmentReason, ValueFlag
from models.contracts.record import latest
from models.science.drift_events import DriftEvent
from models.science.drift_values import DRIFT_COLUMNS, pose_of_values
from models.science.line_of_sight import Lens
from tasks.drift_drawing import draw_sheet
from tasks.drift_overlay import Overlay, overlay_of
from tasks.night_plan import NightPlan
from tasks.night_summary import NightSummary
from tasks.recorded_frames import recorded_frame
from tasks.stores.results import ResultsRecord

HISTORY_DAYS = 60
"""Days of the series that a sheet shows."""

_COLUMNS = [
    "camera_index",
    "time",
    "run",
    "frame_sha256",
    "slot_reason",
    "image_luminance",
    "drift_reference",
]
_GOOD = int(ValueFlag.GOOD)
_LIT = 0.15  # mean luminance from which a person sees the outlines


@dataclass(frozen=True)
class DriftSheet:
    """One camera's sheet.

    Attributes:
        camera: Id.
        path: JPEG, replaced every night that the camera is followed.
        frames: Followed in this run.
        answered: Of them, with a good pose.
        drift_px: Of the newest good frame; NaN where there is none.
        drift_px_uncertainty: One standard error.
        events: Confirmed in this run, in words.
    """

    camera: str
    path: Path
    frames: int
    answered: int
    drift_px: float
    drift_px_uncertainty: float
    events: str

    @property
    def headline(self) -> str:
        """The sheet in one line."""
        known = f"{self.drift_px:.1f} +- {self.drift_px_uncertainty:.1f} px" if self.answered else "not known"
        return f"{self.camera}: drift {known}, {self.answered} of {self.frames} frames; {self.events or 'no event'}"


def write_drift_sheets(plan: NightPlan, summary: NightSummary) -> list[DriftSheet]:
    """Draw the sheets of the cameras that this run followed, into ``drift/`` beside the series.

    Returns:
        Sheets, those with events first, then the worst answered.
    """
    record = ResultsRecord(plan.results_uri)
    end = np.datetime64(summary.night, "ns") + np.timedelta64(1, "D")
    start = end - np.timedelta64(HISTORY_DAYS, "D")
    rows = latest(record.observations(start, end, [*_COLUMNS, *DRIFT_COLUMNS]))
    dated = rows["slot_reason"] != int(AlignmentReason.NO_TIME)
    rows = rows[dated & (rows["pan_px_quality_flag"] != int(ValueFlag.NOT_OBSERVED))]
    names, events, keyframes = record.cameras(), record.drift_events(), record.keyframes()
    events = events[(events["time"] >= start) & (events["time"] < end)]
    folder = plan.published_root / "drift"
    folder.mkdir(parents=True, exist_ok=True)
    sheets = []
    for index, mine in rows.groupby("camera_index", sort=True):
        if (mine["run"] == summary.run).any():
            camera = names[index]
            of_camera = keyframes[(keyframes["camera"] == camera) & (keyframes["is_reference"] == 1)]
            sheet = _Camera(plan, camera, mine, events[events["camera"] == camera], of_camera)
            sheets.append(sheet.write(folder / f"{camera}.jpg", summary.run))
    return sorted(
        sheets, key=lambda s: (not s.events, s.answered / s.frames, -np.nan_to_num(s.drift_px), s.camera)
    )


class _Camera:
    """What a sheet is made from: rows of the record of one camera, its events and references."""

    def __init__(
        self, plan: NightPlan, camera: str, rows: pd.DataFrame, events: pd.DataFrame, references: pd.DataFrame
    ) -> None:
        self.plan, self.camera, self.rows, self.events = plan, camera, rows, events
        self.hfov_deg = plan.registry[camera].hfov_deg
        self.references = {int(row.frame_sha256[:16], 16): row for row in references.itertuples()}

    def write(self, path: Path, run: int) -> DriftSheet:
        """Draw the sheet and put it in its place."""
        new = self.rows[self.rows["run"] == run]
        good = new[new["drift_px_quality_flag"] == _GOOD]
        events = [DriftEvent.from_row(row) for row in self.events.to_dict("records")]
        overlay = self._overlay(good)
        unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        unfinished.write_bytes(draw_sheet(self.camera, self.rows, events, self._lens(), overlay))
        unfinished.replace(path)
        last = good.iloc[-1] if len(good) else None
        return DriftSheet(
            camera=self.camera,
            path=path,
            frames=len(new),
            answered=len(good),
            drift_px=float("nan") if last is None else float(last["drift_px"]),
            drift_px_uncertainty=float("nan") if last is None else float(last["drift_px_uncertainty"]),
            events=", ".join(_words(row) for row in self.events[self.events["run"] == run].itertuples()),
        )

    def _lens(self) -> Lens | None:
        newest = self.references.get(int(self.rows["drift_reference"].iloc[-1]))
        return None if newest is None else Lens.of(newest.width, newest.height, self.hfov_deg)

    def _overlay(self, good: pd.DataFrame) -> Overlay | None:
        """Of the frame that moved furthest, if possible one that is not dark: it shows most."""
        lit = good[good["image_luminance"] >= _LIT]
        chosen = (lit if len(lit) else good).sort_values("drift_px", kind="stable")
        if chosen.empty:
            return None
        row = chosen.iloc[-1]
        reference = self.references.get(int(row["drift_reference"]))
        known = pose_of_values(row)
        if reference is None or known is None:
            return None
        first = recorded_frame(self.plan, self.camera, reference.frame_sha256)
        second = recorded_frame(self.plan, self.camera, row["frame_sha256"])
        if first is None or second is None:
            return None
        caption = f"{row['time']:%Y-%m-%d %H:%M} UTC, drift {row['drift_px']:.1f} px"
        return overlay_of(
            first[0], second[0], known[0], hfov_deg=self.hfov_deg, hidden=first[1], caption=caption
        )


def _words(event: Any) -> str:
    size = "" if np.isnan(event.drift_px) else f" of {event.drift_px:.1f} px"
    return f"{event.kind}{size} at {event.time:%Y-%m-%d %H:%M}"
