"""Adapting an ensemble to a camera's answered pairs."""

import numpy as np
import pytest
import torch

from models.contracts.labels import PairAnswer
from models.learn import water_pairs
from models.learn.relighting import relit
from models.learn.site_weights import weights_from_pairs
from models.learn.water_pairs import PairTraining, adapt_to_pairs
from models.nets.water import WaterNetConfig
from models.water import WaterConfig, WaterModel, build_water_nets

QUICK = PairTraining(lights=1)
LEFT, RIGHT, EQUAL = PairAnswer.LEFT_HIGHER, PairAnswer.RIGHT_HIGHER, PairAnswer.EQUAL


@pytest.fixture
def model():
    torch.manual_seed(3)
    config = WaterConfig(members=(WaterNetConfig(widths=(8, 16)),), long_side=48, min_observable=0.0)
    return WaterModel(build_water_nets(config), config)


def bank(wet_rows, seed=0):
    """A noisy meadow whose lower rows are smooth water."""
    rng = np.random.default_rng(seed)
    picture = np.full((36, 48, 3), (90, 140, 60), np.int32) + rng.integers(-40, 40, (36, 48, 1))
    picture[36 - wet_rows :] = (60, 90, 150)
    return picture.clip(0, 255).astype(np.uint8)


def test_answers_move_the_weights_to_places_that_agree_with_them():
    # Place a rises with the answers, place b falls: both vary as much.
    maps = torch.zeros(1, 3, 12, 16)
    maps[0, :, :, :8] = torch.tensor([0.1, 0.5, 0.9])[:, None, None]
    maps[0, :, :, 8:] = torch.tensor([0.9, 0.5, 0.1])[:, None, None]
    pairs = 100 * [(1, 0, 1.0), (1, 2, -1.0), (0, 2, -1.0)]
    weights = weights_from_pairs(maps, pairs, torch.ones(12, 16), temperature=0.02, log_gain_sd=0.5, seed=0)
    assert weights[:, :7].mean() > 1.3 * weights[:, 9:].mean()
    assert float(weights.min()) >= 0 and float(weights.max()) == 1


def test_ties_pull_two_levels_together():
    maps = torch.zeros(1, 2, 12, 16)
    maps[0, :, :, :8] = torch.tensor([0.2, 0.8])[:, None, None]  # a sky in another light
    maps[0, :, :, 8:] = 0.5
    weights = weights_from_pairs(
        maps, 300 * [(0, 1, 0.0)], torch.ones(12, 16), temperature=0.02, log_gain_sd=0.5, seed=0
    )
    assert weights[:, :7].mean() < 0.8 * weights[:, 9:].mean()


def test_a_single_answer_hardly_moves_the_weights():
    maps = torch.rand(1, 2, 12, 16, generator=torch.Generator().manual_seed(0))
    weights = weights_from_pairs(
        maps, [(0, 1, 1.0)], torch.ones(12, 16), temperature=0.02, log_gain_sd=0.5, seed=0
    )
    assert float(weights.min()) > 0.5


def test_answers_within_one_light_are_trusted_less(model, monkeypatch):
    asked = []

    def weights(maps, pairs, start, *, log_gain_sd, **_):
        asked.append(log_gain_sd)
        return start

    monkeypatch.setattr(water_pairs, "weights_from_pairs", weights)
    by_day = [bank(n) for n in (12, 13, 14, 15)]
    lamp = np.exp(-(((np.indices((36, 48)).T - [18, 24]) / 6) ** 2).sum(-1).T)[..., None]
    by_night = [(picture * lamp).astype(np.uint8) for picture in by_day]
    adapt_to_pairs(model, by_day, [(0, 3, RIGHT)], QUICK)
    adapt_to_pairs(model, [*by_day, *by_night], [(0, 7, RIGHT), (0, 1, RIGHT)], QUICK)
    assert asked == [QUICK.trust_in_one_light, QUICK.trust]


def test_the_model_is_not_changed_and_a_seed_fixes_the_result(model):
    pictures = [bank(n) for n in (6, 12, 18, 24)]
    before = {k: v.clone() for k, v in model.nets.state_dict().items()}
    one, site = adapt_to_pairs(model, pictures, [(0, 3, RIGHT), (1, 1, EQUAL)], QUICK)
    _, again = adapt_to_pairs(model, pictures, [(0, 3, RIGHT), (1, 1, EQUAL)], QUICK)
    assert all(torch.equal(v, before[k]) for k, v in one.nets.state_dict().items())
    assert site.pairs == again.pairs == 2
    assert torch.equal(site.wettability, again.wettability)


def test_answers_that_say_nothing_of_the_level_change_nothing(model):
    pictures = [bank(n) for n in (6, 12, 18, 24)]
    adapted, site = adapt_to_pairs(model, pictures, [(0, 3, PairAnswer.NOT_COMPARABLE)], QUICK)
    assert adapted is model
    assert site is None or site.pairs == 0


def test_a_pair_that_names_no_picture_is_a_mistake(model):
    with pytest.raises(IndexError):
        adapt_to_pairs(model, [bank(n) for n in (6, 12, 18, 24)], [(0, 9, LEFT)], QUICK)


def test_a_new_light_moves_nothing_and_stays_within_the_picture_s_range():
    pictures = torch.rand(6, 3, 32, 48)
    seen = relit(pictures, torch.Generator().manual_seed(0))
    assert seen.shape == pictures.shape
    assert bool(seen.isfinite().all()) and 0 <= float(seen.min()) <= float(seen.max()) <= 1
    again = relit(pictures, torch.Generator().manual_seed(0))
    assert torch.equal(seen, again)
