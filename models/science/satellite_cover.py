"""Cloud cover from the satellite: the cloudy share of a cloud mask around a camera.

Over France a cloud top 10 km high appears some 12 km north of where it is, half the usual radius. Where cloud top
heights are known each cloud is moved to its place first (`models.science.true_cover`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.contracts.flags import ValueFlag
from models.science.geometry import FloatArray, GeosGrid
from models.science.true_cover import ShiftWindow, move_clouds

EARTH_RADIUS_KM = 6371.0
DECORRELATION_KM = 10.0
"""Distance over which neighbouring mask pixels say much the same; sets how many independent samples a disc holds."""
LEAST_SHARE, GOOD_SHARE = 0.5, 0.9
"""Share of the disc that must hold data for a value at all, and for a good one."""
_CLOUD_FREE, _CLOUDY = 0, 1


@dataclass(frozen=True)
class Disc:
    """Pixels around a position.

    Attributes:
        lines: Slice of the grid.
        columns: Slice of the grid.
        inside: Pixels of these slices within the radius, ``(lines, columns)``.
        radius_km: The radius.
        whole: Whether the grid holds all of the disc.
    """

    lines: slice
    columns: slice
    inside: npt.NDArray[np.bool_]
    radius_km: float
    whole: bool


def disc_around(grid: GeosGrid, latitude: float, longitude: float, radius_km: float) -> Disc | None:
    """Pixels whose centre lies within a great-circle distance; at least the pixel at the position.

    Args:
        grid: The satellite grid.
        latitude: Degrees north.
        longitude: Degrees east.
        radius_km: Radius.

    Returns:
        The disc, or ``None`` where the position is outside the grid.
    """
    pixel = grid.pixel_at(latitude, longitude)
    if pixel is None:
        return None
    # Slanted pixels cover more ground than the step says, so a box of radius / step holds the disc.
    reach = int(np.ceil(radius_km * 1000 / grid.step_m)) + 1
    lines, columns = (
        slice(max(0, centre - reach), min(size, centre + reach + 1))
        for centre, size in zip(pixel, grid.shape, strict=True)
    )
    window = grid.window(lines, columns)
    lat, lon = window.pixel_positions()
    inside = great_circle_km(latitude, longitude, lat, lon) <= radius_km
    inside[pixel[0] - lines.start, pixel[1] - columns.start] = True
    touches = inside[0].any(), inside[-1].any(), inside[:, 0].any(), inside[:, -1].any()
    return Disc(lines, columns, inside, radius_km, not any(touches))


def great_circle_km(
    latitude: float, longitude: float, latitudes: npt.ArrayLike, longitudes: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """Haversine distance on a sphere, km; NaN where a position is NaN."""
    lat_1, lon_1 = np.deg2rad(latitude), np.deg2rad(longitude)
    lat_2, lon_2 = np.deg2rad(np.asarray(latitudes)), np.deg2rad(np.asarray(longitudes))
    chord = (
        np.sin((lat_2 - lat_1) / 2) ** 2 + np.cos(lat_1) * np.cos(lat_2) * np.sin((lon_2 - lon_1) / 2) ** 2
    )
    return np.asarray(2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(chord, 0, 1))))


def cloud_fraction(
    cma: npt.NDArray[np.uint8], disc: Disc
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.int8]]:
    """Cloudy share of a disc.

    The uncertainty is the sampling error of a share from ``n = (radius / decorrelation length)^2`` independent
    samples, n at least 1: sqrt(q (1 - q) / n), with q = (n p + 1/2) / (n + 1) so that an all-clear disc is not certain.
    It does not hold the mask's own errors.

    Args:
        cma: Cloud mask, 0 cloud-free, 1 cloudy, other values no data; ``(..., lines, columns)`` of the disc's slices.
        disc: From `disc_around`.

    Returns:
        ``cover`` in [0, 1], ``uncertainty`` (one standard error), ``quality_flag`` (`ValueFlag`), each ``(...)``. NaN
        and ``NOT_OBSERVED`` where less than half of the disc holds data; ``DOUBTFUL`` where less than nine tenths does
        or where the disc leaves the grid.
    """
    known = ((cma == _CLOUD_FREE) | (cma == _CLOUDY)) & disc.inside
    cloudy = (cma == _CLOUDY) & disc.inside
    return _answer(_count(cloudy), _count(known), np.zeros(cma.shape[:-2]), disc, disc.whole)


def moved_cloud_fraction(
    cma: npt.NDArray[np.uint8], height_m: FloatArray, disc: Disc, window: ShiftWindow
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.int8]]:
    """Cloudy share of a disc, with every cloud at its own place.

    Places hidden behind a cloud, over which none came to stand, count as half cloudy: nobody saw them. Their share,
    taken as anything between clear and overcast, adds to the uncertainty (its width over sqrt(12)).

    Args:
        cma: Cloud mask as it appears, ``(slots, lines, columns)`` of the window.
        height_m: Cloud top heights above the sea, same shape, NaN where there is none.
        disc: From `disc_around`.
        window: `models.science.true_cover.shift_window` of the disc's slices.

    Returns:
        As `cloud_fraction`.
    """
    above = move_clouds(cma == _CLOUDY, height_m, window)
    ground = cma[:, window.inner_lines, window.inner_columns]
    known = ((ground == _CLOUD_FREE) | (ground == _CLOUDY)) & disc.inside
    hidden = np.where(known & (ground == _CLOUDY), 1.0 - above, 0.0)
    cloudy = np.where(known, above, 0.0) + hidden / 2
    return _answer(_count(cloudy), _count(known), _count(hidden), disc, disc.whole and window.whole)


def _count(pixels: npt.NDArray[np.generic]) -> FloatArray:
    return np.asarray(pixels.sum(axis=(-2, -1)), np.float64)


def _answer(
    cloudy: FloatArray, known: FloatArray, hidden: FloatArray, disc: Disc, whole: bool
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.int8]]:
    share = known / disc.inside.sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        cover = np.where(share >= LEAST_SHARE, cloudy / known, np.nan)
        unseen = hidden / known
    samples = np.maximum(1.0, (disc.radius_km / DECORRELATION_KM) ** 2 * share)
    shrunk = (samples * cover + 0.5) / (samples + 1.0)
    uncertainty = np.sqrt(shrunk * (1 - shrunk) / samples + unseen**2 / 12)
    good = (share >= GOOD_SHARE) & whole
    flag = np.where(good, ValueFlag.GOOD, ValueFlag.DOUBTFUL)
    flag = np.where(np.isnan(cover), ValueFlag.NOT_OBSERVED, flag)
    return cover.astype(np.float32), uncertainty.astype(np.float32), flag.astype(np.int8)
