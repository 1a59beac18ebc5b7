"""FCI: chunks of a repeat cycle, each pixel with its own time."""

import gc

import dask
import numpy as np
import pytest
from satpy import Scene

from models.contracts.flags import SlotStatus
from models.contracts.slots import SatelliteGridSettings
from tasks.satellite_catalogue import reader_config
from tasks.satellite_ingest import ingest_satellite
from tasks.satellite_satpy import SatpyLoader
from tasks.stores.satellite_archive import SatelliteArchive
from tests.tasks.fci_writer import SECONDS_PER_ROW, rows_of, write_chunk
from tests.tasks.satellite_folders import AS_OF, FIRST

REGION = (0.5, 43.0, 2.5, 45.5)
"""Chunk 36 begins with row 4873, (4873 - 2785) x 2 km = 4176 km north of the centre: at about 44 N."""

pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")


@pytest.fixture(autouse=True)
def one_thread():
    with dask.config.set(scheduler="synchronous"):  # satpy reads several variables at once, which HDF5 cannot
        yield


def ingest(folder, root):
    grid = SatelliteGridSettings(
        "fci", str(folder), "*.nc", "fci_l1c_nc", REGION, cadence_minutes=10, variables=("ir_105",)
    )
    return ingest_satellite(grid, root, AS_OF)


def test_chunks_are_put_together_and_pixels_keep_their_times(tmp_path):
    folder, root = tmp_path / "files", str(tmp_path / "archive")
    paths = [write_chunk(folder, FIRST, chunk, count) for chunk, count in ((35, 600), (36, 700), (3, 0))]
    first = ingest(folder, root)
    assert (first.slots_written, first.refused, first.touched_slots) == (1, {}, (FIRST,))
    archive = SatelliteArchive(root, "fci")
    slot = archive.open().sel(time=FIRST)
    assert slot.status.values.tolist() == [SlotStatus.OK] and slot.platform == "Meteosat-12"
    scene = Scene(reader="fci_l1c_nc", filenames=[str(path) for path in paths[:2]])
    scene.load(["ir_105", "ir_105_time"], upper_right_corner="NE")
    theirs = scene.crop(ll_bbox=REGION)
    temperature = slot.brightness_temperature.sel(bt_channel="ir_105")
    np.testing.assert_allclose(temperature, theirs["ir_105"].values, atol=0.0051)
    np.testing.assert_allclose(slot.y, theirs["ir_105"].y.values, atol=0.5)
    seconds = (FIRST - np.datetime64("2000-01-01", "ns")) / np.timedelta64(1, "s")
    np.testing.assert_allclose(slot.scan_offset_s, theirs["ir_105_time"].values - seconds, atol=0.051)
    # chunk 36 begins with row 4873, written as scanned 487.3 s after the cycle began
    assert rows_of(36)[0] == 4873
    line = int(np.flatnonzero(np.diff(temperature.values[:, 0]))[0])
    assert float(slot.scan_offset_s[line, 0]) == pytest.approx(4873 * SECONDS_PER_ROW, abs=0.06)
    y, x = archive.grid.pixel_at(44.5, 1.4)
    _, offsets, held = archive.slots_between(FIRST, FIRST, y, x)
    assert offsets[held] == pytest.approx([float(slot.scan_offset_s[y, x])])


def test_a_chunk_that_comes_late_completes_its_slot_and_a_damaged_one_is_named(tmp_path):
    folder, root = tmp_path / "files", str(tmp_path / "archive")
    write_chunk(folder, FIRST, 35)
    broken = write_chunk(folder, FIRST, 36)
    whole = broken.read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    assert ingest(folder, root).refused == {"file_corrupt": 1}
    slot = SatelliteArchive(root, "fci").open().sel(time=FIRST)
    assert slot.status.values.tolist() == [SlotStatus.PARTIAL]
    lacking = np.isnan(slot.scan_offset_s.values).all(axis=1)
    assert float(slot.lines_share[0]) == pytest.approx(1 - lacking.mean(), abs=1e-6)
    broken.write_bytes(whole)
    assert ingest(folder, root).touched_slots == (FIRST,)
    slot = SatelliteArchive(root, "fci").open().sel(time=FIRST)
    assert slot.status.values.tolist() == [SlotStatus.OK] and np.isfinite(slot.scan_offset_s.values).all()


def test_lazy_datasets_outlive_a_garbage_collection(tmp_path):
    loader = SatpyLoader(reader_config("fci_l1c_nc"), ("ir_105",))
    loaded, _ = loader.load([write_chunk(tmp_path, FIRST, 36, 700)], ["ir_105"])
    gc.collect()
    assert np.isfinite(loaded["ir_105"].values).any()
