"""The simulated set of moments: splits that share no sky, shards that resume, batches."""

import numpy as np
import pytest
import torch

from models.contracts.sky_batch import OKTA_STATES, PATCH, SATELLITE_FEATURES, SLOTS
from models.science.sun import sun_position
from tasks.errors import ConfigurationError
from tasks.sky_scenes import SPLITS, SkySetSpec, moment_times, shards, write_sky_set
from tasks.sky_set import read_sky_set

SMALL = SkySetSpec(cameras=3, held_out=1, days=8, frames_per_day=1, width=48, height=36)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_sky_set(tmp_path_factory.mktemp("sky") / "set", SMALL)


def test_a_set_as_it_is_read(folder):
    sky = read_sky_set(folder)
    assert len(sky) == 3 * 8
    assert sky.pictures.dtype == torch.uint8
    assert sky.inputs.image.shape == (24, 3, 36, 48)
    assert 0 <= sky.inputs.image.min() <= sky.inputs.image.max() <= 1
    assert sky.seen.satellite.shape == (24, SLOTS, len(SATELLITE_FEATURES), PATCH, PATCH)
    assert sky.targets.okta.shape == (24, OKTA_STATES)
    assert sky.masks.surface.shape == sky.masks.cloud.shape == (24, 36, 48)
    assert sky.time.dtype == np.dtype("datetime64[ns]")
    known = ~torch.isnan(sky.targets.okta).any(-1)
    assert (known == (sky.targets.obscured == 0)).all()


def test_weeks_and_cameras_are_kept_apart(folder):
    sky = read_sky_set(folder)
    trained = set(sky.camera[sky.split == "train"])
    assert [int((sky.split == name).sum()) for name in SPLITS] == [
        10,
        2,
        4,
        8,
    ]  # 2 cameras: 5, 1, 2 of 8 days
    assert not trained & set(sky.camera[sky.split == "camera"])
    assert trained == set(sky.camera[sky.split == "week"]) == set(sky.camera[sky.split == "calibration"])
    for name in trained:
        of = {split: sky.time[(sky.camera == name) & (sky.split == split)] for split in SPLITS[:3]}
        assert of["train"].max() < of["calibration"].min() <= of["calibration"].max() < of["week"].min()


def test_batches_and_splits_are_cut_from_it(folder):
    sky = read_sky_set(folder, ["week", "camera"])
    assert set(sky.split) == {"week", "camera"}
    some = sky.only("camera").rows(torch.tensor([2, 0]))
    assert len(some) == len(some.inputs) == len(some.targets) == 2
    np.testing.assert_array_equal(some.time, sky.time[sky.split == "camera"][[2, 0]])


def test_what_is_there_is_kept_and_what_is_not_comes_out_the_same(folder):
    kept, gone = shards(folder)[0], shards(folder)[1]
    before, stamp = read_sky_set(folder), kept.stat().st_mtime_ns
    gone.unlink()
    (folder / f".{gone.name}.part").write_bytes(b"cut short")
    told = []
    write_sky_set(folder, SMALL, progress=lambda done, total: told.append((done, total)))
    assert told == [(3, 3)]
    assert kept.stat().st_mtime_ns == stamp
    again = read_sky_set(folder)
    assert torch.equal(again.pictures, before.pictures)
    torch.testing.assert_close(again.seen.satellite, before.seen.satellite, rtol=0, atol=0, equal_nan=True)


def test_a_folder_of_another_spec_and_an_empty_one_are_refused(folder, tmp_path):
    with pytest.raises(ConfigurationError, match="another spec"):
        write_sky_set(folder, SkySetSpec(cameras=4, held_out=1))
    with pytest.raises(ConfigurationError, match="write a set there first"):
        read_sky_set(tmp_path)


def test_seeds_of_another_purpose_are_refused():
    with pytest.raises(ValueError, match="kept for demo, not for training"):
        SkySetSpec(seed=1)
    with pytest.raises(ValueError, match="kept for training, not for evaluation"):
        SkySetSpec(scoring_seed=500_600)


def test_moments_lie_by_day_at_dusk_and_by_night():
    camera = SMALL.camera(0)
    times = np.array(moment_times(camera, SMALL.seed, np.datetime64("2024-03-20"), 400))
    sun, _ = sun_position(times, *camera.place)
    assert (np.diff(times) >= np.timedelta64(0)).all()
    assert (sun > 6).mean() == pytest.approx(0.68, abs=0.08)
    assert (sun <= -8).mean() == pytest.approx(0.15, abs=0.06)
