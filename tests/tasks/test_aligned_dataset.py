"""Cubes of frames and the last slots of each."""

from datetime import UTC, date, datetime

import numpy as np
import pytest
import xarray as xr

from models.contracts.flags import AlignmentReason as Reason
from models.science.geometry import MSG_FRANCE
from models.science.sightline_table import HEIGHTS_M, Viewpoint, overhead_table
from tasks.aligned_dataset import open_aligned
from tasks.aligned_patches import SlotHistory, patch_arrays
from tasks.nwcsaf_writer import write_nwcsaf
from tasks.registry import Camera
from tasks.satellite_ingest import ingest_satellite
from tasks.sightlines import Centres
from tasks.stores.camera_archive import CameraArchive
from tests.stores.camera_frames import frame
from tests.tasks.satellite_folders import AS_OF, GRID, TOULOUSE, settings, slot_time, write_cma

SCAN = np.timedelta64(648, "s")  # of Toulouse's line after the nominal time
MINUTE = np.timedelta64(60, "s")
CAMERA = Camera(
    id="river01",
    source="unused",
    latitude=TOULOUSE[0],
    longitude=TOULOUSE[1],
    azimuth_deg=180,
    elevation_deg=20,
)
DAYS = date(2024, 6, 1), date(2024, 6, 2)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Masks of slots 0, 1, 3 and 4, whose value is odd or even like the slot; cloud tops at 3 km in slot 4.

    Frames 1 minute before the scan of slot 1, 4 minutes after it, at that of slot 4, and a day later.
    """
    folder = tmp_path_factory.mktemp("cubes")
    for number in (0, 1, 3, 4):
        write_cma(folder / "files", number)
    tops = np.full(GRID.shape, 3000.0)
    write_nwcsaf(folder / "files", "CTTH", slot_time(4), {"ctth_alti": tops}, GRID)
    ingest_satellite(settings(folder / "files", variables=("cma", "ctth_alti")), str(folder), AS_OF)
    times = [
        slot_time(1) + SCAN - MINUTE,
        slot_time(1) + SCAN + 4 * MINUTE,
        slot_time(4) + SCAN,
        slot_time(0) + np.timedelta64(26, "h"),
    ]
    CameraArchive(str(folder), CAMERA.id).append(
        [frame(t, k, height=8, width=8) for k, t in enumerate(times)]
    )
    return str(folder)


def test_the_last_slots_newest_last(root):
    data = open_aligned(root, CAMERA, *DAYS, "msg", patch=(3, 5), last_slots=3)
    assert data.cma.dims == ("time", "slot", "sat_y", "sat_x")
    assert data.slot.values.tolist() == [-2, -1, 0]
    # slots -1, 0, 1 of the first two frames, 2, 3, 4 of the third; -1 and 2 did not come
    assert data.cma[:, :, 1, 2].values.tolist() == [[255, 0, 1], [255, 0, 1], [255, 1, 0]]
    assert (data.slot_time[2].values == [slot_time(2), slot_time(3), slot_time(4)]).all()
    missing, matched = Reason.SLOT_MISSING, Reason.MATCHED
    assert data.slot_reason.values.tolist() == [[missing, matched, matched]] * 3
    np.testing.assert_allclose(data.offset_s[0], [np.nan, -840, 60], atol=1)
    np.testing.assert_allclose(data.offset_s[1], [np.nan, -1140, -240], atol=1)
    assert data.alignment_reason.values.tolist() == [matched] * 3


def test_causal_cubes_never_look_ahead(root):
    data = open_aligned(root, CAMERA, *DAYS, "msg", patch=(3, 3), causal=True, tolerance_s=900)
    assert (data.slot_time[:, 0].values == [slot_time(0), slot_time(1), slot_time(4)]).all()
    assert (data.offset_s.values <= 0).all()
    short = open_aligned(root, CAMERA, *DAYS, "msg", patch=(3, 3), causal=True, tolerance_s=600)
    # 14 minutes after the scan of slot 0
    assert short.alignment_reason.values.tolist() == [Reason.BEYOND_TOLERANCE, Reason.MATCHED, Reason.MATCHED]


def test_a_range_of_hours_in_any_notation(root):
    noon = datetime(2024, 6, 1, 12, tzinfo=UTC)
    one = open_aligned(root, CAMERA, noon, "2024-06-01T12:28", "msg", patch=(3, 3))
    assert one.sizes["time"] == 1
    all_of_it = open_aligned(root, CAMERA, noon, np.datetime64("2024-06-03"), "msg", patch=(3, 3))
    assert all_of_it.alignment_reason.values.tolist()[3] == Reason.NO_SLOT
    assert (all_of_it.cma[3].values == 255).all() and np.isnat(all_of_it.slot_time[3].values).all()
    assert all_of_it.slot_reason[3].values.tolist() == [Reason.NO_SLOT]


def test_angles_of_sun_and_satellite(root):
    data = open_aligned(root, CAMERA, *DAYS, "msg", patch=(3, 3))
    # 12:25 UTC on 1 June: half an hour after culmination at 90 - 43.6 + 22.1 = 68.5 degrees
    assert float(data.sun_elevation_angle[0]) == pytest.approx(67.8, abs=0.5)
    assert float(data.satellite_zenith_angle[0]) == pytest.approx(50.3, abs=0.1)
    assert float(data.satellite_azimuth_angle[0]) == pytest.approx(182.1, abs=0.1)
    assert data.satellite_zenith_angle.attrs["standard_name"] == "sensor_zenith_angle"


def test_the_centre_goes_along_the_view_to_the_cloud_tops(root):
    cube = {"patch": (3, 3), "centre": "sightline", "height_m": "ctth"}
    data = open_aligned(root, CAMERA, *DAYS, "msg", **cube)
    # slot 4 has tops at 3 km, 8.2 km away at 20 degrees; the others have none: 2 km, 5.5 km away
    assert data.centre_height.values.tolist() == [2000.0, 2000.0, 3000.0]
    np.testing.assert_allclose(data.centre_distance, [5490, 5490, 8230], atol=30)
    assert (data.centre_latitude.values < TOULOUSE[0]).all()
    assert (data.cma.values == np.array([1, 1, 0])[:, None, None, None]).all()
    overhead = open_aligned(root, CAMERA, *DAYS, "msg", patch=(3, 3), height_m="ctth")
    assert overhead.centre_height.values.tolist() == [0.0, 0.0, 3000.0]


def test_what_cannot_be_is_said(root):
    with pytest.raises(ValueError, match=r"no IR_999.*it has cma, ctth_alti"):
        open_aligned(root, CAMERA, *DAYS, "msg", variables=["IR_999"])
    with pytest.raises(ValueError, match="last_slots"):
        open_aligned(root, CAMERA, *DAYS, "msg", last_slots=0)
    nowhere = CAMERA.model_copy(update={"latitude": None, "longitude": None})
    data = open_aligned(root, nowhere, *DAYS, "msg")
    assert "cma" not in data and "sun_elevation_angle" not in data
    assert data.slot_reason.values.ravel().tolist() == [Reason.NO_POSITION] * 3


@pytest.fixture
def channels():
    """24 slots of two channels whose value is 1000 x channel + 100 x slot + line + column / 100, and a mask."""
    slot, line, column, channel = np.meshgrid(
        np.arange(24), np.arange(20), np.arange(30), np.arange(2), indexing="ij"
    )
    values = (1000 * channel + 100 * slot + line + column / 100).astype("f4")
    status = np.full((24, 1), 2)
    corrected = np.zeros((24, 1))
    corrected[5] = 1
    return xr.Dataset(
        {
            "brightness_temperature": (("time", "y", "x", "bt_channel"), values, {"units": "K"}),
            "ct": (
                ("time", "y", "x"),
                (slot[..., 0] + 0 * line[..., 0]).astype("u1"),
                {"flag_values": [1, 255], "product": "CT"},
            ),
            "status": (("time", "product"), status),
            "parallax_corrected": (("time", "product"), corrected),
        },
        coords={"time": slot_time(0) + np.arange(24) * np.timedelta64(15, "m"), "product": ["CT"],
                "bt_channel": ["IR_087", "IR_108"]},
    )  # fmt: skip


def _history(rows):
    rows = np.array(rows)
    nothing = np.full(rows.shape, np.datetime64("NaT", "ns"))
    return SlotHistory(nothing, np.zeros(rows.shape), np.zeros(rows.shape, "i1"), rows)


def _centres(frames, height_m=0.0):
    table = overhead_table(GRID, Viewpoint(*TOULOUSE), HEIGHTS_M)
    return Centres(table, np.full(frames, int(height_m / 500)))


def test_channels_and_flags_by_name(channels):
    rows = [[6, 7], [7, 8], [-1, -1], [-1, 0]]
    patches = patch_arrays(channels, _history(rows), _centres(4), (3, 5), ["IR_108", "ct"], 8)
    temperature = patches["brightness_temperature"]
    assert temperature.dims == ("time", "slot", "sat_y", "sat_x", "bt_channel")
    assert temperature.bt_channel.values.tolist() == ["IR_108"]
    # Toulouse: line 9, column 14
    centre = temperature[:, :, 1, 2, 0].values
    np.testing.assert_allclose(centre[:2], [[1609.14, 1709.14], [1709.14, 1809.14]], atol=1e-3)
    assert np.isnan(centre[2]).all() and np.isnan(centre[3, 0]) and centre[3, 1] == pytest.approx(1009.14)
    assert patches["ct"].values[:, :, 1, 2].tolist() == [[6, 7], [7, 8], [255, 255], [255, 0]]
    assert set(patch_arrays(channels, _history(rows), _centres(4), (3, 5), None, 8)) == {
        "brightness_temperature",
        "ct",
    }


def test_a_corrected_product_is_read_at_the_true_pixel(channels):
    lines = channels.assign(
        ct=(("time", "y", "x"), np.broadcast_to(np.arange(20, dtype="u1")[:, None], (24, 20, 30)))
    )
    lines.ct.attrs = channels.ct.attrs
    patches = patch_arrays(lines, _history([[4], [5]]), _centres(2, 10_000), (1, 1), ["ct", "IR_087"], 8)
    seen = overhead_table(GRID, Viewpoint(*TOULOUSE), [0.0, 10_000.0]).line
    # slot 5 comes corrected: the camera's own line; slot 4 shows a cloud at 10 km two to three lines farther north
    assert patches["ct"].values.ravel().tolist() == [seen[1], seen[0]]
    found = patches["brightness_temperature"].values.ravel() % 100
    np.testing.assert_allclose(np.floor(found), [seen[1], seen[1]])


def test_a_chunk_of_slots_is_read_once(channels, monkeypatch):
    reads = []
    isel = xr.DataArray.isel

    def counted(self, *args, **indexers):
        if "time" in indexers:
            reads.append(indexers["time"])
        return isel(self, *args, **indexers)

    monkeypatch.setattr(xr.DataArray, "isel", counted)
    rows = [[k, k + 1, k + 2] for k in range(20) for _ in range(3)]
    patches = patch_arrays(channels, _history(rows), _centres(60), (3, 3), ["brightness_temperature"], 8)
    assert reads == []  # lazily
    whole = patches["brightness_temperature"].compute(scheduler="synchronous")
    assert sorted(r.start for r in reads) == [0, 8, 16]  # 180 patches, three reads
    reads.clear()
    one = patches["brightness_temperature"][2].compute(scheduler="synchronous")
    assert len(reads) <= 2
    np.testing.assert_array_equal(one, whole[2])


def test_grids_of_other_places_have_no_centre():
    far = overhead_table(MSG_FRANCE, Viewpoint(-33.9, 18.4), [0.0])
    line, column = Centres(far, np.zeros(2, int)).pixels(np.zeros(2, bool))
    assert line.tolist() == column.tolist() == [-1, -1]


def test_heights_by_cloud_tops_that_the_grid_does_not_hold(tmp_path):
    write_cma(tmp_path / "files", 1)
    ingest_satellite(settings(tmp_path / "files", variables=("cma",)), str(tmp_path), AS_OF)
    CameraArchive(str(tmp_path), CAMERA.id).append([frame(slot_time(1) + SCAN, 0, height=8, width=8)])
    with pytest.raises(ValueError, match="needs ctth_alti, which the archive msg has not"):
        open_aligned(str(tmp_path), CAMERA, *DAYS, "msg", patch=(3, 3), height_m="ctth")
