"""Skies of bare image files, with and without the files of satellite slots."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from flows.cli import app
from models.contracts.cloud_labels import GENERA
from models.genus import GenusModel, GenusModelConfig, build_genus_nets
from models.nets.cloud import CloudFusionConfig
from models.sky import SkyConfig, build_sky_model
from tasks.cloud_prediction import predict_files
from tasks.errors import ConfigurationError
from tasks.genus_prediction import PhotoGenera
from tasks.genus_weights import save_genus_model
from tasks.nwcsaf_writer import write_nwcsaf
from tasks.sky_prediction import SkyAnswerer, SkyQuestion, level_of
from tasks.sky_weights import save_sky_model
from tests.models.learn.test_genus_training import TINY
from tests.tasks.satellite_folders import GRID, TOULOUSE, slot_time, write_cma, write_ct

SCAN = np.timedelta64(648, "s")  # of Toulouse's line after the nominal time


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A camera at Toulouse, weights that know nothing, a picture, and the files of one slot."""
    home = tmp_path_factory.mktemp("sky")
    torch.manual_seed(0)
    config = SkyConfig(CloudFusionConfig(width=16, heads=2, blocks=1), picture_size=(48, 64))
    save_sky_model(home / "sky.safetensors", build_sky_model(config), {"training": {}, "metrics": {}})
    (home / "cameras.csv").write_text(
        "id,source,latitude,longitude,altitude_m,azimuth_deg\n"
        f"river01,images,{TOULOUSE[0]},{TOULOUSE[1]},150,180\nnowhere,images,,,,\n"
    )
    (home / "vigie.toml").write_text(
        '[archive]\nroot = "archive"\n[cameras]\nregistry = "cameras.csv"\n[publish]\nroot = "published"\n'
        '[satellite.msg]\nsource = "none"\nregion = [0.9, 43.2, 2.0, 44.0]\nvariables = ["cma", "ct", "ctth_alti"]\n'
    )
    write_cma(home / "slots", 0, 1)
    write_ct(home / "slots", 0, 6)
    write_nwcsaf(home / "slots", "CTTH", slot_time(0), {"ctth_alti": np.full(GRID.shape, 2150.0)}, GRID)
    sky = np.linspace(60, 220, 120 * 160 * 3).reshape(120, 160, 3).astype(np.uint8)
    Image.fromarray(sky).save(home / "sky.png")
    return home


def files(folder):
    return tuple(sorted((folder / "slots").rglob("*.nc")))


def question(folder, **changes):
    when = (slot_time(0) + SCAN).astype("datetime64[s]").item()
    given = {
        "satellite": files(folder),
        "camera": "river01",
        "time": when,
        "config": folder / "vigie.toml",
        "weights": folder / "sky.safetensors",
    }
    return SkyQuestion(**given | changes)


def picture(folder):
    return np.asarray(Image.open(folder / "sky.png"))


def test_camera_satellite_or_both(folder):
    both = SkyAnswerer(question(folder)).answers([picture(folder), None])
    assert [a["source"] for a in both] == ["both", "satellite"]
    (camera,) = SkyAnswerer(question(folder, satellite=())).answers([picture(folder)])
    (alone,) = SkyAnswerer(SkyQuestion(weights=folder / "sky.safetensors")).answers([picture(folder)])
    assert camera["source"] == alone["source"] == "camera"
    assert len({json.dumps(a["genera"]) for a in (*both, camera, alone)}) == 4
    assert list(alone["genera"]) == list(GENERA)


def test_neither_is_null_not_a_guess(folder):
    (dark,) = SkyAnswerer(SkyQuestion(weights=folder / "sky.safetensors")).answers(
        [np.zeros((30, 40, 3), np.uint8)]
    )
    assert dark["source"] == "none"
    assert {k for k, v in dark.items() if v is not None} == {"source", "sky_model"}


def test_by_night_a_picture_is_left_to_the_satellite(folder):
    midnight = slot_time(0).astype("datetime64[D]").astype("datetime64[s]").item()
    (answer,) = SkyAnswerer(question(folder, satellite=(), time=midnight)).answers([picture(folder)])
    assert answer["source"] == "none"


def test_a_slot_of_another_hour_is_not_used(folder):
    late = (slot_time(0) + SCAN + np.timedelta64(3600, "s")).astype("datetime64[s]").item()
    (answer,) = SkyAnswerer(question(folder, time=late)).answers([picture(folder)])
    (without,) = SkyAnswerer(question(folder, time=late, satellite=())).answers([picture(folder)])
    assert answer == without


def test_a_broken_slot_is_told_and_the_rest_goes_on(folder, tmp_path):
    whole = files(folder)
    broken = tmp_path / whole[0].name
    broken.write_bytes(whole[0].read_bytes()[:500])
    (answer,) = SkyAnswerer(question(folder, satellite=(broken, *whole[1:]))).answers([picture(folder)])
    assert answer["source"] == "both" and sum(answer["satellite_refused"].values()) == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"camera": None}, "there is no --camera"),
        ({"time": None}, "there is no --time"),
        ({"camera": "lake09"}, "'lake09' is not in"),
        ({"camera": "nowhere"}, "has no position"),
    ],
)
def test_what_a_slot_needs_is_said(folder, changes, words):
    with pytest.raises(ConfigurationError, match=words):
        SkyAnswerer(question(folder, **changes))


def test_files_that_no_grid_knows_stop_it(folder, tmp_path):
    other = tmp_path / "holiday.nc"
    other.write_bytes(b"x")
    with pytest.raises(ConfigurationError, match=r"holiday\.nc is no file of the configured grids"):
        SkyAnswerer(question(folder, satellite=(other,)))
    with pytest.raises(ConfigurationError, match="no such file"):
        SkyAnswerer(question(folder, satellite=(tmp_path / "gone.nc",)))


def test_level_is_that_of_the_likeliest_genus():
    assert level_of(np.eye(10)[GENERA.index("Cb")]) == "low"
    assert level_of(np.eye(10)[GENERA.index("Ns")]) == "mid"
    assert level_of(np.eye(10)[GENERA.index("Cs")]) == "high"


def test_genera_from_the_picture_alone(folder, tmp_path):
    torch.manual_seed(0)
    config = GenusModelConfig(TINY.net, side=64)
    weights = tmp_path / "genus.safetensors"
    save_genus_model(weights, GenusModel(build_genus_nets(config), config), {"training": {}, "metrics": {}})
    sky = SkyAnswerer(SkyQuestion(weights=folder / "sky.safetensors"))
    (answer,) = predict_files([folder / "sky.png"], sky=sky, genera=PhotoGenera(weights))
    assert sum(answer["genera"].values()) + answer["contrail"] == pytest.approx(1, abs=1e-3)
    assert answer["level"] in ("low", "mid", "high") and answer["genus_model"]
    assert answer["source"] == "camera"  # the rest is still the sky network's


def test_the_command(folder, tmp_path):
    slots = [word for file in files(folder) for word in ("--satellite", str(file))]
    time = str((slot_time(0) + SCAN).astype("datetime64[s]")) + "Z"
    known = ["--camera", "river01", "--time", time, "--config", str(folder / "vigie.toml")]
    weights = ["--sky-weights", str(folder / "sky.safetensors")]
    image = str(folder / "sky.png")
    run = CliRunner().invoke(
        app, ["predict", "cloud", image, *slots, *known, *weights, "--mask-dir", str(tmp_path)]
    )
    assert run.exit_code == 0, run.output
    (answer,) = json.loads(run.stdout)
    assert answer["source"] == "both" and answer["image"] == image and answer["mask"]
    assert {"cover", "okta", "obscured", "genera", "base_code", "level", "visible_fraction"} <= set(answer)
    alone = CliRunner().invoke(app, ["predict", "cloud", *slots, *known, *weights])
    assert json.loads(alone.stdout)[0]["source"] == "satellite"
    wrong = CliRunner().invoke(app, ["predict", "cloud", image, "--time", "noon", *weights])
    assert isinstance(wrong.exception, ConfigurationError) and "noon" in str(wrong.exception)


def test_two_slots_of_one_name_are_refused_and_stay_as_they_are(folder, tmp_path):
    one = files(folder)[0]
    other = tmp_path / one.name
    other.write_bytes(b"another")
    before = one.read_bytes()
    for twice in ((one, other), (one, one)):
        with pytest.raises(ConfigurationError, match="is given twice"):
            SkyAnswerer(question(folder, satellite=twice))
    assert one.read_bytes() == before and other.read_bytes() == b"another"


def test_of_two_grids_of_one_reader_that_about_the_camera_is_taken(folder, tmp_path):
    config = tmp_path / "vigie.toml"
    elsewhere = '[satellite.iodc]\nsource = "none"\nregion = [60.0, 0.0, 70.0, 10.0]\nvariables = ["cma"]\n'
    text = (folder / "vigie.toml").read_text().replace("[satellite.msg]", elsewhere + "[satellite.msg]")
    config.write_text(text.replace("[publish]", '[alignment]\ngrid = "msg"\n[publish]'))
    (tmp_path / "cameras.csv").write_text((folder / "cameras.csv").read_text())
    (answer,) = SkyAnswerer(question(folder, config=config)).answers([picture(folder)])
    assert answer["source"] == "both" and "satellite_refused" not in answer


def test_a_picture_of_one_tone_is_withheld(tmp_path):
    Image.new("RGB", (64, 48), (255, 255, 255)).save(tmp_path / "white.png")
    (answer,) = predict_files([tmp_path / "white.png"])
    assert answer["flag"] == "abstained" and answer["cover_uncertainty"] is None
