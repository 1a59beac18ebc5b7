"""What the cloud products of an archive's slots say of the sky in a camera's view, slot by slot."""

import numpy as np
import xarray as xr

from models.contracts.cloud_labels import GENERA
from models.science.satellite_features import SkyView
from models.science.satellite_teacher import SectorStatements, ViewFan, sector_statements, view_fan
from models.science.sightline_table import NO_PIXEL
from tasks.sightlines import corrected_slots
from tasks.stores.satellite_archive import SatelliteArchive

SLOTS_AT_ONCE = 1000
"""About ten days: some hundred lines and columns of two products, well below 100 MB."""


def slot_statements(
    satellite: SatelliteArchive, view: SkyView, slot_times: np.ndarray
) -> tuple[np.ndarray, SectorStatements]:
    """Statements of slots, each worked out once.

    Args:
        satellite: The archive; one without cloud types says nothing, one without cloud tops nothing of the base.
        view: Of the camera, with a position.
        slot_times: Nominal times of slots that the archive has, ns, in any order and repeated ``(n,)``.

    Returns:
        Row of each ``(n,)`` in the statements, and these.
    """
    unique, inverse = np.unique(slot_times, return_inverse=True)
    slots = satellite.open()
    fan = view_fan(satellite.grid, view)
    if "ct" not in slots or not len(unique):
        return inverse, _nothing_said(len(unique))
    rows = slots.indexes["time"].get_indexer(unique)
    parts = []
    for block in np.unique(rows // SLOTS_AT_ONCE):
        mine = rows[rows // SLOTS_AT_ONCE == block]
        piece = slots.isel(time=slice(int(mine[0]), int(mine[-1]) + 1))
        types = _at_pixels(piece, "ct", fan, mine - mine[0], np.uint8(0))
        tops = _at_pixels(piece, "ctth_alti", fan, mine - mine[0], np.float64("nan"))
        parts.append(sector_statements(fan, types, tops, view.altitude_m))
    return inverse, SectorStatements(
        *(np.concatenate([getattr(p, n) for p in parts]) for n in ("some_genus", "trust", "base_below_m"))
    )


def _at_pixels(
    slots: xr.Dataset, name: str, fan: ViewFan, rows: np.ndarray, nothing: np.generic
) -> np.ndarray:
    """Values of a product at the fan's pixels ``(rows, rays, heights)``, ``nothing`` where there is no pixel."""
    seen, true = fan.pixels(), fan.pixels(parallax_corrected=True)
    lines, columns = (np.stack(pair) for pair in zip(seen, true, strict=True))
    shown = lines != NO_PIXEL
    if name not in slots or not shown.any():
        return np.full((len(rows), *shown.shape[1:]), nothing)
    top, left = int(lines[shown].min()), int(columns[shown].min())
    window = slots[name].isel(
        y=slice(top, int(lines[shown].max()) + 1), x=slice(left, int(columns[shown].max()) + 1)
    )
    values = window.values
    corrected = corrected_slots(slots, window.attrs.get("product"))[rows].astype(np.int64)
    line, column = (np.where(shown, a, b) for a, b in ((lines - top, 0), (columns - left, 0)))
    found = values[rows[:, None, None], line[corrected], column[corrected]]
    return np.where(shown[corrected], found, nothing)


def _nothing_said(count: int) -> SectorStatements:
    return SectorStatements(
        np.zeros((count, len(GENERA)), bool), np.zeros(count), np.full(count, np.inf, np.float64)
    )
