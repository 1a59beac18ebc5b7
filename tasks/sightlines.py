"""Where in a satellite archive a camera's cloud is looked for: above it or along its view, by cloud top height."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr

from models.contracts.flags import SlotStatus
from models.science.degree_grid import DegreeGrid
from models.science.geometry import GeosGrid
from models.science.sightline_table import (
    HEIGHTS_M,
    SightTable,
    Viewpoint,
    overhead_table,
    pick_height,
    sightline_table,
)
from tasks.registry import Camera

Centre = Literal["overhead", "sightline"]
BY_CTTH = "ctth"
DEFAULT_HEIGHT_M: dict[str, float] = {"overhead": 0.0, "sightline": 2000.0}
"""Height taken where no cloud top agrees: the camera's own pixel, and what a low deck has."""


@dataclass(frozen=True)
class Centres:
    """The place in the middle of each frame's patches.

    Attributes:
        table: Heights to choose from.
        row: Row of the table, ``(frames,)``.
    """

    table: SightTable
    row: np.ndarray

    def pixels(self, corrected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """``line, column`` per frame, -1 for none.

        Args:
            corrected: Whether the product of the frame's slot was parallax-corrected by its producer, ``(frames,)``.
        """
        seen, true = self.table.pixels(), self.table.pixels(parallax_corrected=True)
        line, column = (
            np.where(corrected, two[self.row], one[self.row]) for one, two in zip(seen, true, strict=True)
        )
        return line, column


def viewpoint_of(camera: Camera) -> Viewpoint:
    """Where a camera stands and looks; at sea level and level where the registry does not say.

    Raises:
        ValueError: It has no position.
    """
    if camera.latitude is None or camera.longitude is None:
        raise ValueError(f"{camera.id} has no position")
    return Viewpoint(
        camera.latitude,
        camera.longitude,
        camera.altitude_m or 0.0,
        camera.azimuth_deg,
        camera.elevation_deg or 0.0,
    )


def centre_table(
    grid: GeosGrid | DegreeGrid, camera: Camera, centre: Centre, height_m: float | str
) -> SightTable:
    """The heights at which a camera's cloud may be: one, or all of them where CTTH is to say.

    Args:
        grid: Of the satellite.
        camera: With a position; one whose azimuth nobody noted is read overhead.
        centre: Above the camera, or along its view.
        height_m: Above the camera, or ``ctth``.
    """
    viewpoint = viewpoint_of(camera)
    heights = HEIGHTS_M if height_m == BY_CTTH else np.array([float(height_m)])
    if centre == "overhead" or viewpoint.azimuth_deg is None:
        return overhead_table(grid, viewpoint, heights)
    return sightline_table(grid, viewpoint, heights)


def default_row(table: SightTable, centre: Centre) -> int:
    """Row of a table that counts where no cloud top is known."""
    return int(np.argmin(np.abs(table.height_m - DEFAULT_HEIGHT_M[centre])))


def pick_centres(slots: xr.Dataset, rows: np.ndarray, table: SightTable, centre: Centre) -> Centres:
    """Choose a height for each frame by the cloud tops of its slot (`models.science.sightline_table.pick_height`).

    Args:
        slots: Of the archive.
        rows: Of each frame's slot in it, -1 for none.
        table: From `centre_table`.
        centre: As there.

    Returns:
        The centres; the default height where there is no slot, no CTTH, or no cloud top that agrees.
    """
    chosen = np.full(rows.shape, default_row(table, centre), dtype=np.int64)
    unique = np.unique(rows[rows >= 0])
    if len(table.height_m) == 1 or "ctth_alti" not in slots or not len(unique):
        return Centres(table, chosen)
    lines, columns = (np.concatenate(pair) for pair in zip(table.pixels(), table.pixels(True), strict=True))
    shown = lines >= 0
    if not shown.any():
        return Centres(table, chosen)
    first_line, first_column = int(lines[shown].min()), int(columns[shown].min())
    covering = slots["ctth_alti"].isel(
        time=slice(int(unique[0]), int(unique[-1]) + 1),
        y=slice(first_line, int(lines[shown].max()) + 1),
        x=slice(first_column, int(columns[shown].max()) + 1),
    )
    tops = covering.values[unique - unique[0]]

    def altitude_at(line: np.ndarray, column: np.ndarray) -> np.ndarray:
        return tops[:, (line - first_line).clip(0), (column - first_column).clip(0)]

    height = DEFAULT_HEIGHT_M[centre]
    plain, moved = (
        pick_height(table, altitude_at, default_height_m=height, parallax_corrected=corrected)
        for corrected in (False, True)
    )
    of_slot = np.where(corrected_slots(slots, "CTTH")[unique], moved, plain)
    chosen[rows >= 0] = of_slot[np.searchsorted(unique, rows[rows >= 0])]
    return Centres(table, chosen)


def held_slots(slots: xr.Dataset, product: str) -> np.ndarray:
    """Slots that hold a product, ``(time,)``."""
    status = slots["status"].sel(product=product).values
    return np.isin(status, [int(SlotStatus.OK), int(SlotStatus.PARTIAL)])


def corrected_slots(slots: xr.Dataset, product: str | None) -> np.ndarray:
    """Slots in which the producer moved a product's clouds already, ``(time,)``; none for what is no such product."""
    if product is None or product not in slots.indexes["product"]:
        return np.zeros(slots.sizes["time"], dtype=bool)
    return np.asarray(slots["parallax_corrected"].sel(product=product).values != 0)
