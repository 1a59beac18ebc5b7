"""The table of refused files in a satellite archive."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import zarr

from models.contracts.flags import Refusal
from models.contracts.stored import Column
from tasks.stores.record_tables import append_rows, digests, ensure_table, read_rows
from tasks.stores.satellite_held import NO_TIME, HeldSlots
from tasks.stores.satellite_rows import JUDGED_AGAIN, SlotRefusal
from tasks.stores.satellite_settings import BY_SETTINGS

_TABLE = "refusals"
_COLUMNS: dict[str, Column] = {
    "source": ("string", ""),
    "source_version": ("uint64", 0),
    "sha256": ("uint8[32]", 0),
    "reason": ("uint8", 0),
    "detail": ("string", ""),
    "product": ("string", ""),
    "slot_time": ("int64", NO_TIME),
    "as_of": ("int64", 0),
    "settings": ("uint64", 0),
}


def known_pairs(rows: pd.DataFrame, settings: int, held: HeldSlots | None) -> set[tuple[str, int]]:
    """(source, source_version) that need not be read again.

    Args:
        rows: From `read_refusals`.
        settings: `settings_digest` of the run.
        held: What the archive has; of a file with slots that were yet to come, all must be there.
    """
    passing = rows["reason"].isin([int(reason) for reason in JUDGED_AGAIN])
    theirs = rows["reason"].isin([int(reason) for reason in BY_SETTINGS]) & (rows["settings"] != settings)
    pairs = _pairs(rows[~passing & ~theirs])
    if held is None:
        return pairs
    future = rows[rows["reason"] == int(Refusal.TIME_IN_FUTURE)]
    return pairs | (held.pairs - _pairs(future[~held.settle(future, in_part=True)]))


def _pairs(rows: pd.DataFrame) -> set[tuple[str, int]]:
    return {
        (str(source), int(version))
        for source, version in zip(rows["source"], rows["source_version"], strict=True)
    }


def read_refusals(root: zarr.Group | None) -> pd.DataFrame:
    """All recorded rows, in order of arrival; none where there is no archive."""
    if root is not None and _TABLE in root:
        return read_rows(root[_TABLE], _COLUMNS, lacking=_COLUMNS)  # type: ignore[arg-type]
    return pd.DataFrame({name: np.empty(0, dtype=object) for name in _COLUMNS})


def refusals_view(rows: pd.DataFrame, settings: int, held: HeldSlots | None) -> pd.DataFrame:
    """Standing refusals as readers see them, by source.

    Args:
        rows: From `read_refusals`.
        settings: `settings_digest` of the last run; what was refused under others is left out.
        held: What the archive has. What was to be judged again, and was accepted or refused for good since, is left
            out too.
    """
    passing = rows["reason"].isin([int(reason) for reason in JUDGED_AGAIN])
    settled = rows["source"].isin(set(rows["source"][~passing]))
    if held is not None:
        settled[passing] |= held.settle(rows[passing], in_part=False)
    theirs = rows["reason"].isin([int(reason) for reason in BY_SETTINGS]) & (rows["settings"] != settings)
    view = rows[~(passing & settled) & ~theirs].drop(columns="settings")
    view = view.drop_duplicates(["source", "sha256", "reason", "product", "slot_time"], keep="last")
    view = view.sort_values(["source", "sha256"], ignore_index=True)
    view["reason"] = [Refusal(int(code)).name.lower() for code in view["reason"]]
    for name in ("slot_time", "as_of"):
        view[name] = view[name].to_numpy(np.int64).astype("datetime64[ms]").astype("datetime64[ns]")
    return view


def record_refusals(
    root: zarr.Group, refusals: Sequence[SlotRefusal], as_of: np.datetime64, settings: int
) -> tuple[SlotRefusal, ...]:
    """Append what is not recorded yet, and say what that is: once per version of a source and content.

    Once more when it is for good, and once more when it is so under other settings.
    """
    if not refusals:
        return ()
    table = ensure_table(root, _TABLE, _COLUMNS, "refusal", 1024)
    recorded = read_rows(table, ("source", "source_version", "sha256", "reason", "settings", "product"))
    seen = {_key(*row) for row in recorded.itertuples(index=False)}
    fresh: list[SlotRefusal] = []
    for refusal in refusals:
        file = refusal.file
        key = _key(file.name, file.version, refusal.sha256.hex(), refusal.reason, settings, refusal.product)
        if key not in seen:
            seen.add(key)
            fresh.append(refusal)
    if not fresh:
        return ()
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
            "settings": np.full(len(fresh), settings, dtype=np.uint64),
        },
    )
    return tuple(fresh)


def _key(
    source: str, version: int, sha256: str, reason: int, settings: int, product: str
) -> tuple[str, int, str, bool, int, str]:
    of_settings = settings if reason in BY_SETTINGS else 0
    return source, int(version), sha256, reason in JUDGED_AGAIN, int(of_settings), product


def _milliseconds(time: np.datetime64 | None) -> int:
    return (np.datetime64("NaT") if time is None else time).astype("datetime64[ms]").astype(np.int64).item()
