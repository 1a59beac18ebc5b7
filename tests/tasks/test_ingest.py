"""A camera's images into its archive: idempotent, in any order, bad input in the ledger."""

import os
import random
import shutil
from datetime import date

import icechunk
import numpy as np
import pytest

from models.contracts.flags import FrameFlag
from tasks.ingest import ingest_camera
from tasks.registry import Camera
from tasks.stores.camera_archive import CameraArchive
from tasks.stores.locks import writer_lock
from tests.tasks.image_files import HTML, encoded, jpeg, jpeg_with_exif, picture, png16, png_bomb

AS_OF = np.datetime64("2026-06-01T00:00", "ms")


class Site:
    """A camera's folder and its archive."""

    def __init__(self, folder, **fields):
        self.images, self.root = folder / "images", folder / "archive"
        self.images.mkdir(parents=True)
        self.camera = Camera(id="cam", source=str(self.images), **fields)

    def put(self, **files):
        for name, data in files.items():
            (self.images / name.replace("__", ".")).write_bytes(data)

    def ingest(self, as_of=AS_OF, **options):
        return ingest_camera(self.camera, self.root, as_of, **options)

    @property
    def archive(self):
        return CameraArchive(self.root, "cam")

    def content(self):
        """What the archive reads as: rows without their order of arrival, and refusals."""
        rows, refusals = self.archive.rows(), self.archive.refusals()
        columns = ["time", "sha256", "source", "group", "quality_flag", "shadowed"]
        ledger = refusals[["source", "sha256", "reason"]].sort_values(["source", "sha256"])
        return rows[columns].to_dict("records"), ledger.to_dict("records")


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def day_of_images(site, count=7):
    for i in range(count):
        site.put(**{f"20260501_{i:02d}0000__jpg": jpeg(seed=i)})


def test_a_day_goes_in_and_reads_back(site):
    day_of_images(site, 3)
    summary = site.ingest()
    assert (summary.listed, summary.accepted, summary.refused, summary.error) == (3, 3, {}, None)
    assert summary.touched_days == (date(2026, 5, 1),)
    assert (
        summary.bytes_source == summary.bytes_archived == sum(p.stat().st_size for p in site.images.iterdir())
    )
    frames = site.archive.read_frames(site.archive.rows())
    assert [frame.shape for frame in frames] == [(48, 64, 3)] * 3


def test_the_second_run_takes_nothing_and_only_late_images_touch_days(site):
    day_of_images(site)
    site.ingest()
    snapshot = site.archive.snapshot_id()
    again = site.ingest()
    assert (again.listed, again.accepted, again.touched_days) == (7, 0, ())
    assert site.archive.snapshot_id() == snapshot
    site.put(**{"20260430_233000__jpg": jpeg(seed=99)})
    assert site.ingest().touched_days == (date(2026, 4, 30),)


def test_pieces_in_any_order_read_as_the_whole(tmp_path):
    whole, pieces = Site(tmp_path / "whole"), Site(tmp_path / "pieces")
    day_of_images(whole)
    whole.put(**{"20260501_010000-2__jpg": jpeg(seed=50), "20260501_020000b__jpg": jpeg()[:300]})
    paths = sorted(whole.images.iterdir())
    whole.ingest(batch=4)
    random.Random(3).shuffle(paths)
    for path in paths:
        shutil.copy2(path, pieces.images)
        pieces.ingest()
    assert pieces.content() == whole.content()


def test_two_images_of_one_time_are_kept_and_one_is_shown(site):
    site.put(**{"20260501_000000__jpg": jpeg(seed=1), "20260501_000000_b__jpg": jpeg(seed=2)})
    assert site.ingest().accepted == 2
    rows = site.archive.rows()
    assert sorted(rows["shadowed"]) == [False, True]
    assert not rows.loc[rows["sha256"].idxmin(), "shadowed"]  # the smaller digest, whatever came first


def test_a_copy_under_another_name_is_one_frame(site):
    site.put(**{"20260501_000000__jpg": jpeg(), "20260501_000000_copy__jpg": jpeg()})
    summary = site.ingest()
    assert (summary.accepted, summary.duplicates) == (1, 1)
    assert site.ingest().duplicates == 0  # and it is known from now on


def test_an_overwritten_image_is_another_image(site):
    site.put(**{"20260501_000000__jpg": jpeg(seed=1)})
    site.ingest()
    site.put(**{"20260501_000000__jpg": encoded(pixels=picture(seed=2))})
    assert site.ingest().accepted == 1


def test_bad_files_are_refused_once_and_the_rest_goes_in(site):
    good = {
        "20260501_000000__jpg": jpeg(),
        "20260501_003000__jpg": jpeg(progressive=True),
        "20260501_010000__jpg": encoded(mode="L"),
        "20260501_013000__jpg": encoded(mode="CMYK"),
        "20260501_020000__png": png16(),
        "20260501_023000__jpg": jpeg_with_exif(6),
        "20260501_030000__png": jpeg(seed=3),
        "20260501_033000__bmp": encoded("BMP"),
    }
    bad = {
        "20260501_040000__jpg": (b"", "EMPTY_FILE"),
        "20260501_043000__jpg": (jpeg()[:700], "TRUNCATED"),
        "20260501_050000__jpg": (HTML, "NOT_AN_IMAGE"),
        "20260501_053000__png": (png_bomb(), "TOO_MANY_PIXELS"),
        "20260501_060000__gif": (encoded("GIF", "P"), "UNSUPPORTED"),
        "19690501_000000__jpg": (jpeg(), "TIME_BEFORE_1970"),
        "20260601_000001__jpg": (jpeg(), "TIME_IN_FUTURE"),
        "holiday__jpg": (jpeg(), "TIME_UNREADABLE"),
    }
    site.put(**good, **{name: data for name, (data, _) in bad.items()})
    summary = site.ingest()
    expected = {reason.lower(): 1 for _, reason in bad.values()}
    assert (summary.accepted, summary.refused, summary.error) == (len(good), expected, None)
    ledger = site.archive.refusals()
    found = dict(zip(ledger["source"], ledger["reason"].str.upper(), strict=True))
    assert found == {name.replace("__", "."): reason for name, (_, reason) in bad.items()}
    assert ledger["detail"].str.len().min() > 0
    flags = site.archive.rows().set_index("source")["quality_flag"]
    assert flags["20260501_013000.jpg"] == FrameFlag.CMYK
    assert flags["20260501_030000.png"] == FrameFlag.WRONG_EXTENSION
    assert site.archive.rows()["group"].value_counts().to_dict() == {
        "jpeg_48x64": 5, "jpeg_64x48": 1, "png16_48x64": 1, "png_48x64": 1,
    }  # fmt: skip
    site.ingest()
    assert len(site.archive.refusals()) == len(bad)


def test_the_future_is_judged_again(site):
    site.put(**{"20260601_120000__jpg": jpeg()})
    assert site.ingest().refused == {"time_in_future": 1}
    later = site.ingest(as_of=np.datetime64("2026-06-02", "ms"))
    assert (later.accepted, later.touched_days) == (1, (date(2026, 6, 1),))
    assert len(site.archive.refusals()) == 0  # it stands no longer


def test_a_mended_pattern_needs_a_rescan(site):
    site.put(**{"01-05-2026 10h00__jpg": jpeg()})
    assert site.ingest().refused == {"time_unreadable": 1}
    site.camera = site.camera.model_copy(update={"time_pattern": "%d-%m-%Y %Hh%M"})
    assert site.ingest().accepted == 0
    assert site.ingest(rescan=True).accepted == 1


def test_an_undated_group_keeps_its_order_whatever_is_added(site):
    site.put(**{f"img{i}__jpg": jpeg(seed=i) for i in range(1, 21)})
    assert site.ingest(batch=8).accepted == 20
    rows = site.archive.rows()
    assert rows["source"].tolist() == [f"img{i}.jpg" for i in range(1, 21)]
    assert set(rows["quality_flag"]) == {int(FrameFlag.TIME_IS_ORDER)}
    site.put(**{"img3b__jpg": jpeg(seed=30)})
    assert site.ingest().accepted == 1
    assert site.archive.rows()["source"].tolist()[-1] == "img3b.jpg"
    assert not site.archive.rows()["shadowed"].any()


def test_an_unreadable_name_among_dated_ones_is_no_order(site):
    site.put(**{"20260501_000000__jpg": jpeg(), "img1__jpg": jpeg(seed=1)})
    summary = site.ingest()
    assert (summary.accepted, summary.refused) == (1, {"time_unreadable": 1})


def test_times_from_exif_and_sidecar(site):
    site.put(a__jpg=jpeg_with_exif(), b__jpg=jpeg(seed=1))
    (site.images / "times.csv").write_text("file,time\nb.jpg,2026-05-01T01:00+01:00\n")
    assert site.ingest().accepted == 2
    rows = site.archive.rows().set_index("source")
    assert str(rows["time"]["a.jpg"])[:19] == "2026-01-02 03:04:05"
    assert str(rows["time"]["b.jpg"])[:19] == "2026-05-01 00:00:00"
    assert rows["quality_flag"].to_dict() == {
        "a.jpg": FrameFlag.TIME_FROM_EXIF,
        "b.jpg": FrameFlag.TIME_FROM_SIDECAR,
    }


def test_the_doubled_hour_reads_the_same_in_one_run_or_two(tmp_path):
    # Paris, 2025-10-26: 02:40 comes twice; numbered names tell which is which
    clock = ["01:40", "02:10", "02:40", "02:10", "02:40", "03:10"]
    files = {
        f"img{i}__jpg": jpeg_with_exif(time=f"2025:10:26 {text}:00", seed=i) for i, text in enumerate(clock)
    }
    whole, halves = (Site(tmp_path / n, time_zone="Europe/Paris") for n in ("whole", "halves"))
    whole.put(**files)
    whole.ingest()
    for part in (list(files)[:3], list(files)[3:]):
        halves.put(**{name: files[name] for name in part})
        halves.ingest()
    assert halves.content() == whole.content()
    times = [str(time)[11:16] for time in whole.archive.rows()["time"]]
    assert times == ["23:40", "00:10", "00:40", "01:10", "01:40", "02:10"]


def test_the_polygon_of_the_registry_is_kept(tmp_path):
    site = Site(tmp_path, privacy_polygon="0 0;1 0;1 1;0 1")
    day_of_images(site, 1)
    site.ingest()
    (frame,) = site.archive.read_frames(site.archive.rows())
    assert frame.max() == 0
    site.camera = site.camera.model_copy(update={"privacy_polygon": None})
    site.ingest()
    (frame,) = site.archive.read_frames(site.archive.rows())
    assert frame.max() > 0


def test_a_vanished_folder_is_the_summary_s_error(site):
    day_of_images(site, 2)
    site.ingest()
    shutil.rmtree(site.images)
    summary = site.ingest()
    assert "no folder" in summary.error and summary.accepted == 0
    assert len(site.archive.rows()) == 2


def test_an_image_that_cannot_be_read_is_tried_again(site):
    day_of_images(site, 2)
    hidden = site.images / "20260501_000000.jpg"
    data = hidden.read_bytes()
    hidden.unlink()
    hidden.symlink_to(site.images / "not there yet")
    listed = site.ingest()
    assert listed.error is None and listed.accepted == 1
    assert sum(listed.refused.values()) == listed.listed - 1
    hidden.unlink()
    hidden.write_bytes(data)
    assert site.ingest().accepted == 1


def test_a_full_disk_ends_the_run_and_loses_nothing(site, monkeypatch):
    day_of_images(site, 6)
    commit, commits = icechunk.Session.commit, []

    def fail(session, message, *args, **options):
        commits.append(message)
        if len(commits) > 3:  # the creation and two batches fit
            raise icechunk.IcechunkError("No space left on device (os error 28)")
        return commit(session, message, *args, **options)

    with monkeypatch.context() as patched:
        patched.setattr(icechunk.Session, "commit", fail)
        summary = site.ingest(batch=2)
    assert "No space left" in summary.error
    assert (summary.accepted, len(site.archive.rows())) == (4, 4)
    assert site.ingest().accepted == 2


def test_a_busy_archive_is_the_summary_s_error(site, monkeypatch):
    day_of_images(site, 1)
    site.ingest()
    day_of_images(site, 2)
    monkeypatch.setattr(
        "tasks.stores.repository.writer_lock", lambda uri, kind, timeout: writer_lock(uri, kind, 0.1)
    )
    with writer_lock(site.archive.uri, "camera"):
        summary = site.ingest()
    assert summary.error and "lock" in summary.error.lower() + "lock" and summary.accepted == 0


def test_no_images_make_no_archive(site):
    assert site.ingest().error is None
    assert not site.archive.exists()


def test_a_new_polygon_holds_though_the_source_be_gone(site):
    day_of_images(site, 1)
    site.ingest()
    shutil.rmtree(site.images)
    site.camera = Camera(id="cam", source=str(site.images), privacy_polygon="0 0;1 0;1 1;0 1")
    assert "no folder" in site.ingest().error
    assert not site.archive.read_frames(site.archive.rows())[0].any()


def test_a_dated_camera_that_loses_a_time_is_no_ordered_group(site):
    site.put(img1__jpg=jpeg_with_exif(time="2026:05:01 10:00:00", seed=1))
    site.ingest()
    site.put(img2__jpg=jpeg(seed=2))
    summary = site.ingest()
    assert (summary.accepted, summary.refused) == (0, {"time_unreadable": 1})
    assert len(site.archive.rows()) == 1


def test_one_odd_name_does_not_stop_a_camera(site):
    day_of_images(site, 1)
    (site.images / os.fsdecode(b"caf\xe9_20260501_120000.jpg")).write_bytes(jpeg(seed=9))
    assert site.ingest().accepted == 2
    assert site.ingest().accepted == 0
