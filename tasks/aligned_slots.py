"""The satellite slots that belong to moments of a camera, with angles and offsets, as one lazy dataset."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from models.contracts.flags import AlignmentReason, cf_flags
from models.science.sun import sun_position
from tasks.aligned_patches import SlotHistory, patch_arrays, slot_history
from tasks.alignment import AlignedFrames, align_times
from tasks.registry import Camera
from tasks.sightlines import BY_CTTH, Centre, Centres, centre_table, default_row, pick_centres
from tasks.stores.repository import StoreNotFound
from tasks.stores.satellite_archive import SatelliteArchive


def aligned_slots(
    archive_root: str | Path,
    camera: Camera,
    times: np.ndarray,
    grid: str,
    patch: tuple[int, int] = (33, 33),
    *,
    variables: Sequence[str] | None = None,
    last_slots: int = 1,
    causal: bool = False,
    centre: Centre = "overhead",
    height_m: float | str = 0.0,
    tolerance_s: float = 600.0,
) -> xr.Dataset:
    """The satellite around a camera at any times, whether there is a picture or not.

    Args:
        archive_root: Folder or URI of the archives.
        camera: Which.
        times: UTC, datetime64[ns] ``(n,)``; NaT where not known.
        grid: As the others, of `tasks.aligned_dataset.open_aligned`.
        patch: As there.
        variables: As there.
        last_slots: As there.
        causal: As there.
        centre: As there.
        height_m: As there.
        tolerance_s: As there.

    Returns:
        The dataset of `tasks.aligned_dataset.open_aligned` without frames, along ``time`` by its place.

    Raises:
        ValueError: An even patch, no slot at all, an unknown variable, heights by a CTTH that the archive has not.
    """
    if patch[0] % 2 == 0 or patch[1] % 2 == 0:
        raise ValueError(f"a patch of {patch} has no pixel in its middle; take odd numbers")
    if last_slots < 1:
        raise ValueError(f"last_slots = {last_slots}; 1 is the matched slot alone")
    satellite = SatelliteArchive(archive_root, grid)
    place = _Place(satellite, camera, centre, height_m)
    aligned = align_times(satellite, camera, times, tolerance_s, pixel=place.pixel, causal=causal)
    slots = np.arange(1 - last_slots, 1)
    return (
        xr.Dataset(
            {"alignment_reason": _reason("time", aligned.reason)},
            coords={"slot": ("slot", slots, {"long_name": "slots after the matched one"})},
            attrs={"camera": camera.id, "grid": grid},
        )
        .assign(_satellite_variables(satellite, aligned, place, patch, variables, last_slots))
        .assign(_sun_variables(camera, times))
    )


class _Place:
    """What is in the middle of the patches: a table of heights, and the pixel whose scan time counts."""

    def __init__(
        self, satellite: SatelliteArchive, camera: Camera, centre: Centre, height_m: float | str
    ) -> None:
        self.centre = centre
        self.by_ctth = height_m == BY_CTTH
        self.table = None
        self.pixel: tuple[int, int] | None = None
        if camera.latitude is None or camera.longitude is None:
            return
        try:
            self.table = centre_table(satellite.grid, camera, centre, height_m)
        except StoreNotFound:
            return
        row = default_row(self.table, centre)
        if self.table.visible[row]:
            self.pixel = int(self.table.line[row]), int(self.table.column[row])


def _satellite_variables(
    satellite: SatelliteArchive,
    aligned: AlignedFrames,
    place: _Place,
    patch: tuple[int, int],
    variables: Sequence[str] | None,
    last_slots: int,
) -> dict[str, Any]:
    history = slot_history(satellite, aligned, last_slots)
    described: dict[str, Any] = _history_variables(history)
    if place.table is None or place.pixel is None or aligned.pixel is None:
        return described
    slots = satellite.open()
    if place.by_ctth and "ctth_alti" not in slots:
        raise ValueError(f"height_m='ctth' needs ctth_alti, which the archive {satellite.name} has not")
    centres = pick_centres(slots, history.newest, place.table, place.centre)
    described |= _centre_variables(centres)
    return described | patch_arrays(
        slots, history, centres, patch, variables, slots_per_read=satellite.axis.chunk_slots
    )


def _history_variables(history: SlotHistory) -> dict[str, Any]:
    dims = ("time", "slot")
    return {
        "slot_time": (dims, history.times, {"long_name": "nominal time of the slot"}),
        "offset_s": (
            dims,
            history.offset_s,
            {"long_name": "scan time of the line minus frame time", "units": "s"},
        ),
        "slot_reason": _reason(dims, history.reason),
    }


def _centre_variables(centres: Centres) -> dict[str, Any]:
    """Where the middle of each frame's patches is, and where the satellite stands from there."""
    table, row = centres.table, centres.row
    columns = {
        "centre_height": (table.height_m, "m", "height above the camera", "height"),
        "centre_distance": (1000 * table.distance_km, "m", "distance from the camera along the ground", None),
        "centre_latitude": (table.latitude, "degrees_north", "latitude of the patch centre", None),
        "centre_longitude": (table.longitude, "degrees_east", "longitude of the patch centre", None),
        "satellite_zenith_angle": (
            table.satellite_zenith_deg,
            "degree",
            "of the satellite",
            "sensor_zenith_angle",
        ),
        "satellite_azimuth_angle": (
            table.satellite_azimuth_deg,
            "degree",
            "of the satellite, clockwise from north",
            "sensor_azimuth_angle",
        ),
    }
    return {name: _described(values[row], *rest) for name, (values, *rest) in columns.items()}


def _sun_variables(camera: Camera, times: np.ndarray) -> dict[str, Any]:
    """Where the sun stands from the camera at the time of each frame."""
    if camera.latitude is None or camera.longitude is None:
        return {}
    elevation, azimuth = sun_position(times, camera.latitude, camera.longitude)
    return {
        "sun_elevation_angle": _described(elevation, "degree", "of the sun", "solar_elevation_angle"),
        "sun_azimuth_angle": _described(
            azimuth, "degree", "of the sun, clockwise from north", "solar_azimuth_angle"
        ),
    }


def _described(values: np.ndarray, units: str, long_name: str, standard_name: str | None) -> tuple[Any, ...]:
    attributes = {"units": units, "long_name": long_name}
    return "time", values, attributes | ({"standard_name": standard_name} if standard_name else {})


def _reason(dims: str | tuple[str, ...], codes: np.ndarray) -> tuple[Any, ...]:
    return dims, codes, cf_flags(AlignmentReason)
