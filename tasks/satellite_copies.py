"""Private copies of satellite files: what is read is what was hashed."""

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tasks.errors import StoreError
from tasks.stores.satellite_rows import SatelliteFile
from tasks.zip_members import DamagedFile, opened

_PIECE = 1 << 20


@dataclass(frozen=True)
class LocalCopy:
    """A file on this machine.

    Attributes:
        file: What it is a copy of.
        path: Where it is.
        sha256: Of its content; zeros where nothing could be read.
        size: Bytes.
        problem: What went wrong, if anything.
        damaged: It came, and is not what it should be: no later run will find it mended.
    """

    file: SatelliteFile
    path: Path
    sha256: bytes = bytes(32)
    size: int = 0
    problem: str = ""
    damaged: bool = False


@contextmanager
def private_copies(files: Sequence[SatelliteFile]) -> Iterator[list[LocalCopy]]:
    """Copies of files in a folder of their own, deleted afterwards, a piece at a time in memory.

    A copy even of a local file: it may be replaced meanwhile. satpy also leaves files open, and HDF5 would give the old
    content of one that is delivered again under its name.

    Raises:
        StoreError: This machine cannot hold them. No file is refused for that, and the next run reads it.
    """
    with tempfile.TemporaryDirectory(prefix="vigie-") as folder:
        yield [_copied(file, Path(folder)) for file in files]


def _copied(file: SatelliteFile, folder: Path) -> LocalCopy:
    path = folder / PurePosixPath(file.name).name
    digest, size = hashlib.sha256(), 0
    try:
        with opened(file.uri) as source:
            while piece := source.read(_PIECE):
                digest.update(piece)
                size += len(piece)
                _append(path, piece)
    except DamagedFile as error:
        return LocalCopy(file, path, problem=str(error), damaged=True)
    except (OSError, ValueError) as error:
        return LocalCopy(file, path, problem=f"{type(error).__name__}: {error}")
    return LocalCopy(file, path, digest.digest(), size)


def _append(path: Path, piece: bytes) -> None:
    try:
        with path.open("ab") as target:
            target.write(piece)
    except OSError as error:
        raise StoreError(f"{path.parent}: {error.strerror or error}") from error
