"""A camera's whole history explained at once: steps, the daily wave, outliers. For editions and evaluation."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.science.drift_events import DriftEvent, FrameClass, FrameReading
from models.science.line_of_sight import Lens


@dataclass(frozen=True)
class History:
    """What a whole series means.

    Attributes:
        events: In time order.
        classes: Of each frame, in the order given.
    """

    events: tuple[DriftEvent, ...]
    classes: tuple[FrameClass, ...]


def explain(readings: Sequence[FrameReading], lens: Lens) -> History:
    """Find the events of a series, looking both ways. Any order of frames; the answer is in the order given."""
    raise NotImplementedError
