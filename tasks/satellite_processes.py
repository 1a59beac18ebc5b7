"""Reading satellite files in processes of their own.

HDF5 is not thread-safe, and what one thread opens another thread's garbage collector may close: in a process that
also ingests cameras, one good file in some hundreds came back as "NetCDF: Can't open HDF5 attribute". In a process
apart there is one thread, and a file that crashes the library takes only that process with it.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from multiprocessing import get_context
from typing import Self

from models.contracts.flags import Refusal
from models.contracts.slots import SatelliteGridSettings
from tasks.satellite_files import SlotReader
from tasks.satellite_sets import SlotFiles
from tasks.stores.satellite_rows import ProductSlot, SlotRefusal

_reader: SlotReader | None = None
_Outcomes = list[ProductSlot | SlotRefusal]
_AHEAD = 8


class FileReaders:
    """Reads files of one grid, here or in child processes.

    Args:
        settings: The grid.
        processes: Children; 0 reads in this process, for commands that do nothing else.
    """

    def __init__(self, settings: SatelliteGridSettings, processes: int) -> None:
        self._settings, self._processes = settings, processes
        self._stack = ExitStack()
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def read(self, sets: Sequence[SlotFiles]) -> Iterator[ProductSlot | SlotRefusal]:
        """Read sets of files, in their order; see `SlotReader.read`. What kills its reader is FILE_CORRUPT."""
        if not self._processes:
            _begin(self._settings)
            for files in sets:
                yield from _read_one(files)
            return
        pool = self._pool = self._pool or self._stack.enter_context(self._new_pool(self._processes))
        waiting = deque[tuple[SlotFiles, Future[_Outcomes]]]()
        for files in sets:  # a few ahead: what is read and not yet taken lies in memory
            waiting.append((files, pool.submit(_read_one, files)))
            if len(waiting) > _AHEAD * self._processes:
                yield from self._result(*waiting.popleft())
                pool = self._pool = self._pool or self._stack.enter_context(self._new_pool(self._processes))
        while waiting:
            yield from self._result(*waiting.popleft())

    def _result(self, files: SlotFiles, future: "Future[_Outcomes]") -> "_Outcomes":
        try:
            return future.result()
        except BrokenProcessPool:
            self._pool = None  # this set, or a neighbour, brought it down: each again, by itself
        try:
            with self._new_pool(1) as alone:
                return alone.submit(_read_one, files).result()
        except BrokenProcessPool:
            words = "it crashed the reading library"
            return [
                SlotRefusal(source, bytes(32), Refusal.FILE_CORRUPT, words, product, files.time)
                for product, source in files.identities.items()
            ]

    def _new_pool(self, processes: int) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            processes, mp_context=get_context("spawn"), initializer=_begin, initargs=(self._settings,)
        )


def _begin(settings: SatelliteGridSettings) -> None:
    global _reader  # one reader per process: making one costs as much as reading a file
    _reader = SlotReader(settings)


def _read_one(files: SlotFiles) -> _Outcomes:
    assert _reader is not None
    return _reader.read(files)
