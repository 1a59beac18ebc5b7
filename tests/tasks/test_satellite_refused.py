"""What is refused for now and what for good: settings, times and disks that change."""

import netCDF4
import numpy as np
import pytest
import xarray as xr
import zarr

from models.contracts.flags import SlotStatus
from models.contracts.slots import SatelliteGridSettings
from models.science.geometry import MSG_FRANCE
from tasks.nwcsaf_writer import write_nwcsaf
from tasks.satellite_ingest import ingest_satellite
from tasks.seviri_native_format import Rectangle
from tasks.seviri_native_writer import write_native
from tasks.stores.repository import StoreError, writer
from tasks.stores.satellite_archive import SatelliteArchive
from tests.tasks.satellite_folders import AS_OF, REGION, settings, slot_time, write_cma, write_ct
from tests.tasks.test_seviri_native_writer import NOON, fields

IRELAND = (-9.0, 52.0, -7.0, 53.0)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "files"


@pytest.fixture
def root(tmp_path):
    return str(tmp_path / "archive")


def test_a_native_file_on_a_disk_that_fails_is_read_by_the_next_run(folder, root, monkeypatch):
    france = Rectangle.around(MSG_FRANCE, margin=4)
    write_native(folder, NOON, fields(france, ["IR_108"]), france)
    native = SatelliteGridSettings("native", str(folder), "*.nat", "seviri_l1b_native", variables=("IR_108",))

    def failing(*args, **options):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr("numpy.memmap", failing)
        assert ingest_satellite(native, root, AS_OF).refused == {"unreadable_source": 1}
    assert ingest_satellite(native, root, AS_OF).slots_written == 1
    assert ingest_satellite(native, root, AS_OF).slots_written == 0
    archive = SatelliteArchive(root, "native")
    assert archive.status().loc[NOON, "IR_108"] == SlotStatus.OK and archive.refusals().empty


def test_a_region_that_did_not_fit_is_corrected(folder, root):
    write_cma(folder, 0)
    assert ingest_satellite(settings(folder, region=IRELAND), root, AS_OF).refused == {"other_region": 1}
    assert ingest_satellite(settings(folder, region=IRELAND), root, AS_OF).refused == {}
    assert ingest_satellite(settings(folder), root, AS_OF).slots_written == 1
    assert SatelliteArchive(root, "msg").refusals().empty


def test_a_region_that_is_refused_twice_is_recorded_twice(folder, root):
    write_cma(folder, 0)
    for region in (IRELAND, (-9.0, 52.0, -7.0, 53.5)):
        assert ingest_satellite(settings(folder, region=region), root, AS_OF).refused == {"other_region": 1}
        assert ingest_satellite(settings(folder, region=region), root, AS_OF).refused == {}
        assert len(SatelliteArchive(root, "msg").refusals()) == 1  # under the settings of today


def test_another_region_stops_before_a_file_is_refused(folder, root):
    write_cma(folder, 0)
    ingest_satellite(settings(folder), root, AS_OF)
    write_ct(folder, 0)
    other = (REGION[0], REGION[1], REGION[2], 43.9)
    with pytest.raises(StoreError, match="another region"):
        ingest_satellite(settings(folder, region=other), root, AS_OF)
    assert ingest_satellite(settings(folder), root, AS_OF).slots_written == 1
    with pytest.raises(StoreError, match="another cadence, 15 minutes"):
        ingest_satellite(settings(folder, cadence_minutes=30), root, AS_OF)


def test_an_older_archive_that_does_not_state_its_region_recovers(folder, root):
    write_cma(folder, 0)
    ingest_satellite(settings(folder), root, AS_OF)
    with writer(SatelliteArchive(root, "msg").uri, "satellite", "as it was") as session:
        group = zarr.open_group(session.store, mode="r+", zarr_format=3)
        del group.attrs["region"]
    write_ct(folder, 0).write_bytes(b"")
    ingest_satellite(settings(folder), root, AS_OF)
    with writer(SatelliteArchive(root, "msg").uri, "satellite", "as it was") as session:
        group = zarr.open_group(session.store, mode="r+", zarr_format=3)
        del group["refusals/settings"]
    assert len(SatelliteArchive(root, "msg").refusals()) == 1
    write_ct(folder, 1)
    other = settings(folder, region=(REGION[0], REGION[1], REGION[2], 43.9))
    assert ingest_satellite(other, root, AS_OF).refused == {"other_region": 1}
    assert ingest_satellite(settings(folder), root, AS_OF).slots_written == 1


def test_a_file_without_a_variable_is_judged_once_per_settings(folder, root):
    path = write_cma(folder, 0)
    path.rename(folder / path.name.replace("CMA", "CT", 1))
    both = {"variables": ("ct", "ct_cumuliform")}
    assert ingest_satellite(settings(folder, **both), root, AS_OF).refused == {"missing_variable": 1}
    assert ingest_satellite(settings(folder, variables=("ct",)), root, AS_OF).refused == {
        "missing_variable": 1
    }
    assert ingest_satellite(settings(folder, **both), root, AS_OF).refused == {}


def test_a_file_of_many_slots_is_read_until_the_last_has_come(folder, root):
    folder.mkdir()
    times = slot_time(0) + np.arange(4) * np.timedelta64(15, "m")  # 12:00 to 12:45
    lat, lon = 44.0 - 0.03 * np.arange(20), 1.0 + 0.03 * np.arange(20)
    data = np.full((4, 20, 20), 6, "i1")
    names = ("time", "lat", "lon")
    xr.Dataset({"CT": (names, data)}, dict(zip(names, (times, lat, lon), strict=True))).to_netcdf(
        folder / "CT_NW_2024.nc"
    )
    grid = settings(folder, reader="meteonet", variables=("ct",))
    day = AS_OF.replace(day=1)
    first = ingest_satellite(grid, root, day.replace(hour=12, minute=5))
    assert (first.slots_written, first.refused) == (1, {"time_in_future": 1})
    (refusal,) = SatelliteArchive(root, "msg").refusals().itertuples()
    assert "3 slots" in refusal.detail and refusal.slot_time == slot_time(3)
    assert ingest_satellite(grid, root, day.replace(hour=12, minute=20)).touched_slots == (slot_time(1),)
    assert ingest_satellite(grid, root, day.replace(hour=13)).touched_slots == (slot_time(2), slot_time(3))
    archive = SatelliteArchive(root, "msg")
    assert archive.refusals().empty and (archive.status()["CT"] == SlotStatus.OK).sum() == 4
    assert archive.known(grid) == {
        ("CT_NW_2024.nc", *(v for _, v in archive.known(grid)))
    }  # not opened again


@pytest.mark.parametrize("window", ["auto", "satpy"])
def test_a_file_of_another_projection_is_refused_and_the_rest_goes_on(folder, root, window):
    path = write_cma(folder, 0)
    with netCDF4.Dataset(path, "a") as content:
        content.gdal_projection = "+proj=stere +lat_0=90 +lon_0=0 +a=6378137 +b=6356752.3"
    write_cma(folder, 1)
    grid = settings(folder, window=window)
    summary = ingest_satellite(grid, root, AS_OF)
    assert (summary.slots_written, summary.refused) == (1, {"other_region": 1})
    (refusal,) = SatelliteArchive(root, "msg").refusals().itertuples()
    assert refusal.detail.startswith("not a geostationary grid: projection polar_stereographic")


def test_files_of_another_cadence_or_region_stretch_no_axis(folder, root):
    for number in (0, 2):
        write_cma(folder, number)
    ingest_satellite(settings(folder, cadence_minutes=30), root, AS_OF)
    days = np.timedelta64(3, "D")
    for time in (slot_time(0) - days, slot_time(0) + days):
        mask = np.zeros(MSG_FRANCE.window(slice(0, 40), slice(0, 60)).shape, "u1")
        write_nwcsaf(folder, "CMA", time, {"cma": mask}, MSG_FRANCE.window(slice(0, 40), slice(0, 60)))
    assert ingest_satellite(settings(folder, cadence_minutes=30), root, AS_OF).refused == {"other_region": 2}
    assert len(SatelliteArchive(root, "msg").status()) == 48  # one day of half hours


@pytest.mark.parametrize(
    ("reader", "name"), [("nwcsaf-geo", "nwcsaf_window.pack"), ("meteonet", "meteonet_files._window")]
)
def test_a_fault_of_our_own_is_no_damaged_file(folder, root, monkeypatch, reader, name):
    write_cma(folder, 0)
    names = ("lat", "lon")
    axes = {"time": [slot_time(0)], "lat": [44.0, 43.0], "lon": [1.0, 2.0]}
    xr.Dataset({"CT": (("time", *names), np.ones((1, 2, 2), "i1"))}, axes).to_netcdf(folder / "CT_NW_2024.nc")

    def wrong(*args):
        raise ValueError("a fault of our own")

    monkeypatch.setattr(f"tasks.{name}", wrong)
    variables = ("cma",) if reader == "nwcsaf-geo" else ("ct",)
    with pytest.raises(ValueError, match="of our own"):
        ingest_satellite(settings(folder, reader=reader, variables=variables), root, AS_OF)


def test_a_file_of_many_slots_without_a_grid_is_damaged(folder, root):
    folder.mkdir()
    axes = {"time": [slot_time(0)], "lat": [], "lon": []}
    xr.Dataset({"CT": (("time", "lat", "lon"), np.ones((1, 0, 0), "i1"))}, axes).to_netcdf(
        folder / "CT_NW_2024.nc"
    )
    grid = settings(folder, reader="meteonet", variables=("ct",))
    assert ingest_satellite(grid, root, AS_OF).refused == {"file_corrupt": 1}
