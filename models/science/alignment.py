"""Match frames to satellite slots by the time at which the camera's own line was scanned."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.contracts.flags import AlignmentReason

NO_SLOT_INDEX = -1
_SECOND = np.timedelta64(1, "s")


@dataclass(frozen=True)
class Alignment:
    """One row per frame.

    Attributes:
        slot_index: Index of the matched slot, -1 for none.
        offset_s: Scan time minus frame time, s; NaN for none.
        reason: `AlignmentReason` codes.
    """

    slot_index: npt.NDArray[np.int64]
    offset_s: npt.NDArray[np.float64]
    reason: npt.NDArray[np.int8]


def align_frames(
    frame_times: npt.NDArray[np.datetime64],
    slot_times: npt.NDArray[np.datetime64],
    line_scan_offset_s: npt.NDArray[np.floating],
    slot_ok: npt.NDArray[np.bool_],
    tolerance_s: float,
    causal: bool = False,
) -> Alignment:
    """Nearest usable slot by scan time, within a tolerance; of two equally near, the earlier.

    Args:
        frame_times: UTC, ``(frames,)``, any order; NaT for undated frames.
        slot_times: Nominal UTC times of all slots that are due, ``(slots,)``, any order.
        line_scan_offset_s: Scan time of the camera's line minus the nominal time, ``(slots,)``; where NaN (a slot that
            did not come) the median of the others stands in.
        slot_ok: Which slots hold data, ``(slots,)``.
        tolerance_s: Largest distance between frame and scan, s.
        causal: Only slots that were scanned before the frame, or at the same instant.

    Returns:
        The matches. Without one the reason is: ``NO_TIME``; ``SLOT_MISSING`` where the nearest slot due is within the
        tolerance, or has slots around it, but holds nothing; ``BEYOND_TOLERANCE`` where it holds data but was scanned
        too long before or after; ``NO_SLOT`` beyond both ends of the slots.
    """
    frames = frame_times.astype("datetime64[ns]")
    index = np.full(frames.shape, NO_SLOT_INDEX, dtype=np.int64)
    offset = np.full(frames.shape, np.nan)
    reason = np.full(frames.shape, AlignmentReason.NO_SLOT, dtype=np.int8)
    dated = ~np.isnat(frames)
    reason[~dated] = AlignmentReason.NO_TIME
    if slot_times.size == 0 or not dated.any():
        return Alignment(index, offset, reason)
    scans = _scan_times(slot_times, line_scan_offset_s)
    times = frames[dated]
    search = _latest if causal else _nearest
    due, due_distance = search(times, scans, np.arange(scans.size))
    usable, distance = search(times, scans, np.flatnonzero(slot_ok))
    matched = np.abs(distance) <= tolerance_s
    inside = (times >= scans.min()) & (times <= scans.max())
    near = inside | (np.abs(due_distance) <= tolerance_s)
    absent = np.where(slot_ok[due], AlignmentReason.BEYOND_TOLERANCE, AlignmentReason.SLOT_MISSING)
    reason[dated] = np.where(
        matched, AlignmentReason.MATCHED, np.where(near, absent, AlignmentReason.NO_SLOT)
    )
    index[dated] = np.where(matched, usable, NO_SLOT_INDEX)
    offset[dated] = np.where(matched, distance, np.nan)
    return Alignment(index, offset, reason)


def _scan_times(
    slot_times: npt.NDArray[np.datetime64], offsets_s: npt.NDArray[np.floating]
) -> npt.NDArray[np.datetime64]:
    known = np.isfinite(offsets_s)
    usual = float(np.median(offsets_s[known])) if known.any() else 0.0
    nanoseconds = np.rint(np.where(known, offsets_s, usual) * 1e9).astype("timedelta64[ns]")
    scans: npt.NDArray[np.datetime64] = slot_times.astype("datetime64[ns]") + nanoseconds
    return scans


def _nearest(
    times: npt.NDArray[np.datetime64], scans: npt.NDArray[np.datetime64], among: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Index into ``scans`` of the nearest of ``among``, and scan minus time in s (infinite where there is none)."""
    if among.size == 0:
        return np.zeros(times.shape, dtype=np.int64), np.full(times.shape, np.inf)
    ordered = among[np.argsort(scans[among], kind="stable")]
    right = np.searchsorted(scans[ordered], times).clip(0, ordered.size - 1)
    left = (right - 1).clip(0)
    to_left, to_right = ((scans[ordered[side]] - times) / _SECOND for side in (left, right))
    earlier = np.abs(to_left) <= np.abs(to_right)
    return np.where(earlier, ordered[left], ordered[right]), np.where(earlier, to_left, to_right)


def _latest(
    times: npt.NDArray[np.datetime64], scans: npt.NDArray[np.datetime64], among: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """As `_nearest`, of the scans that are not after the time."""
    if among.size == 0:
        return np.zeros(times.shape, dtype=np.int64), np.full(times.shape, np.inf)
    ordered = among[np.argsort(scans[among], kind="stable")]
    before = np.searchsorted(scans[ordered], times, side="right") - 1
    last = ordered[before.clip(0)]
    return last, np.where(before >= 0, (scans[last] - times) / _SECOND, np.inf)
