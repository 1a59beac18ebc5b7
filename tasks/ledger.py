"""The ledger: what came in, what was refused and why, read from the archives and the record."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from models.contracts.flags import FrameFlag, SlotStatus
from models.contracts.record import CameraNight
from tasks.errors import StoreError
from tasks.stores.camera_archive import CameraArchive
from tasks.stores.repository import StoreNotFound
from tasks.stores.results import ResultsRecord
from tasks.stores.satellite_archive import SatelliteArchive


@dataclass(frozen=True)
class CameraLedger:
    """One camera's ledger.

    Attributes:
        camera: Id.
        frames: Accepted.
        first: Time of the first frame, ISO to the minute; "undated" for an ordered group; or an empty string.
        last: Time of the last.
        refused: Standing refusals by reason.
        last_night: How the camera fared in the last run that saw it.
        refusals: Each standing refusal.
        shadowed: Frames that are kept and not shown, as another has their time: columns ``source``, ``time`` and
            ``shown``, the source of the other.
    """

    camera: str
    frames: int = 0
    first: str = ""
    last: str = ""
    refused: Mapping[str, int] = field(default_factory=dict)
    last_night: str = ""
    refusals: pd.DataFrame = field(default_factory=pd.DataFrame)
    shadowed: pd.DataFrame = field(default_factory=pd.DataFrame)


def camera_ledger(archive_root: str, camera: str, night: str = "") -> CameraLedger:
    """Ledger of one camera; an archive that is absent or unreadable says so.

    Args:
        archive_root: Folder or URI of the archives.
        camera: Id.
        night: Of `last_nights`.
    """
    try:
        archive = CameraArchive(archive_root, camera)
        rows, refusals = archive.rows(), archive.refusals()
    except StoreNotFound:
        return CameraLedger(camera, last_night=night or "no archive yet")
    except StoreError as error:
        return CameraLedger(camera, last_night=str(error))
    undated = (rows["quality_flag"].to_numpy() & FrameFlag.TIME_IS_ORDER) != 0
    times = rows["time"].dt.strftime("%Y-%m-%d %H:%M").where(~undated, "undated")
    return CameraLedger(
        camera,
        len(rows),
        times.iloc[0] if len(rows) else "",
        times.iloc[-1] if len(rows) else "",
        dict(Counter(refusals["reason"])),
        night,
        refusals,
        _shadowed(rows),
    )


def _shadowed(rows: pd.DataFrame) -> pd.DataFrame:
    shown = rows.loc[~rows["shadowed"], ["time", "source"]].rename(columns={"source": "shown"})
    return rows.loc[rows["shadowed"], ["source", "time"]].merge(shown, on="time", how="left")


def grid_ledger(archive_root: str, grid: str) -> list[str]:
    """Lines about one satellite grid: slots by status and product, standing refusals."""
    archive = SatelliteArchive(archive_root, grid)
    try:
        refusals = archive.refusals()
    except StoreError as error:
        return [f"satellite {grid}: {error}"]
    refused = [f"  refused {row.source}: {row.reason}, {row.detail}" for row in refusals.itertuples()]
    try:
        status = archive.status()
    except StoreNotFound:
        return [f"satellite {grid}: no slot yet", *refused]
    span = f"{status.index[0]} to {status.index[-1]}" if len(status) else "empty"
    lines = [f"satellite {grid}: {len(status)} slots due, {span}"]
    for product in status:
        counts = Counter(SlotStatus(int(code)).name.lower() for code in status[product])
        lines.append(
            f"  {product}: " + ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
        )
    return lines + refused


def last_nights(record: ResultsRecord) -> dict[str, str]:
    """How each camera fared in the last run that saw it, in words."""
    if not record.exists:
        return {}
    nights = record.runs()["night"]
    last = record.summaries().drop_duplicates("camera", keep="last")
    return {
        row.camera: f"{nights[row.run]}: {CameraNight(row.status).name.lower()} {row.detail}".rstrip()
        for row in last.itertuples()
    }
