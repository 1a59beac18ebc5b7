"""The EUMETSAT Data Store as a source, against a server of our own that misbehaves on purpose."""

import json
import logging
import os
import time
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from models.contracts.downloads import DownloadSettings
from models.contracts.flags import Refusal
from tasks.errors import ConfigurationError
from tasks.eumetsat_credentials import Credentials, credentials_of_environment, credentials_of_text
from tasks.image_sources import SourceUnavailable
from tasks.satellite_sources import open_source, read_file
from tests.tasks.data_store_server import COLLECTION, KEY, SECRET, DataStoreServer, StoredProduct
from tests.tasks.satellite_folders import settings as grid_settings

pytest.importorskip("eumdac")

CONTENT = bytes(range(256)) * 40  # 10240 bytes
OURS = Credentials(KEY, SECRET)
FIRST, LAST = datetime(2024, 6, 1, tzinfo=UTC), datetime(2024, 6, 2, tzinfo=UTC)


def product(number, **changes):
    name = f"MSG4-TEST-{number:02d}"
    entries = {f"{name}.nat": CONTENT, "manifest.xml": b"<xml/>"}
    return StoredProduct(
        **{"id": name, "start": f"2024-06-01T{number:02d}:00:00", "entries": entries, **changes}
    )


@pytest.fixture
def store():
    with DataStoreServer([product(1)]) as server:
        yield server


@pytest.fixture
def opened(store, tmp_path):
    """Opens the collection as a grid's source."""

    def open_with(pattern="*.nat", member=None, credentials=OURS, **limits):
        download = DownloadSettings(
            **{
                "staging": str(tmp_path / "staging"),
                "api": store.url,
                "timeout_s": 20.0,
                "attempts": 3,
                "first_wait_s": 0.01,
                "longest_wait_s": 0.05,
                **limits,
            }
        )
        grid = grid_settings(f"eumetsat:{COLLECTION}", pattern=pattern, member=member, download=download)
        return open_source(grid, credentials)

    return open_with


def staged(tmp_path):
    return sorted(
        path.name for path in (tmp_path / "staging").rglob("*") if path.is_file() and path.name != ".lock"
    )


def only_refusal(fetched):
    assert not fetched.files
    (refusal,) = fetched.refusals
    return refusal


def test_an_entry_is_listed_downloaded_read_and_removed(store, opened, tmp_path):
    with opened() as source:
        listing = source.files(FIRST, LAST)
        assert [file.name for file in listing.files] == ["MSG4-TEST-01/MSG4-TEST-01.nat"]
        assert not store.asked("/entry")  # nothing comes before it is wanted
        fetched = source.fetch(listing.files)
        assert not fetched.refusals and read_file(fetched.files[0]) == CONTENT
        assert (fetched.files[0].name, fetched.files[0].version) == (
            listing.files[0].name,
            listing.files[0].version,
        )
        assert staged(tmp_path) == ["MSG4-TEST-01.nat"]  # the manifest was not wanted
        source.fetch(listing.files)
        assert store.asked("/entry") == 1
        source.discard(fetched.files)
    assert staged(tmp_path) == [] and store.tokens == 1


def test_two_runs_do_not_write_into_one_staging_folder(opened):
    with opened(), pytest.raises(SourceUnavailable, match="another run"), opened():
        pass
    with opened():
        pass


def test_discarding_touches_nothing_else_and_keep_keeps(opened, tmp_path):
    note = tmp_path / "staging" / "note.txt"
    with opened() as source:
        files = source.fetch(source.files(FIRST, LAST).files).files
        note.write_text("mine")
        source.discard(files)
        source.discard(files)
    assert staged(tmp_path) == ["note.txt"]
    with opened(keep=True) as source:
        source.discard(source.fetch(source.files(FIRST, LAST).files).files)
    assert staged(tmp_path) == ["MSG4-TEST-01.nat", "note.txt"]


def test_leftovers_that_no_run_asks_for_again_are_swept(opened, tmp_path):
    """Of the last version of a product, or begun and never finished; ``days`` is 7."""
    staging, now = tmp_path / "staging", time.time()
    ages_days = {
        "GONE/00000000000000aa/x.nat": 8,
        "BOTH/00000000000000aa/.x.nat.part": 8,
        "BOTH/00000000000000bb/x.nat": 6,
        "MINE/notes/x.nat": 8,  # no version of ours
    }
    for name, age in ages_days.items():
        path = staging / name
        path.parent.mkdir(parents=True)
        path.write_bytes(b"1")
        for touched in (path, path.parent):
            os.utime(touched, (now, now - age * 86400))
    with opened(keep=True):
        assert len(staged(tmp_path)) == 4
    with opened():
        pass
    assert sorted(str(p.relative_to(staging)) for p in staging.rglob("x.nat")) == [
        "BOTH/00000000000000bb/x.nat",
        "MINE/notes/x.nat",
    ]
    assert len(staged(tmp_path)) == 2 and not (staging / "GONE").exists()


def test_a_whole_product_is_checked_by_its_md5_and_opened_as_its_member(opened):
    with opened("*.zip", "*.nat") as source:
        files = source.files(FIRST, LAST).files
        assert [file.name for file in files] == ["MSG4-TEST-01.zip/MSG4-TEST-01.nat"]
        assert read_file(source.fetch(files).files[0]) == CONTENT


def test_only_the_chunks_asked_for_are_downloaded(store, opened):
    chunks = {f"data/BODY_{number:04d}.nc": b"\x89HDF %d" % number for number in range(1, 41)}
    store.products = [product(1, entries=chunks)]
    with opened("*_003[5-7].nc") as source:  # France in FCI
        files = source.fetch(source.files(FIRST, LAST).files).files
    assert [read_file(file) for file in files] == [b"\x89HDF 35", b"\x89HDF 36", b"\x89HDF 37"]
    assert store.asked("/entry") == 3


def test_only_the_time_range_is_listed(store, opened):
    store.products = [product(1), product(5), product(20)]
    with opened() as source:
        listing = source.files(datetime(2024, 6, 1, 4, tzinfo=UTC), datetime(2024, 6, 1, 20, tzinfo=UTC))
    assert [file.name[:12] for file in listing.files] == ["MSG4-TEST-05"]


def test_an_empty_result_is_no_fault(store, opened):
    store.products = []
    with opened() as source:
        assert source.files(FIRST, LAST).files == [] and source.fetch([]).files == []


def test_a_product_that_is_listed_twice_is_one(store, opened):
    store.page_twice = True
    with opened() as source:
        assert len(source.files(FIRST, LAST).files) == 1


def test_a_product_published_anew_has_another_version(store, opened):
    with opened() as source:
        before = source.files(FIRST, LAST).files[0].version
    store.products = [product(1, updated="2024-06-03T00:00:00.000Z")]
    with opened() as source:
        assert source.files(FIRST, LAST).files[0].version != before


@pytest.mark.parametrize("fault", [500, 502, 503, 504, 429, "reset", "slow"])
@pytest.mark.parametrize("path", ["/token", "/os?", "/metadata", "/entry"])
def test_what_passes_is_tried_again(store, opened, path, fault):
    store.faults = {path: [fault]}
    with opened(timeout_s=0.5 if fault == "slow" else 20.0, attempts=6) as source:
        fetched = source.fetch(source.files(FIRST, LAST).files)
    assert read_file(fetched.files[0]) == CONTENT
    assert store.asked(path) >= 2


def waits_of(monkeypatch):
    waits, sleep = [], time.sleep
    monkeypatch.setattr("urllib3.util.retry.time.sleep", lambda s: (waits.append(s), sleep(min(s, 0.01))))
    return waits


def test_a_throttled_request_waits_as_long_as_it_is_told_within_the_limit(store, opened, monkeypatch):
    waits = waits_of(monkeypatch)
    in_20_s = json.dumps(
        {"message": {"reason": "limit", "retryAfter": str(round((time.time() + 20) * 1000))}}
    )
    store.faults = {
        "/os?": [
            (429, {"Retry-After": "7"}, b"{}"),
            (429, {}, in_20_s.encode()),
            (429, {"Retry-After": "9999"}, b"{}"),
        ]
    }
    with opened(longest_wait_s=60.0, attempts=5) as source:
        assert len(source.files(FIRST, LAST).files) == 1
    assert waits[0] == 7 and 18 <= waits[1] <= 22 and waits[2] == 60


def test_waits_grow_with_jitter(store, opened, monkeypatch):
    waits = waits_of(monkeypatch)
    store.faults = {"/os?": [500] * 4}
    with opened(first_wait_s=1.0, longest_wait_s=100.0, attempts=5) as source:
        source.files(FIRST, LAST)
    # the second attempt at once, then 1, 2, 4 s, and up to 1 s of jitter each
    assert len(waits) == 3
    assert all(base <= wait <= base + 1 for base, wait in zip((1, 2, 4), waits, strict=True))


@pytest.mark.parametrize("ranges", [True, False])
def test_a_truncated_body_is_continued_where_the_service_can(store, opened, ranges):
    store.faults, store.ranges_supported = {"/entry": ["short", "short"]}, ranges
    with opened() as source:
        fetched = source.fetch(source.files(FIRST, LAST).files)
    assert read_file(fetched.files[0]) == CONTENT
    # half of 10240 bytes came; then half of the other half
    assert store.ranges == ["", "bytes=5120-", "bytes=7680-" if ranges else "bytes=5120-"]


def test_a_later_run_continues_what_this_one_could_not_finish(store, opened, tmp_path):
    store.faults = {"/entry": ["short"]}
    with opened(attempts=1) as source:
        refusal = only_refusal(source.fetch(source.files(FIRST, LAST).files))
        assert refusal.reason is Refusal.UNREADABLE_SOURCE and "broke off" in refusal.detail
        assert staged(tmp_path) == [".MSG4-TEST-01.nat.part"]  # never under its own name
        assert source.fetch(source.files(FIRST, LAST).files).files
    assert store.ranges == ["", "bytes=5120-"] and staged(tmp_path) == ["MSG4-TEST-01.nat"]


@pytest.mark.parametrize("leftover", [CONTENT + b"more", b"?" * len(CONTENT)])
def test_a_leftover_that_is_too_long_or_of_another_content_is_begun_anew(store, opened, tmp_path, leftover):
    with opened("*.zip", "*.nat") as source:
        files = source.files(FIRST, LAST).files
        source.discard(source.fetch(files).files)
        place = tmp_path / "staging" / "MSG4-TEST-01" / f"{files[0].version:016x}"
        place.mkdir(parents=True)
        (place / ".MSG4-TEST-01.zip.part").write_bytes(leftover)
        assert read_file(source.fetch(files).files[0]) == CONTENT


def test_a_wrong_md5_is_tried_again_and_then_given_up(store, opened, tmp_path):
    store.faults = {"/download/": [None, "wrong"]}  # the first request is for the quality
    with opened("*.zip", "*.nat") as source:
        assert source.fetch(source.files(FIRST, LAST).files).files
    store.products = [product(2, md5="0" * 32)]
    with opened("*.zip", "*.nat") as source:
        refusal = only_refusal(source.fetch(source.files(FIRST, LAST).files))
    assert refusal.reason is Refusal.UNREADABLE_SOURCE
    assert refusal.detail.endswith("the service states " + "0" * 32)
    assert staged(tmp_path) == ["MSG4-TEST-01.zip"]


def test_without_md5_and_size_a_product_comes_all_the_same(store, opened):
    store.products = [product(1, md5=None, size_kb=None)]
    with opened("*.zip", "*.nat") as source:
        assert source.fetch(source.files(FIRST, LAST).files).files


def test_an_expired_token_is_renewed(store, opened):
    with opened() as source:
        files = source.files(FIRST, LAST).files
        store.tokens = 41  # the server forgot the first
        assert source.fetch(files).files
    assert store.tokens == 42


def test_a_token_that_is_about_to_expire_is_renewed_and_never_asked_for_in_a_loop(store, opened):
    store.expires_in = 0
    with opened() as source:
        assert source.fetch(source.files(FIRST, LAST).files).files
    assert store.tokens == store.asked("/token") <= len(store.requests) / 2 + 1


@pytest.mark.parametrize(
    "answer", ["not json", (200, {}, b"{}"), (200, {}, b"[]"), (200, {}, b'{"features": 1}'), 404, 500]
)
def test_a_search_that_is_answered_with_nonsense_is_an_unavailable_source(store, opened, answer):
    store.faults = {"/os?": [answer] * 3}
    with opened() as source, pytest.raises(SourceUnavailable, match=f"eumetsat:{COLLECTION}"):
        source.files(FIRST, LAST)


def test_a_product_described_by_nonsense_is_refused_and_the_rest_goes_on(store, opened, monkeypatch):
    from tests.tasks import data_store_server

    plain = data_store_server._feature
    monkeypatch.setattr(
        data_store_server,
        "_feature",
        lambda p: {**plain(p), "properties": {}} if p.id.endswith("01") else plain(p),
    )
    store.products = [product(1), product(2)]
    with opened() as source:
        listing = source.files(FIRST, LAST)
    assert [file.name[:12] for file in listing.files] == ["MSG4-TEST-02"]
    assert [(r.file.name, r.reason) for r in listing.refusals] == [
        ("MSG4-TEST-01", Refusal.UNREADABLE_SOURCE)
    ]


def test_a_product_of_bad_quality_is_refused_before_it_is_downloaded(store, opened):
    store.products = [product(1, quality="DEGRADED"), product(2, quality=None)]
    with opened() as source:
        fetched = source.fetch(source.files(FIRST, LAST).files)
    assert [file.name[:12] for file in fetched.files] == ["MSG4-TEST-02"]
    assert [(r.reason, r.detail) for r in fetched.refusals] == [(Refusal.POOR_QUALITY, "quality is DEGRADED")]
    assert store.asked("/entry") == 1
    with opened(quality=("NOMINAL", "DEGRADED")) as source:
        assert len(source.fetch(source.files(FIRST, LAST).files).files) == 2


def test_one_product_that_cannot_be_had_does_not_keep_the_others(store, opened):
    store.products = [product(1), product(2), product(3)]
    store.faults = {"TEST-02/entry": [404]}
    with opened(parallel=1) as source:
        fetched = source.fetch(source.files(FIRST, LAST).files)
    assert [file.name[10:12] for file in fetched.files] == ["01", "03"]
    assert "Not found (404)" in only_refusal(replace(fetched, files=[])).detail


@pytest.mark.parametrize("fault", ["reset", 503, 429])
def test_a_service_that_went_away_is_not_waited_for_once_per_product(store, opened, fault):
    store.products = [product(number) for number in range(1, 21)]
    with opened(parallel=1, attempts=1) as source:
        files = source.files(FIRST, LAST).files
        store.faults = {"/products/": [fault] * 100}
        fetched = source.fetch(files)
    assert len(fetched.refusals) == 20 and store.asked("/metadata") == 3
    assert {r.reason for r in fetched.refusals} == {Refusal.UNREADABLE_SOURCE}
    assert fetched.refusals[-1].detail == "not tried: the service was not reached for 3 products before"


def test_a_download_that_drips_is_given_up(store, opened):
    store.faults = {"/entry": ["drip"] * 3}
    with opened(longest_download_s=0.3) as source:
        refusal = only_refusal(source.fetch(source.files(FIRST, LAST).files))
    assert refusal.detail == "longer than longest_download_s"


def test_names_of_the_service_lead_nowhere_on_this_machine(store, opened, tmp_path):
    evil = {"../../../etc/evil.nat": b"1", "/abs.nat": b"2", "..": b"3", "a:b.nat": b"4"}
    store.products = [StoredProduct("..", "2024-06-01T01:00:00", evil)]
    with opened() as source:
        files = source.files(FIRST, LAST).files
    for file in files:
        with opened() as source:
            place = source._staged(file).resolve()
        assert place.is_relative_to(tmp_path / "staging") and place != tmp_path / "staging"
    assert sorted(file.name for file in files) == ["_/a_b.nat", "_/abs.nat", "_/evil.nat"]


def test_secrets_are_in_no_log_and_no_error(store, opened, caplog, tmp_path):
    caplog.set_level(logging.DEBUG)
    wrong = Credentials("key-of-a-stranger", "secret-of-a-stranger")
    words = []
    for credentials in (Credentials(KEY, SECRET), wrong):
        store.faults = {"/entry": [500, (400, {}, json.dumps({"title": "token-1 key-0123456789"}).encode())]}
        with opened(credentials=credentials) as source:
            try:
                words += [r.detail for r in source.fetch(source.files(FIRST, LAST).files).refusals]
            except SourceUnavailable as error:
                words += [str(error), repr(error.__cause__), repr(credentials)]
    text = caplog.text + " ".join(words)
    assert "401" in words[1] and "***" in words[0] and "DEBUG" in caplog.text
    for secret in (*Credentials(KEY, SECRET).secrets, *wrong.secrets, "token-1"):
        assert secret not in text
    assert not any(
        secret.encode() in p.read_bytes()
        for p in tmp_path.rglob("*")
        if p.is_file()
        for secret in (KEY, SECRET)
    )


def test_credentials_come_from_the_environment_or_a_block(monkeypatch, opened):
    monkeypatch.setenv("EUMETSAT_CONSUMER_KEY", " k ")
    monkeypatch.delenv("EUMETSAT_CONSUMER_SECRET", raising=False)
    with (
        pytest.raises(ConfigurationError, match="EUMETSAT_CONSUMER_SECRET: not set"),
        opened(credentials=None),
    ):
        pass
    monkeypatch.setenv("EUMETSAT_CONSUMER_SECRET", "s")
    assert credentials_of_environment() == Credentials("k", "s")
    for text in (
        '{"consumer_key": "k", "consumer_secret": "s"}',
        "k:s",
        {"consumer_key": "k", "consumer_secret": "s"},
    ):
        assert credentials_of_text(text, "block") == Credentials("k", "s")
    for text in ("hush", "{}", "{", "", ":", {}):
        with pytest.raises(ConfigurationError) as raised:
            credentials_of_text(text, "block")
        assert "hush" not in str(raised.value)


@pytest.mark.parametrize(("md5", "reason"), [(None, Refusal.UNREADABLE_SOURCE), ("", Refusal.FILE_CORRUPT)])
def test_a_damaged_zip_is_refused_for_good_only_where_its_md5_is_right(
    store, opened, tmp_path, monkeypatch, md5, reason
):
    store.products = [product(1, md5=md5)]
    monkeypatch.setattr(StoredProduct, "zipped", lambda self: b"PK, but no archive")
    with opened("*.zip", "*.nat") as source:
        refusal = only_refusal(source.fetch(source.files(FIRST, LAST).files))
    assert refusal.reason is reason and staged(tmp_path) == []
    monkeypatch.undo()
    store.products = [product(1)]
    with opened("*.zip", "*.nat") as source:
        assert read_file(source.fetch(source.files(FIRST, LAST).files).files[0]) == CONTENT


@pytest.mark.parametrize(("pattern", "member"), [("*.nat", None), ("*.nc", None), ("*.zip", "*.nat")])
def test_a_login_page_is_no_file_and_the_next_run_asks_again(
    store, opened, tmp_path, monkeypatch, pattern, member
):
    """With status 200, its own length and no MD5 there is only its beginning to tell it by."""
    page = b"\n<!DOCTYPE html><html>please log in</html>"
    store.products = [product(1, entries={"a.nat": page, "a.nc": page}, md5=None, size_kb=None)]
    monkeypatch.setattr(StoredProduct, "zipped", lambda self: page)
    with opened(pattern, member) as source:
        refusal = only_refusal(source.fetch(source.files(FIRST, LAST).files))
    assert refusal.reason is Refusal.UNREADABLE_SOURCE and "does not begin like" in refusal.detail
    assert staged(tmp_path) == []
    monkeypatch.undo()
    store.products[0].entries.update({"a.nat": CONTENT, "a.nc": b"\x89HDF" + CONTENT})
    with opened(pattern, member) as source:
        assert source.fetch(source.files(FIRST, LAST).files).refusals == []


def test_a_staged_file_is_an_ordinary_uri(opened):
    with opened("*.zip", "*.nat") as source:
        uri = source.fetch(source.files(FIRST, LAST).files).files[0].uri
    inner, _, outer = uri.partition("::")
    assert inner == "zip://MSG4-TEST-01.nat" and zipfile.is_zipfile(Path(unquote(urlsplit(outer).path)))
