"""Why a satellite file, or a slot, is not read: for good, or for now."""

import errno
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from pyresample.geometry import AreaDefinition

from models.contracts.flags import Refusal
from tasks.satellite_copies import LocalCopy
from tasks.satellite_sets import SlotFiles
from tasks.satellite_windows import grid_of
from tasks.stores.satellite_rows import SlotRefusal

_NOT_THE_FILE = frozenset(
    {
        errno.EIO,
        errno.ESTALE,
        errno.ENOENT,
        errno.EACCES,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.ENOSPC,
        errno.ETIMEDOUT,
    }
)
"""What a disk, a network or this machine says; the file may be sound, and a later run reads it."""


NO_HEADER = "no prologue or no epilogue yet"


def unusable(copy: LocalCopy, products: Sequence[str], time: np.datetime64 | None) -> SlotRefusal | None:
    """Why a copy need not be opened at all."""
    if copy.problem:
        reason = Refusal.FILE_CORRUPT if copy.damaged else Refusal.UNREADABLE_SOURCE
        detail = copy.problem
    elif not copy.size:
        reason, detail = Refusal.EMPTY_FILE, "0 bytes"
    else:
        return None
    return SlotRefusal(copy.file, copy.sha256, reason, detail, " ".join(products), time)


def corrupt(
    copy: LocalCopy, products: Sequence[str], time: np.datetime64 | None, error: BaseException
) -> SlotRefusal:
    """The refusal of a file that could not be read, in the library's words without this machine's paths.

    ``FILE_CORRUPT``; ``UNREADABLE_SOURCE`` where the disk, the network or this machine failed.
    """
    words = f"{type(error).__name__}: {error}".replace(str(copy.path), copy.file.name)
    words = words.replace(str(copy.path.parent), "")[:300]
    passing = any(isinstance(one, OSError) and one.errno in _NOT_THE_FILE for one in _causes(error))
    reason = Refusal.UNREADABLE_SOURCE if passing else Refusal.FILE_CORRUPT
    return SlotRefusal(copy.file, copy.sha256, reason, words, " ".join(products), time)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def incomplete(files: SlotFiles, words: str) -> list[SlotRefusal]:
    """The refusal, for now, of a slot that lacks its prologue or epilogue."""
    return [
        SlotRefusal(source, bytes(32), Refusal.INCOMPLETE_SLOT, words, product, files.time)
        for product, source in files.identities.items()
    ]


def not_geostationary(area: Any) -> str:
    """Why pixels are not on a geostationary grid; nothing where they are."""
    if not isinstance(area, AreaDefinition):
        return f"not a geostationary grid: {type(area).__name__}"
    try:
        grid_of(area)
    except ValueError as error:
        return f"not a geostationary grid: {error}"
    return ""
