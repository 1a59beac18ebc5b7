"""Cloud products as stored. Names, packings and flag values are those of real NWC SAF GEO v2016 and v2018 files.

CMIC and the effective cloudiness, of which no real file was at hand, are packed finely over their quantity's range.
"""

from models.contracts.slot_variable import SlotVariable, flags, quantity

_CT_MEANINGS = (
    "cloud_free_land cloud_free_sea snow_over_land sea_ice very_low_clouds low_clouds mid_level_clouds "
    "high_opaque_clouds very_high_opaque_clouds fractional_clouds high_semitransparent_thin_clouds "
    "high_semitransparent_moderately_thick_clouds high_semitransparent_thick_clouds "
    "high_semitransparent_above_low_or_medium_clouds high_semitransparent_above_snow_ice"
)
_CUMULIFORM_MEANINGS = "stratiform cumuliform mixed cloud_free undefined"
_CRR_MEANINGS = "0-0.2 0.2-1 1-2 2-3 3-5 5-7 7-10 10-15 15-20 20-30 30-50 50+"  # mm h-1
_CMA_SNOW_MEANINGS = "cloud_free cloud_except_thin_ice_over_snow thin_ice_cloud_over_snow_ice snow_ice"
_PHASE_MEANINGS = "liquid ice mixed cloud_free undefined"


def _quality(product: str) -> SlotVariable:
    """The quality bits that every product carries."""
    return SlotVariable(
        f"{product.lower()}_quality",
        product,
        "1",
        "u1",
        0,
        long_name=f"quality of {product}",
        flag_values=(1, 2, 4, 8, 16, 24, 32),
        flag_masks=(1, 2, 4, 56, 56, 56, 56),
        flag_meanings="no_data internal_consistency temporal_consistency good questionable bad interpolated",
    )


CLOUD = (
    flags("cma", "CMA", 0, "cloud_free cloudy", "cloud mask", "cloud_binary_mask"),
    flags("cma_cloudsnow", "CMA", 0, _CMA_SNOW_MEANINGS, "cloud and snow mask"),
    flags("cma_dust", "CMA", 0, "no_dust dust undefined", "dust"),
    flags("cma_volcanic", "CMA", 0, "no_plume plume undefined", "volcanic plume"),
    _quality("CMA"),
    flags("ct", "CT", 1, _CT_MEANINGS, "cloud type", "cloud_type"),
    flags("ct_cumuliform", "CT", 1, _CUMULIFORM_MEANINGS, "whether clouds are cumuliform"),
    _quality("CT"),
    quantity("ctth_alti", "CTTH", "m", 1.0, -2000.0, 27000, "cloud top altitude", "cloud_top_altitude"),
    quantity(
        "ctth_tempe",
        "CTTH",
        "K",
        0.01,
        130.0,
        20000,
        "cloud top temperature",
        "air_temperature_at_cloud_top",
    ),
    quantity("ctth_pres", "CTTH", "Pa", 10.0, 0.0, 11000, "cloud top pressure", "air_pressure_at_cloud_top"),
    quantity("ctth_effectiv", "CTTH", "1", 0.01, 0.0, 100, "effective cloudiness"),
    _quality("CTTH"),
    flags(
        "cmic_phase",
        "CMIC",
        1,
        _PHASE_MEANINGS,
        "cloud top phase",
        "thermodynamic_phase_of_cloud_water_particles_at_cloud_top",
    ),
    quantity("cmic_cot", "CMIC", "1", 0.01, 0.0, 65534, "cloud optical thickness"),
    quantity("cmic_reff", "CMIC", "m", 1e-8, 0.0, 65534, "effective radius of cloud particles"),
    quantity("cmic_lwp", "CMIC", "kg m-2", 0.001, 0.0, 65534, "liquid water path of the cloud"),
    quantity("cmic_iwp", "CMIC", "kg m-2", 0.001, 0.0, 65534, "ice water path of the cloud"),
    _quality("CMIC"),
    flags("crr", "CRR", 0, _CRR_MEANINGS, "convective rainfall rate class"),
    quantity("crr_intensity", "CRR", "mm h-1", 0.1, 0.0, 500, "convective rainfall intensity"),
    quantity("crr_accum", "CRR", "mm", 0.1, 0.0, 500, "convective rainfall over the past hour"),
    _quality("CRR"),
)
