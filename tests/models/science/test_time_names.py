"""Times that file names, EXIF and tables state."""

import contextlib
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.science.time_names import (
    TimeUnreadable,
    check_pattern,
    looks_dated,
    natural_key,
    read_exif,
    read_name,
    read_text,
)


@pytest.mark.parametrize(
    ("name", "stated"),
    [
        ("20140409_082712.jpg", "2014-04-09T08:27:12"),
        ("2023-06-13T03_11_46.jpg", "2023-06-13T03:11:46"),
        # 1444314601 s = 2015-10-08 14:30:01 UTC, as the name itself says
        ("1444314601.Thu.Oct.08_14_30_01.GMT.2015.argus02b.c1.timex.jpg", "2015-10-08T14:30:01+00:00"),
        ("2012_0104_09400.jpg", "2012-01-04T09:40:00"),
        ("2012_0104_09403.jpg", "2012-01-04T09:40:00.003000"),  # fourth image of that minute
        ("river01-20260102-1200.jpg", "2026-01-02T12:00:00"),
        ("20140409082712.jpg", "2014-04-09T08:27:12"),
        ("20140409082712345.jpg", "2014-04-09T08:27:12.345000"),
        ("201404090827.png", "2014-04-09T08:27:00"),
        ("2014/04/09/082712.jpg", "2014-04-09T08:27:12"),
        ("2023-06-13T03:11:46.123Z.jpg", "2023-06-13T03:11:46.123000+00:00"),
        ("2023-06-13T03_11_46+0200.jpg", "2023-06-13T03:11:46+02:00"),
        ("2023-06-13T03_11_46-0500.jpg", "2023-06-13T03:11:46-05:00"),
        ("20140409_082712-0001.jpg", "2014-04-09T08:27:12"),  # a number, not an offset
        ("2014-04-09 08h27m12s.jpg", "2014-04-09T08:27:12"),
        ("cam_20140409_082712.UTC.jpg", "2014-04-09T08:27:12+00:00"),
        ("1444314601.jpg", "2015-10-08T14:30:01+00:00"),
        ("19690101_000000.jpg", "1969-01-01T00:00:00"),
    ],
)
def test_names_read_as_they_are(name, stated):
    assert read_name(name).stated.isoformat() == stated


@pytest.mark.parametrize(
    "name",
    [
        "photo.jpg",
        "IMG_0001.jpg",
        "20141309_082712.jpg",
        "20140230_082712.jpg",
        "20140409_2560.jpg",
        "20140409.jpg",
        "",
    ],
)
def test_what_states_no_time_is_unreadable(name):
    with pytest.raises(TimeUnreadable):
        read_name(name)


def test_a_pattern_replaces_the_known_ones():
    assert read_name("13.06.2023 03h11.jpg", "%d.%m.%Y %Hh%M").stated.isoformat() == "2023-06-13T03:11:00"
    doy = r"d(?P<day>\d\d)m(?P<month>\d\d)y(?P<year>\d{4})h(?P<hour>\d\d)"
    assert read_name("x/d09m04y2014h08.jpg", doy).stated.isoformat() == "2014-04-09T08:00:00"
    assert (
        read_name("t1444314601z.jpg", r"t(?P<epoch>\d+)z").stated.isoformat() == "2015-10-08T14:30:01+00:00"
    )
    with pytest.raises(TimeUnreadable, match="time_pattern"):
        read_name("20140409_082712.jpg", "%d.%m.%Y")


@pytest.mark.parametrize("pattern", ["hello", r"(?P<year>\d{4})", r"(?P<year>\d{4"])
def test_a_useless_pattern_is_refused(pattern):
    with pytest.raises(ValueError, match=r"pattern|group|regular"):
        check_pattern(pattern)


def test_exif_and_tables():
    assert read_exif("2014:04:09 08:27:12").is_local
    assert (
        read_exif("2014:04:09 08:27:12", "+02:00", "12").stated.isoformat()
        == "2014-04-09T08:27:12.120000+02:00"
    )
    assert read_text(" 2014-04-09 08:27:12 ").is_local
    assert not read_text("2014-04-09T08:27:12Z").is_local
    for bad in ("0000:00:00 00:00:00", "    :  :     :  :  ", "yesterday", ""):
        with pytest.raises(TimeUnreadable):
            read_exif(bad)
        with pytest.raises(TimeUnreadable):
            read_text(bad)


def test_natural_order_and_dated_look():
    assert sorted(["img10", "img2", "img1"], key=natural_key) == ["img1", "img2", "img10"]
    assert looks_dated("13-06-2023 03h11.jpg") and not looks_dated("IMG_0001.jpg")


@given(st.datetimes(datetime(1800, 1, 1), datetime(2199, 12, 31)))  # noqa: DTZ001
def test_a_written_name_reads_back(time):
    assert read_name(f"{time:%Y%m%d_%H%M%S}.jpg").stated == time.replace(microsecond=0)


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_name_is_read_or_refused_and_has_a_place(name, other):
    with contextlib.suppress(TimeUnreadable):
        read_name(name)
    assert (natural_key(name) == natural_key(other)) == (name == other)
