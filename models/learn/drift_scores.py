"""Figures of registrations from the scores of pairs, with intervals that respect the grouping by camera.

An answer that is withheld is a miss in every accuracy and counts as an infinite error in the median.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.learn.drift_errors import PairScore
from models.learn.metrics import grouped_resamples

Values = NDArray[np.float64]
FAR_WRONG_PX = 10.0


@dataclass(frozen=True)
class Summary:
    """One method under one condition.

    Attributes:
        condition: Of ``PairScore``.
        size: ``small``, ``large`` or ``all``.
        method: Name.
        pairs: Asked, withheld answers included.
        figures: Of ``FIGURES``; the accuracies again by the plain truth (``plain_``) and, over the pairs where there is
            one, by the natural motion that another method sees (``peer_``).
        intervals: 95 % bootstrap by camera, of the same.
        within_one_sigma: Share of the whitened pose components (difference truth), NaN where none is stated.
        within_two_sigma: Likewise.
        plain_within_one_sigma: The camera taken to be fixed.
        median_sigma_px: Of the answers that state one.
        natural_px: Median motion of the camera itself, as this method sees it.
        by_camera: Camera -> (pairs, median, share under 1 px).
    """

    condition: str
    size: str
    method: str
    pairs: int
    figures: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    within_one_sigma: float
    within_two_sigma: float
    plain_within_one_sigma: float
    median_sigma_px: float
    natural_px: float
    by_camera: dict[str, tuple[int, float, float]]


TRUTHS: dict[str, Callable[[PairScore], float]] = {
    "": lambda s: s.error_px,
    "plain_": lambda s: s.plain_error_px,
    "peer_": lambda s: s.peer_error_px,
}
"""Prefix of a figure -> the error that it is of."""


def charged(scores: Sequence[PairScore], truth: str = "") -> Values:
    """Errors ``(n,)`` by one of ``TRUTHS``, infinite where the answer was withheld."""
    return np.where([s.answered for s in scores], [TRUTHS[truth](s) for s in scores], np.inf)


def _median(errors: Values) -> float:
    """The lower median: a mean of two would be undefined beside an infinite one."""
    return float(np.sort(errors)[(len(errors) - 1) // 2])


def _below(limit: float) -> Callable[[Values], float]:
    return lambda errors: float(np.mean(errors < limit))


_ACCURACIES: dict[str, Callable[[Values], float]] = {
    "median_px": _median,
    "below_1_px": _below(1.0),
    "below_3_px": _below(3.0),
}
FIGURES: dict[str, Callable[[Values], float]] = {
    **_ACCURACIES,
    "answered": lambda errors: float(np.mean(np.isfinite(errors))),
    "confident_far_wrong": lambda errors: float(np.mean(np.isfinite(errors) & (errors > FAR_WRONG_PX))),
}


def summarise(
    scores: Sequence[PairScore], *, resamples: int = 1000, sizes: Sequence[str] = ("all", "small", "large")
) -> list[Summary]:
    """Figures of every method under every condition.

    Args:
        scores: Of any methods, in any order.
        resamples: Of the bootstrap.
        sizes: Of warps, apart and together.
    """
    out = []
    for condition in dict.fromkeys(s.condition for s in scores):
        for size in sizes:
            part = [s for s in scores if s.condition == condition and size in ("all", s.size)]
            for method in dict.fromkeys(s.method for s in part):
                mine = sorted((s for s in part if s.method == method), key=lambda s: s.pair)
                out.append(_summary(condition, size, method, mine, resamples))
    return out


def _summary(condition: str, size: str, method: str, scores: list[PairScore], resamples: int) -> Summary:
    figures: dict[str, float] = {}
    intervals: dict[str, tuple[float, float]] = {}
    for prefix in TRUTHS:
        part = scores if prefix != "peer_" else [s for s in scores if not math.isnan(s.peer_error_px)]
        if not part:
            continue
        values = charged(part, prefix)
        rows = grouped_resamples([s.camera for s in part], resamples, 0)
        for name, figure in (_ACCURACIES if prefix else FIGURES).items():
            figures[prefix + name] = figure(values)
            drawn = np.sort([figure(values[index]) for index in rows])
            ends = (float(drawn[int(0.025 * resamples)]), float(drawn[int(0.975 * resamples)]))
            intervals[prefix + name] = ends
    errors = charged(scores)
    cameras = np.array([s.camera for s in scores])
    by_camera = {
        str(c): (int((cameras == c).sum()), _median(errors[cameras == c]), _below(1.0)(errors[cameras == c]))
        for c in dict.fromkeys(cameras)
    }
    return Summary(
        condition,
        size,
        method,
        len(scores),
        figures,
        intervals,
        within([s.whitened for s in scores], 1),
        within([s.whitened for s in scores], 2),
        within([s.plain_whitened for s in scores], 1),
        _nanmedian([s.sigma_px for s in scores if s.answered]),
        _nanmedian([s.natural_px for s in scores]),
        by_camera,
    )


def within(whitened: Sequence[tuple[float, ...]], sigmas: float) -> float:
    """Share of whitened components within so many standard errors; NaN where there are none."""
    components = np.abs([v for row in whitened for v in row])
    return float(np.mean(components <= sigmas)) if len(components) else math.nan


def _nanmedian(values: Sequence[float]) -> float:
    finite = [v for v in values if math.isfinite(v)]
    return float(np.median(finite)) if finite else math.nan
