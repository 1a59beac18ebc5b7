"""What an archive holds, to compare its refusals with."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from models.contracts.flags import SlotStatus
from models.science.slot_axis import SlotAxis

NO_TIME = int(np.iinfo(np.int64).min)
"""NaT, in ms."""


@dataclass(frozen=True)
class HeldSlots:
    """What an archive's ledger says.

    Attributes:
        axis: Its slots.
        first: Index of the first row.
        products: Columns.
        status: `SlotStatus` codes, ``(slots, products)``.
        source: Where they came from, ``(slots, products)``.
        version: Of the sources, ``(slots, products)``.
    """

    axis: SlotAxis
    first: int
    products: tuple[str, ...]
    status: np.ndarray
    source: np.ndarray
    version: np.ndarray

    @cached_property
    def sources(self) -> set[str]:
        """Names of what is held."""
        return set(self.source.ravel().tolist()) - {""}

    @property
    def pairs(self) -> set[tuple[str, int]]:
        """(source, source_version) of what is held."""
        held = self.source != ""
        return set(zip(self.source[held].tolist(), self.version[held].tolist(), strict=True))

    def settle(self, rows: pd.DataFrame, *, in_part: bool) -> np.ndarray:
        """Which rows of refusals the archive has got over: their slot is there, or came from the same source.

        Args:
            rows: Of the table of refusals.
            in_part: A slot in part will do, wherever it came from.
        """
        named = zip(rows["source"], rows["product"], rows["slot_time"], strict=True)
        return np.array([self._settles(*row, in_part) for row in named], dtype=bool)

    def _settles(self, source: str, product: str, slot_time: int, in_part: bool) -> bool:
        columns = [self.products.index(name) for name in product.split() if name in self.products]
        index = (
            None
            if slot_time == NO_TIME
            else self.axis.index(np.datetime64(slot_time, "ms").astype("datetime64[ns]"))
        )
        if index is None or not columns:
            return source in self.sources
        row = index - self.first
        if not 0 <= row < len(self.status):
            return False
        status, held = self.status[row, columns], self.source[row, columns]
        partly = (status == SlotStatus.PARTIAL) & (in_part | (held == source))
        return bool(((status == SlotStatus.OK) | partly).all())
