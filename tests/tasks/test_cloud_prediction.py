import json

import numpy as np
import pytest
import torch
from PIL import Image

from models.cloud import CloudConfig, CloudModel, build_cloud_net
from tasks.cloud_prediction import UnreadableImage, mask_paths, predict_files, read_picture
from tasks.errors import ConfigurationError
from tasks.weights import card_path, load_cloud_model, read_card, save_cloud_model


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(0)
    config = CloudConfig(widths=(8, 16), long_side=32, min_visible=0, min_luma=0)
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_cloud_model(path, CloudModel(build_cloud_net(config), config), {"training": {}, "metrics": {}})
    return path


def write(path, size=(40, 30), mode="RGB", value=120):
    path.parent.mkdir(exist_ok=True)
    Image.new(mode, size, value if mode == "L" else (value, value, 200)).save(path)
    return path


def test_one_object_per_image_in_input_order(tmp_path, weights):
    good, grey = write(tmp_path / "b.jpg"), write(tmp_path / "a.png", (17, 50), "L")
    empty, page = tmp_path / "empty.jpg", tmp_path / "page.jpg"
    empty.write_bytes(b"")
    page.write_text("<html><body>404</body></html>")
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(good.read_bytes()[:-300])
    paths = [good, tmp_path / "missing.jpg", grey, empty, page, cut]
    answers = predict_files(paths, tmp_path / "masks", weights)
    assert [a["image"] for a in answers] == [str(p) for p in paths]
    assert ["error" in a for a in answers] == [False, True, False, True, True, True]
    assert answers[4]["error"].startswith("not_an_image")
    assert answers[3]["error"].startswith("empty_file")
    json.dumps(answers, allow_nan=False)
    for path, answer in ((good, answers[0]), (grey, answers[2])):
        mask = np.asarray(Image.open(tmp_path / "masks" / f"{path.stem}.png"))
        assert mask.shape == Image.open(path).size[::-1]
        assert set(np.unique(mask)) <= {0, 1, 2}
        if answer["flag"] == "good":
            assert answer["cover"] == pytest.approx((mask == 2).sum() / (mask > 0).sum(), abs=1e-4)
            assert answer["okta"] in range(9)


def test_nothing_in_nothing_out(weights):
    assert predict_files([], None, weights) == []


def test_a_withheld_answer_says_so_beside_the_cover_of_its_mask(tmp_path):
    config = CloudConfig(widths=(8, 16), long_side=32, min_luma=2.0)  # everything is too dark
    model = CloudModel(build_cloud_net(config), config)
    torch.nn.init.zeros_(model.net.head.weight)
    with torch.no_grad():
        model.net.head.bias.copy_(torch.tensor([0.0, 9, 0]).repeat_interleave(4))  # all sky
    path = tmp_path / "w.safetensors"
    save_cloud_model(path, model, {})
    (answer,) = predict_files([write(tmp_path / "x.jpg")], None, path)
    assert answer["flag"] == "dark"
    assert (answer["cover"], answer["okta"]) == (0.0, 0)  # the mask is all sky
    assert answer["cover_uncertainty"] is None


def test_masks_never_replace_anything(tmp_path):
    m = tmp_path / "m"
    paths = [tmp_path / "x/a.jpg", tmp_path / "y/a.jpg", m / "b.png", m / "c.jpg", tmp_path / "x/b.jpg"]
    names = [p.name for p in mask_paths(paths, m)]
    assert names == ["a.png", "a_2.png", "b_mask.png", "c.png", "b_2.png"]


def test_masks_need_a_folder(tmp_path, weights):
    path = write(tmp_path / "x.jpg")
    with pytest.raises(ConfigurationError, match="--mask-dir"):
        predict_files([path], path, weights)


def test_refuses_a_bomb(tmp_path):
    with pytest.raises(UnreadableImage, match="too_many_pixels"):
        read_picture(write(tmp_path / "x.png"), max_pixels=100)
    with pytest.raises(UnreadableImage, match="unreadable_source"):
        read_picture(tmp_path)


def test_sixteen_bit_png(tmp_path, weights):
    path = tmp_path / "deep.png"
    Image.fromarray(np.full((20, 30), 40000, np.uint16)).save(path)
    (answer,) = predict_files([path], None, weights)
    assert "error" not in answer


def test_weights_round_trip_and_refusals(tmp_path, weights):
    model, digest = load_cloud_model(weights)
    assert digest == read_card(weights)["digest"]
    assert model.config.widths == (8, 16)
    with pytest.raises(ConfigurationError, match="no such weights"):
        load_cloud_model(tmp_path / "none.safetensors")
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(ConfigurationError, match="without a card"):
        load_cloud_model(copy)
    card_path(copy).write_text(card_path(weights).read_text())
    with pytest.raises(ConfigurationError, match="not those of the card"):
        load_cloud_model(copy)
    card_path(copy).write_text("{")
    with pytest.raises(ConfigurationError, match="not JSON"):
        load_cloud_model(copy)
    card_path(copy).write_text('{"card_version": 99}')
    with pytest.raises(ConfigurationError, match="version 99"):
        load_cloud_model(copy)
