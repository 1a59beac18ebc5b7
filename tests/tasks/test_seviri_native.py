"""The fast window of a native file is satpy's crop, bit for bit, or a refusal with its reason."""

import warnings

import numpy as np
import pytest

from models.contracts.flags import Refusal
from models.science.geometry import MSG_FRANCE
from tasks.seviri_native import NativeFileRefused, native_channels, read_native_window
from tasks.seviri_native_format import CHANNELS, FULL_DISK, HRV_SCANNED_COLUMNS, Rectangle, row_record
from tasks.seviri_native_writer import write_native
from tests.tasks.test_seviri_native_writer import GASCONY, NOON, fields

VISIR = CHANNELS[:11]
FRANCE = (-5.5, 41.0, 10.0, 51.5)
HEADER_BYTES = 450_400


@pytest.fixture(scope="module")
def france(tmp_path_factory):
    rectangle = Rectangle.around(MSG_FRANCE, margin=4)
    return write_native(tmp_path_factory.mktemp("france"), NOON, fields(rectangle), rectangle)


@pytest.fixture
def gascony(tmp_path):
    return write_native(tmp_path, NOON, fields(GASCONY, ["VIS006", "IR_108"]), GASCONY)


def cropped(path, channels, region, **kwargs):
    """satpy's crop, turned north up."""
    from satpy import Scene

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scene = Scene(reader="seviri_l1b_native", filenames=[str(path)], reader_kwargs=kwargs)
        scene.load(list(channels))
        scene = scene.crop(ll_bbox=region)
    return {channel: scene[channel][::-1, ::-1] for channel in channels}


def assert_same(window, expected):
    for channel, data in expected.items():
        assert window.values[channel].dtype == np.float32
        np.testing.assert_array_equal(window.values[channel].view("i4"), data.values.view("i4"), channel)
        if "acq_time" in data.coords:
            np.testing.assert_array_equal(window.scan_time[channel], data.acq_time.values)
        east, north, west, south = data.attrs["area"].area_extent
        grid = window.grid
        edges = (grid.x_east_m, grid.y_north_m, grid.x_west_m, grid.y_south_m)
        assert edges == pytest.approx((east, north, west, south), abs=1)


@pytest.mark.parametrize(
    "region", [FRANCE, (-2.0, 43.0, 5.0, 49.0), (0.0, 45.0, 0.2, 45.1), (-30.0, 30.0, 2.0, 46.0)]
)
def test_a_window_is_satpys_crop_bit_for_bit(france, region):
    window = read_native_window(france, VISIR, region)
    assert_same(window, cropped(france, VISIR, region))
    assert window.nominal_time == NOON
    assert window.platform == "Meteosat-11"
    assert window.quality_ok is True


def test_the_france_window_is_that_of_the_cloud_products(france):
    window = read_native_window(france, ["IR_108"], FRANCE)
    assert window.values["IR_108"].shape == MSG_FRANCE.shape == (221, 411)
    line, column = window.grid.pixel_at(43.6, 1.44)
    assert (line, column) == MSG_FRANCE.pixel_at(43.6, 1.44)
    # Toulouse: 11 min 5 s after the nominal time, as in real full-disk files
    late_s = (window.scan_time["IR_108"][line] - window.nominal_time) / np.timedelta64(1, "s")
    assert late_s == pytest.approx(665, abs=1)
    assert window.file_grid.shape == (229, 420)


def test_hrv_of_a_part_of_the_disk_has_its_own_grid(tmp_path):
    path = write_native(tmp_path, NOON, fields(GASCONY, ["VIS006", "HRV"]), GASCONY)
    region = (-2.0, 44.0, -1.0, 44.6)
    window = read_native_window(path, ["HRV"], region)
    assert_same(window, cropped(path, ["HRV"], region))
    assert window.grid.step_m == pytest.approx(1000.134, abs=1e-3)
    with pytest.raises(ValueError, match="one grid"):
        read_native_window(path, ["HRV", "VIS006"], region)


def test_a_single_channel_and_channels_in_another_order(gascony, tmp_path):
    region = (-2.0, 44.0, -1.0, 44.6)
    window = read_native_window(gascony, ["IR_108", "VIS006"], region)
    assert list(window.values) == ["IR_108", "VIS006"]
    alone = write_native(
        tmp_path / "one", NOON, {"IR_108": fields(GASCONY, ["VIS006", "IR_108"])["IR_108"]}, GASCONY
    )
    # satpy 0.60 itself cannot load a file of a single channel: its line times come out two-dimensional.
    assert_same(read_native_window(alone, ["IR_108"], region), cropped(gascony, ["IR_108"], region))


def refusal(path, channels=("IR_108",), region=FRANCE) -> NativeFileRefused:
    with pytest.raises(NativeFileRefused) as refused:
        read_native_window(path, channels, region)
    return refused.value


def test_what_is_absent_is_named(gascony):
    # The file's header has coefficients for every channel, and satpy's reader lists HRV whatever the file holds.
    assert native_channels(gascony) == ("VIS006", "IR_108")
    refused = refusal(gascony, ["IR_108", "WV_062", "IR_120"])
    assert (refused.reason, refused.detail) == (Refusal.MISSING_VARIABLE, "holds no WV_062, IR_120")
    assert refusal(gascony, ["HRV"]).reason == Refusal.MISSING_VARIABLE
    with pytest.raises(ValueError, match="one grid"):
        read_native_window(gascony, [], FRANCE)


@pytest.mark.parametrize("kept", [0, 36, 300_000, 460_000, -1])
def test_a_file_cut_short_is_refused(gascony, kept):
    gascony.write_bytes(gascony.read_bytes()[:kept])
    expected = Refusal.EMPTY_FILE if kept == 0 else Refusal.FILE_CORRUPT
    assert refusal(gascony).reason == expected


def test_a_file_too_long_is_refused_with_both_sizes(gascony):
    content = gascony.read_bytes()
    gascony.write_bytes(content + b"\0")
    assert refusal(gascony).detail == f"{len(content) + 1} bytes, where its header announces {len(content)}"


def test_what_is_not_a_native_file_is_refused(gascony):
    gascony.write_bytes(b"<!DOCTYPE html>" + bytes(500_000))
    assert refusal(gascony).reason == Refusal.FILE_CORRUPT


@pytest.mark.parametrize(
    ("field", "junk"),
    [(b"SelectedBandIDs", b"?"), (b"NumberLinesVISIR", b"many"), (b"NorthLineSelected", b"\xff")],
)
def test_a_header_of_rubbish_is_refused(gascony, field, junk):
    content = bytearray(gascony.read_bytes())
    place = content.index(field) + 30
    content[place : place + len(junk)] = junk
    gascony.write_bytes(content)
    assert refusal(gascony).reason == Refusal.FILE_CORRUPT


def test_an_unknown_satellite_is_refused(gascony):
    from satpy.readers.seviri_l1b_native_hdr import get_native_header

    record = np.memmap(gascony, get_native_header(True), "r+", shape=(1,))
    record["15_DATA_HEADER"]["SatelliteStatus"]["SatelliteDefinition"]["SatelliteId"] = 999
    record.flush()
    assert refusal(gascony).reason == Refusal.FILE_CORRUPT


def test_another_region_is_refused(gascony):
    assert refusal(gascony, region=(20.0, -10.0, 25.0, -5.0)).reason == Refusal.OTHER_REGION


def test_a_line_marked_corrupt_and_not_to_be_used_is_nan(gascony):
    region = (-2.0, 44.0, -1.0, 44.6)
    clean = read_native_window(gascony, ["IR_108"], region)
    rows = np.memmap(gascony, row_record(2, 52), "r+", HEADER_BYTES, (48,))
    # 3 is corrupt, 4 is "do not use"; line 31 is corrupt but may be used
    for line, mark in ((30, 4), (31, 1)):
        rows["visir"]["validity"][line, 1] = 3
        rows["visir"]["radiometric_quality"][line, 1] = rows["visir"]["geometric_quality"][line, 1] = mark
    rows.flush()
    marked = read_native_window(gascony, ["IR_108"], region)
    lost = np.isnan(marked.values["IR_108"]).all(axis=1)
    assert lost.sum() == 1
    np.testing.assert_array_equal(marked.values["IR_108"][~lost], clean.values["IR_108"][~lost])
    assert not np.isnan(clean.values["IR_108"]).any()


def test_a_file_that_says_it_is_not_ok_is_read_and_says_so(gascony):
    content = gascony.read_bytes()
    place = content.index(b"QQOV") + 30
    gascony.write_bytes(content[:place] + b"NOK" + content[place + 3 :])
    assert "not OK" in read_native_window(gascony, ["IR_108"], FRANCE).quality_ok


@pytest.mark.slow
def test_a_window_of_a_full_disk_is_satpys_crop_hrv_included(tmp_path):
    """About a minute, 270 MB of disk."""
    rng = np.random.default_rng(1)
    warm, bright = (rng.uniform(*span, (3712, 3712)).astype("f4") for span in ((235, 255), (0, 60)))
    fine = rng.uniform(0, 60, (11136, HRV_SCANNED_COLUMNS)).astype("f4")
    values = {c: bright if c in CHANNELS[:3] else warm for c in VISIR} | {"HRV": fine}
    path = write_native(tmp_path, NOON, values, FULL_DISK)
    assert path.stat().st_size == 271_175_723  # 450400 + 3712 x (11 x 4705 + 3 x 7025) + 380363
    for region in (FRANCE, (-10.0, -5.0, 12.0, 5.0)):
        assert_same(read_native_window(path, VISIR, region), cropped(path, VISIR, region))
    # The upper of the two HRV windows holds France; satpy pads to the full disk to crop it, and loses the times.
    window = read_native_window(path, ["HRV"], FRANCE)
    assert_same(window, cropped(path, ["HRV"], FRANCE, fill_disk=True))
    assert not np.isnat(window.scan_time["HRV"]).any()
    path.unlink()
