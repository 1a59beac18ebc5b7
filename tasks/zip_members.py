"""Members of zip archives, by pattern; names in an archive are never paths on this machine."""

import stat
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from fnmatch import fnmatch
from pathlib import PurePosixPath
from typing import BinaryIO
from zipfile import BadZipFile, ZipFile, ZipInfo

import fsspec

MEMBER_BYTES = 4 * 2**30
"""Larger members are refused before they are unpacked; a full disk of 11 SEVIRI channels and HRV is 0.3 GiB."""

_DAMAGE = (BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError)


class DamagedFile(OSError):
    """A file that came, and is not what it should be."""


def zip_members(uri: str, pattern: str) -> list[str]:
    """Names of the members whose last part matches, sorted.

    Args:
        uri: The archive, as fsspec opens it; only its directory is read.
        pattern: Glob.

    Raises:
        DamagedFile: It is no zip archive, or a member that matches has a name or a size that no product has.
        OSError: It cannot be read.
    """
    try:
        with fsspec.open(uri) as stream, ZipFile(stream) as archive:
            infos = archive.infolist()
    except _DAMAGE as error:
        raise DamagedFile(f"not a zip archive: {error}") from error
    wanted = [info for info in infos if not info.is_dir() and fnmatch(_last(info.filename), pattern)]
    for info in wanted:
        if problem := _problem(info):
            raise DamagedFile(f"member {info.filename[:120]!r}: {problem}")
    return sorted(info.filename for info in wanted)


def member_uri(uri: str, member: str) -> str:
    """What fsspec opens for one member of an archive."""
    return f"zip://{member}::{uri}"


@contextmanager
def opened(uri: str) -> Iterator[BinaryIO]:
    """A file or member to read, its CRC checked at its end.

    Raises:
        DamagedFile: The archive around it, or its CRC, is wrong.
        OSError: It cannot be read.
    """
    with ExitStack() as stack:
        try:
            stream: BinaryIO = stack.enter_context(fsspec.open(uri))
        except _DAMAGE as error:
            raise DamagedFile(f"{type(error).__name__}: {error}") from error
        except KeyError as error:
            raise FileNotFoundError(f"no member {error}") from error
        except ValueError as error:  # a misnamed file system
            raise OSError(str(error)) from error
        try:
            yield stream
        except (BadZipFile, zlib.error, EOFError) as error:
            raise DamagedFile(f"{type(error).__name__}: {error}") from error


def _last(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).name


def _problem(info: ZipInfo) -> str:
    path = PurePosixPath(info.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or "::" in info.filename or ":" in path.parts[0]:
        return "its name leads out of the archive"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "is a link"
    if info.flag_bits & 1:
        return "is encrypted"
    return f"{info.file_size} bytes" if info.file_size > MEMBER_BYTES else ""
