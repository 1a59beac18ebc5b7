"""One file from the EUMETSAT Data Store: resumed where it broke off, checked, and put in its place whole."""

import hashlib
import random
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import requests
import urllib3
from eumdac.errors import EumdacError
from eumdac.product import Product

from models.contracts.downloads import DownloadSettings
from tasks.errors import StoreError

_PIECE = 1 << 18
_SIZE_MARGIN = 0.9
_BEGINNINGS = {".nc": (b"\x89HDF", b"CDF"), ".zip": (b"PK",)}
_PAGES = (b"<", b"{")
_PAGE_SUFFIXES = (".xml", ".html", ".json", ".kml", ".txt")

ANSWER_ERRORS = (
    EumdacError, requests.RequestException, urllib3.exceptions.HTTPError, OSError, ParseError,
    ValueError, KeyError, TypeError, AttributeError,
)  # fmt: skip
"""What eumdac lets through where the service is silent, refuses, or answers something else than expected."""


class Undelivered(Exception):
    """A file that could not be had; the words say why.

    Args:
        words: Reason.
        connected: Whether the service answered at all.
    """

    def __init__(self, words: str, *, connected: bool = True) -> None:
        super().__init__(words)
        self.connected = connected


@dataclass(frozen=True)
class Delivery:
    """What to download.

    Attributes:
        product: The product.
        entry: One file in it; the whole product, a zip archive, where ``None``.
        target: Where it goes.
        md5: Of the whole, where the service states it.
        size_kb: Stated size of the whole product; 1000 or 1024 bytes, and of what, is not documented.
    """

    product: Product
    entry: str | None
    target: Path
    md5: str | None = None
    size_kb: float | None = None


def deliver(delivery: Delivery, settings: DownloadSettings) -> None:
    """Download a file; what is there already stays.

    A file that is begun is called ``.<name>.part`` and continued by the next attempt, of this run or a later one.

    Raises:
        Undelivered: After all attempts, or at once where another attempt would change nothing.
        StoreError: The staging folder cannot be written.
    """
    if delivery.target.exists():
        return
    part = delivery.target.with_name(f".{delivery.target.name}.part")
    end = time.monotonic() + settings.longest_download_s
    last = Undelivered("not tried")
    for attempt in range(settings.attempts):
        if attempt:
            time.sleep(_wait_s(attempt, settings))
        if time.monotonic() > end:
            break
        try:
            total = _append(delivery, part, end)
            _check(delivery, part, total)
        except _Again as error:
            last = Undelivered(str(error), connected=error.connected)
            continue
        with _writing(part):
            part.replace(delivery.target)
        return
    raise last


def status_of(error: BaseException) -> int | None:
    """Status of an answer that eumdac turned into an error."""
    status = (getattr(error, "extra_info", None) or {}).get("status")
    return status if isinstance(status, int) else None


def serves(error: BaseException) -> bool:
    """Whether the service was there for us: it answered, and neither with a fault of its own nor to come later."""
    status = status_of(error)
    return status is not None and status < 500 and status != 429


def words_of(error: BaseException) -> str:
    """An error of eumdac or of the network in words, with the status where there is one."""
    status = status_of(error)
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return (text if status is None or f"({status})" in text else f"{text} ({status})")[:300]


class _Again(Exception):
    def __init__(self, words: str, *, connected: bool = True) -> None:
        super().__init__(words)
        self.connected = connected


class _writing:
    """Faults of this machine's disk are not the file's."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise StoreError(f"{self._path.parent}: {error.strerror or error}") from error


def _append(delivery: Delivery, part: Path, end: float) -> int | None:
    """Bring what is missing; the total size, where the answer states it."""
    with _writing(part):
        part.parent.mkdir(parents=True, exist_ok=True)
        have = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    opened = delivery.product.open(entry=delivery.entry, custom_headers=headers)
    try:
        stream: Any = opened.__enter__()
    except ANSWER_ERRORS as error:
        raise _judged(error, part) from None
    try:
        start, total = _extent(stream, have)
        _require_room(part, total, start)
        with _writing(part), part.open("r+b" if part.exists() else "wb") as file:
            file.truncate(start)
            file.seek(start)
            for piece in _pieces(stream, end):
                file.write(piece)
    finally:
        opened.__exit__(None, None, None)
    return total


def _judged(error: Exception, part: Path) -> Exception:
    """Whether a refused request is worth another attempt: the transport has repeated what may pass."""
    if status_of(error) == 416:  # more is there than the service has
        part.unlink(missing_ok=True)
        return _Again(words_of(error))
    return Undelivered(words_of(error), connected=serves(error))


def _extent(stream: Any, have: int) -> tuple[int, int | None]:
    """First byte of an answer, and the size of the whole."""
    stated = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", stream.headers.get("Content-Range", ""))
    if stream.status == 206 and stated and int(stated[1]) == have:
        return have, int(stated[2])
    if stream.status == 206:
        raise _Again(f"another part than asked for: {stream.headers.get('Content-Range')!r}")
    length = stream.headers.get("Content-Length", "")
    plain = stream.headers.get("Content-Encoding", "identity") == "identity"
    return 0, int(length) if length.isdigit() and plain else None


def _pieces(stream: Any, end: float) -> Iterator[bytes]:
    try:
        while piece := stream.read1(_PIECE):
            yield piece
            if time.monotonic() > end:
                raise _Again("longer than longest_download_s")
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise _Again(f"broke off: {words_of(error)}", connected=False) from None


def _require_room(part: Path, total: int | None, start: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if total is not None and total - start > free:
        raise StoreError(f"{part.parent}: {total - start} bytes to come, {free} free")


def _check(delivery: Delivery, part: Path, total: int | None) -> None:
    """Refuse what is short, long, or other than its checksum."""
    size = part.stat().st_size
    if total is not None and size != total:
        if size > total:
            part.unlink()
        raise _Again(f"{size} of {total} bytes came")
    if not size:
        part.unlink()
        raise _Again("0 bytes came")
    if delivery.md5 is not None:
        with part.open("rb") as file:
            md5 = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        if md5 != delivery.md5.lower():
            part.unlink()  # where the fault lies is not known: from the beginning
            raise _Again(f"MD5 is {md5}, the service states {delivery.md5}")
    elif total is None and delivery.size_kb and size < _SIZE_MARGIN * 1000 * delivery.size_kb:
        part.unlink()
        raise _Again(f"{size} bytes came, of some {delivery.size_kb:g} kB")
    if delivery.md5 is None and not _begins_well(part, delivery.target.suffix.lower()):
        part.unlink()
        raise _Again(f"what came does not begin like a {delivery.target.suffix or 'data'} file")


def _begins_well(part: Path, suffix: str) -> bool:
    """Whether a file without a checksum begins as its kind does: a login page comes with status 200 and its length."""
    with part.open("rb") as file:
        beginning = file.read(64)
    if suffix in _BEGINNINGS:
        return beginning.startswith(_BEGINNINGS[suffix])
    text = beginning.removeprefix(b"\xef\xbb\xbf").lstrip()
    return suffix in _PAGE_SUFFIXES or not text.startswith(_PAGES)


def _wait_s(attempt: int, settings: DownloadSettings) -> float:
    base = settings.first_wait_s * 2 ** (attempt - 1)
    return min(base + random.uniform(0, settings.first_wait_s), settings.longest_wait_s)
