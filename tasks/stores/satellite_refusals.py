"""The table of refused files in a satellite archive."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import zarr

from models.contracts.flags import Refusal
from models.contracts.record import Column
from tasks.stores.record_tables import append_rows, digests, ensure_table, read_rows
from tasks.stores.satellite_rows import JUDGED_AGAIN, SlotRefusal

_TABLE = "refusals"
_NO_TIME = int(np.iinfo(np.int64).min)  # NaT
_COLUMNS: dict[str, Column] = {
    "source": ("string", ""),
    "source_version": ("uint64", 0),
    "sha256": ("uint8[32]", 0),
    "reason": ("uint8", 0),
    "detail": ("string", ""),
    "product": ("string", ""),
    "slot_time": ("int64", _NO_TIME),
    "as_of": ("int64", 0),
}


def read_refusals(root: zarr.Group | None) -> pd.DataFrame:
    """All recorded rows, in order of arrival; none where there is no archive."""
    if root is not None and _TABLE in root:
        return read_rows(root[_TABLE], _COLUMNS)  # type: ignore[arg-type]
    return pd.DataFrame({name: np.empty(0, dtype=object) for name in _COLUMNS})


def refusals_view(rows: pd.DataFrame, held: set[str]) -> pd.DataFrame:
    """Standing refusals as readers see them, by source.

    Args:
        rows: From `read_refusals`.
        held: Sources of the products in the archive. What was to be judged again, and was accepted or refused for good
            since, is left out.
    """
    passing = rows["reason"].isin([int(reason) for reason in JUDGED_AGAIN])
    settled = rows["source"].isin(held | set(rows["source"][~passing]))
    view = rows[~(passing & settled)].sort_values(["source", "sha256"], ignore_index=True)
    view["reason"] = [Refusal(int(code)).name.lower() for code in view["reason"]]
    for name in ("slot_time", "as_of"):
        view[name] = view[name].to_numpy(np.int64).astype("datetime64[ms]").astype("datetime64[ns]")
    return view


def record_refusals(root: zarr.Group, refusals: Sequence[SlotRefusal], as_of: np.datetime64) -> None:
    """Append what is not recorded yet: once per source and SHA-256, and once more when it is for good."""
    if not refusals:
        return
    table = ensure_table(root, _TABLE, _COLUMNS, "refusal", 1024)
    recorded = read_rows(table, ("source", "sha256", "reason"))
    passing = recorded["reason"].isin([int(reason) for reason in JUDGED_AGAIN])
    seen = set(zip(recorded["source"], recorded["sha256"], passing, strict=True))
    fresh: list[SlotRefusal] = []
    for refusal in refusals:
        key = refusal.file.name, refusal.sha256.hex(), refusal.reason in JUDGED_AGAIN
        if key not in seen:
            seen.add(key)
            fresh.append(refusal)
    if not fresh:
        return
    append_rows(
        table,
        _COLUMNS,
        {
            "source": np.array([r.file.name for r in fresh], dtype=object),
            "source_version": np.array([r.file.version for r in fresh], dtype=np.uint64),
            "sha256": digests(r.sha256.hex() for r in fresh),
            "reason": np.array([int(r.reason) for r in fresh], dtype=np.uint8),
            "detail": np.array([r.detail for r in fresh], dtype=object),
            "product": np.array([r.product for r in fresh], dtype=object),
            "slot_time": np.array([_milliseconds(r.time) for r in fresh], dtype=np.int64),
            "as_of": np.full(len(fresh), _milliseconds(as_of), dtype=np.int64),
        },
    )


def _milliseconds(time: np.datetime64 | None) -> int:
    return (np.datetime64("NaT") if time is None else time).astype("datetime64[ms]").astype(np.int64).item()
