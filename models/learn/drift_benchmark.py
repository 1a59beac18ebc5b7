"""Known warps put on real pictures: the truth that registrations are scored against.

A pair is two pictures of one camera at different times. The second is shown twice: *unwarped* (moved by a hidden
fraction of a pixel, so that it went through the same resampling) and *warped*. All three are cut to the part that holds
picture in each of them, symmetrically about the optical axis: no border gives the warp away.

Cameras that are called fixed move by 0.3 to 1.1 px between two times. The *difference truth* takes that out: a
method's answer H1 for the warped picture is compared with W1 W0^-1 H0, where H0 is its own answer for the unwarped one.
A method that always answers the same is therefore wrong by the whole warp.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from models.drift import WORKING_WIDTH
from models.learn.drift_errors import corner_error
from models.science.line_of_sight import (
    Lens,
    Pose,
    Projection,
    apply_homography,
    fit_homography,
    homography,
    map_points,
    pixel_grid,
)

SMALL = (4.0, 4.0, 0.2, 0.002)
LARGE = (32.0, 32.0, 1.5, 0.02)
"""Largest pan and tilt (pixels at 640 px width), roll (degrees) and relative zoom of a drawn warp."""
RECTILINEAR_HFOV_DEG = (40.0, 80.0)
CYLINDRICAL_HFOV_DEG = (100.0, 180.0)
DARK_BELOW, LIGHT_ABOVE = 1 / 3, 0.4
"""Mean luma of the two pictures of a dark/light pair: lit sites at night are exposed to 0.25-0.32, days above 0.4."""
_TALLEST_SHARE = 1 / 12  # of the height that tilt or roll may move a low panorama by
_LARGEST_MARGIN, _MARGIN_STEP, _KERNEL_PX = 0.25, 0.005, 2.0


def is_dark_light(first: float, second: float) -> bool:
    """Whether one picture is dark and the other light, from their mean lumas (0 to 1)."""
    return min(first, second) < DARK_BELOW and max(first, second) > LIGHT_ABOVE


@dataclass(frozen=True)
class KnownWarp:
    """A motion of the line of sight put on a picture.

    Attributes:
        lens: Of the whole picture, with the true field of view, which no method is told.
        pose: Whole unwarped picture to whole warped picture.
        margin: Columns and rows cut off at each side afterwards.
    """

    lens: Lens
    pose: Pose
    margin: tuple[int, int] = (0, 0)

    @cached_property
    def _inverse(self) -> NDArray[np.float64]:
        return np.asarray(np.linalg.inv(homography(self.pose, self.lens)), dtype=np.float64)

    def forward(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Pixels ``(n, 2)`` of the cut unwarped picture to pixels of the cut warped one."""
        return map_points(points + self.margin, self.pose, self.lens) - self.margin

    def backward(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """The inverse of ``forward``."""
        whole: NDArray[np.float64] = points + np.array(self.margin, dtype=np.float64)
        if self.lens.projection is Projection.RECTILINEAR:
            return apply_homography(self._inverse, whole) - self.margin
        found = whole
        for _ in range(12):  # the motion is a shift but for a few per cent: contracts quickly
            found = found - (map_points(found, self.pose, self.lens) - whole)
        return found - self.margin

    def cut_size(self) -> tuple[int, int]:
        """Width and height of what is shown."""
        return self.lens.width - 2 * self.margin[0], self.lens.height - 2 * self.margin[1]


def draw_pose(rng: np.random.Generator, lens: Lens, largest: tuple[float, float, float, float]) -> Pose:
    """A uniform pose within ``SMALL`` or ``LARGE``; a low panorama is tilted and rolled less.

    Args:
        rng: Source of chance.
        lens: Of the picture.
        largest: Pan and tilt at 640 px width, roll in degrees, relative zoom.
    """
    pan, tilt, roll, zoom = largest
    scale = lens.width / WORKING_WIDTH
    tallest = lens.height / scale * _TALLEST_SHARE  # px at 640
    tilt = min(tilt, tallest)
    roll = min(roll, math.degrees(tallest / (WORKING_WIDTH / 2)))
    p, t, r, z = rng.uniform(-1, 1, 4)
    return Pose(p * pan * scale, t * tilt * scale, r * roll, 1 + z * zoom)


def draw_lens(rng: np.random.Generator, width: int, height: int) -> Lens:
    """The true optics of a picture: a field of view that is not known to any method."""
    flat = Lens.of(width, height)
    cylinder = flat.projection is Projection.CYLINDRICAL
    low, high = CYLINDRICAL_HFOV_DEG if cylinder else RECTILINEAR_HFOV_DEG
    return Lens(width, height, float(rng.uniform(low, high)), flat.projection)


def common_margin(lens: Lens, poses: tuple[Pose, ...]) -> tuple[int, int]:
    """Columns and rows to cut off at each side, of one share, so that all warped pictures are full.

    Raises:
        ValueError: A pose moves the picture by more than a quarter.
    """
    for share in np.arange(_MARGIN_STEP, _LARGEST_MARGIN, _MARGIN_STEP):
        margin = (math.ceil(share * lens.width), math.ceil(share * lens.height))
        if all(_is_full(KnownWarp(lens, pose, margin)) for pose in poses):
            return margin
    raise ValueError("the warp leaves too little of the picture")


def _is_full(warp: KnownWarp) -> bool:
    width, height = warp.cut_size()
    edge = pixel_grid(Lens(width, height), 17, 17)
    source = warp.backward(edge) + warp.margin
    high = np.array([warp.lens.width - 1, warp.lens.height - 1]) - _KERNEL_PX
    return bool((source >= _KERNEL_PX).all() and (source <= high).all())


def warp_picture(picture: NDArray[np.uint8], warp: KnownWarp) -> NDArray[np.uint8]:
    """The cut warped picture ``(y, x, 3)``, bicubic.

    Args:
        picture: Whole picture ``(H, W, 3)`` of ``warp.lens``.
        warp: The motion and the margin.
    """
    width, height = warp.cut_size()
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).reshape(-1, 2)
    source = warp.backward(grid.astype(np.float64)) + warp.margin
    size = np.array([warp.lens.width, warp.lens.height])
    at = torch.from_numpy((2 * source + 1) / size - 1).float().reshape(1, height, width, 2)
    pixels = torch.from_numpy(picture.astype(np.float32)).permute(2, 0, 1)[None]
    warped = torch.nn.functional.grid_sample(pixels, at, mode="bicubic", align_corners=False)
    return warped[0].permute(1, 2, 0).round().clamp(0, 255).byte().numpy()


def add_fog(picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Synthetic fog, thicker towards the top where the scene is farther, and sensor noise; ``(y, x, 3)``."""
    height = picture.shape[0]
    air = 0.35 + 0.45 * float(picture.mean()) / 255  # fog is as bright as the light that there is
    top, bottom = rng.uniform(0.2, 0.4), rng.uniform(0.55, 0.8)
    clear = np.linspace(top, bottom, height)[:, None, None]
    hazy = picture / 255 * clear + air * (1 - clear)
    noisy = hazy + rng.normal(0, rng.uniform(0.02, 0.04), picture.shape)
    return np.asarray((255 * noisy).round().clip(0, 255), dtype=np.uint8)


@dataclass(frozen=True)
class Truth:
    """What is known of a pair: the two warps of its second picture.

    Attributes:
        unwarped: The fraction of a pixel that the unwarped picture was moved by.
        warped: The known warp.
    """

    unwarped: KnownWarp
    warped: KnownWarp

    @cached_property
    def shown(self) -> Lens:
        """The cut picture as the methods see it: its field of view is not known."""
        return Lens(*self.warped.cut_size(), None, self.warped.lens.projection)

    def expected(self, unwarped_answer: NDArray[np.float64] | None) -> NDArray[np.float64]:
        """The homography that the warped picture should get.

        Args:
            unwarped_answer: The method's for the unwarped picture; ``None``: the camera is taken to be fixed.
        """
        grid = pixel_grid(self.shown)
        if unwarped_answer is None:
            return fit_homography(grid, self.warped.forward(grid))
        seen = self.unwarped.backward(apply_homography(unwarped_answer, grid))
        return fit_homography(grid, self.warped.forward(seen))

    def natural_motion(self, unwarped_answer: NDArray[np.float64]) -> float:
        """Mean corner displacement of the camera itself between the two times, pixels at 640 px width."""
        still = fit_homography(pixel_grid(self.shown), self.unwarped.forward(pixel_grid(self.shown)))
        return corner_error(unwarped_answer, still, self.shown)


@dataclass(frozen=True)
class WarpedPair:
    """A pair as a method sees it, all pictures of one size, and what is known of it.

    Attributes:
        reference: ``(y, x, 3)``.
        unwarped: The other picture, moved by a fraction of a pixel.
        warped: The other picture under the known warp.
        truth: Of both.
    """

    reference: NDArray[np.uint8]
    unwarped: NDArray[np.uint8]
    warped: NDArray[np.uint8]
    truth: Truth


def put_warp(
    reference: NDArray[np.uint8],
    image: NDArray[np.uint8],
    rng: np.random.Generator,
    largest: tuple[float, float, float, float],
) -> WarpedPair:
    """Put a warp, drawn with its optics, on the second of two pictures of one size.

    Args:
        reference: Whole picture ``(y, x, 3)``.
        image: Likewise, of another time.
        rng: Source of chance.
        largest: ``SMALL`` or ``LARGE``.
    """
    lens = draw_lens(rng, reference.shape[1], reference.shape[0])
    pose = draw_pose(rng, lens, largest)
    nudge = Pose(*rng.uniform(-0.5, 0.5, 2))
    margin = common_margin(lens, (pose, nudge))
    truth = Truth(KnownWarp(lens, nudge, margin), KnownWarp(lens, pose, margin))
    columns, rows = margin
    return WarpedPair(
        np.ascontiguousarray(reference[rows:-rows, columns:-columns]),
        warp_picture(image, truth.unwarped),
        warp_picture(image, truth.warped),
        truth,
    )
