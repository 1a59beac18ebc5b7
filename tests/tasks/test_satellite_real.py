"""Real files of every kind at hand: equal to what satpy's own crop gives."""

import shutil
from datetime import UTC, datetime

import numpy as np
import pytest

from models.contracts.flags import AlignmentReason, SlotStatus
from models.contracts.slots import SatelliteGridSettings, pack
from tasks.alignment import align_times
from tasks.registry import Camera
from tasks.satellite_files import SlotReader
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


@pytest.mark.parametrize(
    ("folder", "variables"),
    [("nwcsaf", ("cma", "cma_quality", "ct", "ct_quality")), ("nwcsaf_crr", ("crr", "crr_accum"))],
)
def test_the_window_is_what_satpy_gives(real_data, folder, variables):
    source = str(real_data / "satellite" / folder)
    fast, slow = (
        SlotReader(SatelliteGridSettings("g", source, variables=variables, window=window))
        for window in ("auto", "satpy")
    )
    for files in fast.sets(list_files(source, "*.nc"), set())[:3]:
        (ours,), (theirs,) = fast.read(files), slow.read(files)
        assert (ours.time, ours.platform, ours.grid) == (theirs.time, theirs.platform, theirs.grid)
        assert ours.values.keys() == theirs.values.keys() and ours.absent == theirs.absent
        for name, values in theirs.values.items():
            np.testing.assert_array_equal(ours.values[name], values)
        np.testing.assert_array_equal(ours.scan_offset_s, theirs.scan_offset_s)


def _hrit(real_data, folder, pattern, variables, region, tmp_path, cadence=15):
    """Archive one slot's segments, and load the same with satpy."""
    from satpy import Scene

    source = real_data / "satellite" / "seviri_hrit" / folder
    settings = SatelliteGridSettings(
        "seviri", str(source), pattern, "seviri_l1b_hrit", region, cadence, variables
    )
    assert ingest_satellite(settings, str(tmp_path), AS_OF).slots_written == len(variables)
    scene = Scene(reader="seviri_l1b_hrit", filenames=[str(path) for path in source.glob(pattern)])
    scene.load(list(variables), upper_right_corner="NE", pad_data=False)
    return SatelliteArchive(str(tmp_path), "seviri").open(), scene


def _assert_equal(ours, theirs, grid_y, grid_x):
    """The archive's lines and columns, found in satpy's segment by their coordinates."""
    lines = np.abs(theirs.y.values[:, None] - grid_y).argmin(axis=0)
    columns = np.abs(theirs.x.values[:, None] - grid_x).argmin(axis=0)
    assert np.abs(theirs.y.values[lines] - grid_y).max() < 1
    assert np.abs(theirs.x.values[columns] - grid_x).max() < 1
    np.testing.assert_allclose(ours, theirs.values[np.ix_(lines, columns)], atol=0.0051)
    return lines


def test_hrit_segments_and_their_line_times(real_data, tmp_path):
    channels = ("IR_039", "IR_108", "IR_134")
    data, scene = _hrit(real_data, ".", "H-000-MSG2__-*", channels, (-2, 46, 5, 50), tmp_path)
    slot = data.sel(time="2010-01-19T12:00")
    assert (slot.status == SlotStatus.OK).all() and slot.platform == "Meteosat-9"
    for channel in channels:
        temperature = slot.brightness_temperature.sel(bt_channel=channel).values
        lines = _assert_equal(temperature, scene[channel], data.y.values, data.x.values)
        stated = (scene[channel].acq_time.values[lines] - slot.time.values) / np.timedelta64(1, "s")
        np.testing.assert_allclose(slot.channel_scan_offset_s.sel(product=channel), stated, atol=1e-3)
    # 81 lines of 200.2 ms, from the south; the first of the segment's was scanned at 12:11:07
    assert float(slot.scan_offset_s[0] - slot.scan_offset_s[-1]) == pytest.approx(80 * 0.2002, abs=0.4)
    assert float(slot.scan_offset_s[-1]) == pytest.approx(676, abs=1)


def test_rapid_scan_lacks_the_south_and_its_channels_have_their_own_times(real_data, tmp_path):
    channels = ("VIS006", "IR_039")
    data, scene = _hrit(real_data, "rss", "H-*", channels, REGION, tmp_path, cadence=5)
    slot = data.sel(time="2016-04-28T12:30")
    assert (slot.status == SlotStatus.PARTIAL).all()  # segment 7, with Toulouse, is not there
    there = np.isfinite(slot.scan_offset_s.values)
    np.testing.assert_allclose(slot.lines_share, there.mean(), rtol=1e-6)
    for name, coordinate, channel in (
        ("reflectance", "refl_channel", "VIS006"),
        ("brightness_temperature", "bt_channel", "IR_039"),
    ):
        values = slot[name].sel({coordinate: channel}).values
        lines = _assert_equal(values[there], scene[channel], data.y.values[there], data.x.values)
        assert np.isnan(values[~there]).all()
        stated = (scene[channel].acq_time.values[lines] - slot.time.values) / np.timedelta64(1, "s")
        np.testing.assert_allclose(
            slot.channel_scan_offset_s.sel(product=channel)[there], stated, atol=1e-3
        )  # IR_039 is 3.3 to 3.6 s later
    # Toulouse's line lies 9 lines of 0.2 s south of the segment: VIS006 +2:54, IR_039 +2:57
    south = slot.channel_scan_offset_s.isel(y=int(np.flatnonzero(there)[-1]))
    assert float(south.sel(product="VIS006")) == pytest.approx(174 + 1.8, abs=1.5)
    assert float(south.sel(product="IR_039")) == pytest.approx(177 + 1.8, abs=1.5)


def test_hrv_on_its_own_grid(real_data, tmp_path):
    scandinavia = (10.0, 66.0, 22.0, 69.0)
    data, scene = _hrit(real_data, "rss", "H-*", ("HRV",), scandinavia, tmp_path, cadence=5)
    slot = data.sel(time="2016-04-28T12:30")
    step = float(data.x[1] - data.x[0])
    assert step == pytest.approx(1000.134, abs=0.001)
    there = np.isfinite(slot.scan_offset_s.values)
    values = slot.reflectance.sel(refl_channel="HRV").values
    _assert_equal(values[there], scene["HRV"], data.y.values[there], data.x.values)


def test_an_old_scan_of_the_south(real_data, tmp_path):
    data, scene = _hrit(real_data, ".", "H-000-MSG1__-*", ("IR_039",), (10, -55, 20, -48), tmp_path)
    slot = data.sel(time="2006-11-13T08:00")
    values = slot.brightness_temperature.sel(bt_channel="IR_039").values
    assert slot.platform == "Meteosat-8"
    _assert_equal(values, scene["IR_039"], data.y.values, data.x.values)


def test_a_mesoscale_sector_of_goes(real_data, tmp_path):
    from satpy import Scene

    source = real_data / "satellite" / "goes_abi_l2"
    region = (-101.5, 34.0, -96.0, 39.5)
    settings = SatelliteGridSettings("goes", str(source), "*.nc", "abi_l2_nc", region, 1, ("C01", "C03"))
    assert ingest_satellite(settings, str(tmp_path), AS_OF).slots_written == 2
    data = SatelliteArchive(str(tmp_path), "goes").open()
    slot = data.sel(time="2017-07-12T18:11")  # begun at 18:11:26.8
    scene = Scene(reader="abi_l2_nc", filenames=[str(path) for path in source.glob("*.nc")])
    scene.load(["C01", "C03"])
    for channel in ("C01", "C03"):
        theirs = scene.crop(ll_bbox=region)[channel]
        ours = slot.reflectance.sel(refl_channel=channel)
        np.testing.assert_allclose(ours.values, theirs.values, atol=0.0051)
        np.testing.assert_allclose(data.y.values, theirs.y.values, atol=0.5)
    assert slot.platform == "GOES-16" and data.geostationary.attrs["sweep_angle_axis"] == "x"
    first, last = (float(slot.scan_offset_s[line]) for line in (0, -1))
    assert 26.8 <= first < last <= 32.6  # from the north, within the file's start and end


def test_the_gap_of_meteonet_is_a_gap(real_data, tmp_path):
    import xarray as xr

    source = real_data / "satellite" / "meteonet_ct"
    region = (-4.0, 47.0, 1.0, 50.0)
    settings = SatelliteGridSettings(
        "meteonet", str(source), reader="meteonet", variables=("ct",), region=region
    )
    assert ingest_satellite(settings, str(tmp_path), AS_OF).slots_written == 9
    data = SatelliteArchive(str(tmp_path), "meteonet").open()
    gap = data.sel(time="2016-01-01T01:15")
    assert gap.status.values.tolist() == [SlotStatus.MISSING]
    assert (gap.ct.values == 255).all() and np.isnan(gap.scan_offset_s.values).all()
    with xr.open_dataset(next(source.glob("*.nc"))) as content:
        theirs = content.CT.sel(lat=slice(50.0, 47.0), lon=slice(-4.0, 1.0))
        ours = data.ct.sel(time=theirs.time)
        np.testing.assert_array_equal(ours.values, np.where(theirs.values == 0, 255, theirs.values))
        np.testing.assert_allclose(data.y.values, theirs.lat.values, atol=1e-9)
    assert ingest_satellite(settings, str(tmp_path), AS_OF).slots_written == 0
    assert SatelliteArchive(str(tmp_path), "meteonet").grid.pixel_at(48.1, -1.68) is not None  # Rennes


def test_counts_of_a_calibration_that_goes_below_zero_are_no_data(real_data):
    variable = SatelliteGridSettings("g", "", reader="seviri_l1b_hrit", variables=("IR_039",)).variable(
        "IR_039"
    )
    assert pack(variable, np.array([-3.45, 300.0, np.nan])).tolist() == [65535, 30000, 65535]
