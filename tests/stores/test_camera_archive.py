import hashlib
import pickle
import warnings
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.contracts.flags import Refusal
from tasks.errors import StoreError
from tasks.stores.camera_archive import CameraArchive
from tasks.stores.codec import MissingFrameError, decode_image
from tasks.stores.repository import StoreNotFound, open_repository, writer
from tests.stores.camera_frames import frame, picture, refusal


@pytest.fixture
def archive(tmp_path: Path) -> CameraArchive:
    return CameraArchive(tmp_path, "river01")


def commits(archive: CameraArchive) -> int:
    return len(list(open_repository(archive.uri, "camera").ancestry(branch="main")))


def test_append_and_read_back(archive):
    noon, dawn = frame("2026-06-01T12:00:00.250", 1), frame("2026-06-01T05:00", 2)
    result = archive.append([noon, dawn])
    assert (result.accepted, result.duplicates, result.arrival) == (2, 0, 1)
    assert result.touched_days == (date(2026, 6, 1),)
    rows = archive.rows()
    assert rows["source"].tolist() == ["2.jpg", "1.jpg"]  # by time, not by arrival
    assert rows["row"].tolist() == [1, 0]
    assert rows["time"].tolist() == [
        np.datetime64("2026-06-01T05:00"),
        np.datetime64("2026-06-01T12:00:00.250"),
    ]
    assert rows["sha256"].tolist() == [dawn.sha256.hex(), noon.sha256.hex()]
    assert rows["quality_flag"].tolist() == [64, 64]  # TIME_FROM_EXIF
    for read, new in zip(archive.read_frames(rows), [dawn, noon], strict=True):
        np.testing.assert_array_equal(read, decode_image(new.payload, "jpeg"))


def test_the_files_own_bytes_are_the_chunk(archive):
    new = frame("2026-06-01T12:00", 1, height=240, width=320)
    archive.append([new])
    stored = [path.read_bytes() for path in Path(archive.uri).rglob("chunks/*")]
    assert new.payload in stored


def test_one_commit_holds_frames_and_refusals(archive):
    archive.append([])
    before = commits(archive)
    archive.append([frame("2026-06-01T12:00", 1)], [refusal("bad.jpg")])
    assert commits(archive) == before + 1
    archive.append([frame("2026-06-01T12:00", 1)], [refusal("bad.jpg")])  # nothing new: no commit
    assert commits(archive) == before + 1


def test_the_same_again_is_a_no_op(archive):
    frames = [frame(f"2026-06-01T{hour:02d}:00", hour) for hour in range(4)]
    archive.append(frames)
    again = archive.append(frames[::-1])
    assert (again.accepted, again.duplicates, again.touched_days, again.arrival) == (0, 4, (), 1)
    assert len(archive.rows()) == 4
    fresh = CameraArchive(Path(archive.uri).parents[1], "river01").append(frames)  # another process's view
    assert fresh.duplicates == 4


def test_late_frames_touch_their_own_days_and_count_batches(archive):
    archive.append([frame("2026-06-02T00:00", 1)])
    late = archive.append([frame("2026-06-01T23:59:59.999", 2), frame("2026-05-30T10:00", 3)])
    assert late.touched_days == (date(2026, 5, 30), date(2026, 6, 1))
    assert late.arrival == 2
    rows = archive.rows()
    assert rows.loc[rows["arrival"] > 1, "source"].tolist() == ["3.jpg", "2.jpg"]


def test_equal_times_are_settled_by_the_smaller_digest(archive):
    pair = [frame("2026-06-01T12:00", seed) for seed in (1, 2)]
    pair.append(frame("2026-06-01T12:00", 3, height=30))  # in another group, all the same
    archive.append(pair[:1])
    archive.append(pair[1:])
    rows = archive.rows()
    winner = min(pair, key=lambda new: new.sha256)
    assert rows["shadowed"].tolist() == [False, True, True]
    assert rows.loc[~rows["shadowed"], "source"].tolist() == [winner.source]


def test_one_picture_under_two_names_is_stored_once_and_named_alike(tmp_path):
    names = ["b.jpg", "a.jpg"]
    for rank, order in enumerate([names, names[::-1]]):
        archive = CameraArchive(tmp_path / str(rank), "river01")
        for name in order:
            archive.append([frame("2026-06-01T12:00", 1, name)])
        assert archive.rows()["source"].tolist() == ["a.jpg"]
        assert archive.known() == {("a.jpg", 1), ("b.jpg", 1)}  # neither is read again


def test_a_touched_file_is_known_without_a_second_frame(archive):
    archive.append([frame("2026-06-01T12:00", 1, version=1)])
    again = archive.append([frame("2026-06-01T12:00", 1, version=2)])
    assert (again.accepted, again.duplicates, len(archive.rows())) == (0, 1, 1)
    assert archive.known() == {("1.jpg", 1), ("1.jpg", 2)}


ARRIVALS = [
    frame("2026-06-01T12:00", 1, "a.jpg"),
    frame("2026-06-01T12:00", 1, "copy_of_a.jpg"),
    frame("2026-06-01T12:00", 2, "same_minute.jpg"),
    frame("2026-06-01T13:00", 3, "c.jpg"),
    frame("2026-06-01T13:30", 4, "larger.jpg", height=30),
    frame("2026-06-01T14:00", 5, "e.png", encoding="png"),
    frame("2026-05-31T14:00", 6, "late.jpg"),
]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(ARRIVALS), cuts=st.sets(st.integers(1, 6), max_size=3))
def test_reading_does_not_depend_on_the_order_of_arrival(tmp_path_factory, order, cuts):
    archive = CameraArchive(tmp_path_factory.mktemp("order"), "river01")
    ends = [0, *sorted(cuts), len(order)]
    for start, end in pairwise(ends):
        archive.append(order[start:end])
    rows = archive.rows()
    in_order = sorted({(new.time, new.sha256) for new in ARRIVALS})
    assert rows["sha256"].tolist() == [sha256.hex() for _, sha256 in in_order]
    names = {new.sha256.hex(): new.source for new in ARRIVALS[::-1]}  # "a.jpg" wins over its copy
    assert rows["source"].tolist() == [names[sha256] for sha256 in rows["sha256"]]
    assert rows["shadowed"].sum() == 1
    assert archive.known() == {(new.source, 1) for new in ARRIVALS}


def test_what_is_new_is_told_alike_by_marks_and_by_names(archive):
    old = [
        frame("2026-06-01T12:00", 1),
        frame("2026-06-01T13:00", 2),
        frame("2026-06-01T14:00", 3, height=30),
    ]
    archive.append(old, [refusal("bad.jpg", version=7)])
    asked = {("1.jpg", 1), ("stranger.jpg", 1), ("new.jpg", 99), ("bad.jpg", 7)}
    assert CameraArchive.at(archive.uri).known_among(asked) == {("1.jpg", 1), ("bad.jpg", 7)}
    assert (
        CameraArchive.at(archive.uri).known_among({("new.jpg", 99)}) == set()
    )  # no version in common: marks suffice
    again = CameraArchive.at(archive.uri)
    again.prepare()
    new = frame("2026-06-01T15:00", 4, version=99)
    moved = frame("2026-06-01T13:00", 2, "moved.jpg", version=99)  # a mark of its content matches
    assert again.append([new]).accepted == 1
    result = again.append([new, moved])
    assert (result.accepted, result.duplicates) == (0, 2)
    assert archive.known() >= {("4.jpg", 99), ("moved.jpg", 99), ("3.jpg", 1), ("bad.jpg", 7)}


def test_refusals_are_recorded_once(archive):
    archive.append([], [refusal("x.jpg"), refusal("x.jpg"), refusal("y.jpg", Refusal.NOT_AN_IMAGE)])
    archive.append([], [refusal("x.jpg")])
    archive.append([], [refusal("x.jpg", version=2)])  # touched, the same content
    refusals = archive.refusals()
    assert refusals["source"].tolist() == ["x.jpg", "y.jpg"]
    assert refusals["reason"].tolist() == ["truncated", "not_an_image"]
    assert refusals["detail"][0] == "x.jpg is bad"
    assert refusals["as_of"][0] == np.datetime64("2026-06-02")
    assert archive.known() == {("x.jpg", 1), ("x.jpg", 2), ("y.jpg", 1)}


def test_a_passing_refusal_gives_way(archive):
    future = frame("2026-06-03T12:00", 1, "f.jpg")
    content = future.payload
    for _ in range(2):
        archive.append([], [refusal("f.jpg", Refusal.TIME_IN_FUTURE, content=content)])
    assert archive.refusals()["reason"].tolist() == ["time_in_future"]
    assert archive.known() == set()  # to be judged again
    assert archive.append([future]).accepted == 1
    assert archive.refusals().empty
    assert archive.known() == {("f.jpg", 1)}


def test_an_unreadable_source_gives_way_by_its_version(archive):
    archive.append([], [refusal("f.jpg", Refusal.UNREADABLE_SOURCE, content=b"")])
    assert archive.known() == set()
    archive.append([], [refusal("f.jpg", Refusal.TRUNCATED, content=b"read at last")])
    assert archive.refusals()["reason"].tolist() == ["truncated"]


def test_nothing_archived_yet(archive):
    assert archive.known() == set()
    assert not archive.exists()
    assert "nothing at" in repr(archive)
    with pytest.raises(StoreNotFound):
        archive.rows()
    archive.append([], [refusal("x.jpg")])
    assert archive.exists()
    assert archive.rows().empty
    assert "shadowed" in archive.rows()
    assert archive.read_frames(archive.rows()) == []
    with pytest.raises(StoreError, match="no frame is archived yet"):
        archive.open()


def test_camera_ids_are_file_names(tmp_path):
    with pytest.raises(ValueError, match="camera id"):
        CameraArchive(tmp_path, "../evil")


def test_several_groups_in_one_reading(archive):
    frames = [
        frame("2026-06-01T10:00", 1),
        frame("2026-06-01T11:00", 2, encoding="png"),
        frame("2026-06-01T12:00", 3, height=30, width=20),
    ]
    archive.append(frames)
    rows = archive.rows()
    assert rows["group"].tolist() == ["jpeg_24x32", "png_24x32", "jpeg_30x20"]
    read = archive.read_frames(rows.iloc[[2, 0, 1, 0]])
    assert [part.shape for part in read] == [(30, 20, 3), (24, 32, 3), (24, 32, 3), (24, 32, 3)]
    np.testing.assert_array_equal(read[2], picture(2))  # PNG is lossless
    assert repr(archive).startswith("<CameraArchive river01: 3 frames (jpeg_24x32, jpeg_30x20, png_24x32)")


def test_engine_opens_lazily_sorted_and_says_what_it_leaves_out(archive):
    small = [frame(f"2026-06-01T{hour:02d}:00", hour, height=12) for hour in (1, 2)]
    frames = [frame(f"2026-06-01T{hour:02d}:00", hour) for hour in (7, 5, 9)]
    archive.append(small + frames)
    with pytest.warns(UserWarning, match="opening jpeg_24x32, that of the latest; .*jpeg_12x32"):
        dataset = xr.open_dataset(archive.uri, engine="vigie")
    assert dataset.attrs["other_groups"] == ["jpeg_12x32"]
    assert dataset["frames"].dims == ("time", "y", "x", "rgb")
    assert dataset["time"].dt.hour.values.tolist() == [5, 7, 9]
    assert dataset["source"].values.tolist() == ["5.jpg", "7.jpg", "9.jpg"]
    assert not dataset["frames"].variable._in_memory
    np.testing.assert_array_equal(
        dataset["frames"].sel(time="2026-06-01T07:00"),
        archive.read_frames(archive.rows().query("source == '7.jpg'"))[0],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chosen = xr.open_dataset(archive.uri, engine="vigie", group="jpeg_12x32")
    assert chosen.sizes == {"time": 2, "y": 12, "x": 32, "rgb": 3}
    with pytest.raises(StoreError, match="one of jpeg_12x32, jpeg_24x32"):
        xr.open_dataset(archive.uri, engine="vigie", group="jpeg_1x1")


def test_engine_with_dask_and_across_processes(archive):
    archive.append([frame(f"2026-06-01T{hour:02d}:00", hour) for hour in (7, 5, 9)])
    eager = xr.open_dataset(archive.uri, engine="vigie")
    lazy = xr.open_dataset(archive.uri, engine="vigie", chunks={}, drop_variables="quality_flag")
    assert lazy["frames"].chunks == ((1, 1, 1), (24,), (32,), (3,))
    assert "quality_flag" not in lazy
    np.testing.assert_array_equal(lazy["frames"].mean("time"), eager["frames"].mean("time"))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(eager))["frames"], eager["frames"])


@pytest.mark.parametrize(
    "key",
    [
        np.s_[1],
        np.s_[1:],
        np.s_[::-1],
        np.s_[[2, 0]],
        np.s_[:0],
        np.s_[:, 3],
        np.s_[1, ::5, 4:9, 2],
        np.s_[:2, [3, 1]],
    ],
)
def test_lazy_indexing_is_numpys(archive, key):
    archive.append([frame(f"2026-06-01T{hour:02d}:00", hour) for hour in (7, 5, 9)])
    frames = archive.open()["frames"]
    np.testing.assert_array_equal(frames[key].values, frames.values[key])


def test_equal_times_show_once_when_opened(archive):
    archive.append([frame("2026-06-01T12:00", seed) for seed in (1, 2)])
    assert archive.open().sizes["time"] == 1


def test_an_archive_can_be_moved(archive, tmp_path):
    archive.append([frame("2026-06-01T12:00", 1)])
    moved = Path(archive.uri).rename(tmp_path / "Elsewhere 1")
    assert xr.open_dataset(moved, engine="vigie").attrs["camera"] == "Elsewhere 1"
    assert xr.open_dataset(moved).sizes["time"] == 1  # found without naming the engine


LEFT_HALF = [(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]


def test_privacy_holds_for_every_way_out(archive):
    archive.append([frame("2026-06-01T12:00", 1)])
    archive.set_privacy(LEFT_HALF)
    archive.append(
        [frame("2026-06-01T13:00", 2), frame("2026-06-01T14:00", 3, height=30)]
    )  # an old and a new group
    store = open_repository(archive.uri, "camera").readonly_session("main").store
    ways_out = [
        *archive.read_frames(archive.rows()),
        *archive.open("jpeg_24x32")["frames"].values,
        *xr.open_dataset(archive.uri, engine="vigie", group="jpeg_30x32")["frames"].values,
        *xr.open_zarr(store, group="jpeg_24x32", consolidated=False)["frames"].values,
        *zarr.open_group(store, mode="r")["jpeg_30x32/frames"][:],
    ]
    assert len(ways_out) == 3 + 2 + 1 + 2 + 1
    for way in ways_out:
        assert not way[:, :16].any()
        assert way[:, 17:].any()
    before = commits(archive)
    archive.set_privacy(LEFT_HALF)
    assert commits(archive) == before
    assert archive.privacy() == tuple(LEFT_HALF)
    archive.set_privacy(None)
    assert archive.privacy() == ()
    assert all(part[:, :16].any() for part in archive.read_frames(archive.rows()))
    with pytest.raises(ValueError, match="three corners"):
        archive.set_privacy([(0, 0), (1, 1)])


def test_privacy_may_be_set_before_the_first_frame(archive):
    archive.set_privacy(LEFT_HALF)
    archive.append([frame("2026-06-01T12:00", 1)])
    assert not archive.read_frames(archive.rows())[0][:, :16].any()


def test_a_missing_frame_raises_whatever_the_way(archive):
    archive.append([frame("2026-06-01T12:00", 1), frame("2026-06-01T13:00", 2)])
    with writer(archive.uri, "camera", "Lose a frame") as session:
        zarr.core.sync.sync(session.store.delete("jpeg_24x32/frames/c/1/0/0/0"))
    rows = archive.rows()
    assert len(archive.read_frames(rows[:1])) == 1
    store = open_repository(archive.uri, "camera").readonly_session("main").store
    for read in (
        lambda: archive.read_frames(rows),
        lambda: archive.open()["frames"].values,
        lambda: zarr.open_group(store, mode="r")["jpeg_24x32/frames"][1],
    ):
        with pytest.raises(MissingFrameError):
            read()


def test_two_writers_take_turns_and_see_each_other(archive):
    other = CameraArchive(Path(archive.uri).parents[1], "river01")
    assert archive.append([frame("2026-06-01T12:00", 1)]).arrival == 1
    assert other.append([frame("2026-06-01T13:00", 2)]).arrival == 2
    third = archive.append([frame("2026-06-01T13:00", 2), frame("2026-06-01T14:00", 3)])
    assert (third.accepted, third.duplicates, third.arrival) == (1, 1, 3)
    assert archive.rows()["row"].tolist() == [0, 1, 2]


def test_adding_a_day_costs_the_same_in_a_long_archive(tmp_path):
    def day(index: int) -> list:
        new = replace(frame("2026-01-01T00:00"), payload=bytes(20_000))  # a small webcam's file
        return [
            replace(
                new,
                time=np.datetime64("2026-01-01T00:00") + np.timedelta64(index * 48 + rank, "m"),
                source=f"{index:04d}_{rank:02d}.jpg",
                sha256=np.random.default_rng([index, rank]).bytes(32),
            )
            for rank in range(48)
        ]

    def objects_and_bytes(archive: CameraArchive, index: int) -> tuple[int, int]:
        before = {path: path.stat().st_mtime_ns for path in Path(archive.uri).rglob("*")}
        archive.append(day(index))
        after = [path for path in Path(archive.uri).rglob("*") if path.is_file()]
        written = [path.stat().st_size for path in after if path.stat().st_mtime_ns != before.get(path)]
        return len(written), sum(written)

    long, empty = CameraArchive(tmp_path, "long"), CameraArchive(tmp_path, "empty")
    for index in range(25):  # 1200 frames: beyond one manifest and one chunk of the tables
        long.append(day(index))
    empty.append([])
    objects, written = objects_and_bytes(long, 25)
    objects_empty, written_empty = objects_and_bytes(empty, 25)
    assert objects <= 1.1 * objects_empty
    assert written <= 1.1 * written_empty


@pytest.mark.real
@pytest.mark.parametrize("camera", ["chamonix", "courbevoie", "mexico", "panorama", "vegas"])
def test_real_files_take_their_own_size_and_read_back(real_data, tmp_path, camera):
    archive, files = (
        CameraArchive(tmp_path, camera),
        sorted((real_data / "cameras" / camera).glob("*.jpg"))[:24],
    )
    frames = []
    for rank, path in enumerate(files):
        payload = path.read_bytes()
        height, width = decode_image(payload, "jpeg").shape[:2]
        new = frame("2026-06-01T00:00", source=path.name, height=height, width=width)
        time = new.time.astype("datetime64[m]") + np.timedelta64(rank, "m")
        frames.append(replace(new, time=time, payload=payload, sha256=hashlib.sha256(payload).digest()))
    assert archive.append(frames).accepted == len(frames)
    ratio = archive.size_bytes() / sum(len(new.payload) for new in frames)
    print(f"{camera}: {len(frames)} frames, archive / source bytes {ratio:.4f}")
    assert ratio <= 1.02
    for new, read in zip(frames, archive.read_frames(archive.rows()), strict=True):
        np.testing.assert_array_equal(read, decode_image(new.payload, "jpeg"))
