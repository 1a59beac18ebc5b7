"""What a label knows, and that training asks for no more."""

import pytest
import torch

from models.contracts.sky_masks import NOT_LABELLED
from models.learn.sky_codes import SkyCode, allowed_states, joint_log_probabilities, sky_codes_loss
from models.nets.sky_encoder import SkyMaps


def maps(surface: list[float], cloud: list[float], size: int = 4) -> SkyMaps:
    """The same probabilities (sky, occluder, glare; clear, thin, thick) everywhere."""
    grids = [torch.tensor(p).log()[None, :, None, None].expand(1, 3, size, size) for p in (surface, cloud)]
    return SkyMaps(grids[0], grids[1], torch.empty(0))


EVEN = maps([0.5, 0.3, 0.2], [0.4, 0.5, 0.1])


def test_the_states_share_one() -> None:
    assert joint_log_probabilities(EVEN).exp().sum(1).allclose(torch.ones(1, 4, 4))


@pytest.mark.parametrize(
    ("code", "probability"),
    [
        (SkyCode.OTHER, 0.3),
        (SkyCode.CLEAR, 0.28),  # (.5 + .2) * .4
        (SkyCode.CLOUD, 0.42),  # (.5 + .2) * (.5 + .1)
        (SkyCode.THIN, 0.35),
        (SkyCode.THICK, 0.07),
        (SkyCode.GLARE, 0.2),
        (SkyCode.SKY, 0.7),
    ],
)
def test_a_code_is_as_likely_as_what_it_allows(code: SkyCode, probability: float) -> None:
    p = (joint_log_probabilities(EVEN).exp() * allowed_states()[code][None, :, None, None]).sum(1)
    assert float(p[0, 0, 0]) == pytest.approx(probability)
    loss = sky_codes_loss(EVEN, torch.full((1, 4, 4), int(code)), cover_weight=0, doubt=0)
    assert float(loss) == pytest.approx(-torch.tensor(probability).log().item(), rel=1e-5)


def test_what_is_not_labelled_teaches_nothing() -> None:
    codes = torch.full((1, 4, 4), NOT_LABELLED)
    assert float(sky_codes_loss(EVEN, codes)) == 0
    codes[0, 0, 0] = SkyCode.OTHER
    assert float(sky_codes_loss(EVEN, codes, doubt=0)) == pytest.approx(1.204, abs=1e-3)  # -ln .3


def test_the_cover_of_a_picture_is_asked_for() -> None:
    codes = torch.full((1, 8, 8), int(SkyCode.CLOUD))
    even = maps([0.5, 0.3, 0.2], [0.4, 0.5, 0.1], 8)
    with_cover, without = sky_codes_loss(even, codes), sky_codes_loss(even, codes, cover_weight=0)
    assert float(with_cover - without) == pytest.approx(0.3 * 0.4)  # expected cover .6, true 1


def test_wrong_labels_cannot_drown_the_rest() -> None:
    certain = maps([1 - 2e-7, 1e-7, 1e-7], [1 - 2e-7, 1e-7, 1e-7])
    codes = torch.full((1, 4, 4), int(SkyCode.OTHER))
    assert float(sky_codes_loss(certain, codes)) < 4.7  # -ln .01 = 4.6
