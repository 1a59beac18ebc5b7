"""Score genera and levels on filed photos: the networks beside the trunk as published, and the commonest class.

A photo that networks learned from is answered only by those that did not see it or a duplicate of it; a new photo by
all of them. Photos whose duplicates are filed differently are left out. Network and controls see each photo once, and
each has temperatures of its own, fitted in the same way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.genus import GenusModel, genus_logits
from models.learn.genus_calibration import (
    calibration_parts,
    cross_fitted,
    fit_photo_temperature,
    mean_probabilities,
)
from models.learn.genus_control import logistic_probabilities, trunk_features
from models.learn.genus_scores import Measured, f1_by_class, score_photos
from models.learn.photo_groups import grouped_folds
from models.nets.genus import PHOTO_CLASSES, GenusNet
from models.nets.lite0 import load_lite0
from tasks.drift_report_tables import Section
from tasks.errors import ConfigurationError
from tasks.genus_photos import GenusPhotos, Progress, read_genus_photos
from tasks.genus_training import photo_folds
from tasks.genus_weights import load_genus_model, published_trunk

NEW = -1
"""Fold of the photos that no network learned from."""
_NETWORK, _COMMONEST = "network", "commonest class"
_FROZEN = "published trunk, logistic regression"
_TEXTURED = "published trunk with textures, logistic regression"


@dataclass(frozen=True, eq=False)
class _Answered:
    rows: NDArray[np.int64]
    fold: NDArray[np.int64]
    probability: Mapping[str, NDArray[np.float64]]


def evaluate_genera(
    folder: Path,
    weights: Path | None,
    *,
    resamples: int = 1000,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[Section]:
    """Tables of the figures, of the F1 of every class, and of the differences to the controls.

    Args:
        folder: Of the photos; see `tasks.genus_photos`.
        weights: Of ``vigie train genera``; the controls alone where there are none.
        resamples: Of the bootstrap by group.
        seed: Of the bootstrap.
        progress: Told what is done.

    Raises:
        ConfigurationError: No photos, no such weights, or no network that may answer about any photo.
    """
    photos = read_genus_photos(folder, progress)
    model, card = load_genus_model(weights) if weights else (None, {})
    answered = _answers(photos, model, card)
    truth, group = photos.label[answered.rows], photos.groups.group[answered.rows]
    figures, classes, gains = [], [], []
    for method, probability in answered.probability.items():
        own = score_photos(truth, probability, group, resamples=resamples, seed=seed)
        figures.append({"method": method} | _cells(own))
        by_class = f1_by_class(truth, probability.argmax(1), len(PHOTO_CLASSES))
        classes.append(
            {"method": method} | {name: float(f) for name, f in zip(PHOTO_CLASSES, by_class, strict=True)}
        )
        if method != _NETWORK and _NETWORK in answered.probability:
            gain = score_photos(
                truth,
                answered.probability[_NETWORK],
                group,
                against=probability,
                resamples=resamples,
                seed=seed,
            )
            gains.append({"network minus": method} | _cells(gain))
    new = int((answered.fold == NEW).sum())
    title = f"{len(truth)} photos in {len(np.unique(group))} groups, {new} of them new; with 95 % bootstrap by group"
    counts = {name: int((truth == k).sum()) for k, name in enumerate(PHOTO_CLASSES)}
    sections = [Section(title, figures), Section("F1 by class", [*classes, {"method": "photos"} | counts])]
    left_out = [{"why": why, "photos": count} for why, count in _left_out(photos, answered).items()]
    return [
        *sections,
        *([Section("paired differences", gains)] if gains else []),
        Section("left out", left_out),
    ]


def _left_out(photos: GenusPhotos, answered: _Answered) -> dict[str, int]:
    disputed = int(photos.groups.conflict.sum())
    return {
        "a duplicate is filed under another class": disputed,
        "every network learned from it": len(photos.name) - disputed - len(answered.rows),
        "unreadable": len(photos.refused),
    }


def _cells(measured: Mapping[str, Measured]) -> dict[str, object]:
    return {name: [round(x, 3) for x in (m.value, m.low, m.high)] for name, m in measured.items()}


def _answers(photos: GenusPhotos, model: GenusModel | None, card: Mapping[str, Any]) -> _Answered:
    own, fold = photo_folds(photos), np.full(len(photos.name), NEW)
    if model is None:
        fold, answerable = own, photos.scored
    else:
        fold = learned_folds(photos, card["training"]["folds"])
        answerable = photos.scored & np.isin(fold, [NEW, *model.config.held_out])
    rows = np.flatnonzero(answerable)
    if not rows.size:
        raise ConfigurationError(
            "--cloud", None, "the networks learned from all of these photos", "give others"
        )
    probability = {} if model is None else {_NETWORK: _by_networks(photos, model, fold, rows)}
    probability |= _controls(photos, fold, rows)
    return _Answered(rows, fold[rows], probability)


def learned_folds(photos: GenusPhotos, folds: Mapping[str, Sequence[str]]) -> NDArray[np.int64]:
    """Fold of each photo by what a card says of it or of a duplicate of it; ``NEW`` where it says nothing.

    Raises:
        ConfigurationError: Duplicates stand in several folds of the card.
    """
    known = {sha: int(fold) for fold, hashes in folds.items() for sha in hashes}
    own = np.array([known.get(sha, NEW) for sha in photos.sha256])
    fold = np.full(len(own), NEW)
    for group in np.unique(photos.groups.group[own != NEW]):
        members = photos.groups.group == group
        found = set(own[members]) - {NEW}
        if len(found) > 1:
            name = photos.name[int(np.flatnonzero(members)[0])]
            raise ConfigurationError(
                "--genus-weights", None, f"duplicates of {name} in several folds", "train again"
            )
        fold[members] = found.pop()
    return fold


def _by_networks(
    photos: GenusPhotos, model: GenusModel, fold: NDArray[np.int64], rows: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Known photos at the temperature that the other folds ask for, new ones at the model's."""
    answers = np.empty((len(rows), len(PHOTO_CLASSES)))
    held = fold[rows] != NEW
    logits: list[Tensor] = []
    for k, member in zip(model.config.held_out, model.nets, strict=True):
        mine = rows[fold[rows] == k]
        logits.append(_logits(photos, cast(GenusNet, member), mine))
    if held.any():
        order = np.concatenate([np.flatnonzero(fold[rows] == k) for k in model.config.held_out])
        known = rows[order]
        parts = calibration_parts(fold[known], photos.groups.group[known])
        answers[order], _ = cross_fitted(torch.cat(logits), photos.label[known], parts)
    if not held.all():
        new = [_logits(photos, cast(GenusNet, member), rows[~held]) for member in model.nets]
        answers[~held] = mean_probabilities(torch.cat(new, dim=1), model.config.temperature)
    return answers


def _logits(photos: GenusPhotos, net: GenusNet, rows: NDArray[np.int64]) -> Tensor:
    if not rows.size:
        return torch.empty(0, 1, len(PHOTO_CLASSES))
    rgb = photos.rgb[torch.from_numpy(rows)].float() / 255
    return genus_logits(net, rgb)[0]


def _controls(
    photos: GenusPhotos, fold: NDArray[np.int64], rows: NDArray[np.int64]
) -> dict[str, NDArray[np.float64]]:
    """Fitted on the photos of other folds; new photos are answered from all that are known."""
    classes = len(PHOTO_CLASSES)
    pooled, maps = trunk_features(load_lite0(published_trunk()[0]), photos.rgb)
    inner = grouped_folds(photos.groups.group, photos.label, 5, seed=1)
    frozen, textured, commonest = np.empty((3, len(rows), classes))
    for k in np.unique(fold[rows]):
        train = photos.scored & (fold != k) & (fold != NEW)
        here = fold[rows] == k
        if not train.any():
            return {}
        for answers, features in ((frozen, pooled), (textured, maps)):
            answers[here] = logistic_probabilities(features, photos.label, train, inner, classes)[rows[here]]
        commonest[here] = np.bincount(photos.label[train], minlength=classes) / train.sum()
    group = photos.groups.group[rows]
    frozen, textured = (
        calibrated_control(p, photos.label[rows], fold[rows], group) for p in (frozen, textured)
    )
    return {_FROZEN: frozen, _TEXTURED: textured, _COMMONEST: commonest}


def calibrated_control(
    probability: NDArray[np.float64],
    label: NDArray[np.int64],
    fold: NDArray[np.int64],
    group: NDArray[np.int64],
) -> NDArray[np.float64]:
    """A control's answers at temperatures found as a network's are: of other folds, and for new photos of all known."""
    logits = torch.log(torch.from_numpy(probability).clamp_min(1e-12))[:, None]
    held = fold != NEW
    known, new = torch.from_numpy(held), torch.from_numpy(~held)
    answers = np.empty_like(probability)
    answers[held], _ = cross_fitted(logits[known], label[held], calibration_parts(fold[held], group[held]))
    answers[~held] = mean_probabilities(logits[new], fit_photo_temperature(logits[known], label[held]))
    return answers
