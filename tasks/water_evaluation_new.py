"""New cameras: levels of sites that the weights never saw, from one image and from an unlabelled archive."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from models.learn.fixed_lights import LIGHTS, relight
from models.learn.level_reliability import coverage_and_width, level_errors, relighting_shift
from models.science.level_metres import fit_metres
from models.water import WaterModel, learn_site
from tasks.drift_report_tables import Section
from tasks.water_evaluation import (
    ARCHIVE,
    FRACTION,
    ONE_IMAGE,
    RANKNET,
    LookedSeries,
    Told,
    archive_levels,
    camera_rows,
    foreign_ranknet,
    levels,
    levels_and_spreads,
    masks_fraction,
    score_rows,
    see,
    untrained_controls,
)
from tasks.water_series import WaterPicture

_FOREIGN_PAIRS = 100  # of each camera of the other sites, for the naive RankNet
_RELIT_FRAMES = 6
_TEST_EVERY = 3


def truth_words(all_of: Sequence[LookedSeries]) -> str:
    """What truth a figure has: camera, frames, unit."""
    told = [s for s in all_of if np.isfinite(s.series.truth).any()]
    return ", ".join(
        f"{s.series.camera} {int(np.isfinite(s.series.truth).sum())} {s.series.unit}" for s in told
    )


def score_new(
    model: WaterModel, all_of: Sequence[LookedSeries], what: str, *, resamples: int, seed: int
) -> Iterator[Section]:
    """Levels beside every control, over cameras and camera by camera.

    Args:
        model: The ensemble.
        all_of: Series, of which those without any truth are passed over.
        what: The population, for the title.
        resamples: Of the bootstrap.
        seed: Of everything drawn.
    """
    known = [s for s in all_of if np.isfinite(s.series.truth).sum() >= 3]
    if not known:
        return
    rival = foreign_ranknet(known, _FOREIGN_PAIRS, seed)
    by_method: dict[str, list] = {ONE_IMAGE: [], ARCHIVE: []}
    for s in known:
        by_method[ONE_IMAGE].append(s.scored(levels(model, s, None)))
        by_method[ARCHIVE].append(s.scored(archive_levels(model, s)))
        for name, level in untrained_controls(s).items():
            by_method.setdefault(name, []).append(s.scored(level))
        by_method.setdefault(f"{RANKNET}, of other sites", []).append(s.scored(rival[s.series.camera]))
    yield Section(
        f"New cameras, {what}: levels against {truth_words(known)}; withheld answers count as misses; 95 % bootstrap"
        " by site and block; in (b) the archive is the series itself without its truth",
        score_rows(by_method, resamples=resamples, seed=seed),
    )
    yield Section(f"New cameras, {what}: by camera", camera_rows(by_method))


def score_relighting(
    model: WaterModel, all_of: Sequence[LookedSeries], what: str, told: Told
) -> Iterator[Section]:
    """How far levels move when the same frames are relit; the truth is that the water did not."""
    kept: dict[str, list[tuple[NDArray[np.float64], NDArray[np.float64]]]] = {}
    for done, s in enumerate(all_of):
        told(done, len(all_of))
        rows = np.unique(
            np.linspace(0, len(s.maps) - 1, min(_RELIT_FRAMES, len(s.maps))).round().astype(np.int64)
        )
        few, site = s.taken(rows), learn_site(s.maps)
        relit = [see(model, [_relit(p, light) for p in few.pictures]) for light in LIGHTS]
        for name, of in ((ONE_IMAGE, None), (ARCHIVE, site)):
            if of is None and name is ARCHIVE:  # no water that varies: there is no such level
                continue
            other = np.stack([levels(model, few, of, maps) for maps in relit], axis=1)
            kept.setdefault(name, []).append((levels(model, few, of), other))
        plain = np.stack([masks_fraction(few, maps) for maps in relit], axis=1)
        kept.setdefault(FRACTION, []).append((masks_fraction(few), plain))
    told(len(all_of), len(all_of))
    yield Section(
        f"Relighting, {what}: |level of the relit frame - level|, {_RELIT_FRAMES} frames per camera, each in"
        f" {len(LIGHTS)} lights; the water is the same",
        [row for name, parts in kept.items() for row in _shift_rows(name, parts)],
    )


def _relit(picture: WaterPicture, light: str) -> WaterPicture:
    rgb = relight(picture.rgb, light)
    rgb[picture.hidden] = 0
    return WaterPicture(rgb, picture.hidden, picture.sha256)


def _shift_rows(
    name: str, parts: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]]
) -> Iterator[dict[str, object]]:
    level, relit = (np.concatenate([part[k] for part in parts]) for k in range(2))
    columns = {"all": relit, **{light: relit[:, k : k + 1] for k, light in enumerate(LIGHTS)}}
    for light, values in columns.items():
        shift = relighting_shift(level, values)
        yield {
            "method": name,
            "light": light,
            "mean": shift.mean,
            "largest": shift.largest,
            "within_0.03": shift.within,
            "answered": shift.answered,
        }


def score_intervals(model: WaterModel, all_of: Sequence[LookedSeries], what: str) -> Iterator[Section]:
    """Metres, or the scene's own unit, from two readings of three, on the third; every camera by itself.

    The readings are of the same day as the frames tested: this is interpolation between readings of a known event.
    """
    rows: list[dict[str, object]] = []
    inside: list[tuple[NDArray[np.float64], ...]] = []
    for s in all_of:
        truth = s.series.truth_m
        if np.isfinite(truth).sum() < _TEST_EVERY:
            continue
        level = archive_levels(model, s)
        test = np.arange(len(truth)) % _TEST_EVERY == _TEST_EVERY - 1
        fit = fit_metres(level[~test], truth[~test])
        metres = fit.convert(level[test], half_width_m=fit.half_width_m())
        interval = metres.interval
        covered, width, given = coverage_and_width(interval.low, interval.high, truth[test])
        error = np.abs(metres.value - truth[test])
        inside.append((interval.low, interval.high, truth[test]))
        rows.append(
            {
                "camera": s.series.camera,
                "readings": fit.readings,
                "fit": str(fit.method),
                "tested": int(test.sum()),
                "mean_abs_error": float(np.nanmean(error)) if np.isfinite(error).any() else math.nan,
                "range_of_truth": float(np.nanmax(truth) - np.nanmin(truth)),
                "within_90": covered,
                "mean_width": width,
                "with_interval": given,
            }
        )
    if not rows:
        return
    low, high, truth = (np.concatenate([part[k] for part in inside]) for k in range(3))
    covered, width, given = coverage_and_width(low, high, truth)
    rows.append(
        {
            **dict.fromkeys(rows[0]),
            "camera": "all",
            "tested": truth.size,
            "within_90": covered,
            "mean_width": width,
            "with_interval": given,
        }
    )
    yield from _level_intervals(model, all_of, what)
    yield Section(
        f"90 % intervals, {what}: gauge from levels of (b), fitted on two frames of three, on the third"
        f" ({truth_words(all_of)}); metres, or the unit of the scene",
        rows,
    )


def _level_intervals(model: WaterModel, all_of: Sequence[LookedSeries], what: str) -> Iterator[Section]:
    """Whether the intervals of the level itself, calibrated on other cameras, hold the level that the truth implies."""
    known = model.config.calibration
    if known is None:
        return
    rows: list[dict[str, object]] = []
    parts: list[tuple[NDArray[np.float64], ...]] = []
    for s in all_of:
        site = learn_site(s.maps)
        if site is None or np.isfinite(s.series.truth).sum() < _TEST_EVERY:
            continue
        level, spread = levels_and_spreads(model, s, site)
        half = np.minimum(known.quantile * (spread + known.offset), 1.0)
        error = level_errors(level, s.series.truth)
        parts.append((error, half, level))
        rows.append({"camera": s.series.camera, **_level_row(error, half, level)})
    if rows:
        error, half, level = (np.concatenate([part[k] for part in parts]) for k in range(3))
        rows.append({"camera": "all", **_level_row(error, half, level)})
        yield Section(
            f"{known.coverage:.0%} intervals of the level, {what}: calibrated on {known.cameras} rendered"
            " cameras; the error is that beside the level which the truth usually has there, by the other frames",
            rows,
        )


def _level_row(
    error: NDArray[np.float64], half: NDArray[np.float64], level: NDArray[np.float64]
) -> dict[str, object]:
    judged = np.isfinite(error)
    return {
        "frames": int(judged.sum()),
        "mean_abs_error": float(error[judged].mean()) if judged.any() else math.nan,
        "within": float((error <= half)[judged].mean()) if judged.any() else math.nan,
        "mean_width": float(2 * half[judged].mean()) if judged.any() else math.nan,
        "range_of_level": float(np.nanmax(level) - np.nanmin(level)) if judged.any() else math.nan,
    }
