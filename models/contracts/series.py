"""What a published series is: one grid ``(camera, time)``, a variable per quantity, its uncertainty and its flag.

CF-1.11, ``featureType = timeSeries``, orthogonal form (CF section H.2.1). Times on disk are integers with an
explicit unit, digests are bytes, codes have tables: nothing depends on a writer's defaults.
"""

import numpy as np
import pandas as pd

from models.contracts.flags import AlignmentReason, ValueFlag, cf_flags
from models.contracts.quantities import (
    DRIFT_QUANTITIES,
    MODEL_CODES,
    QUANTITIES,
    SKY_QUANTITIES,
    WATER_QUANTITIES,
    Quantity,
)
from models.contracts.sky_variables import GENUS_COLUMNS, GENUS_PROBABILITY, SKY_VARIABLES
from models.contracts.stored import NO_CODE, NO_TIME, GridVariable

__all__ = [
    "DRIFT_QUANTITIES",
    "MODEL_CODES",
    "NO_CODE",
    "NO_TIME",
    "PROVENANCE",
    "QUANTITIES",
    "SKY_QUANTITIES",
    "WATER_QUANTITIES",
    "Quantity",
    "grids_of",
    "nearest_rows",
    "steps_of_day",
]

CONVENTIONS = "CF-1.11"
SERIES_SCHEMA_VERSION = 4
STEP_TIME_UNITS = "seconds since 1970-01-01T00:00:00Z"
EXACT_TIME_UNITS = "milliseconds since 1970-01-01T00:00:00Z"

PROVENANCE: tuple[GridVariable, ...] = (
    GridVariable(
        "observation_time",
        "int64",
        NO_TIME,
        {
            "units": EXACT_TIME_UNITS,
            "calendar": "proleptic_gregorian",
            "long_name": "exact time of the frame",
        },
    ),
    GridVariable(
        "frame",
        "uint64",
        0,
        {"long_name": "first eight bytes of the SHA-256 of the source image, big-endian; 0: no frame"},
    ),
    GridVariable(
        "slot_time",
        "int64",
        NO_TIME,
        {
            "units": EXACT_TIME_UNITS,
            "calendar": "proleptic_gregorian",
            "long_name": "nominal time of the slot",
        },
    ),
    GridVariable(
        "slot_offset_s",
        "float32",
        float("nan"),
        {"units": "s", "long_name": "scan of the camera's line minus time of the frame"},
    ),
    GridVariable(
        "slot_reason",
        "int8",
        int(AlignmentReason.NO_FRAME),
        {"long_name": "why there is, or is no, slot", **cf_flags(AlignmentReason)},
    ),
    GridVariable(
        "run",
        "int32",
        NO_CODE,
        {"long_name": "row of the run_* tables: code version, configuration; -1: none"},
    ),
    GridVariable("cloud_model", "int16", NO_CODE, {"long_name": "row of model_digest; -1: none"}),
    GridVariable("drift_model", "int16", NO_CODE, {"long_name": "row of model_digest; -1: none"}),
    GridVariable(
        "drift_reference",
        "uint64",
        0,
        {"long_name": "frame that pan, tilt, roll and zoom are relative to, as in frame; 0: none"},
    ),
    GridVariable("water_model", "int16", NO_CODE, {"long_name": "row of model_digest; -1: none"}),
    GridVariable(
        "water_site",
        "uint64",
        0,
        {"long_name": "first eight bytes of the SHA-256 of the site that levels are relative to; 0: none"},
    ),
    GridVariable(
        "water_gauge",
        "uint64",
        0,
        {"long_name": "first eight bytes of the SHA-256 of the readings that metres came from; 0: none"},
    ),
    GridVariable(
        "sky_model",
        "int16",
        NO_CODE,
        {
            "long_name": "row of model_digest, which is of weights, configuration and calibration together; -1: none"
        },
    ),
    GridVariable(
        "sky_slots",
        "uint64",
        0,
        {
            "long_name": "first eight bytes of the SHA-256 of the satellite patches that the sky model was given; "
            "0: none",
            "comment": "a frame is answered again where slots of the aligned grid came late; of other grids it has the "
            "channels that had come by then",
        },
    ),
)


def steps_of_day(day: np.datetime64, step_minutes: int) -> np.ndarray:
    """Grid times of one UTC day, datetime64[ns], shape ``(1440 / step_minutes,)``."""
    start: np.datetime64 = day.astype("datetime64[D]").astype("datetime64[ns]")
    steps = np.arange(1440 // step_minutes) * np.timedelta64(step_minutes * 60_000_000_000, "ns")
    return np.asarray(start + steps)


def nearest_rows(observations: pd.DataFrame, times: np.ndarray, step_minutes: int) -> pd.DataFrame:
    """For each camera and grid time, the observation nearest to it within half a step.

    The interval of a grid time t is [t - step/2, t + step/2); of two equally near frames the earlier is
    taken, so the answer does not depend on the order of the rows.

    Args:
        observations: Columns ``camera_index``, ``time`` (datetime64[ns]) and any others; one row per frame.
        times: Grid times, datetime64[ns], ascending and regular.
        step_minutes: Step of the grid.

    Returns:
        The chosen rows with a new column ``step`` (index into ``times``), in order of camera and step.
    """
    half = np.timedelta64(step_minutes * 30, "s").astype("timedelta64[ns]")
    if len(times) == 0 or observations.empty:
        return observations.iloc[:0].assign(step=np.array([], dtype=np.int64))
    taken = observations["time"].to_numpy().astype("datetime64[ns]")
    step = np.floor((taken - (times[0] - half)) / (2 * half)).astype(np.int64)
    rows = observations.assign(step=step)[(step >= 0) & (step < len(times))]
    gap = np.abs(rows["time"].to_numpy().astype("datetime64[ns]") - times[rows["step"].to_numpy()])
    rows = rows.assign(_gap=gap).sort_values(["camera_index", "step", "_gap", "time"], kind="stable")
    chosen: pd.DataFrame = rows.drop_duplicates(["camera_index", "step"]).drop(columns="_gap")
    return chosen.reset_index(drop=True)


def grids_of(chosen: pd.DataFrame, cameras: int, steps: int) -> dict[str, np.ndarray]:
    """The published grids of observations already assigned to steps.

    Args:
        chosen: Result of `nearest_rows`, with the record's columns (``time`` datetime64[ns], ``frame_sha256``
            hexadecimal, ``slot_time`` milliseconds since 1970).
        cameras: Length of the camera dimension.
        steps: Length of the time dimension.

    Returns:
        Per variable name an array ``(camera, time)``, that of the genera ``(camera, genus, time)``; fill values where
        there is no frame.
    """
    place = (chosen["camera_index"].to_numpy(np.int64), chosen["step"].to_numpy(np.int64))
    derived = {
        "observation_time": chosen["time"].to_numpy().astype("datetime64[ms]").astype(np.int64),
        "frame": np.array([int(digest[:16], 16) for digest in chosen["frame_sha256"]], dtype=np.uint64),
    }
    grids: dict[str, np.ndarray] = {}
    for item in (*PROVENANCE, *SKY_VARIABLES):
        values = derived.get(item.name)
        grids[item.name] = _placed(
            chosen[item.name].to_numpy() if values is None else values,
            place,
            (cameras, steps),
            item.dtype,
            item.fill_value,
        )
    for quantity in QUANTITIES:
        for name in (quantity.name, quantity.uncertainty):
            grids[name] = _placed(chosen[name].to_numpy(), place, (cameras, steps), "float32", float("nan"))
        flags = chosen[quantity.flag].to_numpy()
        grids[quantity.flag] = _placed(flags, place, (cameras, steps), "int8", int(ValueFlag.NOT_OBSERVED))
    genera = chosen[list(GENUS_COLUMNS)].to_numpy(np.float32)
    by_time = _placed(genera, place, (cameras, steps, len(GENUS_COLUMNS)), "float32", float("nan"))
    grids[GENUS_PROBABILITY] = by_time.swapaxes(1, 2)
    return grids


def _placed(
    values: np.ndarray, place: tuple[np.ndarray, np.ndarray], shape: tuple[int, ...], dtype: str, fill: float
) -> np.ndarray:
    grid = np.full(shape, fill, dtype=dtype)
    grid[place] = values
    return grid
