"""The answers about clouds of all cameras together: what training reads, and how far the annotators agree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.contracts.cloud_labels import CLOUD_IDENTITY, CLOUDS, GENERA, newest_answers
from models.science.cloud_questions import Campaign, QuestionResult, gather
from models.science.crowd_agreement import entropy_bits, gold_accuracy, wilson_interval
from models.science.crowd_votes import Votes
from tasks.stores.labels import LabelStore, label_cameras

CONTRADICTED_BITS = 0.5
"""An item of more doubt, on which answers differ, is contradictory: a yes or no at 89 % has 0.5 bits."""

NEIGHBOURS = 2
"""Answers to a question of order contradict one another from so many classes apart."""

SHOWN = 10
"""Contradictory items, and annotators, that a status names."""


@dataclass(frozen=True)
class CloudLabels:
    """Answers of some cameras, and what they amount to.

    Attributes:
        answers: All, those that were revised included, with ``camera``.
        newest: One per image and annotator, with ``camera``.
        campaign: The consensus; its items are ``campaign.images``.
        versions: Snapshot of the labels of each camera.
    """

    answers: pd.DataFrame
    newest: pd.DataFrame
    campaign: Campaign
    versions: Mapping[str, str]

    @property
    def camera_of(self) -> Mapping[str, str]:
        """Camera of each image; of two cameras with the same file, the first by name."""
        rows = self.newest.drop_duplicates("image_sha256")
        return dict(zip(rows["image_sha256"], rows["camera"], strict=True))


def read_cloud_labels(
    archive_root: str, cameras: Sequence[str] | None = None, versions: Mapping[str, str] | None = None
) -> CloudLabels:
    """Read and pool the answers: an annotator is the same person at every camera.

    Args:
        archive_root: Folder or URI of the archives.
        cameras: Of these; all that have labels where absent.
        versions: Snapshots to read, by camera; the newest where absent.
    """
    read, used = [], {}
    for name in label_cameras(archive_root) if cameras is None else cameras:
        store = LabelStore(archive_root, name, (versions or {}).get(name))
        table = store.clouds()
        if len(table):
            used[name] = store.snapshot_id()
        read.append(table.assign(camera=name))
    answers = pd.concat(read, ignore_index=True) if read else pd.DataFrame(columns=[*CLOUDS, "camera"])
    newest = newest_answers(answers)
    return CloudLabels(answers, newest, gather(newest), used)


@dataclass(frozen=True)
class QuestionStatus:
    """One question: its name, answers, items, Krippendorff's alpha, temperature, and what the latter was fitted on."""

    name: str
    answers: int
    items: int
    level: str
    alpha: float
    temperature: float
    calibrated_on: str


@dataclass(frozen=True)
class AnnotatorStatus:
    """One annotator: rows, bits per answer to a question, and the share of gold answers right with its interval."""

    name: str
    answers: int
    bits: float
    gold_answers: int
    gold_right: float
    gold_low: float
    gold_high: float
    spammer: bool


@dataclass(frozen=True)
class DoubtfulItem:
    """Answers that contradict one another: camera, SHA-256, question, entropy, and how often each code was given."""

    camera: str
    image: str
    question: str
    bits: float
    answers: Mapping[int, int]


@dataclass(frozen=True)
class CloudStatus:
    """Answers about clouds, of one or all cameras.

    Attributes:
        cameras: Items, answers and annotators by camera.
        items: Images with an answer.
        answers: Rows, revised ones included.
        revised: Rows of an annotator who answered again, and otherwise.
        passed: Rows of "cannot tell".
        questions: Each with its agreement.
        annotators: Those that tell least first.
        contradictory: How many items are.
        doubtful: The worst of them first.
    """

    cameras: pd.DataFrame
    items: int
    answers: int
    revised: int
    passed: int
    questions: tuple[QuestionStatus, ...]
    annotators: tuple[AnnotatorStatus, ...]
    contradictory: int
    doubtful: tuple[DoubtfulItem, ...]

    @property
    def spammers(self) -> tuple[str, ...]:
        """Names of annotators whose answers tell nothing."""
        return tuple(a.name for a in self.annotators if a.spammer)


def cloud_status(archive_root: str, camera: str | None = None) -> CloudStatus | None:
    """Of one camera or all; ``None`` where there is no answer about clouds."""
    labels = read_cloud_labels(archive_root, None if camera is None else [camera])
    if labels.answers.empty:
        return None
    by_camera = labels.newest.groupby("camera")
    cameras = pd.DataFrame(
        {
            "items": by_camera["image_sha256"].nunique(),
            "answers": labels.answers.groupby("camera").size(),
            "annotators": by_camera["annotator"].nunique(),
        }
    )
    contents = [c for c in CLOUD_IDENTITY if c not in ("asked_at", "duration_s")]
    said = labels.answers.drop_duplicates(contents)
    doubtful = _doubtful(labels)
    return CloudStatus(
        cameras,
        len(labels.campaign.images),
        len(labels.answers),
        len(said) - len(labels.newest),
        int((labels.newest["cannot_tell"] == 1).sum()),
        _questions(labels.campaign),
        _annotators(labels),
        len({item.image for item in doubtful}),
        doubtful[:SHOWN],
    )


def _questions(campaign: Campaign) -> tuple[QuestionStatus, ...]:
    return tuple(
        QuestionStatus(
            name,
            int(result.votes.item.size),
            int((result.votes.per_item() > 0).sum()),
            result.question.level,
            result.alpha,
            result.consensus.temperature,
            result.consensus.calibrated_on,
        )
        for name, result in campaign.results.items()
    )


def _annotators(labels: CloudLabels) -> tuple[AnnotatorStatus, ...]:
    campaign, told = labels.campaign, labels.campaign.information
    rows = labels.newest["annotator"].value_counts()
    gold = [gold_accuracy(_telling(r), r.gold) for r in campaign.results.values()]
    asked = sum((g.answers for g in gold), np.zeros(len(campaign.annotators), np.int64))
    right = sum((g.right for g in gold), np.zeros(len(campaign.annotators), np.int64))
    low, high = wilson_interval(right, asked)
    each = [
        AnnotatorStatus(
            name,
            int(rows[name]),
            float(told.bits[k] / max(told.answers[k], 1)),
            int(asked[k]),
            float(right[k] / asked[k]) if asked[k] else float("nan"),
            float(low[k]),
            float(high[k]),
            name in campaign.spammers,
        )
        for k, name in enumerate(campaign.annotators)
    ]
    return tuple(sorted(each, key=lambda one: (not one.spammer, one.bits, one.name)))


def _telling(result: QuestionResult) -> Votes:
    """Votes without those that leave a genus away that is not there: nearly all are, and nearly anybody is right."""
    if result.question.name not in GENERA:
        return result.votes
    return result.votes.take((result.votes.answer == 1) | (result.gold[result.votes.item] == 1))


def _spread(counts: np.ndarray) -> np.ndarray:
    """Classes between the lowest and the highest answer of each item ``(items,)``."""
    said = counts > 0
    highest = counts.shape[1] - 1 - said[:, ::-1].argmax(axis=1)
    return np.where(said.any(axis=1), highest - said.argmax(axis=1), 0)


def _doubtful(labels: CloudLabels) -> tuple[DoubtfulItem, ...]:
    """Answers of at least two annotators that contradict one another so that the posterior cannot tell."""
    found, camera_of, images = [], labels.camera_of, labels.campaign.images
    for name, result in labels.campaign.results.items():
        bits, counts = entropy_bits(result.consensus.posterior), result.votes.counts()
        split = _spread(counts) >= (NEIGHBOURS if result.question.level == "ordinal" else 1)
        for place in np.flatnonzero(split & (bits > CONTRADICTED_BITS)):
            said = {int(code): int(counts[place, code]) for code in np.flatnonzero(counts[place])}
            found.append(
                DoubtfulItem(camera_of[images[place]], images[place], name, float(bits[place]), said)
            )
    return tuple(sorted(found, key=lambda item: (-item.bits, item.image, item.question)))
