from dataclasses import replace

import pytest
import torch

from models.contracts.sky_masks import CloudClass, SurfaceClass
from models.learn.loop import LoopConfig
from models.learn.sky_batches import SeenLessons, SkyBatchConfig, SkyLessons, draw_sky_batch, hide
from models.learn.sky_training import (
    DenoisingConfig,
    SkyTrainingConfig,
    denoise_first,
    noisy_pictures,
    start_from,
    train_sky,
)
from models.nets.cloud import CloudFusion
from models.nets.sky_encoder import SkyEncoder, SkyEncoderConfig
from tests.cloud.sky_moments import SMALL_NET, known, moments

LOOP = LoopConfig(steps=6, warm_up=1, report_every=3, learning_rate=3e-3)
BATCH = SkyBatchConfig(batch_size=4)


def lessons(n=8):
    inputs = moments(n)
    surface = torch.full((n, 32, 48), int(SurfaceClass.SKY), dtype=torch.uint8)
    cloud = torch.full((n, 32, 48), int(CloudClass.THICK), dtype=torch.uint8)
    pictures = (inputs.image * 255).to(torch.uint8)
    return SkyLessons(replace(inputs, image=pictures), known(n), surface, cloud)


def small_net(seed=0):
    torch.manual_seed(seed)
    return CloudFusion(SMALL_NET)


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one.values(), other.values(), strict=True))


def test_hides_three_in_ten_and_never_both():
    inputs = moments(1, size=(2, 2)).rows(torch.zeros(4000, dtype=torch.long))
    config = SkyBatchConfig(modality_dropout=0.3, slot_dropout=0.0, context_dropout=0.1)
    some = hide(inputs, config, torch.Generator().manual_seed(1))
    camera, satellite = some.camera_present, some.slot_present.any(1)
    assert (camera | satellite).all()
    # 15 % each; the standard error of 4000 is .6 %
    assert float((~camera).float().mean()) == pytest.approx(0.15, abs=0.025)
    assert float((~satellite).float().mean()) == pytest.approx(0.15, abs=0.025)
    # a tenth of all numbers, and .15 of the rest of the four that tell of the view
    assert float(some.context.isnan().float().mean()) == pytest.approx(0.1 + 0.9 * 0.15 * 0.4, abs=0.01)
    lost = some.satellite.isnan().flatten(3).all(3).all(1)  # planes of all slots
    assert float(lost.float().mean()) == pytest.approx(0.15, abs=0.02)


def test_what_is_single_is_never_hidden():
    inputs = moments(50, size=(2, 2))
    inputs.camera_present[:25] = False
    inputs.slot_present[25:] = False
    some = hide(
        inputs, SkyBatchConfig(modality_dropout=1.0, slot_dropout=1.0), torch.Generator().manual_seed(1)
    )
    assert torch.equal(some.camera_present, inputs.camera_present)
    assert torch.equal(some.slot_present, inputs.slot_present)


def test_a_batch_depends_on_its_seed_alone():
    one, two, other = (
        draw_sky_batch(lessons(), BATCH, torch.Generator().manual_seed(seed)) for seed in (3, 3, 4)
    )
    assert torch.equal(one[0].image, two[0].image)
    assert torch.equal(one[1].surface, two[1].surface)
    assert not torch.equal(one[0].image, other[0].image)
    assert one[0].image.dtype == torch.float32
    assert 0 <= one[0].image.min() <= one[0].image.max() <= 1


def test_absent_pictures_of_nan_are_drawn_as_finite():
    some = replace(lessons(), inputs=moments(8))
    some.inputs.camera_present[:] = False
    some.inputs.image[:] = torch.nan
    inputs, _ = draw_sky_batch(some, BATCH, torch.Generator().manual_seed(3))
    assert inputs.image.isfinite().all()


def test_weights_choose():
    some = replace(lessons(), weight=torch.tensor([0, 0, 1.0, 0, 0, 0, 0, 0]))
    assert some.draw(5, torch.Generator().manual_seed(0)).tolist() == [2] * 5


def test_goes_on_to_the_bit():
    config = SkyTrainingConfig(LOOP, BATCH)
    whole, broken = small_net(), small_net()
    train_sky(whole, lessons(), config, device="cpu")
    half = train_sky(broken, lessons(), config, until=3, device="cpu")
    resumed = small_net(seed=9)
    train_sky(resumed, lessons(), config, state=half, device="cpu")
    assert same(whole.state_dict(), resumed.state_dict())


def test_a_frozen_encoder_stays_and_goes_on_to_the_bit():
    config = SkyTrainingConfig(LOOP, BATCH, freeze_encoder=True, lights=2)
    whole, first = small_net(), {k: v.clone() for k, v in small_net().encoder.state_dict().items()}
    train_sky(whole, lessons(), config, device="cpu")
    assert same(whole.encoder.state_dict(), first)
    assert not torch.equal(whole.okta.weight, small_net().okta.weight)
    half = train_sky(small_net(), lessons(), config, until=3, device="cpu")
    resumed = small_net(seed=9)
    train_sky(resumed, lessons(), config, state=half, device="cpu")
    assert same(whole.state_dict(), resumed.state_dict())


def test_seen_lessons_keep_each_light():
    net = small_net()
    seen = SeenLessons(net, lessons(), BATCH, variants=2, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        plain, _ = net.eval().view(lessons().inputs.image.float() / 255)
    # 2 lights; 8 moments; 16 features, 6 classes and 3 colours; 32 x 48 pixels are 2 x 3 tokens
    assert seen.views.shape == (2, 8, 25, 2, 3)
    torch.testing.assert_close(seen.views[0].float(), plain, rtol=1e-2, atol=1e-2)
    assert not torch.equal(seen.views[0], seen.views[1])
    with pytest.raises(ValueError, match="at least once"):
        SeenLessons(net, lessons(), BATCH, variants=0, generator=torch.Generator())


def test_learns_to_tell():
    # The genus is one for all, so that a few steps are enough to hear of it.
    some, net = lessons(32), small_net()
    some.targets.genera[:, 6] = 1.0
    loop = LoopConfig(steps=40, warm_up=2, report_every=20, learning_rate=5e-3)
    state = train_sky(net, some, SkyTrainingConfig(loop, BATCH), observe=lambda _: None, device="cpu")
    assert state.losses[-1] < state.losses[0]
    with torch.inference_mode():
        p = net.eval()(moments(4, seed=5)).genera.sigmoid()
    assert (p[:, 6] > 0.8).all()
    assert (p[:, 0] < 0.2).all()


def test_starts_from_an_encoder_of_the_same_shape():
    net, encoder = small_net(), SkyEncoder(SMALL_NET.encoder)
    start_from(net, encoder)
    assert same(net.encoder.state_dict(), encoder.state_dict())
    with pytest.raises(ValueError, match="an encoder of"):
        start_from(net, SkyEncoder(SkyEncoderConfig(widths=(8, 16, 16, 16), context_heads=2)))


def test_denoising_moves_the_body_and_renews_the_head():
    torch.manual_seed(0)
    encoder = SkyEncoder(SMALL_NET.encoder)
    before = {k: v.clone() for k, v in encoder.state_dict().items()}
    config = DenoisingConfig(LoopConfig(steps=4, warm_up=1), batch_size=2)
    half = denoise_first(encoder, lessons(), config, until=2, device="cpu")
    told = encoder.head.weight.clone()
    denoise_first(encoder, lessons(), config, state=half, device="cpu")
    assert not torch.equal(encoder.down[0][0].weight, before["down.0.0.weight"])
    assert not torch.equal(encoder.head.weight, told)
    assert encoder.head.weight.abs().max() <= 8**-0.5  # uniform within 1 / sqrt(8 channels)


def test_noise_by_hand():
    clean = torch.full((400, 3, 4, 4), 0.5)
    noisy, same_clean = noisy_pictures(clean, 0.2, torch.Generator().manual_seed(0))
    assert same_clean is clean
    # strength even in 0 to .2: the variance is the mean of its square, .04 / 3
    assert float((noisy - clean).square().mean()) == pytest.approx(0.04 / 3, rel=0.15)


def test_nothing_to_learn_from_is_named():
    dark = lessons()
    dark.inputs.camera_present[:] = False
    with pytest.raises(ValueError, match="nothing to denoise"):
        denoise_first(SkyEncoder(SMALL_NET.encoder), dark)
    with pytest.raises(ValueError, match="0 moments"):
        SkyLessons(moments(0), known(0))
