"""What a camera archive knows at one snapshot, and which of a batch is new to it."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from models.contracts.flags import Refusal
from tasks.stores.camera_rows import (
    DUPLICATE_COLUMNS,
    DUPLICATES,
    FRAME_COLUMNS,
    INDEX_COLUMNS,
    MARK_COLUMNS,
    REFUSAL_COLUMNS,
    REFUSALS,
    TRANSIENT,
    NewFrame,
    NewRefusal,
)
from tasks.stores.tables import Column, open_root, read_table

Table = dict[str, np.ndarray]


@dataclass
class Tables:
    """All tables of an archive.

    Attributes:
        frames: Table of each frame group, by group.
        duplicates: Files that brought a frame which was there already.
        refusals: Every refusal ever recorded.
    """

    frames: dict[str, Table]
    duplicates: Table | None
    refusals: Table | None


async def read_tables(store: Any, columns: Sequence[Column] = FRAME_COLUMNS) -> Tables:
    """Read the tables of an archive, without its frames.

    Args:
        store: Of a readable session.
        columns: Of the frames' tables. Short of all, ``arrival``, which only grows, is read in its last row alone.
    """
    root = await open_root(store)
    groups = {name: group async for name, group in root.groups()}
    others = {DUPLICATES: DUPLICATE_COLUMNS, REFUSALS: REFUSAL_COLUMNS}
    last = () if columns is FRAME_COLUMNS else ("arrival",)
    tables = await asyncio.gather(
        *(read_table(group, others.get(name, columns), last) for name, group in groups.items())
    )
    named = dict(sorted(zip(groups, tables, strict=True)))
    duplicates, refusals = named.pop(DUPLICATES, None), named.pop(REFUSALS, None)
    return Tables(named, duplicates, refusals)


def _files(table: Table | None) -> tuple[list[str], list[int], list[bytes]]:
    """Columns source, source_version and sha256."""
    if table is None:
        return [], [], []
    digests = np.ascontiguousarray(table["sha256"]).tobytes()
    return (
        table["source"].tolist(),
        table["source_version"].tolist(),
        [digests[start : start + 32] for start in range(0, len(digests), 32)],
    )


@dataclass
class Batch:
    """What of an append is new.

    Attributes:
        frames: By group.
        duplicates: Files that bring nothing new but are not known yet.
        refusals: Not recorded yet.
        repeated: How many of the frames given were there already.
    """

    frames: dict[str, list[NewFrame]] = field(default_factory=dict)
    duplicates: list[NewFrame] = field(default_factory=list)
    refusals: list[NewRefusal] = field(default_factory=list)
    repeated: int = 0

    def __bool__(self) -> bool:
        return bool(self.frames or self.duplicates or self.refusals)


@dataclass
class _Seen:
    """Which (name or time, digest) pairs an archive holds.

    Nearly every question is about a digest never met, which one set answers; the pairs are made at the first other.
    """

    digests: set[bytes] = field(default_factory=set)
    _pairs: set[tuple[str | int, bytes]] = field(default_factory=set)
    _columns: list[tuple[list[Any], list[bytes]]] = field(default_factory=list)

    def add_columns(self, keys: list[Any], digests: list[bytes]) -> None:
        self.digests.update(digests)
        self._columns.append((keys, digests))

    def add(self, key: str | int, digest: bytes) -> None:
        self.digests.add(digest)
        self._pairs.add((key, digest))

    def __contains__(self, pair: tuple[str | int, bytes]) -> bool:
        if pair[1] not in self.digests:
            return False
        while self._columns:
            self._pairs.update(zip(*self._columns.pop(), strict=True))
        return pair in self._pairs


@dataclass
class _Marks:
    """Version numbers, and the first 8 bytes of digests: a match between strangers costs only a closer look."""

    versions: set[int] = field(default_factory=set)
    digests: set[int] = field(default_factory=set)

    def add_table(self, table: Table) -> None:
        self.versions.update(table["source_version"].tolist())
        self.digests.update(np.ascontiguousarray(table["sha256"][:, :8]).view("<u8").ravel().tolist())

    def match(self, file: NewFrame | NewRefusal) -> bool:
        return (
            file.source_version in self.versions or int.from_bytes(file.sha256[:8], "little") in self.digests
        )


@dataclass
class ArchiveIndex:
    """Digests and names that decide what is new; kept between appends by the one writer.

    A night's images are nearly always new in version and in content. To see that, marks are enough, two short columns;
    names and times are read only when a mark matches.

    Attributes:
        arrival: Number of the last batch.
        lengths: Rows of each frame group.
        seen: (source, sha256) and (time, sha256) of frames.
        versions: (source, source_version) of files that need not be read again.
        refused: Reasons by (source, sha256).
        marks: Of the frames that are in neither ``seen`` nor ``versions``; ``None`` where there are all.
    """

    arrival: int = 0
    lengths: dict[str, int] = field(default_factory=dict)
    seen: _Seen = field(default_factory=_Seen)
    versions: set[tuple[str, int]] = field(default_factory=set)
    refused: dict[tuple[str, bytes], set[int]] = field(default_factory=dict)
    marks: _Marks | None = None

    @classmethod
    async def read(cls, store: Any, complete: bool = False) -> "ArchiveIndex":
        """Index an archive, by marks unless ``complete``; ``store`` is that of a readable session."""
        tables = await read_tables(store, INDEX_COLUMNS if complete else MARK_COLUMNS)
        index = cls(marks=None if complete else _Marks())
        for group, table in tables.frames.items():
            index.lengths[group] = len(table["source_version"])
            index.arrival = max(index.arrival, int(table["arrival"].max(initial=0)))
            if index.marks is not None:
                index.marks.add_table(table)
                continue
            sources, versions, digests = _files(table)
            index.seen.add_columns(sources, digests)
            index.seen.add_columns(table["time"].tolist(), digests)
            index.versions.update(zip(sources, versions, strict=True))
        sources, versions, digests = _files(tables.duplicates)
        index.seen.add_columns(sources, digests)
        index.versions.update(zip(sources, versions, strict=True))
        reasons = [] if tables.refusals is None else tables.refusals["reason"].tolist()
        for source, version, sha256, reason in zip(*_files(tables.refusals), reasons, strict=True):
            index._refuse(source, version, sha256, reason)
        return index

    def settles(self, files: Iterable[NewFrame | NewRefusal]) -> bool:
        """Whether ``take`` can tell for these; else a complete index must."""
        return self.marks is None or not any(map(self.marks.match, files))

    def settles_versions(self, versions: Iterable[int]) -> bool:
        """Whether ``self.versions`` can tell of files of these versions; else that of a complete index must."""
        return self.marks is None or self.marks.versions.isdisjoint(versions)

    def _refuse(self, source: str, version: int, sha256: bytes, reason: int) -> None:
        self.refused.setdefault((source, sha256), set()).add(reason)
        if reason not in TRANSIENT:
            self.versions.add((source, version))

    def take(self, frames: Sequence[NewFrame], refusals: Sequence[NewRefusal]) -> Batch:
        """Sort out what is new, and count it as known from now on; for files that the index ``settles``.

        A frame is there already if its (source, sha256) or its (time, sha256) is. A refusal is recorded once per
        (source, sha256) and version; one that may pass (in the future, unreadable) can be followed by another.
        """
        batch = Batch()
        for frame in frames:
            pairs = (frame.source, frame.sha256), (frame.time_ms, frame.sha256)
            if any(pair in self.seen for pair in pairs):
                batch.repeated += 1
                if (frame.source, frame.source_version) not in self.versions:
                    batch.duplicates.append(frame)
            else:
                batch.frames.setdefault(frame.group, []).append(frame)
                self.seen.add(*pairs[1])
            self.seen.add(*pairs[0])
            self.versions.add((frame.source, frame.source_version))
        for refusal in refusals:
            if self._is_news(refusal):
                batch.refusals.append(refusal)
                self._refuse(refusal.source, refusal.source_version, refusal.sha256, int(refusal.reason))
        self.arrival += bool(batch.frames)
        for group, new in batch.frames.items():
            self.lengths[group] = self.lengths.get(group, 0) + len(new)
        return batch

    def _is_news(self, refusal: NewRefusal) -> bool:
        """Whether the refusal, or at least the version of its file, is to be recorded."""
        key = (refusal.source, refusal.sha256)
        before = self.refused.get(key, set())
        settled = key in self.seen or any(Refusal(reason) not in TRANSIENT for reason in before)
        if refusal.reason in TRANSIENT:
            return not settled and refusal.reason not in before
        return not settled or (refusal.source, refusal.source_version) not in self.versions
