"""Classes of the pixels of a picture of the sky: what stands there, and what cloud."""

from enum import IntEnum

NOT_LABELLED = 255
"""In a mask of either kind: nothing is known of this pixel."""


class SurfaceClass(IntEnum):
    """What a pixel looks at."""

    SKY = 0
    OCCLUDER = 1  # ground, buildings, trees, the rim of a lens, snow on it
    GLARE = 2  # sky, but the sun or its veil on the lens drowns what is there


class CloudClass(IntEnum):
    """What cloud a pixel of open sky shows."""

    CLEAR = 0
    THIN = 1  # the sky shines through
    THICK = 2
