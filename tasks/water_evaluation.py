"""Levels of series by a model and by what it must beat, and their scores."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.contracts.flags import ValueFlag
from models.learn.gauge_pairs import SAME_M, GaugePairs, ask_gauge
from models.learn.level_controls import brightness_only, first_principal_component, time_only
from models.learn.level_scores import LevelSeries, LevelSummary, summarise
from models.learn.naive_ranknet import RankedFrames, ranknet_levels, train_ranknet
from models.water import WaterMaps, WaterModel, WaterSite, learn_site, look, read_levels, withheld
from models.water_view import visible_site
from tasks.water_series import WaterPicture, WaterSeries, read_water_picture

Values = NDArray[np.float64]
Rows = Sequence[dict[str, object]]
ONE_IMAGE, ARCHIVE = "(a) one image", "(b) unlabelled archive"
FRACTION, RANKNET = "flooded fraction of the masks", "naive RankNet"
_SMALL_PX = 96  # long side of the frames that controls see
_FIGURES = ("kendall", "spearman", "spearman_given_time", "pair_accuracy", "answered")


@dataclass(frozen=True)
class LookedSeries:
    """A series with what is seen in it.

    Attributes:
        series: With its truth.
        pictures: As they were looked at.
        maps: What the model saw in each.
        small: The pictures at the size of the controls ``(n, y, x, 3)`` uint8.
    """

    series: WaterSeries
    pictures: list[WaterPicture]
    maps: list[WaterMaps]
    small: NDArray[np.uint8]

    def scored(self, level: Values) -> LevelSeries:
        """Levels of its frames, to be scored."""
        return LevelSeries(
            self.series.camera, self.series.site, self.series.hours, level, self.series.truth_m
        )

    def taken(self, rows: NDArray[np.int64]) -> "LookedSeries":
        """Some of the frames."""
        return LookedSeries(
            self.series.taken(rows),
            [self.pictures[int(k)] for k in rows],
            [self.maps[int(k)] for k in rows],
            self.small[rows],
        )


def look_at(
    model: WaterModel, series: WaterSeries, pictures: Sequence[WaterPicture] | None = None
) -> LookedSeries:
    """Read a series and look at every picture of it, each on its own.

    Raises:
        ConfigurationError: A file is no picture.
    """
    pictures = list(pictures or (read_water_picture(frame) for frame in series.frames))
    return LookedSeries(series, pictures, see(model, pictures), small_frames([p.rgb for p in pictures]))


def small_frames(pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Pictures at one small size ``(n, y, x, 3)``, that of the first."""
    height, width = pictures[0].shape[:2]
    scale = _SMALL_PX / max(height, width)
    size = max(8, round(width * scale)), max(8, round(height * scale))
    return np.stack([np.asarray(Image.fromarray(p).resize(size, Image.Resampling.BOX)) for p in pictures])


def see(model: WaterModel, pictures: Sequence[WaterPicture]) -> list[WaterMaps]:
    """What a model sees in pictures; nothing where a picture is hidden altogether."""
    return [
        withheld(ValueFlag.UNOBSERVABLE) if p.hidden.all() else look(model, [p.rgb], hidden=[p.hidden])[0]
        for p in pictures
    ]


def levels(
    model: WaterModel, looked: LookedSeries, site: WaterSite | None, maps: Sequence[WaterMaps] | None = None
) -> Values:
    """Levels of a series, NaN where withheld; of other maps of its pictures where they are given."""
    return levels_and_spreads(model, looked, site, maps)[0]


def levels_and_spreads(
    model: WaterModel, looked: LookedSeries, site: WaterSite | None, maps: Sequence[WaterMaps] | None = None
) -> tuple[Values, Values]:
    """Likewise, with the spread of the ensemble ``(n,)``."""
    found = [
        read_levels(model, [seen], site and _in_view(site, picture.hidden))
        for seen, picture in zip(maps or looked.maps, looked.pictures, strict=True)
    ]
    parts = [[f.level for f in found], [f.spread for f in found]]
    level, spread = (np.concatenate([np.empty(0), *part]) for part in parts)
    return level, spread


def _in_view(site: WaterSite, hidden: NDArray[np.bool_]) -> WaterSite:
    """The part of a site that a moved picture still shows; all of it where none is left."""
    visible, share = visible_site(site, hidden)
    return visible if share > 0 else site


def archive_levels(model: WaterModel, looked: LookedSeries) -> Values:
    """Levels by the site that the series itself, unlabelled, teaches; those of single images where it teaches none."""
    return levels(model, looked, learn_site(looked.maps))


def masks_fraction(looked: LookedSeries, maps: Sequence[WaterMaps] | None = None) -> Values:
    """Plain share of each picture that the masks call water, NaN where withheld; by other maps where given."""
    shape = looked.small.shape[1:3]
    return np.array(
        [m.mask(*shape).mean() if m.flag is ValueFlag.GOOD else math.nan for m in maps or looked.maps]
    )


def untrained_controls(looked: LookedSeries) -> dict[str, Values]:
    """Levels that know nothing of water, and the plain fraction."""
    return {
        FRACTION: masks_fraction(looked),
        "time only": time_only(looked.series.times),
        "brightness only": brightness_only(looked.small),
        "first component": first_principal_component(looked.small),
    }


def gauge_pairs(looked: LookedSeries, rows: NDArray[np.int64], count: int, seed: int = 0) -> GaugePairs:
    """Answers of who reads the gauge, about these frames alone; ties at the limit of the eye or 1 % of the range."""
    truth = looked.series.truth_m
    span = float(np.nanmax(truth) - np.nanmin(truth)) if np.isfinite(truth).any() else 0.0
    same = SAME_M if looked.series.unit.startswith(("m", "cm")) else 0.01 * span
    pairs = ask_gauge(truth, rows, count, same=same, seed=seed)
    refuse_outside(pairs, rows)
    return pairs


def refuse_outside(pairs: GaugePairs, rows: NDArray[np.int64]) -> None:
    """Nothing is scored whose frames were labelled.

    Raises:
        AssertionError: A pair has a frame that is not among the rows: a fault of the program.
    """
    outside = pairs.rows() - {int(r) for r in rows}
    if outside:
        raise AssertionError(f"pairs with frames of the test: {sorted(outside)}")


def ranked(looked: LookedSeries, pairs: GaugePairs) -> RankedFrames:
    """What the naive RankNet is trained on."""
    return RankedFrames(looked.small, pairs.left, pairs.right, pairs.answers)


def foreign_ranknet(all_of: Sequence[LookedSeries], pairs: int, seed: int = 0) -> dict[str, Values]:
    """Camera -> levels of a naive RankNet that was trained on pairs of every *other* site."""
    found: dict[str, Values] = {}
    told = {s.series.camera: gauge_pairs(s, np.arange(len(s.maps)), pairs, seed) for s in all_of}
    for site in sorted({s.series.site for s in all_of}):
        others = [ranked(s, told[s.series.camera]) for s in all_of if s.series.site != site]
        net = train_ranknet(others, seed=seed)
        for s in all_of:
            if s.series.site == site:
                found[s.series.camera] = ranknet_levels(net, s.small)
    return found


def score_rows(
    by_method: Mapping[str, Sequence[LevelSeries]], *, resamples: int = 300, seed: int = 0
) -> Rows:
    """A row per method: medians with their bootstrap intervals by site and block, and the worst camera by name."""
    rows: list[dict[str, object]] = []
    for method, series in by_method.items():
        found = {s.figure: s for s in summarise(series, resamples=resamples, seed=seed, figures=_FIGURES)}
        rho, partial = found["spearman"], found["spearman_given_time"]
        rows.append(
            {
                "method": method,
                "cameras": len(series),
                "sites": len({s.site for s in series}),
                "kendall": found["kendall"].median,
                "kendall_95": _ends(found["kendall"]),
                "spearman": rho.median,
                "spearman_95": _ends(rho),
                "worst": rho.worst,
                "worst_camera": rho.worst_camera,
                "wrong_sign": sum(value < 0 for value in rho.by_camera.values()),
                "given_time": partial.median,
                "given_time_worst": partial.worst,
                "pair_accuracy": found["pair_accuracy"].median,
                "answered": found["answered"].median,
            }
        )
    return rows


def camera_rows(by_method: Mapping[str, Sequence[LevelSeries]]) -> Rows:
    """A row per camera and method."""
    figures = {
        method: {s.figure: s for s in summarise(series, resamples=1, figures=_FIGURES)}
        for method, series in by_method.items()
    }
    return [
        {
            "camera": s.camera,
            "method": method,
            **{name: figures[method][name].by_camera[s.camera] for name in _FIGURES},
        }
        for method, series in by_method.items()
        for s in series
    ]


def _ends(summary: LevelSummary) -> str:
    low, high = summary.interval
    return "-" if math.isnan(low) else f"{low:.2f}..{high:.2f}"


Told = Callable[[int, int], None]
