"""Scores of water levels against the truth, with intervals that respect the grouping of frames by camera.

**Withheld answers.** One rule for every coefficient: that of the answered frames times the share of frames answered. It
is about what would come out had the withheld frames been put in the order at random: so exactly for Spearman's rho, for
Kendall's tau where rho is 3/2 tau (weak orders), and up to 0.08 less for strong ones. Withholding does not mend a wrong
sign: negative coefficients stay as they are. A pair with a withheld frame is wrong in the pair accuracy. The share
answered and the coefficients over the answered frames alone stand beside. Frames without a truth are not scored at all.

A level that does not vary, or fewer than two answers, says nothing: 0. A truth that does not vary leaves nothing to be
said: NaN.

Source: Kendall 1945, "The treatment of ties in ranking problems" (tau-b); Hunter 1989 and Künsch 1989 (blocks of
neighbouring frames in the bootstrap).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.science.rank_correlation import mean_or_nan, partial_spearman, spearman, tau_b

Values = NDArray[np.float64]


@dataclass(frozen=True)
class LevelSeries:
    """Levels of one camera with their truth.

    Attributes:
        camera: Id.
        site: What is resampled as a whole: cameras on one shore at one time see one tide.
        hours: When, from any origin ``(n,)``.
        level: ``(n,)``, NaN where withheld.
        truth: ``(n,)``, any unit, higher is more water; NaN where not known.
    """

    camera: str
    site: str
    hours: Values
    level: Values
    truth: Values

    def taken(self, rows: NDArray[np.int64]) -> "LevelSeries":
        """Some frames, or some twice."""
        return LevelSeries(self.camera, self.site, self.hours[rows], self.level[rows], self.truth[rows])

    def judged(self) -> "LevelSeries":
        """The frames with a truth, in the order of time."""
        known = np.flatnonzero(np.isfinite(self.truth))
        return self.taken(known[np.argsort(self.hours[known], kind="stable")])

    def answered_share(self) -> float:
        """Of the frames with a truth; NaN where there are none."""
        return mean_or_nan(np.isfinite(self.level[np.isfinite(self.truth)]))


Figure = Callable[[LevelSeries], float]


def kendall(series: LevelSeries) -> float:
    """Tau-b of level and truth; withheld frames by the rule above."""
    return _charged(series, lambda s, of: tau_b(of, s.truth))


def rank_correlation(series: LevelSeries) -> float:
    """Spearman's rho of level and truth; withheld frames by the rule above."""
    return _charged(series, lambda s, of: spearman(of, s.truth))


def rank_correlation_given_time(series: LevelSeries) -> float:
    """The same, partialled on time: what a trend of the light through the day cannot earn."""
    return _charged(series, lambda s, of: partial_spearman(of, s.truth, s.hours))


def pair_accuracy(series: LevelSeries, *, same: float = 0.0) -> float:
    """Share of the pairs of frames put in the right order, of those whose truths differ by more than ``same``.

    A tie and a withheld frame are wrong. NaN where there are no such pairs.
    """
    s = series.judged()
    i, j = np.triu_indices(s.truth.size, 1)
    rise = s.truth[j] - s.truth[i]
    asked = np.abs(rise) > same
    return mean_or_nan((np.sign(s.level[j] - s.level[i]) == np.sign(rise))[asked])


FIGURES: dict[str, Figure] = {
    "kendall": kendall,
    "spearman": rank_correlation,
    "spearman_given_time": rank_correlation_given_time,
    "pair_accuracy": pair_accuracy,
    "kendall_answered": lambda s: kendall(s.taken(np.flatnonzero(np.isfinite(s.level)))),
    "spearman_answered": lambda s: rank_correlation(s.taken(np.flatnonzero(np.isfinite(s.level)))),
    "answered": LevelSeries.answered_share,
}


@dataclass(frozen=True)
class LevelSummary:
    """One figure over cameras.

    Attributes:
        figure: Of ``FIGURES``.
        median: Over the cameras for which it is defined.
        interval: 95 % bootstrap of the median: sites, then blocks of neighbouring frames.
        worst: Over the cameras.
        worst_camera: Whose it is; empty where there is none.
        by_camera: Camera -> figure, NaN where not defined.
    """

    figure: str
    median: float
    interval: tuple[float, float]
    worst: float
    worst_camera: str
    by_camera: dict[str, float]


def summarise(
    series: Sequence[LevelSeries], *, resamples: int = 1000, seed: int = 0, figures: Sequence[str] = ()
) -> list[LevelSummary]:
    """Figures over cameras with their bootstrap intervals.

    Every resample draws sites with replacement and, for each of their cameras, blocks of neighbouring frames: with
    three sites the interval is honest about how little three sites say, though not exact.

    Args:
        series: One per camera.
        resamples: Of the bootstrap.
        seed: Of the resampling.
        figures: Names in ``FIGURES``; all by default.
    """
    judged = [s.judged() for s in series]
    sites = sorted({s.site for s in judged})
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, len(sites), (resamples, len(sites))) if sites else np.empty((0, 0), int)
    times_drawn = np.stack([(drawn == k).sum(1) for k in range(len(sites))], 1) if sites else drawn
    rows = [[block_rows(s.hours.size, rng) for _ in range(resamples)] for s in judged]
    summaries = []
    for name in figures or FIGURES:
        figure = FIGURES[name]
        replicates = np.array(
            [[figure(s.taken(r)) for r in mine] for s, mine in zip(judged, rows, strict=True)]
        )
        medians = [
            _weighted_median(replicates[:, b], times_drawn[b][[sites.index(s.site) for s in judged]])
            for b in range(resamples if sites else 0)
        ]
        summaries.append(_summary(name, {s.camera: figure(s) for s in judged}, np.array(medians)))
    return summaries


def block_rows(n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """``n`` rows of a series in blocks of about the square root of ``n`` neighbours, wrapping around its end."""
    if n == 0:
        return np.empty(0, np.int64)
    length = max(1, round(math.sqrt(n)))
    starts = rng.integers(0, n, -(-n // length))
    return ((starts[:, None] + np.arange(length)) % n).ravel()[:n]


def _charged(series: LevelSeries, figure: Callable[[LevelSeries, Values], float]) -> float:
    """A coefficient by the rule on withheld answers; ``figure`` correlates values with the truth of frames."""
    judged = series.judged()
    answered = judged.taken(np.flatnonzero(np.isfinite(judged.level)))
    value = figure(answered, answered.level)
    if math.isnan(value):
        return math.nan if math.isnan(figure(judged, judged.truth)) else 0.0
    return value * answered.level.size / judged.level.size if value > 0 else value


def _summary(name: str, by_camera: dict[str, float], medians: Values) -> LevelSummary:
    defined = {camera: value for camera, value in by_camera.items() if not math.isnan(value)}
    medians = medians[np.isfinite(medians)]
    ends = (math.nan, math.nan)
    if medians.size:
        ends = (float(np.quantile(medians, 0.025)), float(np.quantile(medians, 0.975)))
    worst = min(defined, key=lambda camera: defined[camera], default="")
    median = float(np.median(list(defined.values()))) if defined else math.nan
    return LevelSummary(name, median, ends, defined.get(worst, math.nan), worst, by_camera)


def _weighted_median(values: Values, times: NDArray[np.int64]) -> float:
    repeated = np.repeat(values, times)
    repeated = repeated[np.isfinite(repeated)]
    return float(np.median(repeated)) if repeated.size else math.nan
