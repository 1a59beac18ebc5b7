"""A simulated month of slots and frames: gaps, slots that come late, frames at irregular times."""

from dataclasses import dataclass

import numpy as np

from models.contracts.flags import AlignmentReason
from models.science.alignment import Alignment, align_frames

MONTH = np.datetime64("2024-06-01", "ns")
_SECOND = np.timedelta64(1, "s")


@dataclass(frozen=True)
class Instrument:
    """When an imager scans one place.

    Attributes:
        name: Of the imager.
        cadence_s: Between slots.
        scan_s: Of the camera's line after the nominal time.
    """

    name: str
    cadence_s: int
    scan_s: float


SEVIRI = Instrument("SEVIRI at Toulouse", 900, 665.0)
FCI = Instrument("FCI at Toulouse", 600, 515.0)


@dataclass(frozen=True)
class Month:
    """Slots that are due and frames.

    Attributes:
        slots: Nominal times, ``(slots,)``.
        scan_offset_s: Of the camera's line, ``(slots,)``; NaN where nothing came.
        on_time: Slots that came when they were due.
        in_the_end: Slots that came at all.
        frames: Frame times, unsorted, some undated, ``(frames,)``.
    """

    slots: np.ndarray
    scan_offset_s: np.ndarray
    on_time: np.ndarray
    in_the_end: np.ndarray
    frames: np.ndarray


def simulate(instrument: Instrument, days: int, seed: int, gaps: bool = True) -> Month:
    """Draw a month.

    Args:
        instrument: The imager; its lines are scanned within 2 s of the same time in every cycle.
        days: Length.
        seed: Of everything random.
        gaps: Single slots missing (2 %), outages of one to eight hours (one in three days), 3 % of the slots late.
    """
    rng = np.random.default_rng(seed)
    count = days * 86_400 // instrument.cadence_s
    slots = MONTH + np.arange(count) * np.timedelta64(instrument.cadence_s, "s")
    offset = instrument.scan_s + rng.uniform(-2, 2, count)
    came, late = np.ones(count, bool), np.zeros(count, bool)
    if gaps:
        came &= rng.random(count) > 0.02
        for start in rng.integers(0, count, days // 3 + 1):
            came[start : start + rng.integers(1, 9) * 3600 // instrument.cadence_s] = False
        late = came & (rng.random(count) < 0.03)
    # A frame every ten minutes or so, give or take some; a camera that was off now and then.
    steps = rng.exponential(300, days * 160) + 240
    seconds = np.cumsum(steps)
    seconds = seconds[(seconds < days * 86_400) & (np.sin(seconds / 70_000) > -0.98)]
    frames = MONTH + (seconds * 1e9).astype("timedelta64[ns]")
    rng.shuffle(frames)
    frames[::97] = np.datetime64("NaT")
    return Month(slots, np.where(came, offset, np.nan), came & ~late, came, frames)


def by_scan_time(month: Month, held: np.ndarray, tolerance_s: float) -> Alignment:
    """As Vigie matches."""
    return align_frames(
        month.frames, month.slots, np.where(held, month.scan_offset_s, np.nan), held, tolerance_s
    )


def by_nominal_time(month: Month, after_s: float) -> np.ndarray:
    """Image-to-scan gap, s, of matching on nominal time plus ``after_s`` (0: start; the cadence: end), NaN undated."""
    zero = np.full(month.slots.shape, after_s)
    match = align_frames(month.frames, month.slots, zero, month.in_the_end, np.inf)
    matched = match.slot_index >= 0
    slot = match.slot_index[matched]
    scan = month.slots[slot] + (month.scan_offset_s[slot] * 1e9).astype("timedelta64[ns]")
    gaps = np.full(month.frames.shape, np.nan)
    gaps[matched] = np.abs((scan - month.frames[matched]) / _SECOND)
    return gaps


def brute_force(month: Month, held: np.ndarray, tolerance_s: float) -> tuple[np.ndarray, np.ndarray]:
    """The same by looking at every slot for every frame: slot (-1 for none) and reason."""
    usual = np.nanmedian(np.where(held, month.scan_offset_s, np.nan))
    offset = np.where(held, month.scan_offset_s, usual)
    scans = [t + np.timedelta64(round(s * 1e9), "ns") for t, s in zip(month.slots, offset, strict=True)]
    scans = np.array(scans)
    index, reasons = [], []
    for time in month.frames:
        if np.isnat(time):
            index.append(-1)
            reasons.append(AlignmentReason.NO_TIME)
            continue
        gap = np.abs((scans - time) / _SECOND)
        best = min(np.flatnonzero(held), key=lambda k: gap[k])
        if gap[best] <= tolerance_s:
            index.append(int(best))
            reasons.append(AlignmentReason.MATCHED)
            continue
        index.append(-1)
        nearest = int(np.argmin(gap))
        around = scans.min() <= time <= scans.max() or gap[nearest] <= tolerance_s
        absent = AlignmentReason.BEYOND_TOLERANCE if held[nearest] else AlignmentReason.SLOT_MISSING
        reasons.append(absent if around else AlignmentReason.NO_SLOT)
    return np.array(index), np.array(reasons)
