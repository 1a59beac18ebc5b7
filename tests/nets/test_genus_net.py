"""The network of the genera: shapes, and levels that never contradict genera."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.nets.genus import (
    PHOTO_CLASSES,
    GenusConfig,
    GenusNet,
    level_of_classes,
    level_probabilities,
)


def test_every_class_has_the_level_that_its_code_table_gives_it():
    low, mid, high = 0, 1, 2
    by_name = dict(zip(PHOTO_CLASSES, level_of_classes().tolist(), strict=True))
    assert (by_name["Cb"], by_name["Ns"], by_name["Cc"]) == (low, mid, high)
    assert by_name["Ct"] == high  # a contrail is cirrus homogenitus


def test_a_level_is_the_sum_of_its_genera():
    classes = torch.zeros(1, 11)
    classes[0, [PHOTO_CLASSES.index(name) for name in ("Sc", "Ac", "As", "Ct")]] = torch.tensor(
        [0.4, 0.2, 0.1, 0.3]
    )
    # Sc is low; Ac and As are middle, 0.2 + 0.1; the contrail is high.
    assert torch.allclose(level_probabilities(classes), torch.tensor([[0.4, 0.3, 0.3]]))


@given(st.lists(st.floats(-20, 20), min_size=11, max_size=11))
def test_levels_sum_to_one_and_hold_their_genera(logits):
    classes = torch.tensor(logits, dtype=torch.float64).softmax(0)
    levels = level_probabilities(classes)
    assert abs(float(levels.sum()) - 1) < 1e-9
    assert bool((levels[level_of_classes()] >= classes - 1e-12).all())


def test_photos_of_any_size_are_answered():
    net = GenusNet(GenusConfig(width=32)).eval()
    with torch.no_grad():
        answer = net(torch.rand(2, 3, 64, 96))
    assert answer.photo.shape == (2, 11)
    assert answer.presence.shape == (2, 10)


def test_not_more_blocks_are_fixed_than_come_before_the_texture():
    with pytest.raises(ValueError, match="fixed_blocks=12"):
        GenusNet(GenusConfig(fixed_blocks=12))
