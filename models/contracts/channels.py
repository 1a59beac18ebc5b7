"""Imager channels as stored: those of one unit share an array, so that a patch of all of them is read at once.

Names are satpy's. Packing: 0.01 K from 0 to 655.34 K and 0.01 % from -10 to 645.34 %, so that the error is at most half
of that; SEVIRI's own counts are about 0.1 K and 0.05 % apart.
"""

from collections.abc import Mapping

from models.contracts.slot_variable import SlotVariable

BRIGHTNESS_TEMPERATURE, REFLECTANCE = "brightness_temperature", "reflectance"
"""Arrays ``(time, y, x, channel)``."""


def bt_channel(name: str, grid_group: str = "") -> SlotVariable:
    """A channel whose brightness temperature is kept, K."""
    return SlotVariable(
        name,
        name,
        "K",
        "u2",
        65535,
        0.01,
        0.0,
        "toa_brightness_temperature",
        "brightness temperature at the top of the atmosphere",
        valid_range=(0, 65534),
        array=BRIGHTNESS_TEMPERATURE,
        channel_axis="bt_channel",
        grid_group=grid_group,
    )


def refl_channel(name: str, grid_group: str = "") -> SlotVariable:
    """A channel whose reflectance is kept, %."""
    return SlotVariable(
        name,
        name,
        "%",
        "u2",
        65535,
        0.01,
        -10.0,
        "toa_bidirectional_reflectance",
        "bidirectional reflectance at the top of the atmosphere, not divided by the cosine of the sun's zenith angle",
        valid_range=(0, 65534),
        array=REFLECTANCE,
        channel_axis="refl_channel",
        grid_group=grid_group,
    )


def _imager(reflectances: Mapping[str, str], temperatures: Mapping[str, str]) -> tuple[SlotVariable, ...]:
    """Channels per grid group."""
    return (
        *(refl_channel(name, group) for group, names in reflectances.items() for name in names.split()),
        *(bt_channel(name, group) for group, names in temperatures.items() for name in names.split()),
    )


SEVIRI = _imager(
    {"3 km": "VIS006 VIS008 IR_016", "1 km": "HRV"},
    {"3 km": "IR_039 WV_062 WV_073 IR_087 IR_097 IR_108 IR_120 IR_134"},
)
FCI = _imager(
    {"fine": "vis_04 vis_05 vis_06 vis_08 vis_09 nir_13 nir_16 nir_22"},
    {"coarse": "ir_38 wv_63 wv_73 ir_87 ir_97 ir_105 ir_123 ir_133"},
)
"""1 and 2 km in the full-disk files (FDHSI), 0.5 and 1 km in the high-resolution ones (HRFI)."""
ABI = _imager(
    {"1 km": "C01 C03 C05", "0.5 km": "C02", "2 km": "C04 C06"},
    {"2 km": "C07 C08 C09 C10 C11 C12 C13 C14 C15 C16"},
)
