"""What the writer writes, satpy reads as it reads a real native file."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.science.geometry import MSG_FRANCE
from tasks.seviri_native_format import CHANNELS, REFLECTANCE_CHANNELS, Rectangle, pack10, unpack10
from tasks.seviri_native_writer import file_name, physical_of_counts, write_native

NOON = np.datetime64("2024-06-01T12:00", "ns")
GASCONY = Rectangle(3224, 3271, 1860, 1911)  # 48 lines, 52 columns


def fields(rectangle: Rectangle, channels=CHANNELS[:11], seed: int = 0) -> dict[str, np.ndarray]:
    """Temperatures and reflectances that 10 bits can hold, another one for every pixel."""
    rng = np.random.default_rng(seed)
    made = {}
    for channel in channels:
        fine = 3 if channel == "HRV" else 1
        low, high = (0, 60) if channel in REFLECTANCE_CHANNELS else (235, 255)
        made[channel] = rng.uniform(low, high, (fine * rectangle.lines, fine * rectangle.columns)).astype(
            "f4"
        )
    return made


def scene(path, channels, **reader_kwargs):
    from satpy import Scene

    loaded = Scene(reader="seviri_l1b_native", filenames=[str(path)], reader_kwargs=reader_kwargs)
    loaded.load(list(channels), upper_right_corner="NE")
    return loaded


def test_four_counts_take_five_bytes_most_significant_bit_first():
    # 1 = 00 0000 0001, 2, 3, 1023 = ten ones: 00000000 01000000 00100000 00001111 11111111
    packed = pack10(np.array([1, 2, 3, 1023], np.uint16))
    assert packed.tolist() == [0, 0b01000000, 0b00100000, 0b00001111, 255]


@given(
    arrays(
        np.uint16,
        st.tuples(st.integers(0, 3), st.integers(0, 5).map(lambda n: 4 * n)),
        elements=st.integers(0, 1023),
    )
)
def test_unpacking_is_the_inverse_of_packing_and_is_satpys(counts):
    from satpy.readers.core.seviri import dec10216

    packed = pack10(counts)
    assert packed.shape == (counts.shape[0], counts.shape[1] * 5 // 4)
    np.testing.assert_array_equal(unpack10(packed), counts)
    np.testing.assert_array_equal(dec10216(packed.ravel()), counts.ravel())


def test_every_channel_comes_back_within_half_a_count(tmp_path):
    written = fields(GASCONY, CHANNELS)
    written["IR_108"][0, 0] = np.nan
    read = scene(write_native(tmp_path, NOON, written, GASCONY), CHANNELS)
    for channel, values in written.items():
        back = read[channel].values
        known = np.isfinite(values)
        np.testing.assert_array_equal(np.isfinite(back), known)
        table = physical_of_counts(channel, "MSG4", NOON)
        high = np.searchsorted(table[52:], values[known]) + 52
        half_a_count = (table[high] - table[high - 1]) / 2
        assert (np.abs(back - values)[known] <= half_a_count * 1.001 + 1e-4).all(), channel


def test_area_times_and_platform_are_those_of_the_cycle(tmp_path):
    path = write_native(tmp_path, NOON, fields(GASCONY, ["VIS006", "IR_108"]), GASCONY)
    assert path.name == "MSG4-SEVI-MSG15-0100-NA-20240601121242.370000000Z-NA.nat" == file_name(NOON)
    data = scene(path, ["IR_108"])["IR_108"]
    assert data.attrs["start_time"].isoformat() == "2024-06-01T12:00:00"
    assert data.attrs["end_time"].isoformat() == "2024-06-01T12:15:00"
    assert data.attrs["platform_name"] == "Meteosat-11"
    assert data.attrs["georef_offset_corrected"]
    assert data.attrs["orbital_parameters"]["satellite_actual_altitude"] == pytest.approx(35785831)
    grid = GASCONY.grid
    expected = (grid.x_west_m, grid.y_south_m, grid.x_east_m, grid.y_north_m)
    assert data.attrs["area"].area_extent == pytest.approx(expected, abs=1)  # satpy computes it in float32
    # Line 3271, the northernmost, comes first: 16.25 s + 3271 x 0.2002 s = 671.1042 s = 11 min 11.104 s.
    assert data.acq_time.values[0] == np.datetime64("2024-06-01T12:11:11.104")


def test_space_has_no_acquisition_time(tmp_path):
    north = Rectangle(3600, 3712, 1800, 1803)  # the last 52 of these lines pass over the Earth
    path = write_native(tmp_path, NOON, fields(north, ["VIS006", "IR_108"]), north)
    data = scene(path, ["IR_108"])["IR_108"]
    assert np.isnat(data.acq_time.values[0])
    assert not np.isnat(data.acq_time.values[-1])


def test_out_of_range_is_clipped_and_night_is_nought_percent(tmp_path):
    dark = {"VIS006": np.zeros((48, 52)), "IR_108": np.full((48, 52), 500.0)}
    read = scene(write_native(tmp_path, NOON, dark, GASCONY), dark)
    assert np.abs(read["VIS006"].values).max() < 1e-4
    warmest = physical_of_counts("IR_108", "MSG4", NOON)[1023]
    assert read["IR_108"].values == pytest.approx(warmest)
    assert 340 < warmest < 345


def test_the_same_call_writes_the_same_bytes_and_leaves_nothing_unfinished(tmp_path):
    written = fields(GASCONY, ["VIS006", "HRV"])
    first, second = (write_native(tmp_path / name, NOON, written, GASCONY) for name in "ab")
    assert first.read_bytes() == second.read_bytes()
    assert [p.name for p in (tmp_path / "a").iterdir()] == [first.name]


def test_a_rectangle_around_a_window_holds_it_with_a_margin_and_a_width_of_fours():
    rectangle = Rectangle.around(MSG_FRANCE, margin=4)
    # 221 + 2 x 4 lines; 411 + 2 x 4 = 419 columns, and one more to the west
    assert (rectangle.lines, rectangle.columns) == (229, 420)
    assert rectangle.grid.x_west_m == pytest.approx(MSG_FRANCE.x_west_m - 5 * 3000.4, abs=1)
    assert rectangle.grid.y_south_m == pytest.approx(MSG_FRANCE.y_south_m - 4 * 3000.4, abs=1)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"IR_999": np.zeros((48, 52))}, "not a channel"),
        ({"IR_108": np.zeros((2, 4))}, r"shape \(2, 4\)"),
        ({"HRV": np.zeros((144, 156))}, "beside HRV"),
        ({}, "at least one"),
    ],
)
def test_a_wrong_call_is_refused(tmp_path, values, message):
    with pytest.raises(ValueError, match=message):
        write_native(tmp_path, NOON, values, GASCONY)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("bounds", [(0, 10, 1, 4), (5, 4, 1, 4), (1, 3713, 1, 4), (1, 10, 1, 5)])
def test_a_wrong_rectangle_is_refused(bounds):
    with pytest.raises(ValueError, match=r"disk|4 does not divide"):
        Rectangle(*bounds)
