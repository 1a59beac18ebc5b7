"""Labels from files: what is meant, what is taken, and what is left out with its line."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from models.contracts.labels import MaskCode
from tasks.errors import ConfigurationError
from tasks.label_frames import FrameNames, UnknownFrame
from tasks.label_import import GaugeColumns, import_gauge, import_masks, import_pairs
from tasks.label_masks import CODE_TABLES, code_table, read_mask
from tasks.label_tables import read_time
from tasks.stores.camera_archive import CameraArchive
from tasks.stores.labels import LabelStore
from tests.stores.camera_frames import frame, image_file

TIMES = ("2026-06-01T05:00", "2026-06-01T05:30:00.250", "2026-06-01T06:00", "2026-06-02T05:00")


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> str:
    root = str(tmp_path_factory.mktemp("archive"))
    frames = [frame(time, seed, f"day/{seed}.jpg") for seed, time in enumerate(TIMES)]
    CameraArchive(root, "river01").append(frames)
    return root


@pytest.fixture
def digests(archive) -> list[str]:
    return CameraArchive(archive, "river01").rows()["sha256"].tolist()


@pytest.fixture
def root(archive, tmp_path) -> str:
    """An archive of the test's own, with the same frames."""
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "cameras").symlink_to(f"{archive}/cameras")
    return str(tmp_path / "archive")


def write(path, text):
    path.write_text(text)
    return path


def test_a_frame_has_many_names(archive, digests):
    names = FrameNames(CameraArchive(archive, "river01").rows())
    for reference in (digests[1], digests[1].upper(), "day/1.jpg", "1.jpg", "1", "2026-06-01T05:30:00Z"):
        assert names.find(reference) == digests[1]
    assert names.find("2026-06-01T07:00+02:00") == digests[0]
    assert names.size(digests[0]) == (24, 32)
    for reference in ("9.jpg", "f" * 64, "2026-06-01T05:30:00.100", "2026-06-01T05:29"):
        with pytest.raises(UnknownFrame):
            names.find(reference)


def test_good_pairs_are_taken_and_bad_ones_listed(root, tmp_path, digests):
    path = write(
        tmp_path / "pairs.csv",
        "left,right,answer,annotator,duration,note\n"
        "0.jpg,1.jpg,left_higher,ann,3.5,ok\n"
        f"{digests[2]},2026-06-02T05:00Z,Not comparable,bob,,\n"
        "# a comment\n"
        "0.jpg,0.jpg,equal,ann,1,\n"
        "0.jpg,7.jpg,equal,ann,1,\n"
        '0.jpg,"1.jpg,equal,ann\n'
        "0.jpg,2.jpg,higher,ann,1,\n"
        "0.jpg,2.jpg,equal,,1,\n"
        "0.jpg,2.jpg,equal,ann,quick,\n"
        ",2.jpg,equal,ann,1,\n",
    )
    report = import_pairs(root, "river01", path)
    assert (report.added, [row.line for row in report.refused]) == (2, [5, 6, 7, 8, 9, 10, 11])
    table = LabelStore(root, "river01", report.snapshot).pairs()
    assert table["answer"].tolist() == ["left_higher", "not_comparable"]
    assert table["left_sha256"].tolist() == [digests[0], digests[2]]
    assert table["right_sha256"].tolist() == [digests[1], digests[3]]
    assert table["duration_s"].tolist()[0] == 3.5 and np.isnan(table["duration_s"][1])
    again = import_pairs(root, "river01", path)
    assert (again.added, again.repeated, again.snapshot) == (0, 2, report.snapshot)


def test_a_file_of_bad_rows_alone_leaves_no_trace(root, tmp_path):
    path = write(tmp_path / "pairs.csv", "left,right,answer,annotator\nx,y,equal,ann\n")
    report = import_pairs(root, "river01", path)
    assert (report.added, report.snapshot, len(report.refused)) == (0, "", 1)
    assert not LabelStore(root, "river01").exists


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("left,right,answers,annotator\n", "rename 'answers'"),
        ("left;right;answer;annotator\n", "commas"),
        ("", "empty"),
        ("left,left,right,answer,annotator\n", "twice"),
    ],
)
def test_a_wrong_table_names_its_mend(root, tmp_path, text, words):
    with pytest.raises(ConfigurationError, match=words):
        import_pairs(root, "river01", write(tmp_path / "pairs.csv", text))


def test_a_camera_without_archive(root, tmp_path):
    path = write(tmp_path / "pairs.csv", "left,right,answer,annotator\n")
    with pytest.raises(ConfigurationError, match="river02"):
        import_pairs(root, "river02", path)
    with pytest.raises(ConfigurationError, match="No such file"):
        import_pairs(root, "river01", tmp_path / "none.csv")


def test_units_become_metres(root, tmp_path):
    path = write(
        tmp_path / "gauge.csv",
        "time,level,unit,station\n"
        "2026-06-01T05:00,84.5,cm,west\n"
        "2026-06-01T05:15Z,2,ft,west\n"
        "2026-06-01T05:30,1.25,m NAVD88,west\n"
        "2026-06-01T05:45,3,fathoms,west\n"
        "2026-06-01T06:00,-9999,cm,west\n"
        "2026-06-01T06:15,,cm,west\n"
        "2026-06-01T06:30,nan,cm,west\n"
        "2026-06-01T07:00,10,cm,west\n"
        "2026-06-01T07:00,11,cm,west\n",
    )
    report = import_gauge(root, "river01", path)
    assert [row.line for row in report.refused] == [5, 6, 7, 8, 9, 10]
    table = LabelStore(root, "river01").gauge()
    assert table["level_m"].tolist() == pytest.approx([0.845, 0.6096, 1.25])
    assert table["datum"].tolist() == ["", "", "NAVD88"] and set(table["station"]) == {"west"}
    assert table["time"].iloc[0] == np.datetime64("2026-06-01T05:00")


def test_options_say_what_columns_do_not(root, tmp_path):
    path = write(tmp_path / "gauge.csv", "time,level\n2026-06-01T05:00,84.5\n2026-10-25T02:30,80\n")
    columns = GaugeColumns("cm", "NAP", "west", "Europe/Paris")
    report = import_gauge(root, "river01", path, columns)
    (row,) = LabelStore(root, "river01").gauge().itertuples()
    assert (row.level_m, row.datum, row.station) == (pytest.approx(0.845), "NAP", "west")
    assert row.time == np.datetime64("2026-06-01T03:00")  # summer time
    assert "twice" in report.refused[0].reason  # 02:30 on the day the clocks go back
    (source,) = LabelStore(root, "river01").imports().itertuples()
    assert json.loads(source.settings)["unit"] == "cm" and source.refused == 1
    for wrong in (GaugeColumns(unit="fathom"), GaugeColumns(time_zone="Mars")):
        with pytest.raises(ConfigurationError, match="Mend"):
            import_gauge(root, "river01", path, wrong)


def test_times_have_offsets_or_a_zone():
    assert read_time("2026-06-01T05:00-05:00") == np.datetime64("2026-06-01T10:00")
    assert read_time("2026-06-01 05:00:00") == np.datetime64("2026-06-01T05:00")
    with pytest.raises(ValueError, match="ISO 8601"):
        read_time("yesterday")


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_masks_of_a_folder(root, tmp_path, digests):
    folder = tmp_path / "masks"
    folder.mkdir()
    codes = np.zeros((24, 32, 3), np.uint8)
    codes[:10], codes[10:20] = (1, 0, 0), (0, 0, 1)
    (folder / "0.png").write_bytes(image_file(codes, "PNG"))
    (folder / "1.png").write_bytes(image_file(codes[:12], "PNG"))
    (folder / "2.png").write_bytes(image_file(codes + 7, "PNG"))
    (folder / "7.png").write_bytes(image_file(codes, "PNG"))
    (folder / "3.tif").write_bytes(b"II*\0 no picture")
    report = import_masks(root, "river01", folder, "floodx", "ann")
    assert report.added == 1
    reasons = [row.reason for row in report.refused]
    assert [reason.split(":")[0] for reason in reasons] == ["1.png", "2.png", "3.tif", "7.png"]
    assert "32 x 12, its frame 32 x 24" in reasons[0] and "(7, 7, 7) of 128 pixels" in reasons[1]
    store = LabelStore(root, "river01")
    (row,) = store.masks().itertuples()
    assert (row.image_sha256, row.annotator) == (digests[0], "ann")
    (mask,) = store.read_masks(store.masks())
    assert np.bincount(mask.ravel()).tolist() == [4 * 32, 10 * 32, 10 * 32]
    assert import_masks(root, "river01", folder, "floodx", "ann").repeated == 1


def test_masks_of_a_table(root, tmp_path, digests):
    Image.fromarray(np.full((24, 32), 2, np.uint8)).save(tmp_path / "drawn.png")
    path = write(
        tmp_path / "masks.csv", f"image,mask,annotator\n{digests[3]},drawn.png,bob\n0.jpg,none.png,bob\n"
    )
    report = import_masks(root, "river01", path)
    assert (report.added, report.refused[0].line) == (1, 3)
    (mask,) = LabelStore(root, "river01").read_masks(LabelStore(root, "river01").masks())
    assert (mask == MaskCode.WATER).all()


def test_tables_of_colours(tmp_path):
    path = write(tmp_path / "codes.csv", "red,green,blue,code\n0,0,0,not labelled\n10,20,30,2\n9,9,9,dry\n")
    table = code_table(str(path))
    pixels = np.array([[[10, 20, 30], [9, 9, 9], [0, 0, 0]]], np.uint8)
    np.testing.assert_array_equal(read_mask(image_file(pixels, "PNG"), table), [[2, 1, 0]])
    for text in ("red,green,blue,code\n0,0,0,wet\n", "red,green,blue,code\n0,0,zero,1\n"):
        with pytest.raises(ConfigurationError, match=":2:"):
            code_table(str(write(tmp_path / "wrong.csv", text)))
    with pytest.raises(ConfigurationError, match="no table and no file"):
        code_table("floodz")


def test_a_palette_counts_by_its_indices(tmp_path):
    picture = Image.fromarray(np.array([[0, 1, 2]], np.uint8), "P")
    picture.putpalette([0, 0, 0, 200, 0, 0, 0, 0, 200])
    picture.save(tmp_path / "p.png")
    np.testing.assert_array_equal(
        read_mask((tmp_path / "p.png").read_bytes(), CODE_TABLES["codes"]), [[0, 1, 2]]
    )
    grey = image_file(np.array([[0, 255]], np.uint8), "PNG")
    np.testing.assert_array_equal(read_mask(grey, CODE_TABLES["binary"]), [[1, 2]])


@pytest.mark.real
def test_floodx_masks(real_data, tmp_path):
    """Of the pixels labelled, what is water in all: the figure of "all water" is 0.29."""
    folder = real_data / "water" / "floodx_cam1"
    table, water, labelled = CODE_TABLES["floodx"], 0, 0
    for path in sorted((folder / "masks").iterdir()):
        mask = read_mask(path.read_bytes(), table)
        assert mask.shape == (360, 640)
        water, labelled = water + int((mask == 2).sum()), labelled + int((mask > 0).sum())
    assert 0.2 < water / labelled < 0.35


@pytest.mark.real
def test_nrmarsh_readings(real_data, root, tmp_path):
    with (real_data / "water" / "manifest.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["camera"] == "nrmarsh"]
    lines = "\n".join(f"{row['time']},{row['level']},{row['unit']}" for row in rows)
    report = import_gauge(root, "river01", write(tmp_path / "g.csv", f"time,level,unit\n{lines}\n"))
    assert (report.added, report.refused) == (24, ())
    assert LabelStore(root, "river01").gauge()["level_m"].max() == pytest.approx(0.88234)
