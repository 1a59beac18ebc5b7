"""Clouds as people and stations report them: WMO code tables, one answer of a crowd campaign, CF names.

Source: WMO-No. 306, Manual on Codes, volume I.1, code tables 0500, 0509, 0513, 0515, 1600 and 2700. Three things that
the code figures fold together are kept apart here: a sky that is obscured (N = 9) is no amount, a base of 2500 m or
more (9) is not "no cloud" (9 as well), and a missing answer is neither.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
import pandas as pd

from models.contracts.stored import NO_TIME, Column

GENERA: tuple[str, ...] = ("Ci", "Cc", "Cs", "Ac", "As", "Ns", "Sc", "St", "Cu", "Cb")
"""WMO 0500: the code of a genus is its place."""
GENUS_NAMES: tuple[str, ...] = (
    "cirrus", "cirrocumulus", "cirrostratus", "altocumulus", "altostratus",
    "nimbostratus", "stratocumulus", "stratus", "cumulus", "cumulonimbus",
)  # fmt: skip
OKTAS = 8
"""WMO 2700: 0 no cloud at all, 8 no gap at all; traces are 1, gaps 7."""
OBSCURED_CODE = 9
"""WMO 2700: the sky is obscured. Never an amount: it is a field of its own."""
BASE_BELOW_M: tuple[float, ...] = (50, 100, 200, 300, 600, 1000, 1500, 2000, 2500)
"""WMO 1600: upper bound in metres above ground of the codes 0 to 8; code 9 is 2500 m or more."""
BASE_CODES = len(BASE_BELOW_M) + 1
INVISIBLE = 10
"""Of CL, CM, CH: "/", clouds of this level cannot be seen for darkness, fog or lower cloud."""
NOT_ANSWERED = -1
LAYERS = 4
"""Layers of one answer: SYNOP reports four groups 8NsChshs at most."""

CL: tuple[str, ...] = (
    "no Sc, St, Cu or Cb",
    "Cu humilis or fractus of fair weather",
    "Cu mediocris or congestus, all bases at one level",
    "Cb calvus",
    "Sc cumulogenitus",
    "Sc other than cumulogenitus",
    "St nebulosus or fractus of fair weather",
    "St or Cu fractus of bad weather (pannus)",
    "Cu and Sc with bases at different levels",
    "Cb capillatus",
)
"""WMO 0513: low clouds."""
CM: tuple[str, ...] = (
    "no Ac, As or Ns",
    "As translucidus",
    "As opacus or Ns",
    "Ac translucidus at a single level",
    "patches of Ac translucidus, continually changing",
    "Ac translucidus in bands, or invading the sky",
    "Ac cumulogenitus",
    "Ac opacus or in two layers, or Ac with As or Ns",
    "Ac castellanus or floccus",
    "Ac of a chaotic sky",
)
"""WMO 0515: middle clouds."""
CH: tuple[str, ...] = (
    "no Ci, Cc or Cs",
    "Ci fibratus, not invading the sky",
    "Ci spissatus, not from Cb",
    "Ci spissatus from Cb",
    "Ci uncinus or fibratus, invading the sky",
    "Ci or Cs invading the sky, below 45 degrees",
    "Ci or Cs invading the sky, above 45 degrees",
    "Cs over the whole sky",
    "Cs neither invading nor over the whole sky",
    "Cc alone or predominant",
)
"""WMO 0509: high clouds."""

LEVEL_GENERA: Mapping[str, tuple[str, ...]] = {
    "low": ("Sc", "St", "Cu", "Cb"),
    "mid": ("Ac", "As", "Ns"),
    "high": ("Ci", "Cc", "Cs"),
}
"""Which genera CL, CM and CH are about."""

CF_NAMES: Mapping[str, str] = {
    "full_dome_cover": "cloud_area_fraction",  # of the full dome alone: a camera's sector has no standard name
    "low_cover": "low_type_cloud_area_fraction",
    "mid_cover": "medium_type_cloud_area_fraction",
    "high_cover": "high_type_cloud_area_fraction",
    "base": "cloud_base_altitude",  # m above the geoid; CF has no name for the height above ground
    "genus": "cloud_type",
    "mask": "cloud_binary_mask",
    "quality": "quality_flag",
}


class Expertise(IntEnum):
    """What an annotator says of oneself."""

    UNKNOWN = 0
    NOVICE = 1
    TRAINED = 2
    EXPERT = 3


class Gold(IntEnum):
    """Whether an answer is about an item of which the truth is known."""

    NONE = 0
    ITEM = 1  # an answer to a gold item
    REFERENCE = 2  # the truth of a gold item, as its experts have it


_NAN = float("nan")
_ANSWER: dict[str, Column] = {
    "image_sha256": ("uint8[32]", 0),
    "time": ("int64", NO_TIME),  # of the image
    "annotator": ("string", ""),
    "expertise": ("int8", int(Expertise.UNKNOWN)),
    "sky_visible": ("int8", NOT_ANSWERED),
    "obscured": ("int8", NOT_ANSWERED),
    "okta": ("int8", NOT_ANSWERED),
    **{
        f"layer{number}_{name}": ("int16" if name == "genera" else "int8", NOT_ANSWERED)
        for number in range(1, LAYERS + 1)
        for name in ("genera", "okta", "base")  # genera: bit k is the genus of code k
    },
    "low": ("int8", NOT_ANSWERED),
    "mid": ("int8", NOT_ANSWERED),
    "high": ("int8", NOT_ANSWERED),
    "confidence": ("float32", _NAN),  # 0 to 1
    "cannot_tell": ("int8", 0),
    "duration_s": ("float64", _NAN),
    "tutorial": ("string", ""),
    "gold": ("int8", int(Gold.NONE)),
    "asked_at": ("int64", NO_TIME),
}
CLOUDS: dict[str, Column] = {**_ANSWER, "import_index": ("int32", -1), "line": ("int32", 0)}
"""One answer, as stored."""
CLOUD_IDENTITY: tuple[str, ...] = tuple(_ANSWER)


@dataclass(frozen=True)
class Layer:
    """One layer of cloud, as one annotator has it; ``NOT_ANSWERED`` where left open.

    Attributes:
        genera: Codes of 0500; ``None`` where left open.
        okta: Amount, 0 to 8.
        base: Code of 1600, 0 to 9.
    """

    genera: frozenset[int] | None = None
    okta: int = NOT_ANSWERED
    base: int = NOT_ANSWERED

    @property
    def answered(self) -> bool:
        """Whether anything of it was."""
        return self.genera is not None or self.okta >= 0 or self.base >= 0


@dataclass(frozen=True)
class CloudAnswer:
    """What one annotator says of one sky; ``NOT_ANSWERED`` where a question was left open.

    Attributes:
        sky_visible: 1 the picture shows sky, 0 none.
        obscured: 1 the sky cannot be seen (fog, snow on the lens), 0 it can; a question of its own beside N.
        okta: N, 0 to 8.
        layers: From the lowest up.
        low: CL, 0 to 9 or ``INVISIBLE``.
        mid: CM.
        high: CH.
        cannot_tell: The annotator passes.
    """

    sky_visible: int = NOT_ANSWERED
    obscured: int = NOT_ANSWERED
    okta: int = NOT_ANSWERED
    layers: Sequence[Layer] = field(default_factory=tuple)
    low: int = NOT_ANSWERED
    mid: int = NOT_ANSWERED
    high: int = NOT_ANSWERED
    cannot_tell: bool = False


def cloud_fault(answer: CloudAnswer) -> str | None:
    """What in one answer cannot all be meant, or ``None``."""
    layers = [layer for layer in answer.layers if layer.answered]
    levels = (answer.low, answer.mid, answer.high)
    cloudy = bool(layers) or any(0 < level < INVISIBLE for level in levels)
    described = cloudy or answer.okta >= 0 or any(0 <= level < INVISIBLE for level in levels)
    if answer.cannot_tell:
        return "cannot tell, yet something is told" if described else None
    if answer.sky_visible == 0 and described:
        return "no sky in the picture, yet clouds are told of it"
    if answer.obscured == 1 and answer.okta >= 0:
        return f"obscured, yet N is {answer.okta}"
    if answer.okta == 0 and any(layer.genera or layer.okta > 0 or layer.base >= 0 for layer in layers):
        return "N is 0, yet there is a layer"
    if answer.okta == 0 and any(0 < level < INVISIBLE for level in levels):
        return "N is 0, yet CL, CM or CH is a cloud"
    over = [layer.okta for layer in layers if layer.okta > answer.okta >= 0]
    if over:
        return f"a layer of {over[0]} oktas, yet N is {answer.okta}"
    if not (described or answer.obscured >= 0 or answer.sky_visible >= 0):
        return "nothing is answered"
    return None


def base_code(height_m: float) -> int:
    """Code of 1600 of a base above ground, in metres: a bound belongs to the code above it."""
    return int(np.searchsorted(BASE_BELOW_M, height_m, side="right"))


def genera_bits(genera: frozenset[int] | None) -> int:
    """A set of genera as stored."""
    return NOT_ANSWERED if genera is None else sum(1 << code for code in genera)


def newest_answers(clouds: pd.DataFrame) -> pd.DataFrame:
    """The answer that counts for each image and annotator: the last of the newest import; sorted by them.

    Two answers of one annotator are no two opinions. The older ones stay in the store.
    """
    keys = ["image_sha256", "annotator"]
    ordered = clouds.sort_values([*keys, "import_index", "line"], kind="stable")
    return ordered.drop_duplicates(keys, keep="last").reset_index(drop=True)
