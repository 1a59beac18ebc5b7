"""What a water level must beat: levels that know nothing of water.

None of them is trained, so that the direction of each is a convention: later, brighter, and more water pixels are
higher. ``turned_by_pairs`` gives a control the one bit that labelled pairs hold about its direction; where a model has
seen pairs of the camera, its controls should have seen them too.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.contracts.labels import MaskCode, PairAnswer

Values = NDArray[np.float64]
_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601


def time_only(times: ArrayLike) -> Values:
    """The later the higher: ``(n,)`` in [0, 1], from the first time to the last; a half where there is but one.

    Args:
        times: datetime64 ``(n,)``, in any order; NaT is NaN.
    """
    at = np.asarray(times, "datetime64[ns]")
    hours = (at - np.datetime64(0, "ns")) / np.timedelta64(1, "h")
    return _stretched(np.where(np.isnat(at), np.nan, hours))


def brightness_only(frames: NDArray[np.uint8]) -> Values:
    """The brighter the higher: mean luma ``(n,)`` in [0, 1] of frames ``(n, y, x, rgb)``."""
    return np.asarray(_grey(frames).mean((1, 2)) / 255, np.float64)


def first_principal_component(frames: NDArray[np.uint8]) -> Values:
    """Scores on the first principal component of the frames' pixels ``(n,)``, stretched to [0, 1].

    The sign of a component is arbitrary: it is turned so that it rises with the frames' mean brightness, and, where it
    does not go with brightness at all, so that the first frame is not above the middle.

    Args:
        frames: Of one camera ``(n, y, x, rgb)``, small and aligned.

    Returns:
        A half throughout where the frames are all alike.
    """
    if not len(frames):
        return np.empty(0)
    pixels = _grey(frames).reshape(len(frames), -1)
    brightness = pixels.mean(1)
    centred = pixels - pixels.mean(0)
    # n is far smaller than the number of pixels: the scores are eigenvectors of the frames' products.
    values, vectors = np.linalg.eigh(centred @ centred.T)
    scores = vectors[:, -1] * np.sqrt(max(values[-1], 0.0))
    along = float(scores @ (brightness - brightness.mean()))
    if abs(along) <= 1e-9 * np.abs(values[-1]):
        along = float(scores.mean() - scores[0])
    return _stretched(scores if along >= 0 else -scores)


def flooded_fraction(masks: ArrayLike) -> Values:
    """Plain share of water ``(n,)`` among the labelled pixels of masks ``(n, y, x)``; NaN where none is labelled."""
    codes = np.asarray(masks)
    labelled = (codes != MaskCode.NOT_LABELLED).sum((1, 2))
    water = (codes == MaskCode.WATER).sum((1, 2))
    return np.asarray(np.where(labelled > 0, water / labelled.clip(1), np.nan), np.float64)


def turned_by_pairs(levels: ArrayLike, left: ArrayLike, right: ArrayLike, answers: Sequence[str]) -> Values:
    """Levels, upside down (``1 - level``) where most labelled pairs say so.

    Args:
        levels: In [0, 1], ``(n,)``.
        left: Rows of the left images ``(pairs,)``.
        right: Rows of the right images.
        answers: ``PairAnswer`` of each; only those that say which is higher count.
    """
    level = np.asarray(levels, np.float64)
    rise = np.nan_to_num(level[np.asarray(left, np.int64)] - level[np.asarray(right, np.int64)])
    sides = {PairAnswer.LEFT_HIGHER: 1, PairAnswer.RIGHT_HIGHER: -1}
    said = np.array([sides.get(PairAnswer(a), 0) for a in answers], np.float64)
    return 1 - level if float(np.sign(rise) @ said) < 0 else level


def _grey(frames: NDArray[np.uint8]) -> Values:
    return np.asarray(frames.astype(np.float64) @ _LUMA, np.float64)


def _stretched(values: Values) -> Values:
    """To [0, 1]; a half where nothing varies."""
    known = values[np.isfinite(values)]
    if not known.size or np.ptp(known) <= 1e-9 * max(1.0, float(np.abs(known).max())):
        return np.where(np.isfinite(values), 0.5, np.nan)
    return np.asarray((values - known.min()) / np.ptp(known), np.float64)
