"""Bodies of training pictures, and of those that are scored, at training scale."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path

from models.cloud import CloudConfig
from models.learn.datasets import Sample, make_samples
from models.science.cover import CLOUD, SKY
from tasks.cloud_label_sets import read_fisheye, read_photos
from tasks.cloud_labels import (
    HORIZON_TEST_CAMERAS,
    HORIZON_TRAIN_CAMERAS,
    LabelledImage,
    read_horizon,
    read_rendered,
    read_wsiseg,
)
from tasks.drift_sources import SHIPPABLE_LICENCES

MIN_TRAINING_LUMA = 0.1
"""Rendered pictures with a darker sky, in [0, 1], teach nothing about clouds."""


@dataclasses.dataclass(frozen=True)
class Source:
    """One body of training pictures.

    Attributes:
        name: What the card calls it.
        licence: What it may be used for, in words.
        samples: Its pictures at training scale.
        share: Share of the batches drawn from it, up to a common factor.
        shippable: Its licence allows weights learned from it to be given away.
        origins: Where third parties published what it was made of, with their licences.
    """

    name: str
    licence: str
    samples: list[Sample]
    share: float = 1.0
    shippable: bool = False
    origins: list[dict[str, str]] = dataclasses.field(default_factory=list)


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


def rendered_source(folder: Path, config: CloudConfig, made: str = "") -> Source:
    """Training pictures of the demo network's training families.

    Args:
        folder: Filled by ``write_training_set``.
        config: Scale and tiling.
        made: How it was filled (seed, scenes), for the card.
    """
    samples = gather(read_rendered(folder), config, min_luma=MIN_TRAINING_LUMA)
    name = f"demo network, training families: {made or folder.name}"
    return Source(name, "the project's own rendering, free of third-party rights", samples, shippable=True)


def horizon_source(labels: Path, cameras: Path, config: CloudConfig, share: float = 0.3) -> Source:
    """Hand-labelled horizon frames of the training cameras; their weights stay out of the repository."""
    samples = gather(read_horizon(labels, cameras, HORIZON_TRAIN_CAMERAS), config)
    return Source(
        "horizon frames of the training cameras", "academic use only, or none stated", samples, share
    )


def wsiseg_source(cloud: Path, config: CloudConfig, share: float = 0.3) -> Source:
    """WSISEG's training blocks; their weights stay out of the repository."""
    return Source("WSISEG, training blocks", "none stated", gather(read_wsiseg(cloud)[0], config), share)


def labelled_photo_source(folder: Path, config: CloudConfig, share: float = 0.6) -> Source:
    """Hand-labelled photos; shippable if every one's licence is.

    Args:
        folder: See ``read_photos``.
        config: Scale and tiling.
        share: Of the batches, up to a common factor.
    """
    origins: list[dict[str, str]] = []
    samples: list[Sample] = []
    for photo in read_photos(folder):
        if photo.origin not in origins:
            origins.append(photo.origin)
        samples += gather([photo.image], config)
    licences = {origin["licence"] for origin in origins}
    free = licences <= SHIPPABLE_LICENCES
    return Source("photos with hand-drawn masks", ", ".join(sorted(licences)), samples, share, free, origins)


def scored_samples(
    config: CloudConfig, labels: Path | None = None, cameras: Path | None = None, cloud: Path | None = None
) -> list[Sample]:
    """What models are scored on, for the guard against overlap."""
    samples: list[Sample] = []
    if labels is not None and cameras is not None:
        samples += gather(read_horizon(labels, cameras, HORIZON_TEST_CAMERAS), config)
    if cloud is not None:
        samples += gather(read_wsiseg(cloud)[1], config)
        samples += gather(read_fisheye(cloud), config)
    return samples
