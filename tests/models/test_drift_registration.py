"""Registration of pictures of any kind: sizes, faults, what is kept. How well it does is ``vigie evaluate drift``'s."""

import numpy as np
import pytest
import torch

from models.drift import DriftModel, extract, register
from models.nets.drift import DriftNet, DriftNetConfig
from models.science.working_picture import working_picture, working_size

CONFIG = DriftNetConfig(widths=(8, 8, 8), descriptors=(8, 8, 8), blocks=1, heads=2, head=(8, 8))


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return DriftModel(DriftNet(CONFIG))


def picture(height=96, width=128, seed=0):
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3)).astype(np.uint8)


@pytest.mark.parametrize(
    ("size", "seen"),
    [
        ((640, 480), (640, 480)),
        ((1280, 960), (640, 480)),
        ((480, 640), (480, 640)),
        ((2469, 205), (1924, 160)),  # as many pixels as 640 x 480
        ((800, 100), (800, 100)),  # not enlarged for it
        ((320, 240), (640, 480)),
    ],
)
def test_working_sizes(size, seen):
    assert working_size(*size) == seen


def test_grey_and_sixteen_bits_are_pictures_too():
    grey = np.full((48, 64), 128, np.uint8)
    deep = np.full((48, 64, 3), 128 * 257, np.uint16)
    for image in (grey, deep):
        luma, valid = working_picture(image)
        assert luma.shape == valid.shape == (1, 1, 480, 640)
        assert float(luma.mean()) == pytest.approx(128 / 255, abs=1e-5)
    with pytest.raises(ValueError, match="uint8 or uint16"):
        working_picture(np.zeros((4, 4, 3), np.float32))


def test_padding_and_hidden_pixels_are_not_looked_at():
    hidden = np.zeros((470, 640), bool)
    hidden[:50, :100] = True
    luma, valid = working_picture(picture(470, 640), hidden)
    assert luma.shape[-2:] == (480, 640)
    assert float(valid[..., 470:, :].max()) == 0
    assert float(valid[..., :58, :108].max()) == 0  # with a margin of eight
    assert float(valid[..., 60:470, 110:].min()) == 1


def test_blank_pictures_have_a_fault_and_no_pose(model):
    good, black, white = picture(), np.zeros((96, 128, 3), np.uint8), np.full((96, 128, 3), 255, np.uint8)
    features = extract(model, [good, black, white])
    assert [f.fault for f in features] == [None, "blank", "blank"]
    answers = register(model, features[0], features)
    assert [a.fault for a in answers] == [None, "blank", "blank"]
    assert not answers[1].confident
    assert np.isinf(answers[1].sigma_px)
    assert register(model, features[1], features[:1])[0].fault == "reference: blank"


def test_an_image_alone_and_in_a_batch_has_one_answer(model):
    features = extract(model, [picture(seed=k) for k in range(3)])
    together = register(model, features[0], features)
    alone = [register(model, features[0], [f])[0] for f in features]
    for a, b in zip(together, alone, strict=True):
        np.testing.assert_allclose(a.homography, b.homography, atol=1e-3)


def test_a_change_of_resolution_is_no_zoom(model):
    small = picture()
    large = small.repeat(2, axis=0).repeat(2, axis=1)
    features = extract(model, [small, large])
    answer = register(model, features[0], features[1:])[0]
    # Whatever the untrained pose is: pixels of the larger picture are twice as many.
    scale = np.sqrt(abs(np.linalg.det(answer.homography[:2, :2]))) / answer.pose.zoom
    assert scale == pytest.approx(2.0, rel=0.2)


def test_nothing_to_register_is_nothing(model):
    features = extract(model, [picture()])
    assert extract(model, []) == []
    assert register(model, features[0], []) == []
