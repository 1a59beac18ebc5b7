import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.cloud import CloudConfig, CloudModel, build_cloud_net, predict_cover, tile_bounds
from models.contracts.flags import ValueFlag


class ByColour(torch.nn.Module):
    """Blue is sky, grey is cloud, dark is other: a network whose answers are known."""

    def forward(self, x):
        red, blue = x[:, 0], x[:, 2]
        other = torch.where(blue < 0.3, 20.0, -20.0)
        return torch.stack([other, 40 * (blue - red) - 4, -40 * (blue - red) + 4], 1)


MODEL = CloudModel(ByColour(), CloudConfig(long_side=64, sigma_floor=0.05, min_luma=0.2))


def half_cloudy(height, width):
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[: height // 2] = (80, 120, 200)
    rgb[: height // 2, : width // 2] = 200
    return rgb


@pytest.mark.parametrize("size", [(64, 64), (100, 150), (768, 1024), (205, 2469), (300, 40), (7, 5)])
def test_mask_has_the_pictures_size_and_cover_its_ratio(size):
    (e,) = predict_cover(MODEL, [half_cloudy(*size)])
    assert e.mask.shape == size
    assert e.mask.dtype == np.uint8
    assert e.flag is ValueFlag.GOOD
    assert e.cover == np.count_nonzero(e.mask == 2) / np.count_nonzero(e.mask)
    if min(size) > 30:
        assert e.cover == pytest.approx(0.5, abs=0.05)
    assert e.sigma >= 0.05


def test_what_is_hidden_is_neither_sky_nor_cloud():
    rgb, hidden = half_cloudy(100, 100), np.zeros((100, 100), bool)
    hidden[:, :50] = True  # all of the cloud
    plain, covered, none = predict_cover(MODEL, [rgb] * 3, hidden=[None, hidden, ~hidden & False])
    assert not covered.mask[hidden].any()
    # Only clear sky is left, but for the cloud's edge where the network's own pixels mix the two.
    assert covered.cover == pytest.approx(0.0, abs=0.03) and plain.cover == pytest.approx(0.5, abs=0.05)
    assert none.cover == plain.cover


def test_sixteen_bits_equal_eight():
    rgb = half_cloudy(60, 80)
    a, b = predict_cover(MODEL, [rgb, rgb.astype(np.uint16) * 257])
    assert np.array_equal(a.mask, b.mask)


def test_no_sky_abstains_and_night_is_dark():
    wall = np.full((50, 50, 3), 40, np.uint8)
    assert predict_cover(MODEL, [wall])[0].flag is ValueFlag.ABSTAINED
    dusk = np.zeros((50, 50, 3), np.uint8)
    dusk[:25] = (0, 5, 85)
    (e,) = predict_cover(MODEL, [dusk])
    assert e.flag is ValueFlag.DARK
    assert math.isnan(e.cover)
    assert (e.mask == 1).any()


def test_order_and_company_do_not_matter():
    torch.manual_seed(0)
    config = CloudConfig(widths=(8, 16), long_side=48)
    model = CloudModel(build_cloud_net(config), config)
    rng = np.random.default_rng(0)
    pictures = [
        rng.integers(0, 256, (*s, 3), dtype=np.uint8) for s in [(48, 64), (30, 30), (48, 64), (20, 200)]
    ]
    together = predict_cover(model, pictures, batch_size=2)
    for picture, estimate in zip(pictures, together, strict=True):
        (alone,) = predict_cover(model, [picture])
        assert np.mean(alone.mask == estimate.mask) > 0.999


def test_empty_and_refused():
    assert predict_cover(MODEL, []) == []
    for bad in (np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((0, 4, 3), np.uint8)):
        with pytest.raises(ValueError, match="picture"):
            predict_cover(MODEL, [bad])
    with pytest.raises(ValueError, match="unknown"):
        build_cloud_net(CloudConfig(architecture="svm"))


@given(st.integers(1, 400), st.integers(1, 3000), st.floats(1, 4))
def test_tiles_cover_the_picture_and_keep_the_aspect(height, width, aspect):
    seen = np.zeros((height, width), bool)
    for top, bottom, left, right in tile_bounds(height, width, aspect):
        h, w = bottom - top, right - left
        assert max(h, w) <= max(1, aspect * min(h, w))
        assert 0 <= top < bottom <= height
        assert 0 <= left < right <= width
        seen[top:bottom, left:right] = True
    assert seen.all()


def test_panorama_tiles_by_hand():
    # 100 x 500 at most 2:1 -> tiles of 200, ceil(300 / 150) + 1 = 3, at 0, 150, 300
    assert tile_bounds(100, 500, 2.0) == [(0, 100, 0, 200), (0, 100, 150, 350), (0, 100, 300, 500)]


def test_known_geometry_weighs_by_solid_angle():
    rgb = half_cloudy(100, 100)
    steradians = np.ones((100, 100))
    steradians[:, :50] = 3.0  # the cloud's half: cover 3 / (3 + 1)
    plain, weighed = predict_cover(MODEL, [rgb, rgb], solid_angles=[None, steradians * 1e-4])
    assert plain.cover == pytest.approx(0.5, abs=0.05)
    assert weighed.cover == pytest.approx(0.75, abs=0.05)
    assert plain.visible == pytest.approx(0.5, abs=0.05)
    # 5000 sky pixels of 2e-4 sr in the mean: 1 sr of 2 pi
    assert weighed.visible == pytest.approx(1 / (2 * math.pi), abs=0.01)


def test_the_encoder_answers_like_any_network():
    config = CloudConfig("sky", widths=(8, 8, 16), context_heads=2, long_side=48)
    (estimate,) = predict_cover(CloudModel(build_cloud_net(config), config), [half_cloudy(70, 90)])
    assert estimate.mask.shape == (70, 90)
    assert set(np.unique(estimate.mask)) <= {0, 1, 2}
