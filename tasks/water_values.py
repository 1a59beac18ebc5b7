"""The published columns of the water: what a frame's level is, or why there is none."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.contracts.flags import ValueFlag
from models.contracts.series import WATER_QUANTITIES

LEVEL, METRES, PROBABILITY, ALERT = WATER_QUANTITIES
WATER_COLUMNS: tuple[str, ...] = tuple(
    name for q in WATER_QUANTITIES for name in (q.name, q.uncertainty, q.flag)
)


@dataclass(frozen=True)
class SeenLevel:
    """The level of one frame.

    Attributes:
        flag: ``GOOD``; ``NOT_KNOWN`` where it can be judged and the camera has no site yet; or why it cannot.
        level: In [0, 1]; NaN where the flag is not ``GOOD``.
        sigma: One standard error; NaN likewise.
    """

    flag: ValueFlag
    level: float = math.nan
    sigma: float = math.nan


def no_water(frames: int) -> pd.DataFrame:
    """The columns of frames in which water was not looked for."""
    return water_columns([SeenLevel(ValueFlag.NOT_OBSERVED)] * frames, "")


def water_columns(seen: Sequence[SeenLevel], model: str, site: int = 0) -> pd.DataFrame:
    """The columns of frames: levels, and neither metres nor alerts yet.

    Args:
        seen: Frame by frame.
        model: Digest of the weights, hexadecimal; empty where water was not looked for.
        site: First eight bytes of the site's digest; 0 where there is none.
    """
    flags = np.array([int(one.flag) for one in seen], np.float64)
    later = np.where(flags == int(ValueFlag.GOOD), float(ValueFlag.NOT_KNOWN), flags)
    table = pd.DataFrame(index=range(len(seen)), columns=list(WATER_COLUMNS), dtype=np.float64)
    for quantity in WATER_QUANTITIES:
        table[quantity.flag] = flags if quantity is LEVEL else later
    table[LEVEL.name] = np.array([one.level for one in seen], np.float32).astype(np.float64)
    table[LEVEL.uncertainty] = np.array([one.sigma for one in seen], np.float32).astype(np.float64)
    return table.assign(
        water_model=np.full(len(seen), model, dtype=object),
        water_site=np.full(len(seen), site, dtype=np.uint64),
        water_gauge=np.zeros(len(seen), dtype=np.uint64),
    )


def fill(table: pd.DataFrame, quantity_name: str, **columns: np.ndarray) -> None:
    """Put ``value``, ``uncertainty`` and ``flag`` of a quantity into its columns."""
    (quantity,) = (q for q in WATER_QUANTITIES if q.name == quantity_name)
    names = {"value": quantity.name, "uncertainty": quantity.uncertainty, "flag": quantity.flag}
    for key, values in columns.items():
        table[names[key]] = np.asarray(values, np.float64)


def doubt(table: pd.DataFrame, doubtful: np.ndarray) -> None:
    """Values of these frames (a picture that came more than once) are doubtful rather than good."""
    for quantity in WATER_QUANTITIES:
        good = (table[quantity.flag] == int(ValueFlag.GOOD)).to_numpy()
        table.loc[good & doubtful, quantity.flag] = float(ValueFlag.DOUBTFUL)


def overwrite(target: pd.DataFrame, values: pd.DataFrame) -> None:
    """Put the columns into the first rows of a table that is to be recorded, in place; the model stays."""
    for name in (*WATER_COLUMNS, "water_site", "water_gauge"):
        rest = target[name].to_numpy()[len(values) :]
        target[name] = np.concatenate([values[name].to_numpy(), rest])
