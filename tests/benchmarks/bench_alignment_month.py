"""How far images are from the scan of their line, over a simulated month, by three ways of matching in one run.

Run: ``python -m tests.benchmarks.bench_alignment_month``.
"""

import time

import numpy as np

from models.contracts.flags import AlignmentReason
from tests.benchmarks.alignment_month import (
    FCI,
    SEVIRI,
    Instrument,
    Month,
    brute_force,
    by_nominal_time,
    by_scan_time,
    simulate,
)

TOLERANCE_S = 600.0


def describe(what: str, gaps_s: np.ndarray) -> None:
    """Median, 95 % and worst, minutes."""
    known = gaps_s[np.isfinite(gaps_s)] / 60
    print(
        f"  {what:<34} {len(known):6} frames  median {np.median(known):5.2f}  95 % {np.percentile(known, 95):5.2f}"
        f"  worst {known.max():6.2f} min"
    )


def compare(instrument: Instrument, month: Month) -> None:
    """The three ways, on the frames that lie between the first scan and the last."""
    edge = np.timedelta64(2 * instrument.cadence_s, "s")
    inside = (month.frames > month.slots[0] + edge) & (month.frames < month.slots[-1] - edge)
    describe("nominal start, any distance", np.where(inside, by_nominal_time(month, 0.0), np.nan))
    describe(
        "nominal end, any distance", np.where(inside, by_nominal_time(month, instrument.cadence_s), np.nan)
    )
    every = by_scan_time(month, month.in_the_end, np.inf)
    describe("scan time, any distance", np.where(inside, np.abs(every.offset_s), np.nan))
    match = by_scan_time(month, month.in_the_end, TOLERANCE_S)
    describe(f"scan time, within {TOLERANCE_S:.0f} s", np.abs(match.offset_s))
    reasons = {AlignmentReason(int(code)).name.lower(): int(n) for code, n in _counts(match.reason)}
    print(f"  reasons: {reasons}")


def _counts(codes: np.ndarray) -> list[tuple[np.int8, np.int64]]:
    return list(zip(*np.unique(codes, return_counts=True), strict=True))


def main() -> None:
    """SEVIRI and FCI, a month without gaps and with; the latter against brute force, late slots out and in."""
    for instrument in (SEVIRI, FCI):
        print(
            f"{instrument.name}: every {instrument.cadence_s // 60} min, scanned {instrument.scan_s:.0f} s later"
        )
        print(" every slot came")
        compare(instrument, simulate(instrument, 30, seed=1, gaps=False))
        print(" gaps and late slots")
        month = simulate(instrument, 30, seed=1)
        compare(instrument, month)
        for held in (month.on_time, month.in_the_end):
            begun = time.perf_counter()
            match = by_scan_time(month, held, TOLERANCE_S)
            took = time.perf_counter() - begun
            begun = time.perf_counter()
            index, reason = brute_force(month, held, TOLERANCE_S)
            brute = time.perf_counter() - begun
            wrong = int(((match.slot_index != index) | (match.reason != reason)).sum())
            print(
                f"  {held.sum()} of {held.size} slots: {wrong} of {index.size} frames differ from brute force"
                f" ({1000 * took:.1f} ms beside {1000 * brute:.0f} ms)"
            )


if __name__ == "__main__":
    main()
