"""Levels of image files: in order, alone or of one view, never a guess where nothing can be seen."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from flows.predict_commands import predict
from models.contracts.flags import ValueFlag
from models.nets.water import WaterNetConfig
from models.water import WaterConfig, WaterMaps, WaterModel, WaterSite, build_water_nets, working_size
from tasks import water_prediction
from tasks.errors import ConfigurationError
from tasks.stores.camera_archive import CameraArchive
from tasks.stores.water_sites import SiteOrigin, save_site
from tasks.water_prediction import WaterQuestion, predict_files
from tasks.weights import save_water_model
from tests.stores.camera_frames import frame

SIDE = 40


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(0)
    config = WaterConfig(members=(WaterNetConfig((8, 8)),) * 2, long_side=SIDE, min_observable=0.0)
    path = tmp_path_factory.mktemp("weights") / "water.safetensors"
    save_water_model(path, WaterModel(build_water_nets(config), config), {"training": {}, "metrics": {}})
    return path


@pytest.fixture
def blue(monkeypatch):
    """Water is what is blue; a white picture cannot be judged."""

    def look(model, images, *, hidden=None, device=None):
        maps = []
        for image, cover in zip(images, hidden or [None] * len(images), strict=True):
            height, width = working_size(*image.shape[:2], SIDE)
            wet = (image[..., 2].astype(int) - image[..., 0] > 40).astype(np.uint8)
            if cover is not None:
                wet = wet * ~cover
            small = np.array(Image.fromarray(wet * 255).resize((width, height), Image.Resampling.BOX)) / 255
            white = float(image.mean()) > 250
            flag = ValueFlag.UNOBSERVABLE if white else ValueFlag.GOOD
            water = torch.tensor(small).expand(2, -1, -1).half()
            maps.append(WaterMaps(water, 0.1 if white else 0.9, flag))
        return maps

    monkeypatch.setattr(water_prediction, "look", look)


def shore(path, wet_rows: int, colour=(20, 40, 200), size=(40, 32)):
    """A brown bank over so many rows of water."""
    picture = np.zeros((size[1], size[0], 3), np.uint8) + np.array([150, 110, 70], np.uint8)
    picture[size[1] - wet_rows :] = colour
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)
    return path


def test_answers_stand_in_input_order_and_bad_files_say_why(tmp_path, weights):
    good, page = shore(tmp_path / "b.png", 8), tmp_path / "page.jpg"
    page.write_text("<html>404</html>")
    grey = tmp_path / "a.png"
    Image.fromarray(np.arange(17 * 50, dtype=np.uint8).reshape(50, 17)).save(grey)
    paths = [good, tmp_path / "missing.jpg", grey, page]

    answers = predict_files(paths, tmp_path / "masks", WaterQuestion(weights=weights))

    assert [a["image"] for a in answers] == [str(p) for p in paths]
    assert [set(a) == {"image", "error"} for a in answers] == [False, True, False, True]
    assert answers[3]["error"].startswith("not_an_image")
    assert {"level", "sigma", "observable", "flag", "mask", "model"} <= answers[0].keys()
    json.dumps(answers, allow_nan=False)
    for path, answer in ((good, answers[0]), (grey, answers[2])):
        mask = np.asarray(Image.open(answer["mask"]))
        assert mask.shape == Image.open(path).size[::-1]
        assert set(np.unique(mask)) <= {0, 1}


def test_nothing_in_nothing_out(weights):
    assert predict_files([], None, WaterQuestion(weights=weights)) == []


def test_alone_a_level_is_the_share_under_water_whatever_else_is_asked(tmp_path, weights, blue):
    low, high = shore(tmp_path / "low.png", 8), shore(tmp_path / "high.png", 16)

    both = predict_files([low, high], tmp_path / "m", WaterQuestion(weights=weights))
    (alone,) = predict_files([low], None, WaterQuestion(weights=weights))

    assert [a["level"] for a in both] == [0.25, 0.5]
    assert both[0]["level"] == alone["level"]
    assert both[0]["observable"] is True and both[0]["sigma"] == 0.0
    assert "site" not in alone and "mask" not in alone
    assert np.asarray(Image.open(both[1]["mask"])).mean() == pytest.approx(0.5, abs=0.05)


def test_dark_flat_and_unobservable_pictures_have_no_level(tmp_path, weights, blue):
    dark = shore(tmp_path / "dark.png", 8, (0, 0, 0))
    Image.fromarray((np.asarray(Image.open(dark)) // 40).astype(np.uint8)).save(dark)
    flat = shore(tmp_path / "flat.png", 32)
    white = shore(tmp_path / "white.png", 31, (255, 255, 255))

    answers = predict_files([dark, flat, white], None, WaterQuestion(weights=weights))

    assert [a["flag"] for a in answers] == ["dark", "unobservable", "unobservable"]
    assert [a["level"] for a in answers] == [a["sigma"] for a in answers] == [None] * 3
    assert [a["observable"] for a in answers] == [False] * 3
    json.dumps(answers, allow_nan=False)


def test_a_folder_of_the_same_view_says_where_water_comes_and_goes(tmp_path, weights, blue):
    for n, rows in enumerate((8, 10, 12, 16)):
        shore(tmp_path / "archive" / f"{n}.png", rows)
    (tmp_path / "archive" / "note.jpg").write_text("no picture")
    (tmp_path / "archive" / "readme.txt").write_text("no picture")
    low, high = shore(tmp_path / "low.png", 8), shore(tmp_path / "high.png", 16)
    question = WaterQuestion(archive=tmp_path / "archive", weights=weights)

    answers = predict_files([low, high, low], None, question)

    # The lowest rows are always wet: they hardly count. 8 rows are the lowest level seen, 16 the highest.
    assert [a["level"] for a in answers] == pytest.approx([0.0, 1.0, 0.0], abs=0.12)
    assert len(answers[0]["site"]) == 16
    again = predict_files([high, low], None, question)
    assert [a["level"] for a in again] == [answers[1]["level"], answers[0]["level"]]
    assert again[0]["site"] == answers[0]["site"]


def test_no_site_no_level(tmp_path, weights, blue):
    still = [shore(tmp_path / "archive" / f"{n}.png", 8, (20, 40, 200 + n)) for n in range(5)]
    question = WaterQuestion(archive=tmp_path / "archive", weights=weights)

    (answer,) = predict_files(still[:1], None, question)

    assert (answer["level"], answer["flag"], answer["observable"]) == (None, "not_known", True)


def test_an_empty_or_missing_archive(tmp_path, weights, blue):
    (tmp_path / "empty").mkdir()
    low = shore(tmp_path / "low.png", 8)

    (answer,) = predict_files([low], None, WaterQuestion(archive=tmp_path / "empty", weights=weights))
    assert answer["flag"] == "not_known"
    with pytest.raises(ConfigurationError, match=r"--archive: .*nowhere.*Mend"):
        predict_files([low], None, WaterQuestion(archive=tmp_path / "nowhere", weights=weights))


def test_a_cameras_archive_is_a_folder_of_the_view_too(tmp_path, weights, monkeypatch):
    CameraArchive(tmp_path, "river").append([frame(f"2026-05-01T0{n}:00", n) for n in range(3)])
    asked = []

    def learn(maps):
        asked.append(len(maps))

    monkeypatch.setattr(water_prediction, "learn_site", learn)
    low = shore(tmp_path / "low.png", 8)

    predict_files([low], None, WaterQuestion(archive=tmp_path / "cameras" / "river", weights=weights))

    assert asked == [4]


def network(folder, polygon=""):
    (folder / "cameras.csv").write_text(f"id,source,privacy_polygon\nriver,pictures,{polygon}\n")
    (folder / "vigie.toml").write_text(
        '[archive]\nroot = "archive"\n[cameras]\nregistry = "cameras.csv"\n[publish]\nroot = "published"\n'
    )
    return folder / "vigie.toml"


def keep_site(folder):
    """Rows 16 to 23 of 32 are wet or dry."""
    weights = torch.zeros(32, 40)
    weights[16:24] = 1
    return save_site(folder / "archive", "river", WaterSite(weights, 24), SiteOrigin(("ab" * 32,), "cd" * 32))


def test_a_cameras_site_reads_its_levels(tmp_path, weights, blue):
    config = network(tmp_path)
    kept = keep_site(tmp_path)
    low, middle = shore(tmp_path / "low.png", 8), shore(tmp_path / "middle.png", 12)

    answers = predict_files([low, middle], None, WaterQuestion("river", config, weights=weights))

    assert [a["level"] for a in answers] == [0.0, 0.5]
    assert answers[0]["site"] == kept.digest[:16]


def test_a_camera_without_a_site_has_no_level_and_one_hidden_none_either(tmp_path, weights, blue):
    config = network(tmp_path, "0 0.5;1 0.5;1 1;0 1")
    low = shore(tmp_path / "low.png", 8)
    question = WaterQuestion("river", config, weights=weights)

    assert predict_files([low], None, question)[0]["flag"] == "not_known"
    keep_site(tmp_path)
    assert (
        predict_files([low], None, question)[0]["flag"] == "unobservable"
    )  # the shore is behind the polygon


def test_wrong_questions_name_the_mend(tmp_path, weights):
    config = network(tmp_path)

    with pytest.raises(ConfigurationError, match=r"no camera 'lake'.*Mend: give an id"):
        predict_files([], None, WaterQuestion("lake", config, weights=weights))
    with pytest.raises(ConfigurationError, match="give one of them"):
        predict_files([], None, WaterQuestion("river", config, tmp_path, weights))
    with pytest.raises(ConfigurationError, match="no such weights"):
        predict_files([], None, WaterQuestion(weights=tmp_path / "none.safetensors"))


def test_the_command_prints_json_or_a_line_per_image(tmp_path, weights, blue):
    low = shore(tmp_path / "low.png", 8)
    given = ["water", str(low), str(tmp_path / "none.jpg"), "--weights", str(weights)]

    answers = json.loads(CliRunner().invoke(predict, given).stdout)
    text = CliRunner().invoke(predict, [*given, "--format", "text"]).stdout.splitlines()

    assert [a.get("level") for a in answers] == [0.25, None]
    assert text[0].split("\t") == [str(low), "0.25", "0.0", "good", ""]
    assert text[1].split("\t")[-1].startswith("unreadable_source")
