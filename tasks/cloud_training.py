"""Train the cloud segmentation from labelled pictures, calibrate its uncertainty, write weights and card."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.cloud import CloudConfig, CloudModel, build_cloud_net, predict_cover
from models.learn.augment import AugmentConfig, draw_batch
from models.learn.calibration import fit_sigma, scale_to_share
from models.learn.datasets import Fingerprinted, Sample, overlap
from models.learn.loop import Batch, LoopConfig, LoopState, Loss, train
from models.learn.losses import cloud_loss
from models.learn.sky_augment import SkyAugmentConfig, draw_sky_batch
from models.learn.sky_codes import sky_codes_loss
from models.science.cover import cover_of_mask
from tasks.checkpoints import load_checkpoint, save_checkpoint
from tasks.cloud_labels import LabelledImage
from tasks.cloud_sources import Source
from tasks.weights import save_cloud_model


class SplitLeak(Exception):
    """A test picture, or its near-duplicate, stands among the training pictures."""


def refuse_overlap(train_samples: Sequence[Fingerprinted], scored_samples: Sequence[Fingerprinted]) -> None:
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


def train_cloud(
    sources: Sequence[Source],
    config: CloudConfig,
    loop: LoopConfig,
    augment: AugmentConfig | SkyAugmentConfig | None = None,
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
    samples = [s for source in sources for s in source.samples]
    drawing = samples, _weights(sources), batch_size
    batch: Batch
    loss: Loss
    if config.architecture == "sky":
        strengths = augment if isinstance(augment, SkyAugmentConfig) else SkyAugmentConfig()
        batch, loss = partial(draw_sky_batch, *drawing, strengths), sky_codes_loss
    else:
        plain = augment if isinstance(augment, AugmentConfig) else AugmentConfig()
        batch, loss = partial(draw_batch, *drawing, plain), cloud_loss
    state = load_checkpoint(checkpoint)

    def observe(now: LoopState) -> None:
        save_checkpoint(checkpoint, now)
        if progress is not None:
            progress(now.step, now.losses[-1] if now.losses else math.nan)

    train(net, batch, loss, loop, state=state, observe=observe)
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    return CloudModel(net.cpu().eval(), config)


def calibrate(
    model: CloudModel, images: Sequence[LabelledImage], scale: float = 1.0
) -> tuple[CloudModel, dict[str, Any]]:
    """Fit the standard error of the cover on pictures that were not trained on.

    Args:
        model: The network.
        images: Held-out pictures.
        scale: Factor from these pictures to those that the model is for; see ``CloudRecipe.sigma_scale``.

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
    factor = scale_to_share(error, floor + slope * ambiguity)
    sigma = factor * (floor + slope * ambiguity)
    config = dataclasses.replace(
        model.config,
        sigma_floor=round(scale * factor * floor, 4),
        sigma_slope=round(scale * factor * slope, 4),
    )
    facts = {
        "pictures": len(images),
        "answered": len(pairs),
        "mae_okta": round(float(8 * np.abs(error).mean()), 3),
        "bias_okta": round(float(8 * error.mean()), 3),
        "within_one_sigma": round(float((np.abs(error) <= sigma).mean()), 3),
        "sigma_scale_to_real": scale,
        "sha256": sorted(image.sha256 for image in images),
    }
    return CloudModel(model.net, config), facts


def card_facts(
    sources: Sequence[Source],
    loop: LoopConfig,
    augment: AugmentConfig | SkyAugmentConfig | None,
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
                **({"origins": source.origins} if source.origins else {}),
            }
            for source in sources
        ],
        "archive_snapshots": snapshots or {},
        "loop": dataclasses.asdict(loop),
        "augmentation": {} if augment is None else dataclasses.asdict(augment),
    }


def train_calibrate_save(
    path: Path,
    sources: Sequence[Source],
    held_out: Sequence[LabelledImage],
    config: CloudConfig,
    loop: LoopConfig,
    *,
    augment: AugmentConfig | SkyAugmentConfig | None = None,
    batch_size: int = 8,
    sigma_scale: float = 1.0,
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
        batch_size: Crops per step.
        sigma_scale: See ``calibrate``.
        initial: See ``train_cloud``.
        test: Pictures that the model will be scored on.
        snapshots: See ``card_facts``.
        progress: See ``train_cloud``.

    Returns:
        The model and its digest.

    Raises:
        SplitLeak: A test or held-out picture is among the training pictures.
    """
    if augment is None:
        augment = SkyAugmentConfig() if config.architecture == "sky" else AugmentConfig()
    samples = [s for source in sources for s in source.samples]
    refuse_overlap(samples, test)
    known = {s.sha256 for s in samples}
    if shared := [image.name for image in held_out if image.sha256 in known]:
        raise SplitLeak(f"{len(shared)} held-out pictures were trained on, {shared[0]} among them")
    path.parent.mkdir(parents=True, exist_ok=True)
    checkpoint = path.with_suffix(".checkpoint")
    model = train_cloud(
        sources,
        config,
        loop,
        augment,
        initial=initial,
        batch_size=batch_size,
        checkpoint=checkpoint,
        progress=progress,
    )
    model, calibration = calibrate(model, held_out, sigma_scale)
    facts = {
        "training": card_facts(sources, loop, augment, snapshots) | {"batch_size": batch_size},
        "calibration": calibration,
        "metrics": {},
    }
    return model, save_cloud_model(path, model, facts)
