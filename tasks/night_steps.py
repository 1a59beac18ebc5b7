"""The Prefect tasks of a night. References in, a reference out: arrays stay in the stores.

Nothing here retries: HTTP sources retry where they read, and everything else that fails would fail again.
"""

import dataclasses
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from traceback import format_exception
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from tasks.camera_days import CameraDay, Touched, batches, find_touched
from tasks.errors import ConfigurationError, StoreError
from tasks.eumetsat_credentials import Credentials, censored
from tasks.inference import BatchInference, StagedBatch, reach_of
from tasks.ingest import IngestSummary, ingest_camera
from tasks.night_plan import NightPlan, check_stores, plan_night
from tasks.night_record import build_night, cameras_with_output
from tasks.night_report import write_report
from tasks.night_summary import NightSummary, camera_rows, judge, worst_first
from tasks.prefect_credentials import credentials_of_block
from tasks.publishing import Published, positions_of, publish_run
from tasks.registry import Camera
from tasks.satellite_counts import counted
from tasks.satellite_ingest import SatelliteSummary, ingest_satellite
from tasks.stores.locks import writer_lock
from tasks.stores.results import ResultsRecord

_STEP: dict[str, Any] = {"cache_policy": NO_CACHE, "persist_result": False, "retries": 0}


@task(name="prepare", **_STEP)
def prepare_night(
    night: date,
    config: Path,
    *layers: dict[str, Any],
    as_of: datetime | None,
    started: datetime | None,
    rescan: bool,
) -> NightPlan:
    """Read configuration and registry; a fault in either stops the night here, with file, line and mend."""
    plan = plan_night(night, config, *layers, as_of=as_of, started=started, rescan=rescan)
    check_stores(plan)
    log = get_run_logger()
    if len(plan.settings.satellite) > 1 and plan.settings.aligned_grid is None:
        log.warning("no satellite cover: say which grid to align with in alignment.grid")
    for row in plan.registry.refused_rows:
        log.warning("cameras.csv line %d (%s) left out: %s", row.line, row.camera or "no id", row.reason)
    log.info("night %s: %d cameras, as of %s", plan.night, len(plan.registry.cameras), plan.as_of)
    return plan


@contextmanager
def one_night_at_a_time(plan: NightPlan) -> Iterator[None]:
    """Hold the night's turn: two nights at once would infer the same frames, and clear away each other's values.

    Raises:
        WriterBusy: Another night is still running.
    """
    with writer_lock(plan.published_root / "night", "results"):
        shutil.rmtree(plan.staging, ignore_errors=True)  # what a killed night staged is inferred again
        yield


@task(name="ingest camera", task_run_name="ingest/{camera.id}", tags=["ingest"], **_STEP)
def ingest_one_camera(camera: Camera, plan: NightPlan) -> IngestSummary:
    """Take in what a camera's source has that its archive has not."""
    settings, log = plan.settings.cameras, get_run_logger()
    try:
        summary = ingest_camera(
            camera,
            plan.archive_root,
            plan.instant,
            rescan=plan.rescan,
            max_pixels=settings.max_pixels,
            batch=settings.batch_frames,
        )
    except Exception as error:
        log.exception("camera %s", camera.id)
        return IngestSummary(camera.id, error=f"{type(error).__name__}: {error}")
    if summary.error:
        log.warning("camera %s: %s", camera.id, summary.error)
    else:
        log.info("camera %s: %d new, refused %s", camera.id, summary.accepted, summary.refused or "none")
    return summary


@task(name="ingest satellite", task_run_name="ingest/{grid}", tags=["ingest"], **_STEP)
def ingest_one_grid(grid: str, plan: NightPlan) -> SatelliteSummary:
    """Take in what a satellite source has that its archive has not."""
    log, settings = get_run_logger(), plan.settings.grid(grid)
    credentials: Credentials | None = None
    try:
        credentials = credentials_of_block(settings)
        summary = ingest_satellite(
            settings, plan.archive_root, plan.as_of, processes=2, credentials=credentials
        )
    except ConfigurationError:
        raise
    except StoreError as error:
        summary = SatelliteSummary(grid, error=censored(str(error), credentials))
    except Exception as error:  # noqa: BLE001 - logged whole, but for credentials
        log.error("satellite %s\n%s", grid, censored("".join(format_exception(error)), credentials))
        summary = SatelliteSummary(grid, error=censored(f"{type(error).__name__}: {error}", credentials))
    log.info(
        "satellite %s: %d product slots, refused %s%s",
        grid,
        summary.slots_written,
        summary.refused or "none",
        f", {summary.error}" if summary.error else f"; {counted(summary, settings)}",
    )
    return summary


@task(name="find touched camera-days", **_STEP)
def find_touched_days(
    plan: NightPlan, ingests: Sequence[IngestSummary], satellite: Sequence[SatelliteSummary]
) -> Touched:
    """Compare archives and record: what a killed run left undone is found as well."""
    touched = find_touched(
        plan.archive_root,
        [camera.id for camera in plan.registry.cameras],
        ResultsRecord(plan.results_uri).progress(),
        plan.settings.aligned_grid,
        reach_of(plan),
    )
    get_run_logger().info(
        "%d camera-days touched after %d ingests", len(touched.camera_days), len(ingests) + len(satellite)
    )
    return touched


@task(name="cut batches", **_STEP)
def cut_batches(plan: NightPlan, touched: Touched) -> list[tuple[CameraDay, ...]]:
    """Batches of camera-days that go across cameras."""
    return batches(touched.camera_days, plan.settings.night.batch_camera_days)


@task(name="infer", tags=["infer"], **_STEP)
def infer_batch(camera_days: tuple[CameraDay, ...], plan: NightPlan) -> StagedBatch:
    """Align, infer and stage a batch."""
    first = camera_days[0]
    path = plan.staging / f"{first.camera}-{first.day}-{len(camera_days)}.npz"
    staged = BatchInference(plan).run(camera_days, path)
    log = get_run_logger()
    for outcome in staged.outcomes:
        if outcome.error:
            log.error("camera %s: %s", outcome.camera, outcome.error)
    log.info("%d frames in %d camera-days", sum(o.inferred for o in staged.outcomes), len(camera_days))
    return staged


@task(name="record", **_STEP)
def record_night(
    plan: NightPlan,
    ingests: Sequence[IngestSummary],
    satellite: Sequence[SatelliteSummary],
    touched: Touched,
    staged: Sequence[StagedBatch],
) -> NightSummary:
    """Commit the night: values, a row per camera, and progress, together."""
    outcomes = [outcome for batch in staged for outcome in batch.outcomes]
    cameras = [camera.id for camera in plan.registry.cameras]
    rows = camera_rows(cameras, ingests, touched, outcomes)
    record = ResultsRecord(plan.results_uri)
    values = build_night(plan, staged, rows, touched)
    output = cameras_with_output(record, plan, values.observations)
    without = tuple(camera for camera in cameras if camera not in output)
    faults = sum(summary.error is not None for summary in satellite)
    verdict = judge(len(cameras), len(without), faults, plan.settings.night)
    run = record.record(dataclasses.replace(values, published=verdict != "failed"))
    shutil.rmtree(plan.staging, ignore_errors=True)
    summary = NightSummary(
        night=plan.night.isoformat(),
        verdict=verdict,
        cameras=len(cameras),
        without_output=without,
        frames=int(rows["inferred"].sum()),
        matched=int(rows["matched"].sum()),
        refused=_refusals(ingests, satellite),
        registry_rows_refused=len(plan.registry.refused_rows),
        satellite={s.grid: s.error or f"{s.slots_written} product slots" for s in satellite},
        run=run,
    )
    get_run_logger().info("recorded run %d: %d frames, %s", run, summary.frames, summary.verdict)
    return summary


@task(name="publish", **_STEP)
def publish_night(plan: NightPlan, summary: NightSummary) -> Published:
    """Project the record onto ``series.zarr``; a night that is published already stays as it is.

    A failed night is not published: its gaps would stand for ever. The next run publishes it with its own.
    """
    if summary.verdict == "failed":
        get_run_logger().error("night %s failed and is not published: mend it and run it again", plan.night)
        return Published(str(plan.published_root / "series.zarr"), 0, "")
    published = publish_run(
        ResultsRecord(plan.results_uri),
        plan.published_root / "series.zarr",
        plan.settings.publish.step_minutes,
        summary.run,
        positions_of(plan.registry),
    )
    get_run_logger().info("%s: %d new steps, up to %s", published.path, published.steps, published.last)
    return published


@task(name="report", **_STEP)
def report_night(plan: NightPlan, summary: NightSummary, published: Published) -> NightSummary:
    """The worst-first table and the night's pictures: as artifacts, and as files beside the series."""
    rows = ResultsRecord(plan.results_uri).summaries(summary.run)
    table = worst_first(rows, summary.without_output)
    return write_report(plan, summary, published, table)


def _refusals(ingests: Sequence[IngestSummary], satellite: Sequence[SatelliteSummary]) -> dict[str, int]:
    total: dict[str, int] = {}
    for refused in [s.refused for s in ingests] + [s.refused for s in satellite]:
        for reason, count in refused.items():
            total[reason] = total.get(reason, 0) + count
    return total
