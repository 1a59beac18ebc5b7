"""Write NWC SAF GEO files (CMA, CT, CTTH, CRR) that satpy's ``nwcsaf-geo`` reads like real ones.

Format after real v2018.1 files: names, dimensions, corner attributes, packings. Only the variables given are
written.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import netCDF4
import numpy as np
import numpy.typing as npt

from models.contracts.slots import SLOT_VARIABLES, SlotVariable, pack
from models.science.geometry import GeosGrid

SECONDS_PER_LINE = 0.2
_LINES_SOUTH_OF_CENTRE = (
    1855.5  # SEVIRI scans 3712 lines from the south; 1856.5 of them lie north of the centre
)

_TITLES = {
    "CMA": "NWC GEO Cloud Mask Product",
    "CT": "NWC GEO Cloud Type Product",
    "CTTH": "NWC GEO Cloud Top Temperature and Height Product",
    "CRR": "NWC GEO Convective Rainfall Rate Product",
}


def file_name(product: str, nominal_time: np.datetime64, region: str, satellite: str = "MSG4") -> str:
    """Name of a product file, such as ``S_NWC_CT_MSG4_MSG-N-VISIR_20230313T094500Z.nc``."""
    return f"S_NWC_{product}_{satellite}_{region}_{_utc(nominal_time):%Y%m%dT%H%M%S}Z.nc"


def write_nwcsaf(
    folder: Path,
    product: str,
    nominal_time: np.datetime64,
    arrays: Mapping[str, npt.NDArray[np.generic]],
    grid: GeosGrid,
    *,
    region: str = "FRANCE",
    satellite: str = "MSG4",
) -> Path:
    """Write one product of one slot.

    Args:
        folder: Where to; made if absent.
        product: ``CMA``, ``CT``, ``CTTH`` or ``CRR``.
        nominal_time: Nominal UTC time of the slot.
        arrays: Per variable name of `SLOT_VARIABLES`, physical values ``(lines, columns)``. Flags: integers,
            255 for nothing. Quantities: in the variable's units (m, K, Pa), NaN for nothing.
        grid: Where the pixels lie.
        region: Region name in the file name.
        satellite: ``MSG1`` to ``MSG4``.

    Returns:
        The file. It appears whole or not at all, and the same input writes the same content.

    Raises:
        ValueError: A variable is unknown, of another product, or of another shape than the grid.
    """
    variables = {name: _checked(name, product, array, grid) for name, array in arrays.items()}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / file_name(product, nominal_time, region, satellite)
    unfinished = path.with_name(f".{path.name}.part")
    with netCDF4.Dataset(unfinished, "w", format="NETCDF4") as file:
        file.setncatts(_attributes(path.name, product, nominal_time, grid, region, satellite))
        _write_axes(file, grid)
        for name, array in arrays.items():
            _write_variable(file, variables[name], array)
    unfinished.replace(path)
    return path


def _checked(name: str, product: str, array: npt.NDArray[np.generic], grid: GeosGrid) -> SlotVariable:
    variable = SLOT_VARIABLES.get(name)
    if variable is None or variable.product != product:
        raise ValueError(f"{name} is not a variable of {product}; see models.contracts.slots.SLOT_VARIABLES")
    if array.shape != grid.shape:
        raise ValueError(f"{name} has shape {array.shape}, its grid {grid.shape}")
    return variable


def _write_axes(file: netCDF4.Dataset, grid: GeosGrid) -> None:
    for name, centres, axis in (("ny", grid.y, "y"), ("nx", grid.x, "x")):
        file.createDimension(name, len(centres))
        coordinate = file.createVariable(name, "f4", (name,))
        coordinate.setncatts(
            {
                "standard_name": f"projection_{axis}_coordinate",
                "long_name": f"{axis.upper()} Georeferenced Coordinate for each pixel count",
                "units": "m",
            }
        )
        coordinate[:] = centres


def _write_variable(file: netCDF4.Dataset, variable: SlotVariable, array: npt.NDArray[np.generic]) -> None:
    stored = file.createVariable(
        variable.name, variable.dtype, ("ny", "nx"), zlib=True, complevel=4, fill_value=variable.fill_value
    )
    stored.set_auto_maskandscale(False)
    attributes: dict[str, object] = {"long_name": f"NWC GEO {variable.product} {variable.long_name}"}
    if variable.standard_name:
        attributes["standard_name"] = variable.standard_name
    if variable.scale_factor is not None:
        attributes["units"] = variable.units
        attributes["scale_factor"] = np.float32(variable.scale_factor)
        attributes["add_offset"] = np.float32(variable.add_offset or 0.0)
    if variable.valid_range:
        attributes["valid_range"] = np.array(variable.valid_range, dtype=variable.dtype)
    if variable.flag_values:
        attributes["flag_values"] = np.array(variable.flag_values, dtype=variable.dtype)
        attributes["flag_meanings"] = variable.flag_meanings
    attributes["coordinates"] = "lon lat"
    stored.setncatts(attributes)
    stored[:] = pack(variable, array)


def _attributes(
    name: str, product: str, nominal_time: np.datetime64, grid: GeosGrid, region: str, satellite: str
) -> dict[str, object]:
    start, end = (
        _utc(nominal_time) + timedelta(seconds=round(SECONDS_PER_LINE * _scan_line(grid, y)))
        for y in (grid.y_south_m, grid.y_north_m)
    )
    return {
        "Conventions": "CF-1.6",
        "title": _TITLES[product],
        "institution": "simulated",
        "source": "NWC/GEO version v2018.1",
        "id": name,
        "cdm_data_type": "Image",
        "processing_level": "Level 2",
        "saf": "NWC/GEO",
        "product_name": product,
        "satellite_identifier": satellite,
        "sub-satellite_longitude": np.float32(grid.longitude_0_deg),
        "nominal_product_time": _iso(_utc(nominal_time)),
        "time_coverage_start": _iso(start),
        "time_coverage_end": _iso(end),
        "region_id": region,
        "region_name": region,
        "spatial_resolution": np.float32(round(grid.step_m / 1000)),
        "gdal_projection": grid.proj4,
        # Double, not the single precision of the real files, so that the corners come back as given.
        "gdal_xgeo_up_left": np.float64(grid.x_west_m),
        "gdal_ygeo_up_left": np.float64(grid.y_north_m),
        "gdal_xgeo_low_right": np.float64(grid.x_east_m),
        "gdal_ygeo_low_right": np.float64(grid.y_south_m),
        "product_quality": np.float32(100.0),
        "product_completeness": np.float32(100.0),
    }


def _scan_line(grid: GeosGrid, y_m: float) -> float:
    """Lines scanned before an edge at ``y_m``, counted from the southern edge of the disk."""
    return y_m / grid.step_m + _LINES_SOUTH_OF_CENTRE


def _utc(time: np.datetime64) -> datetime:
    return datetime.fromtimestamp(int(time.astype("datetime64[s]").astype(np.int64)), UTC)


def _iso(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"
