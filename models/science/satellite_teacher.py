"""The satellite as a weak teacher: what its cloud types and tops say of the sky that a camera sees.

A cloud type says that *at least one* of some genera is present (Derrien and Le Gleau 2005, Int. J. Remote Sens. 26, for
the types; the genera follow from height and opacity). It never says that one is absent: lower clouds are hidden from
above, and cloud-free codes say nothing at all. A cloud top bounds the base from above. Both are read where the lines of
sight of the picture's rays meet the cloud, parallax included, not only overhead.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.contracts.cloud_labels import GENERA
from models.contracts.sky_batch import CLOUD_TYPES
from models.science.degree_grid import DegreeGrid
from models.science.geometry import FloatArray, GeosGrid
from models.science.satellite_features import SkyView
from models.science.sightline_table import (
    NO_PIXEL,
    TOLERANCE_M,
    SightTable,
    Viewpoint,
    pick_height,
    sightline_table,
)

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

_HIGH = ("Ci", "Cs", "Cc")
GENERA_OF_TYPE: Mapping[int, tuple[str, ...]] = {
    5: ("St", "Sc", "Cu"),
    6: ("St", "Sc", "Cu"),
    7: ("Ac", "As", "Ns"),
    8: ("As", "Ns", "Cb", "Cs"),
    9: ("Cb", "Ns"),
    10: ("Cu", "Ac", "Ci"),
    11: _HIGH,
    12: _HIGH,
    13: _HIGH,
    14: _HIGH,  # and something lower, which may be anything
    15: _HIGH,
}
"""At least one of these is present where NWC SAF CT has the code; other codes say nothing."""

TRUST_OF_TYPE: Mapping[int, float] = {
    5: 0.9, 6: 0.9, 7: 0.75, 8: 0.8, 9: 0.85, 10: 0.7, 11: 0.7, 12: 0.85, 13: 0.85, 14: 0.6, 15: 0.5,
}  # fmt: skip
"""Probability that the statement of a code is right to an observer below. Assumed, in the order of what is known of the
product: low opaque cloud is told best; medium cloud is confused with cirrus over low cloud, fractional and very thin
cloud with clear ground and with each other; of 14 the lower cloud may hide the cirrus from below; 15 may be snow. On
simulated skies .83 of statements hold with a flawless satellite and .71 with all the disagreement of real pairs laid on
it, where their mean trust is .76 (tests/benchmarks/bench_satellite_teacher.py)."""

OPAQUE_TYPES = (5, 6, 7, 8, 9)
"""Their tops are measured, those of others guessed through what shines from below."""
ASSUMED_TOP_M: Mapping[int, float] = {
    5: 1000.0, 6: 2200.0, 7: 4500.0, 8: 8000.0, 9: 10_500.0, 10: 1500.0, 11: 9500.0, 12: 9500.0, 13: 9500.0,
    14: 9500.0, 15: 9500.0,
}  # fmt: skip
"""Above the sea, of codes in pixels without a top: where along a ray such a cloud is looked for, and nothing else."""

FARTHEST_KM = 60.0
"""No genus is told from farther away."""
LEAST_ELEVATION_DEG = 3.0
"""Lower rays meet the ground, or clouds beyond `FARTHEST_KM`."""
ALL_SKY_DEG = 60.0
"""A camera that looks higher sees all round."""
PLACELESS_TRUST = 0.8
"""Factor where nobody noted where a camera looks: what is seen all round need not be in its picture."""
LEAST_SHARE = 0.1
"""Rays that meet a cloud, of those that the satellite knows of: fewer may be an edge half a pixel off."""
MIXTURE_DISCOUNT = 0.5
"""How much trust falls with the share of cloudy rays whose codes say something else."""
LOW_QUANTILE = 0.1
"""Of the opaque tops in view: not the lowest itself, which of many measured ones is most often the worst measured."""
TOP_ERROR_M, TOP_ERROR_SHARE = 500.0, 0.1
"""Allowance for the error of a top, and the part of it that grows with height above the camera."""

_AZIMUTHS = np.array([-0.4, -0.2, 0.0, 0.2, 0.4])  # of the field of view, from the axis
_ALL_ROUND = np.arange(0.0, 360.0, 45.0), np.array([25.0, 45.0, 65.0])
_USUAL_HFOV_DEG = 60.0
_HEIGHT_OF_WIDTH = 0.7


@dataclass(frozen=True)
class ViewFan:
    """Rays of a picture, each with the pixels that show its points.

    Attributes:
        rays: A table by height for each.
        trust: Factor on the trust of what they meet.
    """

    rays: tuple[SightTable, ...]
    trust: float

    def pixels(self, parallax_corrected: bool = False) -> tuple[IntArray, IntArray]:
        """Lines and columns ``(rays, heights)``, -1 where the ray is too far out or the grid ends."""
        pairs = [ray.pixels(parallax_corrected) for ray in self.rays]
        near = np.stack([np.isfinite(ray.distance_km) for ray in self.rays])
        line, column = (np.stack(part) for part in zip(*pairs, strict=True))
        seen = near & (line != NO_PIXEL) & (column != NO_PIXEL)
        return np.where(seen, line, NO_PIXEL), np.where(seen, column, NO_PIXEL)


@dataclass(frozen=True, eq=False)
class SectorStatements:
    """What the satellite says of the sky in view at ``n`` slots.

    Attributes:
        some_genus: Bool ``(n, 10)``: at least one of these is present; all False says nothing.
        trust: Probability that it is right ``(n,)``; 0 where nothing is said.
        base_below_m: The lowest base above the camera is at most this, m ``(n,)``; infinite where not known.
    """

    some_genus: BoolArray
    trust: FloatArray
    base_below_m: FloatArray


def view_fan(grid: GeosGrid | DegreeGrid, view: SkyView) -> ViewFan:
    """Rays of a camera's picture.

    A camera that looks up, or whose azimuth nobody noted, is taken to see all round, the latter with less trust.

    Args:
        grid: Of the satellite.
        view: With a position; level, and 60 degrees wide, where nobody noted it.
    """
    elevation = 0.0 if np.isnan(view.elevation_deg) else view.elevation_deg
    width = _USUAL_HFOV_DEG if np.isnan(view.hfov_deg) else view.hfov_deg
    all_sky = elevation >= ALL_SKY_DEG or width >= 180.0
    if all_sky or np.isnan(view.azimuth_deg):
        azimuths, elevations = _ALL_ROUND
    else:
        azimuths = view.azimuth_deg + width * _AZIMUTHS
        elevations = elevation + _HEIGHT_OF_WIDTH * width * _AZIMUTHS
        elevations = np.unique(np.clip(elevations, LEAST_ELEVATION_DEG, 90.0))
    rays = [(float(a), float(e)) for a in azimuths for e in elevations]
    if all_sky or np.isnan(view.azimuth_deg):
        rays.append((0.0, 90.0))
    return ViewFan(
        tuple(_ray(grid, view, *ray) for ray in rays),
        PLACELESS_TRUST if np.isnan(view.azimuth_deg) and not all_sky else 1.0,
    )


def _ray(grid: GeosGrid | DegreeGrid, view: SkyView, azimuth_deg: float, elevation_deg: float) -> SightTable:
    altitude = 0.0 if np.isnan(view.altitude_m) else view.altitude_m
    table = sightline_table(
        grid, Viewpoint(view.latitude, view.longitude, altitude, azimuth_deg % 360.0, elevation_deg)
    )
    return replace(table, distance_km=np.where(table.distance_km <= FARTHEST_KM, table.distance_km, np.nan))


def meet_clouds(fan: ViewFan, types: NDArray[np.integer], tops_m: FloatArray) -> tuple[IntArray, FloatArray]:
    """The first cloud on each ray: a pixel whose cloud top is as high as the ray where that pixel shows it.

    Args:
        fan: Of the camera.
        types: CT codes at the fan's pixels ``(n, rays, heights)``; anything else than 1 to 15 is no data.
        tops_m: Cloud top altitudes above the sea, same shape, NaN where there is none.

    Returns:
        ``(n, rays)``: codes, 0 where the ray meets no cloud and -1 where nothing is known of any of its pixels;
        measured tops, NaN where there is none.
    """
    assumed = np.full(256, np.nan)
    assumed[list(ASSUMED_TOP_M)] = list(ASSUMED_TOP_M.values())
    known = (types >= 1) & (types <= CLOUD_TYPES)
    codes = np.where(known, types, 0).astype(np.int64)
    cloudy = np.isfinite(assumed[codes])
    heights = np.where(cloudy, np.where(np.isfinite(tops_m), tops_m, assumed[codes]), np.nan)
    slots = np.arange(len(types))
    met, tops = np.zeros(types.shape[:2], np.int64), np.full(types.shape[:2], np.nan)
    for number, ray in enumerate(fan.rays):
        along = heights[:, number]

        def tops_along(_lines: IntArray, _columns: IntArray, found: FloatArray = along) -> FloatArray:
            return found

        row = pick_height(ray, tops_along, default_height_m=0.0)
        agrees = np.abs(along[slots, row] - ray.altitude_m[row]) <= TOLERANCE_M
        agrees &= np.isfinite(ray.distance_km[row])
        met[:, number] = np.where(agrees, codes[slots, number, row], 0)
        met[~known[:, number].any(axis=1), number] = -1
        tops[:, number] = np.where(agrees, tops_m[slots, number, row], np.nan)
    return met, tops


def sector_statements(
    fan: ViewFan, types: NDArray[np.integer], tops_m: FloatArray, altitude_m: float
) -> SectorStatements:
    """What the pixels on a camera's rays say together.

    One set of genera is stated, the one that most cloudy rays agree on: of statements that are each right with some
    chance, the commonest is least likely to be a misplaced edge. Rays that say something else take trust from it.
    Clouds have their base below their top, so the lowest base in view is below every top in view, the lowest too.

    Args:
        fan: Of the camera.
        types: CT codes at the fan's pixels ``(n, rays, heights)``.
        tops_m: Cloud top altitudes above the sea, same shape.
        altitude_m: Of the camera above the sea; NaN is taken as 0, which can only raise the bound.
    """
    met, tops = meet_clouds(fan, types, tops_m)
    some_genus, trust = _commonest_set(met)
    base = np.nan_to_num(altitude_m)
    opaque = np.where(np.isin(met, OPAQUE_TYPES), tops - base, np.nan)
    return SectorStatements(some_genus, trust * fan.trust, _upper_bound(opaque))


def _commonest_set(met: IntArray) -> tuple[BoolArray, FloatArray]:
    """The set that most rays agree on ``(n, 10)``, and its trust ``(n,)``."""
    sets = tuple(dict.fromkeys(GENERA_OF_TYPE.values()))
    codes = [[code for code, genera in GENERA_OF_TYPE.items() if genera == one] for one in sets]
    weight = np.array([TRUST_OF_TYPE.get(code, 0.0) for code in range(CLOUD_TYPES + 1)])
    trust_of_ray = weight[met.clip(0)]
    votes = np.stack([np.isin(met, of_set).sum(axis=1) for of_set in codes], axis=1)
    trusts = np.stack(
        [np.where(np.isin(met, of_set), trust_of_ray, 0.0).sum(axis=1) for of_set in codes], axis=1
    )
    chosen = (votes + 1e-6 * trusts).argmax(axis=1)  # of equally common ones the more trusted
    rows = np.arange(len(met))
    cloudy, known = votes.sum(axis=1), (met >= 0).sum(axis=1)
    said = (cloudy > 0) & (cloudy >= LEAST_SHARE * known)
    mine = np.maximum(votes[rows, chosen], 1)
    mixture = 1.0 - mine / np.maximum(cloudy, 1)
    trust = np.where(said, trusts[rows, chosen] / mine * (1.0 - MIXTURE_DISCOUNT * mixture), 0.0)
    named = np.array([[genus in one for genus in GENERA] for one in sets])
    return named[chosen] & said[:, None], trust


def _upper_bound(tops_above_m: FloatArray) -> FloatArray:
    """A low quantile of the tops of each row ``(n, rays)``, and the allowance for its error ``(n,)``."""
    ordered = np.sort(np.where(np.isfinite(tops_above_m), tops_above_m, np.inf), axis=1)
    count = np.isfinite(ordered).sum(axis=1)
    place = np.ceil(LOW_QUANTILE * np.maximum(count - 1, 0)).astype(np.int64)
    lowest = np.maximum(ordered[np.arange(len(ordered)), place], 0.0)
    return np.asarray(lowest * (1.0 + TOP_ERROR_SHARE) + TOP_ERROR_M)
