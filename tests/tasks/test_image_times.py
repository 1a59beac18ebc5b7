"""UTC times of a camera's images, daylight saving included."""

import numpy as np
import pytest

from models.contracts.flags import FrameFlag, Refusal
from tasks.image_sources import SourceImage
from tasks.image_times import ExifTime, ImageClock, ImageTime, is_undated_group, parse_sidecar
from tasks.registry import Camera

AS_OF = np.datetime64("2026-11-22T00:00", "ms")


def clock(sidecar=None, undated=False, **fields):
    return ImageClock(Camera(id="c", source="/c", **fields), AS_OF, sidecar or {}, undated)


def image(name, modified=None):
    return SourceImage(name, 10, 1, f"file:///c/{name}", modified)


def utc(clock, name, exif=None, rank=0):
    found = clock.time_of(image(name), exif, rank)
    assert isinstance(found, ImageTime), found
    return str(found.time), found.flags


def refusal(clock, name, exif=None):
    return clock.time_of(image(name), exif, 0).reason


def test_utc_unless_a_zone_is_declared():
    assert utc(clock(), "20140709_082712.jpg") == ("2014-07-09T08:27:12.000", FrameFlag(0))
    paris = clock(time_zone="Europe/Paris")  # summer: UTC+2, winter: UTC+1
    assert utc(paris, "20140709_082712.jpg")[0] == "2014-07-09T06:27:12.000"
    assert utc(paris, "20141209_082712.jpg")[0] == "2014-12-09T07:27:12.000"
    assert utc(paris, "20141209_082712Z.jpg")[0] == "2014-12-09T08:27:12.000"


def test_the_missing_hour_is_refused():
    # Paris, 2026-03-29: 02:00 becomes 03:00
    paris = clock(time_zone="Europe/Paris")
    assert utc(paris, "20260329_015959.jpg")[0] == "2026-03-29T00:59:59.000"
    assert refusal(paris, "20260329_020000.jpg") is Refusal.TIME_NONEXISTENT
    assert refusal(paris, "20260329_025959.jpg") is Refusal.TIME_NONEXISTENT
    assert utc(paris, "20260329_030000.jpg")[0] == "2026-03-29T01:00:00.000"


def test_the_doubled_hour_by_name_alone_is_the_first_and_says_so():
    # Paris, 2026-10-25: 03:00 CEST becomes 02:00 CET; 02:30 is 00:30 UTC or 01:30 UTC
    paris = clock(time_zone="Europe/Paris")
    assert utc(paris, "20261025_015900.jpg") == ("2026-10-24T23:59:00.000", FrameFlag(0))
    assert utc(paris, "20261025_023000.jpg") == ("2026-10-25T00:30:00.000", FrameFlag.TIME_AMBIGUOUS)
    assert utc(paris, "20261025_030000.jpg") == ("2026-10-25T02:00:00.000", FrameFlag(0))


def test_numbered_names_settle_the_doubled_hour():
    paris = clock(time_zone="Europe/Paris", time_from="exif")
    sequence = ["01:50", "02:10", "02:40", "02:05", "02:40", "03:10"]
    times = [
        utc(paris, f"img{i}.jpg", ExifTime(f"2026:10:25 {clock_time}:00"), i)
        for i, clock_time in enumerate(sequence)
    ]
    # 02:05 after 02:40 can only be the second pass; so is the 02:40 after it
    assert [t[0][5:16] for t in times] == [
        "10-24T23:50", "10-25T00:10", "10-25T00:40", "10-25T01:05", "10-25T01:40", "10-25T02:10",
    ]  # fmt: skip
    ambiguous = [bool(t[1] & FrameFlag.TIME_AMBIGUOUS) for t in times]
    assert ambiguous == [False, True, True, False, False, False]


def test_before_1970_in_the_future_and_unreadable():
    assert refusal(clock(), "19691231_235959.jpg") is Refusal.TIME_BEFORE_1970
    assert utc(clock(), "19700101_000000.jpg")[0] == "1970-01-01T00:00:00.000"
    assert utc(clock(), "20261122_000000.jpg")[0] == "2026-11-22T00:00:00.000"  # as_of itself is not later
    assert refusal(clock(), "20261122_000001.jpg") is Refusal.TIME_IN_FUTURE
    assert refusal(clock(), "holiday.jpg") is Refusal.TIME_UNREADABLE
    assert refusal(clock(), "20261340_000000.jpg") is Refusal.TIME_UNREADABLE


def test_sources_of_time_in_their_order():
    exif = ExifTime("2020:01:01 10:00:00", "+01:00")
    sidecar = {"20140409_082712.jpg": "2021-01-01T00:00Z"}
    assert utc(clock(sidecar), "20140409_082712.jpg", exif) == (
        "2021-01-01T00:00:00.000",
        FrameFlag.TIME_FROM_SIDECAR,
    )
    assert utc(clock(), "20140409_082712.jpg", exif)[0] == "2014-04-09T08:27:12.000"
    assert utc(clock(), "a.jpg", exif) == ("2020-01-01T09:00:00.000", FrameFlag.TIME_FROM_EXIF)
    assert utc(clock(time_from="exif"), "20140409_082712.jpg", exif)[1] is FrameFlag.TIME_FROM_EXIF
    assert refusal(clock(time_from="exif"), "20140409_082712.jpg") is Refusal.TIME_UNREADABLE
    assert refusal(clock(time_from="name"), "a.jpg", exif) is Refusal.TIME_UNREADABLE
    assert refusal(clock(sidecar, time_from="sidecar"), "b.jpg") is Refusal.TIME_UNREADABLE
    assert refusal(clock({"a.jpg": "soon"}), "a.jpg") is Refusal.TIME_UNREADABLE


def test_mtime_only_when_asked():
    dated = image("a.jpg", np.datetime64("2020-05-05T05:05:05", "ms"))
    assert clock().time_of(dated, None, 0).reason is Refusal.TIME_UNREADABLE
    found = clock(time_from="mtime").time_of(dated, None, 0)
    assert (str(found.time), found.flags) == ("2020-05-05T05:05:05.000", FrameFlag.TIME_FROM_MTIME)


def test_an_undated_group_has_an_order():
    assert utc(clock(undated=True), "b.jpg", rank=19) == ("1970-01-01T00:00:19.000", FrameFlag.TIME_IS_ORDER)


@pytest.mark.parametrize(
    ("fields", "names", "sidecar", "any_exif", "expected"),
    [
        ({}, ["img1.jpg", "img2.jpg"], {}, False, True),
        ({}, ["img1.jpg", "20140409_082712.jpg"], {}, False, False),
        ({}, ["img1.jpg"], {}, True, False),
        ({}, ["img1.jpg"], {"img1.jpg": "2020-01-01"}, False, False),
        ({}, ["13-06-2023 03h11.jpg"], {}, False, False),  # a date that we cannot read is not "no date"
        ({"time_from": "name"}, ["img1.jpg"], {}, False, False),
        ({"time_from": "order"}, ["20140409_082712.jpg"], {}, True, True),
    ],
)
def test_what_counts_as_undated(fields, names, sidecar, any_exif, expected):
    assert is_undated_group(Camera(id="c", source="/c", **fields), names, sidecar, any_exif) is expected


def test_sidecar_tables():
    assert parse_sidecar("\ufefffile, time, note\na.jpg, 2020-01-01T00:00Z, x\n\nsub/b.jpg,2020-01-02\n") == {
        "a.jpg": "2020-01-01T00:00Z",
        "sub/b.jpg": "2020-01-02",
    }
    assert parse_sidecar("") == {}
    assert parse_sidecar("name;when\na.jpg;2020\n") == {}
