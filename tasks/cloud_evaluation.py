"""Score cloud covers on labelled frames: networks beside thresholds and trivial controls, in one table."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.cloud import CloudModel, CoverEstimate, predict_cover
from models.learn.metrics import FrameScore, score_frame
from models.learn.thresholds import THRESHOLDS
from models.science.cover import CLOUD, OBSCURED, OTHER, SKY, cover_of_mask
from tasks.cloud_evaluation_openness import OPEN_SKY, evaluate_openness
from tasks.cloud_evaluation_rows import EvaluationRow, evaluation_row
from tasks.cloud_label_sets import read_fisheye
from tasks.cloud_labels import (
    HORIZON_TEST_CAMERAS,
    HORIZON_TRAIN_CAMERAS,
    LabelledImage,
    read_horizon,
    read_wsiseg,
)


@dataclass(frozen=True)
class _Answer:
    mask: NDArray[np.uint8]
    cover: float | None = None
    sigma: float | None = None


Method = Callable[[Sequence[LabelledImage]], list[_Answer]]


def scorable(images: Sequence[LabelledImage]) -> list[LabelledImage]:
    """Frames with sky in view that a labeller could judge."""
    return [i for i in images if i.okta != OBSCURED and not math.isnan(cover_of_mask(i.mask))]


def _network(estimates: Sequence[CoverEstimate], images: Sequence[LabelledImage]) -> list[_Answer]:
    """The network's cover over the labelled pixels, so that all methods are asked about the same ones."""
    answers = []
    for estimate, image in zip(estimates, images, strict=True):
        judged = np.where(image.mask == 255, 255, estimate.mask).astype(np.uint8)
        cover = math.nan if math.isnan(estimate.cover) else cover_of_mask(judged)
        answers.append(_Answer(estimate.mask, cover, estimate.sigma))
    return answers


def _threshold(
    images: Sequence[LabelledImage], rule: Callable[..., NDArray[np.uint8]], regions: Sequence[Any]
) -> list[_Answer]:
    return [_Answer(rule(image.rgb, region)) for image, region in zip(images, regions, strict=True)]


def _constant(images: Sequence[LabelledImage], cover: float) -> list[_Answer]:
    kind = CLOUD if cover >= 0.5 else SKY
    return [_Answer(np.where(_labelled_sky(i), kind, OTHER).astype(np.uint8), cover) for i in images]


def _labelled_sky(image: LabelledImage) -> NDArray[np.bool_]:
    return (image.mask == SKY) | (image.mask == CLOUD)


def _scores(images: Sequence[LabelledImage], answers: Sequence[_Answer]) -> list[FrameScore]:
    return [
        score_frame(image.group, image.mask, a.mask, true_okta=image.okta, cover=a.cover)
        for image, a in zip(images, answers, strict=True)
    ]


def _within_sigma(images: Sequence[LabelledImage], answers: Sequence[_Answer]) -> float | None:
    inside = [
        abs(a.cover - cover_of_mask(i.mask)) <= a.sigma
        for i, a in zip(images, answers, strict=True)
        if a.sigma is not None and a.cover is not None and not math.isnan(a.sigma)
    ]
    return float(np.mean(inside)) if inside else None


def evaluate_set(
    dataset: str,
    images: Sequence[LabelledImage],
    networks: dict[str, CloudModel],
    *,
    mean_cover: float,
    resamples: int = 1000,
) -> list[EvaluationRow]:
    """Score networks, thresholds and controls on one set of labelled frames.

    Thresholds are given the labelled sky, the sky that the first network finds, or the whole picture.

    Args:
        dataset: Name of the set.
        images: Labelled frames, none of which any of ``networks`` was trained on.
        networks: Name -> model; the others are compared with the first.
        mean_cover: Of the training side, for the control that always answers it.
        resamples: Of the bootstrap.
    """
    images = scorable(images)
    if not images:
        return []
    answers: dict[str, list[_Answer]] = {}
    cuts: set[str] = set()
    network_sky: list[NDArray[np.bool_]] | None = None
    first = next(iter(networks), None)
    for name, model in networks.items():
        estimates = predict_cover(model, [image.rgb for image in images])
        answers[name] = _network(estimates, images)
        if name == first:
            network_sky = [e.mask != OTHER for e in estimates]
    labelled = [_labelled_sky(image) for image in images]
    for name, rule in THRESHOLDS.items():
        cut = partial(_threshold, images, rule)
        regions: dict[str, Sequence[Any]] = {"labelled sky": labelled, "whole picture": [None] * len(images)}
        if network_sky is not None:
            regions["network's sky"] = network_sky
        for region, given in regions.items():
            answers[f"{name}, {region}"] = cut(given)
            cuts.add(f"{name}, {region}")
    answers["always mean cover"] = _constant(images, mean_cover)
    answers["always cloud"] = _constant(images, 1.0)
    answers["always clear"] = _constant(images, 0.0)
    scores = {name: _scores(images, given) for name, given in answers.items()}
    reference = scores.get(first) if first is not None else None
    rows = []
    for name, scored in scores.items():
        rows.append(evaluation_row(dataset, name, scored, reference, resamples, threshold=name in cuts))
        rows[-1].within_sigma = _within_sigma(images, answers[name])
    return rows


def mean_cover_of(images: Sequence[LabelledImage], default: float = 0.5) -> float:
    """Mean cover of the frames that can be judged."""
    covers = [cover_of_mask(image.mask) for image in scorable(images)]
    return float(np.mean(covers)) if covers else default


def evaluate_cloud(
    networks: dict[str, CloudModel],
    *,
    labels: Path | None = None,
    cameras: Path | None = None,
    cloud: Path | None = None,
    resamples: int = 1000,
) -> list[EvaluationRow]:
    """The whole table: horizon frames of the test cameras, WSISEG's test blocks, open sky of fisheye frames.

    Args:
        networks: Name -> model; the others are compared with the first.
        labels: Folder of horizon label files.
        cameras: Folder of camera folders with the images that they label.
        cloud: Folder of ``manifest.csv``, ``wsiseg`` and, where they are there, the three-class fisheye frames.
        resamples: Of the bootstrap.
    """
    rows: list[EvaluationRow] = []
    if labels is not None and cameras is not None:
        mean = mean_cover_of(read_horizon(labels, cameras, HORIZON_TRAIN_CAMERAS))
        test = read_horizon(labels, cameras, HORIZON_TEST_CAMERAS)
        rows += evaluate_set("horizon, test cameras", test, networks, mean_cover=mean, resamples=resamples)
    if cloud is not None:
        train, test = read_wsiseg(cloud)
        rows += evaluate_set(
            "wsiseg, test blocks", test, networks, mean_cover=mean_cover_of(train), resamples=resamples
        )
        rows += evaluate_openness(OPEN_SKY, read_fisheye(cloud), networks, resamples=resamples)
    return rows
