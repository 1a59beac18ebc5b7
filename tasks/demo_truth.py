"""The demo's last step: what was estimated, beside what was rendered."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr


@dataclass(frozen=True)
class Comparison:
    """One estimate against its truth.

    Attributes:
        name: What is compared.
        frames: How many pairs; frames with a truth but no answer are ``unanswered``.
        unanswered: See frames.
        mae_okta: Mean absolute error, oktas.
        within_1_okta: Share of all frames (unanswered ones count as misses) within one okta.
        correlation: Pearson, NaN where undefined.
        control_mae_okta: Of always answering the mean of the truth.
    """

    name: str
    frames: int
    unanswered: int
    mae_okta: float
    within_1_okta: float
    correlation: float
    control_mae_okta: float


def compare_with_truth(series: Path, truth: Path) -> list[Comparison]:
    """Estimates of the published series against the demo network's truth.

    The camera's cover is scored against the cover in the picture, day frames and night frames apart; the
    satellite's against the cover of the cloud field around the camera.
    """
    rendered = pd.read_csv(truth, parse_dates=["time"])
    rendered["time"] = rendered["time"].dt.tz_localize(None).astype("datetime64[ns]")
    opened = xr.open_zarr(series)
    names = ["observation_time", "visible_cloud_fraction", "satellite_cloud_area_fraction"]
    estimated = opened[names].to_dataframe().reset_index(drop=False).drop(columns="time")
    estimated = estimated.rename(columns={"observation_time": "time"}).dropna(subset=["time"])
    estimated["camera"] = estimated["camera"].astype(str)
    estimated["time"] = estimated["time"].dt.floor("s").astype("datetime64[ns]")
    pairs = rendered.merge(estimated, on=["camera", "time"], how="inner")
    day = pairs[pairs["light"] == "day"]
    return [
        _score("camera cover, by day", day["cover"], day["visible_cloud_fraction"]),
        _score("camera cover, all frames", pairs["cover"], pairs["visible_cloud_fraction"]),
        _score("satellite cover", pairs["regional_cover"], pairs["satellite_cloud_area_fraction"]),
    ]


def _score(name: str, truth: pd.Series, estimate: pd.Series) -> Comparison:
    known = truth.notna()
    t, e = truth[known].to_numpy(float), estimate[known].to_numpy(float)
    answered = ~np.isnan(e)
    error = 8 * np.abs(e[answered] - t[answered])
    spread = answered.sum() > 1 and np.ptp(t[answered]) > 0 and np.ptp(e[answered]) > 0
    return Comparison(
        name=name,
        frames=int(known.sum()),
        unanswered=int((~answered).sum()),
        mae_okta=float(error.mean()) if error.size else float("nan"),
        within_1_okta=float((error <= 1).sum() / max(1, known.sum())),
        correlation=float(np.corrcoef(t[answered], e[answered])[0, 1]) if spread else float("nan"),
        control_mae_okta=float(8 * np.abs(t - t.mean()).mean()) if t.size else float("nan"),
    )
