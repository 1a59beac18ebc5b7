"""Water sites: whole or absent, named by their digest."""

import json

import numpy as np
import pytest
import torch

from models.water import WaterSite
from tasks.errors import StoreError
from tasks.stores.water_sites import SiteOrigin, load_site, save_site, site_digest

ORIGIN = SiteOrigin(("ab" * 32, "cd" * 32), "ef" * 32, "SNAPSHOT", "")
SITE = WaterSite(torch.tensor([[0.0, 0.25], [0.5, 1.0]]), frames=24, pairs=3)


def test_site_comes_back_as_it_was_kept(tmp_path):
    kept = save_site(tmp_path, "river001", SITE, ORIGIN)

    found = load_site(tmp_path, "river001")

    assert found is not None
    assert torch.equal(found.site.wettability, SITE.wettability)
    assert (found.site.frames, found.site.pairs) == (24, 3)
    assert found.origin == ORIGIN
    assert found.digest == kept.digest == site_digest(SITE.to_arrays())
    assert int(found.code) == int(found.digest[:16], 16)
    assert sorted(p.name for p in (tmp_path / "water" / "river001").iterdir()) == [
        "site.json",
        "site.safetensors",
    ]


def test_no_site_is_none(tmp_path):
    assert load_site(tmp_path, "river001") is None
    assert load_site("s3://bucket/archive", "river001") is None


def test_digest_tells_values_and_shapes_apart():
    row, column = np.zeros((1, 2), np.float32), np.zeros((2, 1), np.float32)

    assert site_digest({"a": row}) != site_digest({"a": column})
    assert site_digest({"a": row}) != site_digest({"a": row + 1})
    assert site_digest({"a": row, "b": column}) == site_digest({"b": column, "a": row})


def test_writer_killed_between_the_files_leaves_no_site(tmp_path):
    save_site(tmp_path, "river001", SITE, ORIGIN)
    facts = (tmp_path / "water/river001/site.json").read_bytes()
    save_site(tmp_path, "river001", WaterSite(torch.ones(2, 2), 30), ORIGIN)
    (tmp_path / "water/river001/site.json").write_bytes(facts)

    assert load_site(tmp_path, "river001") is None


@pytest.mark.parametrize("change", [{"version": 9}, {"frames": "abc"}, {"frames": None}])
def test_what_is_no_site_says_so(tmp_path, change):
    save_site(tmp_path, "river001", SITE, ORIGIN)
    path = tmp_path / "water/river001/site.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))

    with pytest.raises(StoreError, match=r"river001.*Mend: remove it"):
        load_site(tmp_path, "river001")


@pytest.mark.parametrize("broken", ["site.json", "site.safetensors"])
def test_broken_file_says_so(tmp_path, broken):
    save_site(tmp_path, "river001", SITE, ORIGIN)
    (tmp_path / "water/river001" / broken).write_bytes(b"{")

    with pytest.raises(StoreError, match="Mend: remove it"):
        load_site(tmp_path, "river001")


def test_site_is_kept_in_a_folder_only(tmp_path):
    with pytest.raises(StoreError, match="on this machine"):
        save_site("s3://bucket/archive", "river001", SITE, ORIGIN)
    with pytest.raises(ValueError, match="camera id"):
        save_site(tmp_path, "../river", SITE, ORIGIN)
