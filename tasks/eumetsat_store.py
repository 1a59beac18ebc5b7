"""A collection of the EUMETSAT Data Store as a source of satellite files."""

import hashlib
import re
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

from eumdac.datastore import DataStore
from eumdac.product import Product

from models.contracts.downloads import EUMETSAT
from models.contracts.flags import Refusal
from models.contracts.slots import SatelliteGridSettings
from tasks.eumetsat_credentials import Credentials
from tasks.eumetsat_download import ANSWER_ERRORS, Delivery, Undelivered, deliver, serves, words_of
from tasks.eumetsat_requests import LimitedToken, Transport
from tasks.image_sources import SourceUnavailable
from tasks.source_files import Fetched, Listing
from tasks.stores.satellite_rows import SatelliteFile, SlotRefusal
from tasks.zip_members import member_uri, zip_members

_NAME_LENGTH = 240  # of 255 that file systems take, less ".", ".part"
SILENCE = 3
"""Products in a row for which the service was not reached, after which the rest waits for the next run."""


@dataclass(frozen=True)
class _Remote:
    product: Product
    entry: str | None  # None: the whole product, of which the file is a member


class DataStoreSource:
    """Files of a collection, downloaded when they are wanted.

    A file is an entry of a product whose name matches the grid's pattern, or, where the pattern is one of zip archives,
    a member of the product as a whole whose name matches the grid's ``member``.

    Args:
        settings: The grid; its ``source`` is ``eumetsat:<collection id>``.
        credentials: Of the service.
    """

    def __init__(self, settings: SatelliteGridSettings, credentials: Credentials) -> None:
        self._settings, self._limits = settings, settings.download
        self._transport = Transport(self._limits)
        self._token = LimitedToken(credentials, self._transport, self._limits.api)
        self._collection = settings.source.removeprefix(EUMETSAT)
        self._folder = Path(self._limits.staging)
        self._remote: dict[SatelliteFile, _Remote] = {}
        self._silent = 0

    def close(self) -> None:
        """Close its connections."""
        self._transport.close()

    def files(
        self, first: datetime, last: datetime, known: Collection[tuple[str, int]] = frozenset()
    ) -> Listing:
        """Files of products that were sensed in a time range, sorted by name; nothing is downloaded.

        Args:
            first: UTC.
            last: UTC.
            known: Not looked at: listing opens no file.

        Raises:
            SourceUnavailable: The service does not answer, refuses the credentials, or answers something else.
        """
        try:
            collection = _Store(self._token).get_collection(self._collection)
            found = collection.search(dtstart=_naive(first), dtend=_naive(last))
            products = list(iter(found))  # list(found) would ask for its length, in a request of its own
        except ANSWER_ERRORS as error:
            raise SourceUnavailable(self._censored(f"{self._settings.source}: {words_of(error)}")) from None
        refusals: list[SlotRefusal] = []
        for product in products:
            try:
                self._remote.update(self._wanted(product))
            except ANSWER_ERRORS as error:
                file = SatelliteFile(_safe(str(product)), self._uri(product), 0)
                refusals.append(self._refusal(file, f"its description: {words_of(error)}"))
        return Listing(sorted(self._remote, key=lambda file: file.name), refusals)

    def fetch(self, files: Sequence[SatelliteFile]) -> Fetched:
        """Download listed files into the staging folder.

        Returns:
            The same files, each with the URI of its copy, and why others could not be had.

        Raises:
            StoreError: The staging folder cannot be written.
        """
        groups: dict[Path, list[SatelliteFile]] = {}
        for file in files:
            groups.setdefault(self._staged(file), []).append(file)
        with ThreadPoolExecutor(self._limits.parallel) as pool:
            outcomes = list(pool.map(self._obtain, groups, groups.values()))
        return Fetched(
            [file for outcome in outcomes for file in outcome.files],
            [refusal for outcome in outcomes for refusal in outcome.refusals],
        )

    def discard(self, files: Iterable[SatelliteFile]) -> None:
        """Remove the staged copies of files that are archived, and nothing else.

        Args:
            files: As listed or as fetched, of this run or an earlier one.
        """
        if self._limits.keep:
            return
        for path in {self._staged(file) for file in files}:
            path.unlink(missing_ok=True)
            for folder in (path.parent, path.parent.parent):
                if folder.is_dir() and not any(folder.iterdir()):
                    folder.rmdir()

    def _wanted(self, product: Product) -> dict[SatelliteFile, _Remote]:
        entries = product.entries
        identity = f"{product.md5}|{product.ingested}|{_size_kb(product)}"
        version = int.from_bytes(hashlib.blake2b(identity.encode(), digest_size=8).digest(), "big") or 1
        whole = fnmatch(f"{product}.zip", self._settings.pattern)
        pattern = (self._settings.member or "*") if whole else self._settings.pattern
        wanted: dict[SatelliteFile, _Remote] = {}
        for entry in entries:
            name = _safe(PurePosixPath(entry).name)
            if fnmatch(name, pattern):
                parent = f"{_safe(str(product))}.zip" if whole else _safe(str(product))
                file = SatelliteFile(f"{parent}/{name}", self._uri(product), version)
                wanted[file] = _Remote(product, None if whole else entry)
        return wanted

    def _obtain(self, path: Path, files: Sequence[SatelliteFile]) -> Fetched:
        if self._silent >= SILENCE and not path.exists():
            words = f"not tried: the service was not reached for {SILENCE} products before"
            return Fetched([], [self._refusal(file, words) for file in files])
        remote = self._remote[files[0]]
        try:
            if quality := self._poor_quality(remote.product):
                return Fetched([], [self._refusal(f, quality, Refusal.POOR_QUALITY) for f in files])
            delivery = self._delivery(remote, path)
            deliver(delivery, self._limits)
        except Undelivered as error:
            self._silent = 0 if error.connected else self._silent + 1
            return Fetched([], [self._refusal(file, str(error)) for file in files])
        self._silent = 0
        if remote.entry is not None:
            return Fetched([replace(file, uri=path.absolute().as_uri()) for file in files], [])
        return self._members(path, files, verified=delivery.md5 is not None)

    def _members(self, path: Path, files: Sequence[SatelliteFile], *, verified: bool) -> Fetched:
        """Members of a product; what is not as it should be was published so only where its MD5 was right."""
        uri = path.absolute().as_uri()
        reason = Refusal.FILE_CORRUPT if verified else Refusal.UNREADABLE_SOURCE
        try:
            members = {_safe(PurePosixPath(name).name): name for name in zip_members(uri, "*")}
        except OSError as error:
            path.unlink()  # it is what the service sent: the next run asks again
            return Fetched([], [self._refusal(f, str(error), reason) for f in files])
        found, refusals = [], []
        for file in files:
            name = PurePosixPath(file.name).name
            if name in members:
                found.append(replace(file, uri=member_uri(uri, members[name])))
            else:
                refusals.append(self._refusal(file, "not in the product", reason))
        return Fetched(found, refusals)

    def _poor_quality(self, product: Product) -> str:
        """What the service says against a product; nothing where it has no word on it."""
        try:
            stated = product.qualityStatus
        except KeyError:
            return ""
        except ANSWER_ERRORS as error:
            raise Undelivered(f"its quality: {words_of(error)}", connected=serves(error)) from None
        accepted = stated is None or stated.upper() in self._limits.quality
        return "" if accepted else f"quality is {stated}"

    def _delivery(self, remote: _Remote, path: Path) -> Delivery:
        if remote.entry is not None:  # the checksum and the size are those of the whole product
            return Delivery(remote.product, remote.entry, path)
        return Delivery(remote.product, None, path, remote.product.md5, _size_kb(remote.product))

    def _staged(self, file: SatelliteFile) -> Path:
        """Place of a file's copy, or of the product around it: another version has another place."""
        parent, _, name = file.name.partition("/")
        kept = parent if parent.endswith(".zip") else name
        return self._folder / parent.removesuffix(".zip") / f"{file.version:016x}" / kept

    def _uri(self, product: Product) -> str:
        return f"{EUMETSAT}{self._collection}/{product}"

    def _censored(self, words: str) -> str:
        return self._token.censored(words)

    def _refusal(
        self, file: SatelliteFile, words: str, reason: Refusal = Refusal.UNREADABLE_SOURCE
    ) -> SlotRefusal:
        return SlotRefusal(file, bytes(32), reason, self._censored(words))


class _Store(DataStore):
    def get_product_from_search_feature(self, collection_id: str, feature: dict[str, Any]) -> Product:
        """A product of a search; one that is described otherwise is asked for by itself, and may fail by itself."""
        try:
            return super().get_product_from_search_feature(collection_id, feature)
        except (KeyError, TypeError, AttributeError):
            return Product(collection_id, str(feature["id"]), self)


def _size_kb(product: Product) -> float | None:
    try:
        return float(product.size)
    except (KeyError, TypeError, ValueError):
        return None


def _naive(time: datetime) -> datetime:
    """The service reads times without a zone as UTC."""
    return time.replace(tzinfo=None)


def _safe(name: str) -> str:
    """A name that stays in its folder; what the service calls a thing is not a path of this machine."""
    return re.sub(r"[^A-Za-z0-9._+,=~-]", "_", name)[:_NAME_LENGTH].lstrip(".") or "_"
