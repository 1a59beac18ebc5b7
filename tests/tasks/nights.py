"""A night without orchestration: the steps of the flow, one after another."""

from datetime import UTC, date, datetime

import numpy as np

from tasks.camera_days import find_touched
from tasks.inference import BatchInference, reach_of
from tasks.ingest import ingest_camera
from tasks.night_plan import plan_night
from tasks.night_record import build_night
from tasks.night_summary import camera_rows
from tasks.publishing import positions_of, publish_run
from tasks.satellite_ingest import ingest_satellite
from tasks.stores.results import ResultsRecord

NIGHT = date(2025, 3, 29)


def plan_of(folder, **changes):
    """The plan of the tiny network's night."""
    return plan_night(NIGHT, folder / "vigie.toml", started=datetime.now(UTC), **changes)


def ingest(plan):
    """Cameras and satellite into the archives."""
    taken = [ingest_camera(camera, plan.archive_root, plan.instant) for camera in plan.registry.cameras]
    for grid in plan.settings.satellite:
        ingest_satellite(plan.settings.grid(grid), plan.archive_root, plan.as_of)
    return taken


def touched_of(plan):
    cameras = [camera.id for camera in plan.registry.cameras]
    progress = ResultsRecord(plan.results_uri).progress()
    return find_touched(plan.archive_root, cameras, progress, plan.settings.aligned_grid, reach_of(plan))


def infer(plan):
    """What is new, inferred in one batch."""
    touched = touched_of(plan)
    return touched, BatchInference(plan).run(touched.camera_days, plan.staging / "batch.npz")


def night(plan, taken=()):
    """Infer what is new and record it; returns the rows of the summary."""
    touched, staged = infer(plan)
    cameras = [camera.id for camera in plan.registry.cameras]
    rows = camera_rows(cameras, taken, touched, staged.outcomes)
    ResultsRecord(plan.results_uri).record(build_night(plan, [staged], rows, touched))
    return rows.set_index("camera")


def publish(plan):
    """Publish the last run."""
    record = ResultsRecord(plan.results_uri)
    path = plan.published_root / "series.zarr"
    publish_run(
        record, path, plan.settings.publish.step_minutes, len(record.runs()) - 1, positions_of(plan.registry)
    )
    return path


def observations(plan):
    """All rows of the record, with camera ids, in order of arrival."""
    record = ResultsRecord(plan.results_uri)
    names = np.array(record.cameras(), dtype=object)
    table = record.observations()
    return table.assign(camera=names[table["camera_index"].to_numpy()])
