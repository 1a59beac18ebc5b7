"""Kept features: as they were, or absent."""

import numpy as np
import pytest
import torch

from models.drift import FrameFeatures
from tasks.drift_features import FeatureCache, halved

SHA = "ab" * 32
POLYGON = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0))


def features(fault=None):
    maps = {"fine": torch.linspace(0, 1, 24).reshape(2, 3, 4), "coarse": torch.ones(1, 2, 2)}
    return halved(FrameFeatures(640, 480, maps, np.array([0.6, 0.8], np.float32), 1 / 3, fault))


@pytest.fixture
def cache(tmp_path):
    return FeatureCache(str(tmp_path), "d" * 64, "quay", POLYGON)


def test_features_read_as_they_were_kept(cache, tmp_path):
    assert cache.load(SHA) is None and not cache.holds(SHA)
    cache.keep(SHA, features())
    read = cache.load(SHA)
    assert (read.width, read.height, read.luminance, read.fault) == (640, 480, 1 / 3, None)
    assert read.appearance.tolist() == features().appearance.tolist()
    assert sorted(read.maps) == ["coarse", "fine"]
    assert read.maps["fine"].dtype == torch.float16
    assert torch.equal(read.maps["fine"], features().maps["fine"])
    assert cache.holds(SHA)
    (path,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert path.relative_to(tmp_path).as_posix() == f"cache/drift/{'d' * 64}/quay/{SHA}.safetensors"


def test_a_fault_is_kept_too(cache):
    cache.keep(SHA, features("black"))
    assert cache.load(SHA).fault == "black"


@pytest.mark.parametrize("damage", [b"", b"nonsense", None])
def test_a_damaged_file_counts_as_absent(cache, damage):
    cache.keep(SHA, features())
    path = cache.folder / f"{SHA}.safetensors"
    path.write_bytes(path.read_bytes()[:-10] if damage is None else damage)
    assert cache.load(SHA) is None
    cache.keep(SHA, features())
    assert cache.load(SHA) is not None


def test_another_privacy_polygon_is_another_look(cache, tmp_path):
    cache.keep(SHA, features())
    assert FeatureCache(str(tmp_path), "d" * 64, "quay", ()).load(SHA) is None
    assert FeatureCache(str(tmp_path), "e" * 64, "quay", POLYGON).load(SHA) is None
    assert FeatureCache(str(tmp_path), "d" * 64, "other", POLYGON).load(SHA) is None


def test_what_no_frame_uses_is_forgotten(cache):
    for sha in (SHA, "cd" * 32):
        cache.keep(sha, features())
    (cache.folder / f".{SHA}.4711").write_bytes(b"a killed night's")
    cache.forget_others({SHA})
    assert [path.name for path in cache.folder.iterdir()] == [f"{SHA}.safetensors"]


def test_without_a_folder_nothing_is_kept():
    cache = FeatureCache("s3://bucket/archive", "d" * 64, "quay")
    cache.keep(SHA, features())
    cache.forget_others(set())
    assert cache.load(SHA) is None and cache.holds(SHA)


def test_a_full_disk_costs_a_line_in_the_log(cache, caplog):
    cache.folder.parent.mkdir(parents=True)
    cache.folder.write_bytes(b"a file where the folder should be")
    cache.keep(SHA, features())
    assert "not kept" in caplog.text
    assert cache.load(SHA) is None
