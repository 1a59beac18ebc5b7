"""What the record of every night holds: tables in arrival order, of which the newest row counts.

The record is a log: a frame that is inferred again (another model, a late slot) gets a new row with a higher
``run``, and the older one stays. ``latest`` and ``as_published`` are the two ways of reading it.
"""

from enum import IntEnum
from itertools import combinations_with_replacement

import numpy as np
import pandas as pd

from models.contracts.flags import AlignmentReason, ValueFlag
from models.contracts.series import DRIFT_QUANTITIES, MODEL_CODES, QUANTITIES
from models.contracts.sky_variables import GENUS_COLUMNS, SKY_VARIABLES
from models.contracts.stored import NO_CODE, NO_TIME, Column


class CameraNight(IntEnum):
    """How one camera fared in one night."""

    OK = 0
    NOTHING_NEW = 1
    NO_FRAMES = 2  # the camera has never delivered a frame
    NOT_INGESTED = 3  # its source is gone, its archive busy, the disk full: the detail says which
    LATE = 4  # the deadline came first; the next run takes it up
    FAILED = 5  # an error of our own or of the machine; the detail says which


OBSERVATIONS: dict[str, Column] = {
    "camera_index": ("int32", NO_CODE),
    "time": ("int64", NO_TIME),
    "frame_sha256": ("uint8[32]", 0),
    "run": ("int32", NO_CODE),
    **dict.fromkeys(MODEL_CODES, ("int16", NO_CODE)),
    "drift_reference": ("uint64", 0),
    "water_site": ("uint64", 0),
    "water_gauge": ("uint64", 0),
    "sky_slots": ("uint64", 0),
    "slot_time": ("int64", NO_TIME),
    "slot_offset_s": ("float32", float("nan")),
    "slot_reason": ("int8", int(AlignmentReason.NO_FRAME)),
    **{
        name: column
        for quantity in QUANTITIES
        for name, column in (
            (quantity.name, ("float32", float("nan"))),
            (quantity.uncertainty, ("float32", float("nan"))),
            (quantity.flag, ("int8", int(ValueFlag.NOT_OBSERVED))),
        )
    },
    **dict.fromkeys(GENUS_COLUMNS, ("float32", float("nan"))),
    **{variable.name: (variable.dtype, variable.fill_value) for variable in SKY_VARIABLES},
}

RUNS: dict[str, Column] = {
    "night": ("string", ""),
    "as_of": ("int64", NO_TIME),
    "code_version": ("string", ""),
    "configuration_digest": ("uint8[32]", 0),
    "configuration": ("string", ""),  # the effective values, JSON: what the digest is of
    "registry_sha256": ("uint8[32]", 0),
    "first_row": ("int64", 0),
    "rows": ("int64", 0),
    "earliest": ("int64", NO_TIME),
    "latest": ("int64", NO_TIME),
    "published": ("int8", 1),  # 0: failed, and left to the next run
}

SUMMARIES: dict[str, Column] = {
    "run": ("int32", NO_CODE),
    "camera_index": ("int32", NO_CODE),
    "status": ("int8", 0),
    "listed": ("int32", 0),
    "accepted": ("int32", 0),
    "refused": ("int32", 0),
    "inferred": ("int32", 0),
    "matched": ("int32", 0),
    "detail": ("string", ""),
}

PROGRESS: dict[str, Column] = {
    "camera": ("string", ""),
    "frames_arrival": ("int64", 0),
    "slots_arrival": ("int64", 0),
    "drift_until": ("int64", NO_TIME),  # last frame followed; an older one is late
}

MODELS: dict[str, Column] = {"name": ("string", ""), "digest": ("uint8[32]", 0)}

POSE: tuple[str, ...] = tuple(quantity.name for quantity in DRIFT_QUANTITIES[:4])
"""Pan, tilt, roll and zoom relative to the camera's reference."""
COVARIANCE: tuple[str, ...] = tuple(f"covariance_{a}_{b}" for a, b in combinations_with_replacement(POSE, 2))
"""The upper triangle of a pose's covariance, row by row."""

KEYFRAMES: dict[str, Column] = {
    "camera_index": ("int32", NO_CODE),
    "run": ("int32", NO_CODE),
    "frame_sha256": ("uint8[32]", 0),
    "time": ("int64", NO_TIME),
    "width": ("int32", 0),
    "height": ("int32", 0),
    "is_reference": ("int8", 0),
    "in_use": ("int8", 1),  # the newest row of a keyframe counts: 0 where another took its place
    "luminance": ("float64", float("nan")),
    "drift_model": ("int16", NO_CODE),
    **dict.fromkeys((*POSE, *COVARIANCE), ("float64", float("nan"))),
}

DRIFT_EVENT_SIZES: tuple[str, ...] = (*POSE, "drift_px")
"""Sizes of an event; each has a standard error, ``<name>_sigma``."""

DRIFT_EVENTS: dict[str, Column] = {
    "camera_index": ("int32", NO_CODE),
    "run": ("int32", NO_CODE),
    "frame_sha256": ("uint8[32]", 0),  # the frame that confirmed it
    "drift_model": ("int16", NO_CODE),
    "kind": ("string", ""),
    "time": ("int64", NO_TIME),
    "not_before": ("int64", NO_TIME),
    "confirmed_at": ("int64", NO_TIME),
    **dict.fromkeys(DRIFT_EVENT_SIZES, ("float64", float("nan"))),
    **{f"{name}_sigma": ("float64", float("nan")) for name in DRIFT_EVENT_SIZES},
    "images": ("int32", 0),
    "light_regimes": ("int32", 0),
}

WATER_STATES: dict[str, Column] = {
    "camera_index": ("int32", NO_CODE),
    "run": ("int32", NO_CODE),
    "last": ("int64", NO_TIME),  # what the flood alert remembers; the newest row of a camera counts
    "asking_since": ("int64", NO_TIME),
    "begin": ("int64", NO_TIME),
    "confirmed_at": ("int64", NO_TIME),
    "peak": ("float64", float("nan")),
    "peak_at": ("int64", NO_TIME),
    "images": ("int32", 0),
}

WATER_EVENTS: dict[str, Column] = {
    "camera_index": ("int32", NO_CODE),
    "run": ("int32", NO_CODE),
    "water_model": ("int16", NO_CODE),
    "water_site": ("uint64", 0),
    "begin": ("int64", NO_TIME),  # with the camera the key: the newest row of a flood counts
    "confirmed_at": ("int64", NO_TIME),
    "end": ("int64", NO_TIME),
    "ended_at": ("int64", NO_TIME),
    "peak_at": ("int64", NO_TIME),
    "peak": ("float64", float("nan")),
    "peak_m": ("float64", float("nan")),
    "flood_level": ("float64", float("nan")),
    "flood_level_m": ("float64", float("nan")),
    "images": ("int32", 0),
}


def latest(observations: pd.DataFrame) -> pd.DataFrame:
    """The newest row of each frame time of each camera, ordered by camera and time.

    Args:
        observations: Columns ``camera_index``, ``time``, ``run`` and any others.
    """
    ordered = observations.sort_values(["camera_index", "time", "run"], kind="stable")
    return ordered.drop_duplicates(["camera_index", "time"], keep="last").reset_index(drop=True)


def as_published(observations: pd.DataFrame, run: int) -> pd.DataFrame:
    """The rows that stood when ``run`` was published: what came later is left out.

    Args:
        observations: As in `latest`.
        run: Index of the publishing run.
    """
    return latest(observations[observations["run"].to_numpy() <= run])


def empty_columns(table: dict[str, Column], rows: int) -> dict[str, np.ndarray]:
    """Columns of ``rows`` fill values, by the table's names and dtypes."""
    filled: dict[str, np.ndarray] = {}
    for name, (dtype, fill) in table.items():
        if dtype == "string":
            filled[name] = np.full(rows, fill, dtype=object)
        elif dtype == "uint8[32]":
            filled[name] = np.zeros((rows, 32), dtype=np.uint8)
        else:
            filled[name] = np.full(rows, fill, dtype=dtype)
    return filled
