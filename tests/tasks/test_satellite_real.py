"""Real NWC SAF files: equal to what satpy's own crop gives."""

import shutil
from datetime import UTC, datetime

import numpy as np
import pytest

from models.contracts.flags import AlignmentReason, SlotStatus
from models.contracts.slots import SatelliteGridSettings
from tasks.alignment import align_times
from tasks.registry import Camera
from tasks.satellite_ingest import ingest_satellite
from tasks.satellite_sources import list_files
from tasks.stores.satellite_archive import SatelliteArchive

AS_OF = datetime(2024, 1, 1, tzinfo=UTC)
REGION = (-5.5, 41.0, 10.0, 51.5)

pytestmark = [
    pytest.mark.real,
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),
]


def _satpy_crop(path, name):
    from satpy import Scene

    scene = Scene(reader="nwcsaf-geo", filenames=[str(path)])
    scene.load([name])
    return scene.crop(ll_bbox=REGION)[name]


def test_cloud_mask_and_type_are_satpys_own_crop(real_data, tmp_path):
    source = real_data / "satellite" / "nwcsaf"
    settings = SatelliteGridSettings("msg", str(source), variables=("cma", "ct"))
    summary = ingest_satellite(settings, str(tmp_path), AS_OF)
    assert (summary.files, summary.slots_written, summary.refused) == (2, 2, {})
    data = SatelliteArchive(str(tmp_path), "msg").open()
    for path, name, product in zip(sorted(source.glob("*.nc")), ("cma", "ct"), ("CMA", "CT"), strict=True):
        theirs = _satpy_crop(path, name)
        ours = data[name].sel(time=theirs.attrs["start_time"])
        np.testing.assert_array_equal(ours.values, theirs.values)
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(data.y.values, theirs.y.values, atol=0.5)  # single precision there, metres
        np.testing.assert_allclose(data.x.values, theirs.x.values, atol=0.5)
        other = data.status.sel(time=theirs.attrs["start_time"]).drop_sel(product=product)
        assert (other == SlotStatus.MISSING).all()  # 09:30 has no CT, 09:45 no CMA


def test_rain_of_another_grid_and_its_quantities(real_data, tmp_path):
    source = real_data / "satellite" / "nwcsaf_crr"
    settings = SatelliteGridSettings("rain", str(source), variables=("crr", "crr_intensity"))
    assert ingest_satellite(settings, str(tmp_path), AS_OF).slots_written == 16
    data = SatelliteArchive(str(tmp_path), "rain").open()
    last = max(source.glob("*.nc"))
    rain = _satpy_crop(last, "crr_intensity")
    ours = data.crr_intensity.sel(time=rain.attrs["start_time"])
    np.testing.assert_allclose(ours.values, rain.values, atol=1e-5)
    assert np.nanmax(ours.values) > 0
    np.testing.assert_array_equal(
        data.crr.sel(time=rain.attrs["start_time"]).values, _satpy_crop(last, "crr").values
    )


def test_cut_short_other_region_and_twice(real_data, tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    cma, ct = sorted((real_data / "satellite" / "nwcsaf").glob("*.nc"))
    shutil.copy(cma, source)
    shutil.copy(cma, source / cma.name.replace("VISIR", "AGAIN"))  # twice
    (source / ct.name).write_bytes(ct.read_bytes()[: ct.stat().st_size // 2])
    settings = SatelliteGridSettings("msg", str(source), variables=("cma", "ct"))
    summary = ingest_satellite(settings, str(tmp_path), AS_OF)
    assert summary.slots_written == 1
    assert summary.refused == {"duplicate_slot": 1, "file_corrupt": 1}
    elsewhere = SatelliteGridSettings("cape", str(source), region=(15, -35, 25, -30), variables=("cma",))
    assert ingest_satellite(elsewhere, str(tmp_path), AS_OF).refused == {"other_region": 2}


def test_real_cameras_and_real_slots_do_not_meet(real_data, tmp_path):
    source = str(real_data / "satellite" / "nwcsaf")
    ingest_satellite(SatelliteGridSettings("msg", source, variables=("cma",)), str(tmp_path), AS_OF)
    camera = Camera(id="courbevoie", source=source, latitude=48.9, longitude=2.25)
    times = np.array(["2014-04-09T08:27:12", "2013-10-07T15:57:02"], "datetime64[ns]")
    aligned = align_times(SatelliteArchive(str(tmp_path), "msg"), camera, times)
    assert aligned.reason.tolist() == [AlignmentReason.NO_SLOT] * 2


def test_files_are_listed_by_pattern(real_data):
    source = str(real_data / "satellite")
    assert len(list_files(source, "S_NWC_CRR_*.nc")) == 16
