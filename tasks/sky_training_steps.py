"""The Prefect tasks of training camera and satellite together: moments, network, scores."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from models.learn.sky_recipe import SkyRecipe
from tasks.picture_artifacts import show_picture
from tasks.sky_evaluation import BOTH
from tasks.sky_night import sky_of_weights
from tasks.sky_reliability import draw_sky_reliability
from tasks.sky_scenes import SkySetSpec, write_sky_set
from tasks.sky_scoring import score_sky
from tasks.sky_set import read_sky_set
from tasks.sky_sources import network_source, simulated_source
from tasks.sky_tables import sky_card_metrics, sky_table_text
from tasks.sky_training import calibrate_sky, encoder_of, save_trained_sky, train_sky_model, training_key
from tasks.weights import record_metrics

_STEP: dict[str, Any] = {"cache_policy": NO_CACHE, "persist_result": False, "retries": 0}


@dataclass(frozen=True)
class SkyLearning:
    """What to learn from besides the simulated moments.

    Attributes:
        encoder: Weights of cloud masks, of the architecture ``sky``; the encoder learns from nothing where absent.
        config: ``vigie.toml`` of a network whose archives teach too.
        days: Of its cameras, the last so many with frames.
    """

    encoder: Path | None = None
    config: Path | None = None
    days: int = 60


@task(name="render moments", **_STEP)
def render_moments(folder: Path, spec: SkySetSpec, processes: int) -> Path:
    """Render what cameras and satellite see at simulated moments; what is there already is kept."""
    log = get_run_logger()
    return write_sky_set(folder, spec, processes, lambda done, of: log.info("camera %d of %d", done, of))


@task(name="train sky", **_STEP)
def train_sky_and_save(output: Path, moments: Path, recipe: SkyRecipe, learning: SkyLearning) -> Path:
    """Train, calibrate on later weeks, and write weights with their card; goes on where it was interrupted."""
    log = get_run_logger()
    sources = [simulated_source(moments)]
    if learning.config is not None:
        own = network_source(learning.config, recipe.model.picture_size, learning.days)
        sources += [] if own is None else [own]
    encoder, digest = (None, None) if learning.encoder is None else encoder_of(learning.encoder)
    output.parent.mkdir(parents=True, exist_ok=True)
    model = train_sky_model(
        sources,
        recipe,
        encoder=encoder,
        checkpoint=output.with_suffix(f".{training_key(sources, recipe, digest)}.checkpoint"),
        progress=lambda lesson, step, loss: log.info("%s, step %d: loss %.3f", lesson, step, loss),
    )
    calibration = calibrate_sky(model, read_sky_set(moments, ("calibration",)))
    log.info("%s: %s", output, save_trained_sky(output, model, sources, recipe, calibration, digest))
    return output


@task(name="score sky", **_STEP)
def score_sky_weights(weights: Path, moments: Path) -> str:
    """Score beside controls, write the figures into the card, and draw reliability beside the weights."""
    sky = sky_of_weights(weights)
    rows, trials = score_sky(sky.model, sky.calibration, moments)
    record_metrics(weights, sky_card_metrics(rows))
    for name, trial in trials.items():
        title = f"simulated moments, {name}"
        page = draw_sky_reliability(
            weights.with_suffix(f".{name}.png"),
            trial.answers[BOTH],
            trial.targets,
            trial.camera,
            sky.calibration,
            title=title,
        )
        show_picture(page, f"sky-reliability-{name}", title)
    text = sky_table_text(rows)
    get_run_logger().info("%s", text)
    return text
