"""Which files belong together: one slot may come as one file, or as segments with a prologue and an epilogue."""

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fnmatch import translate
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from trollsift import Parser

from models.contracts.slots import SatelliteGridSettings
from models.science.slot_axis import SlotAxis
from tasks.satellite_catalogue import file_types
from tasks.satellite_windows import covering_segments
from tasks.stores.satellite_rows import SatelliteFile

_EXACT_START = ("nwcsaf-geo", "seviri_l1b_hrit")  # elsewhere names state when sensing began or ended
_VARYING = ("segment", "count_in_repeat_cycle", "start_time", "end_time", "processing_time")
_FCI_CYCLE_MINUTES = {"FD": 10.0, "AF": 10.0, "Q4": 2.5}
_FCI_Q4_FIRST = 28  # the northern quarter is chunks 29 to 40 of the disk


@dataclass(frozen=True)
class FileIdentity:
    """What a file's name states.

    Attributes:
        products: Ledger columns that it may bring; none for a prologue or an epilogue.
        time: Nominal time, as far as the name tells.
        segment: From 1 in the south; ``None`` for a file that is not a segment.
        segments: Of a whole disk.
        together: Equal for the files of one slot that are read together; ``None`` for a file that stands alone.
        label: Glob of the file and its sister segments, the source that a ledger names.
    """

    products: tuple[str, ...]
    time: np.datetime64 | None
    segment: int | None = None
    segments: int = 1
    together: str | None = None
    label: str = ""


@dataclass(frozen=True)
class SlotFiles:
    """Files that are read together.

    Attributes:
        time: Nominal time, as far as names tell.
        files: Segments in the order of their names, or the one file.
        products: Ledger columns that each file may bring, ``(files,)``.
        segments: Of each file, ``(files,)``; ``None`` for a file that is no segment.
        headers: Prologue and epilogue.
        headers_due: Kinds of header that must be there.
        identities: What ledgers name per product: the file, or the glob of its segments and a digest of versions.
    """

    time: np.datetime64 | None
    files: tuple[SatelliteFile, ...]
    products: tuple[tuple[str, ...], ...]
    segments: tuple[int | None, ...]
    headers: tuple[SatelliteFile, ...]
    headers_due: int
    identities: Mapping[str, SatelliteFile]

    @property
    def alone(self) -> bool:
        """One file that needs no other."""
        return self.segments == (None,)


class FileNames:
    """Knows the files of one reader by their names.

    Args:
        settings: The grid.
        config: satpy's description of the reader.
    """

    def __init__(self, settings: SatelliteGridSettings, config: Mapping[str, Any]) -> None:
        self._settings, self._axis = settings, SlotAxis(settings.cadence_minutes)
        self._instrument = settings.reader.partition("_")[0]
        products: dict[str, list[str]] = {}
        for dataset in config["datasets"].values():
            if dataset["name"] in settings.variables:
                product = settings.variable(dataset["name"]).product
                for kind in file_types(dataset):
                    if product not in products.setdefault(kind, []):
                        products[kind].append(product)
        self._headers = sorted(
            {n for kind in products for n in config["file_types"].get(kind, {}).get("requires", ())}
        )
        self._patterns = [
            (re.compile(translate(parser.globify())), parser, kind, config["file_types"][kind])
            for kind in (*products, *self._headers)
            if kind in config["file_types"]
            for parser in map(Parser, config["file_types"][kind]["file_patterns"])
        ]
        self._products = {kind: tuple(sorted(names)) for kind, names in products.items()}
        self._identities: dict[str, FileIdentity | None] = {}  # a run asks thrice for each name

    def identify(self, name: str) -> FileIdentity | None:
        """What a file name states; ``None`` where the file is none of ours."""
        if name not in self._identities:
            self._identities[name] = self._identified(name)
        return self._identities[name]

    def _identified(self, name: str) -> FileIdentity | None:
        last = PurePosixPath(name).name
        for glob, parser, kind, info in self._patterns:
            if not glob.match(last):
                continue
            try:
                fields = parser.parse(last)
            except ValueError:
                continue
            return self._identity(name, parser, kind, info, fields)
        return None

    def _identity(
        self, name: str, parser: Parser, kind: str, info: Mapping[str, Any], fields: Mapping[str, Any]
    ) -> FileIdentity:
        products, time = self._products.get(kind, ()), self._nominal(fields)
        if kind not in self._headers and not info.get("expected_segments") and not self._headers:
            return FileIdentity(products, time, label=name)
        satellite = fields.get("platform_shortname", fields.get("spacecraft_id", ""))
        service = fields.get("service", fields.get("coverage", ""))
        together = f"{time}|{satellite}|{service}|{'' if self._headers else kind}"
        fixed = {key: value for key, value in fields.items() if key not in _VARYING or key == "start_time"}
        if "count_in_repeat_cycle" in fields:
            fixed.pop("start_time", None)
        label = parser.globify(fixed)
        if kind in self._headers:
            return FileIdentity((), time, None, 1, together, label)
        segment = int(fields.get("segment", fields.get("count_in_repeat_cycle", 1)))
        if fields.get("coverage") == "Q4":
            segment += _FCI_Q4_FIRST
        return FileIdentity(products, time, segment, int(info.get("expected_segments", 1)), together, label)

    def wanted(self, identity: FileIdentity) -> bool:
        """Whether a segment may hold a part of the region; all other files do."""
        if identity.segment is None or identity.segments == 1:
            return True
        return identity.segment in covering_segments(
            self._settings.region, identity.segments, self._instrument
        )

    def sets(self, files: Iterable[SatelliteFile], known: Collection[tuple[str, int]]) -> list[SlotFiles]:
        """Files as they are to be read, by time; those that need not be read again are left out.

        Args:
            files: As listed, each of which `identify` knows.
            known: (source, source_version) of what is in the archive or was refused for good.
        """
        alone: list[SlotFiles] = []
        groups: dict[str, list[tuple[SatelliteFile, FileIdentity]]] = {}
        for file in sorted(files, key=lambda file: file.name):
            identity = self.identify(file.name)
            if identity is None or (file.name, file.version) in known or not self.wanted(identity):
                continue
            if identity.together is None:
                named = dict.fromkeys(identity.products, file)
                alone.append(SlotFiles(identity.time, (file,), (identity.products,), (None,), (), 0, named))
            else:
                groups.setdefault(identity.together, []).append((file, identity))
        found = [self._set(members, known) for members in groups.values()]
        return sorted(
            [*alone, *(one for one in found if one is not None)],
            key=lambda one: (str(one.time), one.files[0].name),
        )

    def _set(
        self, members: list[tuple[SatelliteFile, FileIdentity]], known: Collection[tuple[str, int]]
    ) -> SlotFiles | None:
        """One slot's files; of several for one segment the first by name. ``None`` where nothing is new."""
        headers = {identity.label: file for file, identity in reversed(members) if not identity.products}
        parts: dict[tuple[tuple[str, ...], int | None], tuple[SatelliteFile, FileIdentity]] = {}
        for file, identity in members:
            if identity.products:
                parts.setdefault((identity.products, identity.segment), (file, identity))
        identities: dict[str, SatelliteFile] = {}
        for product in sorted({name for products, _ in parts for name in products}):
            own = [pair for (products, _), pair in parts.items() if product in products]
            versions = sorted(
                f"{PurePosixPath(file.name).name} {file.version}"
                for file in (*headers.values(), *(file for file, _ in own))
            )
            digest = hashlib.blake2b("\n".join(versions).encode(), digest_size=8).digest()
            one = SatelliteFile(own[0][1].label, "", int.from_bytes(digest, "big"))
            if (one.name, one.version) not in known:
                identities[product] = one
        new = [
            (file, identity)
            for file, identity in parts.values()
            if any(name in identities for name in identity.products)
        ]
        if not new:
            return None
        return SlotFiles(
            new[0][1].time,
            tuple(file for file, _ in new),
            tuple(tuple(n for n in identity.products if n in identities) for _, identity in new),
            tuple(identity.segment for _, identity in new),
            tuple(headers[label] for label in sorted(headers)),
            len(self._headers),
            identities,
        )

    def _nominal(self, fields: Mapping[str, Any]) -> np.datetime64 | None:
        start, end = fields.get("start_time"), fields.get("end_time")
        if "repeat_cycle_in_day" in fields and start is not None:
            minutes = _FCI_CYCLE_MINUTES.get(fields.get("coverage", ""))
            if minutes:
                cycle = int(fields["repeat_cycle_in_day"]) - 1
                return np.datetime64(start.date(), "ns") + np.timedelta64(round(cycle * minutes * 60), "s")
        stated = start if start is not None else end
        if not isinstance(stated, datetime):
            return None
        time = np.datetime64(stated, "ns")
        if self._settings.reader in _EXACT_START:
            return time
        index = self._axis.floor(time)
        return time if index < 0 else self._axis.times(index, index + 1)[0]
