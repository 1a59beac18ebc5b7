"""What an archive of frames and slots teaches about clouds."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
import xarray as xr

from models.contracts.cloud_labels import GENERA
from models.contracts.sky_batch import CONTEXT, NO_BASE, PATCH, SATELLITE_FEATURES, nothing_known
from models.science.satellite_features import SkyView
from models.science.satellite_noise import SATELLITE_GIVEN_OKTA
from tasks.cloud_crowd_targets import fill_crowd_targets
from tasks.cloud_moments import inputs_of_cubes, resized
from tasks.cloud_teaching import moments_of, teaching_targets
from tasks.nwcsaf_writer import write_nwcsaf
from tasks.registry import Camera
from tasks.satellite_ingest import ingest_satellite
from tasks.stores.camera_archive import CameraArchive
from tests.stores.camera_frames import frame
from tests.tasks.nights import ingest, plan_of
from tests.tasks.satellite_folders import AS_OF, GRID, TOULOUSE, settings, slot_time, write_cma, write_ct

SCAN = np.timedelta64(648, "s")  # of Toulouse's line after the nominal time
CAMERA = Camera(
    id="river01",
    source="unused",
    latitude=TOULOUSE[0],
    longitude=TOULOUSE[1],
    altitude_m=150,
    azimuth_deg=180,
    elevation_deg=10,
    hfov_deg=60,
)
DAYS = "2024-06-01", "2024-06-03"
CMA, CT, TOP, IR108 = range(4)
CLEAR, LOW, LATE, HIGH, NEXT_DAY = range(5)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Slot 0 is clear, 1 overcast with low cloud, 2 never came, 3 cirrus.

    Frames at the scans of 0, of 1 and 2 minutes, of 2, of 3, and a day later.
    """
    folder = tmp_path_factory.mktemp("teaching")
    for number, cma, code, top in ((0, 0, 1, np.nan), (1, 1, 6, 2150.0), (3, 1, 12, 8150.0)):
        write_cma(folder / "files", number, cma)
        write_ct(folder / "files", number, code)
        tops = np.full(GRID.shape, top)
        write_nwcsaf(folder / "files", "CTTH", slot_time(number), {"ctth_alti": tops}, GRID)
    ingest_satellite(settings(folder / "files", variables=("cma", "ct", "ctth_alti")), str(folder), AS_OF)
    times = [
        slot_time(0) + SCAN,
        slot_time(1) + SCAN + np.timedelta64(120, "s"),
        slot_time(2) + SCAN,
        slot_time(3) + SCAN,
        slot_time(0) + np.timedelta64(26, "h"),
    ]
    CameraArchive(str(folder), CAMERA.id).append([frame(t, k) for k, t in enumerate(times)])
    return str(folder)


def names(some_genus):
    return {genus for genus, inside in zip(GENERA, some_genus.tolist(), strict=True) if inside}


def test_what_the_satellite_says_of_each_frame(root):
    times, sha256, targets = teaching_targets(root, CAMERA, *DAYS, "msg")
    assert len(times) == len(sha256) == len(targets) == 5
    assert [names(row) for row in targets.some_genus] == [
        set(),
        {"St", "Sc", "Cu"},
        set(),
        {"Ci", "Cs", "Cc"},
        set(),
    ]
    np.testing.assert_allclose(targets.some_genus_trust, [0, 0.9, 0, 0.85, 0])
    # 2150 - 150 m above the camera, 500 m and 10 % more; a cirrus top is no bound
    np.testing.assert_allclose(targets.base_below_m, [np.inf, 2700, np.inf, np.inf, np.inf])
    for row, okta in ((CLEAR, 0), (LOW, 8), (HIGH, 8)):
        np.testing.assert_allclose(targets.satellite_okta[row], SATELLITE_GIVEN_OKTA[:, okta], rtol=1e-6)
    assert (targets.satellite_okta[[LATE, NEXT_DAY]] == 1).all()
    assert torch.isnan(targets.genera).all() and torch.isnan(targets.okta).all()


def test_a_slot_out_of_tolerance_teaches_nothing(root):
    _, _, targets = teaching_targets(root, CAMERA, *DAYS, "msg", tolerance_s=60)
    assert names(targets.some_genus[LOW]) == set() and names(targets.some_genus[HIGH]) == {"Ci", "Cs", "Cc"}
    assert (targets.satellite_okta[LOW] == 1).all()


def test_nothing_is_said_without_position_archive_or_frames(root):
    nowhere = CAMERA.model_copy(update={"latitude": None, "longitude": None})
    for camera, grid in ((nowhere, "msg"), (CAMERA, "goes")):
        _, _, targets = teaching_targets(root, camera, *DAYS, grid)
        assert not targets.some_genus.any() and (targets.satellite_okta == 1).all()
        seen = moments_of(root, camera, *DAYS, [grid], (6, 8))
        assert seen.camera_present.all() and not seen.slot_present.any()
        assert torch.isnan(seen.satellite).all()
    _, sha256, targets = teaching_targets(root, CAMERA, "2020-01-01", "2020-01-02", "msg")
    assert sha256 == () and len(targets) == 0
    assert len(moments_of(root, CAMERA, "2020-01-01", "2020-01-02", ["msg"], (6, 8))) == 0


def test_what_was_seen_at_each_frame(root):
    seen = moments_of(root, CAMERA, *DAYS, ["msg"], (12, 16))
    assert seen.image.shape == (5, 3, 12, 16) and seen.image.dtype == torch.float32
    assert 0 < seen.image.mean() < 1 and seen.camera_present.all()
    assert seen.satellite.shape == (5, 3, len(SATELLITE_FEATURES), PATCH, PATCH)
    assert seen.slot_present.tolist() == [
        [False, False, True],
        [False, True, True],
        [False, False, False],  # 15 minutes from any slot that came
        [True, False, True],
        [False, False, False],
    ]
    # 2 minutes after the scan of slot 1, 17 after that of slot 0
    np.testing.assert_allclose(seen.slot_age_s[LOW], [np.nan, 1020, 120], atol=1)
    np.testing.assert_allclose(seen.slot_age_s[HIGH], [1800, np.nan, 0], atol=1)
    middle = seen.satellite[..., PATCH // 2, PATCH // 2]
    assert middle[LOW, 2, [CMA, CT, TOP]].tolist() == [1, 6, 2150]
    assert middle[HIGH, 0, [CMA, CT, TOP]].tolist() == [1, 6, 2150]
    assert torch.isnan(seen.satellite[:, :, IR108:]).all()
    assert torch.isnan(seen.satellite[~seen.slot_present]).all()
    context = dict(zip(CONTEXT, seen.context[CLEAR].tolist(), strict=True))
    # 12:11 UTC on 1 June: sun near its culmination of 68.5 degrees, in front of a camera that looks south
    assert context["sun_elevation_deg"] == pytest.approx(68.2, abs=0.5)
    assert abs(context["sun_azimuth_from_view_deg"]) < 20
    assert context["satellite_zenith_deg"] == pytest.approx(50.3, abs=0.1)
    assert context["satellite_azimuth_from_view_deg"] == pytest.approx(2.1, abs=0.1)
    assert context["day_of_year"] == 153  # 31 + 29 + 31 + 30 + 31 + 1
    # where there is no slot the sun still stands somewhere
    assert torch.isfinite(seen.context[NEXT_DAY, CONTEXT.index("sun_elevation_deg")])


def _cube(slot_times, variables, channels=()):
    """A cube of moments whose slots were all scanned 5 minutes after their nominal time, at the moment's own."""
    n = len(slot_times)
    quarter = np.timedelta64(15, "m")
    nominal = np.stack([np.asarray(slot_times) - back * quarter for back in (2, 1, 0)], axis=1)
    space = ("time", "slot", "sat_y", "sat_x")
    data = {name: (space, np.full((n, 3, PATCH, PATCH), value)) for name, value in variables.items()}
    if channels:
        data["brightness_temperature"] = (
            (*space, "bt_channel"),
            np.full((n, 3, PATCH, PATCH, len(channels)), 250.0) + np.arange(len(channels)),
        )
    data |= {
        "offset_s": (("time", "slot"), np.tile([-1800.0, -900, 0], (n, 1))),
        "slot_reason": (("time", "slot"), np.zeros((n, 3), np.int8)),
        "slot_time": (("time", "slot"), nominal.astype("datetime64[ns]")),
        "satellite_zenith_angle": ("time", np.full(n, 50.0)),
    }
    return xr.Dataset(data, coords={"bt_channel": list(channels)} if channels else {})


def test_an_imager_beside_the_products_adds_its_planes_of_the_same_slots():
    slots = slot_time(np.arange(2))
    times = slots + np.timedelta64(5, "m")
    products = _cube(slots, {"cma": np.uint8(1)})
    # the second moment was matched with another slot of the imager: not used
    imager = _cube(slots + np.array([0, 15], "timedelta64[m]"), {}, channels=("IR_087", "IR_108"))
    view = SkyView(*TOULOUSE, azimuth_deg=90.0)
    planes, present, ages, context = inputs_of_cubes([(products, 900.0), (imager, 900.0)], times, view, 600.0)
    assert (planes[:, :, CMA] == 1).all()
    assert (planes[0, :, IR108] == 251).all() and torch.isnan(planes[1, :, IR108]).all()
    assert present.all() and ages.tolist() == [[1800, 900, 0]] * 2
    assert (context[:, CONTEXT.index("satellite_zenith_deg")] == 50).all()
    alone, _, _, _ = inputs_of_cubes([(imager, 900.0)], times, view, 600.0)
    assert (alone[:, :, IR108] == 251).all() and torch.isnan(alone[:, :, CMA]).all()


def test_pictures_of_8_and_16_bits():
    eight = np.zeros((4, 4, 3), np.uint8)
    eight[:2] = 200
    assert resized(eight, (2, 2))[:, :, 0].tolist() == [[pytest.approx(200 / 255), 0]] * 3
    np.testing.assert_array_equal(resized(eight.astype(np.uint16) * 257, (2, 2)), resized(eight, (2, 2)))


def _campaign(**posteriors):
    results = {
        name: SimpleNamespace(consensus=SimpleNamespace(posterior=np.array(p)))
        for name, p in posteriors.items()
    }
    return SimpleNamespace(images=("aa", "bb"), results=results)


def test_what_the_crowd_says_of_each_frame():
    nan = np.nan
    okta = np.array([[0.25, 0.75, *[0.0] * 7], [0.95, 0.05, *[0.0] * 7]])
    base = np.array([[0.2, 0.8, *[0.0] * 8], [nan] * 10])
    low = np.full((2, 11), nan)
    low[1] = 1 / 11
    campaign = _campaign(okta=okta, base=base, low=low, Cu=[[0.1, 0.9], [nan, nan]], obscured=[[1.0, 0]] * 2)
    targets = nothing_known(3)
    assert fill_crowd_targets(targets, ("bb", "cc", "aa"), campaign) == 2
    np.testing.assert_allclose(targets.okta[2], okta[0], rtol=1e-6)
    assert torch.isnan(targets.okta[1]).all()
    np.testing.assert_allclose(targets.genera[:, GENERA.index("Cu")], [nan, nan, 0.9], rtol=1e-6)
    # no cloud with .25; else .2 and .8 of .75
    np.testing.assert_allclose(targets.base[2, [0, 1, NO_BASE]], [0.15, 0.6, 0.25], rtol=1e-6)
    assert targets.base[0, NO_BASE] == pytest.approx(0.95) and targets.base[0].sum() == pytest.approx(1)
    assert targets.levels[0, 0, 10] == pytest.approx(1 / 11) and torch.isnan(targets.levels[2]).all()
    np.testing.assert_array_equal(targets.obscured, [0, nan, 0])
    empty = nothing_known(1)
    assert fill_crowd_targets(empty, ("aa",), SimpleNamespace(images=(), results={})) == 0


def test_the_demo_network(network):
    plan = plan_of(network)
    ingest(plan)
    camera = plan.registry.cameras[0]
    grid = plan.settings.aligned_grid
    times, sha256, targets = teaching_targets(plan.archive_root, camera, "2025-03-01", "2025-04-30", grid)
    seen = moments_of(plan.archive_root, camera, "2025-03-01", "2025-04-30", [grid], (24, 32))
    assert len(times) == len(sha256) == len(targets) == len(seen) > 0
    spoken = targets.satellite_okta.amin(dim=1) < 1
    assert spoken.any()
    assert seen.slot_present[spoken, -1].all()
    assert not targets.some_genus.any()  # masks alone


@pytest.mark.real
def test_real_cloud_types(real_data, tmp_path):
    source = real_data / "satellite" / "meteonet_ct"
    meteonet = settings(
        source, name="meteonet", reader="meteonet", variables=("ct",), region=(-4.0, 47.0, 1.0, 50.0)
    )
    ingest_satellite(meteonet, str(tmp_path), AS_OF)
    rennes = CAMERA.model_copy(update={"latitude": 48.1, "longitude": -1.68})
    start = np.datetime64("2016-01-01T00:05", "ns")
    times = [start + k * np.timedelta64(15, "m") for k in range(8)]
    CameraArchive(str(tmp_path), rennes.id).append([frame(t, k) for k, t in enumerate(times)])
    _, _, targets = teaching_targets(str(tmp_path), rennes, "2016-01-01", "2016-01-02", "meteonet")
    seen = moments_of(str(tmp_path), rennes, "2016-01-01", "2016-01-02", ["meteonet"], (6, 8))
    said = targets.some_genus.any(dim=1)
    assert said.sum() >= 5 and ((targets.some_genus_trust > 0) == said).all()
    assert torch.isinf(targets.base_below_m).all()  # no tops in these files
    codes = seen.satellite[:, :, CT]
    assert torch.isfinite(codes).any() and codes[torch.isfinite(codes)].max() <= 15
    assert (targets.satellite_okta == 1).all()  # no mask either
