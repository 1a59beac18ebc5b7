"""A sheet per camera-day whose sky was asked about: what a person looks at to believe the answers."""

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image

from models.contracts.flags import AlignmentReason
from models.contracts.record import latest
from models.contracts.sky_answers import SkySource
from models.contracts.sky_batch import SATELLITE_FEATURES
from models.contracts.sky_masks import CloudClass, SurfaceClass
from models.science.cloud_codes import OKTA
from models.science.visible_scene import visible_scene
from tasks.cloud_moments import resized
from tasks.errors import StoreError
from tasks.night_plan import NightPlan
from tasks.night_summary import NightSummary
from tasks.recorded_frames import recorded_frame
from tasks.registry import Camera
from tasks.sky_drawing import SkyFrame, draw_sky_sheet
from tasks.sky_night import NightSky, load_sky, sky_grids
from tasks.sky_satellite import SatelliteSeen, satellite_seen
from tasks.sky_values import SKY_COLUMNS
from tasks.sky_words import amount_words, sky_lines
from tasks.stores.results import ResultsRecord

DAYS_DRAWN = 3
"""Of one camera in one night, the newest: a first night may bring years."""
SHEETS = 50
"""Drawn in one night at most, the worst answered camera-days first."""
LONG_SIDE_PX = 480
"""Of the pictures on a sheet: larger ones cost seconds, and are drawn no larger."""
_COLUMNS = ("camera_index", "time", "run", "frame_sha256", "slot_reason", *SKY_COLUMNS)
_PICTURED = (int(SkySource.CAMERA), int(SkySource.BOTH))

_log = logging.getLogger("vigie.report")


@dataclass(frozen=True)
class SkySheet:
    """The sheet of one camera-day.

    Attributes:
        camera: Id.
        path: PNG, replaced where a frame of the day is answered again.
        frames: Of the day.
        answered: Of them, with an N.
        newest: The last answer, in words.
    """

    camera: str
    path: Path
    frames: int
    answered: int
    newest: str

    @property
    def headline(self) -> str:
        """The sheet in one line."""
        return f"{self.camera}: {self.newest}, {self.answered} of {self.frames} frames answered"


def write_sky_sheets(plan: NightPlan, summary: NightSummary) -> list[SkySheet]:
    """Draw sheets of the camera-days that were answered in this run, into ``clouds/`` beside the series.

    No more than `SHEETS`, the worst answered first. An archive that cannot be read costs its sheets alone.

    Returns:
        Of each camera the newest, the worst answered first.
    """
    sky = load_sky(plan.settings)
    if sky is None:
        return []
    days = sorted(_answered_days(plan, summary), key=lambda day: (day.share, day.camera.id, day.day))
    if len(days) > SHEETS:
        _log.warning("sheets of clouds: %d of %d camera-days, the worst answered", SHEETS, len(days))
    sheets: dict[str, SkySheet] = {}
    for day in sorted(days[:SHEETS], key=lambda day: day.day):
        try:
            sheets[day.camera.id] = _write(plan, sky, day)
        except (StoreError, OSError):
            _log.exception("camera %s, %s: no sheet of clouds", day.camera.id, day.day)
    return sorted(sheets.values(), key=lambda s: (s.answered / s.frames, s.camera))


@dataclass(frozen=True)
class _Day:
    """A camera-day, with its rows of the record."""

    camera: Camera
    day: pd.Timestamp
    rows: pd.DataFrame

    @property
    def answered(self) -> int:
        """Frames with an N."""
        return int(self.rows[OKTA.name].notna().sum())

    @property
    def share(self) -> float:
        """Of them among all."""
        return self.answered / len(self.rows)


def _answered_days(plan: NightPlan, summary: NightSummary) -> Iterator[_Day]:
    """Camera-days of which this run answered a frame."""
    record = ResultsRecord(plan.results_uri)
    end = np.datetime64(summary.night, "ns") + np.timedelta64(1, "D")
    rows = latest(record.observations(end - np.timedelta64(DAYS_DRAWN, "D"), end, _COLUMNS))
    rows = rows[rows["slot_reason"] != int(AlignmentReason.NO_TIME)]
    rows = rows.assign(day=rows["time"].dt.floor("D"))
    names = record.cameras()
    for (index, day), mine in rows.groupby(["camera_index", "day"], sort=True):
        here = (mine["run"] == summary.run) & (mine["sky_model"] >= 0)
        if here.any() and (mine["cloud_source"] != int(SkySource.NONE)).any():
            yield _Day(plan.registry[names[index]], pd.Timestamp(day), mine)


def _write(plan: NightPlan, sky: NightSky, of: _Day) -> SkySheet:
    camera, day, rows = of.camera, of.day, of.rows
    answered = rows[rows["cloud_source"] != int(SkySource.NONE)]
    chosen = chosen_frames(answered)
    times = chosen["time"].to_numpy("datetime64[ns]")
    tolerance_s = plan.settings.alignment.tolerance_s
    seen = satellite_seen(plan.archive_root, camera, times, sky_grids(plan.settings), tolerance_s)
    frames = [_frame(plan, sky, camera, row, seen, place) for place, (_, row) in enumerate(chosen.iterrows())]
    sheet = SkySheet(
        camera.id,
        plan.published_root / "clouds" / f"{camera.id}-{day:%Y-%m-%d}.png",
        len(rows),
        of.answered,
        f"{answered['time'].iloc[-1]:%H:%M} UTC {amount_words(answered.iloc[-1])}",
    )
    counts = f"{sheet.answered} of {sheet.frames} frames answered"
    title = f"{camera.id}, {day:%Y-%m-%d} UTC: clouds of the full dome, {counts}"
    sheet.path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = sheet.path.with_name(f".{sheet.path.name}.{os.getpid()}")
    unfinished.write_bytes(draw_sky_sheet(title, rows, frames))
    unfinished.replace(sheet.path)
    return sheet


def chosen_frames(answered: pd.DataFrame) -> pd.DataFrame:
    """The first frame with a picture that was looked at, the one in the middle of the day, and the last.

    Where no picture was: of all that are answered.
    """
    pictured = answered[answered["cloud_source"].isin(_PICTURED)]
    of = pictured if len(pictured) else answered
    half = of["time"].iloc[0] + (of["time"].iloc[-1] - of["time"].iloc[0]) / 2
    middle = int(np.argmin(np.abs((of["time"] - half).to_numpy())))
    return of.iloc[sorted({0, middle, len(of) - 1})].reset_index(drop=True)


def _frame(
    plan: NightPlan, sky: NightSky, camera: Camera, row: pd.Series, seen: SatelliteSeen, place: int
) -> SkyFrame:
    picture, hidden = recorded_frame(plan, camera.id, row["frame_sha256"]) or (None, None)
    if picture is not None:
        picture, hidden = reduced(picture, hidden)
    looked = picture is not None and int(row["cloud_source"]) in _PICTURED
    newest = int(np.flatnonzero(seen.present[place].numpy())[-1]) if seen.present[place].any() else None
    planes = (
        None
        if newest is None
        else dict(zip(SATELLITE_FEATURES, seen.planes[place, newest].numpy(), strict=True))
    )
    by_mask = planes is not None and not np.isfinite(planes["ct"]).any()
    return SkyFrame(
        title=f"{row['time']:%H:%M:%S} UTC",
        picture=picture,
        mask=sky_mask(sky, picture, hidden) if looked and picture is not None else None,
        types=None if planes is None else planes["cma" if by_mask else "ct"],
        by_mask=by_mask,
        tops_m=None if planes is None else planes["ctth_alti"],
        slot="" if newest is None else _scanned(float(seen.age_s[place, newest])),
        lines=sky_lines(row),
    )


def reduced(picture: np.ndarray, hidden: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
    """A picture ``(y, x, 3)`` of 8 bits, `LONG_SIDE_PX` long at most, and what is hidden in any part of a pixel."""
    if picture.dtype == np.uint16:
        picture = (picture >> 8).astype(np.uint8)
    scale = LONG_SIDE_PX / max(picture.shape[:2])
    if scale >= 1:
        return picture, hidden
    size = tuple(max(1, round(scale * n)) for n in picture.shape[1::-1])
    smaller = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))
    if hidden is None:
        return smaller, None
    share = Image.fromarray(hidden.astype(np.float32)).resize(size, Image.Resampling.BOX)
    return smaller, np.asarray(share) > 0


def _scanned(age_s: float) -> str:
    return f"scanned {abs(age_s) / 60:.0f} min {'later' if age_s < 0 else 'before'}"


@torch.inference_mode()
def sky_mask(sky: NightSky, picture: np.ndarray, hidden: np.ndarray | None) -> np.ndarray:
    """What the model's camera encoder sees, by `tasks.sky_drawing.MASK_COLOURS`, at the picture's own size.

    Nothing where all of it is hidden.
    """
    scene = visible_scene(picture, hidden)
    if scene is None:
        return np.zeros(picture.shape[:2], np.uint8)
    size = sky.model.config.picture_size
    device = next(sky.model.net.parameters()).device
    maps = sky.model.net.encoder(torch.from_numpy(resized(scene, size))[None].to(device))
    surface, cloud = maps.surface[0].argmax(0).cpu().numpy(), maps.cloud[0].argmax(0).cpu().numpy()
    mask = np.zeros(surface.shape, np.uint8)
    open_sky = surface == SurfaceClass.SKY
    for value, kind in enumerate((CloudClass.CLEAR, CloudClass.THIN, CloudClass.THICK), 1):
        mask[open_sky & (cloud == kind)] = value
    mask[surface == SurfaceClass.GLARE] = 4
    lines, columns = (np.arange(n) * m // n for n, m in zip(picture.shape[:2], mask.shape, strict=True))
    whole = mask[np.ix_(lines, columns)]
    return whole if hidden is None else np.where(hidden, 0, whole).astype(np.uint8)
