"""Which archived frame a label means: by SHA-256, by file name or by UTC time."""

import re
from collections import defaultdict
from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from tasks.errors import ConfigurationError
from tasks.label_tables import read_time
from tasks.stores.camera_archive import CameraArchive
from tasks.stores.repository import StoreNotFound

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


class UnknownFrame(ValueError):
    """No frame of the camera, or more than one, is meant."""


class FrameNames:
    """The frames of one camera by all that they may be called.

    Args:
        rows: Of ``CameraArchive.rows()``.
    """

    def __init__(self, rows: pd.DataFrame) -> None:
        self._sizes = {
            str(digest): (int(size[0]), int(size[1]))
            for digest, group in zip(rows["sha256"], rows["group"], strict=True)
            for size in [group.split("_")[1].split("x")]
        }
        self._names: dict[str, set[str]] = defaultdict(set)
        for digest, source in zip(rows["sha256"], rows["source"], strict=True):
            path = PurePosixPath(source)
            for name in {source, path.name, path.stem}:
                self._names[name].add(str(digest))
        shown = rows[~rows["shadowed"].to_numpy(bool)]
        self._times = {
            int(ms): str(digest)
            for ms, digest in zip(
                shown["time"].to_numpy("datetime64[ms]").astype(np.int64), shown["sha256"], strict=True
            )
        }
        self._seconds: dict[int, set[str]] = defaultdict(set)
        for ms, digest in self._times.items():
            self._seconds[ms // 1000].add(digest)

    def find(self, reference: str) -> str:
        """SHA-256 of the frame that a cell means.

        Args:
            reference: A SHA-256, a file name (with or without folders or suffix), or a UTC time (ISO 8601; whole
                seconds stand for all their parts).

        Raises:
            UnknownFrame: Says why none is meant.
        """
        if _SHA256.fullmatch(reference):
            if reference.lower() not in self._sizes:
                raise UnknownFrame(f"no archived frame has the SHA-256 {reference[:12]}...")
            return reference.lower()
        for name in (reference, PurePosixPath(reference).name):
            if name in self._names:
                return _only(self._names[name], f"name {reference!r}")
        try:
            time = int(read_time(reference).astype(np.int64))
        except ValueError:
            raise UnknownFrame(f"no archived frame is called {reference!r}, and it is no time") from None
        if time in self._times:
            return self._times[time]
        found = self._seconds.get(time // 1000, set()) if time % 1000 == 0 else set()
        if not found:
            raise UnknownFrame(f"no archived frame is of {reference} UTC")
        return _only(found, f"time {reference} UTC")

    def size(self, sha256: str) -> tuple[int, int]:
        """Height and width of a frame."""
        return self._sizes[sha256]


def camera_rows(archive_root: str, camera: str) -> pd.DataFrame:
    """Frames of a camera's archive, as ``CameraArchive.rows()``.

    Raises:
        ConfigurationError: The camera has no archive.
    """
    try:
        return CameraArchive(archive_root, camera).rows()
    except ValueError as error:
        raise ConfigurationError("--camera", None, str(error), "give the id of a camera") from error
    except StoreNotFound as error:
        raise ConfigurationError(
            "--camera", None, f"camera {camera!r} has no archive in {archive_root}", "ingest its images first"
        ) from error


def _only(digests: set[str], what: str) -> str:
    if len(digests) > 1:
        raise UnknownFrame(f"{what} stands for {len(digests)} frames; give the SHA-256")
    return next(iter(digests))
