"""Reads the time that a file name, an EXIF block or a table states, exactly as stated: no zone is applied here.

A reading without an offset is local to its camera; ``tasks.image_times`` turns it into UTC.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import PurePosixPath

# Separators inside a date, between date and time, and inside a time, as cameras and loggers write them.
_ISO_LIKE = re.compile(
    r"(?<!\d)(?P<year>(?:1[89]|2[01])\d\d)[-_/.]?(?P<month>\d\d)[-_/.]?(?P<day>\d\d)"
    r"(?P<separator>[T_\-/ .]*)(?P<hour>\d\d)[-_:/h.]?(?P<minute>\d\d)"
    r"(?:[-_:/m.]?(?P<second>\d\d)(?:[._,]?(?P<fraction>\d{3}|(?<=[.,])\d{1,9}))?)?s?"
    r"(?P<offset>Z|[ _.]?(?:UTC|GMT)|[+-]\d\d[:_]?\d\d)?(?!\d)"
)
# `2012_0104_09400`: YYYY_MMDD_HHMM and one digit that numbers the images of that minute.
_NUMBERED_MINUTE = re.compile(
    r"(?<!\d)(?P<year>(?:19|2[01])\d\d)_(?P<month>\d\d)(?P<day>\d\d)_(?P<hour>\d\d)(?P<minute>\d\d)(?P<number>\d)(?!\d)"
)
# `1444314601.Thu.Oct.08_14_30_01.GMT.2015.argus02b...`: Argus stations; the seconds since 1970 are the time.
_ARGUS = re.compile(r"^(?P<epoch>\d{9,10})\.[A-Z][a-z]{2}\.[A-Z][a-z]{2}\.\d\d_\d\d_\d\d_\d\d\.[A-Z]+\.\d{4}")
_EPOCH_ONLY = re.compile(r"^(?:.*\D)?(?P<epoch>1\d{9})(?P<fraction>\d{3})?$")


class TimeUnreadable(ValueError):
    """Nothing in the text reads as a time, or it reads as a day that the calendar lacks."""


@dataclass(frozen=True)
class TimeReading:
    """A time as stated.

    Attributes:
        stated: Without ``tzinfo`` where no offset was stated (local to the camera), else with it.
    """

    stated: datetime

    @property
    def is_local(self) -> bool:
        """Whether the camera's time zone is needed to place this reading."""
        return self.stated.tzinfo is None


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sorting key under which ``img2`` comes before ``img10``; the name itself breaks ties (``img02``, ``img2``)."""
    parts = re.split(r"(\d+)", name)
    key = tuple((0, int(p), "") if p.isdigit() and p.isascii() else (1, 0, p) for p in parts if p)
    return (*key, (2, 0, name))


def looks_dated(name: str) -> bool:
    """Whether a name holds the eight digits or more that a date needs, readable to us or not."""
    return sum(c.isdigit() for c in PurePosixPath(name).stem) >= 8


def read_name(name: str, pattern: str | None = None) -> TimeReading:
    """Time stated by a file name.

    Args:
        name: Relative name, posix; folders are used where the last part alone does not read
            (``2014/04/09/082712.jpg``).
        pattern: A regular expression with named groups (``year month day hour minute second fraction``,
            ``epoch``, ``offset``), or a ``strptime`` format of the last part without its suffix; ``None`` for the
            known patterns.

    Raises:
        TimeUnreadable: No pattern fits.
    """
    stem = PurePosixPath(name).name if "." not in name else PurePosixPath(name).stem
    whole = str(PurePosixPath(name).with_suffix("")) if stem else name
    if pattern:
        return _read_by_pattern((stem, PurePosixPath(name).name, whole, name), pattern)
    for text in dict.fromkeys((stem, whole)):
        for known in (_ARGUS, _ISO_LIKE, _NUMBERED_MINUTE, _EPOCH_ONLY):
            match = known.search(text)
            if match:
                return _from_groups(match.groupdict(), text)
    raise TimeUnreadable(f"no known time pattern in {name!r}")


def read_exif(original: str, offset: str | None = None, subsec: str | None = None) -> TimeReading:
    """Time stated by EXIF ``DateTimeOriginal``, ``OffsetTimeOriginal`` and ``SubSecTimeOriginal``.

    Raises:
        TimeUnreadable: Not a time; cameras without a clock write ``0000:00:00 00:00:00``.
    """
    text = original.strip("\x00 ")
    match = re.fullmatch(r"(\d{4})[:\-/](\d\d)[:\-/](\d\d)[ T](\d\d):(\d\d):(\d\d)", text)
    if not match:
        raise TimeUnreadable(f"EXIF time {text!r}")
    names = ("year", "month", "day", "hour", "minute", "second")
    groups: dict[str, str | None] = dict(zip(names, match.groups(), strict=True))
    fraction = (subsec or "").strip("\x00 ")
    groups["fraction"] = fraction if fraction.isdigit() else None
    stated_offset = (offset or "").strip("\x00 ")
    groups["offset"] = stated_offset if re.fullmatch(r"[+-]\d\d:\d\d|Z", stated_offset) else None
    return _from_groups(groups, text)


def read_text(text: str) -> TimeReading:
    """Time of a table cell: ISO 8601, with or without an offset.

    Raises:
        TimeUnreadable: Not ISO 8601.
    """
    try:
        return TimeReading(datetime.fromisoformat(text.strip()))
    except ValueError as error:
        raise TimeUnreadable(f"{text!r} is not ISO 8601") from error


def check_pattern(pattern: str) -> None:
    """Refuses a ``time_pattern`` that could never read a time.

    Raises:
        ValueError: Says what is wrong with it.
    """
    if "(?P<" not in pattern:
        if not re.search(r"%[YyjmdHMSsfzbBpI]", pattern):
            raise ValueError("neither a regular expression with named groups nor a strptime format")
        return
    try:
        groups = set(re.compile(pattern).groupindex)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    if not ({"year", "month", "day"} <= groups or "epoch" in groups):
        raise ValueError("needs the groups year, month and day, or epoch")


def _read_by_pattern(texts: tuple[str, ...], pattern: str) -> TimeReading:
    for text in dict.fromkeys(texts):
        if "(?P<" in pattern:
            match = re.search(pattern, text)
            if match:
                return _from_groups(match.groupdict(), text)
            continue
        try:
            # without an offset in the name the reading is local, which is what a missing tzinfo says here
            return TimeReading(datetime.strptime(text, pattern))  # noqa: DTZ007
        except ValueError:
            continue
    raise TimeUnreadable(f"{texts[0]!r} does not fit time_pattern {pattern!r}")


def _from_groups(groups: dict[str, str | None], text: str) -> TimeReading:
    """Builds a time from named parts; a calendar that lacks the day makes it unreadable."""
    fraction = groups.get("fraction")
    microsecond = int(fraction[:6].ljust(6, "0")) if fraction else 0
    # Numbered images of one minute are kept apart, and in order, by as many milliseconds.
    microsecond += 1000 * int(groups.get("number") or 0)
    try:
        epoch = groups.get("epoch")
        if epoch:
            start = datetime(1970, 1, 1, tzinfo=UTC)
            return TimeReading(start + timedelta(seconds=int(epoch), microseconds=microsecond))
        year, month, day = (int(groups[k] or 0) for k in ("year", "month", "day"))
        hour, minute, second = (int(groups.get(k) or 0) for k in ("hour", "minute", "second"))
        zone = _offset(groups.get("offset"), groups.get("separator"))
        return TimeReading(datetime(year, month, day, hour, minute, second, microsecond, tzinfo=zone))
    except (ValueError, KeyError, OverflowError) as error:
        raise TimeUnreadable(f"{text!r} reads as no day or time of the calendar") from error


def _offset(offset: str | None, separator: str | None) -> timezone | None:
    if not offset:
        return None
    if offset[0] not in "+-":
        return UTC
    if offset[0] == "-" and separator not in ("T", None) and ":" not in offset:
        return None  # `20140409_082712-0001` numbers its images; only ISO's own form states an offset
    digits = offset[1:].replace(":", "").replace("_", "")
    shift = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-shift if offset[0] == "-" else shift)
