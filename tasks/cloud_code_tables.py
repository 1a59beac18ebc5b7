"""What a campaign's own codes mean in WMO's: a CSV of field, code and wmo."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from models.contracts.cloud_labels import (
    BASE_CODES,
    GENERA,
    GENUS_NAMES,
    INVISIBLE,
    NOT_ANSWERED,
    OBSCURED_CODE,
    OKTAS,
    Expertise,
    Gold,
)
from tasks.errors import ConfigurationError
from tasks.label_tables import read_file, read_rows

WMO = "wmo"
"""Name of the table that takes WMO's own codes, which also holds where a campaign's table does not name a field."""

Codes = Mapping[str, int]


def _words(*names: str) -> dict[str, int]:
    return {name: code for code, name in enumerate(names)}


def _figures(count: int) -> dict[str, int]:
    return {str(code): code for code in range(count)}


_OPEN = {"missing": NOT_ANSWERED}
_YES_NO = {"no": 0, "yes": 1, "0": 0, "1": 1, "false": 0, "true": 1, **_OPEN}
_LEVEL = {**_figures(10), "/": INVISIBLE, **_OPEN}
NO_GENUS = 10
"""In the code table alone: ``none``, a sky without any genus."""

FIELDS: Mapping[str, Codes] = {
    "expertise": {**_figures(4), **_words(*(e.name.lower() for e in Expertise)), "missing": 0},
    "sky_visible": _YES_NO,
    "obscured": _YES_NO,
    "n": {**_figures(OKTAS + 1), "9": OBSCURED_CODE, "/": NOT_ANSWERED, **_OPEN},
    "genera": {
        **_figures(10),
        **_words(*(g.lower() for g in GENERA)),
        **_words(*GENUS_NAMES),
        "none": NO_GENUS,
        "/": NOT_ANSWERED,
        **_OPEN,
    },
    "amount": {**_figures(OKTAS + 1), "/": NOT_ANSWERED, **_OPEN},
    "base": {**_figures(BASE_CODES), "/": NOT_ANSWERED, **_OPEN},
    "low": _LEVEL,
    "mid": _LEVEL,
    "high": _LEVEL,
    "cannot_tell": {**_YES_NO, "missing": 0},
    "gold": {**_words(*(g.name.lower() for g in Gold)), "0": 0, "1": 1, "no": 0, "yes": 1, "missing": 0},
}
"""What may stand under ``wmo`` of each field."""


@dataclass(frozen=True)
class CloudCodes:
    """Codes of one campaign.

    Attributes:
        name: Of the table: ``wmo``, or its file.
        fields: Of each field, what a code means; keys are lower case.
    """

    name: str
    fields: Mapping[str, Codes]

    def reader(self, table: Path) -> Callable[[int, str, str], int]:
        """Reads a cell of a campaign table: ``(line, field, text) -> code``.

        Raises:
            ConfigurationError: The code is not in the table of codes: what a campaign's codes mean must be stated.
        """

        def read(line: int, field: str, text: str) -> int:
            code = self.fields[field].get(text.lower())
            if code is None:
                where = "a CSV, given by --codes" if self.name == WMO else self.name
                known = ", ".join(list(self.fields[field])[:12])
                mend = f"write the row {field},{text},<WMO code> into {where}; known are {known}"
                raise ConfigurationError(table, line, f"unknown code {text!r} of {field}", mend)
            return code

        return read


def cloud_codes(name: str) -> CloudCodes:
    """The table ``wmo``, or one from a CSV file of ``field``, ``code``, ``wmo``.

    A field that the file names has the file's codes and no others; the rest keep WMO's. ``wmo`` is a figure, an
    abbreviation or name of a genus, a word (yes, no, expert, ...) or ``missing`` (counts as not answered).

    Raises:
        ConfigurationError: There is no such table, or a row of it is wrong.
    """
    if name == WMO:
        return CloudCodes(WMO, FIELDS)
    path = Path(name)
    if not path.is_file():
        raise ConfigurationError(
            "--codes", None, f"no table and no file {name!r}", "wmo, or a CSV of field,code,wmo"
        )
    rows, bad = read_rows(path, read_file(path), ("field", "code", "wmo"))
    if bad:
        raise ConfigurationError(path, bad[0].line, bad[0].reason, "write field,code,wmo")
    fields: dict[str, dict[str, int]] = {}
    for line, row in rows:
        field, code, wmo = (row.get(column, "").lower() for column in ("field", "code", "wmo"))
        if field not in FIELDS:
            raise ConfigurationError(path, line, f"no field {field!r}", f"write one of {', '.join(FIELDS)}")
        if not code or wmo not in FIELDS[field]:
            known = ", ".join(FIELDS[field])
            raise ConfigurationError(
                path, line, f"{field} has no WMO code {wmo!r}" if code else "no code", f"write one of {known}"
            )
        known_codes = fields.setdefault(field, {})
        if known_codes.get(code, FIELDS[field][wmo]) != FIELDS[field][wmo]:
            raise ConfigurationError(
                path, line, f"{field} code {code!r} comes twice with two meanings", "keep one of them"
            )
        known_codes[code] = FIELDS[field][wmo]
    return CloudCodes(str(path), {**FIELDS, **fields})


def split_genera(text: str) -> list[str]:
    """Codes of one cell: ``Cu+Sc``, ``Cu|Sc`` or ``Cu;Sc``."""
    return [part.strip() for part in re.split(r"[+|;]", text) if part.strip()]
