import numpy as np
import pytest

from models.learn.thresholds import (
    hybrid_mask,
    minimum_cross_entropy,
    normalised_blue_red,
    red_blue_mask,
    tuned_red_blue_mask,
)


def picture(*colours):
    return np.array([colours], np.uint8)


def test_red_blue_by_hand():
    # red / blue: 100/200 = .50, 140/200 = .70, 160/200 = .80; black counts as red 0 over blue 1
    rgb = picture((100, 0, 200), (140, 0, 200), (160, 0, 200), (0, 0, 0))
    assert red_blue_mask(rgb).tolist() == [[1, 2, 2, 1]]
    assert tuned_red_blue_mask(rgb).tolist() == [[1, 1, 2, 1]]


def test_outside_the_region_is_other():
    rgb = picture((100, 0, 200), (200, 0, 200))
    assert red_blue_mask(rgb, np.array([[True, False]])).tolist() == [[1, 0]]
    assert hybrid_mask(rgb, np.zeros((1, 2), bool)).tolist() == [[0, 0]]


def test_normalised_ratio_by_hand():
    # (200 - 100) / 300 = 1/3; grey is 0; black is 0
    assert normalised_blue_red(picture((100, 0, 200), (90, 90, 90), (0, 0, 0))) == pytest.approx(
        np.array([[1 / 3, 0, 0]]), abs=1e-6
    )


def test_hybrid_uses_the_fixed_cut_on_one_mode():
    blue = np.tile(np.array([80, 120, 200], np.uint8), (4, 4, 1))  # ratio 120/280 = .43 > .25
    grey = np.full((4, 4, 3), 150, np.uint8)  # ratio 0 < .25
    assert (hybrid_mask(blue) == 1).all()
    assert (hybrid_mask(grey) == 2).all()


def test_hybrid_splits_two_modes():
    rgb = np.empty((2, 10, 3), np.uint8)
    rgb[0], rgb[1] = (
        (60, 100, 180),
        (100, 130, 150),
    )  # ratios .50 and .20: both on one side of .25 but for the split
    assert hybrid_mask(rgb).tolist() == [[1] * 10, [2] * 10]


def test_minimum_cross_entropy_falls_between_the_modes():
    values = np.array([0.05] * 50 + [0.6] * 50, np.float32)
    assert 0.1 < minimum_cross_entropy(values) < 0.55
    with pytest.raises(ValueError, match="no values"):
        minimum_cross_entropy(np.array([], np.float32))


@pytest.mark.real
def test_wsiseg_comes_close_to_the_published_baseline(real_data):
    from models.learn.metrics import mae_okta, score_frame
    from tasks.cloud_labels import read_wsiseg

    _, test = read_wsiseg(real_data / "cloud")
    frames = test[::10]
    assert len(frames) == 10
    scores = [score_frame(f.group, f.mask, tuned_red_blue_mask(f.rgb, f.mask != 255)) for f in frames]
    assert mae_okta(scores) < 0.4  # .21 over all test frames of an earlier study
