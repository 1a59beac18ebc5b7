"""Train the cloud segmentation from labelled pictures, calibrate its uncertainty, write weights and card."""

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.cloud import CloudConfig, CloudModel, build_cloud_net, predict_cover
from models.learn.augment import AugmentConfig, draw_batch
from models.learn.calibration import fit_sigma
from models.learn.datasets import Sample, make_samples, overlap
from models.learn.loop import LoopConfig, LoopState, train
from models.learn.losses import cloud_loss
from models.science.cover import CLOUD, SKY, cover_of_mask
from tasks.cloud_labels import (
    HORIZON_TEST_CAMERAS,
    HORIZON_TRAIN_CAMERAS,
    LabelledImage,
    read_horizon,
    read_rendered,
    read_wsiseg,
)
from tasks.weights import save_cloud_model

MIN_TRAINING_LUMA = 0.1
"""Rendered pictures with a darker sky, in [0, 1], teach nothing about clouds."""


class SplitLeak(Exception):
    """A test picture, or its near-duplicate, stands among the training pictures."""


@dataclasses.dataclass(frozen=True)
class Source:
    """One body of training pictures.

    Attributes:
        name: What the card calls it.
        licence: What it may be used for, in words.
        samples: Its pictures at training scale.
        share: Share of the batches drawn from it, up to a common factor.
        shippable: Its licence allows weights learned from it to be given away.
    """

    name: str
    licence: str
    samples: list[Sample]
    share: float = 1.0
    shippable: bool = False


def gather(
    images: Iterable[LabelledImage],
    config: CloudConfig,
    *,
    detail: float = 1.5,
    min_luma: float = 0.0,
) -> list[Sample]:
    """Pictures at training scale: ``detail`` times the scale that the network sees, so that crops stay sharp.

    Args:
        images: Labelled pictures; taken one by one, so that an iterator is never held whole.
        config: Scale and tiling.
        detail: See above.
        min_luma: Pictures with a darker sky are left out: nothing can be learned from a black sky.
    """
    samples: list[Sample] = []
    side = round(config.long_side * detail)
    for image in images:
        sky = (image.mask == SKY) | (image.mask == CLOUD)
        if sky.any() and image.rgb[sky].mean() / 255 < min_luma:
            continue
        samples += make_samples(
            image.group, image.sha256, image.rgb, image.mask, long_side=side, max_aspect=config.max_aspect
        )
    return samples


def refuse_overlap(train_samples: Sequence[Sample], scored_samples: Sequence[Sample]) -> None:
    """Refuse a split that leaks.

    Raises:
        SplitLeak: Names the pictures.
    """
    found = overlap(train_samples, scored_samples)
    if found:
        near = ", ".join(f"{a[:12]} ~ {b[:12]}" for a, b in found.near[:5])
        raise SplitLeak(
            f"{len(found.identical)} identical and {len(found.near)} nearly identical pictures on both sides {near}"
        )


def _weights(sources: Sequence[Source]) -> torch.Tensor:
    return torch.cat([torch.full((len(s.samples),), s.share / max(1, len(s.samples))) for s in sources])


def _save_checkpoint(path: Path, state: LoopState) -> None:
    part = path.with_suffix(".part")
    torch.save(vars(state), part)
    part.replace(path)


def train_cloud(
    sources: Sequence[Source],
    config: CloudConfig,
    loop: LoopConfig,
    augment: AugmentConfig | None = None,
    *,
    initial: CloudModel | None = None,
    batch_size: int = 8,
    checkpoint: Path | None = None,
    progress: Callable[[int, float], None] | None = None,
) -> CloudModel:
    """Train a network; an interrupted training goes on from its checkpoint and ends at the same bits.

    Args:
        sources: Training pictures.
        config: Architecture and scale.
        loop: Length and pace; its seed also draws the first weights.
        augment: Strength of the augmentation.
        initial: Weights to start from, of the same architecture; random ones by default.
        batch_size: Crops per step.
        checkpoint: File to resume from and to write at every report; removed at the end.
        progress: Called with (steps done, mean loss) at every report.
    """
    torch.manual_seed(loop.seed)
    net = build_cloud_net(config)
    if initial is not None:
        net.load_state_dict(initial.net.state_dict())
    augment = augment or AugmentConfig()
    samples = [s for source in sources for s in source.samples]
    batch = partial(draw_batch, samples, _weights(sources), batch_size, augment)
    state = None
    if checkpoint is not None and checkpoint.is_file():
        state = LoopState(**torch.load(checkpoint, weights_only=True))

    def observe(now: LoopState) -> None:
        if checkpoint is not None:
            _save_checkpoint(checkpoint, now)
        if progress is not None:
            progress(now.step, now.losses[-1] if now.losses else math.nan)

    train(net, lambda generator: batch(generator), cloud_loss, loop, state=state, observe=observe)
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    return CloudModel(net.cpu().eval(), config)


def calibrate(model: CloudModel, images: Sequence[LabelledImage]) -> tuple[CloudModel, dict[str, Any]]:
    """Fit the standard error of the cover on pictures that were not trained on.

    Returns:
        The model with its uncertainty, and the facts for the card.
    """
    estimates = predict_cover(model, [image.rgb for image in images])
    pairs = [
        (e.cover - cover_of_mask(i.mask), e.ambiguity)
        for e, i in zip(estimates, images, strict=True)
        if not math.isnan(e.cover) and not math.isnan(cover_of_mask(i.mask))
    ]
    error, ambiguity = np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs])
    floor, slope = fit_sigma(error, ambiguity)
    config = dataclasses.replace(model.config, sigma_floor=round(floor, 4), sigma_slope=round(slope, 4))
    facts = {
        "pictures": len(images),
        "answered": len(pairs),
        "mae_okta": round(float(8 * np.abs(error).mean()), 3),
        "bias_okta": round(float(8 * error.mean()), 3),
        "within_one_sigma": round(float((np.abs(error) <= floor + slope * ambiguity).mean()), 3),
        "sha256": sorted(image.sha256 for image in images),
    }
    return CloudModel(model.net, config), facts


def card_facts(
    sources: Sequence[Source],
    loop: LoopConfig,
    augment: AugmentConfig,
    snapshots: dict[str, str] | None = None,
) -> dict[str, Any]:
    """What the card says about the training.

    Args:
        sources: What was trained on.
        loop: Length and pace.
        augment: Strengths.
        snapshots: Archive -> snapshot id, where pictures came from archives.
    """
    return {
        "shippable": all(source.shippable for source in sources),
        "sources": [
            {
                "name": source.name,
                "licence": source.licence,
                "share": source.share,
                "pictures": len({s.sha256 for s in source.samples}),
                "sha256": sorted({s.sha256 for s in source.samples}),
            }
            for source in sources
        ],
        "archive_snapshots": snapshots or {},
        "loop": dataclasses.asdict(loop),
        "augmentation": dataclasses.asdict(augment),
    }


def train_calibrate_save(
    path: Path,
    sources: Sequence[Source],
    held_out: Sequence[LabelledImage],
    config: CloudConfig,
    loop: LoopConfig,
    *,
    augment: AugmentConfig | None = None,
    initial: CloudModel | None = None,
    test: Sequence[Sample] = (),
    snapshots: dict[str, str] | None = None,
    progress: Callable[[int, float], None] | None = None,
) -> tuple[CloudModel, str]:
    """The whole: refuse a leaking split, train, calibrate, write.

    Args:
        path: Weights file to write.
        sources: Training pictures.
        held_out: Pictures for the calibration, not among the sources.
        config: Architecture and scale.
        loop: Length and pace.
        augment: Strengths.
        initial: See ``train_cloud``.
        test: Pictures that the model will be scored on.
        snapshots: See ``card_facts``.
        progress: See ``train_cloud``.

    Returns:
        The model and its digest.

    Raises:
        SplitLeak: A test or held-out picture is among the training pictures.
    """
    augment = augment or AugmentConfig()
    samples = [s for source in sources for s in source.samples]
    refuse_overlap(samples, test)
    known = {s.sha256 for s in samples}
    if shared := [image.name for image in held_out if image.sha256 in known]:
        raise SplitLeak(f"{len(shared)} held-out pictures were trained on, {shared[0]} among them")
    path.parent.mkdir(parents=True, exist_ok=True)
    checkpoint = path.with_suffix(".checkpoint")
    model = train_cloud(
        sources, config, loop, augment, initial=initial, checkpoint=checkpoint, progress=progress
    )
    model, calibration = calibrate(model, held_out)
    facts = {
        "training": card_facts(sources, loop, augment, snapshots),
        "calibration": calibration,
        "metrics": {},
    }
    return model, save_cloud_model(path, model, facts)


def rendered_source(folder: Path, config: CloudConfig) -> Source:
    """Training pictures of the demo network's training families, from a folder that ``write_training_set`` filled."""
    samples = gather(read_rendered(folder), config, min_luma=MIN_TRAINING_LUMA)
    return Source(f"demo network: {folder.name}", "the project's own rendering", samples, shippable=True)


def horizon_source(labels: Path, cameras: Path, config: CloudConfig, share: float = 0.3) -> Source:
    """Hand-labelled horizon frames of the training cameras; their weights stay out of the repository."""
    samples = gather(read_horizon(labels, cameras, HORIZON_TRAIN_CAMERAS), config)
    return Source(
        "horizon frames of the training cameras", "academic use only, or none stated", samples, share
    )


def wsiseg_source(cloud: Path, config: CloudConfig, share: float = 0.3) -> Source:
    """WSISEG's training blocks; their weights stay out of the repository."""
    return Source("WSISEG, training blocks", "none stated", gather(read_wsiseg(cloud)[0], config), share)


def scored_samples(
    config: CloudConfig, labels: Path | None = None, cameras: Path | None = None, cloud: Path | None = None
) -> list[Sample]:
    """What models are scored on, for the guard against overlap."""
    samples: list[Sample] = []
    if labels is not None and cameras is not None:
        samples += gather(read_horizon(labels, cameras, HORIZON_TEST_CAMERAS), config)
    if cloud is not None:
        samples += gather(read_wsiseg(cloud)[1], config)
    return samples
