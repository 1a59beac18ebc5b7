"""The Prefect tasks of a training: pictures, network, scores. References in, a reference out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from models.learn.drift_recipe import DriftRecipe
from models.learn.recipe import CloudRecipe
from models.learn.water_recipe import WaterRecipe
from tasks import water_sources
from tasks.cloud_evaluation import evaluate_cloud
from tasks.cloud_evaluation_rows import card_metrics, table_text
from tasks.cloud_labels import read_rendered
from tasks.cloud_sources import horizon_source, labelled_photo_source, scored_samples, wsiseg_source
from tasks.cloud_sources import rendered_source as rendered_labels
from tasks.cloud_training import train_calibrate_save
from tasks.demo_network import write_relit_set, write_training_set
from tasks.drift_sources import (
    HOLD_OUT,
    DriftSource,
    archive_source,
    photo_source,
    rendered_source,
    series_source,
)
from tasks.drift_training import (
    calibrate_drift,
    guarded_pictures,
    refuse_leaks,
    save_trained_drift,
    train_drift,
)
from tasks.water_scenes import RenderedWater, write_water_set
from tasks.water_sources import WaterSource, masked_source, scene_source
from tasks.water_training import (
    denoising_checkpoint,
    member_checkpoint,
    save_trained_water,
    train_water,
)
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
        photos: Folder of photos with hand-drawn masks to train on: ``manifest.csv``.
    """

    labels: Path | None = None
    cameras: Path | None = None
    cloud: Path | None = None
    train: bool = False
    photos: Path | None = None


@dataclass(frozen=True)
class RealPictures:
    """Where real pictures for the registration, or for the water level, are; only the latter need labels.

    Attributes:
        photos: Folder of photos with ``manifest.csv``.
        series: Folder of camera folders with ``manifest.csv``.
        archives: Roots of camera archives.
        guarded: Folders of pictures that must not be trained on.
    """

    photos: Path | None = None
    series: Path | None = None
    archives: tuple[Path, ...] = ()
    guarded: tuple[Path, ...] = ()


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
    sources = [rendered_labels(rendered[0], config, made)]
    if real.photos is not None:
        sources.append(labelled_photo_source(real.photos, config, recipe.photo_share))
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


@task(name="render cameras", **_STEP)
def render_cameras(folder: Path, recipe: DriftRecipe) -> tuple[list[Path], list[Path]]:
    """Render training and held-out cameras at several times; what is there already is kept."""
    width, views = recipe.scene_width, recipe.scene_views
    training = write_relit_set(folder / "cameras", recipe.scenes, recipe.scene_seed, width, views)
    held_out = write_relit_set(
        folder / "cameras-held-out", recipe.held_out, recipe.held_out_seed, width, views
    )
    return training, held_out


def _drift_sources(rendered: list[Path], real: RealPictures, recipe: DriftRecipe) -> list[DriftSource]:
    width, sources = recipe.picture_width, []
    if real.photos is not None:
        sources.append(photo_source(real.photos, width))
    if real.series is not None:
        sources.append(series_source(real.series, width))
    if rendered:
        made = f"simulation.network.relit_scenes, seed {recipe.scene_seed}, {recipe.scenes} scenes"
        sources.append(rendered_source(rendered, recipe.scene_share, width, made))
    return sources + [
        archive_source(root, width, recipe.archive_share, recipe.archive_frames) for root in real.archives
    ]


def _held_out_sources(rendered: list[Path], real: RealPictures, recipe: DriftRecipe) -> list[DriftSource]:
    width = recipe.picture_width
    made = f"simulation.network.relit_scenes, seed {recipe.held_out_seed}, {recipe.held_out} scenes"
    sources = [rendered_source(rendered, recipe.scene_share, width, made)]
    if real.photos is not None:
        sources.append(photo_source(real.photos, width, HOLD_OUT))
    if real.series is not None:
        sources.append(series_source(real.series, width, HOLD_OUT))
    return [source for source in sources if source.pictures]


@task(name="train drift", **_STEP)
def train_drift_and_save(
    output: Path, rendered: tuple[list[Path], list[Path]], real: RealPictures, recipe: DriftRecipe
) -> Path:
    """Train, calibrate on held-out pairs, and write weights with their card; goes on where it was interrupted."""
    log = get_run_logger()
    sources, held_out = (
        _drift_sources(rendered[0], real, recipe),
        _held_out_sources(rendered[1], real, recipe),
    )
    guarded = guarded_pictures(real.guarded)
    refuse_leaks(sources, guarded, held_out)
    output.parent.mkdir(parents=True, exist_ok=True)

    def tell(step: int, losses: dict[str, float]) -> None:
        parts = ", ".join(f"{name} {value:.3f}" for name, value in losses.items())
        log.info("step %d of %d: %s", step, recipe.loop.steps, parts)

    checkpoint = output.with_suffix(".checkpoint")
    trained = train_drift(sources, recipe, checkpoint=checkpoint, progress=tell)
    calibration = calibrate_drift(trained.net, held_out)
    for row in calibration.rows:
        log.info("%s", row)
    digest = save_trained_drift(output, trained, recipe, sources, calibration, guarded=guarded)
    checkpoint.unlink(missing_ok=True)
    log.info("%s: %s", output, digest)
    return output


@task(name="render water", **_STEP)
def render_water(folder: Path, recipe: WaterRecipe) -> list[RenderedWater]:
    """Render cameras at the water at several levels; what is there already is kept."""
    return write_water_set(
        folder / "water", recipe.scenes, recipe.scene_seed, recipe.scene_width, recipe.scene_views
    )


def _water_sources(
    rendered: list[RenderedWater], real: RealPictures, recipe: WaterRecipe
) -> list[WaterSource]:
    width, sources = recipe.picture_width, []
    if real.photos is not None:
        sources.append(masked_source(real.photos, width, "photos"))
    if real.series is not None:
        sources.append(masked_source(real.series, width, "series"))
    if rendered:
        made = f"simulation.network.water_scenes, seed {recipe.scene_seed}, {recipe.scenes} scenes"
        sources.append(scene_source(rendered, width, recipe.scene_share, recipe.scene_rise, made))
    return sources + [
        water_sources.archive_source(root, width, recipe.archive_share, recipe.archive_frames)
        for root in real.archives
    ]


@task(name="train water", **_STEP)
def train_water_and_save(
    output: Path,
    rendered: list[RenderedWater],
    real: RealPictures,
    recipe: WaterRecipe,
    member: int | None = None,
) -> Path:
    """Train the ensemble and write weights with their card; goes on where it was interrupted.

    One member alone leaves its checkpoint, from which the training of all goes on.
    """
    log = get_run_logger()
    sources, guarded = _water_sources(rendered, real, recipe), guarded_pictures(real.guarded)
    refuse_leaks([source.body for source in sources], guarded)
    output.parent.mkdir(parents=True, exist_ok=True)

    def tell(lesson: str, step: int, steps: int, losses: dict[str, float]) -> None:
        parts = ", ".join(f"{name} {value:.3f}" for name, value in losses.items())
        log.info("%s, step %d of %d: %s", lesson, step, steps, parts)

    chosen = None if member is None else [member]
    trained = train_water(sources, recipe, output=output, members=chosen, progress=tell)
    if member is not None:
        log.info("member %d is trained: %s", member, member_checkpoint(output, member))
        return member_checkpoint(output, member)
    digest = save_trained_water(output, trained, recipe, sources, guarded=guarded)
    for k in range(len(trained)):
        member_checkpoint(output, k).unlink(missing_ok=True)
        denoising_checkpoint(output, k).unlink(missing_ok=True)
    log.info("%s: %s", output, digest)
    return output
