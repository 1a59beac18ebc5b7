"""SEVIRI native files by the window, where its reader is there and takes the file; else through satpy."""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from models.contracts.slots import SatelliteGridSettings, pack
from tasks.satellite_assembly import GenericReader, Outcome, corrupt, unusable
from tasks.satellite_copies import private_copies
from tasks.satellite_satpy import READ_ERRORS
from tasks.satellite_sets import SlotFiles
from tasks.stores.satellite_rows import ProductSlot

_WINDOW_READER = "tasks.seviri_native"


class NativeReader:
    """Reads SEVIRI Level 1.5 native files.

    Args:
        settings: Region and channels.
        generic: For what the window reader does not take.
    """

    def __init__(self, settings: SatelliteGridSettings, generic: GenericReader) -> None:
        self._settings, self._generic = settings, generic
        self._read_window: Callable[..., Any] | None = (
            import_module(_WINDOW_READER).read_native_window if find_spec(_WINDOW_READER) else None
        )

    def read(self, files: SlotFiles) -> list[Outcome]:
        """See `tasks.satellite_files.SlotReader.read`."""
        if self._read_window is None:
            return self._generic.read(files)
        with private_copies(files.files) as (copy,):
            (products,) = files.products
            if (refusal := unusable(copy, products, files.time)) is not None:
                return [refusal]
            try:
                window = self._read_window(copy.path, self._settings.variables, self._settings.region)
            except READ_ERRORS as error:
                return [corrupt(copy, products, files.time, error)]
            return [
                ProductSlot(
                    time=window.nominal_time,
                    product=name,
                    values={name: pack(self._settings.variable(name), values)},
                    absent=(),
                    scan_offset_s=(
                        (window.scan_time[name] - window.nominal_time) / np.timedelta64(1, "s")
                    ).astype(np.float32),
                    platform=window.platform,
                    grid=window.grid,
                    parallax_corrected=False,
                    file=files.identities[name],
                    sha256=copy.sha256,
                )
                for name, values in window.values.items()
            ]
