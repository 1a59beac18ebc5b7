"""The water level through the whole night: published, with its events, its sheet and a line in the report."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from models.contracts.flags import ValueFlag
from tests.tasks.water_camera import days_of, install, look, write_camera

pytestmark = [pytest.mark.flow, pytest.mark.filterwarnings("ignore")]

CALM = [0.3 + 0.1 * (i % 4) / 3 for i in range(24)]
FLOOD = [0.3] * 4 + [0.8, 0.3] + [0.75, 0.9, 0.8, None, 0.8] + [0.3] * 4
SETTINGS = {"drift.enabled": False, "water.flood_level": 0.6, "publish.step_minutes": 60}


def test_a_flood_is_published_once_as_series_event_line_and_sheet(tmp_path, monkeypatch, run_night):
    install(monkeypatch)
    monkeypatch.setattr("tasks.water_sheets.look", look)
    write_camera(tmp_path, "quay", days_of("2026-03-01T00:00", CALM) | days_of("2026-03-02T00:00", FLOOD))
    _, summary = run_night(tmp_path, date(2026, 3, 2), command_line=SETTINGS)
    assert summary.verdict == "ok" and summary.frames == 39
    series = xr.open_zarr(tmp_path / "published" / "series.zarr").load().sel(camera="quay")
    day = series.sel(time=slice("2026-03-02T00:00", "2026-03-02T12:00"))
    assert day.flood_alert.values.tolist() == [0] * 7 + [1] * 5 + [0]
    assert float(day.water_level[7]) > float(day.water_level[6]) > 0.6 > float(day.water_level[0])
    assert int(day.water_level_quality_flag[9]) == ValueFlag.UNOBSERVABLE and np.isnan(day.water_level[9])
    assert len(set(series.water_site.values[:39])) == 1 and int(series.water_model[0]) >= 0
    events = pd.read_csv(tmp_path / "published" / "water_events.csv")
    assert events[["camera", "begin"]].to_numpy().tolist() == [["quay", "2026-03-02T06:00:00Z"]]
    report = (tmp_path / "published" / "nights" / "2026-03-02.html").read_text()
    assert report.count("flood at quay") == 1 and "../water/quay.jpg" in report
    assert (tmp_path / "published" / "water" / "quay.jpg").stat().st_size > 10_000
    text = (tmp_path / "published" / "water_events.csv").read_text()
    _, again = run_night(tmp_path, date(2026, 3, 2), command_line=SETTINGS)
    assert (again.frames, again.steps_published) == (0, 0)
    assert (tmp_path / "published" / "water_events.csv").read_text() == text
