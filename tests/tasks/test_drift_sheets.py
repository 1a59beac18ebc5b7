"""The sheet of a camera: what it shows is what was recorded, and a person can see that it is right."""

import io
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from models.contracts.flags import ValueFlag
from models.contracts.series import DRIFT_QUANTITIES
from models.science.drift_events import DriftEvent, EventKind
from models.science.line_of_sight import Lens, Pose
from tasks.drift_drawing import draw_sheet
from tasks.drift_overlay import overlay_of
from tasks.drift_sheets import write_drift_sheets
from tasks.stores.results import ResultsRecord
from tests.tasks.drift_camera import install, picture, plan_of, write_camera
from tests.tasks.nights import ingest, night

DAY = "2026-03-02"


def series(pans, flags=None):
    """Half-hourly rows of the record."""
    rows = pd.DataFrame({"time": np.datetime64(DAY, "ns") + np.arange(len(pans)) * np.timedelta64(30, "m")})
    for quantity in DRIFT_QUANTITIES:
        rows[quantity.name] = np.float32(pans if quantity.name == "pan_px" else 1.0)
        rows[quantity.uncertainty] = np.float32(0.2)
        rows[quantity.flag] = np.int8(0 if flags is None else flags)
    return rows


def size_of(jpeg):
    return Image.open(io.BytesIO(jpeg)).size


def test_outlines_meet_the_edges_where_the_pose_is_right():
    reference, moved = picture(), picture(dx=7, dy=-4)
    right = overlay_of(reference, moved, Pose(-7.0, -4.0, 0.0, 1.0), hfov_deg=40.0)
    wrong = overlay_of(reference, moved, Pose(7.0, 4.0, 0.0, 1.0), hfov_deg=40.0)
    assert right.met[0] == wrong.met[0] < 0.5 < 0.9 < right.met[1]
    assert wrong.met[1] < 0.5


def test_a_frame_of_another_size_is_scaled_to_the_reference():
    reference = picture()
    large = np.asarray(Image.fromarray(picture(dx=4)).resize((320, 240), Image.Resampling.BICUBIC))
    overlay = overlay_of(reference, large, Pose(-4.0, 0.0, 0.0, 1.0), hfov_deg=40.0)
    assert overlay.frame.shape == reference.shape[:2]
    assert overlay.met[1] > 0.8


def test_pictures_without_an_edge_are_drawn_too():
    flat = np.full((60, 80, 3), 128, np.uint8)
    overlay = overlay_of(flat, flat, Pose())
    assert np.isnan(overlay.met).all()
    assert size_of(draw_sheet("a", series([0.0]), [], Lens(80, 60), overlay)) == (1280, 1140)


@pytest.mark.parametrize(
    ("pans", "flags"),
    [
        ([0.5], [ValueFlag.GOOD]),
        ([np.nan, np.nan], [ValueFlag.UNOBSERVABLE] * 2),
        ([0.0, 0.1, 900.0, 0.2], [ValueFlag.GOOD, ValueFlag.DOUBTFUL, ValueFlag.OUTLIER, ValueFlag.GOOD]),
    ],
)
def test_any_series_can_be_drawn(pans, flags):
    time = np.datetime64(DAY, "ns")
    events = [DriftEvent(kind, time, time, time, drift_px=2.0, drift_px_sigma=0.1) for kind in EventKind]
    for lens in (None, Lens(640, 480), Lens(640, 480, 60.0)):
        assert size_of(draw_sheet("a", series(pans, flags), events, lens, None)) == (1280, 560)


def test_a_sheet_per_camera_that_was_followed(tmp_path, monkeypatch):
    install(monkeypatch)
    times = [f"{DAY}T{hour:02d}:00:00" for hour in range(6, 12)]
    for camera, moves in (("quay", [0] * 6), ("mast", [0, 0, 6, 6, 6, 6])):
        write_camera(
            tmp_path, camera, {t: picture(dx) for t, dx in zip(times, moves, strict=True)}, hfov_deg=60.0
        )
    write_camera(tmp_path, "black", {times[0]: np.zeros((120, 160, 3), np.uint8)})
    plan = plan_of(tmp_path)
    ingest(plan)
    night(plan)
    run = len(ResultsRecord(plan.results_uri).runs()) - 1
    summary = SimpleNamespace(night=DAY, run=run)
    sheets = {sheet.camera: sheet for sheet in write_drift_sheets(plan, summary)}
    assert set(sheets) == {"quay", "mast", "black"}
    folder = plan.published_root / "drift"
    assert sorted(path.name for path in folder.iterdir()) == ["black.jpg", "mast.jpg", "quay.jpg"]
    assert (sheets["quay"].answered, sheets["quay"].frames) == (6, 6)
    assert sheets["quay"].drift_px < 0.5
    # A pan of 6 px with 60 degrees across moves the corners by 6 (1 + tan(30)^2) = 8 px sideways, and a little upright.
    assert sheets["mast"].drift_px == pytest.approx(8.1, abs=0.5)
    assert sheets["black"].answered == 0
    assert sheets["black"].headline.startswith("black: drift not known, 0 of 1 frames")
    assert size_of((folder / "mast.jpg").read_bytes()) == (1280, 1140)
    assert size_of((folder / "black.jpg").read_bytes()) == (1280, 560)  # nothing to lay over one another
    assert (
        write_drift_sheets(plan, SimpleNamespace(night=DAY, run=run + 1)) == []
    )  # a run that followed nothing
