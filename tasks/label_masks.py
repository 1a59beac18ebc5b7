"""Masks of water as people draw them: pictures of few colours, and the table that says what each colour is."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from models.contracts.labels import MaskCode
from tasks.errors import ConfigurationError
from tasks.label_tables import read_file, read_rows

Colour = tuple[int, int, int]
CodeTable = Mapping[Colour, MaskCode]

_N, _D, _W = MaskCode.NOT_LABELLED, MaskCode.DRY, MaskCode.WATER
CODE_TABLES: dict[str, CodeTable] = {
    "codes": {(code, code, code): code for code in MaskCode},
    "binary": {(0, 0, 0): _D, (255, 255, 255): _W},
    # floodX (Moy de Vitry et al. 2017), as 0/1 and as 0/255: blue and green are water, red is what is not.
    "floodx": {
        tuple(bit * high for bit in bits): code
        for high in (1, 255)
        for bits, code in {(0, 0, 0): _N, (1, 0, 0): _D, (0, 1, 0): _W, (0, 0, 1): _W}.items()
    },
}
"""Tables by name: ``codes`` is 0 not labelled, 1 dry, 2 water; ``binary`` is black dry, white water."""


def code_table(name: str) -> CodeTable:
    """A table by its name, or from a CSV file: red, green, blue, code (a word or number of ``MaskCode``).

    Raises:
        ConfigurationError: There is no such table, or it is wrong.
    """
    if name in CODE_TABLES:
        return CODE_TABLES[name]
    path = Path(name)
    if not path.is_file():
        known = ", ".join(CODE_TABLES)
        raise ConfigurationError(
            "--codes", None, f"no table and no file {name!r}", f"one of {known}, or a CSV"
        )
    rows, bad = read_rows(path, read_file(path), ("red", "green", "blue", "code"))
    if bad:
        raise ConfigurationError(path, bad[0].line, bad[0].reason, "write red,green,blue,code")
    table: dict[Colour, MaskCode] = {}
    for line, row in rows:
        try:
            red, green, blue = (int(row[band]) for band in ("red", "green", "blue"))
            table[red, green, blue] = _code(row["code"])
        except (KeyError, ValueError) as error:
            mend = f"write three numbers, 0 to 255, and one of {', '.join(c.name.lower() for c in MaskCode)}"
            raise ConfigurationError(path, line, f"no colour and code: {error}", mend) from error
    return table


def _code(text: str) -> MaskCode:
    if text.isdigit():
        return MaskCode(int(text))
    return MaskCode[text.upper().replace(" ", "_")]


def read_mask(content: bytes, table: CodeTable) -> np.ndarray:
    """Codes (y, x), uint8, of a picture.

    Args:
        content: Of the file: any lossless format. A palette's indices are taken as grey values where they are in the
            table, else its colours.
        table: What each colour is.

    Raises:
        ValueError: It is no picture, or has a colour that the table does not name.
    """
    try:
        with Image.open(BytesIO(content)) as image:
            image.load()
            pixels = np.asarray(image if image.mode == "P" else image.convert("RGB"))
            if image.mode == "P" and not all((int(v),) * 3 in table for v in np.unique(pixels)):
                pixels = np.asarray(image.convert("RGB"))
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"no picture: {error}") from error
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    packed = pixels.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
    colours, places, counts = np.unique(packed, return_inverse=True, return_counts=True)
    codes = np.zeros(colours.size, np.uint8)
    for place, value in enumerate(colours.tolist()):
        colour = (value >> 16, value >> 8 & 255, value & 255)
        if colour not in table:
            raise ValueError(f"colour {colour} of {counts[place]} pixels is not in the table of codes")
        codes[place] = table[colour]
    return codes[places].reshape(packed.shape)
