"""The demo network's files: what is there, what is missing on purpose, the same bytes every time."""

import csv
import hashlib
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.simulation.network import NetworkSpec, relit_scenes
from models.simulation.seeds import TRAINING_SEEDS
from tasks.demo_network import deliver_late, write_demo_network, write_relit_set, write_training_set

SPEC = NetworkSpec(cameras=6, days=1, cadence_minutes=240, scale=0.15)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return write_demo_network(
        tmp_path_factory.mktemp("demo"), SPEC, masks=True, with_faults=True, processes=1
    )


def _digests(folder: Path) -> dict[str, str]:
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and p.suffix != ".nc"]
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def _truth(network) -> list[dict[str, str]]:
    with network.truth.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_image_has_a_row_of_truth_and_a_mask_that_gives_its_cover(network):
    rows = _truth(network)
    assert len(rows) == network.images == 6 * 6
    for row in rows:
        image = Image.open(network.folder / row["image"])
        mask = np.asarray(
            Image.open((network.folder / row["image"].replace("images", "masks", 1)).with_suffix(".png"))
        )
        assert mask.shape == image.size[::-1]
        seen = int((mask > 0).sum())
        assert float(row["cover"]) == pytest.approx((mask == 2).sum() / seen, abs=1e-5)


def test_times_are_in_the_exif_in_the_clock_of_the_camera(network):
    by_camera = {row["camera"]: row for row in _truth(network)}
    for camera, row in by_camera.items():
        block = Image.open(network.folder / row["image"]).getexif().get_ifd(0x8769)
        stated = np.datetime64(block[0x9003].replace(":", "-", 2).replace(" ", "T"))
        # 29 March 2025 is the last day of winter time: Paris is one hour ahead.
        ahead = 1 if camera in ("castle004", "sea006") else 0
        assert stated - np.timedelta64(ahead, "h") == np.datetime64(row["time"].rstrip("Z"))
        assert (0x9011 in block) == (ahead == 0)


def test_one_camera_changes_its_size_at_half_time(network):
    sizes = {}
    for row in _truth(network):
        sizes.setdefault(row["camera"], []).append(Image.open(network.folder / row["image"]).size)
    changed = [camera for camera, seen in sizes.items() if len(set(seen)) > 1]
    assert changed == ["sea002"]
    assert len(set(sizes["sea002"][:3])) == len(set(sizes["sea002"][3:])) == 1


def test_one_slot_is_missing_and_one_is_late(network, tmp_path):
    assert network.slots == 96 - 2
    names = [p.name for p in (network.folder / "satellite").glob("*.nc")]
    assert len(names) == 3 * 94
    # 27 % of 96 slots is slot 25, 06:15; 77 % is slot 73, 18:15.
    assert network.missing_slot == np.datetime64("2025-03-29T06:15")
    assert network.late_slot == np.datetime64("2025-03-29T18:15")
    assert not any("T061500Z" in name or "T181500Z" in name for name in names)
    small = NetworkSpec(cameras=1, days=1, cadence_minutes=720, scale=0.1, start_date=date(2025, 6, 1))
    other = write_demo_network(tmp_path, small, processes=1)
    delivered = deliver_late(tmp_path)
    assert {p.name.split("_")[2] for p in delivered} == {"CMA", "CT", "CTTH"}
    assert deliver_late(tmp_path) == []
    assert write_demo_network(tmp_path, small, processes=1) == other  # nothing is late again
    assert not list((tmp_path / "late").glob("*.nc"))


def test_faulty_files_are_what_they_should_be(network):
    cut, page, empty = (path.read_bytes() for path in network.faults)
    assert cut.startswith(b"\xff\xd8") and not cut.endswith(b"\xff\xd9")
    assert page.startswith(b"<!DOCTYPE html") and empty == b""


def test_two_processes_write_the_same_bytes_as_one_and_an_interrupted_run_is_completed(network, tmp_path):
    write_demo_network(tmp_path, SPEC, masks=True, with_faults=True, satellite=False, processes=2)
    expected = _digests(network.folder)
    assert _digests(tmp_path) == expected
    victim = next((tmp_path / "images" / "river001").glob("*_2*.jpg"))
    victim.unlink()
    (tmp_path / "truth.csv").unlink()
    seen = []
    write_demo_network(
        tmp_path, SPEC, lambda *p: seen.append(p), masks=True, with_faults=True, satellite=False, processes=1
    )
    assert _digests(tmp_path) == expected
    assert seen[-1] == (36, 36)


def test_a_folder_of_another_network_is_refused(network):
    with pytest.raises(ValueError, match="another network"):
        write_demo_network(network.folder, NetworkSpec(cameras=1, days=1), processes=1)


def test_satellite_files_read_through_satpy(network):
    satpy = pytest.importorskip("satpy")
    files = sorted(map(str, (network.folder / "satellite").glob("*_20250329T120000Z.nc")))
    scene = satpy.Scene(reader="nwcsaf-geo", filenames=files)
    scene.load(["cma", "ct", "ctth_alti"])
    assert scene["cma"].shape == (221, 411)
    assert 0.05 < float((scene["cma"].values == 1).mean()) < 0.95


def test_the_training_set_is_of_the_training_families_only(tmp_path):
    with pytest.raises(ValueError, match="not for training"):
        write_training_set(tmp_path, 1, seed=1)
    truth = write_training_set(tmp_path, 3, TRAINING_SEEDS.start, width=64, processes=1)
    rows = list(csv.DictReader(truth.open(encoding="utf-8")))
    assert len(rows) == 3
    for row in rows:
        mask = np.asarray(
            Image.open((tmp_path / row["image"].replace("images", "masks", 1)).with_suffix(".png"))
        )
        assert mask.shape == Image.open(tmp_path / row["image"]).size[::-1]
        assert set(np.unique(mask)) <= {0, 1, 2}


def test_relit_scenes_are_one_view_in_several_lights(tmp_path):
    first = relit_scenes(540_000, 0, 64, 3)
    assert [scene.view for scene in first] == [first[0].view] * 3
    assert len({scene.time for scene in first}) == 3
    assert relit_scenes(540_000, 1) == []  # looks straight up or all around
    paths = write_relit_set(tmp_path, 2, 540_000, 64, views=2, processes=1)
    assert [p.name for p in paths] == ["s000_0.jpg", "s000_1.jpg", "s002_0.jpg", "s002_1.jpg"]
    before = _digests(tmp_path)
    paths[2].unlink()
    write_relit_set(tmp_path, 2, 540_000, 64, views=2, processes=1)
    assert _digests(tmp_path) == before
    with pytest.raises(ValueError, match="not for training"):
        write_relit_set(tmp_path, 1, 1)
