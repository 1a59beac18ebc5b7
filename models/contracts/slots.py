"""What a satellite slot holds: one variable per quantity and unit, its packing, and what a grid asks for."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from models.contracts.channels import ABI, FCI, SEVIRI
from models.contracts.cloud_variables import CLOUD
from models.contracts.downloads import DownloadSettings
from models.contracts.slot_variable import SlotVariable, pack

__all__ = [
    "READER_PATTERNS",
    "READER_VARIABLES",
    "SLOT_VARIABLES",
    "SatelliteGridSettings",
    "SlotVariable",
    "pack",
]

SLOT_VARIABLES: dict[str, SlotVariable] = {v.name: v for v in (*CLOUD, *SEVIRI, *FCI, *ABI)}
"""Variables whose packing is known beforehand; others are described from the reader (see `SatelliteGridSettings`)."""

READER_VARIABLES: Mapping[str, tuple[str, ...]] = {
    "nwcsaf-geo": tuple(v.name for v in CLOUD),
    "seviri_l1b_native": tuple(v.name for v in SEVIRI),
    "seviri_l1b_hrit": tuple(v.name for v in SEVIRI),
    "seviri_l1b_nc": tuple(v.name for v in SEVIRI),
    "fci_l1c_nc": tuple(v.name for v in FCI),
    "abi_l1b": tuple(v.name for v in ABI),
    "abi_l2_nc": tuple(v.name for v in ABI),
    "meteonet": ("ct",),
}
"""Variables of `SLOT_VARIABLES` per reader. ``meteonet`` is our own: cloud type of the MeteoNet data set."""

READER_PATTERNS: Mapping[str, str] = {"seviri_l1b_hrit": "H-000-*", "seviri_l1b_native": "*.nat"}
"""How files of a reader are named, where not ``*.nc``."""


@dataclass(frozen=True)
class SatelliteGridSettings:
    """One satellite grid to archive.

    Attributes:
        name: Archive name, ``[a-z0-9_-]+``.
        source: Folder (path or fsspec URI) of the files.
        pattern: Glob below ``source``.
        reader: satpy reader, or ``meteonet``.
        region: ``(lon_min, lat_min, lon_max, lat_max)``, degrees.
        cadence_minutes: Between nominal times.
        variables: Names to keep: of `SLOT_VARIABLES`, or of ``described``.
        window: ``auto`` reads only the region where the format allows it; ``satpy`` always loads and crops.
        described: Variables that are not in `SLOT_VARIABLES`, described from the reader's own metadata.
        member: Glob for the files inside, where those that match ``pattern`` are zip archives.
        download: How files of a web service are brought here.
    """

    name: str
    source: str
    pattern: str = "*.nc"
    reader: str = "nwcsaf-geo"
    region: tuple[float, float, float, float] = (-5.5, 41.0, 10.0, 51.5)
    cadence_minutes: int = 15
    variables: tuple[str, ...] = ("cma", "ct", "ctth_alti", "ctth_tempe", "ctth_pres")
    member: str | None = None
    download: DownloadSettings = field(default_factory=DownloadSettings)
    window: str = "auto"
    described: tuple[SlotVariable, ...] = ()

    def variable(self, name: str) -> SlotVariable:
        """How a variable is stored.

        Raises:
            KeyError: It is neither known beforehand nor described.
        """
        return SLOT_VARIABLES.get(name) or {v.name: v for v in self.described}[name]

    @property
    def products(self) -> dict[str, tuple[str, ...]]:
        """Variables wanted per product, which is a ledger column: a product file, or one channel."""
        wanted: dict[str, tuple[str, ...]] = {}
        for name in self.variables:
            product = self.variable(name).product
            wanted[product] = (*wanted.get(product, ()), name)
        return wanted
