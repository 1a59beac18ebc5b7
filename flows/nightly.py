"""The night: cameras and satellite in, aligned, inferred, recorded, published."""

import os
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from prefect import State, flow
from prefect.runtime import flow_run
from prefect.states import Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner

from tasks import night_steps as step
from tasks.following import follow
from tasks.night_summary import NightFailed, NightSummary


@flow(
    name="nightly",
    flow_run_name="nightly/{night}",
    task_runner=ThreadPoolTaskRunner(max_workers=max(2, os.cpu_count() or 2)),
    validate_parameters=True,
    persist_result=False,
)
def nightly(
    night: date | None = None,
    config: Path = Path("vigie.toml"),
    overrides: dict[str, Any] | None = None,
    command_line: dict[str, Any] | None = None,
    as_of: datetime | None = None,
    rescan: bool = False,
) -> State:
    """Publishes the series up to the end of ``night`` (UTC; the day before the scheduled start where absent).

    One camera's failure is a row of the summary. The run is *Degraded* or *Failed* by the thresholds of the
    configuration; a failed night is recorded and not published. Running it again redoes only what is new.
    """
    started = flow_run.get_scheduled_start_time()
    plan = step.prepare_night(
        night or (started - timedelta(days=1)).date(),
        config, overrides or {}, command_line or {}, as_of=as_of, started=started, rescan=rescan,
    )  # fmt: skip
    with step.one_night_at_a_time(plan):
        satellite_runs = step.ingest_one_grid.map(list(plan.settings.satellite), plan=plan)
        ingests = follow("cameras", step.ingest_one_camera.map(plan.registry.cameras, plan=plan))
        satellite = follow("satellite", satellite_runs)
        touched = step.find_touched_days(plan, ingests, satellite)
        staged = follow("inference", step.infer_batch.map(step.cut_batches(plan, touched), plan=plan))
        recorded = step.record_night(plan, ingests, satellite, touched, staged)
        published = step.publish_night(plan, recorded)
        summary = step.report_night(plan, recorded, published)
    if summary.verdict == "failed":
        failure = NightFailed(summary)
        return Failed(message=str(failure), data=failure)
    name = "Completed" if summary.verdict == "ok" else "Degraded"
    return Completed(name=name, message=f"{summary.frames} frames, run {summary.run}", data=summary)


def summary_of(state: State) -> NightSummary:
    """The summary of a night that ran to its end, failed ones included.

    Raises:
        Exception: What ended the night before its end, a ConfigurationError for instance.
    """
    result = state.result(raise_on_failure=False)
    if isinstance(result, NightSummary):
        return result
    if isinstance(result, NightFailed):
        return result.summary
    raise result
