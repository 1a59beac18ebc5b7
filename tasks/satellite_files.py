"""Satellite files: read by the window, refused with a reason.

A slot is known by its *nominal* time; every line keeps its own scan time.
"""

from collections.abc import Collection, Iterable

from models.contracts.slots import SatelliteGridSettings
from tasks.errors import ConfigurationError, WrongSetting
from tasks.meteonet_files import MeteonetReader
from tasks.nwcsaf_window import NwcsafReader
from tasks.satellite_assembly import GenericReader
from tasks.satellite_catalogue import described, reader_config
from tasks.satellite_sets import FileIdentity, FileNames, SlotFiles
from tasks.seviri_native_slots import NativeReader
from tasks.stores.satellite_rows import ProductSlot, SatelliteFile, SlotRefusal

_BY_THE_WINDOW = {"nwcsaf-geo": NwcsafReader, "seviri_l1b_native": NativeReader}


class SlotReader:
    """Reads files of one grid, by the window where the format allows it.

    Args:
        settings: Reader, region, variables.

    Raises:
        ConfigurationError: There is no such reader, or it has not the variables.
    """

    def __init__(self, settings: SatelliteGridSettings) -> None:
        self._own = MeteonetReader(settings) if settings.reader == "meteonet" else None
        if self._own is not None:
            return
        try:
            config = reader_config(settings.reader)
            described(settings.reader, settings.variables)
        except WrongSetting as error:
            problem = f"satellite.{settings.name}: {error}"
            raise ConfigurationError("vigie.toml", None, problem, error.mend) from error
        self._names = FileNames(settings, config)
        self._reader: GenericReader | NwcsafReader | NativeReader
        if settings.window == "auto" and settings.reader in _BY_THE_WINDOW:
            self._reader = _BY_THE_WINDOW[settings.reader](settings)
        else:
            self._reader = GenericReader(settings, config)

    def identify(self, name: str) -> FileIdentity | None:
        """What a file name states; ``None`` where the file is none of ours."""
        return self._own.identify(name) if self._own else self._names.identify(name)

    def wanted(self, name: str) -> bool:
        """Whether a file of ours may hold a part of the region, as far as its name tells."""
        identity = self.identify(name)
        return identity is not None and (self._own is not None or self._names.wanted(identity))

    def sets(self, files: Iterable[SatelliteFile], known: Collection[tuple[str, int]]) -> list[SlotFiles]:
        """Files as they are to be read together, by time; see `FileNames.sets`."""
        return self._own.sets(files, known) if self._own else self._names.sets(files, known)

    def read(self, files: SlotFiles) -> list[ProductSlot | SlotRefusal]:
        """Read what belongs together.

        Returns:
            Cropped products, and why there are others not: ``FILE_CORRUPT``, ``OTHER_REGION``, ``MISSING_VARIABLE``,
            ``EMPTY_FILE``, ``UNREADABLE_SOURCE``, ``INCOMPLETE_SLOT``.
        """
        return self._own.read(files) if self._own else self._reader.read(files)
