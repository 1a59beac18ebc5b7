"""The tables of a camera archive as its readers see them."""

import numpy as np
import pandas as pd

from models.contracts.flags import Refusal
from tasks.stores.camera_index import Table, Tables
from tasks.stores.camera_rows import TRANSIENT

FRAME_VIEW = ("time", "sha256", "source", "group", "row", "arrival", "quality_flag", "shadowed")


def _hex(digests: np.ndarray) -> list[str]:
    text = np.ascontiguousarray(digests).tobytes().hex()
    return [text[start : start + 64] for start in range(0, len(text), 64)]


def _files_view(table: Table) -> dict[str, object]:
    return {
        "source": np.asarray(table["source"], dtype=object),
        "source_version": table["source_version"],
        "sha256": _hex(table["sha256"]),
    }


def _times(milliseconds: np.ndarray) -> np.ndarray:
    return milliseconds.astype("datetime64[ms]").astype("datetime64[ns]")


def _group_view(group: str, table: Table) -> pd.DataFrame:
    return pd.DataFrame(
        {
            **_files_view(table),
            "time": _times(table["time"]),
            "group": group,
            "row": np.arange(len(table["time"])),
            "arrival": table["arrival"],
            "quality_flag": table["quality_flag"],
        }
    )


def frames_view(tables: Tables) -> pd.DataFrame:
    """All frames, sorted by (time, sha256), whatever order they came in.

    Where files of several names brought the same picture for the same time, ``source`` is the first name in
    alphabetical order. ``shadowed`` rows share their time with a row of smaller sha256, which is the one to use.
    """
    views = [_group_view(group, table) for group, table in tables.frames.items()]
    if not views:
        return pd.DataFrame({name: pd.Series(dtype=object) for name in FRAME_VIEW}).astype(
            {
                "time": "datetime64[ns]",
                "row": "int64",
                "arrival": "int64",
                "quality_flag": "uint16",
                "shadowed": bool,
            }
        )
    frames = pd.concat(views, ignore_index=True).sort_values(["time", "sha256"], ignore_index=True)
    frames["shadowed"] = frames["time"].duplicated()
    if tables.duplicates is not None:
        _name_by_first(frames, tables.duplicates)
    return frames[list(FRAME_VIEW)]


def _name_by_first(frames: pd.DataFrame, duplicates: Table) -> None:
    again = pd.DataFrame({**_files_view(duplicates), "time": _times(duplicates["time"])})
    first = again.groupby(["time", "sha256"])["source"].min()
    names = first.reindex(pd.MultiIndex.from_frame(frames[["time", "sha256"]])).to_numpy(dtype=object)
    known = frames["source"].to_numpy(dtype=object)
    frames["source"] = [
        min(name, other) if isinstance(other, str) else name for name, other in zip(known, names, strict=True)
    ]


def refusals_view(tables: Tables) -> pd.DataFrame:
    """Standing refusals, one per (source, sha256), sorted by source.

    A file that was accepted since has none; a refusal that may pass gives way to one for good.
    """
    names = ["as_of", "source", "source_version", "sha256", "reason", "detail"]
    if tables.refusals is None:
        return pd.DataFrame({name: pd.Series(dtype=object) for name in names})
    table = tables.refusals
    view = pd.DataFrame(
        {
            **_files_view(table),
            "as_of": _times(table["as_of"]),
            "reason": [Refusal(code).name.lower() for code in table["reason"].tolist()],
            "detail": np.asarray(table["detail"], dtype=object),
            "passing": [Refusal(code) in TRANSIENT for code in table["reason"].tolist()],
        }
    )
    files = [_files_view(t) for t in (*tables.frames.values(), tables.duplicates) if t is not None]
    accepted = {pair for f in files for pair in zip(f["source"], f["sha256"], strict=True)}
    accepted_versions = {pair for f in files for pair in zip(f["source"], f["source_version"], strict=True)}
    final = view[~view["passing"]]
    accepted_versions |= set(zip(final["source"], final["source_version"], strict=True))
    keep = [
        (source, sha256) not in accepted and not (passing and (source, version) in accepted_versions)
        for source, sha256, version, passing in zip(
            view["source"], view["sha256"], view["source_version"], view["passing"], strict=True
        )
    ]
    view = view[keep].sort_values(["source", "sha256", "passing"], kind="stable")
    return view.drop_duplicates(["source", "sha256"])[names].reset_index(drop=True)
