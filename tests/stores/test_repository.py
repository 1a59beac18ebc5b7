import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import icechunk
import numpy as np
import pytest
import zarr

from tasks.errors import StoreError
from tasks.stores import repository as stores
from tasks.stores.locks import WriterBusy, writer_lock
from tasks.stores.repository import (
    SchemaVersionError,
    StoreNotFound,
    collect_garbage,
    migration,
    open_repository,
    repository_kind,
    writer,
)


@pytest.fixture
def uri(tmp_path: Path) -> str:
    return str(tmp_path / "cameras" / "river01")


def messages(uri: str) -> list[str]:
    return [s.message for s in open_repository(uri, "camera").ancestry(branch="main")]


def root_attributes(uri: str) -> dict:
    return dict(
        zarr.open_group(open_repository(uri, "camera").readonly_session("main").store, mode="r").attrs
    )


def test_a_transaction_is_one_commit(uri):
    with writer(uri, "camera", "Write a and b") as session:
        root = zarr.open_group(session.store, mode="r+")
        root.attrs["a"] = 1
        root.attrs["b"] = 2
    assert messages(uri) == ["Write a and b", "Create camera archive river01", "Repository initialized"]
    assert repository_kind(uri) == "camera"


def test_an_exception_leaves_nothing(uri):
    with pytest.raises(ZeroDivisionError), writer(uri, "camera") as session:
        zarr.open_group(session.store, mode="r+").attrs["a"] = 1
        1 / 0  # noqa: B018
    assert "a" not in root_attributes(uri)


def test_no_change_is_no_commit(uri):
    with writer(uri, "camera"):
        pass
    before = messages(uri)
    with writer(uri, "camera"):
        pass
    assert messages(uri) == before


def test_nothing_there_is_said_and_not_created(uri):
    with pytest.raises(StoreNotFound, match="Mend"):
        open_repository(uri, "camera")
    with pytest.raises(StoreNotFound):
        repository_kind(uri)
    assert not Path(uri).exists()


def test_another_kind_and_another_place_are_refused(uri):
    open_repository(uri, "camera", create=True)
    with pytest.raises(StoreError, match="holds a camera archive"):
        open_repository(uri, "satellite")
    with pytest.raises(StoreError, match="unknown kind of store 'ftp'"):
        open_repository("ftp://host/x", "camera")


def test_a_newer_schema_is_refused(uri, monkeypatch):
    monkeypatch.setitem(stores.SCHEMA_VERSIONS, "camera", 7)
    open_repository(uri, "camera", create=True)
    monkeypatch.undo()
    with pytest.raises(SchemaVersionError, match=r"version 7 is newer.*upgrade"):
        open_repository(uri, "camera")
    with pytest.raises(SchemaVersionError), writer(uri, "camera"):
        pass


def test_an_older_schema_is_migrated_once(uri, monkeypatch):
    open_repository(uri, "camera", create=True)
    monkeypatch.setattr(stores, "_MIGRATIONS", {})
    monkeypatch.setitem(stores.SCHEMA_VERSIONS, "camera", 3)
    migration("camera", 1)(lambda root: root.attrs.update(steps="1"))
    with pytest.raises(SchemaVersionError, match="no migration"):  # 2 -> 3 is not known
        open_repository(uri, "camera")
    migration("camera", 2)(lambda root: root.attrs.update(steps=f"{root.attrs['steps']}2"))
    assert root_attributes(uri) == {"vigie_kind": "camera", "vigie_schema_version": 3, "steps": "12"}
    assert messages(uri)[0] == "Migrate from schema 1 to 3"
    assert len(messages(uri)) == 3


@pytest.mark.parametrize("stage", ["before the branch", "before the label"])
def test_a_creation_that_was_killed_is_finished_by_the_next_writer(uri, stage):
    Path(uri).mkdir(parents=True)
    icechunk.Repository.create(icechunk.local_filesystem_storage(uri))
    if stage == "before the branch":
        (Path(uri) / "refs" / "branch.main" / "ref.json").unlink()
    with pytest.raises(StoreNotFound):
        repository_kind(uri)
    with writer(uri, "camera"):
        pass
    assert repository_kind(uri) == "camera"


def test_lock_excludes_other_threads(uri):
    order = []

    def second() -> None:
        with writer_lock(uri, "camera"):
            order.append("second")

    with writer_lock(uri, "camera"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


HOLD = """
import sys, time
from tasks.stores.locks import writer_lock
with writer_lock(sys.argv[1], "camera"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_lock_excludes_other_processes_names_them_and_outlives_no_kill(uri):
    holder = subprocess.Popen([sys.executable, "-c", HOLD, uri], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(WriterBusy, match=f"process {holder.pid} "), writer(uri, "camera", timeout_s=0.1):
            pass
    finally:
        holder.kill()
        holder.wait()
    with writer(uri, "camera", timeout_s=5):
        pass


def test_a_lock_that_cannot_be_written_is_one_line_and_leaves_none(uri, tmp_path, monkeypatch):
    def full(path, text):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_text", full)
        with pytest.raises(StoreError, match="cannot be locked: No space left"), writer_lock(uri, "camera"):
            pass
    with writer_lock(uri, "camera", timeout_s=0):
        pass
    (tmp_path / "file").write_text("no folder")
    with (
        pytest.raises(StoreError, match="cannot be locked"),
        writer_lock(tmp_path / "file/cameras/a", "camera"),
    ):
        pass


def test_repositories_have_locks_of_their_own(tmp_path):
    with (
        writer_lock(tmp_path / "cameras" / "a", "camera"),
        writer_lock(tmp_path / "cameras" / "b", "camera", timeout_s=0),
        writer_lock(tmp_path / "satellite" / "a", "satellite", timeout_s=0),
        writer_lock(tmp_path / "results", "results", timeout_s=0),
        writer_lock("s3://bucket/archive/cameras/a", "camera", timeout_s=0),
    ):
        locks = sorted(path.name for path in (tmp_path / ".locks").glob("*.lock"))
    assert locks == ["cameras.a.lock", "cameras.b.lock", "results.lock", "satellite.a.lock"]


def test_garbage_of_the_past_is_collected(uri):
    for value in (1, 2, 3):
        with writer(uri, "camera") as session:
            root = zarr.open_group(session.store, mode="r+")
            root.create_array("x", data=np.full(5000, value), overwrite=True, compressors=None)
    freed = collect_garbage(uri, "camera", datetime.now(UTC) + timedelta(seconds=1))
    assert 80_000 <= freed < 90_000  # two of the three versions of x, 5000 * 8 bytes each, and their index
    store = open_repository(uri, "camera").readonly_session("main").store
    assert zarr.open_group(store, mode="r")["x"][0] == 3
