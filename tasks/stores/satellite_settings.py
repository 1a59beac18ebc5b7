"""Which settings an archive was made for, and which a refusal was made under."""

import hashlib

import zarr

from models.contracts.flags import Refusal
from models.contracts.slots import SatelliteGridSettings
from tasks.stores.repository import StoreError

BY_SETTINGS = (
    Refusal.OTHER_REGION,
    Refusal.MISSING_VARIABLE,
    Refusal.OTHER_CADENCE,
    Refusal.POOR_QUALITY,
)
"""Refusals that the file is not to blame for alone: under other settings it is read again."""


def settings_digest(settings: SatelliteGridSettings) -> int:
    """64 bits of what `BY_SETTINGS` depend on; never 0, which rows of older code have."""
    what = (
        settings.reader,
        [float(degrees) for degrees in settings.region],
        sorted(settings.variables),
        settings.cadence_minutes,
        settings.member,
        sorted(settings.download.quality),
    )
    return int.from_bytes(hashlib.blake2b(repr(what).encode(), digest_size=8).digest(), "big") or 1


def last_settings(root: zarr.Group) -> int:
    """`settings_digest` of the last run that wrote; 0 where older code did."""
    return int(str(root.attrs.get("settings", 0)), 16)


def keep_settings(root: zarr.Group, digest: int) -> None:
    """Note the settings of a run that writes."""
    if last_settings(root) != digest:
        root.attrs["settings"] = f"{digest:016x}"


def check_settings(root: zarr.Group, settings: SatelliteGridSettings, uri: str) -> None:
    """Compare settings with those that an archive with a layout was made for.

    Args:
        root: Root group of the archive.
        settings: Of the run.
        uri: Of the archive, for the message.

    Raises:
        StoreError: Another region or cadence, or a variable more.
    """
    extra = set(settings.variables) - set(root.attrs["variables"])  # type: ignore[arg-type]
    region = root.attrs.get("region")
    what = ""
    if extra:
        what = f"without {', '.join(sorted(extra))}"
    elif root.attrs["cadence_minutes"] != settings.cadence_minutes:
        what = f"for another cadence, {root.attrs['cadence_minutes']} minutes"
    elif region is not None and tuple(region) != tuple(settings.region):  # type: ignore[arg-type]
        what = f"for another region, {region}"
    if what:
        raise StoreError(
            f"{uri}: was made {what}. Mend: set it back, or give the grid another name in vigie.toml and ingest again"
        )
