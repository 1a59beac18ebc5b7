"""Score where networks find open sky, clear or cloudy, on fisheye frames whose labels know no cloud."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.cloud import CloudModel, predict_cover
from models.learn.metrics import FrameScore, score_frame
from models.learn.sky_thresholds import SKY_THRESHOLDS
from models.science.cover import CLOUD, OTHER, SKY, UNLABELLED
from tasks.cloud_evaluation_rows import EvaluationRow, evaluation_row
from tasks.cloud_labels import LabelledImage

OPEN_SKY = "fisheye3, open sky"
"""Name of the set: here "cover" is the share of the disc that is open sky, 8 oktas where nothing stands around."""


def _as_cover(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A mask whose "cloud" is open sky and whose "clear" is all else, for the scores of a cover."""
    out = np.where((mask == SKY) | (mask == CLOUD), CLOUD, SKY).astype(np.uint8)
    out[mask == UNLABELLED] = UNLABELLED
    return out


def evaluate_openness(
    dataset: str,
    images: Sequence[LabelledImage],
    networks: dict[str, CloudModel],
    *,
    resamples: int = 1000,
) -> list[EvaluationRow]:
    """Score open sky against all else: networks, thresholds and controls.

    The statistics are those of a cover, with open sky in the place of cloud: the error is that of the share of open
    sky in the labelled part of the picture, in eighths.

    Args:
        dataset: Name of the set.
        images: Labelled frames.
        networks: Name -> model; the others are compared with the first.
        resamples: Of the bootstrap.
    """
    if not images:
        return []
    masks: dict[str, list[NDArray[np.uint8]]] = {}
    for name, model in networks.items():
        masks[name] = [estimate.mask for estimate in predict_cover(model, [i.rgb for i in images])]
    for name, rule in SKY_THRESHOLDS.items():
        masks[name] = [rule(image.rgb, image.mask != UNLABELLED) for image in images]
    masks["always open"] = [np.full_like(image.mask, SKY) for image in images]
    masks["always closed"] = [np.full_like(image.mask, OTHER) for image in images]
    scores: dict[str, list[FrameScore]] = {
        name: [
            score_frame(i.group, _as_cover(i.mask), _as_cover(mask))
            for i, mask in zip(images, given, strict=True)
        ]
        for name, given in masks.items()
    }
    first = next(iter(networks), None)
    reference = None if first is None else scores[first]
    thresholds = set(SKY_THRESHOLDS)
    return [
        evaluation_row(dataset, name, given, reference, resamples, threshold=name in thresholds)
        for name, given in scores.items()
    ]
