"""Seen cameras: levels after a few answered pairs, in other light than that of the pairs, and at later times."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from models.learn.gauge_pairs import GaugePairs
from models.learn.level_controls import turned_by_pairs
from models.learn.level_scores import LevelSeries
from models.learn.naive_ranknet import ranknet_levels, train_ranknet
from models.learn.water_pairs import adapt_to_pairs
from models.water import WaterModel, WaterSite, learn_site
from tasks.drift_report_tables import Section
from tasks.water_evaluation import (
    RANKNET,
    LookedSeries,
    Told,
    gauge_pairs,
    levels,
    ranked,
    refuse_outside,
    score_rows,
    see,
    untrained_controls,
)

ADAPTED = "adapted to pairs"
LIGHT_BUDGETS = (0, 30, 100)
CURVE_BUDGETS = (300, 100, 50, 0)
_LAMP_SHARE = 0.2  # margins this dark beside the brightest tenth: the only light is a lamp at the camera
_LEAST_FRAMES = 4

Rows = NDArray[np.int64]


def light_groups(looked: LookedSeries) -> dict[str, Rows]:
    """Rows by light: a lamp at the camera reaches the middle of the picture alone, daylight all of it."""
    luma = looked.small.astype(np.float64).mean(-1)
    side = max(1, luma.shape[2] // 8)
    margins = np.median(np.concatenate([luma[..., :side], luma[..., -side:]], axis=2), axis=(1, 2))
    share = margins / np.quantile(luma, 0.9, axis=(1, 2)).clip(1)
    return {"daylight": np.flatnonzero(share >= _LAMP_SHARE), "infrared": np.flatnonzero(share < _LAMP_SHARE)}


def adapted(
    model: WaterModel, looked: LookedSeries, rows: Rows, pairs: GaugePairs
) -> tuple[WaterModel, WaterSite | None]:
    """Adapt to pairs among the given rows, whose pictures alone are seen; without a pair, the site is learned only."""
    refuse_outside(pairs, rows)
    seen = [k for k in rows if not looked.pictures[int(k)].hidden.all()]
    if not pairs.answers:
        return model, learn_site([looked.maps[int(k)] for k in seen])
    usable = set(map(int, seen))
    kept = [
        k
        for k, ends in enumerate(zip(pairs.left, pairs.right, strict=True))
        if {int(e) for e in ends} <= usable
    ]
    place = {int(row): k for k, row in enumerate(seen)}
    told = [(place[int(pairs.left[k])], place[int(pairs.right[k])], pairs.answers[k]) for k in kept]
    pictures = [looked.pictures[int(k)] for k in seen]
    return adapt_to_pairs(model, [p.rgb for p in pictures], told, hidden=[p.hidden for p in pictures])


def levels_of_test(
    model: WaterModel, looked: LookedSeries, train: Rows, test: Rows, pairs: GaugePairs, seed: int
) -> dict[str, LevelSeries]:
    """Levels of the test's frames: of the adapted model, and of controls that were told the same pairs."""
    refuse_outside(pairs, train)
    if set(map(int, train)) & set(map(int, test)):
        raise AssertionError("a frame is trained on and tested")
    own, site = adapted(model, looked, train, pairs)
    late = looked.taken(test)
    maps = late.maps if own is model else see(own, late.pictures)
    found = {ADAPTED: late.scored(levels(own, late, site, maps))}
    if pairs.answers:
        net = train_ranknet([ranked(looked, pairs)], seed=seed)
        found[f"{RANKNET}, same pairs"] = late.scored(ranknet_levels(net, late.small))
    for name, level in untrained_controls(looked).items():
        turned = turned_by_pairs(level, pairs.left, pairs.right, pairs.answers)
        found[name] = late.scored(turned[test])
    return found


def score_across_light(
    model: WaterModel,
    all_of: Sequence[LookedSeries],
    told: Told,
    *,
    resamples: int,
    seed: int,
    budgets: Sequence[int] = LIGHT_BUDGETS,
) -> Iterator[Section]:
    """Every camera that is known in two lights: pairs in one, levels in the other, both ways."""
    cases = []
    for s in all_of:
        groups = light_groups(s)
        if np.isfinite(s.series.truth).any() and min(map(len, groups.values())) >= _LEAST_FRAMES:
            cases += [(s, a, b, n) for a, b in (tuple(groups), tuple(groups)[::-1]) for n in budgets]
    rows: list[dict[str, object]] = []
    for done, (s, source, target, budget) in enumerate(cases):
        told(done, len(cases))
        groups = light_groups(s)
        pairs = gauge_pairs(s, groups[source], budget, seed)
        found = levels_of_test(model, s, groups[source], groups[target], pairs, seed)
        facts = {
            "camera": s.series.camera,
            "pairs_in": source,
            "levels_in": target,
            "frames": len(groups[target]),
            "asked": budget,
            "pairs": len(pairs.answers),
        }
        rows += [
            {**facts, **row} for row in score_rows({k: [v] for k, v in found.items()}, resamples=resamples)
        ]
    told(len(cases), len(cases))
    yield Section(
        "Seen cameras across light, real sites: pairs answered from the gauge (ties within 0.7 cm) in one light, levels"
        " against the gauge in the other; no frame of the test is in a pair; no more pairs than the light has",
        rows,
    )


def score_curve(
    model: WaterModel,
    all_of: Sequence[LookedSeries],
    told: Told,
    *,
    resamples: int,
    seed: int,
    budgets: Sequence[int] = CURVE_BUDGETS,
) -> Iterator[Section]:
    """The learning curve: pairs among the first half of each camera's frames, levels of the second half."""
    rows: list[dict[str, object]] = []
    steps, done = len(budgets) * len(all_of), 0
    for budget in budgets:
        by_method: dict[str, list[LevelSeries]] = {}
        for s in all_of:
            told(done, steps)
            half = len(s.maps) // 2
            train, test = np.arange(half), np.arange(half, len(s.maps))
            pairs = gauge_pairs(s, train, budget, seed)
            for name, series in levels_of_test(model, s, train, test, pairs, seed).items():
                by_method.setdefault(name, []).append(series)
            done += 1
        rows += [{"pairs": budget, **row} for row in score_rows(by_method, resamples=resamples, seed=seed)]
    told(steps, steps)
    yield Section(
        "Seen cameras, demo network: pairs per camera among the first half of its frames, levels of the second half"
        " against the rendered level, under independent light, weather and motion (drift-stabilised)",
        rows,
    )
