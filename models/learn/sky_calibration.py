"""Answers about the sky that mean what they say: temperatures, okta sets, and which answers are withheld.

Fitted on held-out answers, in this order: temperatures, then okta sets and abstention of the tempered answers.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.contracts.sky_answers import SkyAnswers, SkySource
from models.contracts.sky_batch import OKTA_STATES, SkyTargets
from models.learn.sky_temperature import HEADS, Temperatures, fit_temperatures, tempered
from models.science.okta_sets import (
    LEVEL,
    OWN_MOMENTS,
    Oktas,
    OktaSets,
    fit_okta_sets,
    median_oktas,
    okta_sets,
)

NEVER = OKTA_STATES + 1
"""As a widest set: no N is withheld for the width of its set."""
OBSCURED_FROM = 0.5
"""Probability of an obscured sky from which that is the answer, and N is withheld."""


@dataclass(frozen=True)
class SkyCalibration:
    """What is done to the network's probabilities before anything is published.

    Attributes:
        temperatures: Of each head, by source and camera.
        sets: Thresholds of the okta sets.
        too_wide: N is withheld where its set holds this many oktas or more.
        obscured_from: N is withheld where the sky is obscured with this probability or more.
        moments: Held-out answers with a known N that it was fitted on; those of several runs each count.
        cameras: Of so many cameras.
    """

    temperatures: Temperatures = field(default_factory=Temperatures)
    sets: OktaSets = field(default_factory=OktaSets)
    too_wide: int = NEVER
    obscured_from: float = OBSCURED_FROM
    moments: int = 0
    cameras: int = 0

    def to_card(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "temperatures": self.temperatures.to_card(),
            "okta_sets": {
                "level": self.sets.level,
                "pooled": dict(self.sets.pooled),
                "own": {camera: dict(kinds) for camera, kinds in self.sets.own.items()},
            },
            "too_wide": self.too_wide,
            "obscured_from": self.obscured_from,
            "moments": self.moments,
            "cameras": self.cameras,
        }

    @classmethod
    def from_card(cls, card: Mapping[str, Any]) -> Self:
        """What `to_card` wrote.

        Raises:
            ValueError: Something is missing or is no such value.
        """
        try:
            sets = card["okta_sets"]
            own = {str(camera): _thresholds(kinds) for camera, kinds in sets["own"].items()}
            return cls(
                Temperatures.from_card(card["temperatures"]),
                OktaSets(float(sets["level"]), _thresholds(sets["pooled"]), own),
                int(card["too_wide"]),
                float(card["obscured_from"]),
                int(card["moments"]),
                int(card["cameras"]),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"no calibration of sky answers: {error!r}") from error


def _thresholds(found: Mapping[str, Any]) -> dict[str, float]:
    unknown = set(found) - {"ANY", *SkySource.__members__}
    if unknown:
        raise ValueError(f"no source of an answer: {sorted(unknown)}")
    return {str(kind): float(threshold) for kind, threshold in found.items()}


@dataclass(frozen=True)
class OktaAnswers:
    """N as published.

    Attributes:
        okta: Median of the posterior ``(n,)`` int8; -1 where withheld or not answered.
        low: Lowest okta of the set ``(n,)`` int8; -1 where nothing was answered. Kept where N is withheld.
        high: Highest.
        withheld: Bool ``(n,)``: there was an answer, and it is not given.
    """

    okta: Oktas
    low: Oktas
    high: Oktas
    withheld: NDArray[np.bool_]


def calibrated(answers: SkyAnswers, camera_ids: ArrayLike, calibration: SkyCalibration) -> SkyAnswers:
    """The answers at their temperatures.

    No likeliest class changes, and no probability crosses one half of a yes or no.

    Args:
        answers: Of the network.
        camera_ids: Id of each moment's camera ``(n,)``; unknown ones have the pooled temperature.
        calibration: Of `fit_sky_calibration`.
    """
    camera = np.asarray(camera_ids, np.str_)
    heads = {
        head: tempered(
            head, getattr(answers, head), calibration.temperatures.of(head, answers.source, camera)
        )
        for head in HEADS
    }
    return SkyAnswers(**heads, source=answers.source)


def okta_answers(
    tempered_answers: SkyAnswers, camera_ids: ArrayLike, calibration: SkyCalibration
) -> OktaAnswers:
    """N, its set, and whether N is withheld.

    Args:
        tempered_answers: Of `calibrated`.
        camera_ids: Id of each moment's camera ``(n,)``.
        calibration: Of `fit_sky_calibration`.
    """
    thresholds = calibration.sets.thresholds(tempered_answers.source, camera_ids)
    low, high = okta_sets(tempered_answers.okta, thresholds)
    wide = high.astype(np.int64) - low + 1 >= calibration.too_wide
    hidden = tempered_answers.obscured >= calibration.obscured_from  # False where it is NaN
    withheld = (low >= 0) & (wide | hidden)
    okta = np.where(withheld, -1, median_oktas(tempered_answers.okta)).astype(np.int8)
    return OktaAnswers(okta, low, high, withheld)


def without_withheld(answers: SkyAnswers, withheld: NDArray[np.bool_]) -> SkyAnswers:
    """The answers as they are scored: posteriors of a withheld N are NaN."""
    okta = np.where(withheld[:, None], np.float32(np.nan), answers.okta)
    rest = {head: getattr(answers, head) for head in HEADS if head != "okta"}
    return SkyAnswers(okta=okta, **rest, source=answers.source)


def fit_sky_calibration(
    answers: SkyAnswers,
    targets: SkyTargets,
    camera_ids: ArrayLike,
    *,
    level: float = LEVEL,
    own_moments: int = OWN_MOMENTS,
    obscured_from: float = OBSCURED_FROM,
) -> SkyCalibration:
    """Fit all of it on held-out moments: those of several runs (camera only, satellite only, both) one after another.

    Temperatures and sets are fitted on the same moments: a temperature is one number for hundreds of them, and what the
    sets lose of their promise by it is less than they vary by chance.

    Args:
        answers: Of the network, on moments it was not trained on.
        targets: Of the same moments.
        camera_ids: Id of each moment's camera ``(n,)``.
        level: Share of okta sets that shall hold the true N.
        own_moments: Fewest moments for an okta threshold of a camera's own.
        obscured_from: Probability of an obscured sky from which N is withheld.
    """
    camera = np.asarray(camera_ids, np.str_)
    temperatures = fit_temperatures(answers, targets, camera)
    start = SkyCalibration(temperatures, obscured_from=obscured_from)
    warm = calibrated(answers, camera, start)
    truth = targets.okta.numpy()
    sets = fit_okta_sets(warm.okta, truth, warm.source, camera, level=level, own_moments=own_moments)
    low, high = okta_sets(warm.okta, sets.thresholds(warm.source, camera))
    known = (low >= 0) & np.isfinite(truth).all(axis=1)
    return SkyCalibration(
        temperatures,
        sets,
        widest_of_use(median_oktas(warm.okta), low, high, truth),
        obscured_from,
        int(known.sum()),
        len(np.unique(camera[known])),
    )


def widest_of_use(okta: Oktas, low: Oktas, high: Oktas, truth: ArrayLike) -> int:
    """Number of oktas of a set from which N is withheld: answers so wide are no better than the climatology.

    It is the least width of which the answers of that width or wider have a mean error of at least that of the median N
    of all moments, on the same moments; a group of fewer than 30 is not judged by itself.

    Args:
        okta: N ``(n,)``, -1 where not answered.
        low: Of the sets ``(n,)``.
        high: Likewise.
        truth: Probability of the true N ``(n, 9)``, NaN where not known.

    Returns:
        ``NEVER`` where even the widest are of use.
    """
    votes = np.asarray(truth, np.float64)
    known = (low >= 0) & np.isfinite(votes).all(axis=1)
    if not known.any():
        return NEVER
    votes, states = votes[known], np.arange(OKTA_STATES)
    usual = int(median_oktas(votes.mean(axis=0, keepdims=True))[0])
    gain = (votes * (np.abs(states - usual) - np.abs(states - okta[known, None].astype(np.int64)))).sum(
        axis=1
    )
    width = high[known].astype(np.int64) - low[known] + 1
    for least in range(2, OKTA_STATES + 1):
        wide = width >= least
        if wide.sum() >= _LEAST_JUDGED and math.fsum(gain[wide]) <= 0:
            return least
    return NEVER


_LEAST_JUDGED = 30
