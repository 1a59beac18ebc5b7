"""A picture as a network may see it: what privacy blacks out is neither scenery nor contrast."""

import numpy as np
from numpy.typing import NDArray


def visible_scene(
    frame: NDArray[np.uint8] | NDArray[np.uint16], hidden: NDArray[np.bool_] | None
) -> NDArray[np.uint8] | NDArray[np.uint16] | None:
    """A frame whose hidden pixels have the mean colour of the others.

    So filled, an all-white picture is still one flat tone, and a dark one no darker.

    Args:
        frame: ``(y, x, 3)``; left as it is.
        hidden: Pixels ``(y, x)`` that are blacked out; ``None`` where there are none.

    Returns:
        The frame itself where nothing is hidden; ``None`` where everything is.
    """
    if hidden is None or not hidden.any():
        return frame
    if hidden.all():
        return None
    filled = frame.copy()
    filled[hidden] = np.round(frame[~hidden].mean(axis=0)).astype(frame.dtype)
    return filled
