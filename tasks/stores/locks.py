"""One writer per repository, across threads and processes.

Icechunk on a local file system loses commits that are made at the same moment; readers need no lock.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from tasks.errors import StoreError

Kind = Literal["camera", "satellite", "results", "labels"]

_LEVELS_BELOW_ROOT: dict[str, int] = {"camera": 2, "satellite": 2, "results": 1, "labels": 2}


class WriterBusy(StoreError):
    """Another process holds the writer lock for longer than the timeout."""


def local_path(uri: str | Path) -> Path | None:
    """Folder of a repository on this machine, or ``None`` for an object store."""
    parts = urlsplit(str(uri))
    if parts.scheme in ("", "file"):
        return Path(parts.path if parts.scheme else str(uri))
    return None


def _lock_path(uri: str | Path, kind: Kind) -> Path:
    folder = local_path(uri)
    if folder is None:  # one host writes; between hosts Icechunk itself refuses the second commit on S3
        root, parts = Path(tempfile.gettempdir()) / "vigie", urlsplit(str(uri))
        return root / ".locks" / f"{parts.netloc}{parts.path.rstrip('/').replace('/', '.')}.lock"
    folder = folder.resolve()
    levels = _LEVELS_BELOW_ROOT[kind]
    return folder.parents[levels - 1] / ".locks" / f"{'.'.join(folder.parts[-levels:])}.lock"


@contextmanager
def writer_lock(uri: str | Path, kind: Kind, timeout_s: float = 60.0) -> Iterator[None]:
    """Hold the right to write to one repository, across threads and processes; a killed holder frees it.

    Raises:
        WriterBusy: Someone else held it for ``timeout_s``; the message names the process.
        StoreError: The lock cannot be written: a full disk, a folder that is a file.
    """
    path = _lock_path(uri, kind)
    holder = path.with_suffix(".holder")
    lock = FileLock(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=timeout_s)
        _name_holder(holder, lock)
    except Timeout:
        process = holder.read_text() if holder.is_file() else "unknown"
        raise WriterBusy(
            f"{uri}: process {process} is still writing after {timeout_s:g} s. Mend: wait for it, or end it"
        ) from None
    except OSError as error:
        raise StoreError(f"{uri}: cannot be locked: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.release()


def _name_holder(holder: Path, lock: FileLock) -> None:
    try:
        holder.write_text(str(os.getpid()))
    except OSError:
        lock.release()
        raise
