"""The sheet of a camera's water: series, floods, gauge, and the mask on the newest frame."""

import io

import numpy as np
import pandas as pd
from PIL import Image

from tasks.night_summary import NightSummary
from tasks.water_drawing import MaskedFrame, draw_water_sheet
from tasks.water_sheets import write_water_sheets
from tasks.water_values import SeenLevel, water_columns
from tests.tasks.nights import ingest, night
from tests.tasks.water_camera import days_of, install, look, plan_of, write_camera

NOTHING = pd.DataFrame({"begin": [], "end": [], "flood_level": [], "flood_level_m": []})
NO_GAUGE = pd.DataFrame({"time": np.empty(0, "datetime64[ns]"), "level_m": np.empty(0)})


def rows(levels):
    seen = [SeenLevel(0, level, 0.02) if np.isfinite(level) else SeenLevel(7) for level in levels]
    times = np.datetime64("2026-03-01", "ns") + np.arange(len(levels)) * np.timedelta64(1, "h")
    return water_columns(seen, "").assign(time=times)


def size_of(jpeg):
    return Image.open(io.BytesIO(jpeg)).size


def test_a_panel_more_where_metres_or_a_gauge_are_known_and_the_frame_below():
    table, frame = (
        rows([0.2, np.nan, 0.4]),
        MaskedFrame(np.zeros((60, 80, 3), np.uint8), np.ones((60, 80), np.uint8), ""),
    )
    plain = size_of(draw_water_sheet("quay", table, NOTHING, NO_GAUGE, None))
    gauge = pd.DataFrame({"time": table["time"], "level_m": 3.0})
    flood = pd.DataFrame(
        {"begin": table["time"][:1], "end": pd.NaT, "flood_level": 0.3, "flood_level_m": np.nan}
    )
    whole = size_of(draw_water_sheet("quay", table, flood, gauge, frame))
    assert plain == (1280, 320) and whole == (1280, 1080)


def test_a_night_writes_the_sheets_of_cameras_that_have_a_level(tmp_path, monkeypatch):
    install(monkeypatch)
    monkeypatch.setattr("tasks.water_sheets.look", look)
    write_camera(tmp_path, "quay", days_of("2026-03-01T00:00", [0.2, 0.8, 0.7, 0.3, 0.5, 0.4] * 8))
    write_camera(tmp_path, "single", days_of("2026-03-02T12:00", [0.5]))
    plan = plan_of(tmp_path, "2026-03-02", drift__enabled=False, water__flood_level=0.5)
    ingest(plan)
    night(plan)
    summary = NightSummary("2026-03-02", "ok", 2, (), 49, 0, run=0)
    (sheet,) = write_water_sheets(plan, summary)
    assert sheet.path == plan.published_root / "water" / "quay.jpg" and sheet.answered == sheet.frames == 48
    assert sheet.headline.startswith("quay: water level 0.") and sheet.floods > 0
    assert size_of(sheet.path.read_bytes())[0] == 1280
    assert [path.name for path in sheet.path.parent.iterdir()] == ["quay.jpg"]
