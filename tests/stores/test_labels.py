"""The store of labels: what is new, what is known, and how a version is read again."""

import hashlib

import numpy as np
import pandas as pd
import pytest
import zarr

from models.contracts.labels import (
    MaskCode,
    PairAnswer,
    gauge_fault,
    mask_fault,
    newest_gauge,
    newest_masks,
    pair_fault,
)
from tasks.errors import StoreError
from tasks.stores.labels import LabelSource, LabelStore, NewMask, label_cameras

A, B, C = (hashlib.sha256(name).hexdigest() for name in (b"a", b"b", b"c"))
SOURCE = LabelSource(
    "pairs.csv", hashlib.sha256(b"file").hexdigest(), "{}", "1", np.datetime64("2026-06-01", "ms")
)


def pairs(*rows) -> pd.DataFrame:
    names = ["left_sha256", "right_sha256", "answer", "annotator", "duration_s", "asked_at"]
    table = pd.DataFrame([(*row, np.nan, np.datetime64("NaT", "ms")) for row in rows], columns=names)
    return table.assign(asked_at=table["asked_at"].astype("datetime64[ms]"), line=np.arange(len(table)) + 2)


def readings(*rows) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["time", "level_m"])
    times = table["time"].astype("datetime64[ms]")
    return table.assign(
        time=times, source_unit="m", datum="NAP", station="west", line=np.arange(len(table)) + 2
    )


@pytest.fixture
def store(tmp_path) -> LabelStore:
    return LabelStore(str(tmp_path), "river01")


def commits(store) -> int:
    from tasks.stores.repository import open_repository

    return len(list(open_repository(store.uri, "labels").ancestry(branch="main")))


def test_nothing_imported_reads_as_nothing(store, tmp_path):
    assert not store.exists and label_cameras(str(tmp_path)) == []
    assert store.pairs().empty and store.gauge().empty and store.masks().empty and store.imports().empty
    assert store.read_masks(store.masks()) == []


def test_pairs_come_back_in_words_with_where_they_come_from(store, tmp_path):
    done = store.append_pairs(pairs((A, B, "left_higher", "ann"), (B, C, "not_comparable", "bob")), SOURCE)
    assert (done.added, done.repeated) == (2, 0)
    table = store.pairs()
    assert table["answer"].tolist() == ["left_higher", "not_comparable"]
    assert table["right_sha256"].tolist() == [B, C]
    assert table["duration_s"].isna().all() and table["asked_at"].isna().all()
    assert table["line"].tolist() == [2, 3] and table["import_index"].tolist() == [0, 0]
    (source,) = store.imports().itertuples()
    assert (source.kind, source.source, source.source_sha256, source.added) == (
        "pairs",
        "pairs.csv",
        SOURCE.sha256,
        2,
    )
    assert label_cameras(str(tmp_path)) == ["river01"]


def test_the_same_again_is_no_commit_and_a_grown_file_brings_what_is_new(store):
    rows = [(A, B, "left_higher", "ann"), (B, C, "equal", "ann")]
    first = store.append_pairs(pairs(*rows), SOURCE)
    before = commits(store)
    again = store.append_pairs(pairs(*rows), SOURCE)
    assert (again.added, again.repeated, again.snapshot) == (0, 2, first.snapshot)
    assert commits(store) == before
    grown = store.append_pairs(
        pairs(*rows, (A, C, "left_higher", "ann"), (A, C, "left_higher", "ann")), SOURCE
    )
    assert (grown.added, grown.repeated) == (1, 3)  # of two equal rows in one file one is new
    assert commits(store) == before + 1 and grown.snapshot != first.snapshot


def test_a_version_is_read_again(store, tmp_path):
    first = store.append_pairs(pairs((A, B, "left_higher", "ann")), SOURCE)
    store.append_pairs(pairs((B, C, "equal", "ann")), SOURCE)
    old = LabelStore(str(tmp_path), "river01", first.snapshot)
    assert old.snapshot_id() == first.snapshot and len(old.pairs()) == 1 and len(store.pairs()) == 2
    with pytest.raises(StoreError, match="for reading"):
        old.append_pairs(pairs((A, C, "equal", "ann")), SOURCE)
    with pytest.raises(StoreError, match="no version"):
        LabelStore(str(tmp_path), "river01", "0" * 20).pairs()


def test_masks_of_any_size_come_back_in_the_order_asked(store):
    rng = np.random.default_rng(0)
    small, large, other = (rng.integers(0, 3, size, dtype=np.uint8) for size in ((4, 6), (30, 20), (4, 6)))
    new = [NewMask(A, "ann", small), NewMask(B, "ann", large), NewMask(C, "ann", other)]
    assert store.append_masks(new, SOURCE).added == 3
    assert store.append_masks(new, SOURCE).added == 0
    rows = store.masks().iloc[::-1]
    for read, drawn in zip(store.read_masks(rows), [other, large, small], strict=True):
        np.testing.assert_array_equal(read, drawn)
    pixels = zarr.open_group(store._root().store, mode="r")["mask_pixels/4x6"]
    assert pixels.shape == (2, 4, 6) and pixels.metadata.dimension_names == ("row", "y", "x")


def test_only_the_masks_that_are_new_are_stored(store):
    first, second = np.full((2, 3), 1, np.uint8), np.full((2, 3), 2, np.uint8)
    store.append_masks([NewMask(A, "ann", first)], SOURCE)
    done = store.append_masks([NewMask(A, "ann", first), NewMask(A, "ann", second)], SOURCE)
    assert (done.added, done.repeated) == (1, 1)
    (row,) = newest_masks(store.masks()).itertuples()
    assert row.pixels_row == 1
    np.testing.assert_array_equal(store.read_masks(newest_masks(store.masks()))[0], second)


def test_a_revised_reading_supersedes(store):
    store.append_gauge(readings(("2026-06-01T02:00", 1.5), ("2026-06-01T01:00", 1.0)), SOURCE)
    store.append_gauge(readings(("2026-06-01T02:00", 1.6)), SOURCE)
    assert store.gauge()["level_m"].tolist() == [1.5, 1.0, 1.6]
    assert newest_gauge(store.gauge())["level_m"].tolist() == [1.0, 1.6]


def test_a_fault_is_refused_before_anything_is_written(store):
    with pytest.raises(ValueError, match="row 1: left and right"):
        store.append_pairs(pairs((A, B, "equal", "ann"), (A, A, "equal", "ann")), SOURCE)
    with pytest.raises(ValueError, match="row 0: code 3"):
        store.append_masks([NewMask(A, "ann", np.full((2, 2), 3, np.uint8))], SOURCE)
    assert not store.exists


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ((A, "b.jpg", "equal", "ann"), "no SHA-256"),
        ((A, B, "higher", "ann"), "none of"),
        ((A, B, "equal", " "), "no annotator"),
        ((A, B, "equal", "ann", -1.0), "duration"),
    ],
)
def test_faults_of_pairs(row, words):
    assert words in pair_fault(*row)


def test_what_is_no_fault():
    assert pair_fault(A, B, "equal", "ann") is None
    assert mask_fault(np.array([[0, 2]], np.uint8)) is None
    assert gauge_fault(np.datetime64("2026-06-01"), -0.3) is None


def test_faults_of_masks_and_readings():
    assert "no pixel" in mask_fault(np.zeros((2, 2), np.uint8))
    assert "not uint8" in mask_fault(np.zeros((2, 2), np.int64))
    assert gauge_fault(np.datetime64("NaT"), 1.0) == "no time"
    assert gauge_fault(np.datetime64("2026-06-01"), np.nan) == "no level"
    assert "no level of water" in gauge_fault(np.datetime64("2026-06-01"), -9999.0)


def test_answers_and_codes():
    assert [answer.code for answer in PairAnswer] == [0, 1, 2, 3]
    assert PairAnswer.LEFT_HIGHER.mirrored == "right_higher" and PairAnswer.EQUAL.mirrored == "equal"
    assert (MaskCode.NOT_LABELLED, MaskCode.DRY, MaskCode.WATER) == (0, 1, 2)
