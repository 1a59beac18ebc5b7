import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from models.learn.augment import AugmentConfig, camera_effects, draw_batch, light_by_class, random_crop
from models.learn.datasets import difference_hash, make_samples, overlap
from models.learn.loop import LoopConfig, learning_rate_at, train
from models.learn.losses import cloud_loss, cover_loss, segmentation_loss


def sample(seed=0, size=(60, 80), group="a"):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    rgb = np.kron(coarse, np.ones((size[0] // 6, size[1] // 8, 1), np.uint8))
    mask = np.zeros(rgb.shape[:2], np.uint8)
    mask[: size[0] // 2] = 2
    return make_samples(group, f"{seed:064x}", rgb, mask, long_side=64, max_aspect=2.0)[0]


def test_samples_are_scaled_and_labels_stay_classes():
    s = sample()
    assert s.rgb.shape == (3, 48, 64)
    assert s.rgb.dtype == torch.uint8
    assert set(s.mask.unique().tolist()) == {0, 2}
    rgb, mask = np.zeros((10, 100, 3), np.uint8), np.zeros((10, 100), np.uint8)
    assert len(make_samples("p", "0", rgb, mask, long_side=64, max_aspect=2.0)) > 4
    with pytest.raises(ValueError, match="differ"):
        make_samples("p", "0", rgb, mask[:5], long_side=64, max_aspect=2.0)


def test_overlap_finds_equal_and_near_pictures():
    a, b, c = sample(1), sample(2), sample(3)
    noisy = type(a)(a.group, "f" * 64, a.rgb, a.mask, a.fingerprint.copy())
    noisy.fingerprint[:5] ^= True
    assert not overlap([a], [b, c])
    assert overlap([a, b], [b]).identical == [b.sha256]
    assert overlap([a], [noisy]).near == [(a.sha256, "f" * 64)]
    assert not overlap([], [a])


def test_hash_survives_recompression():
    rng = np.random.default_rng(0)
    rgb = np.kron(rng.integers(30, 220, (9, 9, 3), dtype=np.uint8), np.ones((20, 20, 1), np.uint8))
    other = np.clip(rgb.astype(int) + rng.integers(-4, 5, rgb.shape) + 10, 0, 255).astype(np.uint8)
    assert np.count_nonzero(difference_hash(rgb) != difference_hash(other)) <= 12


def test_batches_depend_on_the_generator_alone():
    samples = [sample(i) for i in range(3)]
    config = AugmentConfig(size=32)
    a = draw_batch(samples, torch.ones(3), 4, config, torch.Generator().manual_seed(7))
    torch.manual_seed(99)
    b = draw_batch(samples, torch.ones(3), 4, config, torch.Generator().manual_seed(7))
    assert torch.equal(a[0], b[0])
    assert torch.equal(a[1], b[1])
    assert a[0].shape == (4, 3, 32, 32)
    assert 0 <= a[0].min() <= a[0].max() <= 1
    assert not torch.equal(
        a[0], draw_batch(samples, torch.ones(3), 4, config, torch.Generator().manual_seed(8))[0]
    )


def test_crop_keeps_picture_and_labels_together():
    s = sample()
    s.rgb[:] = (s.mask == 2).to(torch.uint8) * 255  # white where labelled cloud
    for seed in range(20):
        rgb, labels = random_crop(s, AugmentConfig(size=40), torch.Generator().manual_seed(seed))
        assert ((rgb[0] > 0.5) == (labels == 2)).float().mean() > 0.95


def test_effects_of_strength_zero_change_nothing():
    off = AugmentConfig(exposure_stops=0, gamma=0, white_balance=0, saturation=0, haze=0, contrast=0)
    off = AugmentConfig(**{**vars(off), "blur": 0, "noise": 0, "jpeg": 0, "grey": 0})
    x = torch.rand(2, 3, 16, 16)
    torch.testing.assert_close(camera_effects(x, off, torch.Generator()), x, atol=2e-4, rtol=0)


def test_ground_is_lit_apart_from_the_sky_and_pale_skies_keep_their_brightness():
    rgb = torch.tensor([0.2, 0.4, 0.6])[None, :, None, None].expand(6, 3, 4, 4).contiguous()
    labels = torch.zeros(6, 4, 4, dtype=torch.long)
    labels[:, :2], labels[:, 3] = 1, 255
    config = AugmentConfig(ground_stops=1.0, pale_sky=1.0)
    out = light_by_class(rgb, labels, config, torch.Generator().manual_seed(1))
    torch.testing.assert_close(out[:, :, 3], rgb[:, :, 3])  # what is not judged stays
    torch.testing.assert_close(out[:, :, :2].mean(1), rgb[:, :, :2].mean(1))
    assert (out[:, :, 2] - rgb[:, :, 2]).abs().max() > 0.1
    assert ((out[:, 2] - out[:, 0])[:, 0] < 0.39).any()  # some sky lost blue


def test_a_frame_around_a_disc_is_black_and_other():
    s = sample()
    config = AugmentConfig(size=40, disc=1.0, sky_only=0)
    for seed in range(5):
        rgb, labels = random_crop(s, config, torch.Generator().manual_seed(seed))
        assert labels[0, 0] == 0 and rgb[:, 0, 0].max() <= 0.1


def test_losses_by_hand():
    logits = torch.zeros(1, 3, 8, 10)
    labels = torch.full((1, 8, 10), 255)
    assert cloud_loss(logits, labels) == 0  # nothing labelled, nothing lost
    labels[:] = 1
    # uniform probabilities: cross entropy ln 3; P(cloud | sky) = .5 against a cover of 0
    assert segmentation_loss(logits, labels) == pytest.approx(np.log(3), abs=1e-6)
    assert cover_loss(logits, labels) == pytest.approx(0.5)
    logits[:, 1] = 50
    assert cover_loss(logits, labels) == pytest.approx(0, abs=1e-6)


def line(generator):
    x = torch.randn(16, 2, generator=generator)
    return x, x @ torch.tensor([[2.0], [-1.0]]) + 0.5


def test_loop_learns_a_line_and_resumes_to_the_bit():
    config = LoopConfig(steps=300, learning_rate=0.05, warm_up=10, weight_decay=0, report_every=50, seed=3)
    torch.manual_seed(0)
    whole, half = nn.Linear(2, 1), nn.Linear(2, 1)
    half.load_state_dict(whole.state_dict())
    seen = []
    done = train(whole, line, F.mse_loss, config, observe=lambda s: seen.append(s.step), device="cpu")
    assert seen == [50, 100, 150, 200, 250, 300]
    assert done.losses[-1] < 1e-3 < done.losses[0]
    part = train(half, line, F.mse_loss, config, until=150, device="cpu")
    fresh = nn.Linear(2, 1)
    rest = train(fresh, line, F.mse_loss, config, state=part, device="cpu")
    assert rest.step == 300
    assert all(torch.equal(done.net[k], rest.net[k]) for k in done.net)


def test_loop_is_loud_about_nan():
    with pytest.raises(FloatingPointError, match="step 0"):
        train(
            nn.Linear(2, 1),
            line,
            lambda a, b: (a - b).mean() * float("nan"),
            LoopConfig(steps=2),
            device="cpu",
        )


def test_learning_rate_rises_then_falls():
    config = LoopConfig(steps=100, learning_rate=1.0, warm_up=10)
    assert learning_rate_at(0, config) == pytest.approx(0.1)
    assert learning_rate_at(9, config) == 1.0
    # half way of the cosine: 0.01 + 0.99 / 2
    assert learning_rate_at(55, config) == pytest.approx(0.505)
    assert learning_rate_at(100, config) == pytest.approx(0.01)
