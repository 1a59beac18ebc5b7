"""What the cloud network is given of the satellite: planes of a patch, ages of its slots, angles of view and sun.

Arrays in, arrays out, for `models.contracts.sky_batch.SkyInputs`. What is absent becomes NaN in the planes and is
named by a mask: no-data flags, channels that the archive has not, slots beyond the tolerance.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.contracts.flags import AlignmentReason
from models.contracts.sky_batch import CLOUD_TYPES, CONTEXT, PATCH, SATELLITE_FEATURES, SLOTS

FloatArray = NDArray[np.float32]
_NAN = float("nan")
_Scalar = TypeVar("_Scalar", bound=np.generic)

CHANNEL_NAMES: Mapping[str, tuple[str, ...]] = {
    "IR_108": ("IR_108", "ir_105", "C13"),
    "IR_120": ("IR_120", "ir_123", "C15"),
    "VIS006": ("VIS006", "vis_06", "C02"),
}
"""The same windows of the spectrum under the names of SEVIRI, FCI and ABI."""
SOLAR_FEATURES = ("VIS006",)
LEAST_SUN_DEG = 5.0
"""With the sun below, reflected light says nothing of clouds."""
_FLAG_RANGE: Mapping[str, tuple[int, int]] = {"cma": (0, 1), "ct": (1, CLOUD_TYPES)}


@dataclass(frozen=True)
class SkyView:
    """Where a camera stands and looks; NaN where not known.

    Attributes:
        latitude: Degrees north.
        longitude: Degrees east.
        altitude_m: Above the sea.
        azimuth_deg: Of the axis, clockwise from north.
        elevation_deg: Of the axis above the horizon; 90 looks at the zenith.
        hfov_deg: Horizontal field of view.
    """

    latitude: float = _NAN
    longitude: float = _NAN
    altitude_m: float = _NAN
    azimuth_deg: float = _NAN
    elevation_deg: float = _NAN
    hfov_deg: float = _NAN


def present_slots(
    reason: NDArray[np.integer], offset_s: NDArray[np.floating], tolerance_s: float, cadence_s: float
) -> NDArray[np.bool_]:
    """Slots that may be used: they came, and were scanned when they should have been.

    Args:
        reason: `AlignmentReason` codes ``(n, slots)``, newest slot last.
        offset_s: Scan time minus time of the moment ``(n, slots)``; NaN for none.
        tolerance_s: Largest gap of the matched slot; a slot before it may be further back by its cadences.
        cadence_s: Between nominal slots.

    Returns:
        Bool ``(n, SLOTS)``; slots that were not asked for are absent. Without the matched slot none counts.
    """
    back = np.arange(reason.shape[1] - 1, -1, -1) * cadence_s
    with np.errstate(invalid="ignore"):
        near = np.abs(offset_s + back) <= tolerance_s
    came = (reason == AlignmentReason.MATCHED) & np.isfinite(offset_s) & near
    return _last_slots(came & came[:, -1:], False)


def slot_ages(offset_s: NDArray[np.floating], present: NDArray[np.bool_]) -> FloatArray:
    """Seconds from scan to moment ``(n, SLOTS)``, negative for a slot scanned later; NaN where there is none.

    Args:
        offset_s: Scan time minus time of the moment ``(n, slots)``.
        present: From `present_slots`.
    """
    ages = -_last_slots(np.asarray(offset_s, np.float64), np.nan)
    return np.where(present, ages, np.nan).astype(np.float32)


def satellite_planes(
    variables: Mapping[str, NDArray[np.generic]],
    present: NDArray[np.bool_],
    sun_elevation_deg: NDArray[np.floating],
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Planes of `SATELLITE_FEATURES`.

    Args:
        variables: Patches ``(n, slots, lines, columns)`` by name: ``cma`` and ``ct`` as flags, ``ctth_alti`` in m,
            channels in K and % under any of `CHANNEL_NAMES`; what the archive has not is left out.
        present: From `present_slots`.
        sun_elevation_deg: ``(n,)``; NaN where not known.

    Returns:
        ``(n, SLOTS, features, PATCH, PATCH)`` float32, NaN where not known, and the slots of which anything is.

    Raises:
        ValueError: A patch smaller than `PATCH`, or without a middle pixel.
    """
    planes = np.full((len(present), SLOTS, len(SATELLITE_FEATURES), PATCH, PATCH), np.nan, np.float32)
    for place, name in enumerate(SATELLITE_FEATURES):
        found = next((n for n in CHANNEL_NAMES.get(name, (name,)) if n in variables), None)
        if found is None:
            continue
        values = _middle(variables[found]).astype(np.float32)
        if name in _FLAG_RANGE:
            first, last = _FLAG_RANGE[name]
            values = np.where((values >= first) & (values <= last), values, np.nan)
        if (
            name in SOLAR_FEATURES
        ):  # NaN is no elevation above: without the sun's place nothing is said of its light
            lit = np.asarray(sun_elevation_deg) >= LEAST_SUN_DEG
            values = np.where(lit[:, None, None, None], values, np.nan)
        planes[:, :, place] = _last_slots(np.where(np.isfinite(values), values, np.nan), np.nan)
    planes[~present] = np.nan
    return planes, present & np.isfinite(planes).any(axis=(2, 3, 4))


def sky_context(
    times: NDArray[np.datetime64],
    view: SkyView,
    *,
    sun_elevation_deg: ArrayLike = _NAN,
    sun_azimuth_deg: ArrayLike = _NAN,
    satellite_zenith_deg: ArrayLike = _NAN,
    satellite_azimuth_deg: ArrayLike = _NAN,
) -> FloatArray:
    """Sun, site and view of moments, ``(n, len(CONTEXT))``.

    Args:
        times: UTC; NaT where not known.
        view: Of the camera.
        sun_elevation_deg: ``(n,)`` or one number, as the others.
        sun_azimuth_deg: Clockwise from north.
        satellite_zenith_deg: At the middle of the patch.
        satellite_azimuth_deg: Clockwise from north.
    """
    dated = ~np.isnat(times)
    days = (times.astype("datetime64[D]") - times.astype("datetime64[Y]").astype("datetime64[D]")).astype(
        np.float64
    )
    columns: dict[str, ArrayLike] = {
        "sun_elevation_deg": sun_elevation_deg,
        "sun_azimuth_from_view_deg": from_view_deg(sun_azimuth_deg, view.azimuth_deg),
        "latitude": view.latitude,
        "longitude": view.longitude,
        "altitude_m": view.altitude_m,
        "hfov_deg": view.hfov_deg,
        "axis_elevation_deg": view.elevation_deg,
        "satellite_zenith_deg": satellite_zenith_deg,
        "satellite_azimuth_from_view_deg": from_view_deg(satellite_azimuth_deg, view.azimuth_deg),
        "day_of_year": np.where(dated, days + 1, np.nan),
    }
    rows = [np.broadcast_to(np.asarray(columns[name], np.float32), times.shape) for name in CONTEXT]
    return np.stack(rows, axis=1)


def from_view_deg(azimuth_deg: ArrayLike, axis_azimuth_deg: float) -> NDArray[np.float64]:
    """Clockwise from a camera's axis, -180 to (below) 180."""
    turned = np.asarray(azimuth_deg, np.float64) - axis_azimuth_deg
    return np.asarray((turned + 180.0) % 360.0 - 180.0)


def _middle(patches: NDArray[np.generic]) -> NDArray[np.generic]:
    """The innermost pixels of patches."""
    sides = patches.shape[2:4]
    if any(side < PATCH or side % 2 == 0 for side in sides):
        raise ValueError(f"want patches of odd sides of {PATCH} pixels or more, got {sides}")
    top, left = ((side - PATCH) // 2 for side in sides)
    return patches[:, :, top : top + PATCH, left : left + PATCH]


def _last_slots(values: NDArray[_Scalar], nothing: float | bool) -> NDArray[_Scalar]:
    """The newest `SLOTS` slots, those that were not asked for filled up before them."""
    missing = max(0, SLOTS - values.shape[1])
    widths = [(0, 0), (missing, 0)] + [(0, 0)] * (values.ndim - 2)
    return np.pad(values[:, -SLOTS:], widths, constant_values=nothing)
