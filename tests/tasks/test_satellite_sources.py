"""Satellite files in folders, object stores and zip archives; and the Data Store through to the archive."""

import io
import zipfile
from datetime import UTC, datetime, timedelta

import fsspec
import pytest

from models.contracts.downloads import DownloadSettings
from models.contracts.flags import Refusal
from tasks import satellite_sources
from tasks.errors import ConfigurationError
from tasks.eumetsat_credentials import Credentials
from tasks.image_sources import SourceUnavailable
from tasks.satellite_ingest import ingest_satellite
from tasks.satellite_sources import (
    list_files,
    list_members,
    listing_range,
    newest_slot,
    open_source,
    read_file,
)
from tasks.settings import load_settings
from tasks.stores.satellite_archive import SatelliteArchive
from tasks.zip_members import DamagedFile
from tests.tasks.data_store_server import COLLECTION, KEY, SECRET, DataStoreServer, StoredProduct
from tests.tasks.satellite_folders import AS_OF, settings, write_cma

CLOUDS = {"variables": ("cma",)}


@pytest.fixture(params=["folder", "object store"])
def bucket(request, tmp_path):
    """URI of an empty source: a folder, or a store of objects that is not a folder of this machine."""
    if request.param == "folder":
        yield str(tmp_path / "bucket")
    else:
        yield "memory://bucket"
        fsspec.filesystem("memory").rm("/bucket", recursive=True)


def put(uri, data):
    filesystem, path = fsspec.core.url_to_fs(uri)
    filesystem.makedirs(path.rpartition("/")[0], exist_ok=True)
    filesystem.pipe_file(path, data)


def zipped(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def cma_bytes(folder, number):
    path = write_cma(folder, number)
    return path.name, path.read_bytes()


def test_files_of_sub_folders_are_listed_by_name_and_read(bucket):
    for name in ("b/2.nat", "a/1.nat", "a/.hidden.nat", "a/1.nat.part", "note.txt"):
        put(f"{bucket}/{name}", name.encode())
    files = list_files(bucket, "*.nat")
    assert [file.name for file in files] == ["a/1.nat", "b/2.nat"]
    assert [read_file(file) for file in files] == [b"a/1.nat", b"b/2.nat"]


def test_a_source_that_is_not_there_says_so(bucket):
    put(f"{bucket}/a.nat", b"1")
    with pytest.raises(SourceUnavailable):
        list_files(f"{bucket}/none", "*.nat")


def test_a_zip_archive_is_opened_as_the_member_that_is_wanted(bucket):
    put(f"{bucket}/x.zip", zipped({"in/x.nat": b"1" * 5000, "manifest.xml": b"2", "in/": b""}))
    archives = list_files(bucket, "*.zip")
    listing = list_members(archives, "*.nat")
    assert [file.name for file in listing.files] == ["x.zip/in/x.nat"] and not listing.refusals
    assert listing.files[0].version == archives[0].version
    assert read_file(listing.files[0]) == b"1" * 5000


@pytest.mark.parametrize(
    "name", ["../x.nat", "/etc/x.nat", "a/../../x.nat", "..\\x.nat", "C:/x.nat", "x::y.nat"]
)
def test_a_member_whose_name_leads_out_of_its_archive_is_refused(bucket, name):
    put(f"{bucket}/x.zip", zipped({name: b"1"}))
    listing = list_members(list_files(bucket, "*.zip"), "*.nat")
    (refusal,) = listing.refusals
    assert not listing.files and refusal.reason is Refusal.FILE_CORRUPT and "leads out" in refusal.detail


def test_archives_without_use_are_refused_with_the_reason(bucket):
    put(f"{bucket}/a.zip", b"no archive")
    put(f"{bucket}/b.zip", zipped({"x.nat": b"1" * 5000})[:-30])
    put(f"{bucket}/c.zip", zipped({"x.txt": b"1"}))
    put(f"{bucket}/d.zip", b"")
    listing = list_members(list_files(bucket, "*.zip"), "*.nat")
    assert [(r.file.name, r.reason) for r in listing.refusals] == [
        ("a.zip", Refusal.FILE_CORRUPT),
        ("b.zip", Refusal.FILE_CORRUPT),
        ("c.zip", Refusal.MISSING_VARIABLE),
        ("d.zip", Refusal.FILE_CORRUPT),
    ]


def test_a_member_with_a_wrong_crc_is_damage_and_a_file_that_went_away_is_not(bucket):
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w") as archive:
        archive.writestr("x.nat", b"1" * 100)
    put(f"{bucket}/x.zip", stored.getvalue().replace(b"1" * 100, b"1" * 99 + b"2"))
    (file,) = list_members(list_files(bucket, "*.zip"), "*.nat").files
    with pytest.raises(DamagedFile, match="CRC"):
        read_file(file)
    filesystem, path = fsspec.core.url_to_fs(f"{bucket}/x.zip")
    filesystem.rm(path)
    with pytest.raises(OSError) as raised:
        read_file(file)
    assert not isinstance(raised.value, DamagedFile)


def test_zipped_products_reach_the_archive_and_damage_is_in_its_ledger(bucket, tmp_path):
    name, data = cma_bytes(tmp_path / "made", 0)
    put(f"{bucket}/good.zip", zipped({name: data}))
    put(f"{bucket}/torn.zip", b"no archive")
    grid = settings(bucket, pattern="*.zip", member="*.nc", **CLOUDS)
    first = ingest_satellite(grid, str(tmp_path / "archive"), AS_OF)
    again = ingest_satellite(grid, str(tmp_path / "archive"), AS_OF)
    assert (first.slots_written, first.refused, again.slots_written, again.refused) == (
        1,
        {"file_corrupt": 1},
        0,
        {},
    )
    archive = SatelliteArchive(str(tmp_path / "archive"), "msg")
    assert archive.refusals()["source"].tolist() == ["torn.zip"]


def test_an_archive_of_one_product_is_not_opened_again_once_that_is_held(bucket, tmp_path, monkeypatch):
    name, data = cma_bytes(tmp_path / "made", 0)
    later, more = cma_bytes(tmp_path / "made", 1)
    put(f"{bucket}/a/{name.replace('.nc', '.zip')}", zipped({f"in/{name}": data}))
    put(f"{bucket}/two.zip", zipped({later: more}))  # may hold more than what is known of it
    grid, root = settings(bucket, pattern="*.zip", member="*.nc", **CLOUDS), str(tmp_path / "archive")
    opened = []
    of_archive = satellite_sources.zip_members
    monkeypatch.setattr(
        satellite_sources, "zip_members", lambda uri, *a: opened.append(uri) or of_archive(uri, *a)
    )
    first = ingest_satellite(grid, root, AS_OF)
    assert (first.slots_written, first.listed, len(opened)) == (2, 2, 2)
    again = ingest_satellite(grid, root, AS_OF)
    assert (again.slots_written, again.listed, again.files) == (0, 2, 2)
    assert len(opened) == 3 and opened[-1].endswith("two.zip")
    archives = list_files(bucket, "*.zip")
    known = {(file.name, file.version) for file in list_members(archives, "*.nc").files}
    assert list_members(archives, "*.nc", known) == list_members(archives, "*.nc")
    replaced = {(name, version + 1) for name, version in known}
    opened.clear()
    list_members(archives, "*.nc", replaced)
    assert len(opened) == 2  # of another version nothing is known


def data_store_grid(server, tmp_path, **limits):
    download = DownloadSettings(
        staging=str(tmp_path / "staging"),
        api=server.url,
        first_wait_s=0.01,
        timeout_s=2.0,
        attempts=2,
        days=10,
        **limits,
    )
    return settings(f"eumetsat:{COLLECTION}", download=download, **CLOUDS)


def test_the_data_store_reaches_the_archive_and_a_failure_is_judged_again(tmp_path):
    products = []
    for number in range(3):
        name, data = cma_bytes(tmp_path / "made", number)
        products.append(StoredProduct(f"P{number}", f"2024-06-01T12:{15 * number:02d}:00", {name: data}))
    root, ours = str(tmp_path / "archive"), Credentials(KEY, SECRET)
    with DataStoreServer(products) as server:
        grid = data_store_grid(server, tmp_path)
        server.faults = {"P1/entry": [404]}
        first = ingest_satellite(grid, root, AS_OF, credentials=ours)
        assert (first.files, first.slots_written, first.refused) == (3, 2, {"unreadable_source": 1})
        status = SatelliteArchive(root, "msg").status()
        assert status["CMA"].iloc[48:51].tolist() == [2, 3, 2]  # 12:00 to 12:30: ok, bad, ok
        again = ingest_satellite(grid, root, AS_OF, credentials=ours)
        assert (again.slots_written, again.refused) == (1, {})
        before = server.asked("/entry")
        ingest_satellite(grid, root, AS_OF, credentials=ours)
        assert server.asked("/entry") == before  # what is known is not downloaded again
    assert SatelliteArchive(root, "msg").refusals().empty
    assert [p.name for p in (tmp_path / "staging").iterdir()] == [".lock"]


def test_a_data_store_that_is_not_there_is_an_error_of_the_grid(tmp_path):
    with DataStoreServer() as server:
        grid = data_store_grid(server, tmp_path)
    summary = ingest_satellite(grid, str(tmp_path / "archive"), AS_OF, credentials=Credentials(KEY, SECRET))
    assert summary.error is not None and "ConnectionError" in summary.error


def test_what_a_killed_run_left_in_the_staging_folder_is_tidied_up(tmp_path):
    name, data = cma_bytes(tmp_path / "made", 0)
    root, ours = str(tmp_path / "archive"), Credentials(KEY, SECRET)
    with DataStoreServer([StoredProduct("P0", "2024-06-01T12:00:00", {name: data})]) as server:
        ingest_satellite(data_store_grid(server, tmp_path, keep=True), root, AS_OF, credentials=ours)
        assert list((tmp_path / "staging").rglob("*.nc"))
        ingest_satellite(data_store_grid(server, tmp_path), root, AS_OF, credentials=ours)
    assert not list((tmp_path / "staging").rglob("*.nc"))


def test_the_range_to_list_begins_a_margin_before_the_newest_slot_and_is_bounded(tmp_path):
    write_cma(tmp_path / "source", 0)
    root = str(tmp_path / "archive")
    archive = SatelliteArchive(root, "msg")
    noon = datetime(2024, 6, 1, 12, tzinfo=UTC)
    limits = DownloadSettings(days=7, margin_hours=6)
    assert newest_slot(archive) is None
    assert listing_range(archive, noon, limits) == (noon - timedelta(days=7), noon)
    ingest_satellite(settings(tmp_path / "source", **CLOUDS), root, AS_OF)
    archive = SatelliteArchive(root, "msg")
    assert newest_slot(archive) == noon
    two_days_on = noon + timedelta(days=2)
    assert listing_range(archive, two_days_on, limits) == (noon - timedelta(hours=6), two_days_on)
    much_later = noon + timedelta(days=30)
    assert listing_range(archive, much_later, limits) == (much_later - timedelta(days=7), much_later)


def test_a_folder_is_read_in_place(tmp_path):
    path = write_cma(tmp_path, 0)
    with open_source(settings(tmp_path)) as source:
        files = source.files(datetime.min.replace(tzinfo=UTC), AS_OF).files
        fetched = source.fetch(files)
        source.discard(fetched.files)
    assert fetched.files == files and path.is_file()


def test_a_collection_is_no_path_and_its_limits_are_settings_of_the_grid(tmp_path):
    config = tmp_path / "vigie.toml"
    text = '[satellite.msg]\nsource = "eumetsat:EO:X"\npattern = "*.zip"\nmember = "*.nat"\n\n'
    text += "[satellite.msg.download]\ndays = 3\n"
    config.write_text(text)
    grid = load_settings(config).grid("msg")
    assert (grid.source, grid.member, grid.download.days) == ("eumetsat:EO:X", "*.nat", 3)
    assert grid.download.staging == str(tmp_path / "staging" / "msg")
    for wrong, words in (("day = 3", "did you mean days?"), ("days = 0", "vigie.toml:7")):
        config.write_text(text.replace("days = 3", wrong))
        with pytest.raises(ConfigurationError) as raised:
            load_settings(config)
        assert words in str(raised.value) and "vigie.toml:7" in str(raised.value)
