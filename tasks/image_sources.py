"""Images of a camera's source: a folder, a web directory or one URL, by the same path through fsspec."""

import hashlib
import random
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import PurePosixPath
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import fsspec
import numpy as np
from aiohttp import ClientError, ClientResponseError

from models.science.time_names import natural_key
from tasks.image_signatures import SUFFIXES

_T = TypeVar("_T")
SIDECAR = "times.csv"
# What counts as a candidate; what it really is, its content says.
_SUFFIXES = frozenset().union(*SUFFIXES.values()) | {".gif", ".jp2", ".heic", ".avif"}
_ATTEMPTS = 4
_FIRST_WAIT_S = 0.2
_RETRIED_STATUS = frozenset((408, 425, 429, 500, 502, 503, 504))


class SourceUnavailable(Exception):
    """A source cannot be listed, or one of its files cannot be read, at present.

    The words go to ledgers and reports: a user and a password in a URL are left out.
    """

    def __init__(self, words: str) -> None:
        super().__init__(re.sub(r"://[^/@\s]*@", "://", words))


@dataclass(frozen=True)
class SourceImage:
    """One file as listed.

    Attributes:
        name: Relative to the source, posix; the identity of the image within its camera.
        size: Bytes; ``None`` where the source does not say.
        version: 64-bit digest of size and modification time or ETag; another value means read it again. Never 0.
        uri: What ``read_image`` reads.
        modified: Modification time, UTC, ``datetime64[ms]``; ``None`` where the source does not say.
    """

    name: str
    size: int | None
    version: int
    uri: str
    modified: np.datetime64 | None = None


def list_images(source: str) -> list[SourceImage]:
    """Lists the images of a source and of its sub-folders, in the natural order of their names.

    Hidden files, and files that are not named as images, are left out.

    Raises:
        SourceUnavailable: The folder is not there, or the server does not answer.
    """
    return sorted(list_files(source, _is_image), key=lambda image: natural_key(image.name))


def list_files(source: str, wanted: Callable[[str], bool]) -> list[SourceImage]:
    """Lists the files of a source and of its sub-folders.

    Args:
        source: A folder, a web directory with an index page, or one file.
        wanted: Whether to list a file, by its name relative to the source.

    Raises:
        SourceUnavailable: The folder is not there, or the server does not answer.
    """
    try:
        filesystem, root = fsspec.core.url_to_fs(source)
        found = _with_retries(lambda: _find(filesystem, root, wanted))
        if _is_http(filesystem):  # an index page names files only; each answers for its own size and date
            with ThreadPoolExecutor(16) as pool:
                infos = list(pool.map(lambda p: _with_retries(lambda: filesystem.info(p)), found))
            found = dict(zip(found, infos, strict=True))
    except (OSError, ClientError, ValueError, ImportError) as error:
        raise SourceUnavailable(f"{source}: {_words(error)}") from error
    return [_image(filesystem, root, path, info) for path, info in found.items()]


def read_image(image: SourceImage) -> bytes:
    """Reads one image whole; remote reads are tried again with jitter.

    Raises:
        SourceUnavailable: It went away since it was listed, or cannot be read.
    """
    return _read(image.uri)


def read_sidecar(source: str) -> str | None:
    """Text of the source's ``times.csv``; ``None`` where it has none.

    Raises:
        SourceUnavailable: It is there but cannot be read.
    """
    filesystem, root = fsspec.core.url_to_fs(source)
    path = f"{root.rstrip('/')}/{SIDECAR}"
    try:
        if not _with_retries(lambda: filesystem.isfile(path)):
            return None
        data: bytes = _with_retries(lambda: filesystem.cat_file(path))
        return data.decode("utf-8", errors="replace")
    except (OSError, ClientError) as error:
        raise SourceUnavailable(f"{path}: {_words(error)}") from error


def _read(uri: str) -> bytes:
    try:
        filesystem, path = fsspec.core.url_to_fs(uri)
        data: bytes = _with_retries(lambda: filesystem.cat_file(path))
    except (OSError, ClientError) as error:
        raise SourceUnavailable(f"{uri}: {_words(error)}") from error
    return data


def _find(filesystem: Any, root: str, wanted: Callable[[str], bool]) -> dict[str, dict[str, Any]]:
    if wanted(root) and filesystem.isfile(root):
        return {root: filesystem.info(root)}
    if not _is_http(filesystem) and not filesystem.isdir(root):
        raise SourceUnavailable(f"no folder {root}")
    if _is_http(filesystem):
        root = root.rstrip("/") + "/"
        filesystem.invalidate_cache()
        filesystem.ls(root)  # unlike find, ls says so when the server does not
    found = filesystem.find(root, detail=True)
    return {p: i for p, i in found.items() if wanted(_relative(filesystem, root, p))}


def _is_image(name: str) -> bool:
    path = PurePosixPath(urlsplit(name).path if "://" in name else name)
    hidden = "://" not in name and not name.startswith("/") and any(p.startswith(".") for p in path.parts)
    return path.suffix.lower() in _SUFFIXES and not hidden


def _is_http(filesystem: Any) -> bool:
    return "http" in (
        filesystem.protocol if isinstance(filesystem.protocol, tuple) else (filesystem.protocol,)
    )


def _relative(filesystem: Any, root: str, path: str) -> str:
    name = path.removeprefix(root.rstrip("/")).lstrip("/") or PurePosixPath(path).name
    name = unquote(urlsplit(name).path) if _is_http(filesystem) else name
    return name.encode(
        "utf-8", "backslashreplace"
    ).decode()  # Linux names files in any bytes; tables hold UTF-8


def _image(filesystem: Any, root: str, path: str, info: dict[str, Any]) -> SourceImage:
    size = info.get("size")
    modified = _modified(info)
    tag = info.get("ETag") or info.get("etag") or info.get("mtime") or modified
    digest = hashlib.blake2b(f"{size}|{tag}".encode(), digest_size=8).digest()
    version = int.from_bytes(digest, "big") or 1
    uri = filesystem.unstrip_protocol(path)
    return SourceImage(_relative(filesystem, root, path), size, version, uri, modified)


def _modified(info: dict[str, Any]) -> np.datetime64 | None:
    for key in ("mtime", "LastModified", "Last-Modified", "last_modified"):
        stated = info.get(key)
        if isinstance(stated, str):
            stated = parsedate_to_datetime(stated)
        if isinstance(stated, datetime):
            stated = (stated if stated.tzinfo else stated.replace(tzinfo=UTC)).timestamp()
        if isinstance(stated, int | float):
            return np.datetime64(int(stated * 1000), "ms")
    return None


def _with_retries(call: Callable[[], _T]) -> _T:
    """Calls again on what may pass: a busy server, a dropped connection; not on a missing or forbidden file."""
    for attempt in range(_ATTEMPTS):
        try:
            return call()
        except (OSError, ClientError) as error:
            if attempt == _ATTEMPTS - 1 or not _may_pass(error):
                raise
            # jitter keeps hundreds of cameras on one server from coming back together
            time.sleep(_FIRST_WAIT_S * 2**attempt * random.uniform(0.5, 1.5))
    raise AssertionError("unreachable")


def _may_pass(error: Exception) -> bool:
    if isinstance(error, ClientResponseError):
        return error.status in _RETRIED_STATUS
    return isinstance(error, ClientError | TimeoutError | ConnectionError)


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
