"""Slots that come as segments with a prologue and an epilogue: in part, late, twice, damaged, in any order."""

import errno
import logging
import shutil
from itertools import permutations

import numpy as np
import pytest

from models.contracts.flags import SlotStatus
from models.contracts.slots import SatelliteGridSettings
from tasks.satellite_catalogue import reader_config
from tasks.satellite_ingest import ingest_satellite
from tasks.satellite_sets import FileNames
from tasks.satellite_sources import FolderSource
from tasks.satellite_windows import covering_segments
from tasks.stores.satellite_archive import SatelliteArchive
from tasks.stores.satellite_rows import SatelliteFile
from tasks.zip_members import opened
from tests.tasks.hrit_writer import write_epilogue, write_prologue, write_segment, write_slot
from tests.tasks.satellite_folders import AS_OF, FIRST, slot_time

REGION = (0.5, 43.0, 2.5, 45.0)
"""Segment 7 ends at about 44 N: the region lies in two."""
FRANCE = (-5.5, 41.0, 10.0, 51.5)
TOULOUSE = (43.6, 1.44)

pytestmark = [
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:No orbit polynomial:UserWarning"),  # the writer gives none
]


@pytest.fixture(autouse=True)
def quiet(caplog):
    caplog.set_level(logging.CRITICAL, logger="hrit_msg")  # the writer gives no orbit


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "files"


@pytest.fixture
def root(tmp_path):
    return str(tmp_path / "archive")


def settings(source, **changes):
    return SatelliteGridSettings(
        **{
            "name": "seviri",
            "source": str(source),
            "pattern": "H-000-*",
            "reader": "seviri_l1b_hrit",
            "region": REGION,
            "variables": ("IR_108",),
            **changes,
        }
    )


def ingest(folder, root, **changes):
    return ingest_satellite(settings(folder, **changes), root, AS_OF)


def slot(root, number=0):
    return SatelliteArchive(root, "seviri").open().sel(time=slot_time(number))


def test_a_whole_slot_has_every_line_and_its_scan_time(folder, root):
    write_slot(folder, FIRST)
    write_segment(folder, FIRST, "IR_108", 6)  # south of the region: not opened
    assert ingest(folder, root).slots_written == 1
    data = slot(root)
    assert data.status.values.tolist() == [SlotStatus.OK] and float(data.lines_share[0]) == 1.0
    # count 500: 0.2 x 500 - 10.2 = 89.8 mW m-2 sr-1 (cm-1)-1, by Planck's law at 10.8 um about 286 K
    assert data.brightness_temperature.sel(bt_channel="IR_108").values == pytest.approx(285.95, abs=0.006)
    assert data.brightness_temperature.attrs["units"] == "K"
    line, _ = SatelliteArchive(root, "seviri").grid.pixel_at(*TOULOUSE)
    # line 3239 or 3240 from the south (y = 4152 km / 3.0004 km + 1856), x 0.2 s + 11 s
    assert float(data.scan_offset_s[line]) == pytest.approx(3239.5 * 0.2 + 11, abs=0.3)
    _, offsets, held = SatelliteArchive(root, "seviri").slots_between(FIRST, FIRST, line)
    assert offsets[held].tolist() == [float(data.scan_offset_s[line])]


def test_half_a_slot_is_partial_and_completes_when_the_rest_comes(folder, root):
    write_slot(folder, FIRST, segments=(7,))
    ingest(folder, root)
    data, archive = slot(root), SatelliteArchive(root, "seviri")
    assert data.status.values.tolist() == [SlotStatus.PARTIAL]
    there = np.isfinite(data.scan_offset_s.values)
    assert float(data.lines_share[0]) == pytest.approx(there.mean(), abs=1e-6) and 0 < there.mean() < 1
    assert np.isnan(data.brightness_temperature.values[~there]).all()  # in the north, never zeros
    assert np.isfinite(data.brightness_temperature.values[there]).all() and there[-1] and not there[0]
    north, south = 0, data.sizes["y"] - 1
    assert not archive.slots_between(FIRST, FIRST, north)[
        2
    ].any()  # no frame is matched to a line that is lacking
    assert archive.slots_between(FIRST, FIRST, south)[2].sum() == 1

    write_segment(folder, FIRST, "IR_108", 8)
    late = ingest(folder, root)
    assert (late.touched_slots, late.refused) == ((FIRST,), {})
    assert slot(root).status.values.tolist() == [SlotStatus.OK]
    assert np.isfinite(slot(root).brightness_temperature.values).all()
    again = ingest(folder, root)
    assert (again.slots_written, again.touched_slots, again.refused) == (0, (), {})
    assert SatelliteArchive(root, "seviri").refusals().empty


def test_segments_that_left_the_source_do_not_take_their_lines_along(folder, root):
    paths = write_slot(folder, FIRST)
    ingest(folder, root)
    next(path for name, path in paths.items() if "000008" in name).unlink()
    assert ingest(folder, root).touched_slots == ()
    assert slot(root).status.values.tolist() == [SlotStatus.OK]
    assert ingest(folder, root).refused == {}


def test_without_prologue_it_waits_and_is_judged_again(folder, root):
    for number in (7, 8):
        write_segment(folder, FIRST, "IR_108", number)
    write_epilogue(folder, FIRST)
    write_slot(folder, slot_time(1))
    assert ingest(folder, root).refused == {"incomplete_slot": 1}
    assert slot(root).status.values.tolist() == [SlotStatus.MISSING]
    assert SatelliteArchive(root, "seviri").refusals()["reason"].tolist() == ["incomplete_slot"]
    write_prologue(folder, FIRST)
    assert ingest(folder, root).touched_slots == (FIRST,)
    assert SatelliteArchive(root, "seviri").refusals().empty


def test_a_damaged_segment_is_refused_and_the_others_go_on(folder, root):
    paths = write_slot(folder, FIRST, channels=("IR_108", "IR_120"))
    broken = next(path for name, path in paths.items() if "IR_108" in name and "000008" in name)
    whole = broken.read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    summary = ingest(folder, root, variables=("IR_108", "IR_120"))
    assert (summary.slots_written, summary.refused) == (2, {"file_corrupt": 1})
    data = slot(root)
    assert data.status.sel(product="IR_108") == SlotStatus.PARTIAL
    assert data.status.sel(product="IR_120") == SlotStatus.OK
    assert SatelliteArchive(root, "seviri").refusals()["source"].tolist() == [broken.name]
    assert broken.exists()  # not moved
    assert ingest(folder, root, variables=("IR_108", "IR_120")).refused == {}
    broken.write_bytes(whole)
    assert ingest(folder, root, variables=("IR_108", "IR_120")).touched_slots == (FIRST,)
    assert slot(root).status.values.tolist() == [SlotStatus.OK, SlotStatus.OK]


def test_a_damaged_prologue_is_named_and_the_segments_are_not_blamed(folder, root):
    paths = write_slot(folder, FIRST)
    prologue = next(path for name, path in paths.items() if "PRO" in name)
    prologue.write_bytes(prologue.read_bytes()[:1000])
    write_slot(folder, slot_time(1))
    assert ingest(folder, root).refused == {"file_corrupt": 1, "incomplete_slot": 1}
    write_prologue(folder, FIRST)
    assert ingest(folder, root).touched_slots == (FIRST,)


def test_channels_scanned_apart_keep_their_own_times(folder, root):
    write_slot(folder, FIRST, channels=("IR_108",))
    for number in (7, 8):
        write_segment(folder, FIRST, "IR_120", number, start_s=14.0)
    ingest(folder, root, variables=("IR_108", "IR_120"))
    times = slot(root).channel_scan_offset_s
    np.testing.assert_allclose(times.sel(product="IR_120") - times.sel(product="IR_108"), 3.0, atol=1e-3)
    np.testing.assert_array_equal(slot(root).scan_offset_s, times.sel(product="IR_108"))


def test_the_order_of_arrival_leaves_no_trace(tmp_path):
    paths = write_slot(tmp_path / "all", FIRST, channels=("IR_108", "IR_120"))
    headers = [name for name in paths if "PRO" in name or "EPI" in name]
    parts = sorted(set(paths) - set(headers))
    seen = []
    for number, order in enumerate(list(permutations(parts))[::9]):
        folder, root = tmp_path / f"in{number}", str(tmp_path / f"archive{number}")
        folder.mkdir()
        for batch in (order[:1], headers, order[1:3], order):  # the last brings some twice
            for name in batch:
                shutil.copy2(paths[name], folder)
            ingest(folder, root, variables=("IR_108", "IR_120"))
        data = slot(root).drop_vars(["arrival"]).load()
        assert SatelliteArchive(root, "seviri").refusals().empty
        seen.append(data)
    assert len(seen) == 3 and all(data.identical(seen[0]) for data in seen)


def test_only_what_covers_the_region_is_wanted():
    # France from 0 E: line (y + 5568.7 km) / 3.0004 km from the south, 464 lines each: 41 N is line 3178, 51.5 N 3398
    assert covering_segments(FRANCE, 8, "seviri") == {7, 8}
    assert covering_segments(FRANCE, 24, "seviri") == {21, 22, 23}  # HRV
    assert covering_segments(FRANCE, 40, "fci") == {35, 36, 37}
    assert covering_segments(FRANCE, 10, "ahi") == set(range(1, 11))  # not known where it looks from
    assert covering_segments((150, 40, 160, 50), 8, "seviri") == set(range(1, 9))  # not seen: none left out


FCI = (
    "W_XX-EUMETSAT-Darmstadt,IMG+SAT,MTI1+FCI-1C-RRAD-FDHSI-FD--CHK-BODY--DIS-NC4E_C_EUMT_20240601{end}_IDPFI_OPE_"
    "20240601{start}_20240601{end}_N__O_{cycle:04d}_{chunk:04d}.nc"
)


def test_fci_chunks_belong_to_their_repeat_cycle():
    grid = SatelliteGridSettings(
        "fci", "", reader="fci_l1c_nc", cadence_minutes=10, variables=("ir_105", "ir_38"), region=FRANCE
    )
    names = FileNames(grid, reader_config("fci_l1c_nc"))
    files = [
        SatelliteFile(FCI.format(start=start, end=end, cycle=cycle, chunk=chunk), "", chunk)
        for cycle, chunk, start, end in (
            (73, 34, "120820", "120830"),  # south of France
            (73, 35, "120830", "120845"),
            (73, 36, "120845", "120900"),
            (74, 35, "121830", "121845"),
        )
    ]
    first, second = names.sets(files, set())
    # cycle 73 of 144: (73 - 1) x 10 min = 12:00
    assert (first.time, second.time) == (FIRST, FIRST + np.timedelta64(10, "m"))
    assert (first.segments, second.segments) == ((35, 36), (35,))
    assert first.products == (("ir_105", "ir_38"),) * 2
    held = {(one.name, one.version) for one in first.identities.values()}
    assert [one.time for one in names.sets(files, held)] == [second.time]


def test_a_segment_unreadable_once_is_read_by_the_next_run(folder, root, monkeypatch):
    paths = write_slot(folder, FIRST, channels=("IR_108", "IR_120"))
    lost = next(name for name in paths if "IR_108" in name and "000007" in name)
    both = ("IR_108", "IR_120")

    def flaky(uri):
        if lost in uri:
            raise TimeoutError("object store")
        return opened(uri)

    with monkeypatch.context() as patched:
        patched.setattr("tasks.satellite_copies.opened", flaky)
        assert ingest(folder, root, variables=both).refused == {"unreadable_source": 1}
        assert slot(root).status.values.tolist() == [SlotStatus.PARTIAL, SlotStatus.OK]
        assert ingest(folder, root, variables=both).touched_slots == ()
    assert ingest(folder, root, variables=both).touched_slots == (FIRST,)
    assert slot(root).status.values.tolist() == [SlotStatus.OK, SlotStatus.OK]
    assert np.isfinite(slot(root).brightness_temperature.values).all()
    assert ingest(folder, root, variables=both).slots_written == 0
    assert SatelliteArchive(root, "seviri").refusals().empty  # it is settled


@pytest.mark.parametrize("number", [errno.EIO, errno.EMFILE])
def test_a_disk_that_fails_while_satpy_reads_refuses_nothing_for_good(folder, root, monkeypatch, number):
    write_slot(folder, FIRST)
    whole = np.fromfile

    def failing(file, *args, **options):
        if "IR_108" in str(file):
            raise OSError(number, "of this machine")
        return whole(file, *args, **options)

    with monkeypatch.context() as patched:
        patched.setattr("numpy.fromfile", failing)
        assert ingest(folder, root).refused == {"unreadable_source": 2}
    assert ingest(folder, root).slots_written == 1


def test_segments_of_a_rolling_folder_are_put_together(folder, root, tmp_path):
    paths = write_slot(folder, FIRST, segments=(8,))
    ingest(folder, root)
    next(path for name, path in paths.items() if "000008" in name).unlink()
    write_segment(folder, FIRST, "IR_108", 7)
    late = ingest(folder, root)
    assert (late.touched_slots, late.refused) == ((FIRST,), {})
    again = ingest(folder, root)
    assert (again.touched_slots, again.refused) == ((), {})
    write_slot(tmp_path / "at once", FIRST)
    ingest(tmp_path / "at once", str(tmp_path / "other"))
    apart, together = (slot(r).drop_vars(["arrival", "source_version"]) for r in (root, tmp_path / "other"))
    assert apart.load().equals(together.load()) and apart.status.values.tolist() == [SlotStatus.OK]
    write_segment(folder, FIRST, "IR_108", 8)
    assert (ingest(folder, root).touched_slots, ingest(folder, root).refused) == ((), {})


def test_a_slot_that_waits_for_its_header_is_counted_once_and_not_brought(folder, root, monkeypatch):
    write_slot(folder, FIRST, headers=False)
    fetched = []
    fetch = FolderSource.fetch
    monkeypatch.setattr(
        FolderSource, "fetch", lambda self, files: fetched.extend(files) or fetch(self, files)
    )
    assert ingest(folder, root).refused == {"incomplete_slot": 1}
    assert ingest(folder, root).refused == {} and fetched == []
    write_prologue(folder, FIRST)
    write_epilogue(folder, FIRST)
    assert ingest(folder, root).touched_slots == (FIRST,)
    assert SatelliteArchive(root, "seviri").refusals().empty
