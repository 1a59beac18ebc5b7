"""Train networks that tell genera: one per fold of the photos, so that one that never saw a photo can answer it."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.genus import GenusModel, GenusModelConfig, genus_logits
from models.learn.genus_calibration import (
    calibration_parts,
    cross_fitted,
    fit_photo_temperature,
    fit_presence_temperature,
)
from models.learn.genus_scores import score_photos
from models.learn.genus_training import (
    GenusLessons,
    GenusRecipe,
    GenusState,
    drawing_weights,
    fine_tune,
    photo_targets,
)
from models.learn.photo_groups import grouped_folds, straddling
from models.nets.genus import PHOTO_CLASSES, GenusNet
from models.nets.lite0 import lite0_weights
from tasks.genus_maps import early_maps
from tasks.genus_photos import GenusPhotos, Progress
from tasks.genus_weights import TRUNK_LICENCE, TRUNK_SOURCE, published_trunk, save_genus_model

FOLDS, FOLD_SEED = 5, 0
CCSN_LICENCE = (
    "CCSN: the copy at hand states none; users of the original, doi:10.7910/DVN/CADDPD, cite it as CC0-1.0"
)


@dataclass(frozen=True, eq=False)
class GenusFold:
    """A network and its answers about the fold that it never saw.

    Attributes:
        fold: Which.
        net: Trained on all other folds.
        rows: Photos of the fold, disputed ones included.
        photo: Logits ``(rows, 1, 11)``.
        presence: The same of presence ``(rows, 1, 10)``.
        losses: Mean loss of each reporting interval.
    """

    fold: int
    net: GenusNet
    rows: NDArray[np.int64]
    photo: Tensor
    presence: Tensor
    losses: list[float]


def photo_folds(photos: GenusPhotos) -> NDArray[np.int64]:
    """Fold of each photo ``(n,)``: duplicates in one."""
    return grouped_folds(photos.groups.group, photos.label, FOLDS, FOLD_SEED)


def train_genus_fold(
    photos: GenusPhotos, fold: int, recipe: GenusRecipe, work: Path, progress: Progress | None = None
) -> GenusFold:
    """Train on all folds but one and answer about that; a training that was stopped goes on.

    A checkpoint is taken up only by a training of the same photos, labels, split, recipe and trunk.

    Args:
        photos: All of them.
        fold: Held out.
        recipe: How.
        work: Where maps and checkpoints are kept.
        progress: Told of views and steps.

    Raises:
        ConfigurationError: The package with the published trunk is not installed.
    """
    folds = photo_folds(photos)
    if straddling(photos.groups.group, folds == fold, folds != fold).size:
        raise AssertionError("duplicates stand on both sides of the split")
    torch.manual_seed(recipe.loop.seed)
    net = GenusNet(recipe.net)
    trunk, trunk_digest = published_trunk()
    net.trunk.load_state_dict(lite0_weights(trunk))
    maps = early_maps(net, photos, recipe, work, trunk_digest, progress)
    lessons = _lessons(photos, folds != fold, recipe, maps)
    checkpoint = work / f"fold{fold}-{_training_key(photos, folds, recipe, trunk_digest)}.checkpoint"
    observe = partial(_observe, checkpoint, f"fold {fold}", recipe.loop.steps, progress)
    state = fine_tune(net, lessons, recipe, state=_resumed(checkpoint), observe=observe)
    rows = np.flatnonzero(folds == fold)
    logits = genus_logits(net, photos.rgb[torch.from_numpy(rows)].float() / 255)
    return GenusFold(fold, net, rows, *logits, state.losses)


def _training_key(
    photos: GenusPhotos, folds: NDArray[np.int64], recipe: GenusRecipe, trunk_digest: str
) -> str:
    """Of everything that a training's steps depend on, but for the fold that is held out."""
    by_photo = (folds, photos.label, photos.groups.group, photos.groups.conflict)
    facts = [
        photos.sha256,
        *(values.tolist() for values in by_photo),
        dataclasses.asdict(recipe),
        trunk_digest,
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def _lessons(
    photos: GenusPhotos, seen: NDArray[np.bool_], recipe: GenusRecipe, maps: NDArray[np.float16]
) -> GenusLessons:
    group, disputed = photos.groups.group, photos.groups.conflict
    target = photo_targets(photos.label, group, len(PHOTO_CLASSES))
    return GenusLessons(maps, target, drawing_weights(photos.label, seen, disputed, recipe.disputed))


def _observe(checkpoint: Path, name: str, steps: int, progress: Progress | None, state: GenusState) -> None:
    unfinished = checkpoint.with_suffix(".part")
    torch.save(vars(state), unfinished)
    unfinished.replace(checkpoint)
    if progress:
        progress(f"{name}, loss {state.losses[-1]:.3f}", state.step, steps)


def _resumed(checkpoint: Path) -> GenusState | None:
    if not checkpoint.is_file():
        return None
    return GenusState(**torch.load(checkpoint, weights_only=True))


def genus_model_of(photos: GenusPhotos, folds: Sequence[GenusFold]) -> GenusModel:
    """The networks of some folds as one model, at the temperature that their held-out photos ask for."""
    photo, presence, label, _ = _held_out(photos, folds)
    config = GenusModelConfig(
        net=folds[0].net.config,
        temperature=fit_photo_temperature(photo, label),
        presence_temperature=fit_presence_temperature(presence, label),
        held_out=tuple(each.fold for each in folds),
    )
    return GenusModel(nn.ModuleList(each.net for each in folds).eval(), config)


def _held_out(
    photos: GenusPhotos, folds: Sequence[GenusFold]
) -> tuple[Tensor, Tensor, NDArray[np.int64], NDArray[np.int64]]:
    """Logits of class and presence, labels and rows of the held-out photos that may be scored."""
    rows = np.concatenate([each.rows for each in folds])
    scored = photos.scored[rows]
    chosen = torch.from_numpy(scored)
    photo = torch.cat([each.photo for each in folds])[chosen]
    presence = torch.cat([each.presence for each in folds])[chosen]
    return photo, presence, photos.label[rows][scored], rows[scored]


def genus_metrics(photos: GenusPhotos, folds: Sequence[GenusFold], resamples: int = 1000) -> dict[str, Any]:
    """Figures of the held-out photos with their intervals, each fold at the temperature of the others."""
    photo, _, label, rows = _held_out(photos, folds)
    group = photos.groups.group[rows]
    answers, temperatures = cross_fitted(photo, label, calibration_parts(photo_folds(photos)[rows], group))
    measured = score_photos(label, answers, group, resamples=resamples)
    figures = {name: [round(m.value, 4), round(m.low, 4), round(m.high, 4)] for name, m in measured.items()}
    return {
        "photos": len(label),
        "folds": [each.fold for each in folds],
        "temperatures": temperatures,
    } | figures


def save_trained_genera(
    path: Path,
    photos: GenusPhotos,
    folds: Sequence[GenusFold],
    recipe: GenusRecipe,
    remarks: Sequence[str] = (),
) -> str:
    """Write the model of some folds and its card.

    Returns:
        The digest.
    """
    model, of_fold = genus_model_of(photos, folds), photo_folds(photos)
    facts = {
        "training": {
            "shippable": False,
            "sources": [
                {"name": TRUNK_SOURCE, "licence": TRUNK_LICENCE, "sha256": published_trunk()[1]},
                {"name": "photos filed by genus", "licence": CCSN_LICENCE, "photos": len(photos.name)},
            ],
            "folds": _folds_of(photos.sha256, of_fold),
            "disputed": int(photos.groups.conflict.sum()),
            "duplicates_found": [[photos.name[i], photos.name[j]] for i, j in photos.groups.found],
            "refused": [list(each) for each in photos.refused],
            "recipe": dataclasses.asdict(recipe),
            "losses": [[round(loss, 3) for loss in each.losses] for each in folds],
            "remarks": list(remarks),
        },
        "metrics": {"held_out": genus_metrics(photos, folds)},
    }
    return save_genus_model(path, model, facts)


def _folds_of(sha256: Sequence[str], fold: NDArray[np.int64]) -> Mapping[str, list[str]]:
    return {str(k): sorted({s for s, f in zip(sha256, fold, strict=True) if f == k}) for k in np.unique(fold)}
