"""Training: rendered pictures, and real ones where there are some, to weights with a card."""

from pathlib import Path

from prefect import flow

from models.cloud import CloudConfig
from models.learn.loop import LoopConfig
from tasks import training_steps as step
from tasks.training_steps import RealLabels


@flow(name="train-cloud", persist_result=False)
def train_cloud_cover(
    output: Path,
    work: Path,
    scenes: int = 3000,
    held_out: int = 300,
    steps: int = 1500,
    seed: int = 500_000,
    architecture: str = "unet",
    real: RealLabels | None = None,
) -> Path:
    """Trains the visible cloud cover and writes ``output`` with its card.

    Fails at once if a picture that is scored, or its near-duplicate, is among the training pictures. An interrupted
    run goes on from its checkpoint.
    """
    real = real or RealLabels()
    config = CloudConfig(
        architecture=architecture, widths=(16, 32, 48, 64), context_heads=0, fcn_width=48, min_luma=0.12
    )
    rendered = step.render_pictures(work, scenes, seed, held_out)
    weights = step.train_and_save(output, rendered, real, config, LoopConfig(steps=steps))
    if real.cloud is not None or real.labels is not None:
        step.score(weights, real)
    return weights
