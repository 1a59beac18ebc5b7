"""One temperature per head, source and camera: how sure the network's answers should have been.

A probability is raised to the power of ``1 / temperature`` and made to sum to one again, which is what dividing the
logits does. A camera's temperature is pulled towards that of its source: a Gaussian prior on its logarithm, so that a
camera of few moments keeps the common one.

Source: Guo et al. 2017, "On Calibration of Modern Neural Networks" (temperature scaling).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.contracts.sky_answers import SkyAnswers, SkySource
from models.contracts.sky_batch import SkyTargets

Values = NDArray[np.float64]

HEADS: tuple[str, ...] = ("okta", "obscured", "genera", "base", "levels")
YES_NO: tuple[str, ...] = ("obscured", "genera")
"""Heads of independent probabilities; the others sum to one over their last axis."""
PRIOR_LOG_SPREAD = 0.2
"""Standard deviation between cameras of the logarithm of a temperature, before anything is seen of them."""
LEAST_MOMENTS = 50
"""Of a source, for a temperature of its own."""
_LOG_GRID = np.linspace(np.log(0.2), np.log(8.0), 47)
_FLOOR = (
    1e-10  # of a probability: a network that says 0 and errs must not make every other moment's vote void
)


@dataclass(frozen=True)
class Temperatures:
    """Temperatures; 1 where nothing is said.

    Attributes:
        pooled: Head -> `SkySource` name or ``"ANY"`` -> temperature.
        own: Head -> camera -> factor of the pooled temperature, whatever the source.
    """

    pooled: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    own: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def of(self, head: str, source: NDArray[np.int8], cameras: ArrayLike) -> Values:
        """Temperature of each moment ``(n,)``."""
        kinds = self.pooled.get(head, {})
        common = np.full(len(source), kinds.get("ANY", 1.0))
        for kind in SkySource:
            common[source == kind] = kinds.get(kind.name, kinds.get("ANY", 1.0))
        names, place = np.unique(np.asarray(cameras, np.str_), return_inverse=True)
        factors = np.array([self.own.get(head, {}).get(str(name), 1.0) for name in names], np.float64)
        return common * factors[place] if len(names) else common

    def to_card(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            name: {head: dict(found) for head, found in table.items()}
            for name, table in (("pooled", self.pooled), ("own", self.own))
        }

    @classmethod
    def from_card(cls, card: Mapping[str, Any]) -> Self:
        """What `to_card` wrote.

        Raises:
            ValueError: A temperature is not positive.
        """
        tables = [
            {head: {str(k): float(v) for k, v in found.items()} for head, found in card[name].items()}
            for name in ("pooled", "own")
        ]
        if not all(value > 0 for table in tables for found in table.values() for value in found.values()):
            raise ValueError("a temperature is not positive")
        return cls(*tables)


def tempered(head: str, probability: NDArray[np.floating], temperature: ArrayLike) -> NDArray[np.float32]:
    """Probabilities of a head at a temperature; NaN stays NaN.

    Args:
        head: One of ``HEADS``.
        probability: Of `SkyAnswers`, ``(n, ...)``.
        temperature: Of each moment ``(n,)``, or one.
    """
    p = np.asarray(probability, np.float64)
    cold = 1 / np.broadcast_to(np.asarray(temperature, np.float64), p.shape[:1])
    power = cold.reshape(-1, *[1] * (p.ndim - 1))
    if head in YES_NO:
        yes, no = np.clip(p, _FLOOR, 1) ** power, np.clip(1 - p, _FLOOR, 1) ** power
        return np.asarray(yes / (yes + no), np.float32)
    if not p.size:
        return p.astype(np.float32)
    logs = np.log(np.maximum(p, _FLOOR)) * power
    raised = np.exp(logs - logs.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True), np.float32)


def fit_temperatures(answers: SkyAnswers, targets: SkyTargets, cameras: ArrayLike) -> Temperatures:
    """The likeliest temperature of each head and source, then each camera's factor, both on held-out moments.

    Args:
        answers: Of moments that the network was not trained on.
        targets: Of the same moments; rows of NaN say nothing.
        cameras: Id of each moment's camera ``(n,)``; empty where it has none.
    """
    names = np.asarray(cameras, np.str_)
    pooled, own = {}, {}
    for head in HEADS:
        surprise, known = _surprise(head, getattr(answers, head), getattr(targets, head).numpy())
        kinds = {"ANY": _likeliest(surprise[known].sum(axis=0))} if known.sum() >= LEAST_MOMENTS else {}
        for kind in SkySource:
            of_kind = known & (answers.source == kind)
            if of_kind.sum() >= LEAST_MOMENTS:
                kinds[kind.name] = _likeliest(surprise[of_kind].sum(axis=0))
        common = Temperatures({head: kinds}).of(head, answers.source, names)
        pooled[head], own[head] = kinds, _factors(surprise, known, common, names)
    return Temperatures(pooled, own)


def _surprise(head: str, answer: NDArray[np.float32], target: NDArray[np.float32]) -> tuple[Values, Any]:
    """Of each moment at each temperature of the grid ``(n, grid)``, and whether there is anything to compare."""
    p, t = answer.astype(np.float64), target.astype(np.float64)
    if head not in YES_NO:
        # A row is known as a whole: `levels` has three of them.
        p = np.where(np.isfinite(t).all(axis=-1, keepdims=True), p, np.nan)
    heard = np.isfinite(p) & np.isfinite(t)
    rest = tuple(range(1, p.ndim))
    known = heard.any(axis=rest)
    surprise = np.zeros((len(p), len(_LOG_GRID)))
    weight = np.where(heard, t, 0.0) / _parts(
        head, heard
    )  # a moment has one vote, however many genera or levels
    for number, log_temperature in enumerate(_LOG_GRID):
        q = tempered(head, p, np.exp(log_temperature)).astype(np.float64)
        cost = -weight * np.log(np.maximum(q, _FLOOR))
        if head in YES_NO:
            cost -= np.where(heard, 1 - t, 0.0) / _parts(head, heard) * np.log(np.maximum(1 - q, _FLOOR))
        surprise[:, number] = np.where(heard, cost, 0.0).sum(axis=rest)
    return surprise, known


def _parts(head: str, heard: NDArray[np.bool_]) -> Values:
    """How many questions of a moment were answered and can be judged, against the shape of its answers."""
    asked = heard if head in YES_NO else heard.any(axis=-1)
    count = asked.sum(axis=tuple(range(1, asked.ndim))).clip(1).astype(np.float64)
    return np.asarray(count.reshape(-1, *[1] * (heard.ndim - 1)))


def _factors(surprise: Values, known: NDArray[np.bool_], common: Values, names: Any) -> dict[str, float]:
    """Of each camera: what its temperatures are to the pooled ones, under the prior."""
    rows = np.flatnonzero(known & (names != ""))
    found, place = np.unique(names[rows], return_inverse=True)
    total = np.zeros((len(found), len(_LOG_GRID)))
    for temperature in np.unique(common[rows]):
        mine = common[rows] == temperature
        part = np.zeros_like(total)
        np.add.at(part, place[mine], surprise[rows[mine]])
        shifted = np.log(temperature) + _LOG_GRID  # of the factor on the grid to the temperature
        total += np.stack([np.interp(shifted, _LOG_GRID, row) for row in part]) if len(part) else part
    total += _LOG_GRID**2 / (2 * PRIOR_LOG_SPREAD**2)
    return {str(name): _likeliest(row) for name, row in zip(found, total, strict=True)}


def _likeliest(surprise: Values) -> float:
    """The temperature of least surprise: of the parabola through the best place of the grid and its neighbours."""
    best = int(np.clip(surprise.argmin(), 1, len(_LOG_GRID) - 2))
    left, middle, right = surprise[best - 1 : best + 2]
    bend = left - 2 * middle + right
    shift = 0.5 * (left - right) / bend if bend > 0 else 0.0
    step = _LOG_GRID[1] - _LOG_GRID[0]
    return float(np.exp(np.clip(_LOG_GRID[best] + np.clip(shift, -1, 1) * step, _LOG_GRID[0], _LOG_GRID[-1])))
