"""Moments to weights: what is learned from, that it goes on where it stopped, what the card says, how it is scored."""

from dataclasses import replace

import pytest
import torch

from models.cloud import CloudConfig, CloudModel, build_cloud_net
from models.learn.loop import LoopConfig
from models.learn.sky_batches import SkyBatchConfig
from models.learn.sky_recipe import SkyRecipe
from models.learn.sky_training import DenoisingConfig, SkyTrainingConfig
from models.nets.cloud import CloudFusionConfig
from models.nets.sky_encoder import SkyEncoderConfig
from models.sky import SkyConfig
from tasks.errors import ConfigurationError
from tasks.sky_night import sky_of_weights
from tasks.sky_scenes import SkySetSpec, write_sky_set
from tasks.sky_scoring import score_sky
from tasks.sky_set import read_sky_set
from tasks.sky_sources import joined, network_source, simulated_source
from tasks.sky_tables import sky_card_metrics
from tasks.sky_training import RUNS, calibrate_sky, encoder_of, save_trained_sky, train_sky_model
from tasks.sky_weights import load_sky_model
from tasks.weights import read_card, save_cloud_model
from tests.tasks.nights import ingest, plan_of

SMALL = SkySetSpec(cameras=3, held_out=1, days=8, frames_per_day=1, width=48, height=36)
ENCODER = SkyEncoderConfig(widths=(8, 16), context_blocks=0)


def short(steps, **changes):
    return SkyTrainingConfig(LoopConfig(steps=steps, report_every=2), SkyBatchConfig(batch_size=4), **changes)


TINY = SkyRecipe(
    SkyConfig(CloudFusionConfig(ENCODER, width=16, heads=2, blocks=1), picture_size=(36, 48)),
    short(4, freeze_encoder=True, lights=1),
    short(4),
)


@pytest.fixture(scope="module")
def moments(tmp_path_factory):
    return write_sky_set(tmp_path_factory.mktemp("sky") / "set", SMALL)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    torch.manual_seed(1)
    config = CloudConfig("sky", widths=ENCODER.widths, context_heads=0)
    path = tmp_path_factory.mktemp("encoder") / "cloud.safetensors"
    save_cloud_model(path, CloudModel(build_cloud_net(config), config), {"training": {}, "metrics": {}})
    return path


def weights_of(model):
    return torch.cat([value.flatten().double() for value in model.net.state_dict().values()])


def test_an_interrupted_training_ends_at_the_same_bits(moments, encoder, tmp_path):
    sources, checkpoint = [simulated_source(moments)], tmp_path / "sky.checkpoint"
    recipe = replace(TINY, model=matching(encoder))
    whole = train_sky_model(sources, recipe, encoder=encoder_of(encoder)[0])

    class Killed(Exception):
        pass

    def kill(lesson, step, _):
        if lesson == "finishing" and step == 2:
            raise Killed

    with pytest.raises(Killed):
        train_sky_model(sources, recipe, encoder=encoder_of(encoder)[0], checkpoint=checkpoint, progress=kill)
    again = train_sky_model(sources, recipe, encoder=encoder_of(encoder)[0], checkpoint=checkpoint)
    assert torch.equal(weights_of(whole), weights_of(again))
    assert not list(tmp_path.iterdir())


def matching(encoder):
    net = encoder_of(encoder)[0]
    return replace(TINY.model, net=replace(TINY.model.net, encoder=net.config))


def test_from_nothing_after_denoising(moments):
    told = []
    loop = LoopConfig(steps=2, report_every=1)
    recipe = replace(TINY, denoising=DenoisingConfig(loop, batch_size=2))
    train_sky_model([simulated_source(moments)], recipe, progress=lambda lesson, *_: told.append(lesson))
    assert set(told) == {"denoising", "finishing"}


def test_moments_to_scored_weights(moments, tmp_path):
    source = simulated_source(moments)
    model = train_sky_model([source], TINY)
    calibration = calibrate_sky(model, read_sky_set(moments, ("calibration",)))
    path = tmp_path / "sky.safetensors"
    digest = save_trained_sky(path, model, [source], TINY, calibration)
    card, sky = read_card(path), sky_of_weights(path)
    assert load_sky_model(path)[1] == digest == card["digest"]
    assert sky.digest != digest and sky.calibration == calibration  # the night's names the calibration, too
    assert card["training"]["shippable"] and card["training"]["sources"][0]["moments"] == 10
    assert len(card["training"]["sources"][0]["sha256"]) <= 10
    rows, trials = score_sky(sky.model, sky.calibration, moments, resamples=20)
    assert set(trials) == {"week", "camera"}
    assert {*RUNS, "climatology"} <= {row.method for row in rows}
    assert all(row.simulated for row in rows)
    assert sky_card_metrics(rows)["camera"]["moments"] == 8


def test_archives_teach_what_satellite_and_crowd_say(network, moments):
    plan = plan_of(network)
    ingest(plan)
    own = network_source(network / "vigie.toml", (36, 48), days=30)
    assert own is not None and not own.shippable and own.facts["cameras"] == 2
    assert (own.lessons.targets.satellite_okta.amin(1) < 1).all()
    assert own.lessons.inputs.image.dtype == torch.uint8
    both = joined([simulated_source(moments).lessons, own.lessons])
    assert len(both) == 10 + len(own.lessons)
    assert both.surface is not None and bool((both.surface[10:] == 255).all())
    with pytest.raises(ValueError, match="several sizes"):
        joined([own.lessons, simulated_source(moments).lessons.rows(torch.arange(2)), larger(own.lessons)])


def larger(lessons):
    return replace(lessons, inputs=replace(lessons.inputs, image=torch.zeros(len(lessons), 3, 9, 9)))


def test_masks_of_another_architecture_are_no_encoder(tmp_path):
    config = CloudConfig("unet", widths=(8, 16), context_heads=0)
    path = tmp_path / "unet.safetensors"
    save_cloud_model(path, CloudModel(build_cloud_net(config), config), {"training": {}, "metrics": {}})
    with pytest.raises(ConfigurationError, match="architecture 'sky'"):
        encoder_of(path)


def test_a_length_keeps_its_share():
    changed = SkyRecipe().changed(steps=300, seed=5)
    assert changed.training.loop.steps == 300  # of 3000
    assert changed.finishing.loop.steps == 50  # of 500
    assert {changed.seed, changed.training.loop.seed, changed.finishing.loop.seed} == {5}
    assert changed.denoising is None
    assert SkyRecipe().changed(None, None, 70).denoising.loop.steps == 70
