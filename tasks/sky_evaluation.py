"""Score answers about the sky: camera only, satellite only and both, beside controls and degraded inputs, in one table.

Written against answers, so that it needs no network: whoever runs one hands over what it answered about the same
moments, calibrated on other ones. Every row says where its moments come from: simulated skies prove what a fusion can
do with errors like those of its simulator, and nothing else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.contracts.sky_answers import SkyAnswers
from models.contracts.sky_batch import SkyTargets
from models.learn.sky_bootstrap import best_of, camera_days, interval, resampled, resampled_mean
from models.learn.sky_calibration import SkyCalibration, calibrated, okta_answers, without_withheld
from models.learn.sky_reliability import (
    calibration_errors,
    contradictions,
    genera_average_precision,
    median_base_error_m,
)
from models.learn.sky_scores import STATISTICS, score, score_parts
from models.learn.sky_truth import SkyCodes, lights, target_codes
from models.science.okta_sets import held, set_coverage

CAMERA, SATELLITE, BOTH = "camera only", "satellite only", "both"
SWITCH = "camera, else satellite"
BLOCKS = ("camera-day", "camera")


@dataclass(frozen=True, eq=False)
class SkyTrial:
    """Moments that nothing was fitted on, and what each method answered about them.

    Attributes:
        name: Of the moments: ``week`` (seen cameras, later weeks), ``camera`` (cameras never seen).
        targets: Truth of the ``n`` moments.
        camera: Id of each moment's camera ``(n,)``.
        time: Of each moment ``(n,)``, UTC.
        sun_elevation_deg: Of each moment ``(n,)``; NaN where not known.
        answers: Method -> answers of the network, not yet calibrated: ``CAMERA``, ``SATELLITE``, ``BOTH``, and others
            such as ``both, slots 30 min late``.
        controls: Method -> answers of `models.learn.sky_controls`, scored as they are.
        group: Kind of camera of each moment ``(n,)``; empty where there are no kinds.
        simulated: The moments are of the simulator.
    """

    name: str
    targets: SkyTargets
    camera: NDArray[np.str_]
    time: NDArray[np.datetime64]
    sun_elevation_deg: NDArray[np.floating]
    answers: Mapping[str, SkyAnswers]
    controls: Mapping[str, SkyAnswers] = field(default_factory=dict)
    group: NDArray[np.str_] | None = None
    simulated: bool = True

    def __post_init__(self) -> None:
        n = len(self.targets)
        for name, found in {
            **self.answers,
            **self.controls,
            "camera": self.camera,
            "time": self.time,
        }.items():
            if len(found) != n:
                raise ValueError(f"{self.name}: {len(found)} of {name} for {n} moments")


@dataclass
class SkyRow:
    """One method on one set of moments.

    Attributes:
        trial: Name of the set.
        part: ``all``, a light (``day``, ``twilight``, ``night``), a kind of camera, or ``both inputs there``.
        method: Name of the method.
        simulated: The moments are of the simulator.
        block: What was resampled as a whole.
        moments: Of the part.
        cameras: Of so many cameras.
        values: Score -> value; answers withheld are misses.
        intervals: Score -> 95 % interval.
        both_minus: Score -> (difference, 95 % interval) of ``BOTH`` minus this method, paired by block.
        sets: Level, coverage with its 95 % interval, and mean size of the okta sets, those of a withheld N included;
            ``None`` without a calibration.
    """

    trial: str
    part: str
    method: str
    simulated: bool
    block: str
    moments: int
    cameras: int
    values: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    both_minus: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    sets: dict[str, float] | None = None


def evaluate_sky(
    trial: SkyTrial,
    calibration: SkyCalibration | None = None,
    *,
    block: str = "camera-day",
    resamples: int = 1000,
    seed: int = 0,
) -> list[SkyRow]:
    """Score every method of a trial: on all moments, then by light and by kind of camera.

    Args:
        trial: What to score.
        calibration: Fitted on other moments; ``None`` scores the answers as they are and withholds none.
        block: ``camera-day``, or ``camera`` for what holds of a new camera.
        resamples: Of the bootstrap.
        seed: Of the bootstrap.
    """
    if block not in BLOCKS:
        raise ValueError(f"block {block!r}: one of {', '.join(BLOCKS)}")
    given, sets = _published(trial, calibration)
    truth = target_codes(trial.targets)
    blocks = trial.camera if block == "camera" else camera_days(trial.camera, trial.time)
    parts = {name: score_parts(answers, truth) for name, answers in given.items()}
    rows: list[SkyRow] = []
    for part, inside in _parts(trial).items():
        here = {name: {key: sums[inside] for key, sums in found.items()} for name, found in parts.items()}
        drawn = resampled(here, blocks[inside], resamples=resamples, seed=seed)
        of_part = [
            SkyRow(
                trial.name,
                part,
                name,
                trial.simulated,
                block,
                int(inside.sum()),
                len(np.unique(trial.camera[inside])),
                score(here[name]) | _further(answers.rows(inside), truth.rows(inside), whole=part == "all"),
                {key: interval(values) for key, values in drawn[name].items()},
                sets=_set_facts(
                    sets.get(name), trial.targets, inside, calibration, blocks, (resamples, seed)
                ),
            )
            for name, answers in given.items()
        ]
        _compare(of_part, drawn)
        rows += of_part
    return rows


Bounds = tuple[NDArray[np.int8], NDArray[np.int8]]


def _published(
    trial: SkyTrial, calibration: SkyCalibration | None
) -> tuple[dict[str, SkyAnswers], dict[str, Bounds]]:
    """The answers as they would be published, by method, and the okta sets of the network's."""
    if calibration is None:
        return {**trial.answers, **trial.controls}, {}
    given: dict[str, SkyAnswers] = {}
    sets: dict[str, Bounds] = {}
    for name, answers in trial.answers.items():
        warm = calibrated(answers, trial.camera, calibration)
        okta = okta_answers(warm, trial.camera, calibration)
        given[name], sets[name] = without_withheld(warm, okta.withheld), (okta.low, okta.high)
    return {**given, **trial.controls}, sets


def _parts(trial: SkyTrial) -> dict[str, NDArray[np.bool_]]:
    n = len(trial.targets)
    parts = {"all": np.ones(n, bool)}
    light = lights(trial.sun_elevation_deg)
    for kinds in (light, trial.group):
        if kinds is not None:
            parts |= {str(kind): kinds == kind for kind in np.unique(kinds) if kind}
    heard = [
        np.isfinite(a.okta).all(axis=1) for name, a in trial.answers.items() if name in (CAMERA, SATELLITE)
    ]
    if len(heard) == 2 and not np.logical_and(*heard).all():
        parts["both inputs there"] = np.logical_and(
            *heard
        )  # where neither input alone is a miss from the start
    return parts


def _further(answers: SkyAnswers, truth: SkyCodes, *, whole: bool) -> dict[str, float]:
    """Scores that are no sums over moments, and have no interval."""
    values = {"base_median_error_m": median_base_error_m(answers, truth)}
    if whole:  # of a part they need more moments than there may be
        values["genera_average_precision"] = genera_average_precision(answers, truth)
        values |= {f"ece_{head}": error for head, error in calibration_errors(answers, truth).items()}
        values |= {f"contradiction, {kind}": share for kind, share in contradictions(answers).items()}
    return values


def _set_facts(
    bounds: Bounds | None,
    targets: SkyTargets,
    inside: NDArray[np.bool_],
    calibration: SkyCalibration | None,
    blocks: NDArray[np.str_],
    drawing: tuple[int, int],
) -> dict[str, float] | None:
    if bounds is None or calibration is None:
        return None
    (low, high), truth = (bound[inside] for bound in bounds), targets.okta.numpy()[inside]
    share, size = set_coverage(low, high, truth)
    resamples, seed = drawing
    spread = interval(resampled_mean(held(low, high, truth), blocks[inside], resamples=resamples, seed=seed))
    facts = {"level": calibration.sets.level, "coverage": share, "mean_size": size}
    return facts | {"coverage_low": spread[0], "coverage_high": spread[1]}


def _compare(rows: Sequence[SkyRow], drawn: Mapping[str, Mapping[str, NDArray[np.float64]]]) -> None:
    """Fill in the differences of ``BOTH``; its own row has those to the better single input."""
    by_name = {row.method: row for row in rows}
    both = by_name.get(BOTH)
    if both is None:
        return
    singles = [name for name in (CAMERA, SATELLITE, SWITCH) if name in by_name]
    for key in (key for key, statistic in STATISTICS.items() if statistic.better):
        for row in rows:
            if row is not both:
                rival, rivals = row.values[key], drawn[row.method][key]
            elif len(singles) == 2:
                rival = float(best_of(key, [np.asarray(by_name[name].values[key]) for name in singles]))
                rivals = best_of(key, [drawn[name][key] for name in singles])
            else:
                continue
            row.both_minus[key] = (both.values[key] - rival, *interval(drawn[BOTH][key] - rivals))
