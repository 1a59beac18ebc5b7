"""The demo's lines of sight: what was estimated, beside how the cameras were moved."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from PIL import Image

from models.contracts.record import POSE
from models.contracts.series import DRIFT_QUANTITIES
from tasks.drift_events_file import events_path

STEP_PX = 1.5
"""A movement between two frames of a demo camera, at the image centre, from which it was knocked."""
_LEVEL_CHANGES = ("step", "zoom", "crop", "resolution")
_NEAR = np.timedelta64(3, "h")


@dataclass(frozen=True)
class DriftComparison:
    """Estimated against true movement of the image centre, relative to each camera's reference frame.

    Attributes:
        name: Which frames.
        frames: With a truth; those without a good answer are ``unanswered``.
        unanswered: See frames.
        median_px: Median distance, pixels of the picture.
        within_1_px: Share of all frames (unanswered ones count as misses).
        within_1_sigma: Share of the answered pans and tilts that are within their standard error: 68 % at best.
        control_median_px: Of always answering no drift.
    """

    name: str
    frames: int
    unanswered: int
    median_px: float
    within_1_px: float
    within_1_sigma: float
    control_median_px: float


@dataclass(frozen=True)
class StepComparison:
    """Steps that were confirmed, against knocks of the demo's cameras.

    Attributes:
        knocks: Of cameras that were followed at the time.
        found: Knocks with a confirmed change of level within three hours.
        false: Confirmed changes of level without a knock, and without a change of the picture's size.
    """

    knocks: int
    found: int
    false: int


def compare_drift(series: Path, truth: Path) -> tuple[list[DriftComparison], StepComparison]:
    """Estimates of the published series against the demo network's truth; nothing where drift was not followed."""
    rendered = pd.read_csv(truth, parse_dates=["time"])
    rendered["time"] = rendered["time"].dt.tz_localize(None).astype("datetime64[ns]")
    rendered = _in_first_pixels(rendered, truth.parent)
    estimated = _estimated(series)
    pairs = rendered.merge(estimated, on=["camera", "time"], suffixes=("_true", ""))
    pairs = _relative_to_reference(pairs)
    scores = [
        _score(name, part)
        for name, part in (("drift, by day", pairs[pairs["light"] == "day"]), ("drift, all frames", pairs))
        if len(part)
    ]
    return scores, _steps(rendered, pairs, events_path(series))


def _in_first_pixels(rendered: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """The truth is told in pixels of each picture: here of its camera's first, and by how much ``wider`` each is."""
    if "image" not in rendered:
        return rendered.assign(wider=1.0)
    rendered = rendered.assign(wider=[_width(folder / image) for image in rendered["image"]])
    rendered["wider"] /= rendered.groupby("camera")["wider"].transform("first")
    scaled = {axis: rendered[axis] / rendered["wider"] for axis in ("pan_px", "tilt_px")}
    return rendered.assign(**scaled)


def _width(picture: Path) -> float:
    with Image.open(picture) as opened:
        return float(opened.width)


def _estimated(series: Path) -> pd.DataFrame:
    """Published poses by camera and exact time, of frames that were followed."""
    opened = xr.open_zarr(series)
    columns = [name for q in DRIFT_QUANTITIES[: len(POSE)] for name in (q.name, q.uncertainty, q.flag)]
    names = ["observation_time", "frame", "drift_reference", *columns]
    table = opened[names].to_dataframe().reset_index().drop(columns="time")
    table = table.rename(columns={"observation_time": "time"}).dropna(subset=["time"])
    table["camera"] = table["camera"].astype(str)
    table["time"] = table["time"].dt.floor("s").astype("datetime64[ns]")
    return table[table["drift_reference"] != 0]


def _relative_to_reference(pairs: pd.DataFrame) -> pd.DataFrame:
    """The truth, told since the start of the run, told anew since the reference frame; where that is published.

    A movement shifts the picture, then turns and magnifies it about its centre, so that the shift since the reference
    is the difference of the two, turned and magnified as the reference is.
    """
    true = [*(f"{name}_true" for name in POSE), "wider"]
    reference = pairs.set_index(["camera", "frame"])[true]
    reference = reference[~reference.index.duplicated()]
    at = pd.MultiIndex.from_frame(pairs[["camera", "drift_reference"]])
    pan, tilt, roll, zoom, wider = reference.reindex(at).to_numpy(float).T
    moved = pairs.copy()
    right, down = -(pairs["pan_px_true"] - pan), pairs["tilt_px_true"] - tilt
    turn = np.radians(roll)
    magnified = zoom * wider  # into pixels of the reference
    moved["pan_px_true"] = -magnified * (np.cos(turn) * right - np.sin(turn) * down)
    moved["tilt_px_true"] = magnified * (np.sin(turn) * right + np.cos(turn) * down)
    moved["roll_deg_true"] = pairs["roll_deg_true"] - roll
    moved["zoom_true"] = pairs["zoom_true"] / zoom
    return moved[np.isfinite(zoom)]


def _score(name: str, pairs: pd.DataFrame) -> DriftComparison:
    axes = ("pan_px", "tilt_px")
    true = pairs[[f"{axis}_true" for axis in axes]].to_numpy(float)
    answered = (pairs["pan_px_quality_flag"] == 0).to_numpy()
    apart = pairs[list(axes)].to_numpy(float)[answered] - true[answered]
    sigma = pairs[[f"{axis}_uncertainty" for axis in axes]].to_numpy(float)[answered]
    distance, inexact = np.hypot(*apart.T), sigma > 0  # the reference itself is exact, and no estimate
    nan = float("nan")
    return DriftComparison(
        name=name,
        frames=len(pairs),
        unanswered=int((~answered).sum()),
        median_px=float(np.median(distance)) if len(distance) else nan,
        within_1_px=float((distance < 1).sum() / len(pairs)),
        within_1_sigma=float((np.abs(apart) <= sigma)[inexact].mean()) if inexact.any() else nan,
        control_median_px=float(np.median(np.hypot(*true.T))),
    )


def _steps(rendered: pd.DataFrame, pairs: pd.DataFrame, events: Path) -> StepComparison:
    knocks, replaced = [], []
    for camera, rows in rendered.sort_values("time").groupby("camera"):
        if camera in set(pairs["camera"]):
            moves = np.hypot(rows["pan_px"].diff(), rows["tilt_px"].diff()).to_numpy()
            knocks += [(camera, time) for time in rows["time"].to_numpy()[np.nan_to_num(moves) > STEP_PX]]
            other = np.nan_to_num(rows["wider"].diff().to_numpy()) != 0
            replaced += [(camera, time) for time in rows["time"].to_numpy()[other]]
    confirmed = []
    if events.exists():
        table = pd.read_csv(events, parse_dates=["time"])
        table = table[table["kind"].isin(_LEVEL_CHANGES)]
        times = pd.to_datetime(table["time"], utc=True).dt.tz_localize(None)
        confirmed = list(zip(table["camera"], times.to_numpy("datetime64[ns]"), strict=True))
    found = [k for k in knocks if any(_same(k, event) for event in confirmed)]
    false = [event for event in confirmed if not any(_same(k, event) for k in [*knocks, *replaced])]
    return StepComparison(len(knocks), len(found), len(false))


def _same(one: tuple[str, np.datetime64], other: tuple[str, np.datetime64]) -> bool:
    return one[0] == other[0] and abs(one[1] - other[1]) <= _NEAR
