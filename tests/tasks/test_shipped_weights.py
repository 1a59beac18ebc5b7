"""The weights that go out with the code are small, whole, free to give away, and never saw what they are scored on."""

import dataclasses
import json

import pytest

from models.learn.loop import LoopConfig
from models.learn.recipe import CLOUD_RECIPES
from tasks.drift_sources import SHIPPABLE_LICENCES
from tasks.weights import (
    SHIPPED_CLOUD_FCN,
    SHIPPED_CLOUD_UNET,
    SHIPPED_CLOUD_WEIGHTS,
    card_path,
    digest_of,
    load_cloud_model,
    read_card,
)

RENDERED_ONLY = [SHIPPED_CLOUD_FCN, SHIPPED_CLOUD_UNET]
SHIPPED = [SHIPPED_CLOUD_WEIGHTS, *RENDERED_ONLY]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_shipped_weights_are_those_of_their_card(path):
    model, digest = load_cloud_model(path)
    card = read_card(path)
    assert digest == digest_of(path) == card["digest"]
    assert sum(p.numel() for p in model.net.parameters()) == card["parameters"]
    assert set(card["metrics"]) >= {"horizon, test cameras", "wsiseg, test blocks"}


@pytest.mark.parametrize("path", RENDERED_ONLY, ids=lambda p: p.stem)
def test_the_earlier_weights_learned_from_the_simulation_alone(path):
    sources = read_card(path)["training"]["sources"]
    assert all(s["name"].startswith("demo network, training families") for s in sources)
    assert sum(s["pictures"] for s in sources) > 2900


def test_the_default_learned_from_pictures_that_may_be_used_so():
    card = read_card(SHIPPED_CLOUD_WEIGHTS)
    rendered, photos = card["training"]["sources"]
    assert rendered["name"].startswith("demo network, training families")
    assert all(origin["licence"] in SHIPPABLE_LICENCES for origin in photos["origins"])
    assert all(origin["repository"] and len(origin["sha256"]) == 64 for origin in photos["origins"])
    assert card["metrics"]["fisheye3, open sky"]["frames"] == 25


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_shipped_weights_never_saw_what_they_are_scored_on(path, request):
    card = read_card(path)
    sources = card["training"]["sources"]
    assert card["training"]["shippable"] is True
    trained_on = {h for s in sources for h in s["sha256"]}
    assert len(trained_on) == sum(s["pictures"] for s in sources)
    labels = sorted((request.config.rootpath / "tests" / "data" / "horizon_labels").glob("*.json"))
    labelled = {f["sha256"] for p in labels for f in json.loads(p.read_text())["frames"]}
    assert len(labelled) >= 100
    assert not trained_on & labelled
    assert not trained_on & set(card["calibration"]["sha256"])


@pytest.mark.parametrize("path", RENDERED_ONLY, ids=lambda p: p.stem)
def test_the_earlier_weights_follow_the_recipe(path):
    model, _ = load_cloud_model(path)
    recipe, training = CLOUD_RECIPES[model.config.architecture], read_card(path)["training"]
    assert (
        LoopConfig(**training["loop"]) == recipe.loop
    )  # options that came later have the value they had then
    assert training["augmentation"] == vars(recipe.augment)
    assert training["batch_size"] == recipe.batch_size
    assert f"seed {recipe.seed}, {recipe.scenes} scenes" in training["sources"][0]["name"]


def test_the_default_follows_the_recipe_but_for_its_stages():
    model, _ = load_cloud_model(SHIPPED_CLOUD_WEIGHTS)
    recipe, training = CLOUD_RECIPES["sky"], read_card(SHIPPED_CLOUD_WEIGHTS)["training"]
    assert model.config.architecture == "sky"
    assert (model.config.widths, model.config.long_side) == (recipe.config.widths, recipe.config.long_side)
    assert training["augmentation"] == dataclasses.asdict(recipe.augment)
    assert training["batch_size"] == recipe.batch_size
    assert len(training["stages"]) >= 2


def test_shipped_files_fit():
    files = [f for path in SHIPPED for f in (path, card_path(path))]
    assert sum(f.stat().st_size for f in files) <= 5_000_000
