"""Made-up nights for the tests of the record and of the published series."""

from dataclasses import replace

import numpy as np
import pandas as pd

from models.contracts.flags import AlignmentReason, ValueFlag
from models.contracts.record import CameraNight
from models.contracts.series import QUANTITIES
from tasks.stores.results import NightRecord

CONFIGURATION = "ab" * 32
MODEL = "cd" * 32
DRIFT_MODEL = "ef" * 32


def night(date, cameras=("a", "b"), times=None, value=0.5, arrival=1):
    """One night with a frame per camera and given time (hourly where none is given)."""
    if times is None:
        times = [np.datetime64(f"{date}T{h:02d}:01") for h in range(24)]
    rows = pd.DataFrame([(c, t) for c in cameras for t in times], columns=["camera", "time"])
    rows["time"] = rows["time"].astype("datetime64[ns]")
    rows["frame_sha256"] = [f"{i:064x}" for i in range(1, len(rows) + 1)]
    rows["cloud_model"] = MODEL
    rows["slot_time"] = rows["time"].dt.floor("15min")
    rows["slot_offset_s"] = np.float32(30.0)
    rows["slot_reason"] = np.int8(AlignmentReason.MATCHED)
    for quantity in QUANTITIES:
        rows[quantity.name] = np.float32(value)
        rows[quantity.uncertainty] = np.float32(0.1)
        rows[quantity.flag] = np.int8(ValueFlag.GOOD)
    rows["genus_probability_cu"] = np.float32(0.6)
    rows["wmo_2700_n"], rows["okta_set_high"] = np.int8(6), np.float32(7)
    summaries = pd.DataFrame({"camera": list(cameras), "status": int(CameraNight.OK), "detail": ""})
    progress = pd.DataFrame({"camera": list(cameras), "frames_arrival": arrival, "slots_arrival": arrival})
    as_of = np.datetime64(f"{date}T00:00") + np.timedelta64(30, "h")
    return NightRecord(date, as_of, "0.1.0", CONFIGURATION, "{}", CONFIGURATION, rows, summaries, progress)


def with_drift(one, keyframes=(), event=None):
    """The night with its line of sight followed: keyframes of these cameras, hour by hour, and a step of one."""
    day = np.datetime64(one.night, "ns")
    hours = [day + np.timedelta64(i, "h") for i in range(len(keyframes))]
    rows = pd.DataFrame({"camera": list(keyframes), "time": np.array(hours, "datetime64[ns]")})
    rows["frame_sha256"] = [f"{i:064x}" for i in range(1, len(rows) + 1)]
    rows = rows.assign(drift_model=DRIFT_MODEL, width=640, height=480, is_reference=0, in_use=1, pan_px=0.5)
    events = pd.DataFrame()
    if event is not None:
        at = {"time": day + np.timedelta64(1, "h"), "confirmed_at": day + np.timedelta64(3, "h")}
        row = {"camera": event, "kind": "step", "not_before": np.datetime64("NaT", "ns"), "images": 3, **at}
        events = pd.DataFrame([row | {"frame_sha256": "00" * 32, "drift_model": DRIFT_MODEL, "pan_px": 2.0}])
    return replace(
        one,
        observations=one.observations.assign(drift_model=DRIFT_MODEL),
        keyframes=rows,
        drift_events=events,
    )
