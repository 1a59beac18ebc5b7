"""Score cloud covers on labelled frames: networks beside thresholds and trivial controls, in one table."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.cloud import CloudModel, CoverEstimate, predict_cover
from models.learn.metrics import STATISTICS, FrameScore, bootstrap_interval, score_frame
from models.learn.thresholds import THRESHOLDS
from models.science.cover import CLOUD, OBSCURED, OTHER, SKY, cover_of_mask
from tasks.cloud_labels import (
    HORIZON_TEST_CAMERAS,
    HORIZON_TRAIN_CAMERAS,
    LabelledImage,
    read_horizon,
    read_wsiseg,
)


@dataclass
class EvaluationRow:
    """One method on one set of frames.

    Attributes:
        dataset: Name of the set.
        method: Name of the method.
        frames: Frames scored, abstentions included.
        abstained: Of these, frames without an answer.
        values: Statistic -> value, by ``models.learn.metrics.STATISTICS``.
        intervals: Statistic -> 95 % bootstrap interval over groups.
        difference: Statistic -> 95 % interval of (first network - this method), paired by frame.
        by_group: Group -> (frames, mean absolute error in oktas).
        within_sigma: Share of answers whose error is within one stated standard error; ``None`` where none is stated.
    """

    dataset: str
    method: str
    frames: int
    abstained: int
    values: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    difference: dict[str, tuple[float, float]] = field(default_factory=dict)
    by_group: dict[str, tuple[int, float]] = field(default_factory=dict)
    within_sigma: float | None = None


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
        answers[f"{name}, labelled sky"] = cut(labelled)
        if network_sky is not None:
            answers[f"{name}, network's sky"] = cut(network_sky)
        answers[f"{name}, whole picture"] = cut([None] * len(images))
    answers["always mean cover"] = _constant(images, mean_cover)
    answers["always cloud"] = _constant(images, 1.0)
    answers["always clear"] = _constant(images, 0.0)
    scores = {name: _scores(images, given) for name, given in answers.items()}
    reference = scores.get(first) if first is not None else None
    rows = []
    for name, given in scores.items():
        rows.append(_row(dataset, name, given, reference, resamples))
        rows[-1].within_sigma = _within_sigma(images, answers[name])
    return rows


def _row(
    dataset: str, name: str, scores: list[FrameScore], reference: list[FrameScore] | None, resamples: int
) -> EvaluationRow:
    groups = sorted({s.group for s in scores})
    errors = {g: [s.error_okta for s in scores if s.group == g] for g in groups}
    against = {}
    if reference is not None and reference is not scores:
        against = {
            key: bootstrap_interval(reference, STATISTICS[key], against=scores, resamples=resamples)
            for key in ("mae_okta", "within_one_okta")
        }
    return EvaluationRow(
        dataset,
        name,
        len(scores),
        sum(s.abstained for s in scores),
        {key: statistic(scores) for key, statistic in STATISTICS.items()},
        {
            key: bootstrap_interval(scores, statistic, resamples=resamples)
            for key, statistic in STATISTICS.items()
            if key != "bias_okta"
        },
        against,
        {g: (len(e), float(np.mean(e))) for g, e in errors.items()},
    )


def table_text(rows: Sequence[EvaluationRow]) -> str:
    """The rows as a plain table, one section per set, the smallest error first."""
    lines = []
    for dataset in dict.fromkeys(r.dataset for r in rows):
        part = sorted((r for r in rows if r.dataset == dataset), key=lambda r: r.values["mae_okta"])
        groups = ", ".join(f"{g} {n}" for g, (n, _) in part[0].by_group.items())
        lines += [f"{dataset}: {part[0].frames} frames ({groups})"]
        lines += [
            f"{'method':34} {'MAE oktas [95 %]':>20} {'+-1 okta [95 %]':>20} {'acc':>5} {'F1':>5} {'bias':>6}"
            f" {'none':>4} {'MAE: first - this':>18}"
        ]
        for r in part:
            v, i = r.values, r.intervals
            paired = r.difference.get("mae_okta")
            lines.append(
                f"{r.method:34} {v['mae_okta']:5.2f} [{i['mae_okta'][0]:5.2f},{i['mae_okta'][1]:5.2f}]"
                f"  {v['within_one_okta']:5.0%} [{i['within_one_okta'][0]:5.0%},{i['within_one_okta'][1]:5.0%}]"
                f" {v['pixel_accuracy']:5.2f} {v['cloud_f1']:5.2f} {v['bias_okta']:6.2f} {r.abstained:4d}"
                + (f"   [{paired[0]:5.2f},{paired[1]:5.2f}]" if paired else "")
                + (f"   within sigma {r.within_sigma:.0%}" if r.within_sigma is not None else "")
            )
        lines.append("")
    return "\n".join(lines)


def table_json(rows: Sequence[EvaluationRow]) -> str:
    """The rows as JSON; what is undefined is null."""

    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: clean(v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [clean(v) for v in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return json.dumps([clean(vars(row)) for row in rows], indent=1)


def card_metrics(rows: Sequence[EvaluationRow], method: str) -> dict[str, Any]:
    """One method's figures by data set, for the card of its weights."""
    return {
        row.dataset: {
            "frames": row.frames,
            "abstained": row.abstained,
            **{k: round(v, 3) for k, v in row.values.items() if math.isfinite(v)},
            "mae_okta_interval_95": [round(v, 3) for v in row.intervals["mae_okta"]],
            "within_one_okta_interval_95": [round(v, 3) for v in row.intervals["within_one_okta"]],
            "within_sigma": None if row.within_sigma is None else round(row.within_sigma, 3),
            "mae_okta_by_group": {g: round(v, 3) for g, (_, v) in row.by_group.items()},
        }
        for row in rows
        if row.method == method
    }


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
    """The whole table: horizon frames of the test cameras, and WSISEG's test blocks.

    Args:
        networks: Name -> model; the others are compared with the first.
        labels: Folder of horizon label files.
        cameras: Folder of camera folders with the images that they label.
        cloud: Folder of ``manifest.csv`` and ``wsiseg``.
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
    return rows
