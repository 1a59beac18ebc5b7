"""Loading files through satpy: lazily, only what is wanted, north up, and quietly."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import xarray as xr
from satpy.readers.core.yaml_reader import GEOFlippableFileYAMLReader, GEOSegmentYAMLReader

from tasks.satellite_catalogue import file_types

READ_ERRORS = (OSError, RuntimeError, ValueError, KeyError, AttributeError)
"""What satpy and the libraries below it raise on a damaged file. Caught around the reading of files and of what their
headers state, and around nothing else: what is wrong with our own arithmetic must not read as a damaged file."""


class SatpyLoader:
    """Opens files with one satpy reader.

    Args:
        config: satpy's description of the reader; reduced to the wanted datasets, as satpy considers every dataset for
            every file.
        names: Datasets.
    """

    def __init__(self, config: dict[str, Any], names: Sequence[str]) -> None:
        also = {f"{name}_time" for name in names}  # FCI: when each pixel was scanned
        wanted = [d for d in config["datasets"].values() if d["name"] in names or d["name"] in also]
        kinds = {kind for dataset in wanted for kind in file_types(dataset)}
        due = {kind: info for kind, info in config["file_types"].items() if kind in kinds}
        for info in list(due.values()):
            due.update({name: config["file_types"][name] for name in info.get("requires", ())})
        self._config = {**config, "datasets": {d["name"]: d for d in wanted}, "file_types": due}
        self.reader = str(config["reader"]["name"])
        self._handlers: Mapping[str, Any] = {}

    def check(self, paths: Sequence[Path]) -> None:
        """Open headers and nothing else, so that a damaged one is not blamed on the segments."""
        with _quietly():
            self._new_reader().create_filehandlers([str(path) for path in paths])

    def load(
        self, paths: Sequence[Path], names: Sequence[str]
    ) -> tuple[dict[str, xr.DataArray], Mapping[str, Any]]:
        """Lazy datasets, north up and west left, and the global attributes of a netCDF file.

        What the files do not hold is left out.

        Raises:
            Exception: Of `READ_ERRORS`, where a file is damaged.
        """
        with _quietly() as failures:
            reader = self._new_reader()
            handlers = reader.create_filehandlers([str(path) for path in paths])
            self._handlers = handlers  # a collected handler closes the file that lazy datasets still read
            options: dict[str, Any] = {}
            if isinstance(reader, GEOFlippableFileYAMLReader):
                options["upper_right_corner"] = "NE"
            if isinstance(reader, GEOSegmentYAMLReader):
                options["pad_data"] = False
            header: dict[str, Any] = {}
            available = {identity["name"] for identity in reader.available_dataset_ids}
            if self.reader == "nwcsaf-geo":  # it says that every dataset of the file's kind is there
                ((handler,),) = handlers.values()
                available &= set(handler.nc)
                header = dict(handler.nc.attrs)
            present = [name for name in names if name in available]
            loaded = reader.load(present, **options) if present else {}
            found = {identity["name"]: data for identity, data in loaded.items()}
            if failures and not found:
                raise RuntimeError(f"{type(failures[0]).__name__}: {failures[0]}") from failures[0]
        return found, header

    def clock(self, name: str) -> str | None:
        """The dataset with the times of a channel's pixels, s since 2000; ``None`` for all but FCI."""
        return f"{name}_time" if f"{name}_time" in self._config["datasets"] else None

    def _new_reader(self) -> Any:
        return self._config["reader"]["reader"](self._config)


@contextmanager
def _quietly() -> Iterator[list[BaseException]]:
    """What satpy only logs: why it could not load datasets; missing ancillary ones are of no interest."""
    logger = logging.getLogger("satpy.readers.core.yaml_reader")
    failures: list[BaseException] = []

    def keep(record: logging.LogRecord) -> bool:
        if record.exc_info and record.exc_info[1] is not None:
            failures.append(record.exc_info[1])
            return False
        return not str(record.msg).startswith("Can't load ancillary")

    logger.addFilter(keep)
    try:
        yield failures
    finally:
        logger.removeFilter(keep)
