"""A regular window of latitude and longitude, for products that were put on such a grid before they were delivered."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class DegreeGrid:
    """Pixels that are equally spaced in degrees, lines from north to south.

    Attributes:
        west_deg: Outer western edge of the first column.
        north_deg: Outer northern edge of the first line.
        step_longitude_deg: Between columns.
        step_latitude_deg: Between lines.
        columns: Number of columns.
        lines: Number of lines.
    """

    west_deg: float
    north_deg: float
    step_longitude_deg: float
    step_latitude_deg: float
    columns: int
    lines: int

    @property
    def shape(self) -> tuple[int, int]:
        """``(lines, columns)``."""
        return self.lines, self.columns

    @property
    def x(self) -> FloatArray:
        """Longitudes of column centres, west to east."""
        return self.west_deg + (np.arange(self.columns, dtype=np.float64) + 0.5) * self.step_longitude_deg

    @property
    def y(self) -> FloatArray:
        """Latitudes of line centres, north to south."""
        return self.north_deg - (np.arange(self.lines, dtype=np.float64) + 0.5) * self.step_latitude_deg

    @property
    def step_m(self) -> float:
        """Least spacing on the ground: along the northernmost line, or across lines."""
        metres_per_degree = 111_195.0  # of a great circle, on a sphere of 6371 km
        across = self.step_longitude_deg * float(np.cos(np.deg2rad(self.north_deg)))
        return metres_per_degree * min(across, self.step_latitude_deg)

    def pixel_positions(self) -> tuple[FloatArray, FloatArray]:
        """Latitude and longitude of every pixel centre, degrees, ``(lines, columns)``."""
        latitude, longitude = np.meshgrid(self.y, self.x, indexing="ij")
        return latitude, longitude

    def pixel_at(self, latitude: float, longitude: float) -> tuple[int, int] | None:
        """``(line, column)`` of the pixel that contains a position; ``None`` outside."""
        line = (self.north_deg - latitude) / self.step_latitude_deg
        column = (longitude - self.west_deg) / self.step_longitude_deg
        if 0 <= line < self.lines and 0 <= column < self.columns:
            return int(line), int(column)
        return None

    @property
    def corners_deg(self) -> tuple[float, float, float, float]:
        """Outer edges: west, south, east, north."""
        east = self.west_deg + self.columns * self.step_longitude_deg
        south = self.north_deg - self.lines * self.step_latitude_deg
        return self.west_deg, south, east, self.north_deg

    def same_pixels(self, other: object) -> bool:
        """Whether two grids name the same pixels: equal shape, corners within a tenth of a pixel."""
        if not isinstance(other, DegreeGrid) or self.shape != other.shape:
            return False
        near = 0.1 * min(self.step_longitude_deg, self.step_latitude_deg)
        return all(abs(a - b) < near for a, b in zip(self.corners_deg, other.corners_deg, strict=True))

    def window(self, lines: slice, columns: slice) -> "DegreeGrid":
        """The part of this grid inside two slices (step 1)."""
        first_line, last_line, _ = lines.indices(self.lines)
        first_column, last_column, _ = columns.indices(self.columns)
        return DegreeGrid(
            self.west_deg + first_column * self.step_longitude_deg,
            self.north_deg - first_line * self.step_latitude_deg,
            self.step_longitude_deg,
            self.step_latitude_deg,
            last_column - first_column,
            last_line - first_line,
        )
