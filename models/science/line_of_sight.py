"""How the picture of a camera moves when its line of sight does: pan, tilt, roll, zoom, and back.

Conventions, the same everywhere in Vigie:

* Pixels: x to the right, y down, the centre of the first pixel at (0, 0). The image centre is ((w - 1) / 2,
  (h - 1) / 2).
* A pose is that of an image relative to a reference image. It maps reference pixels to image pixels: the scene point
  seen at ``p`` in the reference is seen at ``H p`` in the image.
* **pan** > 0: the camera turned to the right; the scene moves left. **tilt** > 0: the camera turned up; the scene
  moves down. **roll** > 0: the scene turns clockwise about the image centre (the camera turned counter-clockwise).
  **zoom** > 1: the scene is magnified about the image centre. The scene is panned, then tilted, rolled and zoomed.
* ``pan_px`` and ``tilt_px`` are the displacement of the scene at the image centre, in pixels of the reference:
  ``f tan(pan)`` and ``f tan(tilt)``. They need no knowledge of the focal length f.

The focal length enters as the *curvature* ``k = (w / 2 / f)**2 = tan(hfov / 2)**2``, which bends the motion towards
the edges; k = 0 is a similarity of the plane. A cylindrical panorama (columns are equal steps of azimuth) has
``k = (hfov / 2)**2``, hfov in radians. In *normalised* coordinates the unit is half the image width and the origin the
image centre; a normalised pose is ``(pan, tilt, roll, log zoom)``, pan and tilt in half widths, roll in radians.

Source: H = K' R K^-1, Hartley and Zisserman 2004, "Multiple View Geometry in Computer Vision", section 8.4.2.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

PANORAMA_ASPECT = 4.0
PRIOR_CURVATURE = 0.3  # tan(57 deg / 2) squared: what a webcam mostly is
PRIOR_CURVATURE_SIGMA = 0.2
_FLAT = 1e-6  # a cylinder of less curvature is a plane, to single precision


class Projection(StrEnum):
    """How directions become pixels."""

    RECTILINEAR = "rectilinear"
    CYLINDRICAL = "cylindrical"


@dataclass(frozen=True)
class Lens:
    """What is known of the reference's optics.

    Attributes:
        width: Reference width, pixels.
        height: Reference height, pixels.
        hfov_deg: Horizontal field of view, degrees; ``None`` where it is not known.
        projection: Rectilinear, or cylindrical for a stitched panorama.
    """

    width: int
    height: int
    hfov_deg: float | None = None
    projection: Projection = Projection.RECTILINEAR

    @classmethod
    def of(cls, width: int, height: int, hfov_deg: float | None = None) -> "Lens":
        """A panorama where the picture is at least four times as wide as high or its field is 120 degrees and more."""
        wide = width >= PANORAMA_ASPECT * height or (hfov_deg or 0.0) >= 120.0
        return cls(width, height, hfov_deg, Projection.CYLINDRICAL if wide else Projection.RECTILINEAR)

    @property
    def half_width(self) -> float:
        """Pixels per normalised unit."""
        return self.width / 2

    @property
    def curvature(self) -> float:
        """``k``; the prior's where the field of view is not known."""
        if self.hfov_deg is None:
            return PRIOR_CURVATURE
        half = math.radians(self.hfov_deg) / 2
        return half**2 if self.projection is Projection.CYLINDRICAL else math.tan(half) ** 2

    @property
    def focal_px(self) -> float | None:
        """Focal length in pixels, ``None`` where the field of view is not known."""
        return None if self.hfov_deg is None else self.half_width / math.sqrt(self.curvature)

    @cached_property
    def to_normalised(self) -> NDArray[np.float64]:
        """Pixels to normalised coordinates, homogeneous ``(3, 3)``."""
        s, cx, cy = self.half_width, (self.width - 1) / 2, (self.height - 1) / 2
        return np.array([[1 / s, 0, -cx / s], [0, 1 / s, -cy / s], [0, 0, 1.0]])


@dataclass(frozen=True)
class Pose:
    """The line of sight of an image relative to its reference; see the module for signs and units.

    Attributes:
        pan_px: Pixels of the reference.
        tilt_px: Pixels of the reference.
        roll_deg: Degrees.
        zoom: Ratio.
    """

    pan_px: float = 0.0
    tilt_px: float = 0.0
    roll_deg: float = 0.0
    zoom: float = 1.0

    def normalised(self, lens: Lens) -> Tensor:
        """``(4,)`` float64: pan, tilt, roll, log zoom."""
        s = lens.half_width
        values = [self.pan_px / s, self.tilt_px / s, math.radians(self.roll_deg), math.log(self.zoom)]
        return torch.tensor(values, dtype=torch.float64)

    @classmethod
    def from_normalised(cls, values: Tensor, lens: Lens) -> "Pose":
        """The inverse of ``normalised``; ``(4,)``."""
        pan, tilt, roll, log_zoom = (float(v) for v in values)
        return cls(pan * lens.half_width, tilt * lens.half_width, math.degrees(roll), math.exp(log_zoom))

    def angles_deg(self, lens: Lens) -> tuple[float, float] | None:
        """Pan and tilt in degrees; ``None`` where the field of view is not known."""
        if lens.focal_px is None:
            return None
        pan = self.pan_px / lens.focal_px
        if lens.projection is Projection.RECTILINEAR:
            pan = math.atan(pan)
        return math.degrees(pan), math.degrees(math.atan(self.tilt_px / lens.focal_px))


def displace(points: Tensor, pose: Tensor, curvature: Tensor, projection: Projection) -> Tensor:
    """Where reference points are seen in the image, normalised coordinates.

    Args:
        points: ``(..., n, 2)``, x and y.
        pose: ``(..., 4)``, normalised.
        curvature: ``(...)``, not negative.
        projection: Of the reference and the image alike.

    Returns:
        ``(..., n, 2)``.
    """
    u, v = points[..., 0], points[..., 1]
    pan, tilt, roll, log_zoom = (p[..., None] for p in pose.unbind(-1))
    k = curvature[..., None]
    if projection is Projection.CYLINDRICAL:
        return _displace_cylinder(u, v, (pan, tilt, roll, log_zoom), k.clamp_min(_FLAT))
    depth = 1 + k * pan * u
    u, v = (u - pan) / depth, v * torch.sqrt(1 + k * pan**2) / depth
    depth = 1 - k * tilt * v
    u, v = u * torch.sqrt(1 + k * tilt**2) / depth, (v + tilt) / depth
    cos, sin = torch.exp(log_zoom) * torch.cos(roll), torch.exp(log_zoom) * torch.sin(roll)
    return torch.stack([cos * u - sin * v, sin * u + cos * v], dim=-1)


def _displace_cylinder(
    u: Tensor, v: Tensor, pose: tuple[Tensor, Tensor, Tensor, Tensor], k: Tensor
) -> Tensor:
    pan, tilt, roll, log_zoom = pose
    root = torch.sqrt(k)
    azimuth = (u - pan) * root
    x, y, z = torch.sin(azimuth), v * root, torch.cos(azimuth)
    beta = torch.atan(tilt * root)
    y, z = y * torch.cos(beta) + z * torch.sin(beta), z * torch.cos(beta) - y * torch.sin(beta)
    x, y = x * torch.cos(roll) - y * torch.sin(roll), x * torch.sin(roll) + y * torch.cos(roll)
    scale = torch.exp(log_zoom) / root
    return torch.stack([torch.atan2(x, z) * scale, y / torch.hypot(x, z) * scale], dim=-1)


def jacobian(points: Tensor, pose: Tensor, curvature: Tensor, projection: Projection) -> Tensor:
    """Derivative of ``displace`` by pan, tilt, roll, log zoom and curvature, by central differences.

    Args:
        points: ``(batch, n, 2)``.
        pose: ``(batch, 4)``.
        curvature: ``(batch,)``.
        projection: As in ``displace``.

    Returns:
        ``(batch, n, 2, 5)``.
    """
    step = 1e-3 if pose.dtype == torch.float64 else 1e-2  # the motion is all but quadratic in each of them
    with torch.no_grad():
        state = torch.cat([pose, curvature[:, None].clamp_min(step)], dim=1)  # (B, 5)
        moves = step * torch.eye(5, dtype=pose.dtype, device=pose.device)
        states = state[:, None] + torch.cat([moves, -moves])  # (B, 10, 5)
        moved = displace(points[:, None], states[..., :4], states[..., 4], projection)  # (B, 10, n, 2)
        return ((moved[:, :5] - moved[:, 5:]) / (2 * step)).permute(0, 2, 3, 1)


def pixel_grid(lens: Lens, columns: int = 9, rows: int = 9) -> NDArray[np.float64]:
    """Points ``(columns * rows, 2)`` that span the picture, the corners included, pixels."""
    x, y = np.linspace(0, lens.width - 1, columns), np.linspace(0, lens.height - 1, rows)
    return np.asarray(np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2), np.float64)


def map_points(
    points: NDArray[np.float64], pose: Pose, lens: Lens, curvature: float | None = None
) -> NDArray[np.float64]:
    """Reference pixels ``(n, 2)`` to image pixels ``(n, 2)``."""
    k = torch.tensor(lens.curvature if curvature is None else curvature, dtype=torch.float64)
    centred = apply_homography(lens.to_normalised, points)
    moved = np.asarray(
        displace(torch.from_numpy(centred), pose.normalised(lens), k, lens.projection), np.float64
    )
    return apply_homography(np.linalg.inv(lens.to_normalised), moved)


def homography(pose: Pose, lens: Lens, curvature: float | None = None) -> NDArray[np.float64]:
    """The pose as a homography ``(3, 3)``, reference pixels to image pixels, ``H[2, 2] == 1``.

    Exact for a rectilinear lens; for a panorama the homography nearest to the motion over the picture.
    """
    points = pixel_grid(lens)
    return fit_homography(points, map_points(points, pose, lens, curvature))


def fit_homography(points: NDArray[np.float64], images: NDArray[np.float64]) -> NDArray[np.float64]:
    """The homography of least algebraic error through point pairs ``(n, 2)``, n >= 4."""
    centre, spread = points.mean(0), max(float(points.std()), 1e-9)
    scale = np.array(
        [[1 / spread, 0, -centre[0] / spread], [0, 1 / spread, -centre[1] / spread], [0, 0, 1.0]]
    )
    (x, y), (u, v) = apply_homography(scale, points).T, apply_homography(scale, images).T
    one, zero = np.ones_like(x), np.zeros_like(x)
    rows = np.concatenate(
        [
            np.stack([x, y, one, zero, zero, zero, -u * x, -u * y], axis=1),
            np.stack([zero, zero, zero, x, y, one, -v * x, -v * y], axis=1),
        ]
    )
    solution = np.linalg.lstsq(rows, np.concatenate([u, v]), rcond=None)[0]
    h = np.linalg.inv(scale) @ np.append(solution, 1.0).reshape(3, 3) @ scale
    return np.asarray(h / h[2, 2])


def apply_homography(matrix: NDArray[np.floating], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Map points ``(n, 2)``."""
    mapped = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    return np.asarray(mapped[:, :2] / mapped[:, 2:])


def pose_of_homography(matrix: NDArray[np.float64], lens: Lens, curvature: float | None = None) -> Pose:
    """The pose whose motion is nearest to a homography's over the picture (Gauss-Newton from the identity).

    Args:
        matrix: ``(3, 3)``, reference pixels to image pixels.
        lens: Of the reference.
        curvature: Overrides that of the lens.
    """
    points = pixel_grid(lens)
    return pose_of_points(points, apply_homography(matrix, points), lens, curvature)


def pose_of_points(
    points: NDArray[np.float64], images: NDArray[np.float64], lens: Lens, curvature: float | None = None
) -> Pose:
    """The pose of least squared distance through exact point pairs ``(n, 2)``, pixels."""
    k = torch.tensor([lens.curvature if curvature is None else curvature], dtype=torch.float64)
    source = torch.from_numpy(apply_homography(lens.to_normalised, points))[None]
    target = torch.from_numpy(apply_homography(lens.to_normalised, images))[None]
    shift = (target - source).mean(1)
    pose = torch.cat([-shift[:, :1], shift[:, 1:], torch.zeros(1, 2, dtype=torch.float64)], dim=1)
    for _ in range(12):
        slope = jacobian(source, pose, k, lens.projection)[..., :4].reshape(-1, 4)
        gap = (target - displace(source, pose, k, lens.projection)).reshape(-1, 1)
        step = torch.linalg.lstsq(slope, gap).solution[:, 0]
        pose = pose + step
        if float(step.abs().max()) < 1e-10:
            break
    return Pose.from_normalised(pose[0], lens)


def corners(width: int, height: int) -> NDArray[np.float64]:
    """The centres of the four corner pixels ``(4, 2)``."""
    right, bottom = width - 1.0, height - 1.0
    return np.array([[0.0, 0.0], [right, 0.0], [right, bottom], [0.0, bottom]])


def drift_px(pose: Pose, lens: Lens, curvature: float | None = None) -> float:
    """Mean displacement of the four image corners, pixels of the reference."""
    at = corners(lens.width, lens.height)
    return float(np.linalg.norm(map_points(at, pose, lens, curvature) - at, axis=1).mean())


def invert(pose: Pose, lens: Lens, curvature: float | None = None) -> Pose:
    """The pose of the reference relative to the image."""
    points = pixel_grid(lens)
    return pose_of_points(map_points(points, pose, lens, curvature), points, lens, curvature)


def compose(first: Pose, second: Pose, lens: Lens, curvature: float | None = None) -> Pose:
    """The pose of C relative to A, from that of B relative to A (``first``) and of C relative to B (``second``)."""
    points = pixel_grid(lens)
    moved = map_points(map_points(points, first, lens, curvature), second, lens, curvature)
    return pose_of_points(points, moved, lens, curvature)
