"""Geostationary geometry: latitude and longitude to the projection plane and back, and regular windows of it.

Source: CGMS 03, LRIT/HRIT Global Specification, section 4.4.3.2 (normalised geostationary projection).
Distances on the projection plane follow PROJ: scanning angle in radians times the satellite's height above the
ellipsoid.
"""

from dataclasses import dataclass
from math import isfinite

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class GeosGrid:
    """A regular window of a geostationary projection, north up, lines from north to south.

    Attributes:
        x_west_m: Outer western edge of the first column.
        y_north_m: Outer northern edge of the first line.
        step_m: Pixel spacing, the same along both axes.
        columns: Number of columns.
        lines: Number of lines.
        longitude_0_deg: Longitude below the satellite.
        height_m: Height of the satellite above the ellipsoid.
        semi_major_m: Equatorial radius.
        semi_minor_m: Polar radius.
        sweep: Axis that the instrument sweeps: ``y`` for Meteosat, ``x`` for GOES.
    """

    x_west_m: float
    y_north_m: float
    step_m: float
    columns: int
    lines: int
    longitude_0_deg: float = 0.0
    height_m: float = 35785863.0
    semi_major_m: float = 6378137.0
    semi_minor_m: float = 6356752.3
    sweep: str = "y"

    @property
    def shape(self) -> tuple[int, int]:
        """``(lines, columns)``."""
        return self.lines, self.columns

    @property
    def x(self) -> FloatArray:
        """Column centres, metres, west to east."""
        return self.x_west_m + (np.arange(self.columns, dtype=np.float64) + 0.5) * self.step_m

    @property
    def y(self) -> FloatArray:
        """Line centres, metres, north to south (decreasing)."""
        return self.y_north_m - (np.arange(self.lines, dtype=np.float64) + 0.5) * self.step_m

    @property
    def x_east_m(self) -> float:
        """Outer eastern edge of the last column."""
        return self.x_west_m + self.columns * self.step_m

    @property
    def y_south_m(self) -> float:
        """Outer southern edge of the last line."""
        return self.y_north_m - self.lines * self.step_m

    @property
    def proj4(self) -> str:
        """PROJ string of the projection."""
        return (
            f"+proj=geos +a={self.semi_major_m:.6f} +b={self.semi_minor_m:.6f} "
            f"+lon_0={self.longitude_0_deg:.6f} +h={self.height_m:.6f} +sweep={self.sweep}"
        )

    def to_plane(self, latitude: npt.ArrayLike, longitude: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Geodetic position to the projection plane.

        Args:
            latitude: Degrees north.
            longitude: Degrees east, same shape.

        Returns:
            ``x, y`` in metres; NaN where the satellite does not see the point.
        """
        lat = np.deg2rad(np.asarray(latitude, dtype=np.float64))
        dlon = np.deg2rad(np.asarray(longitude, dtype=np.float64) - self.longitude_0_deg)
        a, b = self.semi_major_m, self.semi_minor_m
        distance = a + self.height_m  # from the Earth's centre
        geocentric = np.arctan((b / a) ** 2 * np.tan(lat))
        radius = b / np.sqrt(1.0 - (1.0 - (b / a) ** 2) * np.cos(geocentric) ** 2)
        towards = radius * np.cos(geocentric) * np.cos(dlon)
        east = radius * np.cos(geocentric) * np.sin(dlon)
        north = radius * np.sin(geocentric)
        depth = distance - towards
        # Seen where the ellipsoid's outward normal points to the satellite.
        seen = depth * towards - east**2 - (a / b) ** 2 * north**2 >= 0
        if self.sweep == "y":
            x, y = np.arctan2(east, depth), np.arctan2(north, np.hypot(east, depth))
        else:
            x, y = np.arctan2(east, np.hypot(north, depth)), np.arctan2(north, depth)
        return np.where(seen, x * self.height_m, np.nan), np.where(seen, y * self.height_m, np.nan)

    def to_position(self, x_m: npt.ArrayLike, y_m: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Projection plane to geodetic position, the inverse of `to_plane`.

        Args:
            x_m: Metres.
            y_m: Metres, broadcastable against ``x_m``.

        Returns:
            ``latitude, longitude`` in degrees; NaN in space.
        """
        x, y = np.broadcast_arrays(
            np.asarray(x_m, dtype=np.float64) / self.height_m,
            np.asarray(y_m, dtype=np.float64) / self.height_m,
        )
        if self.sweep == "y":
            ray = np.stack([np.cos(x) * np.cos(y), np.sin(x) * np.cos(y), np.sin(y)])
        else:
            ray = np.stack([np.cos(x) * np.cos(y), np.sin(x), np.cos(x) * np.sin(y)])
        distance = self.semi_major_m + self.height_m
        flattening = (self.semi_major_m / self.semi_minor_m) ** 2
        # Where the ray meets the ellipsoid is a quadratic in its length; the nearer root is the visible face.
        quad = ray[0] ** 2 + ray[1] ** 2 + flattening * ray[2] ** 2
        half = ray[0] * distance
        root = half**2 - quad * (distance**2 - self.semi_major_m**2)
        with np.errstate(invalid="ignore"):
            reach = (half - np.sqrt(root)) / quad
        towards, east, north = distance - reach * ray[0], reach * ray[1], reach * ray[2]
        latitude = np.rad2deg(np.arctan(flattening * north / np.hypot(towards, east)))
        longitude = np.rad2deg(np.arctan2(east, towards)) + self.longitude_0_deg
        return latitude, (longitude + 180.0) % 360.0 - 180.0

    def pixel_positions(self) -> tuple[FloatArray, FloatArray]:
        """Latitude and longitude of every pixel centre, degrees, ``(lines, columns)``; NaN in space."""
        return self.to_position(self.x[None, :], self.y[:, None])

    def pixel_at(self, latitude: float, longitude: float) -> tuple[int, int] | None:
        """Pixel that contains a position on the ground.

        Args:
            latitude: Degrees north.
            longitude: Degrees east.

        Returns:
            ``(line, column)``, or ``None`` outside the window or behind the Earth.
        """
        x, y = self.to_plane(latitude, longitude)
        column = (float(x) - self.x_west_m) / self.step_m
        line = (self.y_north_m - float(y)) / self.step_m
        if not (isfinite(column) and 0 <= column < self.columns and 0 <= line < self.lines):
            return None
        return int(line), int(column)

    def same_pixels(self, other: "GeosGrid") -> bool:
        """Whether two grids name the same pixels: equal projection and shape, corners within a tenth of a pixel."""
        near = 0.1 * self.step_m
        return (
            self.shape == other.shape
            and self.sweep == other.sweep
            and abs(self.longitude_0_deg - other.longitude_0_deg) < 1e-6
            and max(
                abs(self.height_m - other.height_m),
                abs(self.semi_major_m - other.semi_major_m),
                abs(self.semi_minor_m - other.semi_minor_m),
            )
            < 1.0
            and abs(self.x_west_m - other.x_west_m) < near
            and abs(self.y_north_m - other.y_north_m) < near
            and abs(self.x_east_m - other.x_east_m) < near
            and abs(self.y_south_m - other.y_south_m) < near
        )

    def window(self, lines: slice, columns: slice) -> "GeosGrid":
        """The part of this grid inside two slices (step 1)."""
        first_line, last_line, _ = lines.indices(self.lines)
        first_column, last_column, _ = columns.indices(self.columns)
        return GeosGrid(
            self.x_west_m + first_column * self.step_m,
            self.y_north_m - first_line * self.step_m,
            self.step_m,
            last_column - first_column,
            last_line - first_line,
            self.longitude_0_deg,
            self.height_m,
            self.semi_major_m,
            self.semi_minor_m,
            self.sweep,
        )


MSG_NORTH_REGION = GeosGrid(-3445963.25, 5570249.0, 3000.403268, columns=2295, lines=928)
"""SEVIRI's northern region, as NWC SAF "MSG-N" files have it."""

MSG_FRANCE = MSG_NORTH_REGION.window(slice(314, 535), slice(1003, 1414))
"""What is left of it between 5.5 W and 10 E, 41 N and 51.5 N: 221 lines of 411 columns."""
