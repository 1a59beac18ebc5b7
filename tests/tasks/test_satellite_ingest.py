"""From files to the satellite archive: late, twice, damaged, in any order."""

import os
import shutil
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from datetime import UTC, date, datetime, timedelta
from itertools import permutations

import numpy as np
import pytest

from models.contracts.flags import Refusal, SlotStatus
from models.science.geometry import MSG_FRANCE, GeosGrid
from tasks.errors import ConfigurationError
from tasks.satellite_ingest import ingest_satellite
from tasks.satellite_processes import FileReaders
from tasks.satellite_sets import SlotFiles
from tasks.stores.repository import StoreError
from tasks.stores.satellite_archive import SatelliteArchive
from tasks.stores.satellite_rows import SatelliteFile
from tests.tasks.satellite_folders import AS_OF, GRID, settings, slot_time, write_cma, write_ct


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "files"


@pytest.fixture
def root(tmp_path):
    return str(tmp_path / "archive")


def _reasons(root):
    table = SatelliteArchive(root, "msg").refusals()
    return dict(zip(table["source"], table["reason"], strict=True))


def test_a_day_with_a_gap_reads_back_with_its_ledger(folder, root):
    for number in (0, 1, 3):
        write_cma(folder, number)
    write_ct(folder, 0)
    summary = ingest_satellite(settings(folder), root, AS_OF)
    assert (summary.files, summary.slots_written, summary.refused, summary.error) == (4, 4, {}, None)
    assert summary.days == (date(2024, 6, 1),)
    assert summary.touched_slots == (slot_time(0), slot_time(1), slot_time(3))

    data = SatelliteArchive(root, "msg").open()
    assert data.sizes["time"] == 96  # the whole day is due
    at = data.sel(time=slot_time(0))
    assert (at.cma.values == 0).all() and (at.ct.values == 6).all()
    assert (data.cma.sel(time=slot_time(1)).values == 1).all()
    gap = data.sel(time=slot_time(2))
    assert (gap.cma.values == 255).all()  # never zeros, which would be a clear sky
    assert gap.status.values.tolist() == [SlotStatus.MISSING, SlotStatus.MISSING]
    assert data.status.sel(time=slot_time(1), product="CT") == SlotStatus.MISSING
    np.testing.assert_allclose(data.y.values, GRID.y)
    np.testing.assert_allclose(data.x.values, GRID.x)
    assert data.geostationary.attrs["grid_mapping_name"] == "geostationary"


def test_reading_in_processes_gives_the_same_archive(folder, root, tmp_path):
    for number in (0, 1, 3):
        write_cma(folder, number)
    broken = write_ct(folder, 0)
    broken.write_bytes(broken.read_bytes()[:2000])
    here = ingest_satellite(settings(folder), root, AS_OF)
    apart = ingest_satellite(settings(folder), str(tmp_path / "apart"), AS_OF, processes=2)
    assert here == apart
    assert apart.refused == {"file_corrupt": 1}
    a, b = SatelliteArchive(root, "msg").open(), SatelliteArchive(str(tmp_path / "apart"), "msg").open()
    np.testing.assert_array_equal(a.cma.values, b.cma.values)


def test_a_file_that_kills_its_reader_is_refused_and_the_others_are_read(folder, monkeypatch):
    files = [SatelliteFile(f"f{i}", f"f{i}", 0) for i in range(3)]
    sets = [SlotFiles(None, (f,), (("CMA",),), (None,), (), 0, {"CMA": f}) for f in files]

    def read_one(pool, task, one):
        future = Future()
        if one.files[0].name == "f1":
            future.set_exception(BrokenProcessPool())
        else:
            future.set_result([one.files[0].name])
        return future

    monkeypatch.setattr(ProcessPoolExecutor, "submit", read_one)
    with FileReaders(settings(folder), processes=1) as readers:
        first, second, third = readers.read(sets)
    assert (first, third) == ("f0", "f2")
    assert second.reason == Refusal.FILE_CORRUPT


def test_every_line_keeps_its_own_scan_time(folder, root):
    write_cma(folder, 0)
    ingest_satellite(settings(folder), root, AS_OF)
    line = 9  # y = 4152558 m: 4152558 / 3000.4 + 1855.5 = 3239.5 lines from the south, x 0.2 s = 647.9 s
    offset = SatelliteArchive(root, "msg").open().scan_offset_s.sel(time=slot_time(0))
    assert float(offset[line]) == pytest.approx(647.9, abs=0.6)
    # 19 lines of 0.2 s between the edges, which the file states in whole seconds
    assert float(offset[0] - offset[-1]) == pytest.approx(18 * 0.2, abs=1.0)


def test_quantities_are_decoded_and_nothing_is_nan(folder, root):
    from tasks.nwcsaf_writer import write_nwcsaf

    altitude = np.full(GRID.shape, 3000.0)
    altitude[0, 0] = np.nan
    write_nwcsaf(folder, "CTTH", slot_time(0), {"ctth_alti": altitude}, GRID)
    ingest_satellite(settings(folder, variables=("ctth_alti",)), root, AS_OF)
    read = SatelliteArchive(root, "msg").open().ctth_alti
    np.testing.assert_array_equal(read.sel(time=slot_time(0)).values, altitude)
    assert np.isnan(read.sel(time=slot_time(1)).values).all()


def test_the_same_folder_again_changes_nothing(folder, root):
    write_cma(folder, 0)
    ingest_satellite(settings(folder), root, AS_OF)
    archive = SatelliteArchive(root, "msg")
    again = ingest_satellite(settings(folder), root, AS_OF)
    assert (again.slots_written, again.touched_slots, again.refused) == (0, (), {})
    # a file that was only touched is read again, and still changes nothing
    os.utime(next(folder.glob("*.nc")), (1, 1))
    assert ingest_satellite(settings(folder), root, AS_OF).touched_slots == ()
    assert archive.last_arrival == SatelliteArchive(root, "msg").last_arrival == 1


def test_a_late_slot_touches_only_itself(folder, root):
    write_cma(folder, 0)
    write_cma(folder, 2)
    ingest_satellite(settings(folder), root, AS_OF)
    write_cma(folder, 1)
    late = ingest_satellite(settings(folder), root, AS_OF)
    assert late.touched_slots == (slot_time(1),)
    archive = SatelliteArchive(root, "msg")
    since = archive.slots_since(1)
    assert since["time"].tolist() == [slot_time(1)]
    assert since["CMA"].tolist() == [SlotStatus.OK]
    assert archive.slots_since(0)["arrival"].tolist() == [1, 2, 1]
    assert archive.slots_since(2).empty
    assert (archive.open().cma.sel(time=slot_time(2)).values == 0).all()


def test_faulty_files_are_refused_once_and_the_rest_is_kept(folder, root):
    write_cma(folder, 0)
    whole = write_cma(folder, 1)
    whole.write_bytes(whole.read_bytes()[:2000])  # cut short
    write_cma(folder, 2).write_bytes(b"")
    write_cma(folder, 3, grid=MSG_FRANCE.window(slice(0, 40), slice(0, 60)))  # Ireland
    moved = GeosGrid(GRID.x_west_m + 1500, GRID.y_north_m, GRID.step_m, GRID.columns, GRID.lines)
    write_cma(folder, 4, grid=moved)  # covers the region with other pixels
    write_ct(folder, 5)
    (folder / write_ct(folder, 6).name.replace("CT", "CMA", 1)).write_bytes(write_ct(folder, 6).read_bytes())
    (folder / "notes.nc").write_text("not of the reader's kind: ignored")
    summary = ingest_satellite(settings(folder), root, AS_OF)
    assert summary.refused == {
        "file_corrupt": 1,
        "empty_file": 1,
        "other_region": 2,
        "missing_variable": 1,
    }
    archive = SatelliteArchive(root, "msg")
    status = archive.status()["CMA"].loc[slot_time(0) : slot_time(4)].tolist()
    assert status == [SlotStatus.OK, *[SlotStatus.BAD] * 4]
    assert ingest_satellite(settings(folder), root, AS_OF).refused == {}
    assert len(archive.refusals()) == 5
    (words,) = (detail for detail in archive.refusals()["detail"] if "archive" in detail)
    assert words == (
        "29 x 19 pixels of 3 km at 0.0 E, the archive has 30 x 19 pixels of 3 km at 0.0 E: "
        "was `region` changed, or did the sector move?"
    )


def test_a_file_delivered_whole_after_all_takes_its_place(folder, root):
    path = write_cma(folder, 1)
    whole = path.read_bytes()
    path.write_bytes(whole[:2000])
    write_cma(folder, 0)
    ingest_satellite(settings(folder), root, AS_OF)
    path.write_bytes(whole)
    assert ingest_satellite(settings(folder), root, AS_OF).touched_slots == (slot_time(1),)
    assert SatelliteArchive(root, "msg").status().loc[slot_time(1), "CMA"] == SlotStatus.OK


def test_a_file_rewritten_in_place_is_read_anew(folder, root):
    # satpy leaves files open, and HDF5 then gives the old content of the same inode
    path, other = write_cma(folder, 0, value=0, region="A"), write_cma(folder, 1, value=0, region="A")
    ingest_satellite(settings(folder), root, AS_OF)
    with path.open("r+b") as stream:
        stream.truncate(other.stat().st_size // 2)
    assert ingest_satellite(settings(folder), root, AS_OF).refused == {"file_corrupt": 1}
    assert (
        SatelliteArchive(root, "msg").status().loc[slot_time(0), "CMA"] == SlotStatus.OK
    )  # what it held stays


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9, 0.999])
def test_a_file_cut_anywhere_is_refused(folder, root, share):
    path = write_cma(folder, 0)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    assert ingest_satellite(settings(folder), root, AS_OF).refused == {"file_corrupt": 1}
    (detail,) = SatelliteArchive(root, "msg").refusals()["detail"]
    assert str(folder.parent) not in detail and "/tmp" not in detail


def test_a_missing_variable_leaves_the_rest(folder, root):
    write_cma(folder, 0)
    summary = ingest_satellite(settings(folder, variables=("cma", "cma_cloudsnow")), root, AS_OF)
    assert summary.refused == {"missing_variable": 1}
    data = SatelliteArchive(root, "msg").open().sel(time=slot_time(0), product="CMA")
    assert data.status == SlotStatus.PARTIAL
    assert (data.cma.values == 0).all() and (data.cma_cloudsnow.values == 255).all()
    assert list(_reasons(root).values()) == ["missing_variable"]


def test_two_files_for_one_slot_read_the_same_in_any_order(tmp_path):
    sources = [
        write_cma(tmp_path / "a", 0, value=0, region="A"),
        write_cma(tmp_path / "a", 0, value=1, region="B"),
        write_cma(tmp_path / "a", 0, value=1, region="C"),
    ]
    shutil.copy(sources[1], tmp_path / "a" / sources[1].name.replace("_B_", "_D_"))  # the same bytes twice
    names = sorted(path.name for path in (tmp_path / "a").glob("*.nc"))
    seen = set()
    for number, order in enumerate(permutations(names)):
        folder, root = tmp_path / f"in{number}", str(tmp_path / f"archive{number}")
        folder.mkdir()
        for name in order[:2] if number % 2 else order[:3]:
            shutil.copy2(tmp_path / "a" / name, folder)
        ingest_satellite(settings(folder), root, AS_OF)
        for name in order:
            shutil.copy2(tmp_path / "a" / name, folder)
        ingest_satellite(settings(folder), root, AS_OF)
        data = SatelliteArchive(root, "msg").open().sel(time=slot_time(0), product="CMA")
        losers = tuple(sorted(_reasons(root)))
        seen.add((str(data.source.values), int(data.cma.values[0, 0]), losers))
        if number == 7:
            break
    assert len(seen) == 1
    ((winner, _, losers),) = seen
    assert sorted((winner, *losers)) == names


def test_the_future_is_judged_again(folder, root):
    write_cma(folder, 0)
    write_cma(folder, 1)
    noon = datetime(2024, 6, 1, 12, 5, tzinfo=AS_OF.tzinfo)
    first = ingest_satellite(settings(folder), root, noon)
    assert (first.slots_written, first.refused) == (1, {"time_in_future": 1})
    assert len(SatelliteArchive(root, "msg").refusals()) == 1
    later = ingest_satellite(settings(folder), root, noon + timedelta(hours=1))
    assert (later.slots_written, later.refused) == (1, {})
    assert SatelliteArchive(root, "msg").refusals().empty


def test_a_slot_off_the_axis_is_refused(folder, root):
    write_cma(folder, 0)
    write_cma(folder, 1)
    summary = ingest_satellite(settings(folder, cadence_minutes=30), root, AS_OF)
    assert (summary.slots_written, summary.refused) == (1, {"other_cadence": 1})


def test_parallax_corrected_files_are_known_and_give_way(folder, root):
    plain = write_cma(folder, 0, value=0)
    moved = write_cma(folder / "p", 0, value=1)
    moved.rename(folder / moved.name.replace("Z.nc", "Z_PLAX.nc"))
    write_cma(folder / "q", 1).rename(
        folder / plain.name.replace("1200", "1215").replace("Z.nc", "Z_PLAX.nc")
    )
    ingest_satellite(settings(folder), root, AS_OF)
    data = SatelliteArchive(root, "msg").open().sel(product="CMA")
    assert data.parallax_corrected.sel(time=[slot_time(0), slot_time(1)]).values.tolist() == [0, 1]
    assert (data.cma.sel(time=slot_time(0)).values == 0).all()


def test_nothing_there(folder, root):
    assert "no folder" in ingest_satellite(settings(folder), root, AS_OF).error
    folder.mkdir()
    empty = ingest_satellite(settings(folder), root, AS_OF)
    assert (empty.files, empty.error) == (0, None)
    archive = SatelliteArchive(root, "msg")
    assert (
        archive.known(settings(folder)) == set() and archive.refusals().empty and archive.slots_since(0).empty
    )
    assert archive.last_arrival == 0
    with pytest.raises(StoreError, match="ingest first"):
        archive.open()


def test_only_damaged_files_are_recorded_too(folder, root):
    write_cma(folder, 0).write_bytes(b"x" * 100)
    assert ingest_satellite(settings(folder), root, AS_OF).refused == {"file_corrupt": 1}
    assert ingest_satellite(settings(folder), root, AS_OF).refused == {}
    write_cma(folder, 1)
    assert ingest_satellite(settings(folder), root, AS_OF).slots_written == 1


def test_a_full_disk_here_refuses_no_file(folder, root, monkeypatch):
    write_cma(folder, 0)
    with monkeypatch.context() as patched:
        patched.setattr("tasks.satellite_copies.Path.open", _no_room)
        with pytest.raises(StoreError, match="No space left"):
            ingest_satellite(settings(folder), root, AS_OF)
    assert ingest_satellite(settings(folder), root, AS_OF).slots_written == 1


def _no_room(path, mode):
    raise OSError(28, "No space left on device")


def test_wrong_settings_are_said_at_once(folder, root):
    write_cma(folder, 0)
    with pytest.raises(ConfigurationError, match="nwcsaf-goe"):
        ingest_satellite(settings(folder, reader="nwcsaf-goe"), root, AS_OF)
    ingest_satellite(settings(folder, variables=("cma",)), root, AS_OF)
    write_ct(folder, 0)
    with pytest.raises(StoreError, match="without ct"):
        ingest_satellite(settings(folder), root, AS_OF)


def test_the_archive_opens_with_the_xarray_engine(folder, root):
    import xarray as xr

    write_cma(folder, 1)
    ingest_satellite(settings(folder), root, AS_OF)
    data = xr.open_dataset(f"{root}/satellite/msg", engine="vigie", chunks={})
    assert int(data.cma.sel(time=slot_time(1)).mean().compute()) == 1


def test_a_file_of_the_future_waits_and_does_not_stretch_the_axis(folder, root):
    """Cut short too, it would have marked a slot of 2099 as bad, and made a hundred years of slots due."""
    write_cma(folder, 0)
    late = write_cma(folder, 1)
    (folder / late.name.replace("2024", "2099")).write_bytes(late.read_bytes()[:500])
    tomorrow = datetime(2024, 6, 1, 12, 5, tzinfo=UTC)
    summary = ingest_satellite(settings(folder), root, tomorrow)
    assert summary.refused == {"time_in_future": 1, "file_corrupt": 1}
    status = SatelliteArchive(root, "msg").status()
    assert len(status) == 96
    assert status.loc[slot_time(1), "CMA"] == SlotStatus.MISSING
    assert ingest_satellite(settings(folder), root, AS_OF).slots_written == 1
