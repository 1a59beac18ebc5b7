"""Icechunk repositories, opened and written one way by every store.

A repository lies at ``<root>/cameras/<id>``, ``<root>/satellite/<grid>``, ``<root>/labels/<id>`` or
``<root>/results``; ``root`` is a folder or an ``s3://bucket/prefix`` URI. Its root group says what it is
(``vigie_kind``) and how it is laid out (``vigie_schema_version``). Readers need no lock: they see the last commit.
Writers take turns (``locks``).
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import icechunk
import zarr

from tasks.errors import StoreError
from tasks.stores.locks import Kind, local_path, writer_lock

SCHEMA_VERSIONS: dict[str, int] = {"camera": 1, "satellite": 1, "results": 1, "labels": 1}
CHUNKS_PER_MANIFEST = 512
"""Manifests are split along time: adding a day to a long archive rewrites the last piece only."""

_KIND, _VERSION = "vigie_kind", "vigie_schema_version"


class StoreNotFound(StoreError):
    """There is no repository at the URI."""


class SchemaVersionError(StoreError):
    """The store's layout is newer than this code, or too old for it."""


if (
    "ICECHUNK_LOG" not in os.environ
):  # it warns of concurrent local commits at each opening; the lock sees to that
    icechunk.set_logs_filter("warn,icechunk::storage::object_store=error")

Migration = Callable[[zarr.Group], None]
_MIGRATIONS: dict[tuple[str, int], Migration] = {}


def migration(kind: Kind, from_version: int) -> Callable[[Migration], Migration]:
    """Register a function that changes a root group from ``from_version`` to the next version.

    It gets the writable root group; its changes and the new version number are one commit.
    """

    def register(function: Migration) -> Migration:
        _MIGRATIONS[kind, from_version] = function
        return function

    return register


@contextmanager
def reading(uri: str | Path) -> Iterator[None]:
    """Turns what Icechunk raises over a damaged or unreachable repository into a `StoreError` in one line."""
    try:
        yield
    except icechunk.IcechunkError as error:
        cause = str(error).splitlines()[0].strip(" x")
        raise StoreError(f"{uri}: cannot be read: {cause}. Mend: restore it from a copy") from error


def _storage(uri: str | Path) -> icechunk.Storage:
    folder = local_path(uri)
    if folder is not None:
        return icechunk.local_filesystem_storage(str(folder))
    parts = urlsplit(str(uri))
    if parts.scheme != "s3":
        raise StoreError(
            f"{uri}: unknown kind of store {parts.scheme!r}. Mend: a folder or s3://bucket/prefix"
        )
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    return icechunk.s3_storage(
        bucket=parts.netloc,
        prefix=parts.path.strip("/"),
        region=os.environ.get("AWS_REGION", "us-east-1"),
        endpoint_url=endpoint,
        allow_http=bool(endpoint and endpoint.startswith("http://")),
        force_path_style=endpoint is not None,
        from_env=True,
    )


def _config() -> icechunk.RepositoryConfig:
    split = icechunk.ManifestSplittingConfig.from_dict(
        {
            icechunk.ManifestSplitCondition.AnyArray(): {
                icechunk.ManifestSplitDimCondition.DimensionName("^time$"): CHUNKS_PER_MANIFEST
            }
        }
    )
    config = icechunk.RepositoryConfig.default()
    # By default every session reads the manifests of arrays named time, lat and so on ahead, wanted or not.
    preload = icechunk.ManifestPreloadConfig(max_total_refs=0)
    config.manifest = icechunk.ManifestConfig(splitting=split, preload=preload)
    return config


def _root_attributes(repository: icechunk.Repository) -> dict[str, object]:
    store = repository.readonly_session("main").store
    try:
        return dict(zarr.open_group(store, mode="r", zarr_format=3).attrs)
    except FileNotFoundError:  # created, then killed before the first commit
        return {}


def repository_exists(uri: str | Path) -> bool:
    """Whether there is a repository at ``uri``."""
    folder = local_path(uri)
    if folder is not None and not folder.is_dir():  # asking Icechunk would create the folder
        return False
    return icechunk.Repository.exists(_storage(uri))


def repository_kind(uri: str | Path) -> str:
    """What the repository at ``uri`` holds: ``camera``, ``satellite``, ``results`` or ``labels``.

    Raises:
        StoreNotFound: Nothing is there, or nothing of Vigie's.
    """
    if repository_exists(uri):
        kind = _root_attributes(icechunk.Repository.open(_storage(uri), config=_config())).get(_KIND)
        if isinstance(kind, str):
            return kind
    raise StoreNotFound(f"{uri}: no Vigie archive here. Mend: check the path, or ingest first")


def _version_of(uri: str | Path, kind: Kind, repository: icechunk.Repository) -> int | None:
    """Schema version, ``None`` before the first commit; refuses another kind and a newer version."""
    attributes = _root_attributes(repository)
    if not attributes:
        return None
    if attributes.get(_KIND) != kind:
        raise StoreError(
            f"{uri}: holds a {attributes.get(_KIND)} archive, not {kind}. Mend: give another path"
        )
    version = int(str(attributes[_VERSION]))
    if version > SCHEMA_VERSIONS[kind]:
        raise SchemaVersionError(
            f"{uri}: schema version {version} is newer than this code's {SCHEMA_VERSIONS[kind]}. "
            "Mend: upgrade vigie on this machine"
        )
    return version


def _label(uri: str | Path, kind: Kind, repository: icechunk.Repository) -> None:
    session = repository.writable_session("main")
    group = zarr.open_group(session.store, mode="a", zarr_format=3)
    group.attrs.update({_KIND: kind, _VERSION: SCHEMA_VERSIONS[kind]})
    session.commit(f"Create {kind} archive {Path(str(uri)).name}")


def _migrate(uri: str | Path, kind: Kind, repository: icechunk.Repository, version: int) -> None:
    session = repository.writable_session("main")
    group = zarr.open_group(session.store, mode="r+", zarr_format=3)
    for step in range(version, SCHEMA_VERSIONS[kind]):
        if (kind, step) not in _MIGRATIONS:
            raise SchemaVersionError(
                f"{uri}: schema version {step} is too old and no migration is known. "
                "Mend: ingest into a new archive"
            )
        _MIGRATIONS[kind, step](group)
        group.attrs[_VERSION] = step + 1
    session.commit(f"Migrate from schema {version} to {SCHEMA_VERSIONS[kind]}")


def _clear_unfinished(folder: Path) -> None:
    """Remove what a creation that was killed left: a first snapshot without a branch, and never a commit."""
    if {path.name for path in folder.glob("*")} <= {"config.yaml", "snapshots", "refs"}:
        shutil.rmtree(folder, ignore_errors=True)


def _prepare(uri: str | Path, kind: Kind) -> icechunk.Repository:
    """Create, label or migrate the repository as needed. The caller holds the lock."""
    if repository_exists(uri):
        repository = icechunk.Repository.open(_storage(uri), config=_config())
    else:
        if (folder := local_path(uri)) is not None:
            _clear_unfinished(folder)
            folder.mkdir(parents=True, exist_ok=True)
        repository = icechunk.Repository.create(_storage(uri), config=_config())
    version = _version_of(uri, kind, repository)
    if version is None:
        _label(uri, kind, repository)
    elif version < SCHEMA_VERSIONS[kind]:
        _migrate(uri, kind, repository, version)
    return repository


def open_repository(
    uri: str | Path, kind: Kind, create: bool = False, timeout_s: float = 60.0
) -> icechunk.Repository:
    """Open a repository, checking what it holds; an older layout is migrated first, under the writer lock.

    Args:
        uri: Folder, ``file://`` or ``s3://bucket/prefix``.
        kind: What it must hold.
        create: Create it where there is none.
        timeout_s: How long to wait for the lock, where it is needed.

    Raises:
        StoreNotFound: Nothing is there and ``create`` is false.
        SchemaVersionError: The layout is newer, or older without a known migration.
        StoreError: It holds another kind.
    """
    if repository_exists(uri):
        with reading(uri):
            repository = icechunk.Repository.open(_storage(uri), config=_config())
            if _version_of(uri, kind, repository) == SCHEMA_VERSIONS[kind]:
                return repository
    elif not create:
        raise StoreNotFound(f"{uri}: no {kind} archive here. Mend: check the path, or ingest first")
    with writer_lock(uri, kind, timeout_s), reading(uri):
        return _prepare(uri, kind)


@contextmanager
def writer(
    uri: str | Path,
    kind: Kind,
    message: str = "",
    repository: icechunk.Repository | None = None,
    timeout_s: float = 60.0,
) -> Iterator[icechunk.Session]:
    """One transaction: a writable session, committed on leaving, dropped without a trace on an exception.

    Args:
        uri: Where; created where there is none.
        kind: What it holds.
        message: Commit message.
        repository: Already opened at ``uri``, to save opening it again.
        timeout_s: How long to wait for another writer.

    Yields:
        A session on branch ``main``. A session without changes makes no commit.

    Raises:
        WriterBusy: See ``writer_lock``.
        StoreError: The disk or the network below failed.
    """
    with writer_lock(uri, kind, timeout_s):
        with reading(uri):
            session = (repository or _prepare(uri, kind)).writable_session("main")
        try:
            yield session
            if session.has_uncommitted_changes:
                session.commit(message or f"Write {kind}")
        except icechunk.IcechunkError as error:  # a full disk, a lost network: the last commit still stands
            cause = str(error).splitlines()[0].strip(" x")
            raise StoreError(f"{uri}: {cause}. Nothing of this transaction is kept") from error


def collect_garbage(uri: str | Path, kind: Kind, older_than: datetime) -> int:
    """Drop snapshots older than ``older_than``, and the objects that only they or killed writers left.

    Args:
        uri: Where.
        kind: What it holds.
        older_than: Time-zone aware. History before it can no longer be gone back to.

    Returns:
        Bytes freed.
    """
    with writer_lock(uri, kind):
        repository = _prepare(uri, kind)
        repository.expire_snapshots(older_than)
        return int(repository.garbage_collect(older_than).bytes_deleted)
