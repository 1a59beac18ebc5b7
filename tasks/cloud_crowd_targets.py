"""What the crowd's posteriors teach of frames: rows of targets by picture."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from models.contracts.cloud_labels import GENERA
from models.contracts.sky_batch import BASE_STATES, LEVELS, NO_BASE, OKTA_STATES, SkyTargets
from models.science.cloud_questions import Campaign

SURELY_CLEAR = 0.9
"""From this probability of N = 0 on, the base is taken to be none though nobody was asked for it."""


def fill_crowd_targets(targets: SkyTargets, sha256: Sequence[str], campaign: Campaign) -> int:
    """Write the posteriors of a campaign into targets, in place; what nobody answered stays as it is.

    Args:
        targets: Of the frames.
        sha256: Of each frame, hex.
        campaign: With its consensus.

    Returns:
        How many frames the campaign has.
    """
    place = {image: item for item, image in enumerate(campaign.images)}
    items = np.array([place.get(image, -1) for image in sha256], np.int64)
    found = {name: _rows(result.consensus.posterior, items) for name, result in campaign.results.items()}
    nothing = np.full((len(items), 2), np.nan)
    for number, genus in enumerate(GENERA):
        _write(targets.genera[:, number], found.get(genus, nothing)[:, 1])
    _write(targets.obscured, found.get("obscured", nothing)[:, 1])
    okta = found.get("okta", np.full((len(items), OKTA_STATES), np.nan))
    _write(targets.okta, okta)
    for number, level in enumerate(LEVELS):
        if level in found:
            _write(targets.levels[:, number], found[level])
    _write(targets.base, _bases(found, okta))
    return int((items >= 0).sum())


def _rows(posterior: np.ndarray, items: np.ndarray) -> np.ndarray:
    return np.where((items >= 0)[:, None], posterior[items.clip(0)], np.nan)


def _write(target: torch.Tensor, values: np.ndarray) -> None:
    """Whole rows that are known."""
    known = np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
    target[torch.from_numpy(known)] = torch.from_numpy(values[known]).to(target.dtype)


def _bases(found: Mapping[str, np.ndarray], okta: np.ndarray) -> np.ndarray:
    """Codes of the lowest base where there is a cloud, and no base with the probability that there is none."""
    clear = np.nan_to_num(okta[:, 0])[:, None]
    bases = np.full((len(okta), BASE_STATES), np.nan)
    codes = found.get("base", np.full((len(okta), NO_BASE), np.nan))
    bases[:, :NO_BASE] = (1.0 - clear) * codes
    bases[:, NO_BASE:] = clear
    unasked = np.isnan(codes).any(axis=1)
    bases[unasked] = np.nan
    surely = unasked & (clear[:, 0] >= SURELY_CLEAR)
    bases[surely, :NO_BASE] = (1.0 - clear[surely]) / NO_BASE
    bases[surely, NO_BASE:] = clear[surely]
    return bases
