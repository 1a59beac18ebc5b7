"""What the sky model is given of the satellite, and the digest by which a night knows that it changed."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr

from models.contracts.sky_batch import PATCH, SATELLITE_FEATURES, SLOTS
from tasks import sky_satellite
from tasks.errors import StoreError
from tasks.ingest import ingest_camera
from tasks.satellite_ingest import ingest_satellite
from tasks.sky_satellite import satellite_seen
from tasks.stores.camera_archive import CameraArchive
from tests.tasks.sky_camera import DAY, picture, plan, write_network

pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
TIMES = [f"{DAY}T12:40", f"{DAY}T13:10", f"{DAY}T20:00"]


@pytest.fixture(scope="module")
def archived(tmp_path_factory):
    folder = tmp_path_factory.mktemp("seen")
    write_network(folder, {time: picture() for time in TIMES})
    one = plan(folder)
    ingest_camera(one.registry["roof"], one.archive_root, one.instant)
    ingest_satellite(one.settings.grid("msg"), one.archive_root, one.as_of)
    return one


def seen_of(one, rows=slice(None), grids=("msg",)):
    table = CameraArchive(one.archive_root, "roof").rows().iloc[rows].reset_index(drop=True)
    times = table["time"].to_numpy("datetime64[ns]")
    return satellite_seen(one.archive_root, one.registry["roof"], times, grids, 600.0)


def test_three_slots_of_the_cloud_mask_and_the_cloud_type(archived):
    seen = seen_of(archived)
    assert seen.present.tolist() == [[True] * SLOTS, [True] * SLOTS, [False] * SLOTS]
    assert (seen.digest != 0).tolist() == [True, True, False]
    # 13:10 is matched with 13:00, slot 4: mask 0, cloud type 6 + 4 % 3 = 7; before it slots 3 and 2.
    mask, kind = (seen.planes[1, :, SATELLITE_FEATURES.index(name), 0, 0] for name in ("cma", "ct"))
    assert (mask.tolist(), kind.tolist()) == ([0, 1, 0], [8, 6, 7])
    assert torch.isnan(seen.planes[:, :, SATELLITE_FEATURES.index("IR_108")]).all()
    # Toulouse sees the afternoon, and at 20:00 the sun is down.
    assert seen.sun_elevation_deg[0] > 60 and seen.sun_elevation_deg[2] < 0


def test_a_digest_is_of_the_frame_alone(archived):
    whole, last = seen_of(archived), seen_of(archived, slice(1, 2))
    assert last.digest[0] == whole.digest[1]
    assert (whole.rows(np.array([1])).planes.shape) == (1, SLOTS, len(SATELLITE_FEATURES), PATCH, PATCH)
    assert whole.rows(np.array([1])).digest.tolist() == [whole.digest[1]]


def test_any_nan_has_the_same_digest():
    present, ages = torch.ones((2, SLOTS), dtype=torch.bool), torch.zeros((2, SLOTS))
    planes = torch.ones((2, SLOTS, 1, PATCH, PATCH))
    planes[0, 0, 0, 0, 0] = float("nan")
    planes[1, 0, 0, 0, 0] = torch.tensor(np.array([0xFFC00001], np.uint32).view(np.float32))[0]
    one, other = sky_satellite._digests(planes, present, ages)
    assert one == other != 0
    planes[1, 0, 0, 0, 0] = 0
    one, other = sky_satellite._digests(planes, present, ages)
    assert one != other


@pytest.mark.parametrize("grids", [(), ("elsewhere",)])
def test_without_an_archive_nothing_is_seen_and_the_sun_stands_all_the_same(archived, grids):
    seen = seen_of(archived, grids=grids)
    assert not seen.present.any() and not seen.digest.any()
    assert np.isfinite(seen.sun_elevation_deg).all()


@pytest.fixture(scope="module")
def twice(archived, tmp_path_factory):
    """The archives, with a second grid of the same slots."""
    root = tmp_path_factory.mktemp("twice")
    shutil.copytree(Path(archived.archive_root, "satellite", "msg"), root / "satellite" / "msg")
    shutil.copytree(Path(archived.archive_root, "satellite", "msg"), root / "satellite" / "second")
    return root


def damaged(root, grid, kind, to):
    """A copy in which all files of a kind of one grid's repository are rubbish."""
    shutil.copytree(root, to)
    files = [path for path in (to / "satellite" / grid / kind).rglob("*") if path.is_file()]
    assert files
    for path in files:
        path.write_bytes(b"rubbish")
    return str(to)


@pytest.mark.parametrize("kind", ["snapshots", "manifests", "chunks"])
def test_a_damaged_further_grid_is_left_out(archived, twice, tmp_path, caplog, kind):
    camera, times = archived.registry["roof"], np.array([f"{DAY}T13:10"], "datetime64[ns]")
    whole = satellite_seen(str(twice), camera, times, ("msg",), 600.0)
    root = damaged(twice, "second", kind, tmp_path / "root")
    seen = satellite_seen(root, camera, times, ("msg", "second"), 600.0)
    assert seen.present.all() and seen.digest.tolist() == whole.digest.tolist()
    assert "satellite grid second is left out" in caplog.text


def test_a_damaged_first_grid_is_an_error(archived, twice, tmp_path):
    root = damaged(twice, "msg", "manifests", tmp_path / "root")
    times = np.array([f"{DAY}T13:10"], "datetime64[ns]")
    with pytest.raises(StoreError):
        satellite_seen(root, archived.registry["roof"], times, ("msg", "second"), 600.0)


def test_no_frames_see_nothing(archived):
    assert seen_of(archived, slice(0, 0)).planes.shape == (0, SLOTS, len(SATELLITE_FEATURES), PATCH, PATCH)


def test_of_an_imager_only_the_channels_that_are_looked_at_are_read():
    channels = xr.Dataset(
        {"brightness_temperature": (("time", "y", "x", "bt_channel"), np.zeros((1, 1, 1, 3)))},
        coords={"time": pd.DatetimeIndex([DAY]), "bt_channel": ["IR_039", "IR_108", "IR_120"]},
    )
    assert sky_satellite._known_names(channels) == ["IR_108", "IR_120"]
