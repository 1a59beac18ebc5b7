"""Series of pictures with known levels."""

import csv

import numpy as np
import pytest
from PIL import Image

from models.contracts.labels import MaskCode
from tasks.errors import ConfigurationError
from tasks.water_series import (
    COLUMNS,
    read_time,
    read_water_mask,
    read_water_picture,
    read_water_series,
    site_of,
)


def write_series(folder, rows, columns=COLUMNS):
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "manifest.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, columns, restval="")
        table.writeheader()
        table.writerows(rows)
    return folder


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2015-10-08T14:30:01+00:00", "2015-10-08T14:30:01"),
        ("2015-10-08T14:30:01+02:00", "2015-10-08T12:30:01"),
        ("2012-05-31T18:00", "2012-05-31T18:00:00"),
        ("2022-07-15", "2022-07-15T00:00:00"),
        ("2016-10-06T12:15:41+91s", "2016-10-06T12:17:12"),
        ("-2024-07-12-001729Z", "2024-07-12T00:17:29"),
        ("2024-13-40T00:00", "NaT"),
        ("", "NaT"),
    ],
)
def test_odd_times_are_read(text, time):
    found = read_time(text)
    assert str(found) == time


def test_cameras_on_one_shore_are_one_site():
    assert [site_of(c) for c in ("duck_c1", "duck_c4", "floodx_cam1", "nrmarsh", "river001")] == [
        "duck",
        "duck",
        "floodx",
        "nrmarsh",
        "river001",
    ]


@pytest.fixture
def folder(tmp_path):
    """Two frames of a camera, the later one first, with an overlay of 10 of 100 rows; one of another camera."""
    pixels = np.full((100, 200, 3), 200, np.uint8)
    for name in ("a.png", "b.png", "c.png"):
        Image.fromarray(pixels).save(tmp_path / name)
    mask = np.zeros((100, 200, 3), np.uint8)
    mask[20:40, :, 0], mask[40:60, :, 1], mask[60:80, :, 2] = 1, 1, 255
    (tmp_path / "masks").mkdir()
    Image.fromarray(mask).save(tmp_path / "masks" / "a.png")
    rows = [
        {"file": "a.png", "camera": "x_c1", "time": "2020-01-01T02:00", "level": "50", "unit": "cm"},
        {"file": "b.png", "camera": "x_c1", "time": "2020-01-01T00:30", "level": "", "unit": "cm"},
        {"file": "c.png", "camera": "y", "time": "someday"},
    ]
    rows[0] |= {"overlay_top_px": "10", "mask": "masks/a.png"}
    return write_series(tmp_path, rows)


def test_frames_are_in_the_order_of_time(folder):
    x, y = read_water_series(folder)
    assert [f.file.name for f in x.frames] == ["b.png", "a.png"]
    assert (x.site, y.site) == ("x", "y")
    assert x.hours.tolist() == [0, 1.5]
    assert np.isnan(x.truth[0])
    assert x.truth_m[1] == pytest.approx(0.5)
    assert np.isnan(y.truth[0])
    assert y.hours.shape == (1,)


def test_the_overlay_is_blacked_out_in_the_reduced_picture(folder):
    frame = read_water_series(folder)[0].frames[1]
    whole, reduced = read_water_picture(frame), read_water_picture(frame, long_side=40)
    assert whole.rgb.shape == (100, 200, 3)
    assert whole.hidden.sum() == 10 * 200
    assert reduced.rgb.shape == (20, 40, 3)
    assert reduced.hidden[:2].all()
    assert not reduced.rgb[reduced.hidden].any()
    assert (reduced.rgb[~reduced.hidden] == 200).all()
    assert len(whole.sha256) == 64


def test_masks_of_colours_of_any_brightness(folder):
    codes = read_water_mask(read_water_series(folder)[0].frames[1])
    assert (codes[:20] == MaskCode.NOT_LABELLED).all()
    assert (codes[20:40] == MaskCode.DRY).all()
    assert (codes[40:80] == MaskCode.WATER).all()


def test_what_is_wrong_is_named_with_its_line(tmp_path):
    with pytest.raises(ConfigurationError, match="no such list"):
        read_water_series(tmp_path)
    write_series(tmp_path, [], columns=("file",))
    with pytest.raises(ConfigurationError, match="camera"):
        read_water_series(tmp_path)
    write_series(tmp_path, [{"file": "none.png", "camera": "x"}])
    with pytest.raises(ConfigurationError, match=r"none\.png"):
        read_water_series(tmp_path)


@pytest.mark.real
def test_the_real_series(real_data):
    series = {s.camera: s for s in read_water_series(real_data / "water")}
    assert {series[c].site for c in ("duck_c1", "duck_c2", "duck_c4", "duck_c6")} == {"duck"}
    assert [len(series[c].frames) for c in ("duck_c1", "nrmarsh", "floodx_cam1")] == [16, 24, 18]
    marsh = series["nrmarsh"]
    assert marsh.hours[-1] == pytest.approx(5.75)
    assert marsh.truth_m[0] == pytest.approx(0.84342)
    codes = read_water_mask(series["floodx_cam1"].frames[0])
    assert set(np.unique(codes)) == {0, 1, 2}
    assert (codes == MaskCode.WATER).mean() == pytest.approx(0.153, abs=0.01)
