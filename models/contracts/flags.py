"""Codes shared by every store: why an input was refused, what is odd about a frame, why a match is absent.

Numbers are stored; they are never reused or renumbered. CF ``flag_values`` / ``flag_meanings`` are derived here.
"""

from enum import IntEnum, IntFlag


class FrameFlag(IntFlag):
    """What a reader of a camera frame should know (CF ``flag_masks``)."""

    GREY = 1  # the source has one channel; it is repeated to three
    CMYK = 2
    EXIF_ROTATED = 4  # turned upright on reading
    REENCODED = 8  # stored losslessly in another encoding than the source's
    WRONG_EXTENSION = 16
    TIME_FROM_MTIME = 32
    TIME_FROM_EXIF = 64
    TIME_FROM_SIDECAR = 128
    TIME_AMBIGUOUS = 256  # in the doubled hour at the end of daylight saving, resolved by a rule
    TIME_IS_ORDER = 512  # an undated group: time is 1970-01-01 plus one second per rank


class Refusal(IntEnum):
    """Why an image or a satellite file was not accepted."""

    EMPTY_FILE = 1
    NOT_AN_IMAGE = 2
    TRUNCATED = 3
    TOO_MANY_PIXELS = 4
    UNSUPPORTED = 5
    DECODE_ERROR = 6
    TIME_UNREADABLE = 10
    TIME_NONEXISTENT = 11  # in the hour skipped at the start of daylight saving
    TIME_BEFORE_1970 = 12
    TIME_IN_FUTURE = 13  # judged again by later runs
    UNREADABLE_SOURCE = 20
    FILE_CORRUPT = 30
    OTHER_REGION = 31
    MISSING_VARIABLE = 32
    DUPLICATE_SLOT = 33
    OTHER_CADENCE = 34  # nominal time is not on the grid's time axis
    INCOMPLETE_SLOT = (
        35  # segments without the prologue or epilogue that they need; judged again by later runs
    )
    POOR_QUALITY = 40  # its producer says so


class SlotStatus(IntEnum):
    """State of one product in one satellite slot."""

    MISSING = 0
    PARTIAL = 1
    OK = 2
    BAD = 3


class AlignmentReason(IntEnum):
    """Why a frame has, or has not, a satellite slot."""

    MATCHED = 0
    NO_POSITION = 1  # the camera has no latitude and longitude
    OUTSIDE_REGION = 2
    NO_SLOT = 3  # nothing is archived near this time
    SLOT_MISSING = 4  # a slot is due here but did not come, or was bad
    BEYOND_TOLERANCE = 5
    NO_TIME = 6  # an undated group
    NO_FRAME = 7  # nothing to match


class ValueFlag(IntEnum):
    """Quality of a published value (CF ``flag_values``)."""

    GOOD = 0
    NOT_OBSERVED = 1  # no frame or no slot
    ABSTAINED = 2  # observed, but the product declines to answer
    DOUBTFUL = 3  # answered outside the conditions that it was evaluated in
    DARK = 4
    FAILED = 5  # the product's code failed on this frame; the ledger says how
    NO_REFERENCE = 6  # drift: the camera has no reference frame yet
    UNOBSERVABLE = (
        7  # drift, water: fog, blank, too little that can be matched; water: the line of sight is not known
    )
    OUTLIER = 8  # drift: answered, but at odds with the neighbours in time
    NOT_KNOWN = (
        9  # degrees: no field of view; water: no site, in metres no gauge readings, of alerts no flood level
    )
    OUTSIDE_READINGS = 10  # water level in metres: beyond the gauge readings, never extrapolated
    SKY_OBSCURED = 11  # clouds: the sky cannot be seen, hence no amount and no base
    NO_CLOUD = 12  # cloud base: there is no cloud
    ABOVE_BOUNDS = 13  # cloud base: 2500 m or more, which WMO 1600 divides no further; never extrapolated


def cf_flags(codes: type[IntEnum] | type[IntFlag]) -> dict[str, object]:
    """CF attributes of a variable that holds ``codes``.

    Returns:
        ``flag_values`` (or ``flag_masks`` for bit flags) and ``flag_meanings``.
    """
    members: list[IntEnum | IntFlag] = list(codes)
    key = "flag_masks" if issubclass(codes, IntFlag) else "flag_values"
    return {
        key: [int(m) for m in members],
        "flag_meanings": " ".join((m.name or "").lower() for m in members),
    }
