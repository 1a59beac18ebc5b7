"""What a satellite slot holds: one variable per quantity and unit, with its packing.

Source: NWC SAF GEO product user manuals (CMA, CT, CTTH, CRR); CF standard names where one exists.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class SlotVariable:
    """One satellite variable as stored.

    Attributes:
        name: The name in the store, equal to the reader's.
        product: The product file that brings it (ledger column).
        units: CF units; ``1`` for flags.
        dtype: Stored dtype.
        scale_factor: Physical = stored * scale_factor + add_offset; ``None`` for flags.
        add_offset: See scale_factor.
        fill_value: Stored value for "nothing here".
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
    flag_values: tuple[int, ...] = ()
    flag_meanings: str = ""
    attrs: dict[str, str] = field(default_factory=dict)


_CT_MEANINGS = (
    "cloud_free_land cloud_free_sea snow_over_land sea_ice very_low_clouds low_clouds mid_level_clouds "
    "high_opaque_clouds very_high_opaque_clouds fractional_clouds high_semitransparent_thin_clouds "
    "high_semitransparent_moderately_thick_clouds high_semitransparent_thick_clouds "
    "high_semitransparent_above_low_or_medium_clouds high_semitransparent_above_snow_ice"
)

SLOT_VARIABLES: dict[str, SlotVariable] = {
    v.name: v
    for v in (
        SlotVariable(
            "cma",
            "CMA",
            "1",
            "u1",
            255,
            long_name="cloud mask",
            flag_values=(0, 1, 2, 3),
            flag_meanings="cloud_free cloud thin_ice_cloud_over_snow_ice snow_ice",
        ),
        SlotVariable(
            "ct",
            "CT",
            "1",
            "u1",
            255,
            standard_name="cloud_type",
            long_name="cloud type",
            flag_values=tuple(range(1, 16)),
            flag_meanings=_CT_MEANINGS,
        ),
        SlotVariable(
            "ctth_alti", "CTTH", "m", "u2", 65535, 1.0, -2000.0, "cloud_top_altitude", "cloud top altitude"
        ),
        SlotVariable(
            "ctth_tempe",
            "CTTH",
            "K",
            "u2",
            65535,
            0.01,
            130.0,
            "air_temperature_at_cloud_top",
            "cloud top temperature",
        ),
        SlotVariable(
            "ctth_pres",
            "CTTH",
            "Pa",
            "u2",
            65535,
            10.0,
            0.0,
            "air_pressure_at_cloud_top",
            "cloud top pressure",
        ),
        SlotVariable(
            "crr",
            "CRR",
            "1",
            "u1",
            255,
            long_name="convective rainfall rate class",
            flag_values=tuple(range(12)),
            flag_meanings="0.0-0.2 0.2-1.0 1.0-2.0 2.0-3.0 3.0-5.0 5.0-7.0 7.0-10.0 10.0-15.0 15.0-20.0 20.0-30.0 30.0-50.0 50.0-",
        ),
    )
}
