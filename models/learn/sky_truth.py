"""What answers about the sky are scored against: targets as single classes, and answers as what would be published.

Crowd posteriors teach with all their doubt, and are scored by what they hold likeliest: the median N, the likeliest
base and code, the genera that are there with one half or more.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.contracts.cloud_labels import OKTAS
from models.contracts.sky_answers import SkyAnswers
from models.contracts.sky_batch import NO_BASE, SkyTargets
from models.science.cover import TRACE
from models.science.okta_sets import median_oktas

Codes = NDArray[np.int64]
UNKNOWN = -1
PRESENT_FROM = 0.5
BASE_MIDDLE_M: tuple[float, ...] = (25, 75, 150, 250, 450, 800, 1250, 1750, 2250, 4000)
"""Height above ground that each code of WMO 1600 stands for: the middle of its bin; 4000 m of the open one."""
DAY_ABOVE_DEG, NIGHT_BELOW_DEG = 0.0, -6.0  # of the sun's centre; civil twilight between


@dataclass(frozen=True, eq=False)
class SkyCodes:
    """One sky per row, as single classes; of targets or of answers.

    Attributes:
        okta: N ``(n,)``; ``UNKNOWN`` where there is none.
        obscured: 1, 0 or ``UNKNOWN`` ``(n,)``.
        genera: 1, 0 or ``UNKNOWN`` ``(n, 10)``.
        base: Code of 1600 or ``NO_BASE`` ``(n,)``; ``UNKNOWN`` likewise.
        levels: CL, CM, CH or ``INVISIBLE`` ``(n, 3)``; ``UNKNOWN`` likewise.
    """

    okta: Codes
    obscured: Codes
    genera: Codes
    base: Codes
    levels: Codes

    def rows(self, index: NDArray[np.generic]) -> Self:
        """The moments ``index``: places, or a mask of them."""
        return type(self)(*(values[index] for values in vars(self).values()))

    def __len__(self) -> int:
        """Moments."""
        return len(self.okta)


def target_codes(targets: SkyTargets) -> SkyCodes:
    """The truth that ``targets`` hold."""
    return _codes(
        *(getattr(targets, head).numpy() for head in ("okta", "obscured", "genera", "base", "levels"))
    )


def answer_codes(answers: SkyAnswers) -> SkyCodes:
    """What is published of ``answers``: temperatures and abstention applied before."""
    return _codes(answers.okta, answers.obscured, answers.genera, answers.base, answers.levels)


def _codes(
    okta: ArrayLike, obscured: ArrayLike, genera: ArrayLike, base: ArrayLike, levels: ArrayLike
) -> SkyCodes:
    return SkyCodes(
        median_oktas(okta).astype(np.int64),
        _yes_no(obscured),
        _yes_no(genera),
        _likeliest(base),
        _likeliest(levels),
    )


def _yes_no(probability: ArrayLike) -> Codes:
    p = np.asarray(probability, np.float64)
    return np.where(np.isfinite(p), p >= PRESENT_FROM, UNKNOWN).astype(np.int64)


def _likeliest(probability: ArrayLike) -> Codes:
    p = np.asarray(probability, np.float64)
    heard = np.asarray(np.isfinite(p).all(axis=-1))
    return np.where(heard, np.where(heard[..., None], p, 0.0).argmax(axis=-1), UNKNOWN).astype(np.int64)


def base_errors_m(truth: Codes, answer: Codes) -> NDArray[np.float64]:
    """Distance of the middles of two bins, m ``(n,)``, of moments that have a true base; NaN of the others.

    No base answered, or no answer, is charged the worst error that was possible.
    """
    heights = np.array(BASE_MIDDLE_M)
    true_m = np.append(heights, np.nan)[truth]  # NO_BASE is the last place, and UNKNOWN counts from the end
    given_m = np.where((answer >= 0) & (answer != NO_BASE), np.append(heights, np.nan)[answer], np.nan)
    worst = np.maximum(true_m - heights[0], heights[-1] - true_m)
    return np.asarray(np.where(np.isnan(given_m), worst, np.abs(given_m - true_m)))


def oktas_of_covers(cover: ArrayLike) -> Codes:
    """Codes N of covers in [0, 1] ``(n,)``, ``UNKNOWN`` of NaN: the rule of `models.science.cover.okta_of_cover`."""
    share = np.asarray(cover, np.float64)
    filled = np.where(np.isfinite(share), share, 0.0)
    between = np.clip(np.rint(OKTAS * filled), 1, OKTAS - 1)
    okta = np.where(filled < TRACE, 0, np.where(filled > 1 - TRACE, OKTAS, between))
    return np.where(np.isfinite(share), okta, UNKNOWN).astype(np.int64)


def lights(sun_elevation_deg: ArrayLike) -> NDArray[np.str_]:
    """``day`` (sun up), ``twilight`` (civil) or ``night`` of each moment ``(n,)``; empty where the sun is not known."""
    sun = np.asarray(sun_elevation_deg, np.float64)
    named = np.where(sun > DAY_ABOVE_DEG, "day", np.where(sun < NIGHT_BELOW_DEG, "night", "twilight"))
    return np.where(np.isfinite(sun), named, "").astype(np.str_)
