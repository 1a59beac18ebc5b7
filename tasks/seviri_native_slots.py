"""SEVIRI native files, by the window, read in place."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from models.contracts.flags import Refusal
from models.contracts.slots import SatelliteGridSettings, pack
from tasks.satellite_copies import LocalCopy, private_copies
from tasks.satellite_refused import corrupt, unusable
from tasks.satellite_satpy import READ_ERRORS
from tasks.satellite_sets import SlotFiles
from tasks.satellite_windows import covers
from tasks.seviri_native import NativeFileRefused, NativeWindow, native_channels, read_native_window
from tasks.stores.locks import local_path
from tasks.stores.satellite_rows import Outcome, ProductSlot, SlotRefusal

_SECOND = np.timedelta64(1, "s")


class NativeReader:
    """Reads SEVIRI Level 1.5 native files.

    Args:
        settings: Region and channels.
    """

    def __init__(self, settings: SatelliteGridSettings) -> None:
        self._settings = settings

    def read(self, files: SlotFiles) -> list[Outcome]:
        """See `tasks.satellite_files.SlotReader.read`."""
        (products,) = files.products
        with _in_place(files) as copy:
            if (refusal := unusable(copy, products, files.time)) is not None:
                return [refusal]
            try:
                present = [name for name in native_channels(copy.path) if name in products]
                window = read_native_window(copy.path, present, self._settings.region) if present else None
            except NativeFileRefused as error:
                words = " ".join(products)
                return [SlotRefusal(copy.file, copy.sha256, error.reason, error.detail, words, files.time)]
            except READ_ERRORS as error:
                return [corrupt(copy, products, files.time, error)]
        if window is not None and not covers(window.file_grid, self._settings.region):
            words = f"the file does not cover {self._settings.region} (lon_min, lat_min, lon_max, lat_max)"
            return [
                SlotRefusal(
                    copy.file, copy.sha256, Refusal.OTHER_REGION, words, " ".join(products), files.time
                )
            ]
        found: list[Outcome] = [self._slot(name, window, files, copy) for name in present]
        if absent := [name for name in products if name not in present]:
            words = f"holds no {', '.join(absent)}"
            found.append(
                SlotRefusal(
                    copy.file, copy.sha256, Refusal.MISSING_VARIABLE, words, " ".join(absent), files.time
                )
            )
        if window is not None and window.quality_ok is not True:
            words = f"{window.quality_ok}; the values are kept"
            found.append(
                SlotRefusal(
                    copy.file, copy.sha256, Refusal.POOR_QUALITY, words, " ".join(present), files.time
                )
            )
        return found

    def _slot(self, name: str, window: NativeWindow, files: SlotFiles, copy: LocalCopy) -> ProductSlot:
        packed = pack(self._settings.variable(name), window.values[name])
        scanned = window.scan_time[name]
        offsets = ((scanned - window.nominal_time) / _SECOND).astype(np.float32)
        return ProductSlot(
            time=window.nominal_time,
            product=name,
            values={name: packed},
            absent=(),
            scan_offset_s=np.where(np.isnat(scanned), np.float32(np.nan), offsets),
            platform=window.platform,
            grid=window.grid,
            parallax_corrected=False,
            file=files.identities[name],
            sha256=copy.sha256 if any(copy.sha256) else hashlib.sha256(packed.tobytes()).digest(),
        )


@contextmanager
def _in_place(files: SlotFiles) -> Iterator[LocalCopy]:
    """The file itself where it is on this machine: copying and hashing 200 MB costs more than reading the window.

    Its products then carry the SHA-256 of their packed values.
    """
    path = local_path(files.files[0].uri)
    if path is None:
        with private_copies(files.files) as (copy,):
            yield copy
        return
    try:
        size = Path(path).stat().st_size
    except OSError as error:
        yield LocalCopy(files.files[0], path, problem=f"{type(error).__name__}: {error}")
        return
    yield LocalCopy(files.files[0], path, size=size)
