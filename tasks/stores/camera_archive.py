"""The archive of one camera: every accepted frame as the camera's own file, and each refusal.

One Icechunk repository per camera, at ``<root>/cameras/<id>``. A group per (encoding, height, width) holds
``frames(time, y, x, rgb)``, whose chunks are the files' own bytes, and a row of facts for each. Rows stand in order of
arrival and are sorted when read. ``xr.open_dataset("<root>/cameras/<id>", engine="vigie")`` opens it, lazily.
"""

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import icechunk
import numpy as np
import pandas as pd
import xarray as xr
from zarr.core.sync import sync

from tasks.stores.camera_index import ArchiveIndex, Tables, read_tables
from tasks.stores.camera_reading import open_group, read_frames
from tasks.stores.camera_rows import AppendResult, NewFrame, NewRefusal
from tasks.stores.camera_tables import frames_view, refusals_view
from tasks.stores.camera_writing import PRIVACY, write_batch, write_privacy
from tasks.stores.locks import local_path
from tasks.stores.privacy import Polygon, check_polygon
from tasks.stores.repository import StoreNotFound, open_repository, reading, writer
from tasks.stores.tables import open_root

__all__ = ["AppendResult", "CameraArchive", "NewFrame", "NewRefusal"]

_CAMERA_ID = re.compile(r"[a-z0-9_-]+")


class CameraArchive:
    """Frames and refusals of one camera.

    Args:
        root: Folder or ``s3://bucket/prefix`` that holds all archives.
        camera_id: Of letters a-z, digits, ``_`` and ``-``.

    Attributes:
        uri: Where the repository is.
        camera_id: Which camera.
    """

    def __init__(self, root: str | Path, camera_id: str) -> None:
        if not _CAMERA_ID.fullmatch(camera_id):
            raise ValueError(f"camera id {camera_id!r}: use a-z, 0-9, _ and - only")
        self.uri, self.camera_id = f"{str(root).rstrip('/')}/cameras/{camera_id}", camera_id
        self._repository: icechunk.Repository | None = None
        self._indexed: tuple[str, ArchiveIndex] | None = None

    @classmethod
    def at(cls, uri: str | Path) -> "CameraArchive":
        """The archive in a repository's own folder or URI, wherever that was moved to."""
        archive = cls("", "moved")
        archive.uri, archive.camera_id = str(uri).rstrip("/"), Path(str(uri)).resolve().name
        return archive

    def __repr__(self) -> str:
        try:
            frames = self.rows()
        except StoreNotFound:
            return f"<CameraArchive {self.camera_id}: nothing at {self.uri}>"
        groups = ", ".join(sorted(frames["group"].unique()))
        return f"<CameraArchive {self.camera_id}: {len(frames)} frames ({groups}), {self.size_bytes() / 1e6:.1f} MB>"

    def _open(self) -> icechunk.Repository:
        if self._repository is None:
            self._repository = open_repository(self.uri, "camera")
        return self._repository

    def _store(self) -> icechunk.IcechunkStore:
        with reading(self.uri):
            return self._open().readonly_session("main").store

    def _tables(self) -> Tables:
        with reading(self.uri):
            return sync(read_tables(self._store()))

    def exists(self) -> bool:
        """Whether anything was ever written."""
        try:
            self._open()
        except StoreNotFound:
            return False
        return True

    def snapshot_id(self) -> str:
        """Identity of the last commit: the archive can be gone back to it."""
        return self._open().lookup_branch("main")

    def size_bytes(self) -> int:
        """Bytes that the repository takes: of its files, or of its chunks on an object store."""
        folder = local_path(self.uri)
        if folder is None:
            return int(self._open().chunk_storage_stats().native_bytes)
        return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())

    def prepare(self) -> None:
        """Create the archive where there is none, and read what an append needs: while its frames are still judged.

        Raises:
            WriterBusy, StoreError: As ``append`` would.
        """
        self._open_or_create()
        self._current_index()

    def append(self, rows: Sequence[NewFrame], refusals: Sequence[NewRefusal] = ()) -> AppendResult:
        """Store frames and refusals in one commit; what is there already is not stored again.

        Args:
            rows: Validated frames, in any order.
            refusals: What was not accepted.

        Returns:
            What was new. Appending the same again returns no touched day and writes nothing.

        Raises:
            WriterBusy: Another process is writing to this camera.
            StoreError: A disk that is full, or another fault below; nothing of the batch is kept.
        """
        message = f"Append {len(rows)} frames, {len(refusals)} refusals"
        indexed, self._indexed = self._indexed, None  # a failed append leaves no index behind
        with self._writer(message) as session:
            index = self._index_of(session, indexed)
            if not index.settles([*rows, *refusals]):
                index = self._index_of(session, None, complete=True)
            before = dict(index.lengths)
            batch = index.take(rows, refusals)
            if batch:
                sync(write_batch(session.store, batch, before, index.arrival))
        self._indexed = session.snapshot_id, index
        times = [frame.time for frames in batch.frames.values() for frame in frames]
        days = np.unique(np.array(times, dtype="datetime64[D]"))
        return AppendResult(len(times), batch.repeated, tuple(days.tolist()), index.arrival)

    @staticmethod
    def _index_of(
        session: icechunk.Session, indexed: tuple[str, ArchiveIndex] | None, complete: bool = False
    ) -> ArchiveIndex:
        """The index made before, if nobody has written since and it is as complete as wanted."""
        snapshot, index = indexed or ("", ArchiveIndex())
        if snapshot == session.snapshot_id and (not complete or index.marks is None):
            return index
        return sync(ArchiveIndex.read(session.store, complete))

    def _open_or_create(self) -> icechunk.Repository:
        if self._repository is None:
            self._repository = open_repository(self.uri, "camera", create=True)
        return self._repository

    def _writer(self, message: str) -> Any:
        return writer(self.uri, "camera", message, self._open_or_create())

    def set_privacy(self, polygon: Sequence[tuple[float, float]] | None) -> None:
        """Black out a polygon in every frame read from now on, old and new; ``None`` shows all again.

        Args:
            polygon: Corners (x, y) in fractions of the upright width and height.

        Raises:
            ValueError: Not a polygon within the picture.
        """
        corners = check_polygon(polygon or ())
        with self._writer("Set the privacy polygon") as session:
            sync(write_privacy(session.store, corners))
        if self._indexed is not None:
            self._indexed = session.snapshot_id, self._indexed[1]

    def privacy(self) -> Polygon:
        """The polygon that is blacked out; empty where none is."""
        with reading(self.uri):
            return check_polygon(sync(open_root(self._store())).attrs.get(PRIVACY, ()))

    def rows(self) -> pd.DataFrame:
        """All frames, sorted by (time, sha256).

        Returns:
            Columns time (UTC), sha256 (hex), source, group, row, arrival, quality_flag, shadowed; see
            ``camera_tables.frames_view``.
        """
        return frames_view(self._tables())

    def refusals(self) -> pd.DataFrame:
        """Standing refusals: columns as_of, source, source_version, sha256 (hex), reason (name), detail."""
        return refusals_view(self._tables())

    def known(self) -> set[tuple[str, int]]:
        """(source, source_version) of files that need not be read again; empty where there is no archive."""
        return self._current_index(complete=True).versions.copy() if self.exists() else set()

    def known_among(self, files: Collection[tuple[str, int]]) -> set[tuple[str, int]]:
        """``known()`` as far as it concerns some files: quick where all their versions are new.

        Args:
            files: (source, source_version) of each.
        """
        if not self.exists():
            return set()
        index = self._current_index()
        if not index.settles_versions(version for _, version in files):
            index = self._current_index(complete=True)
        return index.versions.intersection(files)

    def _current_index(self, complete: bool = False) -> ArchiveIndex:
        with reading(self.uri):
            session = self._open().readonly_session("main")
            self._indexed = session.snapshot_id, self._index_of(session, self._indexed, complete)
            return self._indexed[1]

    def open(self, group: str | None = None) -> xr.Dataset:
        """One group as a lazy dataset, sorted by time, shadowed frames dropped.

        Args:
            group: Such as ``jpeg_480x640``; without it, the group of the latest frame, with a warning where there
                are others.

        Raises:
            StoreError: There is no such group, or no frame at all.
        """
        store = self._store()
        return open_group(store, frames_view(sync(read_tables(store))), self.camera_id, group)

    def read_frames(self, rows: pd.DataFrame) -> list[np.ndarray]:
        """Decode frames, several at a time.

        Args:
            rows: Any rows of ``rows()``, in any order, of any groups.

        Returns:
            (H, W, 3) each, in the order of ``rows``.

        Raises:
            MissingFrameError: A frame is not in the store.
        """
        return list(read_frames(self._store(), rows["group"].tolist(), rows["row"].tolist()))
