"""The camera encoder: sizes, marginals, independence of the batch, and what its colour planes say."""

import pytest
import torch

from models.nets.sky_encoder import (
    COLOUR_PLANES,
    SkyEncoder,
    SkyEncoderConfig,
    SkyMaps,
    colour_planes,
    cover_log_probabilities,
)

SMALL = SkyEncoderConfig(widths=(8, 8, 16, 16), context_heads=2)


def _net() -> SkyEncoder:
    torch.manual_seed(0)
    return SkyEncoder(SMALL).eval()


@pytest.mark.parametrize(("height", "width"), [(48, 64), (33, 47), (1, 1), (5, 200)])
def test_any_size_gives_maps_of_that_size(height: int, width: int) -> None:
    maps = _net()(torch.rand(2, 3, height, width))
    assert maps.surface.shape == maps.cloud.shape == (2, 3, height, width)
    coarse = (-(-height // SMALL.feature_stride), -(-width // SMALL.feature_stride))
    assert maps.features.shape == (2, SMALL.feature_channels, *coarse)


def test_a_picture_does_not_depend_on_its_neighbours() -> None:
    x = torch.rand(3, 3, 32, 48)
    alone, together = _net()(x[:1]), _net()(x)
    torch.testing.assert_close(alone.cloud, together.cloud[:1], atol=1e-5, rtol=1e-5)


def test_one_colour_pictures_are_finite() -> None:
    for level in (0.0, 1.0):
        maps = _net()(torch.full((1, 3, 32, 32), level))
        assert all(torch.isfinite(part).all() for part in maps)


def test_marginals_add_thin_to_thick_and_glare_to_sky() -> None:
    surface = torch.tensor([0.5, 0.3, 0.2]).log()[None, :, None, None]  # sky, occluder, glare
    cloud = torch.tensor([0.4, 0.5, 0.1]).log()[None, :, None, None]  # clear, thin, thick
    p = cover_log_probabilities(SkyMaps(surface, cloud, torch.empty(0))).exp().flatten()
    # other .3; sky (.5 + .2) * .4 = .28; cloud (.5 + .2) * (.5 + .1) = .42
    torch.testing.assert_close(p, torch.tensor([0.30, 0.28, 0.42]))


def test_colour_planes_of_a_half_blue_half_white_picture() -> None:
    x = torch.ones(1, 3, 16, 16)
    x[:, 0, :, :8], x[:, 1, :, :8] = 0.2, 0.4  # (.2, .4, 1): a blue sky
    planes = colour_planes(x)
    assert planes.shape == (1, COLOUR_PLANES, 16, 16)
    # blue: (1 - .2) / (1.2 + .02) = .656, saturation .8 / 1.02 = .784; white: 0 and 0
    torch.testing.assert_close(planes[0, :2, 8, 2], torch.tensor([0.8 / 1.22, 0.8 / 1.02]))
    torch.testing.assert_close(planes[0, :2, 8, 13], torch.zeros(2))
    assert planes[0, 2, 8, 2] > 1 > -0.4 > planes[0, 2, 8, 13]  # against its own picture


def test_more_light_changes_no_colour() -> None:
    x = 0.2 + 0.3 * torch.rand(1, 3, 24, 24)
    dim, bright = colour_planes(x), colour_planes(2 * x)
    torch.testing.assert_close(dim[:, :2], bright[:, :2], atol=0.06, rtol=0.1)
    torch.testing.assert_close(dim[:, 3], bright[:, 3], atol=0.1, rtol=0.1)
