"""The demo's water levels: what was published, beside the level of the water that was rendered."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from models.science.rank_correlation import spearman

_FEWEST = 8
"""With fewer frames an order says little."""


@dataclass(frozen=True)
class WaterComparison:
    """Published against rendered levels; levels of two cameras are not comparable, so each is taken by itself.

    Attributes:
        cameras: With a level and a truth that varies, in enough frames.
        without: With such a truth, and no level at all: no site yet, or no water found.
        frames: Of ``cameras``, with a truth.
        unanswered: Of these, without a good level.
        spearman: Median of the cameras' rank correlations; NaN without any.
        worst: The lowest.
        worst_camera: Whose.
        time_spearman: Median of that of the hour alone, the control.
    """

    cameras: int
    without: int
    frames: int
    unanswered: int
    spearman: float
    worst: float
    worst_camera: str
    time_spearman: float


def compare_water(series: Path, truth: Path) -> WaterComparison:
    """Levels of the published series against the demo network's truth, by the good answers of each camera."""
    pairs = _paired(series, truth)
    found: dict[str, tuple[float, float]] = {}
    without = frames = unanswered = 0
    for camera, rows in pairs.groupby("camera"):
        level = rows["water_level"].where(rows["water_level_quality_flag"] == 0).to_numpy(float)
        true = rows["true_level"].to_numpy(float)
        good = np.isfinite(level)
        if len(rows) < _FEWEST or np.ptp(true) == 0:
            continue
        if good.sum() < _FEWEST:
            without += 1
            continue
        frames, unanswered = frames + len(rows), unanswered + int((~good).sum())
        hours = rows["time"].astype("int64").to_numpy(float)
        found[str(camera)] = spearman(level[good], true[good]), spearman(hours[good], true[good])
    if not found:
        nan = float("nan")
        return WaterComparison(0, without, 0, 0, nan, nan, "", nan)
    by_water = {camera: value for camera, (value, _) in found.items()}
    worst = min(by_water, key=by_water.__getitem__)
    medians = np.median(list(found.values()), axis=0)
    return WaterComparison(
        len(found), without, frames, unanswered, float(medians[0]), by_water[worst], worst, float(medians[1])
    )


def _paired(series: Path, truth: Path) -> pd.DataFrame:
    """Rows of the truth and of the series, by camera and exact time; of nights that looked for water."""
    rendered = pd.read_csv(truth, parse_dates=["time"]).rename(columns={"water_level": "true_level"})
    rendered["time"] = rendered["time"].dt.tz_localize(None).astype("datetime64[ns]")
    names = ["observation_time", "water_level", "water_level_quality_flag", "water_site"]
    table = xr.open_zarr(series)[names].to_dataframe().reset_index().drop(columns="time")
    table = table.rename(columns={"observation_time": "time"}).dropna(subset=["time"])
    table["camera"] = table["camera"].astype(str)
    table["time"] = table["time"].dt.floor("s").astype("datetime64[ns]")
    pairs = rendered.dropna(subset=["true_level"]).merge(table, on=["camera", "time"])
    # Frames before the camera had a site were never asked about.
    asked = pairs.groupby("camera")["water_site"].transform("max") == 0
    return pairs[asked | (pairs["water_site"] != 0)].sort_values(["camera", "time"])
