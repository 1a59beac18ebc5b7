"""What is answered about the sky at a moment, as probabilities; what is published is derived from it."""

from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Self

import numpy as np
from numpy.typing import NDArray


class SkySource(IntEnum):
    """What an answer rests on."""

    NONE = 0
    CAMERA = 1
    SATELLITE = 2
    BOTH = 3


@dataclass(frozen=True, eq=False)
class SkyAnswers:
    """Answers about ``n`` moments; rows of ``NONE`` are NaN.

    Attributes:
        okta: Probability of N = 0 to 8 of the full dome, given that it is not obscured, ``(n, 9)`` float32.
        obscured: Probability that the sky is obscured ``(n,)``.
        genera: Probability of presence of each genus ``(n, 10)``, by `models.contracts.cloud_labels.GENERA`.
        base: Probability of each code of 1600 and of no cloud, ``(n, BASE_STATES)``.
        levels: Probability of each code of CL, CM, CH and of invisible, ``(n, 3, LEVEL_STATES)``.
        source: ``SkySource`` ``(n,)`` int8.
    """

    okta: NDArray[np.float32]
    obscured: NDArray[np.float32]
    genera: NDArray[np.float32]
    base: NDArray[np.float32]
    levels: NDArray[np.float32]
    source: NDArray[np.int8]

    def rows(self, index: NDArray[np.generic]) -> Self:
        """The moments ``index``: places, or a mask of them."""
        return type(self)(*(getattr(self, f.name)[index] for f in fields(self)))

    def __len__(self) -> int:
        """Moments."""
        return len(self.obscured)
