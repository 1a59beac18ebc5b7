"""Labels of the water level: pairs of images put in order, masks of water, readings of a gauge.

Each belongs to one camera, whose images are named by the SHA-256 of their files. Labels are only ever added: an
annotator who answers again has answered twice, and a mask or a reading that is given anew supersedes the older one.
"""

import re
from enum import IntEnum, StrEnum

import numpy as np
import pandas as pd

from models.contracts.stored import NO_TIME, Column


class PairAnswer(StrEnum):
    """In which of two images of one camera the water stands higher."""

    LEFT_HIGHER = "left_higher"
    RIGHT_HIGHER = "right_higher"
    EQUAL = "equal"
    NOT_COMPARABLE = "not_comparable"

    @property
    def code(self) -> int:
        """As stored: the place in this list."""
        return list(PairAnswer).index(self)

    @property
    def mirrored(self) -> "PairAnswer":
        """The same answer where left and right change places."""
        return _MIRRORED.get(self, self)


_MIRRORED = {
    PairAnswer.LEFT_HIGHER: PairAnswer.RIGHT_HIGHER,
    PairAnswer.RIGHT_HIGHER: PairAnswer.LEFT_HIGHER,
}


class MaskCode(IntEnum):
    """What a pixel of a mask is."""

    NOT_LABELLED = 0
    DRY = 1  # anything but water: sky, bank, boats
    WATER = 2


METRES: dict[str, float] = {"m": 1.0, "cm": 0.01, "mm": 0.001, "ft": 0.3048}
"""Units of a gauge, in metres (the international foot)."""

_NAN = float("nan")
_IMPORT: dict[str, Column] = {"import_index": ("int32", -1), "line": ("int32", 0)}

PAIRS: dict[str, Column] = {
    "left_sha256": ("uint8[32]", 0),
    "right_sha256": ("uint8[32]", 0),
    "answer": ("int8", 0),  # PairAnswer.code
    "annotator": ("string", ""),
    "duration_s": ("float64", _NAN),
    "asked_at": ("int64", NO_TIME),
    **_IMPORT,
}

MASKS: dict[str, Column] = {
    "image_sha256": ("uint8[32]", 0),
    "annotator": ("string", ""),
    "height": ("int32", 0),
    "width": ("int32", 0),
    "pixels_row": ("int32", 0),  # among the masks of this size
    "mask_sha256": ("uint8[32]", 0),  # of the codes, row by row
    **_IMPORT,
}

GAUGE: dict[str, Column] = {
    "time": ("int64", NO_TIME),
    "level_m": ("float64", _NAN),
    "source_unit": ("string", ""),
    "datum": ("string", ""),
    "station": ("string", ""),
    **_IMPORT,
}

IMPORTS: dict[str, Column] = {
    "kind": ("string", ""),  # pairs, masks, gauge or clouds
    "source": ("string", ""),
    "source_sha256": ("uint8[32]", 0),
    "settings": ("string", ""),  # units, code table and so on, JSON
    "code_version": ("string", ""),
    "imported_at": ("int64", NO_TIME),
    "added": ("int32", 0),
    "refused": ("int32", 0),
}

_SHA256 = re.compile(r"[0-9a-f]{64}")
HIGHEST_LEVEL_M = 9000.0
"""Gauges of mountain lakes are given above the sea; beyond it, a value is a code or another unit."""


def pair_fault(left: str, right: str, answer: str, annotator: str, duration_s: float = _NAN) -> str | None:
    """What is wrong with a pair, or ``None``.

    Args:
        left: SHA-256 of an image, 64 hexadecimal digits.
        right: Of the other.
        answer: One of ``PairAnswer``.
        annotator: Who answered.
        duration_s: How long it took; NaN where not known.
    """
    for side, digest in (("left", left), ("right", right)):
        if not _SHA256.fullmatch(digest):
            return f"{side} {digest!r} is no SHA-256"
    if left == right:
        return "left and right are the same image"
    if answer not in set(PairAnswer):
        return f"answer {answer!r} is none of {', '.join(PairAnswer)}"
    if not annotator.strip():
        return "no annotator"
    if duration_s < 0 or np.isinf(duration_s):
        return f"duration {duration_s:g} s"
    return None


def mask_fault(codes: np.ndarray) -> str | None:
    """What is wrong with a mask (y, x) of ``MaskCode``, or ``None``."""
    if codes.dtype != np.uint8 or codes.ndim != 2 or not codes.size:
        return f"{codes.dtype} {codes.shape} is not uint8 (y, x)"
    if codes.max() > max(MaskCode):
        return f"code {codes.max()} is none of {', '.join(f'{c.value} {c.name.lower()}' for c in MaskCode)}"
    if not codes.any():
        return "no pixel is labelled"
    return None


def gauge_fault(time: np.datetime64, level_m: float) -> str | None:
    """What is wrong with a reading, or ``None``."""
    if np.isnat(time):
        return "no time"
    if not np.isfinite(level_m):
        return "no level"
    if abs(level_m) > HIGHEST_LEVEL_M:
        return f"{level_m:g} m is no level of water"
    return None


def newest_gauge(gauge: pd.DataFrame) -> pd.DataFrame:
    """The reading that counts for each station, datum and time: that of the newest import; sorted by them."""
    keys = ["station", "datum", "time"]
    ordered = gauge.sort_values([*keys, "import_index"], kind="stable")
    return ordered.drop_duplicates(keys, keep="last").reset_index(drop=True)


def newest_masks(masks: pd.DataFrame) -> pd.DataFrame:
    """The mask that counts for each image and annotator: that of the newest import; sorted by them."""
    keys = ["image_sha256", "annotator"]
    ordered = masks.sort_values([*keys, "import_index"], kind="stable")
    return ordered.drop_duplicates(keys, keep="last").reset_index(drop=True)
