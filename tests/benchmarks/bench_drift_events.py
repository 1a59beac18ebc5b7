"""Steps found and false steps, on simulated lines of sight: groups of 20, causal watch, whole histories.

Beside each stands the trivial control: a step wherever two neighbouring images differ by more than a threshold, and
that threshold is the best one for these very series. A step counts as found within two images of its place; the causal
watch must also have confirmed it within 20 images.

    python -m tests.benchmarks.bench_drift_events [--groups 300] [--series 40] [--years 50] [--history-years 10]
"""

import argparse
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from models.science.drift_events import DriftEvent, FrameReading, to_corner_px
from models.science.drift_groups import find_step_in_group
from models.science.drift_history import explain
from models.science.drift_watch import begin, watch
from tests.benchmarks.drift_series import LENS, Conditions, random_step, series

GROUP = 20
NEAR = 2
STEPS_PX = (0.5, 1.0, 2.0)
GROUPS = (  # sigma, amplitude of the wave, share of outliers, sag
    (0.15, 0.0, 0.0, 0.0),
    (0.2, 0.0, 0.05, 0.0),
    (0.3, 0.0, 0.05, 0.0),
    (0.4, 0.0, 0.05, 0.0),
    (0.2, 0.0, 0.05, 0.01),
    (0.2, 0.3, 0.05, 0.0),
    (0.2, 1.0, 0.05, 0.0),
)
Found = list[tuple[int, int]]  # first frame after, frame of the confirmation


def values_of(readings: Sequence[FrameReading]) -> NDArray[np.float64]:
    """``(n, 4)`` corner pixels."""
    return np.array([to_corner_px(r.pose, r.covariance, LENS)[0] for r in readings])


def jumps(readings: Sequence[FrameReading]) -> NDArray[np.float64]:
    """What the control looks at."""
    return np.linalg.norm(np.diff(values_of(readings), axis=0), axis=1)


def f1(hits: int, false: int, missed: int) -> float:
    """Harmonic mean of precision and recall."""
    return 2 * hits / max(2 * hits + false + missed, 1)


def group_f1(rng: np.random.Generator, step: float, conditions: Conditions, groups: int) -> tuple[float, ...]:
    """F1 of ours, of the control; false share of ours. Every second group has a step."""
    ours, control = [], []
    for i in range(groups):
        at = int(rng.integers(4, GROUP - 3))
        truth = at if i % 2 else None
        steps = {at: random_step(rng, step)} if i % 2 else None
        readings = series(rng, conditions, steps)[:GROUP]
        poses, covariances = [r.pose for r in readings], [r.covariance for r in readings]
        ours.append((truth, find_step_in_group(poses, covariances, LENS).first_after))
        moves = jumps(readings)
        control.append((truth, int(moves.argmax()) + 1, float(moves.max())))
    best = max(
        score([(t, p if m > level else None) for t, p, m in control]) for level in np.linspace(0, 8, 81)
    )
    false = sum(t is None and p is not None for t, p in ours) / (groups / 2)
    return score(ours), best, false


def score(answers: Sequence[tuple[int | None, int | None]]) -> float:
    """F1 of pairs of truth and answer."""
    hits = sum(t is not None and p is not None and abs(t - p) <= NEAR for t, p in answers)
    said, true = sum(p is not None for _, p in answers), sum(t is not None for t, _ in answers)
    return f1(hits, said - hits, true - hits)


def places(events: Sequence[DriftEvent], times: NDArray[np.datetime64]) -> Found:
    """Where the changes of level are."""
    level = [e for e in events if e.kind.is_level_change]
    return [(int(np.searchsorted(times, e.time)), int(np.searchsorted(times, e.confirmed_at))) for e in level]


def causal(readings: Sequence[FrameReading]) -> Found:
    """Frame by frame."""
    state, events = begin(LENS), []
    for reading in readings:
        state, verdict = watch(state, reading)
        events += verdict.events
    return places(events, np.array([r.time for r in readings]))


def retrospective(readings: Sequence[FrameReading]) -> Found:
    """All at once."""
    return places(explain(readings, LENS).events, np.array([r.time for r in readings]))


def series_row(
    find: Callable[[Sequence[FrameReading]], Found],
    step: float,
    conditions: Conditions,
    count: int,
    wait: int,
) -> tuple[float, int, float]:
    """Recall, steps where there is none within twenty images, median number of images to the confirmation."""
    rng, hits, false, waits = np.random.default_rng(1), 0, 0, []
    for _ in range(count):
        at = int(rng.integers(150, 200))
        found = find(series(rng, conditions, {at: random_step(rng, step)}))
        near = [c - at + 1 for p, c in found if abs(p - at) <= NEAR and c - at < wait]
        hits += bool(near)
        false += sum(abs(p - at) > GROUP for p, _ in found)
        waits += near[:1]
    return hits / count, false, float(np.median(waits)) if waits else float("nan")


def false_rate(find: Callable[[Sequence[FrameReading]], Found], years: int) -> float:
    """False steps per camera-year; every year another camera."""
    rng = np.random.default_rng(2)
    return sum(len(find(series(rng, Conditions()))) for _ in range(years)) / years


def control_false_rate(threshold: float, years: int) -> float:
    """Of the control."""
    rng = np.random.default_rng(2)
    return sum(int((jumps(series(rng, Conditions())) > threshold).sum()) for _ in range(years)) / years


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--groups", type=int, default=300)
    parser.add_argument("--series", type=int, default=40)
    parser.add_argument("--years", type=int, default=50)
    parser.add_argument("--history-years", type=int, default=10)
    args = parser.parse_args()
    print(
        "groups of 20, undated, a step in every second one; sigma_px of the corners; images 37 h apart, sag px a day"
    )
    print("step  sigma  wave  outliers   sag | F1    control  groups wrongly said to have one")
    for step in STEPS_PX:
        for sigma, wave, outliers, sag in GROUPS if args.groups else ():
            rng = np.random.default_rng(0)
            conditions = Conditions(
                40,
                sigma,
                wave,
                sag_px=sag,
                annual_px=0,
                outliers=outliers,
                hours=(0, 24),
                spacing_minutes=2237,
            )
            ours, control, false = group_f1(rng, step, conditions, args.groups)
            row = f"{step:4.1f}  {sigma:5.2f}  {wave:4.1f}  {outliers:8.2f}  {sag:4.2f} | {ours:.2f}  {control:7.2f}"
            print(f"{row}  {false:.3f}", flush=True)
    print("series of 12 days, 27 images a day, daily wave with weather, 5 % outliers, no frames at night")
    print("method  step  sigma  wave | found  false  images to confirm")
    for name, find, wait in (("watch", causal, GROUP), ("history", retrospective, 10**9)):
        for step in STEPS_PX:
            for sigma, wave in ((0.2, 0.3), (0.3, 0.3), (0.2, 1.0), (0.4, 1.0)):
                found, false, waited = series_row(find, step, Conditions(12, sigma, wave), args.series, wait)
                row = f"{name:7s} {step:4.1f}  {sigma:5.2f}  {wave:4.1f} | {found:.2f}  {false:5d}  {waited:.0f}"
                print(row, flush=True)
    print(f"control, threshold 2 px: {control_false_rate(2.0, 3):.0f} false steps per camera-year (3 years)")
    rate = false_rate(retrospective, args.history_years)
    print(f"history: {rate:.3f} false steps per camera-year ({args.history_years} years)", flush=True)
    print(f"watch: {false_rate(causal, args.years):.3f} false steps per camera-year ({args.years} years)")


if __name__ == "__main__":
    main()
