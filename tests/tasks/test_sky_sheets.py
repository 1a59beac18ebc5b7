"""The sheet of a camera-day: which frames it shows, what it says of them, and that it is drawn whatever is missing."""

import io
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from models.contracts.cloud_labels import GENERA
from models.contracts.flags import ValueFlag
from models.contracts.record import OBSERVATIONS, empty_columns
from models.contracts.sky_answers import SkySource
from tasks import night_report, picture_artifacts, sky_sheets
from tasks.errors import StoreError
from tasks.sky_drawing import MASK_COLOURS, SkyFrame, draw_sky_sheet, painted
from tasks.sky_night import load_sky
from tasks.sky_sheets import SkySheet, chosen_frames, reduced, sky_mask, write_sky_sheets
from tasks.sky_words import sky_lines
from tests.tasks.drift_camera import write_camera
from tests.tasks.nights import ingest, night
from tests.tasks.sky_camera import DAY, picture, plan, write_network, write_slot

pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")


def rows_of(*hours, **columns):
    """Rows of the record."""
    table = pd.DataFrame({k: v for k, v in empty_columns(OBSERVATIONS, len(hours)).items() if v.ndim == 1})
    times = [pd.Timestamp(DAY) + pd.Timedelta(hours=hour) for hour in hours]
    return table.assign(**{"time": times, "cloud_source": int(SkySource.BOTH)} | columns)


def answer(**columns):
    """One row: N = 6 of 5 to 7, stratocumulus at 1250 m."""
    told = {
        "total_cloud_okta": 6.0,
        "total_cloud_okta_quality_flag": int(ValueFlag.GOOD),
        "okta_set_low": 5.0,
        "okta_set_high": 7.0,
        "sky_obscured": 0.04,
        f"genus_probability_{GENERA[6].lower()}": 0.81,
        "wmo_0513_cl": 5,
        "wmo_0515_cm": 0,
        "wmo_0509_ch": 10,
        "cloud_base_height_above_ground": 1250.0,
        "cloud_base_height_above_ground_uncertainty": 171.0,
        "cloud_base_altitude": 1400.0,
    }
    return rows_of(12, **told | columns).iloc[0]


def test_the_answer_in_words():
    assert sky_lines(answer()) == [
        "N = 6 (90 %: 5 to 7)",
        "obscured: 4%",
        "Sc 81%, Ci 0%, Cc 0%",
        "CL CM CH: 5 0 /",
        "base 1250 +- 171 m above ground",
        "  (1400 m above the sea)",
        "rests on camera and satellite",
    ]


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (
            {"total_cloud_okta": np.nan, "total_cloud_okta_quality_flag": ValueFlag.SKY_OBSCURED},
            "sky obscured",
        ),
        (
            {"total_cloud_okta": np.nan, "total_cloud_okta_quality_flag": ValueFlag.ABSTAINED},
            "N withheld (90 %: 5 to 7)",
        ),
        ({"total_cloud_okta_quality_flag": ValueFlag.DOUBTFUL}, "N = 6 (90 %: 5 to 7), doubtful"),
        (
            {
                "cloud_base_height_above_ground": np.nan,
                "cloud_base_height_above_ground_quality_flag": ValueFlag.ABOVE_BOUNDS,
            },
            "base at 2500 m or more",
        ),
        ({"cloud_base_altitude": np.nan}, "base 1250 +- 171 m above ground"),
        (
            {"cloud_source": SkySource.NONE, "total_cloud_okta_quality_flag": ValueFlag.DARK},
            "no answer: dark",
        ),
        ({"cloud_source": SkySource.SATELLITE}, "rests on the satellite alone"),
    ],
)
def test_what_is_missing_in_words(columns, line):
    assert line in sky_lines(answer(**columns))


def test_first_middle_and_last_frame_with_a_picture():
    rows = rows_of(0, 7, 8, 9, 13, 17, 23)
    rows.loc[[0, 6], "cloud_source"] = int(SkySource.SATELLITE)
    # With a picture from 7 to 17: the middle is 12, and 13 is nearest to it.
    assert chosen_frames(rows)["time"].dt.hour.tolist() == [7, 13, 17]
    assert chosen_frames(rows.iloc[[0, 6]])["time"].dt.hour.tolist() == [0, 23]
    assert chosen_frames(rows.iloc[[3]])["time"].dt.hour.tolist() == [9]


def test_masks_are_painted_in_their_colours():
    """Blue over black at .45: 0.45 * (40, 120, 255) = (18, 54, 114)."""
    seen = painted(np.zeros((2, 2, 3), np.uint8), np.array([[1, 0], [0, 0]], np.uint8))
    assert seen[0, 0].tolist() == [18, 54, 114] and not seen[1].any()
    assert next(iter(MASK_COLOURS)) == "clear sky"


def test_a_sheet_is_drawn_whatever_is_missing():
    lines = ["no answer: dark"]
    nothing = SkyFrame("00:00", None, None, None, False, None, "", lines)
    mask_only = SkyFrame("12:00", picture(), None, np.eye(9, dtype=np.float32), True, None, "now", lines)
    rows = rows_of(0, 12, okta_set_low=np.nan, total_cloud_okta=np.nan)
    drawn = Image.open(io.BytesIO(draw_sky_sheet("roof", rows, [nothing, mask_only])))
    assert drawn.format == "PNG" and drawn.width == 1400


def test_a_night_draws_a_sheet_per_camera_day_and_again_only_what_it_answered(tmp_path):
    pictures = {f"{DAY}T{hour}:10": picture() for hour in (12, 13)}
    write_network(tmp_path, pictures)
    one = plan(tmp_path)
    ingest(one)
    night(one)
    summary = SimpleNamespace(night=DAY, run=0)
    (sheet,) = write_sky_sheets(one, summary)
    assert sheet.path == one.published_root / "clouds" / f"roof-{DAY}.png"
    assert Image.open(sheet.path).width == 1400
    assert sheet.headline.startswith("roof: 13:10 UTC") and sheet.headline.endswith("of 2 frames answered")
    assert [path.name for path in sheet.path.parent.iterdir()] == [sheet.path.name]
    write_slot(tmp_path, 9)
    assert write_sky_sheets(one, SimpleNamespace(night=DAY, run=1)) == []  # nothing was answered in that run
    assert write_sky_sheets(plan(tmp_path, cloud__sky=False), summary) == []


def test_what_is_hidden_is_not_painted(tmp_path):
    write_network(tmp_path, {f"{DAY}T12:10": picture()})
    seen = picture()
    hidden = np.zeros(seen.shape[:2], bool)
    hidden[:, :20] = True
    mask = sky_mask(load_sky(plan(tmp_path).settings), seen, hidden)
    assert mask.shape == seen.shape[:2] and mask.max() <= len(MASK_COLOURS)
    assert not mask[:, :20].any()


def test_a_mask_is_of_the_visible_scene(tmp_path):
    """What lies under the polygon changes nothing; all hidden shows nothing."""
    write_network(tmp_path, {f"{DAY}T12:10": picture()})
    sky, seen = load_sky(plan(tmp_path).settings), picture()
    hidden = np.zeros(seen.shape[:2], bool)
    hidden[:, :20] = True
    black, white = seen.copy(), seen.copy()
    black[hidden], white[hidden] = 0, 255
    assert (sky_mask(sky, black, hidden) == sky_mask(sky, white, hidden)).all()
    assert not sky_mask(sky, seen, np.ones_like(hidden)).any()


def test_pictures_on_sheets_are_reduced():
    """1600 x 1200 at .3 is 480 x 360; one hidden pixel hides that which it is in, (600 * .3, 400 * .3)."""
    seen = np.full((1200, 1600, 3), 257 * 100, np.uint16)
    hidden = np.zeros(seen.shape[:2], bool)
    hidden[400, 600] = True
    small, covered = reduced(seen, hidden)
    assert small.shape == (360, 480, 3) and small.dtype == np.uint8 and (small == 100).all()
    assert np.argwhere(covered).tolist() == [[120, 180]]
    few, none = reduced(seen[:120, :160], None)
    assert few.shape == (120, 160, 3) and none is None
    assert reduced(seen[:1], None)[0].shape == (1, 480, 3)


def two_cameras(folder):
    """A night of two cameras, the second without a position."""
    write_network(folder, {f"{DAY}T12:10": picture()})
    write_camera(folder / "other", "yard", {f"{DAY}T12:10": picture()})
    (folder / "other" / "images" / "yard").rename(folder / "images" / "yard")
    with (folder / "cameras.csv").open("a") as file:
        file.write("yard,images/yard,,,,,\n")
    one = plan(folder)
    ingest(one)
    night(one)
    return one


def test_a_sheet_that_fails_costs_only_itself_and_no_more_than_some_are_drawn(tmp_path, monkeypatch, caplog):
    one, summary = two_cameras(tmp_path), SimpleNamespace(night=DAY, run=0)
    assert {sheet.camera for sheet in write_sky_sheets(one, summary)} == {"roof", "yard"}
    seen = sky_sheets.satellite_seen

    def torn(root, camera, *rest):
        if camera.id == "roof":
            raise StoreError("the archive is torn")
        return seen(root, camera, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(sky_sheets, "satellite_seen", torn)
        assert [sheet.camera for sheet in write_sky_sheets(one, summary)] == ["yard"]
    assert "camera roof" in caplog.text and "the archive is torn" in caplog.text
    monkeypatch.setattr(sky_sheets, "SHEETS", 1)
    assert len(write_sky_sheets(one, summary)) == 1
    assert "1 of 2 camera-days, the worst answered" in caplog.text


def test_the_night_shows_sheets_as_pictures_of_their_kind(tmp_path, monkeypatch):
    shown, tables = [], []
    monkeypatch.setattr(
        picture_artifacts, "create_image_artifact", lambda url, **about: shown.append((url, about))
    )
    monkeypatch.setattr(night_report, "create_table_artifact", lambda rows, **about: tables.append(about))
    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    night_report._show_sheets("clouds", [SkySheet("sea_1", tmp_path / "a.png", 4, 3, "12:00 UTC N = 6")])
    ((url, about),) = shown
    assert url.startswith("data:image/png;base64,") and about["key"] == "clouds-sea-1"
    assert about["description"] == "sea_1: 12:00 UTC N = 6, 3 of 4 frames answered"
    assert (
        tables[0]["description"] == "Clouds, the worst answered first; no more than 50 camera-days are drawn"
    )
