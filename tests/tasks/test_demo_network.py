"""The demo network's files: what is there, what is missing on purpose, the same bytes every time."""

import csv
import hashlib
import tomllib
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from PIL import Image

from models.simulation.imager import CHANNELS
from models.simulation.network import NetworkSpec, relit_scenes
from models.simulation.seeds import TRAINING_SEEDS
from models.simulation.weather import RegionalWeather
from tasks.demo_network import deliver_late, write_demo_network, write_relit_set, write_training_set
from tasks.demo_satellite import NATIVE_TABLE, write_slots
from tasks.seviri_native import read_native_window

FRANCE = (-5.5, 41.0, 10.0, 51.5)
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


def test_channels_show_the_clouds_of_the_cloud_products(network, tmp_path):
    noon = np.datetime64("2025-03-29T12:00")
    late = noon + np.timedelta64(15, "m")
    weather = RegionalWeather(SPEC.seed)
    write_slots(tmp_path, weather, [noon, late], late, imager=True)
    natives = {p.name: p for p in tmp_path.rglob("*.nat")}
    assert {name: path.parent.name for name, path in natives.items()} == {
        "MSG4-SEVI-MSG15-0100-NA-20250329121242.370000000Z-NA.nat": "satellite_native",
        "MSG4-SEVI-MSG15-0100-NA-20250329122742.370000000Z-NA.nat": "late",
    }
    opened = {}
    for product in ("CMA", "CT", "CTTH"):  # asking for channels changes no cloud product
        name = f"satellite/S_NWC_{product}_MSG4_FRANCE_20250329T120000Z.nc"
        opened[product] = xr.load_dataset(tmp_path / name, mask_and_scale=product == "CTTH")
        other = xr.load_dataset(network.folder / name, mask_and_scale=product == "CTTH")
        xr.testing.assert_identical(opened[product], other)
    window = read_native_window(tmp_path / "satellite_native" / min(natives), CHANNELS, FRANCE)
    assert window.nominal_time == noon
    opaque = (opened["CT"].ct.values >= 5) & (opened["CT"].ct.values <= 9)
    assert opaque.any()
    warmer = window.values["IR_108"] - opened["CTTH"].ctth_tempe.values
    assert np.abs(warmer[opaque]).max() < 0.2  # half a count is 0.15 K at 220 K

    assert len(deliver_late(tmp_path)) == 4
    assert len(list((tmp_path / "satellite_native").iterdir())) == 2
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.n*")}
    write_slots(tmp_path, weather, [noon, late], late, imager=True)  # nothing is late or written again
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.n*")} == before


def test_channels_are_asked_for_where_they_are_written(network):
    table = tomllib.loads(network.configuration.read_text(encoding="utf-8") + NATIVE_TABLE)
    assert table["satellite"]["msg_seviri"]["variables"] == list(CHANNELS)
    assert table["satellite"]["msg_seviri"]["source"] == "satellite_native"
    assert table["alignment"]["grid"] == "msg"
    assert "msg_seviri" not in network.configuration.read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_network_with_channels(tmp_path):
    spec = NetworkSpec(cameras=1, days=1, cadence_minutes=720, scale=0.1)
    seen = []
    network = write_demo_network(tmp_path, spec, lambda *p: seen.append(p), imager=True, processes=2)
    assert network.slots == 94
    assert seen[-1] == (2 + 4 * 95, 2 + 4 * 95)
    natives = list((tmp_path / "satellite_native").iterdir())
    assert len(natives) == 94
    # 450400 + 229 lines x 11 channels x (65 + 525) + 380363 bytes
    assert {p.stat().st_size for p in natives} == {2_316_973}
    # the missing slot, 06:15, would end its scan at 06:27:42; the late one, 18:15, at 18:27:42
    assert not [p for p in natives if "2025032906274" in p.name or "2025032918274" in p.name]
    assert len(list((tmp_path / "late").glob("*.nat"))) == 1
    assert "[satellite.msg_seviri]" in network.configuration.read_text(encoding="utf-8")


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
