"""Clouds in nights: what answers rest on, when frames are answered again, what stops a night before it begins."""

import hashlib
import json
import shutil

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from models.contracts.flags import ValueFlag
from models.contracts.record import CameraNight
from models.contracts.sky_answers import SkySource
from models.learn.sky_calibration import SkyCalibration
from models.science.okta_sets import OktaSets
from tasks import inference, sky_days
from tasks.errors import ConfigurationError
from tasks.satellite_ingest import ingest_satellite
from tasks.sky_days import SkyDay, SkyPiece
from tasks.sky_night import load_sky, sky_digest
from tasks.sky_values import SKY_COLUMNS, SKY_FLAGS
from tasks.stores.results import ResultsRecord
from tasks.weights import read_card
from tests.tasks.nights import ingest, night, observations, publish, touched_of
from tests.tasks.sky_camera import (
    ALTITUDE_M,
    DAY,
    SLOTS,
    picture,
    plan,
    write_network,
    write_sky_weights,
    write_slot,
)

pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")

DARK, DAYLIGHT, NIGHTLY = f"{DAY}T12:10", [f"{DAY}T12:40", f"{DAY}T13:10", f"{DAY}T13:40"], f"{DAY}T23:00"
TIMES = [DARK, *DAYLIGHT, NIGHTLY]
PICTURES = {time: picture(0.01 if time == DARK else 1.0) for time in TIMES}
VALUES = [name for name in SKY_COLUMNS if name not in ("sky_model", "sky_slots")]


def run(folder, **settings):
    """A night of what is in the folder."""
    one = plan(folder, **settings)
    ingest(one)
    return one, night(one)


def by_time(one):
    """The newest row of each frame, by its time."""
    table = observations(one).drop_duplicates(["camera", "time"], keep="last")
    return table.set_index("time").sort_index()


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A network whose night is recorded."""
    folder = tmp_path_factory.mktemp("sky")
    write_network(folder, PICTURES)
    _, rows = run(folder)
    assert rows.loc["roof", ["status", "inferred"]].tolist() == [CameraNight.OK, len(TIMES)]
    return folder


@pytest.fixture
def folder(done, tmp_path):
    return shutil.copytree(done, tmp_path / "network")


def test_answers_say_what_they_rest_on(folder):
    table = by_time(plan(folder))
    source = table["cloud_source"]
    assert source[DARK] == SkySource.SATELLITE  # nothing in the picture
    assert (source[DAYLIGHT] == SkySource.BOTH).all()
    assert source[NIGHTLY] == SkySource.NONE  # lamps at most, and no slot within the tolerance
    assert set(table.loc[NIGHTLY, list(SKY_FLAGS)]) == {ValueFlag.DARK}
    assert table.loc[NIGHTLY, ["total_cloud_okta", "genus_probability_cu"]].isna().all()
    assert (table.loc[NIGHTLY, "wmo_2700_n"], table.loc[NIGHTLY, "sky_slots"]) == (-1, 0)
    answered = table.loc[[DARK, *DAYLIGHT]]
    assert (answered["sky_slots"] != 0).all() and answered["sky_slots"].is_unique
    assert answered["sky_obscured"].between(0, 1).all()
    assert (answered["sky_model"] >= 0).all()
    told = answered[answered["total_cloud_okta"].notna()]
    assert len(told) and told["total_cloud_okta"].isin(range(9)).all()
    assert (told["okta_set_low"] <= told["total_cloud_okta"]).all()
    assert (told["total_cloud_okta"] <= told["okta_set_high"]).all()


def test_the_series_tells_the_same(folder):
    one = plan(folder)
    series, table = xr.open_zarr(publish(one)).sel(camera="roof"), by_time(one)
    noon = series.sel(time=f"{DAY}T12:30")  # the frame of 12:40
    row = table.loc[DAYLIGHT[0]]
    np.testing.assert_allclose(
        [noon["cloud_area_fraction"], noon["sky_obscured"], noon["genus_probability"].sel(genus="Cu")],
        row[["cloud_area_fraction", "sky_obscured", "genus_probability_cu"]].to_numpy(float),
    )
    assert int(noon["wmo_0513_cl"]) == row["wmo_0513_cl"]
    assert int(noon["cloud_source"]) == SkySource.BOTH
    ground = series["cloud_base_height_above_ground"].values
    np.testing.assert_allclose(series["cloud_base_altitude"].values, ground + ALTITUDE_M)
    assert series["wmo_2700_n"].dtype == np.int8 and int(series["wmo_2700_n"].sel(time=f"{DAY}T03:00")) == -1


def test_the_same_night_again_appends_nothing(folder):
    one = plan(folder)
    before = observations(one)
    rows = night(one)
    assert touched_of(one).camera_days == () and set(rows["status"]) == {CameraNight.NOTHING_NEW}
    pd.testing.assert_frame_equal(observations(one), before)


def forbid(monkeypatch, module, name):
    def called(*args, **kwargs):
        raise AssertionError(f"{name} was called")

    monkeypatch.setattr(module, name, called)


def test_a_late_slot_answers_again_the_frames_whose_history_it_is_in(tmp_path, monkeypatch):
    """13:10 is matched with 13:00 and 13:15 alike scanned; 12:30 lies two slots before, and 12:10 long past."""
    write_network(tmp_path / "late", PICTURES, slots=[n for n in SLOTS if n != 2])
    one, _ = run(tmp_path / "late")
    before = by_time(one)
    write_slot(tmp_path / "late", 2)
    ingest_satellite(one.settings.grid("msg"), one.archive_root, one.as_of)
    with monkeypatch.context() as patch:
        forbid(patch, inference, "predict_cover")  # nothing else of the picture is looked at again
        night(one)
    after = by_time(one)
    again = after.index[after["run"] == 1]
    assert pd.Timestamp(DAYLIGHT[0]) in again and pd.Timestamp(DAYLIGHT[1]) in again
    assert pd.Timestamp(DAYLIGHT[2]) not in again and pd.Timestamp(NIGHTLY) not in again
    assert (after.loc[again, "sky_slots"] != before.loc[again, "sky_slots"]).all()
    kept = ["frame_sha256", "image_luminance", "visible_cloud_fraction", "cloud_model"]
    pd.testing.assert_frame_equal(after[kept], before[kept])
    # The slot of 13:10 is what it was: only what was before it came late.
    assert after.loc[DAYLIGHT[1], "slot_time"] == before.loc[DAYLIGHT[1], "slot_time"]
    assert touched_of(one).camera_days == ()


def test_the_order_in_which_slots_come_changes_no_value(folder, tmp_path):
    write_network(tmp_path / "late", PICTURES, slots=[n for n in SLOTS if n != 2])
    one, _ = run(tmp_path / "late")
    write_slot(tmp_path / "late", 2)
    ingest_satellite(one.settings.grid("msg"), one.archive_root, one.as_of)
    night(one)
    late, whole = by_time(one), by_time(plan(folder))
    assert (late["sky_slots"] == whole["sky_slots"]).all()
    np.testing.assert_allclose(
        late[VALUES].to_numpy(float), whole[VALUES].to_numpy(float), rtol=1e-4, atol=1e-5
    )


def test_without_a_satellite_the_camera_answers_alone(tmp_path):
    write_network(tmp_path, PICTURES, slots=())
    one, _ = run(tmp_path)
    table = by_time(one)
    assert (table.loc[DAYLIGHT, "cloud_source"] == SkySource.CAMERA).all()
    assert (table.loc[[DARK, NIGHTLY], "cloud_source"] == SkySource.NONE).all()
    assert (table.loc[[DARK, NIGHTLY], "total_cloud_okta_quality_flag"] == ValueFlag.DARK).all()
    assert (table["sky_slots"] == 0).all()


def test_without_a_position_the_camera_answers_alone_by_night_too(tmp_path):
    write_network(tmp_path, PICTURES, place=("", ""))
    one, _ = run(tmp_path)
    table = by_time(one)
    assert (table.loc[[*DAYLIGHT, NIGHTLY], "cloud_source"] == SkySource.CAMERA).all()
    told = table["cloud_base_height_above_ground"].notna()
    assert table["cloud_base_altitude"].isna().all()
    assert (table.loc[told, "cloud_base_altitude_quality_flag"] == ValueFlag.NOT_KNOWN).all()


def test_a_picture_that_came_twice_is_doubtful_where_it_counts(tmp_path):
    pictures = PICTURES | {f"{DAY}T13:12": PICTURES[DAYLIGHT[1]]}
    write_network(tmp_path, pictures)
    table = by_time(run(tmp_path)[0])
    frozen = table.loc[[DAYLIGHT[1], f"{DAY}T13:12"], "sky_obscured_quality_flag"]
    assert frozen.tolist() == [ValueFlag.DOUBTFUL] * 2
    assert table.loc[DAYLIGHT[0], "sky_obscured_quality_flag"] == ValueFlag.GOOD


def test_switched_off_nothing_is_asked(tmp_path, monkeypatch):
    write_network(tmp_path, PICTURES)
    forbid(monkeypatch, sky_days, "predict_sky")
    one, _ = run(tmp_path, cloud__sky=False)
    table = by_time(one)
    assert set(table["sky_obscured_quality_flag"]) == {ValueFlag.NOT_OBSERVED}
    assert set(table["sky_model"]) == set(table["wmo_1600_base"]) == {-1}
    # Switched on later, a frame is asked about when its slots change, and not before.
    assert touched_of(plan(tmp_path)).camera_days == ()


def test_the_calibration_of_the_card_is_used(folder):
    """A threshold of infinity makes every set 0 to 8; nine oktas are too wide, and no N is told."""
    calibration = SkyCalibration(sets=OktaSets(pooled={"ANY": float("inf")}), too_wide=9)
    write_sky_weights(folder / "sky.safetensors", calibration=calibration.to_card())
    shutil.rmtree(folder / "results")
    one = plan(folder)
    assert load_sky(one.settings).calibration == calibration
    digests = {load_sky(one.settings).digest}
    night(one)
    assert set(ResultsRecord(one.results_uri).models().query("name == 'sky_model'")["digest"]) == digests
    day = by_time(one).loc[DAYLIGHT]
    obscured = day["wmo_2700_n"] == 9
    assert (day.loc[~obscured, "total_cloud_okta_quality_flag"] == ValueFlag.ABSTAINED).all()
    assert (day.loc[~obscured, "okta_set_low"] == 0).all() and (
        day.loc[~obscured, "okta_set_high"] == 8
    ).all()
    assert day["total_cloud_okta"].isna().all()


def test_wrong_weights_stop_the_night_with_file_line_and_mend(folder):
    with pytest.raises(ConfigurationError, match=r"vigie\.toml:6: .*no such file.*Mend: name a"):
        config = folder / "vigie.toml"
        config.write_text(config.read_text().replace("sky.safetensors", "elsewhere.safetensors"))
        plan(folder)
    with pytest.raises(ConfigurationError, match=r"vigie\.toml:6: cloud\.sky"):
        config.write_text(
            config.read_text().replace('sky_weights = "elsewhere.safetensors"', 'sky = "perhaps"')
        )
        plan(folder)


def test_a_card_with_a_broken_calibration_stops_the_night(folder):
    card = folder / "sky.card.json"
    card.write_text(json.dumps(json.loads(card.read_text()) | {"calibration": {"too_wide": 9}}))
    with pytest.raises(ConfigurationError, match="no calibration of sky answers"):
        load_sky(plan(folder).settings)


def test_answers_are_traced_to_weights_configuration_and_calibration(tmp_path):
    """The same weights under another calibration, or another least luma, are another model."""
    write_network(tmp_path, {}, slots=())
    plain = load_sky(plan(tmp_path).settings)
    tensors = read_card(tmp_path / "sky.safetensors")["digest"]
    calibration = SkyCalibration(sets=OktaSets(pooled={"ANY": 0.5}), too_wide=9, obscured_from=0.99)
    write_sky_weights(tmp_path / "sky.safetensors", calibration=calibration.to_card())
    other = load_sky(plan(tmp_path).settings)
    assert read_card(tmp_path / "sky.safetensors")["digest"] == tensors
    assert len({plain.digest, other.digest, tensors}) == 3
    path = tmp_path / "sky.card.json"
    card = json.loads(path.read_text())
    path.write_text(json.dumps(card | {"config": card["config"] | {"min_luma": 0.1}}))
    assert load_sky(plan(tmp_path).settings).digest not in (plain.digest, other.digest, tensors)
    path.write_text(json.dumps(dict(reversed(card.items())), indent=3))
    assert load_sky(plan(tmp_path).settings).digest == other.digest  # not by how the card is written


def test_the_digest_is_of_canonical_json():
    """sha256 of ["ab",{"a":1,"b":2},null]."""
    expected = hashlib.sha256(b'["ab",{"a":1,"b":2},null]').hexdigest()
    assert sky_digest("ab", {"b": 2, "a": 1}, None) == expected


PRIVATE = "0 0.85;0.4 0.85;0.4 1;0 1"
WHITE, BLACK = np.full((48, 64, 3), 255, np.uint8), np.zeros((48, 64, 3), np.uint8)


def make_private(folder, polygon=PRIVATE):
    """The camera gets a privacy polygon."""
    header, camera = (folder / "cameras.csv").read_text().splitlines()
    (folder / "cameras.csv").write_text(f"{header},privacy_polygon\n{camera},{polygon}\n")


@pytest.mark.parametrize("polygon", [PRIVATE, ""])
def test_a_white_picture_shows_nothing_whatever_is_blacked_out_in_it(tmp_path, polygon):
    write_network(tmp_path, {DAYLIGHT[0]: WHITE, DAYLIGHT[1]: picture()}, slots=())
    make_private(tmp_path, polygon)
    table = by_time(run(tmp_path)[0])
    white, seen = table.loc[DAYLIGHT[0]], table.loc[DAYLIGHT[1]]
    assert (white["cloud_source"], seen["cloud_source"]) == (SkySource.NONE, SkySource.CAMERA)
    for flag in ("image_luminance", "total_cloud_okta", "visible_cloud_fraction", "visible_cloud_okta"):
        assert white[f"{flag}_quality_flag"] == ValueFlag.ABSTAINED, flag
    assert np.isnan([white["visible_cloud_fraction"], white["visible_cloud_okta"]]).all()
    assert white["image_luminance"] == 1.0  # of what is visible


def test_of_a_picture_that_is_all_blacked_out_nothing_is_seen(tmp_path):
    write_network(tmp_path, {DAYLIGHT[0]: picture()})
    make_private(tmp_path, "0 0;1 0;1 1;0 1")
    row = by_time(run(tmp_path)[0]).loc[DAYLIGHT[0]]
    assert row["cloud_source"] == SkySource.SATELLITE
    assert row["image_luminance_quality_flag"] == ValueFlag.ABSTAINED


def test_the_network_is_given_the_mean_where_a_picture_is_blacked_out(tmp_path, monkeypatch):
    """Of new frames, and of those that a late slot has answered again."""
    given = []
    predict = sky_days.predict_sky

    def watched(model, inputs, **options):
        given.append(inputs.image[inputs.camera_present])
        return predict(model, inputs, **options)

    monkeypatch.setattr(sky_days, "predict_sky", watched)
    write_network(tmp_path, {DAYLIGHT[1]: picture()}, slots=[n for n in SLOTS if n != 2])
    make_private(tmp_path)
    one, _ = run(tmp_path)
    write_slot(tmp_path, 2)
    ingest_satellite(one.settings.grid("msg"), one.archive_root, one.as_of)
    night(one)
    assert [len(images) for images in given] == [1, 1]
    for images in given:
        assert images[0].amin() > 10 and images[0, :, -1, 0].tolist() == pytest.approx(
            images[0].float().mean(dim=(1, 2)).tolist(), abs=2
        )


def test_a_day_is_answered_in_pieces_and_alike(folder, tmp_path, monkeypatch):
    """Five frames, four at once: two pieces."""
    pieces = []

    def counted(sky, camera, seen, polygon):
        pieces.append(len(seen.digest))
        return SkyPiece(sky, camera, seen, polygon)

    monkeypatch.setattr(sky_days, "ROWS_AT_ONCE", 4)
    monkeypatch.setattr(sky_days, "SkyPiece", counted)
    write_network(tmp_path / "late", PICTURES, slots=[n for n in SLOTS if n != 2])
    one, _ = run(tmp_path / "late")
    assert pieces == [4, 1]
    write_slot(tmp_path / "late", 2)
    ingest_satellite(one.settings.grid("msg"), one.archive_root, one.as_of)
    night(one)
    cut, whole = by_time(one), by_time(plan(folder))
    assert sum(pieces[2:]) == (cut["run"] == 1).sum() > 1
    assert (cut["sky_slots"] == whole["sky_slots"]).all()
    np.testing.assert_allclose(
        cut[VALUES].to_numpy(float), whole[VALUES].to_numpy(float), rtol=1e-4, atol=1e-5
    )


def test_a_day_without_frames_has_no_answer():
    table = SkyDay(np.zeros(0, bool), forbid).table()
    assert len(table) == 0 and list(table) == list(SKY_COLUMNS)
    with pytest.raises(ValueError, match="of 1 frames 0 were answered"):
        SkyDay(np.zeros(1, bool), forbid).table()
