"""What a satellite slot holds: one variable per quantity and unit, its packing, and what a grid asks for.

Names, packings and flag values are those of real NWC SAF GEO v2016 and v2018 files, as satpy's
``nwcsaf-geo`` names them.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from models.contracts.downloads import DownloadSettings


@dataclass(frozen=True)
class SatelliteGridSettings:
    """One satellite grid to archive.

    Attributes:
        name: Archive name, ``[a-z0-9_-]+``.
        source: Folder (path or fsspec URI) of the files.
        pattern: Glob below ``source``.
        reader: satpy reader.
        region: ``(lon_min, lat_min, lon_max, lat_max)``, degrees.
        cadence_minutes: Between nominal times.
        variables: Names of `SLOT_VARIABLES` to keep.
        member: Glob for the files inside, where those that match ``pattern`` are zip archives.
        download: How files of a web service are brought here.
    """

    name: str
    source: str
    pattern: str = "*.nc"
    reader: str = "nwcsaf-geo"
    region: tuple[float, float, float, float] = (-5.5, 41.0, 10.0, 51.5)
    cadence_minutes: int = 15
    variables: tuple[str, ...] = ("cma", "ct", "ctth_alti", "ctth_tempe", "ctth_pres")
    member: str | None = None
    download: DownloadSettings = field(default_factory=DownloadSettings)

    @property
    def products(self) -> dict[str, tuple[str, ...]]:
        """Variables wanted per product file."""
        wanted: dict[str, tuple[str, ...]] = {}
        for name in self.variables:
            product = SLOT_VARIABLES[name].product
            wanted[product] = (*wanted.get(product, ()), name)
        return wanted


@dataclass(frozen=True)
class SlotVariable:
    """One satellite variable as stored.

    Attributes:
        name: The name in the store, equal to the reader's.
        product: The product file that brings it (ledger column).
        units: CF units; ``1`` for flags.
        dtype: Stored dtype.
        fill_value: Stored value for "nothing here".
        scale_factor: Physical = stored * scale_factor + add_offset; ``None`` for flags.
        add_offset: See scale_factor.
        standard_name: CF standard name, where one exists.
        long_name: In words.
        valid_range: First and last valid stored value.
        flag_values: CF flag values.
        flag_meanings: CF flag meanings, one word each.
    """

    name: str
    product: str
    units: str
    dtype: str
    fill_value: int
    scale_factor: float | None = None
    add_offset: float | None = None
    standard_name: str | None = None
    long_name: str = ""
    valid_range: tuple[int, int] | None = None
    flag_values: tuple[int, ...] = ()
    flag_meanings: str = ""


def _flags(
    name: str, product: str, first: int, meanings: str, long_name: str, standard_name: str | None = None
) -> SlotVariable:
    """A class variable, u1, fill 255, values running from ``first``."""
    last = first + len(meanings.split()) - 1
    values = tuple(range(first, last + 1))
    return SlotVariable(
        name,
        product,
        "1",
        "u1",
        255,
        standard_name=standard_name,
        long_name=long_name,
        valid_range=(first, last),
        flag_values=values,
        flag_meanings=meanings,
    )


def _quantity(
    name: str,
    product: str,
    units: str,
    scale: float,
    offset: float,
    last: int,
    long_name: str,
    standard_name: str | None = None,
) -> SlotVariable:
    """A quantity, u2, fill 65535, valid counts 0 to ``last``."""
    return SlotVariable(
        name, product, units, "u2", 65535, scale, offset, standard_name, long_name, valid_range=(0, last)
    )


_CT_MEANINGS = (
    "cloud_free_land cloud_free_sea snow_over_land sea_ice very_low_clouds low_clouds mid_level_clouds "
    "high_opaque_clouds very_high_opaque_clouds fractional_clouds high_semitransparent_thin_clouds "
    "high_semitransparent_moderately_thick_clouds high_semitransparent_thick_clouds "
    "high_semitransparent_above_low_or_medium_clouds high_semitransparent_above_snow_ice"
)
_CRR_MEANINGS = "0-0.2 0.2-1 1-2 2-3 3-5 5-7 7-10 10-15 15-20 20-30 30-50 50+"  # mm h-1
_CMA_SNOW_MEANINGS = "cloud_free cloud_except_thin_ice_over_snow thin_ice_cloud_over_snow_ice snow_ice"

_ALL = (
    _flags("cma", "CMA", 0, "cloud_free cloudy", "cloud mask", "cloud_binary_mask"),
    _flags("cma_cloudsnow", "CMA", 0, _CMA_SNOW_MEANINGS, "cloud and snow mask"),
    _flags("ct", "CT", 1, _CT_MEANINGS, "cloud type", "cloud_type"),
    _quantity("ctth_alti", "CTTH", "m", 1.0, -2000.0, 27000, "cloud top altitude", "cloud_top_altitude"),
    _quantity(
        "ctth_tempe",
        "CTTH",
        "K",
        0.01,
        130.0,
        20000,
        "cloud top temperature",
        "air_temperature_at_cloud_top",
    ),
    _quantity("ctth_pres", "CTTH", "Pa", 10.0, 0.0, 11000, "cloud top pressure", "air_pressure_at_cloud_top"),
    _flags("crr", "CRR", 0, _CRR_MEANINGS, "convective rainfall rate class"),
    _quantity("crr_intensity", "CRR", "mm h-1", 0.1, 0.0, 500, "convective rainfall intensity"),
    _quantity("crr_accum", "CRR", "mm", 0.1, 0.0, 500, "convective rainfall over the past hour"),
)

SLOT_VARIABLES: dict[str, SlotVariable] = {variable.name: variable for variable in _ALL}


def pack(variable: SlotVariable, values: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """Physical values to stored counts; NaN and what does not fit become the fill value."""
    if variable.scale_factor is None:
        if not np.issubdtype(values.dtype, np.floating):
            return values.astype(variable.dtype)
        counts = values.astype(np.float64)
    else:
        counts = np.rint((values.astype(np.float64) - (variable.add_offset or 0.0)) / variable.scale_factor)
    fits = np.isfinite(counts) & (counts >= 0) & (counts < variable.fill_value)
    return np.where(fits, counts, variable.fill_value).astype(variable.dtype)
