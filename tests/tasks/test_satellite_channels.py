"""The archive of an imager: channels of one unit side by side, one ledger column each, scan times, older layouts."""

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st

from models.contracts.channels import SEVIRI, bt_channel, refl_channel
from models.contracts.flags import SlotStatus
from models.contracts.slot_variable import SlotVariable, pack, quantity
from models.contracts.slots import SatelliteGridSettings
from models.science.degree_grid import DegreeGrid
from tasks.satellite_ingest import ingest_satellite
from tasks.stores.repository import StoreError, writer
from tasks.stores.satellite_archive import SatelliteArchive
from tasks.stores.satellite_layout import SHARD_BYTES, shard_pixels
from tasks.stores.satellite_rows import ProductSlot, SatelliteFile
from tests.tasks.satellite_folders import AS_OF, FIRST, GRID, settings, slot_time, write_cma, write_ct

NOW = np.datetime64("2024-06-10", "ns")
CHANNELS = ("IR_108", "VIS006", "IR_120")


def imager(**changes):
    return SatelliteGridSettings(
        **{"name": "seviri", "source": "", "reader": "seviri_l1b_hrit", "variables": CHANNELS, **changes}
    )


def product(channel, number=0, value=280.0, offsets=None, grid=GRID, **changes):
    variable = imager().variable(channel)
    values = pack(variable, np.full(grid.shape, value))
    fields = {
        "time": slot_time(number),
        "product": channel,
        "values": {channel: values},
        "absent": (),
        "scan_offset_s": np.full(grid.lines, 650.0, "f4") if offsets is None else offsets,
        "platform": "Meteosat-11",
        "grid": grid,
        "parallax_corrected": False,
        "file": SatelliteFile(f"{channel}-{number}", "", 1),
        "sha256": bytes([number + 1]) * 32,
    }
    return ProductSlot(**{**fields, **changes})


@pytest.fixture
def archive(tmp_path):
    return SatelliteArchive(tmp_path, "seviri")


def test_temperatures_share_an_array_and_reflectances_another(archive):
    slots = [product("IR_108", value=280.25), product("IR_120", value=278.5), product("VIS006", value=-0.4)]
    assert archive.write_day(imager(), slots, [], NOW).written == 3
    data = archive.open()
    at = data.sel(time=FIRST)
    assert data.brightness_temperature.dims == ("time", "y", "x", "bt_channel")
    assert data.bt_channel.values.tolist() == ["IR_108", "IR_120"]  # as the configuration names them
    assert data.bt_channel.attrs["standard_name"] == "sensor_band_identifier"
    # 280.25 K is count 28025 of 0.01 K; -0.4 % is count 960 of 0.01 % from -10 %
    np.testing.assert_allclose(at.brightness_temperature.sel(bt_channel="IR_108"), 280.25, atol=1e-4)
    np.testing.assert_allclose(at.brightness_temperature.sel(bt_channel="IR_120"), 278.5, atol=1e-4)
    np.testing.assert_allclose(at.reflectance.sel(refl_channel="VIS006"), -0.4, atol=1e-4)
    assert data.reflectance.attrs["units"] == "%"
    assert np.isnan(data.reflectance.sel(time=slot_time(1)).values).all()


def test_a_channel_that_comes_later_leaves_the_others_as_they_are(archive):
    archive.write_day(imager(), [product("IR_108", value=280.0)], [], NOW)
    assert archive.status().loc[FIRST].to_dict() == {
        "IR_108": SlotStatus.OK,
        "IR_120": SlotStatus.MISSING,
        "VIS006": SlotStatus.MISSING,
    }
    assert archive.write_day(imager(), [product("IR_120", value=270.0)], [], NOW).touched_slots == (FIRST,)
    at = SatelliteArchive.at(archive.uri).open().sel(time=FIRST)
    assert np.isfinite(at.brightness_temperature.values).all()
    np.testing.assert_allclose(at.brightness_temperature.sel(bt_channel="IR_108"), 280.0, atol=1e-4)


def test_lines_that_one_channel_lacks_take_their_time_from_the_next(archive):
    early, late = (np.full(GRID.lines, seconds, "f4") for seconds in (650.0, 653.0))
    early[:5] = np.nan
    slots = [
        product("IR_108", offsets=early, lines_share=14 / 19),
        product("IR_120", offsets=late),
    ]
    archive.write_day(imager(), slots, [], NOW)
    at = archive.open().sel(time=FIRST)
    assert at.scan_offset_s.values.tolist() == [653.0] * 5 + [650.0] * 14
    assert at.status.sel(product="IR_108") == SlotStatus.PARTIAL
    assert float(at.lines_share.sel(product="IR_108")) == pytest.approx(14 / 19)


def test_times_of_pixels_are_kept_to_a_tenth_of_a_second(archive):
    seconds = 500.0 + np.arange(GRID.lines * GRID.columns).reshape(GRID.shape) / 30
    seconds[0] = np.nan
    slots = [product(channel, offsets=seconds.astype("f4")) for channel in ("IR_108", "IR_120")]
    archive.write_day(imager(), slots, [], NOW)
    data = archive.open()
    assert data.scan_offset_s.dims == ("time", "y", "x") and "channel_scan_offset_s" not in data.coords
    np.testing.assert_allclose(data.scan_offset_s.sel(time=FIRST).values, seconds, atol=0.051)
    _, offsets, held = archive.slots_between(FIRST, FIRST, 3, 7)
    assert offsets[held] == pytest.approx([seconds[3, 7]], abs=0.051)
    assert not archive.slots_between(FIRST, FIRST, 0, 7)[2].any()


def test_another_satellite_on_the_same_pixels_goes_on(archive):
    slots = [product("IR_108", 0), product("IR_108", 1, platform="Meteosat-10")]
    archive.write_day(imager(), slots, [], NOW)
    platforms = archive.open().platform.sel(time=[slot_time(0), slot_time(1)])
    assert platforms.values.tolist() == ["Meteosat-11", "Meteosat-10"]


def test_other_pixels_are_refused(archive):
    archive.write_day(imager(), [product("IR_108")], [], NOW)
    shifted = GRID.window(slice(0, GRID.lines), slice(1, GRID.columns))
    degrees = DegreeGrid(0.0, 44.0, 0.03, 0.03, GRID.columns, GRID.lines)
    for grid in (shifted, degrees):
        (refusal,) = archive.write_day(imager(), [product("IR_108", 1, grid=grid)], [], NOW).refusals
        assert refusal.reason.name == "OTHER_REGION"


def test_a_channel_more_needs_another_archive(archive):
    archive.write_day(imager(), [product("IR_108")], [], NOW)
    with pytest.raises(StoreError, match="without WV_062"):
        archive.write_day(imager(variables=(*CHANNELS, "WV_062")), [product("IR_108", 1)], [], NOW)


def test_an_older_layout_opens_and_goes_on(tmp_path):
    """Archives of before channels: none of the attributes and ledger arrays that came with them."""
    folder, root = tmp_path / "files", str(tmp_path / "archive")
    write_cma(folder, 1)
    ingest_satellite(settings(folder), root, AS_OF)
    archive = SatelliteArchive(root, "msg")
    with writer(archive.uri, "satellite", "as it was") as session:
        group = zarr.open_group(session.store, mode="r+", zarr_format=3)
        for name in ("arrays", "stored_in", "grid_mapping"):
            del group.attrs[name]
        del group["lines_share"]
    assert int(SatelliteArchive(root, "msg").open().cma.sel(time=slot_time(1)).mean()) == 1
    write_ct(folder, 1)
    write_cma(folder, 3)
    assert ingest_satellite(settings(folder), root, AS_OF).slots_written == 2
    data = SatelliteArchive(root, "msg").open()
    assert (data.ct.sel(time=slot_time(1)).values == 6).all() and "lines_share" not in data
    assert SatelliteArchive(root, "msg").grid.same_pixels(GRID)


def test_an_archive_without_a_slot_stays_as_it_is(archive):
    assert archive.write_day(imager(), [], [], NOW).written == 0
    assert not archive.write_day(imager(), [product("IR_108")], [], NOW).refusals


@given(st.lists(st.floats(0.0, 655.34), min_size=1), st.sampled_from(SEVIRI))
def test_packing_errs_by_half_a_count_at_most(values, variable):
    shifted = np.array(values) + (variable.add_offset or 0.0)
    counts = pack(variable, shifted)
    back = counts.astype(np.float64) * variable.scale_factor + variable.add_offset
    assert counts.dtype == np.uint16 and np.abs(back - shifted).max() <= 0.005 + 1e-9


def test_what_does_not_fit_is_nothing():
    assert pack(bt_channel("x"), np.array([np.nan, -1.0, 655.35, 1e9, 655.34])).tolist() == [65535] * 4 + [
        65534
    ]
    assert pack(refl_channel("x"), np.array([-10.01, -10.0, 0.0, np.inf])).tolist() == [65535, 0, 1000, 65535]
    assert pack(quantity("x", "x", "m", 1.0, -2000.0, 27000, ""), np.array([])).size == 0
    other = SlotVariable("x", "x", "1", "f4", float("nan"))
    assert np.isnan(pack(other, np.array([np.nan, 2.0]))).tolist() == [True, False]


def test_degrees_name_their_pixels():
    grid = DegreeGrid(-6.0, 52.0, 0.5, 0.25, 10, 8)
    assert grid.corners_deg == (-6.0, 50.0, -1.0, 52.0)  # 8 lines of 0.25, 10 columns of 0.5
    assert grid.pixel_at(51.8, -5.9) == (0, 0) and grid.pixel_at(50.1, -1.2) == (7, 9)
    assert grid.pixel_at(52.1, -3.0) is None and grid.pixel_at(51.0, -0.9) is None
    part = grid.window(slice(2, 6), slice(1, None))
    assert part.corners_deg == (-5.5, 50.5, -1.0, 51.5)
    np.testing.assert_array_equal(part.y, grid.y[2:6])
    assert part.same_pixels(grid.window(slice(2, 6), slice(1, 10))) and not part.same_pixels(grid)
    latitude, longitude = part.pixel_positions()
    assert latitude.shape == longitude.shape == part.shape


@given(st.integers(1, 6000), st.integers(1, 6000), st.integers(1, 4000))
def test_a_shard_is_as_large_as_memory_allows(lines, columns, per_pixel):
    high, wide = shard_pixels((lines, columns), per_pixel)
    assert high % 56 == 0 and wide % 52 == 0
    assert high * wide * per_pixel <= SHARD_BYTES or (high, wide) == (56, 52)
    assert high < lines + 56 and wide < columns + 52  # never more than the grid
