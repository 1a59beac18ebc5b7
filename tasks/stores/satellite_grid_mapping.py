"""Where the pixels of a satellite archive lie, as CF attributes and back."""

from dataclasses import asdict
from typing import Any

from models.science.degree_grid import DegreeGrid
from models.science.geometry import GeosGrid
from tasks.stores.satellite_rows import SlotGrid

GEOSTATIONARY, DEGREES = "geostationary", "latitude_longitude"
_DEGREE_FIELDS = ("west_deg", "north_deg", "step_longitude_deg", "step_latitude_deg")


def grid_mapping_name(grid: SlotGrid) -> str:
    """Name of the grid mapping, and of the variable that carries it."""
    return DEGREES if isinstance(grid, DegreeGrid) else GEOSTATIONARY


def axis_attributes(grid: SlotGrid, name: str) -> dict[str, str]:
    """Of the coordinate ``y`` or ``x``."""
    if isinstance(grid, DegreeGrid):
        what, units = ("latitude", "degrees_north") if name == "y" else ("longitude", "degrees_east")
        return {"standard_name": what, "long_name": f"{what} of the pixel's centre", "units": units}
    return {
        "standard_name": f"projection_{name}_coordinate",
        "long_name": f"{name} on the projection plane, pixel centre",
        "units": "m",
    }


def grid_mapping_attributes(grid: SlotGrid) -> dict[str, Any]:
    """CF grid mapping, with the corner and spacing that give the grid back exactly."""
    if isinstance(grid, DegreeGrid):
        return {
            "grid_mapping_name": DEGREES,
            "long_name": "latitude and longitude of the pixels",
            "semi_major_axis": 6378137.0,
            "inverse_flattening": 298.257223563,
            **asdict(grid),
        }
    return {
        "grid_mapping_name": GEOSTATIONARY,
        "long_name": "geostationary projection of the pixels",
        "longitude_of_projection_origin": grid.longitude_0_deg,
        "latitude_of_projection_origin": 0.0,
        "perspective_point_height": grid.height_m,
        "semi_major_axis": grid.semi_major_m,
        "semi_minor_axis": grid.semi_minor_m,
        "sweep_angle_axis": grid.sweep,
        "false_easting": 0.0,
        "false_northing": 0.0,
        "proj4": grid.proj4,
        "x_west_m": grid.x_west_m,
        "y_north_m": grid.y_north_m,
        "step_m": grid.step_m,
        "columns": grid.columns,
        "lines": grid.lines,
    }


def grid_from_attributes(attributes: Any) -> SlotGrid:
    """The grid that `grid_mapping_attributes` described."""
    if attributes["grid_mapping_name"] == DEGREES:
        return DegreeGrid(
            *(float(attributes[key]) for key in _DEGREE_FIELDS),
            int(attributes["columns"]),
            int(attributes["lines"]),
        )
    return GeosGrid(
        x_west_m=float(attributes["x_west_m"]),
        y_north_m=float(attributes["y_north_m"]),
        step_m=float(attributes["step_m"]),
        columns=int(attributes["columns"]),
        lines=int(attributes["lines"]),
        longitude_0_deg=float(attributes["longitude_of_projection_origin"]),
        height_m=float(attributes["perspective_point_height"]),
        semi_major_m=float(attributes["semi_major_axis"]),
        semi_minor_m=float(attributes["semi_minor_axis"]),
        sweep=str(attributes["sweep_angle_axis"]),
    )


def difference_in_words(came: SlotGrid, archive: SlotGrid) -> str:
    """How the pixels of a slot differ from those of the archive, and what that may be due to."""
    ours, theirs = _in_words(came), _in_words(archive)
    if ours != theirs:
        words = f"{ours}, the archive has {theirs}"
    else:
        east, north = _corner(came)[0] - _corner(archive)[0], _corner(came)[1] - _corner(archive)[1]
        unit = "deg" if isinstance(came, DegreeGrid) else "m"
        words = f"{ours} as in the archive, but {east:+.6g} {unit} to the east and {north:+.6g} to the north"
    if isinstance(came, GeosGrid) and isinstance(archive, GeosGrid):
        if came.longitude_0_deg != archive.longitude_0_deg:
            return f"{words}: a satellite at another place takes a table of its own"
        if abs(came.step_m / archive.step_m - 1) > 1e-3:
            return f"{words}: channels on other pixels take a table of their own"
    return f"{words}: was `region` changed, or did the sector move?"


def _in_words(grid: SlotGrid) -> str:
    if isinstance(grid, DegreeGrid):
        steps = f"{grid.step_longitude_deg:.4g} x {grid.step_latitude_deg:.4g}"
        return f"{grid.columns} x {grid.lines} pixels of {steps} deg"
    place = f"{abs(grid.longitude_0_deg):.1f} {'W' if grid.longitude_0_deg < 0 else 'E'}"
    return f"{grid.columns} x {grid.lines} pixels of {grid.step_m / 1000:.4g} km at {place}"


def _corner(grid: SlotGrid) -> tuple[float, float]:
    if isinstance(grid, DegreeGrid):
        return grid.west_deg, grid.north_deg
    return grid.x_west_m, grid.y_north_m
