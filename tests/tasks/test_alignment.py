"""Frames and satellite together, from real archives of small files."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from models.contracts.flags import AlignmentReason as Reason
from models.contracts.flags import FrameFlag, ValueFlag
from models.science.satellite_cover import disc_around
from tasks.aligned_dataset import open_aligned
from tasks.aligned_patches import slot_history
from tasks.alignment import align_times, camera_frames, satellite_cover
from tasks.nwcsaf_writer import write_nwcsaf
from tasks.registry import Camera
from tasks.satellite_ingest import ingest_satellite
from tasks.stores.camera_archive import CameraArchive
from tasks.stores.satellite_archive import SatelliteArchive
from tasks.stores.satellite_rows import ProductSlot, SatelliteFile
from tests.stores.camera_frames import frame
from tests.tasks.satellite_folders import AS_OF, GRID, TOULOUSE, settings, slot_time, write_cma, write_ct

DAY, NEXT_DAY = date(2024, 6, 1), date(2024, 6, 2)
# Toulouse's line is scanned 647.9 s after the nominal time
SCAN = np.timedelta64(648, "s")


def _camera(**changes):
    position = {"latitude": TOULOUSE[0], "longitude": TOULOUSE[1]}
    return Camera(**{"id": "river01", "source": "unused", **position, **changes})


@pytest.fixture
def root(tmp_path):
    """Cloud masks of slots 0 (clear), 1 (cloudy) and 3 (cloudy); cloud type of slot 0 only."""
    for number in (0, 1, 3):
        write_cma(tmp_path / "files", number)
    write_ct(tmp_path / "files", 0)
    ingest_satellite(settings(tmp_path / "files"), str(tmp_path / "archive"), AS_OF)
    return str(tmp_path / "archive")


def test_frames_go_to_the_slot_that_scanned_them(root):
    satellite = SatelliteArchive(root, "msg")
    times = np.array(
        [slot_time(0) + SCAN, slot_time(1) + SCAN + np.timedelta64(60, "s"), slot_time(2) + SCAN]
    )
    aligned = align_times(satellite, _camera(), times, tolerance_s=300)
    assert aligned.reason.tolist() == [Reason.MATCHED, Reason.MATCHED, Reason.SLOT_MISSING]
    assert aligned.slot_times[:2].tolist() == [slot_time(0).astype(int), slot_time(1).astype(int)]
    np.testing.assert_allclose(aligned.offset_s, [0, -60, np.nan], atol=1)
    assert aligned.pixel == (9, 14)

    cover, sigma, flag = satellite_cover(satellite, _camera(), aligned)
    np.testing.assert_array_equal(cover, np.float32([0, 1, np.nan]))
    assert flag.tolist() == [ValueFlag.GOOD, ValueFlag.GOOD, ValueFlag.NOT_OBSERVED]
    assert (sigma[:2] > 0).all()


def test_clouds_are_moved_to_their_places_once(tmp_path):
    """Five lines of cloud at 10 km, one line south of the camera to three north of it as they appear."""
    folder = tmp_path / "files"
    mask = np.zeros(GRID.shape, "u1")
    mask[6:11] = 1
    heights = np.where(mask, 10_000.0, np.nan)
    for number in range(3):
        cma = write_nwcsaf(folder, "CMA", slot_time(number), {"cma": mask}, GRID)
        if number > 0:
            ctth = write_nwcsaf(folder, "CTTH", slot_time(number), {"ctth_alti": heights}, GRID)
    for path in (cma, ctth):  # the last slot comes from the producer with parallax corrected
        path.rename(path.with_name(f"{path.stem}_PLAX.nc"))
    root = str(tmp_path / "archive")
    ingest_satellite(settings(folder, variables=("cma", "ctth_alti")), root, AS_OF)
    satellite = SatelliteArchive(root, "msg")
    times = np.array([slot_time(number) + SCAN for number in range(3)])
    aligned = align_times(satellite, _camera(), times)
    cover, _, _ = satellite_cover(satellite, _camera(), aligned, radius_km=12.0)
    disc = disc_around(GRID, *TOULOUSE, 12.0)
    # 10 km of height are 2.4 lines: what appears on lines 6 to 10 is on lines 8.4 to 12.4. Of the disc's lines 7 to 11
    # line 7 and 0.4 of line 8 were hidden, which counts half.
    weights = np.repeat([[0.5], [0.8], [1.0], [1.0], [1.0]], GRID.columns, axis=1)
    share = weights[:, disc.columns][disc.inside[7 - disc.lines.start : 12 - disc.lines.start]].mean()
    assert cover[0] == cover[2] == pytest.approx((mask[disc.lines, disc.columns][disc.inside]).mean())
    assert cover[1] == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize(
    ("camera", "reason"),
    [
        (_camera(latitude=None, longitude=None), Reason.NO_POSITION),
        (_camera(latitude=36.2, longitude=-115.1), Reason.OUTSIDE_REGION),
    ],
)
def test_a_camera_without_a_pixel_says_why(root, camera, reason):
    aligned = align_times(SatelliteArchive(root, "msg"), camera, np.array([slot_time(0)]))
    assert aligned.reason.tolist() == [reason]
    assert satellite_cover(SatelliteArchive(root, "msg"), camera, aligned)[2].tolist() == [
        ValueFlag.NOT_OBSERVED
    ]


def test_no_satellite_and_another_year(root, tmp_path):
    times = np.array([slot_time(0), np.datetime64("NaT", "ns")])
    for satellite in (None, SatelliteArchive(str(tmp_path / "nowhere"), "msg")):
        assert align_times(satellite, _camera(), times).reason.tolist() == [Reason.NO_SLOT, Reason.NO_TIME]
    years = times + np.timedelta64(1000, "D")
    aligned = align_times(SatelliteArchive(root, "msg"), _camera(), years)
    assert aligned.reason.tolist() == [Reason.NO_SLOT, Reason.NO_TIME]
    assert align_times(SatelliteArchive(root, "msg"), _camera(), times[:0]).reason.size == 0


def test_a_camera_day_opens_lazily_with_its_patches(root):
    day = [
        frame(slot_time(0) + SCAN, 1, height=48, width=64),
        frame(slot_time(1) + SCAN, 2, height=32, width=80),
        frame(slot_time(2) + SCAN, 3, height=48, width=64),
        frame(slot_time(0) + np.timedelta64(2, "D"), 4, height=48, width=64),
    ]
    CameraArchive(root, "river01").append(day)
    data = open_aligned(root, _camera(), DAY, NEXT_DAY, "msg", patch=(5, 21), tolerance_s=300)
    assert dict(data.sizes) == {"time": 3, "y": 48, "x": 80, "rgb": 3, "slot": 1, "sat_y": 5, "sat_x": 21}
    assert data.frames.chunks is not None and data.cma.chunks is not None
    assert data.height.values.tolist() == [48, 32, 48]
    assert (data.frames[1, 32:].values == 0).all()
    expected = CameraArchive(root, "river01").read_frames(CameraArchive(root, "river01").rows()[:1])[0]
    np.testing.assert_array_equal(data.frames[0, :48, :64].values, expected)
    assert data.cma.dtype == np.uint8
    assert (data.cma[0].values == 0).all() and (data.cma[1].values == 1).all()
    assert (data.cma[2].values == 255).all() and (data.ct[1].values == 255).all()
    assert data.alignment_reason.values.tolist() == [Reason.MATCHED, Reason.MATCHED, Reason.SLOT_MISSING]


def test_a_patch_beyond_the_region_is_filled(root):
    CameraArchive(root, "river01").append([frame(slot_time(1) + SCAN, 1, height=16, width=16)])
    patch = open_aligned(root, _camera(), DAY, NEXT_DAY, "msg", patch=(33, 33)).cma[0, 0].values
    # the grid has 19 lines and 30 columns, the camera is at line 9, column 14: rows 7 to 25, columns 2 to 31
    expected = np.full((33, 33), 255, "u1")
    expected[7:26, 2:32] = 1
    np.testing.assert_array_equal(patch, expected)
    with pytest.raises(ValueError, match="odd"):
        open_aligned(root, _camera(), DAY, NEXT_DAY, "msg", patch=(32, 33))


def test_an_undated_group_has_no_slot(root):
    undated = replace(frame("1970-01-01", 1), flags=FrameFlag.TIME_IS_ORDER)
    CameraArchive(root, "river01").append([undated])
    days = np.array(["1970-01-01", "1970-01-02"], "datetime64[ns]")
    rows, times = camera_frames(root, _camera(), *days)
    assert len(rows) == 1 and np.isnat(times).all()
    data = open_aligned(root, _camera(), *days, "msg")
    assert data.alignment_reason.values.tolist() == [Reason.NO_TIME]
    assert (data.cma.values == 255).all() and np.isnan(data.sun_elevation_angle.values).all()


def test_a_day_without_frames(root):
    CameraArchive(root, "river01").append([frame(slot_time(0), 1, height=16, width=16)])
    assert open_aligned(root, _camera(), NEXT_DAY, "2024-06-03", "msg").sizes["time"] == 0


def test_where_pixels_have_their_own_times_that_of_the_cameras_pixel_counts(tmp_path):
    satellite = SatelliteArchive(str(tmp_path), "fci")
    scans = np.full(GRID.shape, 100.0, np.float32) + np.arange(GRID.columns, dtype=np.float32)
    slot = ProductSlot(
        slot_time(0), "CMA", {"cma": np.zeros(GRID.shape, "u1")}, (), scans, "Meteosat-12", GRID, False,
        SatelliteFile("a.nc", "a.nc", 1), bytes(32),
    )  # fmt: skip
    satellite.write_day(settings(tmp_path, name="fci"), [slot], [], np.datetime64(AS_OF.replace(tzinfo=None)))
    times = np.array([slot_time(0)])
    # Column 14 of Toulouse was scanned 114 s after the nominal time, column 0 at 100 s.
    aligned = align_times(satellite, _camera(), times)
    assert aligned.offset_s == pytest.approx([114.0])
    assert slot_history(satellite, aligned, 1).offset_s == pytest.approx(np.array([[114.0]]))
    west = align_times(satellite, _camera(), times, pixel=(9, 0))
    assert west.offset_s == pytest.approx([100.0])
