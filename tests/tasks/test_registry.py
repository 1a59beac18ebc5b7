"""cameras.csv: rows on their own, columns at once."""

import pytest

from tasks.errors import ConfigurationError
from tasks.registry import Camera, parse_polygon, read_registry


def write(folder, text):
    path = folder / "cameras.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_only_id_and_source_are_required(tmp_path):
    registry = read_registry(
        write(tmp_path, "id,source\nriver01,images/river01\nweb,https://x.example/cam/\n")
    )
    river, web = registry.cameras
    assert river.source == str(tmp_path / "images/river01")
    assert web.source == "https://x.example/cam/"
    assert river.time_zone == "UTC" and not river.has_position and registry.refused_rows == ()
    assert registry["web"] is web
    with pytest.raises(KeyError):
        registry["nowhere"]


def test_a_full_row(tmp_path):
    header = (
        "id,source,latitude,longitude,altitude_m,azimuth_deg,elevation_deg,hfov_deg,cadence_minutes,time_zone,"
        "gauge_id,privacy_polygon,time_from,time_pattern\n"
    )
    row = 'a,/a,48.9,2.3,40,180,-5,60,30,Europe/Paris,F700,"0 0;1 0;1 .5",name,%Y%m%d\n'
    camera = read_registry(write(tmp_path, header + row))["a"]
    assert camera.privacy_polygon == ((0, 0), (1, 0), (1, 0.5))
    assert camera.losses() == () and camera.hfov_deg == 60


def test_what_is_lost_is_said(tmp_path):
    registry = read_registry(write(tmp_path, "id,source,latitude,longitude\na,/a,48,2\nb,/b,,\n"))
    assert any("degrees" in words for words in registry.lost["a"])
    assert not any("no position" in words for words in registry.lost["a"])
    assert any("no satellite" in words for words in registry.lost["b"])
    assert max(registry.loss_counts().values()) == 2


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("Bad Id,/a,,,", "id: only a-z, 0-9, _ and - are allowed"),
        (",/a,,,", "id: is required"),
        ("x,,,,", "source"),
        ("x,/a,91,0,", "latitude: should be less than or equal to 90"),
        ("x,/a,nan,0,", "latitude"),
        ("x,/a,north,0,", "latitude"),
        ("x,/a,48,,", "together"),
        ("x,/a,,,Europe/Lutetia", "time zone"),
        ("x,/a,,,UTC,extra", "6 cells under 5"),
        ("good,/a,,,", "already used on line 2"),
    ],
)
def test_a_bad_row_is_left_out_with_its_reason(tmp_path, row, reason):
    text = f"id,source,latitude,longitude,time_zone\ngood,/g,,,\n{row}\nlast,/l,,,\n"
    registry = read_registry(write(tmp_path, text))
    assert [c.id for c in registry.cameras] == ["good", "last"]
    (refused,) = registry.refused_rows
    assert refused.line == 3 and reason in refused.reason


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "empty"),
        ("id,latitude\na,48\n", 1, "'source' is missing"),
        ("# network\nid,source,lattitude\n", 2, "did you mean 'latitude'"),
        ("id;source\n", 1, "commas"),
        ("id,source,source\n", 1, "twice"),
    ],
)
def test_wrong_columns_stop_the_run(tmp_path, text, line, words):
    with pytest.raises(ConfigurationError, match=words) as caught:
        read_registry(write(tmp_path, text))
    assert caught.value.line == line


def test_a_missing_or_foreign_file_stops_the_run(tmp_path):
    with pytest.raises(ConfigurationError, match="no such file"):
        read_registry(tmp_path / "cameras.csv")
    (tmp_path / "cameras.csv").write_bytes(b"id,source\nf\xe9camp,/a\n")
    with pytest.raises(ConfigurationError, match="UTF-8") as caught:
        read_registry(tmp_path / "cameras.csv")
    assert caught.value.line == 2


def test_hundreds_of_rows(tmp_path):
    rows = "".join(f"cam{i:03d},/c/{i},{i - 250},{i % 90}\n" for i in range(500))
    registry = read_registry(write(tmp_path, "id,source,latitude,longitude\n" + rows))
    # latitudes -90..90 are rows 160..340: 181 cameras, 319 refused
    assert (len(registry.cameras), len(registry.refused_rows)) == (181, 319)


@pytest.mark.parametrize("text", ["0 0;1 1", "0 0;1 0;2 1", "0 0;1 0;a b", "0;1;1"])
def test_a_polygon_has_three_corners_inside(text):
    with pytest.raises(ValueError, match=r"corner"):
        parse_polygon(text)


@pytest.mark.parametrize("pattern", ["%d/%m", r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)"])
def test_time_patterns_of_both_kinds(pattern):
    assert Camera(id="a", source="/a", time_pattern=pattern).time_pattern == pattern


def test_a_quote_left_open_costs_its_own_row_only(tmp_path):
    path = tmp_path / "cameras.csv"
    path.write_text('id,source\r\na,"images/a\r\nb,"images, old/b"\r\nc,images/c\r\n', newline="")
    registry = read_registry(path)
    assert [camera.id for camera in registry.cameras] == ["b", "c"]
    assert registry["b"].source.endswith("images, old/b")
    assert [(row.line, row.camera) for row in registry.refused_rows] == [(2, "a")]
