"""One variable of a satellite slot as stored, and how physical values become stored counts."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class SlotVariable:
    """One satellite variable as stored.

    Attributes:
        name: As the reader names it.
        product: What can fail on its own, a ledger column: a product file (``CT``), or the channel itself.
        units: CF units; ``1`` for flags.
        dtype: Stored dtype.
        fill_value: Stored value for "nothing here"; NaN for float32.
        scale_factor: Physical = stored * scale_factor + add_offset; ``None`` for flags and for float32.
        add_offset: See scale_factor.
        standard_name: CF standard name, where one exists.
        long_name: In words.
        valid_range: First and last valid stored value.
        flag_values: CF flag values.
        flag_meanings: CF flag meanings, one word each.
        flag_masks: CF flag masks, for bit flags.
        array: Array that channels of one unit share; the variable's own name where absent.
        channel_axis: Name of that array's last axis.
        grid_group: Channels of one reader whose groups differ lie on different pixels.
    """

    name: str
    product: str
    units: str
    dtype: str
    fill_value: float
    scale_factor: float | None = None
    add_offset: float | None = None
    standard_name: str | None = None
    long_name: str = ""
    valid_range: tuple[int, int] | None = None
    flag_values: tuple[int, ...] = ()
    flag_meanings: str = ""
    flag_masks: tuple[int, ...] = ()
    array: str | None = None
    channel_axis: str | None = None
    grid_group: str = ""

    @property
    def stored_in(self) -> str:
        """Name of the array that holds it."""
        return self.array or self.name

    @property
    def is_float(self) -> bool:
        """Stored unpacked, NaN where nothing is."""
        return np.issubdtype(np.dtype(self.dtype), np.floating)

    @property
    def is_flags(self) -> bool:
        """Classes or bits, not a quantity."""
        return self.scale_factor is None and not self.is_float


def flags(
    name: str, product: str, first: int, meanings: str, long_name: str, standard_name: str | None = None
) -> SlotVariable:
    """A class variable, u1, fill 255, values running from ``first``."""
    last = first + len(meanings.split()) - 1
    return SlotVariable(
        name,
        product,
        "1",
        "u1",
        255,
        standard_name=standard_name,
        long_name=long_name,
        valid_range=(first, last),
        flag_values=tuple(range(first, last + 1)),
        flag_meanings=meanings,
    )


def quantity(
    name: str,
    product: str,
    units: str,
    scale: float,
    offset: float,
    last: int,
    long_name: str,
    standard_name: str | None = None,
) -> SlotVariable:
    """A quantity, u2, fill 65535, valid counts 0 to ``last``."""
    return SlotVariable(
        name, product, units, "u2", 65535, scale, offset, standard_name, long_name, valid_range=(0, last)
    )


def pack(variable: SlotVariable, values: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """Physical values to stored counts; NaN and what does not fit become the fill value.

    Args:
        variable: Dtype and packing.
        values: Any shape; the same comes back.
    """
    if variable.is_float:
        return values.astype(variable.dtype)
    if variable.scale_factor is None:
        if not np.issubdtype(values.dtype, np.floating):
            return values.astype(variable.dtype)
        counts = values.astype(np.float64)
    else:
        counts = np.rint((values.astype(np.float64) - (variable.add_offset or 0.0)) / variable.scale_factor)
    fits = np.isfinite(counts) & (counts >= 0) & (counts <= np.iinfo(variable.dtype).max)
    fits &= counts != variable.fill_value
    return np.where(fits, counts, variable.fill_value).astype(variable.dtype)


def empty(variable: SlotVariable, shape: tuple[int, ...]) -> npt.NDArray[np.generic]:
    """Nothing here, as stored."""
    return np.full(shape, variable.fill_value, dtype=variable.dtype)
