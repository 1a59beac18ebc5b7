"""Where a picture mirrors itself from top to bottom: calm water shows what stands at its far edge upside down.

Source: reflections as a cue for water, Rankin and Matthies 2010.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

_HALF = 2
_SIDEWAYS = 15  # columns that a line of water is level over, at half the resolution


def mirror_symmetry(contrast: Tensor, reaches: tuple[int, ...]) -> Tensor:
    """How well the rows above each row agree with those below it in reverse.

    Args:
        contrast: Local contrast, about zero, ``(batch, 1, y, x)``.
        reaches: Rows that are compared on each side, at half the resolution, ascending.

    Returns:
        Correlations in [-1, 1], ``(batch, len(reaches), y, x)``; a water's edge is a row of high values.
    """
    slopes = _slopes(F.avg_pool2d(contrast, _HALF, ceil_mode=True))
    height = slopes.shape[-2]
    reach = reaches[-1]
    padded = F.pad(slopes, (0, 0, reach, reach))
    flipped = padded * padded.new_tensor([1.0, -1.0])[:, None, None]  # upside down, rises become falls
    product, above, below = (torch.zeros_like(slopes[:, :1]) for _ in range(3))
    found = []
    for k in range(1, reach + 1):
        # The axis lies between two rows: row y is compared with y + 1, y - 1 with y + 2, ...
        up = padded[..., reach - k + 1 : reach - k + 1 + height, :]
        down = flipped[..., reach + k : reach + k + height, :]
        product = product + (up * down).sum(1, keepdim=True)
        above, below = above + (up * up).sum(1, keepdim=True), below + (down * down).sum(1, keepdim=True)
        if k in reaches:
            sums = [_sideways(part) for part in (product, above, below)]
            found.append(sums[0] / (sums[1] * sums[2]).clamp_min(1e-6).sqrt())
    symmetry = torch.cat(found, dim=1)
    return F.interpolate(symmetry, size=contrast.shape[-2:], mode="bilinear", align_corners=False)


def _slopes(small: Tensor) -> Tensor:
    """Rise to the right and rise downwards ``(batch, 2, y, x)``; slow light is gone."""
    padded = F.pad(small, (1, 1, 1, 1), mode="replicate")
    right = padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]
    down = padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]
    return torch.cat([right, down], dim=1)


def _sideways(sums: Tensor) -> Tensor:
    return F.avg_pool2d(sums, (1, _SIDEWAYS), 1, (0, _SIDEWAYS // 2), count_include_pad=False)
