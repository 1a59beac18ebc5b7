"""The Prefect tasks of a training: pictures, network, scores. References in, a reference out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from models.learn.recipe import CloudRecipe
from tasks.cloud_evaluation import card_metrics, evaluate_cloud, table_text
from tasks.cloud_labels import read_rendered
from tasks.cloud_sources import horizon_source, rendered_source, scored_samples, wsiseg_source
from tasks.cloud_training import train_calibrate_save
from tasks.demo_network import write_training_set
from tasks.weights import load_cloud_model, record_metrics

_STEP: dict[str, Any] = {"cache_policy": NO_CACHE, "persist_result": False, "retries": 0}


@dataclass(frozen=True)
class RealLabels:
    """Where labelled real pictures are; their weights stay out of the repository.

    Attributes:
        labels: Folder of horizon label files.
        cameras: Folder of the camera folders that they label.
        cloud: Folder of ``manifest.csv`` and ``wsiseg``.
        train: Train on the training cameras and blocks too, not only score.
    """

    labels: Path | None = None
    cameras: Path | None = None
    cloud: Path | None = None
    train: bool = False


@task(name="render training pictures", **_STEP)
def render_pictures(folder: Path, recipe: CloudRecipe) -> tuple[Path, Path]:
    """Render training and held-out scenes; what is there already is kept."""
    training, calibration = folder / "training", folder / "held-out"
    write_training_set(training, recipe.scenes, recipe.seed, width=recipe.width)
    write_training_set(calibration, recipe.held_out, recipe.held_out_seed, width=recipe.width)
    return training, calibration


@task(name="train cloud", **_STEP)
def train_and_save(output: Path, rendered: tuple[Path, Path], real: RealLabels, recipe: CloudRecipe) -> Path:
    """Train, calibrate on held-out scenes, and write weights with their card; goes on where it was interrupted."""
    config = recipe.config
    made = f"seed {recipe.seed}, {recipe.scenes} scenes, width {recipe.width}"
    sources = [rendered_source(rendered[0], config, made)]
    if real.train and real.labels is not None and real.cameras is not None:
        sources.append(horizon_source(real.labels, real.cameras, config))
    if real.train and real.cloud is not None:
        sources.append(wsiseg_source(real.cloud, config))
    log = get_run_logger()
    _, digest = train_calibrate_save(
        output,
        sources,
        list(read_rendered(rendered[1])),
        config,
        recipe.loop,
        augment=recipe.augment,
        batch_size=recipe.batch_size,
        sigma_scale=recipe.sigma_scale,
        test=scored_samples(config, real.labels, real.cameras, real.cloud),
        progress=lambda step, loss: log.info("step %d of %d: loss %.3f", step, recipe.loop.steps, loss),
    )
    log.info("%s: %s", output, digest)
    return output


@task(name="score cloud", **_STEP)
def score(weights: Path, real: RealLabels) -> str:
    """Score beside thresholds and controls, and write the figures into the card."""
    model, _ = load_cloud_model(weights)
    name = model.config.architecture
    rows = evaluate_cloud({name: model}, labels=real.labels, cameras=real.cameras, cloud=real.cloud)
    record_metrics(weights, card_metrics(rows, name))
    text = table_text(rows)
    get_run_logger().info("%s", text)
    return text
