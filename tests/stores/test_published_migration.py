"""A series that older code began: it grows on, and what is new in it starts with the next night."""

import json
import shutil

import numpy as np
import pytest
import xarray as xr

from models.contracts.flags import ValueFlag
from models.contracts.series import (
    DRIFT_QUANTITIES,
    SERIES_SCHEMA_VERSION,
    SKY_QUANTITIES,
    WATER_QUANTITIES,
)
from models.contracts.sky_variables import GENUS_COLUMNS, GENUS_PROBABILITY, SKY_VARIABLES
from tasks.errors import StoreError
from tasks.publishing import publish_run
from tasks.stores import published as published_module
from tasks.stores.published import PublishedSeries
from tasks.stores.results import ResultsRecord
from tests.stores.nights import night


def _names(quantities):
    return [name for q in quantities for name in (q.name, q.uncertainty, q.flag)]


SKY_ALONE = [*_names(SKY_QUANTITIES), *(v.name for v in SKY_VARIABLES), "sky_model", "sky_slots"]
SKY = [*SKY_ALONE, GENUS_PROBABILITY, "genus"]
WATER = [*_names(WATER_QUANTITIES), "water_model", "water_site", "water_gauge", *SKY]
NEW = [*_names(DRIFT_QUANTITIES), "drift_model", "drift_reference", *WATER]
LACKING = {1: (NEW, 6), 2: (WATER, 10), 3: (SKY, 11)}
"""By schema, the arrays that it did not have yet, and the number of its flags."""


def as_of_schema(version, series):
    """Takes away what later schemas brought: their arrays, and the meanings of their flags."""
    lacking, flags = LACKING[version]
    path = series / "zarr.json"
    root = json.loads(path.read_text())
    root["attributes"]["vigie_schema_version"] = version
    arrays = root["consolidated_metadata"]["metadata"]
    for name in lacking:
        shutil.rmtree(series / name)
        del arrays[name]
    for name, array in arrays.items():
        if name.endswith("_quality_flag"):
            array["attributes"]["flag_values"] = array["attributes"]["flag_values"][:flags]
            (series / name / "zarr.json").write_text(json.dumps(array))
    path.write_text(json.dumps(root))


@pytest.fixture
def record(tmp_path):
    record = ResultsRecord(tmp_path / "results")
    record.record(night("2026-01-01", value=0.25))
    return record


@pytest.fixture
def series(record, tmp_path):
    path = tmp_path / "series.zarr"
    publish_run(record, path, 30, 0, {})
    as_of_schema(1, path)
    return path


@pytest.mark.parametrize("version", LACKING)
def test_new_variables_start_with_the_next_night_and_the_past_stays(record, tmp_path, version):
    series = tmp_path / "series.zarr"
    publish_run(record, series, 30, 0, {})
    as_of_schema(version, series)
    before = xr.open_zarr(series).load()
    assert not set(LACKING[version][0]) & set(before)
    PublishedSeries(series, 30).check_settings()
    publish_run(record, series, 30, record.record(night("2026-01-02", value=0.75)), {})
    after = xr.open_zarr(series).load()
    assert after.attrs["vigie_schema_version"] == SERIES_SCHEMA_VERSION
    assert f"schema {version} became {SERIES_SCHEMA_VERSION}" in after.attrs["history"]
    past = after.isel(time=slice(0, 48))
    for name in before.data_vars:
        if "time" in before[name].dims:
            np.testing.assert_array_equal(past[name], before[name], err_msg=name)
    assert past["total_cloud_okta"].isnull().all() and past["genus_probability"].isnull().all()
    assert (past["total_cloud_okta_quality_flag"] == 1).all()  # not observed
    assert (past["genus_probability_quality_flag"] == 1).all()
    assert (past["wmo_2700_n"] == -1).all() and (past["cloud_source"] == 0).all()
    assert (past["sky_slots"] == 0).all() and (past["sky_model"] == -1).all()
    assert list(after["genus"].values[[0, 9]]) == ["Ci", "Cb"]
    if version < 3:
        assert past["water_level"].isnull().all()
        assert (past["water_level_quality_flag"] == 1).all()
        assert (past["water_site"] == 0).all() and (past["water_model"] == -1).all()
    if version == 1:
        assert past["pan_px"].isnull().all() and (past["drift_reference"] == 0).all()
    new = after.sel(camera="a", time="2026-01-02T05:00")
    for name in ("water_level", "cloud_area_fraction"):
        assert (float(new[name]), float(new[f"{name}_uncertainty"])) == (0.75, pytest.approx(0.1))
    assert float(new["genus_probability"].sel(genus="Cu")) == pytest.approx(0.6)
    assert (int(new["wmo_2700_n"]), float(new["okta_set_high"])) == (6, 7)
    flags = after["image_luminance_quality_flag"].attrs
    assert flags["flag_meanings"].split() == [flag.name.lower() for flag in ValueFlag]
    assert list(flags["flag_values"]) == [int(flag) for flag in ValueFlag]


@pytest.mark.parametrize("kill_after", [0, 30, 80])
def test_a_migration_killed_anywhere_leaves_the_old_series_and_can_be_done_again(
    record, series, kill_after, monkeypatch, tmp_path
):
    before = xr.open_zarr(series).load()
    run = record.record(night("2026-01-02"))
    whole = shutil.copytree(series, tmp_path / "whole.zarr")
    writes = {"left": kill_after}
    store_set = published_module.LocalStore.set

    async def dies(self, key, value):
        if writes["left"] == 0:
            raise OSError("killed here")
        writes["left"] -= 1
        await store_set(self, key, value)

    with monkeypatch.context() as patch, pytest.raises(OSError, match="killed here"):
        patch.setattr(published_module.LocalStore, "set", dies)
        publish_run(record, series, 30, run, {})
    opened = xr.open_zarr(series).load()
    xr.testing.assert_identical(opened, before)
    for path in (series, whole):
        publish_run(record, path, 30, run, {})
    xr.testing.assert_identical(xr.open_zarr(series).load(), xr.open_zarr(whole).load())


def test_a_schema_from_the_future_is_refused_with_a_mend(series):
    path = series / "zarr.json"
    path.write_text(path.read_text().replace('"vigie_schema_version": 1', '"vigie_schema_version": 99'))
    with pytest.raises(StoreError, match=r"schema 99 .* publish a new edition"):
        PublishedSeries(series, 30).check_settings()


def test_a_record_that_older_code_began_reads_as_not_observed(tmp_path, monkeypatch):
    from tasks.stores import results

    new = {*NEW, *GENUS_COLUMNS}
    older = {k: v for k, v in results.OBSERVATIONS.items() if k not in new}
    record = ResultsRecord(tmp_path / "results")
    with monkeypatch.context() as patch:
        patch.setattr(results, "OBSERVATIONS", older)
        patch.setattr(results, "_TABLES", results._TABLES | {"observations": (older, "obs", 16384)})
        patch.setattr(results, "MODEL_CODES", ("cloud_model",))
        record.record(night("2026-01-01"))
    rows = record.observations()
    assert rows["pan_px"].isna().all()
    assert set(rows["pan_px_quality_flag"]) == {1}
    assert set(rows["drift_model"]) == set(rows["wmo_1600_base"]) == {-1}
    assert rows["genus_probability_ci"].isna().all()
    record.record(night("2026-01-02"))
    rows = record.observations()
    assert rows["pan_px"].isna().sum() == 48
    assert rows["pan_px"].notna().sum() == 48
