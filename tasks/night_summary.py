"""How a night went: a row per camera, and a verdict by the configuration's thresholds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from models.contracts.flags import Refusal
from models.contracts.record import CameraNight
from tasks.camera_days import Touched
from tasks.inference import CameraDayOutcome
from tasks.ingest import IngestSummary
from tasks.settings import NightSettings

WAITING = Refusal.TIME_IN_FUTURE.name.lower()
"""Not refused for good: later than the run, and judged again by the next."""

Verdict = Literal["ok", "degraded", "failed"]


@dataclass(frozen=True)
class NightSummary:
    """What a night did.

    Attributes:
        night: ISO date.
        verdict: ``ok``, ``degraded`` or ``failed``.
        cameras: Cameras in the registry.
        without_output: Ids of cameras that have no value for this night.
        frames: Frames inferred.
        matched: Frames with a satellite slot.
        refused: Images and files refused in this run, by reason.
        registry_rows_refused: Rows of ``cameras.csv`` that describe no camera.
        satellite: Per grid, what came in, or why nothing did.
        run: Index of the run in the record.
        steps_published: Grid times added to the series.
        series: Where it is.
        report: Where the table and the picture of the night are.
    """

    night: str
    verdict: Verdict
    cameras: int
    without_output: tuple[str, ...]
    frames: int
    matched: int
    refused: Mapping[str, int] = field(default_factory=dict)
    registry_rows_refused: int = 0
    satellite: Mapping[str, str] = field(default_factory=dict)
    run: int = -1
    steps_published: int = 0
    series: str = ""
    report: str = ""


class NightFailed(Exception):
    """More cameras are without output than the configuration allows.

    Attributes:
        summary: Of the night, which is recorded and not published.
    """

    def __init__(self, summary: NightSummary) -> None:
        self.summary = summary
        super().__init__(
            f"{len(summary.without_output)} of {summary.cameras} cameras without output: see {summary.report}"
        )


def camera_rows(
    cameras: Sequence[str],
    ingests: Iterable[IngestSummary],
    touched: Touched,
    outcomes: Iterable[CameraDayOutcome],
) -> pd.DataFrame:
    """One row per camera: what came in, what was inferred, and how it ended.

    Returns:
        Columns ``camera``, ``status`` (`CameraNight`), ``listed``, ``accepted``, ``refused``, ``inferred``,
        ``matched``, ``detail``; what is only later than the run does not count as refused.
    """
    taken = {summary.camera: summary for summary in ingests}
    by_camera: dict[str, list[CameraDayOutcome]] = {camera: [] for camera in cameras}
    for outcome in outcomes:
        by_camera[outcome.camera].append(outcome)
    return pd.DataFrame(
        [_camera_row(camera, taken.get(camera), touched, by_camera[camera]) for camera in cameras],
        columns=["camera", "status", "listed", "accepted", "refused", "inferred", "matched", "detail"],
    )


def _camera_row(
    camera: str, ingest: IngestSummary | None, touched: Touched, outcomes: list[CameraDayOutcome]
) -> tuple[object, ...]:
    errors = [outcome.error for outcome in outcomes if outcome.error]
    if camera in touched.faults:
        errors.append(touched.faults[camera])
    inferred, matched = sum(o.inferred for o in outcomes), sum(o.matched for o in outcomes)
    late = sum(outcome.late for outcome in outcomes)
    unavailable = ingest.error if ingest is not None and ingest.error else ""
    if errors:
        status, detail = CameraNight.FAILED, "; ".join(errors)
    elif late:  # before the source's fault: what waits must not be taken for done
        wait = f"{late} of {len(outcomes)} days wait for the next run"
        status, detail = CameraNight.LATE, f"{wait}; {unavailable}" if unavailable else wait
    elif unavailable:
        status, detail = CameraNight.NOT_INGESTED, unavailable
    elif camera not in touched.arrivals:
        status, detail = CameraNight.NO_FRAMES, "no frame was ever accepted"
    else:
        status, detail = (CameraNight.OK if inferred else CameraNight.NOTHING_NEW), ""
    refused = sum(n for reason, n in ingest.refused.items() if reason != WAITING) if ingest else 0
    listed, accepted = (ingest.listed, ingest.accepted) if ingest else (0, 0)
    return camera, int(status), listed, accepted, refused, inferred, matched, detail


def progress_rows(rows: pd.DataFrame, touched: Touched) -> pd.DataFrame:
    """Progress of the cameras whose work is all done; the others keep theirs, so that the next run takes it up."""
    undone = {int(CameraNight.FAILED), int(CameraNight.LATE)}
    done = [
        c
        for c, s in zip(rows["camera"], rows["status"], strict=True)
        if s not in undone and c in touched.arrivals
    ]
    return pd.DataFrame(
        {
            "camera": np.array(done, dtype=object),
            "frames_arrival": np.array([touched.arrivals[c][0] for c in done], dtype=np.int64),
            "slots_arrival": np.array([touched.arrivals[c][1] for c in done], dtype=np.int64),
        }
    )


def judge(cameras: int, without_output: int, satellite_faults: int, settings: NightSettings) -> Verdict:
    """The verdict: by the share of cameras without output; a satellite grid without its source degrades too."""
    share = without_output / cameras if cameras else 1.0
    if share > settings.failed_share or not cameras:
        return "failed"
    return "degraded" if share > settings.degraded_share or satellite_faults else "ok"


def worst_first(rows: pd.DataFrame, without_output: Iterable[str]) -> pd.DataFrame:
    """The rows for a person: worst first, statuses in words."""
    missing = set(without_output)
    names = {int(status): status.name.lower() for status in CameraNight}
    table = rows.assign(output=[c not in missing for c in rows["camera"]])
    order = {
        int(CameraNight.FAILED): 0,
        int(CameraNight.NOT_INGESTED): 1,
        int(CameraNight.LATE): 2,
        int(CameraNight.NO_FRAMES): 3,
        int(CameraNight.NOTHING_NEW): 4,
        int(CameraNight.OK): 5,
    }
    table = table.assign(_rank=table["status"].map(order), status=table["status"].map(names))
    table = table.sort_values(["_rank", "output", "refused", "camera"], ascending=[True, True, False, True])
    columns = ["camera", "status", "output", "detail", "listed", "accepted", "refused", "inferred", "matched"]
    return table[columns].reset_index(drop=True)
