"""How a stored column says that it holds nothing, and what describes one: what every other contract builds on."""

from dataclasses import dataclass

import numpy as np

NO_TIME = np.iinfo(np.int64).min
NO_CODE = -1

Column = tuple[str, object]
"""Stored dtype ("string" for text) and fill value."""


@dataclass(frozen=True)
class GridVariable:
    """A variable of the published grid that is no quantity: its stored form and attributes."""

    name: str
    dtype: str
    fill_value: int | float
    attributes: dict[str, object]
