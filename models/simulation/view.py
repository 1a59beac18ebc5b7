"""Camera geometry: from pixels to directions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.science.line_of_sight import (
    Lens,
    Pose,
    Projection,
    apply_homography,
    homography,
    invert,
    map_points,
)
from models.simulation.motion import Motion
from models.simulation.noise import FloatArray


@dataclass(frozen=True)
class View:
    """An upright pinhole camera, a cylindrical panorama when wider than 120 degrees, or an all-sky camera.

    Attributes:
        width: Pixels.
        height: Pixels.
        hfov_deg: Horizontal field of view; of an all-sky camera, the field across its shorter side.
        azimuth_deg: Direction of the image centre, clockwise from north.
        horizon: Row of the horizon as a fraction of the height.
        zenithal: Looks at the zenith through an equidistant lens: angles grow evenly from the centre.
    """

    width: int
    height: int
    hfov_deg: float
    azimuth_deg: float
    horizon: float
    zenithal: bool = False

    @property
    def is_panorama(self) -> bool:
        """Whether columns are equal steps of azimuth."""
        return self.hfov_deg > 120 and not self.zenithal

    @property
    def focal_px(self) -> float:
        """Focal length in pixels."""
        if self.zenithal:
            return min(self.width, self.height) / float(np.radians(self.hfov_deg))
        if self.is_panorama:
            return self.width / float(np.radians(self.hfov_deg))
        return self.width / 2 / float(np.tan(np.radians(self.hfov_deg / 2)))

    @property
    def elevation_deg(self) -> float:
        """Elevation of the image centre."""
        if self.zenithal:
            return 90.0
        return float(np.degrees(np.arctan((self.horizon - 0.5) * self.height / self.focal_px)))

    def directions(self, x: NDArray[np.number], y: NDArray[np.number]) -> tuple[FloatArray, FloatArray]:
        """Azimuth from north and elevation, radians, of pixel coordinates (shapes broadcast)."""
        if self.zenithal:
            return self._directions_about_zenith(x, y)
        across, up = (x - self.width / 2) / self.focal_px, (self.horizon * self.height - y) / self.focal_px
        turned = across if self.is_panorama else np.arctan(across)
        elevation = np.arctan(up * (1.0 if self.is_panorama else np.cos(turned)))
        return (
            np.asarray(turned + np.radians(self.azimuth_deg), np.float32),
            np.asarray(elevation + 0 * turned, np.float32),
        )

    def _directions_about_zenith(
        self, x: NDArray[np.number], y: NDArray[np.number]
    ) -> tuple[FloatArray, FloatArray]:
        across, up = x - self.width / 2, self.height / 2 - y
        return (
            np.asarray(np.arctan2(across, up) + np.radians(self.azimuth_deg), np.float32),
            np.asarray(np.pi / 2 - np.hypot(across, up) / self.focal_px, np.float32),
        )


def source_coordinates(
    motion: Motion, view: View, x: NDArray[np.number], y: NDArray[np.number]
) -> tuple[FloatArray, FloatArray]:
    """Where a moved camera's pixels lie in the picture of the unmoved camera: a turn of the camera, not of the picture.

    An all-sky camera looks along its axis of pan; its picture moves in its plane.

    Args:
        motion: Motion in pixels of a 640 px wide image; scaled here.
        view: Of the camera.
        x: Column coordinates, ``(1, w)``.
        y: Row coordinates, ``(h, 1)``.

    Returns:
        ``(h, w)`` coordinates in the unmoved picture.
    """
    columns, rows = (np.asarray(a, np.float32) for a in np.broadcast_arrays(x, y))
    if motion == Motion():
        return columns, rows
    scale = view.width / 640
    pose = Pose(motion.pan_px * scale, motion.tilt_px * scale, motion.roll_deg, motion.zoom)
    hfov = None if view.zenithal else view.hfov_deg
    projection = Projection.CYLINDRICAL if view.is_panorama else Projection.RECTILINEAR
    lens = Lens(view.width, view.height, hfov, projection)
    points = np.stack([columns, rows], axis=-1, dtype=np.float64).reshape(-1, 2)
    if view.is_panorama:
        source = map_points(points, invert(pose, lens), lens)
    else:
        matrix = homography(pose, lens, curvature=0.0 if view.zenithal else None)
        source = apply_homography(np.linalg.inv(matrix), points)
    source_x, source_y = source.astype(np.float32).T.reshape(2, *columns.shape)
    return source_x, source_y
