"""What is refused for now and what for good: settings, times and disks that change."""

import pytest
import zarr

from models.contracts.flags import SlotStatus
from models.contracts.slots import SatelliteGridSettings
from tasks.satellite_ingest import ingest_satellite
from tasks.seviri_native_format import Rectangle
from tasks.seviri_native_writer import write_native
from tasks.stores.repository import StoreError, writer
from tasks.stores.satellite_archive import SatelliteArchive
from tests.tasks.satellite_folders import AS_OF, REGION, settings, write_cma, write_ct
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
