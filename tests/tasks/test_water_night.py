"""The water level in nights: a site learned once, the same values however the nights are cut, silence where unsure."""

import shutil

import numpy as np
import pandas as pd
import pytest

from models.contracts.flags import ValueFlag
from models.contracts.record import CameraNight
from models.contracts.series import WATER_QUANTITIES
from tasks.stores.results import ResultsRecord
from tasks.stores.water_sites import load_site
from tasks.water_values import WATER_COLUMNS
from tests.tasks import drift_camera
from tests.tasks.nights import infer, ingest, night, observations
from tests.tasks.water_camera import DIGEST, days_of, install, picture, plan_of, write_camera

FLAGS = [quantity.flag for quantity in WATER_QUANTITIES]
PROVENANCE = ["water_site", "water_gauge"]
DAY, NEXT = "2026-03-01", "2026-03-02"
TIDE = [round(0.5 + 0.4 * float(np.sin(i / 3)), 3) for i in range(48)]


def config(folder, **columns):
    """A registry with more columns, and drift off: the river does not move."""
    names = ["id", "source", "hfov_deg", *columns]
    values = ["quay", "images/quay", "", *map(str, columns.values())]
    (folder / "cameras.csv").write_text(",".join(names) + "\n" + ",".join(values) + "\n")


def plan(folder, day=NEXT, **settings):
    return plan_of(folder, day, **{"drift__enabled": False, **settings})


def run(folder, day=NEXT, **settings):
    one = plan(folder, day, **settings)
    ingest(one)
    rows = night(one)
    return one, rows


def water(one, camera="quay"):
    table = observations(one)
    return table[table["camera"] == camera].sort_values("time", ignore_index=True)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    install(monkeypatch)
    write_camera(tmp_path, "quay", days_of(f"{DAY}T00:00", TIDE))
    return tmp_path


def test_levels_follow_the_water_once_there_are_frames_of_two_days(folder):
    one, rows = run(folder)
    assert rows.loc["quay", "status"] == CameraNight.OK
    table = water(one)
    assert (
        table["water_level_quality_flag"] == ValueFlag.GOOD
    ).all()  # the first day's frames waited, and got theirs
    ranks = table["water_level"].rank()
    assert np.corrcoef(ranks, pd.Series(TIDE).rank())[0, 1] > 0.99
    assert table["water_level"].between(0, 1).all() and (table["water_level_uncertainty"] > 0).any()
    stored = load_site(one.archive_root, "quay")
    assert set(table["water_site"]) == {stored.code} and stored.origin.model == DIGEST
    assert len(stored.origin.frames) == 48 and set(stored.origin.frames) <= set(table["frame_sha256"])
    record = ResultsRecord(one.results_uri)
    (code,) = set(table["water_model"])
    assert record.models().loc[code, ["name", "digest"]].tolist() == ["water_model", DIGEST]
    # neither gauge nor flood level: nothing is said of metres and floods
    assert (table[FLAGS[1:]] == ValueFlag.NOT_KNOWN).all(axis=None)
    assert table[["water_level_m", "flood_probability", "flood_alert"]].isna().all(axis=None)
    assert record.water_events().empty


def test_one_day_alone_teaches_no_site_and_the_next_night_goes_on(folder):
    images = folder / "images" / "quay"
    later = [path for path in images.iterdir() if path.name.startswith("20260302")]
    kept = folder / "later"
    kept.mkdir()
    for path in later:
        shutil.move(path, kept / path.name)
    one, _ = run(folder, DAY)
    assert (water(one)[FLAGS] == ValueFlag.NOT_KNOWN).all(axis=None)
    assert set(water(one)["water_site"]) == {0} and load_site(one.archive_root, "quay") is None
    for path in later:
        shutil.move(kept / path.name, path)
    two, _ = run(folder)
    table = water(two)
    assert (table["water_level_quality_flag"][:24] == ValueFlag.NOT_KNOWN).all()  # the record is not revised
    assert (table["water_level_quality_flag"][24:] == ValueFlag.GOOD).all()
    assert len(load_site(two.archive_root, "quay").origin.frames) == 48


def test_the_site_stays_and_a_third_day_is_read_by_it(folder):
    one, _ = run(folder)
    before = load_site(one.archive_root, "quay")
    write_camera(folder, "quay", days_of("2026-03-03T00:00", [0.1, 0.9, 0.5]))
    two, _ = run(folder, "2026-03-03")
    assert load_site(two.archive_root, "quay").digest == before.digest
    low, high, middle = water(two)["water_level"].tail(3)
    assert low < middle < high


def test_killed_before_the_record_and_run_again_is_run_once(folder):
    once = shutil.copytree(folder, folder.parent / "once")
    one, _ = run(once, water__flood_level=0.6)
    two = plan(folder, water__flood_level=0.6)
    ingest(two)
    infer(two)  # killed here: the site is stored, nothing recorded
    night(two)
    columns = ["time", "frame_sha256", *WATER_COLUMNS, *PROVENANCE]
    pd.testing.assert_frame_equal(water(one)[columns], water(two)[columns], check_exact=True)
    events = [ResultsRecord(p.results_uri).water_events() for p in (one, two)]
    assert len(events[0]) >= 1
    pd.testing.assert_frame_equal(*events)
    night(two)
    assert len(ResultsRecord(two.results_uri).water_events()) == len(events[0])


def test_dark_fog_and_one_flat_tone_are_flagged_not_guessed(folder):
    run(folder)
    pictures = days_of("2026-03-03T00:00", [0.5, None, 0.5])
    third = sorted(pictures)[2]
    pictures[third] = picture(0.5, light=0.001)
    write_camera(folder, "quay", pictures | {"2026-03-03T05:00:00": np.full((60, 80, 3), 90, np.uint8)})
    two, _ = run(folder, "2026-03-03")
    flags = water(two)["water_level_quality_flag"].tail(4).tolist()
    assert flags == [ValueFlag.GOOD, ValueFlag.UNOBSERVABLE, ValueFlag.DARK, ValueFlag.UNOBSERVABLE]
    assert water(two)["water_level"].tail(3).isna().all()


def test_an_all_dark_night_and_one_image_only(tmp_path, monkeypatch):
    install(monkeypatch)
    write_camera(tmp_path, "dark", days_of(f"{NEXT}T00:00", [0.5] * 30, step_hours=0.5, light=0.001))
    write_camera(tmp_path, "single", days_of(f"{NEXT}T12:00", [0.5]))
    one, rows = run(tmp_path)
    assert (rows["status"] == CameraNight.OK).all()
    assert (water(one, "dark")[FLAGS] == ValueFlag.DARK).all(axis=None)
    (single,) = water(one, "single").to_dict("records")
    assert [single[flag] for flag in FLAGS] == [ValueFlag.NOT_KNOWN] * 4


def test_a_view_without_water_has_no_level(tmp_path, monkeypatch):
    install(monkeypatch)
    write_camera(tmp_path, "street", days_of(f"{DAY}T00:00", [0.0] * 48))
    one, _ = run(tmp_path)
    assert (water(one, "street")[FLAGS] == ValueFlag.NOT_KNOWN).all(axis=None)
    assert load_site(one.archive_root, "street") is None


def test_switched_off_nothing_is_observed(folder):
    one, _ = run(folder, water__enabled=False)
    table = water(one)
    assert (table[FLAGS] == ValueFlag.NOT_OBSERVED).all(axis=None)
    assert set(table["water_model"]) == {-1} and set(table["water_site"]) == {0}


def test_a_camera_astray_is_unobservable_and_one_that_is_known_to_have_moved_is_put_right(
    tmp_path, monkeypatch
):
    install(monkeypatch)
    drift_camera.install(monkeypatch)
    steady = {time: _with_river(drift_camera.picture(), level) for time, level in _hourly(TIDE)}
    write_camera(tmp_path, "mast", steady)
    one = plan_of(tmp_path, NEXT)
    ingest(one)
    night(one)
    good = water(one, "mast")
    assert (good["water_level_quality_flag"] == ValueFlag.GOOD).mean() > 0.9
    still = _with_river(drift_camera.picture(), 0.5)
    moved = [_with_river(drift_camera.picture(dy=5), 0.5, dy=5) for _ in range(6)]
    astray = np.random.default_rng(0).integers(0, 255, still.shape).astype(np.uint8)
    names = [f"2026-03-03T{hour:02d}:00:00" for hour in range(1, 9)]
    write_camera(tmp_path, "mast", dict(zip(names, (still, *moved, astray), strict=True)))
    two = plan_of(tmp_path, "2026-03-03")
    ingest(two)
    night(two)
    table = water(two, "mast").tail(8)
    np.testing.assert_allclose(table["tilt_px"].iloc[1:7], 5, atol=0.5)
    assert table["pan_px_quality_flag"].iloc[1] == ValueFlag.OUTLIER  # so far one image against many
    flags = table["water_level_quality_flag"].tolist()
    assert flags[1] == flags[7] == ValueFlag.UNOBSERVABLE
    assert flags[0] == flags[6] == ValueFlag.GOOD
    assert table["water_level"].iloc[6] == pytest.approx(table["water_level"].iloc[0], abs=0.03)


def _hourly(levels):
    first = np.datetime64(f"{DAY}T00:00:00", "s")
    return [(str(first + np.timedelta64(i, "h")), level) for i, level in enumerate(levels)]


def _with_river(scene, level, dy=0):
    """A river in the lower half of a scene that was moved down by dy pixels."""
    seen = scene.copy()
    top = scene.shape[0] - 5 - round(level * 40) + dy
    seen[top : scene.shape[0] - 5 + dy, 60:100] = (20, 40, 200)
    return seen
