"""Frames to slots by scan time."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.contracts.flags import AlignmentReason as Reason
from models.science.alignment import align_frames

NOON = np.datetime64("2024-06-01T12:00", "ns")


def _at(*minutes):
    return NOON + (np.array(minutes, dtype=float) * 60e9).astype("timedelta64[ns]")


def _align(frames, slots, ok=None, offset_s=660.0, tolerance_s=600.0):
    slots = _at(*slots)
    ok = np.ones(slots.shape, bool) if ok is None else np.array(ok, bool)
    return align_frames(_at(*frames), slots, np.full(slots.shape, offset_s), ok, tolerance_s)


def test_nearest_by_scan_time_not_by_nominal_time():
    # slots of 12:00 and 12:15 scan this line at 12:11 and 12:26; an image of 12:15 is 4 min after the first
    match = _align([15.0], [0, 15])
    assert match.slot_index.tolist() == [0]
    assert match.offset_s.tolist() == [-240.0]
    assert match.reason.tolist() == [Reason.MATCHED]


def test_of_two_equally_near_the_earlier():
    assert _align([18.5], [0, 15]).slot_index.tolist() == [0]  # scans 12:11 and 12:26


def test_reasons():
    # scans at 12:11, 12:26 (missing), 12:41
    ok = [True, False, True]
    match = _align([26, 0, -60, 41, 200], [0, 15, 30], ok, tolerance_s=300)
    assert match.reason.tolist() == [
        Reason.SLOT_MISSING,
        Reason.NO_SLOT,  # 11 min before the first scan
        Reason.NO_SLOT,
        Reason.MATCHED,
        Reason.NO_SLOT,
    ]
    assert np.isnan(match.offset_s[:3]).all()
    assert match.slot_index.tolist() == [-1, -1, -1, 2, -1]


def test_a_neighbour_within_the_tolerance_stands_in_for_a_missing_slot():
    match = _align([20], [0, 15], [True, False])  # scans 12:11 and 12:26, the latter missing
    assert match.slot_index.tolist() == [0]
    assert match.offset_s.tolist() == [-540.0]


def test_beyond_tolerance():
    match = _align([18], [0, 15], tolerance_s=60)  # 7 min after one scan, 8 before the next
    assert match.reason.tolist() == [Reason.BEYOND_TOLERANCE]


def test_empty_undated_and_no_slots():
    assert _align([], [0]).reason.size == 0
    nat = np.array(["NaT", "2024-06-01T12:11"], "datetime64[ns]")
    match = align_frames(nat, _at(0), np.array([660.0]), np.array([True]), 600)
    assert match.reason.tolist() == [Reason.NO_TIME, Reason.MATCHED]
    none = align_frames(nat, _at(), np.array([]), np.array([], bool), 600)
    assert none.reason.tolist() == [Reason.NO_TIME, Reason.NO_SLOT]
    assert _align([11], [0], [False]).reason.tolist() == [Reason.SLOT_MISSING]


def test_an_unknown_scan_offset_takes_the_usual_one():
    offsets = np.array([660.0, np.nan])
    match = align_frames(_at(26), _at(0, 15), offsets, np.array([True, False]), 60)
    assert match.reason.tolist() == [Reason.SLOT_MISSING]  # its scan would have been at 12:26


minutes = st.integers(-3000, 3000)


@given(
    st.lists(minutes, max_size=20),
    st.lists(st.tuples(minutes, st.booleans(), st.integers(0, 900)), max_size=20, unique_by=lambda s: s[0]),
    st.integers(0, 2000),
    st.randoms(),
)
def test_invariants(frames, slots, tolerance, random):
    frame_times = _at(*frames)
    slot_times = _at(*(s[0] for s in slots))
    ok = np.array([s[1] for s in slots], bool)
    offsets = np.array([s[2] for s in slots], float)
    match = align_frames(frame_times, slot_times, offsets, ok, tolerance)
    scans = slot_times + (offsets * 1e9).astype("timedelta64[ns]")
    for time, index, offset, reason in zip(
        frame_times, match.slot_index, match.offset_s, match.reason, strict=True
    ):
        gaps = np.abs((scans[ok] - time) / np.timedelta64(1, "s"))
        nearest = gaps.min() if gaps.size else np.inf
        assert (index >= 0) == (reason == Reason.MATCHED) == (nearest <= tolerance)
        if index >= 0:
            assert ok[index] and abs(offset) == nearest <= tolerance

    order = list(range(len(frames)))
    random.shuffle(order)
    turned = align_frames(frame_times[order], slot_times[::-1], offsets[::-1], ok[::-1], tolerance)
    np.testing.assert_array_equal(np.abs(turned.offset_s), np.abs(match.offset_s[order]))
    np.testing.assert_array_equal(turned.reason, match.reason[order])


def test_causal_matches_never_look_ahead():
    # scans at 12:11, 12:26, 12:41: the frame of 12:25 waits for none of them
    frames, slots = _at(25, 26, 5, 90), _at(0, 15, 30)
    match = align_frames(frames, slots, np.full(3, 660.0), np.ones(3, bool), 900, causal=True)
    assert match.slot_index.tolist() == [0, 1, -1, -1]
    assert match.offset_s[:2].tolist() == [-840.0, 0.0]
    assert match.reason.tolist() == [Reason.MATCHED, Reason.MATCHED, Reason.NO_SLOT, Reason.NO_SLOT]
    gap = align_frames(_at(27), slots, np.full(3, 660.0), np.array([True, False, True]), 600, causal=True)
    assert gap.reason.tolist() == [Reason.SLOT_MISSING]
