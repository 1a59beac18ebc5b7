"""Training: rendered pictures, and real ones where there are some, to weights with a card."""

from dataclasses import replace
from pathlib import Path

from prefect import flow

from models.learn.drift_recipe import DRIFT_RECIPE
from models.learn.recipe import CLOUD_RECIPES
from models.learn.water_recipe import WATER_RECIPE
from tasks import training_steps as step
from tasks.errors import ConfigurationError
from tasks.training_steps import RealLabels, RealPictures


@flow(name="train-cloud", persist_result=False)
def train_cloud_cover(
    output: Path,
    work: Path,
    scenes: int | None = None,
    steps: int | None = None,
    seed: int | None = None,
    architecture: str = "sky",
    real: RealLabels | None = None,
) -> Path:
    """Trains the visible cloud cover and writes ``output`` with its card.

    What is not given is the recipe's of the shipped weights. Fails at once if a picture that is scored, or its
    near-duplicate, is among the training pictures. An interrupted run goes on from its checkpoint.

    Raises:
        ConfigurationError: Unknown architecture.
    """
    real = real or RealLabels()
    if architecture not in CLOUD_RECIPES:
        raise ConfigurationError(
            "--architecture", None, repr(architecture), f"write {', '.join(CLOUD_RECIPES)}"
        )
    recipe = CLOUD_RECIPES[architecture]
    recipe = replace(
        recipe,
        scenes=recipe.scenes if scenes is None else scenes,
        seed=recipe.seed if seed is None else seed,
        loop=recipe.loop if steps is None else replace(recipe.loop, steps=steps),
    )
    rendered = step.render_pictures(work, recipe)
    weights = step.train_and_save(output, rendered, real, recipe)
    if real.cloud is not None or real.labels is not None:
        step.score(weights, real)
    return weights


@flow(name="train-drift", persist_result=False)
def train_drift_registration(
    output: Path,
    work: Path,
    scenes: int | None = None,
    steps: int | None = None,
    seed: int | None = None,
    real: RealPictures | None = None,
) -> Path:
    """Trains the registration and writes ``output`` with its card.

    What is not given is the recipe's of the shipped weights, which were also trained on the photos and series that
    their card lists. Fails if a guarded picture, or its near-duplicate, is among the training pictures. An interrupted
    run goes on from its checkpoint.
    """
    recipe = DRIFT_RECIPE
    loop = replace(
        recipe.loop,
        steps=recipe.loop.steps if steps is None else steps,
        seed=recipe.loop.seed if seed is None else seed,
    )
    recipe = replace(recipe, scenes=recipe.scenes if scenes is None else scenes, loop=loop)
    rendered = step.render_cameras(work, recipe)
    return step.train_drift_and_save(output, rendered, real or RealPictures(), recipe)


@flow(name="train-water", persist_result=False)
def train_water_level(
    output: Path,
    work: Path,
    scenes: int | None = None,
    steps: int | None = None,
    denoise_steps: int | None = None,
    seed: int | None = None,
    real: RealPictures | None = None,
    member: int | None = None,
) -> Path:
    """Trains the ensemble of the water level and writes ``output`` with its card.

    What is not given is the recipe's of the shipped weights, which were also trained on the photos and series that
    their card lists. Fails if a guarded picture, or its near-duplicate, is among the training pictures. An interrupted
    run goes on from its checkpoints; so does a run after those of single members.

    Raises:
        ConfigurationError: No such member.
    """
    recipe = WATER_RECIPE
    loop = replace(
        recipe.loop,
        steps=recipe.loop.steps if steps is None else steps,
        seed=recipe.loop.seed if seed is None else seed,
    )
    recipe = replace(
        recipe,
        scenes=recipe.scenes if scenes is None else scenes,
        denoise_steps=recipe.denoise_steps if denoise_steps is None else denoise_steps,
        loop=loop,
    )
    members = len(recipe.config.members)
    if member is not None and not 0 <= member < members:
        raise ConfigurationError(
            "--member", None, f"there is no member {member}", f"write 0 to {members - 1}"
        )
    rendered = step.render_water(work, recipe)
    return step.train_water_and_save(output, rendered, real or RealPictures(), recipe, member)
