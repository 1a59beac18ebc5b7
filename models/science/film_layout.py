"""How a before/after film is laid out, and which detail of the scene it magnifies."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.drift import WORKING_WIDTH

_STACKED_ASPECT = 2.2
_SIDE_WIDTH, _STACKED_WIDTH = 480, 960
_MAGNIFIED, _MAGNIFIED_PANORAMA = 3.0, 7.7  # screen pixels for a pixel at 640 px width: half a pixel is seen
_MARGIN = 0.12


@dataclass(frozen=True)
class FilmLayout:
    """Sizes on the screen, pixels.

    Attributes:
        width: Of the reference.
        height: Of the reference.
    """

    width: int
    height: int

    @property
    def stacked(self) -> bool:
        """One above the other: for panoramas."""
        return self.width > _STACKED_ASPECT * self.height

    @property
    def panel(self) -> tuple[int, int]:
        """Width and height of a whole picture."""
        width = _STACKED_WIDTH if self.stacked else _SIDE_WIDTH
        return width, max(round(width * self.height / self.width), 1)

    @property
    def detail(self) -> tuple[int, int]:
        """Width and height of the magnified detail."""
        return self.panel[0], max(self.panel[0] // (8 if self.stacked else 3), 1)

    @property
    def from_panel(self) -> NDArray[np.float64]:
        """Panel pixels to reference pixels, ``(3, 3)``; pixel centres are at integers."""
        return scaling(self.width / self.panel[0])

    @property
    def box(self) -> tuple[int, int]:
        """Width and height of the detail within the panel."""
        magnified = _MAGNIFIED_PANORAMA if self.stacked else _MAGNIFIED
        shrink = self.panel[0] / (magnified * WORKING_WIDTH)
        return round(self.detail[0] * shrink), max(round(self.detail[1] * shrink), 1)

    def from_detail(self, corner: tuple[int, int]) -> NDArray[np.float64]:
        """Detail pixels to reference pixels, ``(3, 3)``, for a box whose first panel pixel is ``corner`` (x, y)."""
        to_panel = scaling(self.box[0] / self.detail[0])
        to_panel[:2, 2] += corner
        return self.from_panel @ to_panel


def scaling(ratio: float) -> NDArray[np.float64]:
    """Pixels to pixels ``ratio`` times as many, ``(3, 3)``."""
    return np.array([[ratio, 0, (ratio - 1) / 2], [0, ratio, (ratio - 1) / 2], [0, 0, 1.0]])


def detail_corner(panels: NDArray[np.uint8], box: tuple[int, int]) -> tuple[int, int]:
    """First pixel (x, y) of the box with the most lasting structure, across and along.

    The median over the frames keeps what stays; margins, where captions stand, are left out.

    Args:
        panels: Stabilised, grey ``(frame, y, x)``.
        box: Width and height of the detail.
    """
    lasting = np.median(panels, axis=0)
    height, width = lasting.shape
    dx, dy = np.abs(np.diff(lasting, axis=1))[1:], np.abs(np.diff(lasting, axis=0))[:, 1:]
    structure = np.sqrt(_box_sums(dx, box) * _box_sums(dy, box))
    top, left = int(_MARGIN * height), int(_MARGIN * width)
    inner = structure[top : structure.shape[0] - top, left : structure.shape[1] - left]
    if inner.size == 0:
        return max((width - box[0]) // 2, 0), max((height - box[1]) // 2, 0)
    y, x = np.unravel_index(int(inner.argmax()), inner.shape)
    return int(x) + left, int(y) + top


def _box_sums(values: NDArray[np.float64], box: tuple[int, int]) -> NDArray[np.float64]:
    """Sums over every box that lies within, by its first pixel."""
    sums = np.pad(values, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    w, h = box
    return np.asarray(sums[h:, w:] - sums[:-h, w:] - sums[h:, :-w] + sums[:-h, :-w]).clip(min=0)
