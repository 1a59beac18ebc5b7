"""From staged batches to the record: one commit for the whole night."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from models.contracts.flags import AlignmentReason, ValueFlag
from models.contracts.record import OBSERVATIONS
from models.contracts.series import MODEL_CODES
from tasks.camera_days import Touched
from tasks.inference import StagedBatch
from tasks.night_plan import NightPlan
from tasks.night_summary import progress_rows
from tasks.provenance import code_version
from tasks.staging import read_table
from tasks.stores.results import NIGHT_TABLES, NightRecord, ResultsRecord

_ORDER_TIMES = (np.datetime64("1970-01-01", "ns"), np.datetime64("1971-01-01", "ns"))
"""An undated group's times are its ranks in seconds."""


def build_night(
    plan: NightPlan, staged: Sequence[StagedBatch], rows: pd.DataFrame, touched: Touched
) -> NightRecord:
    """What the night commits.

    Args:
        plan: The night.
        staged: Batches of values.
        rows: One per camera, of `tasks.night_summary.camera_rows`.
        touched: What the night had to do.
    """
    observations = _joined(batch.path for batch in staged)
    return NightRecord(
        night=plan.night.isoformat(),
        as_of=plan.instant,
        code_version=code_version(),
        configuration_digest=plan.settings.digest,
        configuration=plan.settings.canonical,
        registry_sha256=plan.registry_sha256,
        observations=_no_observations() if observations.empty else observations,
        summaries=rows,
        progress=progress_rows(rows, touched),
        **{name: _joined(batch.tables.get(name) for batch in staged) for name in NIGHT_TABLES},
    )


def _joined(paths: Iterable[Path | None]) -> pd.DataFrame:
    """Staged tables as one; empty where there is none."""
    tables = [read_table(path) for path in paths if path is not None]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def cameras_with_output(record: ResultsRecord, plan: NightPlan, observations: pd.DataFrame) -> set[str]:
    """Cameras with a frame that could be read on the night's day, from this run or an earlier one.

    An undated group has no night to be missing from: it counts as long as it has frames.

    Args:
        record: The earlier runs.
        plan: The night.
        observations: What this run is about to record.
    """
    day = np.datetime64(plan.night.isoformat(), "ns")
    on_day = (observations["time"] >= day) & (observations["time"] < day + np.timedelta64(1, "D"))
    cameras = set(_readable(observations[on_day | _undated(observations)])["camera"])
    if record.exists:
        names = record.cameras()
        earlier = _readable(record.observations(day, day + np.timedelta64(1, "D")))
        groups = record.observations(_ORDER_TIMES[0], _ORDER_TIMES[1])
        groups = _readable(groups[_undated(groups)])
        cameras |= {names[index] for rows in (earlier, groups) for index in rows["camera_index"].unique()}
    return cameras


def _undated(rows: pd.DataFrame) -> pd.Series:
    return rows["slot_reason"] == int(AlignmentReason.NO_TIME)


def _readable(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["image_luminance_quality_flag"] != int(ValueFlag.FAILED)]


def _no_observations() -> pd.DataFrame:
    columns = {name: [] for name in OBSERVATIONS if name not in ("camera_index", "run")}
    table = pd.DataFrame({"camera": np.array([], dtype=object), **columns})
    return table.assign(
        time=np.array([], dtype="datetime64[ns]"),
        slot_time=np.array([], dtype="datetime64[ns]"),
        frame_sha256=np.array([], dtype=object),
        **{name: np.array([], dtype=object) for name in MODEL_CODES},
    )
