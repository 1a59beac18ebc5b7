"""The causal watch of a camera's line of sight: what each night's frame means, said once and never revised.

``watch`` takes one frame at a time, in time order. The state is that of a filter over the past; it is never stored:
``replay`` rebuilds it from the record's rows of the last ``REPLAY_DAYS`` days and the events confirmed so far.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from models.science.drift_events import DriftEvent, FrameReading, Verdict
from models.science.line_of_sight import Lens

REPLAY_DAYS = 45


@dataclass(frozen=True)
class WatchState:
    """What the watch remembers; immutable."""

    lens: Lens


def begin(lens: Lens) -> WatchState:
    """The state before a camera's first frame."""
    return WatchState(lens)


def watch(state: WatchState, reading: FrameReading) -> tuple[WatchState, Verdict]:
    """Judge the next frame.

    Raises:
        ValueError: The frame is older than the last one: late frames are not watched.
    """
    raise NotImplementedError


def replay(lens: Lens, readings: Sequence[FrameReading], events: Sequence[DriftEvent]) -> WatchState:
    """The state after past frames, with the events that were confirmed on them taken as they were published.

    Args:
        lens: Of the camera's reference.
        readings: Past frames in time order; those of the last ``REPLAY_DAYS`` days suffice. Always pass the same span
            (whole days before the night's first frame), so that a night run again says the same.
        events: Every event published for the camera so far.
    """
    raise NotImplementedError
