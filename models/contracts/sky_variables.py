"""What is published about clouds beside the quantities: genera, the okta set, and the codes derived from them.

Codes are integers, -1 where there is none, and never to be averaged: 9 of WMO 2700 is no amount, and 9 of WMO 1600 is a
high base or no cloud at all. The amounts without these traps are `models.contracts.quantities.SKY_QUANTITIES`.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

from models.contracts.cloud_labels import BASE_BELOW_M, CF_NAMES, CH, CL, CM, GENERA, GENUS_NAMES, OKTAS
from models.contracts.flags import ValueFlag, cf_flags
from models.contracts.sky_answers import SkySource
from models.contracts.stored import NO_CODE, GridVariable

GENUS_PROBABILITY = "genus_probability"
GENUS_FLAG = f"{GENUS_PROBABILITY}_quality_flag"
GENUS_COLUMNS: tuple[str, ...] = tuple(f"{GENUS_PROBABILITY}_{genus.lower()}" for genus in GENERA)
"""Columns of the record; the series has one variable with an axis of genera."""
GENUS_ATTRIBUTES: dict[str, object] = {
    "units": "1",
    "long_name": "probability that clouds of a genus are present",
    "comment": "each genus for itself: several may be present, and the probabilities need not add up to 1; missing "
    "where the sky is obscured or without cloud",
    "ancillary_variables": GENUS_FLAG,
}


def _code(name: str, long_name: str, meanings: Sequence[str], **more: object) -> GridVariable:
    """A code variable; ``meanings`` of 0 onwards."""
    words = ["missing", *(_word(meaning) for meaning in meanings)]
    attributes: dict[str, object] = {
        "long_name": long_name,
        "flag_values": list(range(NO_CODE, len(meanings))),
        "flag_meanings": " ".join(words),
    }
    return GridVariable(name, "int8", NO_CODE, attributes | more)


def _word(meaning: str) -> str:
    """A flag meaning as CF writes it: one word."""
    return re.sub(r"[^a-z0-9+.-]+", "_", meaning.lower()).strip("_")


def _bases() -> list[str]:
    bounds = ["0", *(f"{bound:.0f}" for bound in BASE_BELOW_M)]
    below = [f"{low} to {high} m" for low, high in pairwise(bounds)]
    return [*below, f"{bounds[-1]} m or more or no cloud"]


def _level(name: str, table: str, meanings: Sequence[str], clouds: str) -> GridVariable:
    return _code(
        name,
        f"{clouds} clouds (WMO {table})",
        [*meanings, "invisible"],
        comment='10 is the "/" of the code: not visible for darkness, fog or lower cloud; missing where N is withheld',
    )


def _set_bound(name: str, which: str) -> GridVariable:
    attributes: dict[str, object] = {
        "units": "1",
        "long_name": f"{which} N of the set that holds N with a probability of 0.9",
        "comment": "as calibrated with sky_model; that of the weights that come with the software was made on "
        "simulated cameras",
    }
    return GridVariable(name, "float32", float("nan"), attributes)


SKY_VARIABLES: tuple[GridVariable, ...] = (
    GridVariable(
        GENUS_FLAG,
        "int8",
        int(ValueFlag.NOT_OBSERVED),
        {"long_name": "quality of the probabilities of the genera", **cf_flags(ValueFlag)},
    ),
    _set_bound("okta_set_low", "lowest"),
    _set_bound("okta_set_high", "highest"),
    _code(
        "wmo_2700_n",
        "total cloud amount (WMO 2700)",
        ["no cloud", *(f"{n} okta" for n in range(1, OKTAS + 1)), "sky obscured"],
        comment="from total_cloud_okta and sky_obscured; 9 is no amount: never average this variable",
    ),
    _code(
        "wmo_0500_genus",
        "most probable genus (WMO 0500)",
        GENUS_NAMES,
        standard_name=CF_NAMES["genus"],
        comment="from genus_probability; missing where no genus is more probable than not, or where the code of its "
        "level tells no cloud",
    ),
    _level("wmo_0513_cl", "0513", CL, "low"),
    _level("wmo_0515_cm", "0515", CM, "middle"),
    _level("wmo_0509_ch", "0509", CH, "high"),
    _code(
        "wmo_1600_base",
        "height of the lowest cloud base above ground (WMO 1600)",
        _bases(),
        comment="9 is a base of 2500 m or more, or no cloud, as the code has it; total_cloud_okta tells them apart",
    ),
    GridVariable(
        "cloud_source",
        "int8",
        int(SkySource.NONE),
        {"long_name": "what the answers of the sky model rest on", **cf_flags(SkySource)},
    ),
)
